//! A line of the thread list.

use credentials::Timestamp;

use super::html::escape;
use super::{Line, harmless, phase, thread_name, thread_path, words};

/// The line as one list item with the id `l-<the thread's name in pages>`.
pub(crate) fn thread_line(line: &Line, now: Timestamp) -> String {
    let thread = &line.status.summary.thread;
    let (tone, state) = phase::dot(&line.status);
    let title = harmless::line(&thread.title, 120);
    let title = if title.is_empty() { "New thread" } else { &title };
    let doing = match &line.status.doing {
        Some(doing) if tone == "working" => harmless::line(&doing.what, 60),
        _ => state.to_owned(),
    };
    let queued = match line.status.summary.queued {
        0 => String::new(),
        count => format!("<span class=\"queued\">{count} queued</span>"),
    };
    let (class, hear) = if line.unread {
        (" unread", "<span class=\"hear\">, unread</span>")
    } else {
        ("", "")
    };
    // A screen reader hears title, state and age; the second line repeats the state with more words for the eye.
    let place = line.origin.as_ref().map(|origin| origin.place.as_str());
    let parts = [place, Some(doing.as_str()).filter(|doing| !doing.is_empty())];
    let words = parts.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let second = if words.is_empty() && queued.is_empty() {
        String::new()
    } else {
        format!(
            "<span class=\"second\"><span>{}</span>{queued}</span>",
            escape(&words)
        )
    };
    format!(
        "<li class=\"line{class}\" id=\"l-{}\" data-active=\"{}\"><a href=\"{}\"><span class=\"dot {tone}\"></span>\
         <span class=\"name\">{}{hear}</span><span class=\"age\">{}</span>{second}</a></li>",
        escape(&thread_name(&thread.id)),
        thread.active.millis(),
        thread_path(&thread.id),
        escape(title),
        words::ago(thread.active, now),
    )
}
