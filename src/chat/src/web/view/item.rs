//! One entry of a timeline.

use conversation::{
    Attachment, Body, Diff, Item, LoginEnd, NoteKind, PlanEntry, PlanStatus, ThreadId, ToolCall, TurnId,
};
use credentials::UserId;

use super::harmless;
use super::html::{escape, push, push_escaped};
use super::icon::icon;
use super::pages::code;
use super::stream::TextStream;
use super::{Viewer, file_path, words};
use crate::notes::Note;
use crate::web::media;

mod permission;
mod tool;

/// A person's words are folded behind the first so many characters.
const LONG_MESSAGE: usize = 6000;

/// Of the words of an entry so many bytes are drawn; the rest is had on demand.
const HEAD: usize = 64 * 1024;

/// The entry as one element with the id `i<id>`, by its head if it is long. What waits for an answer is drawn as a whole.
pub(crate) fn item(item: &Item, viewer: &Viewer) -> String {
    up_to(HEAD, item, viewer)
}

/// The same, and all of it.
pub(crate) fn whole(item: &Item, viewer: &Viewer) -> String {
    up_to(usize::MAX, item, viewer)
}

/// Bytes that [`item()`] draws of an answer or a thought.
pub(crate) fn head(text: &str) -> usize {
    text.floor_char_boundary(HEAD)
}

fn up_to(most: usize, item: &Item, viewer: &Viewer) -> String {
    let (class, inner) = match &item.body {
        Body::Said {
            by,
            name,
            text,
            files,
        } => (
            "said",
            said(item, &shown_name(by, name, viewer), text, files, most),
        ),
        Body::Answer { text } => ("answer", answer(text, &item.thread, most)),
        Body::Thought { text } => ("thought", thought(text, &item.thread, most)),
        Body::Tool(call) => ("toolcall", tool::html(call, item)),
        Body::Plan { entries } => ("planned", plan(entries)),
        Body::Permission { .. } => ("asks", permission::html(item, viewer, most)),
        Body::Login {
            service,
            title,
            reason,
            ended,
        } => ("login", login(service, title, reason, *ended, viewer)),
        Body::File(file) => ("offer", file_offer(&item.thread, file)),
        Body::Note { kind, text, retry } => ("note", note(*kind, text, *retry, viewer)),
        Body::Usage { used, size } => ("usage", usage(*used, *size)),
    };
    let turn = item
        .stands_with()
        .map(|turn| format!(" data-turn=\"{turn}\""))
        .unwrap_or_default();
    format!(
        "<article class=\"item {class}\" id=\"i{}\"{turn}>{inner}</article>",
        item.id
    )
}

/// Bytes in it that are compared before they are shown.
pub(crate) fn weight(item: &Item) -> usize {
    let (Body::Tool(ToolCall { diffs, .. }) | Body::Permission { diffs, .. }) = &item.body else {
        return 0;
    };
    let bytes = |diff: &Diff| diff.new.len() + diff.old.as_ref().map_or(0, String::len);
    diffs.iter().map(bytes).sum()
}

/// The name that somebody shows; who shows none is `You` to themselves.
fn shown_name(by: &UserId, name: &str, viewer: &Viewer) -> String {
    match harmless::line(name, 60) {
        name if !name.is_empty() => name,
        _ if *by == viewer.user => "You".to_owned(),
        _ => "Somebody".to_owned(),
    }
}

/// What is drawn of a text, and the button that gets the rest.
fn cut(text: &str, most: usize) -> (&str, String) {
    let (shown, left) = text.split_at(text.floor_char_boundary(most));
    let button = if left.is_empty() {
        String::new()
    } else {
        rest(text.len())
    };
    (shown, button)
}

/// The button that gets all of an entry.
fn rest(bytes: usize) -> String {
    let size = words::bytes(bytes as u64);
    format!(
        "<p class=\"rest\"><button type=\"button\" data-act=\"whole\">Show all of it ({size})</button></p>"
    )
}

fn said(item: &Item, name: &str, text: &str, files: &[Attachment], most: usize) -> String {
    let mut out = format!(
        "<header><h2>{}</h2> {}</header>",
        escape(name),
        words::time(item.at)
    );
    let text = harmless::dropped(text.trim_end());
    if !text.is_empty() {
        let cut = text.char_indices().nth(LONG_MESSAGE).map(|(at, _)| at);
        let (first, rest) = text.split_at(cut.unwrap_or(text.len()));
        out.push_str("<div class=\"words\">");
        push_escaped(&mut out, first);
        out.push_str("</div>");
        if !rest.is_empty() {
            let size = words::bytes(rest.len() as u64);
            let (rest, button) = self::cut(rest, most);
            push!(
                out,
                "<details class=\"more\"><summary>Show the rest ({size})</summary><div class=\"words\">"
            );
            push_escaped(&mut out, rest);
            push!(out, "</div>{button}</details>");
        }
    }
    out.push_str(&attachments(&item.thread, files));
    out
}

/// Files that came with a message: images as thumbnails, others as chips.
fn attachments(thread: &ThreadId, files: &[Attachment]) -> String {
    if files.is_empty() {
        return String::new();
    }
    let mut out = String::from("<ul class=\"files\" aria-label=\"Attachments\">");
    for file in files {
        let (path, name) = (
            file_path(thread, &file.path),
            escape(&harmless::line(&file.name, 80)),
        );
        let size = words::bytes(file.size);
        if media::is_drawn(&file.mime, file.size) {
            push!(
                out,
                "<li><a class=\"thumb\" href=\"{path}\" target=\"_blank\" rel=\"noopener\" title=\"{name}, {size}\">\
                 <img src=\"{path}\" alt=\"{name}\" loading=\"lazy\"></a></li>"
            );
        } else {
            push!(
                out,
                "<li><a class=\"chip\" href=\"{path}\" target=\"_blank\" rel=\"noopener\">{}<span>{name}</span> \
                 <small>{size}</small></a></li>",
                icon("file")
            );
        }
    }
    out + "</ul>"
}

/// Markdown that may still grow; the script appends to it by what `data-stable` says.
fn growing(text: &str, thread: &ThreadId, most: usize) -> String {
    let (text, button) = cut(text, most);
    let patch = TextStream::new(thread).update(text);
    format!(
        "<div class=\"md\" data-stable=\"{}\">{}<div class=\"tail\">{}</div></div>{button}",
        patch.to, patch.append, patch.tail
    )
}

/// Whose words they are needs no word for the eye.
fn answer(text: &str, thread: &ThreadId, most: usize) -> String {
    format!("<h2 class=\"hear\">Answer</h2>{}", growing(text, thread, most))
}

fn thought(text: &str, thread: &ThreadId, most: usize) -> String {
    format!(
        "<details class=\"fold\" data-fold=\"\"><summary>{}<span>Thought</span></summary>{}</details>",
        icon("think"),
        growing(text, thread, most)
    )
}

fn plan(entries: &[PlanEntry]) -> String {
    let done = entries
        .iter()
        .filter(|entry| entry.status == PlanStatus::Completed)
        .count();
    let mut out = format!(
        "<section class=\"plan\" aria-label=\"Plan\"><header>{}<b>Plan</b> <small>{done} of {} done</small></header><ol>",
        icon("plan"),
        entries.len()
    );
    for entry in entries {
        let (class, word) = match entry.status {
            PlanStatus::Pending => ("todo", "to do"),
            PlanStatus::Running => ("doing", "being done"),
            PlanStatus::Completed => ("done", "done"),
        };
        let text = escape(&harmless::line(&entry.text, 500));
        push!(
            out,
            "<li class=\"{class}\"><span class=\"hear\">{word}: </span>{text}</li>"
        );
    }
    out + "</ol></section>"
}

fn login(service: &str, title: &str, reason: &str, ended: Option<LoginEnd>, viewer: &Viewer) -> String {
    let (service, title) = (escape(service), escape(&harmless::line(title, 80)));
    if let Some(end) = ended {
        let (mark, words) = match end {
            LoginEnd::Done => ("done", format!("Signed in to {title}")),
            LoginEnd::TimedOut => ("close", format!("Nobody signed in to {title} in time")),
            LoginEnd::Gone => (
                "close",
                format!("The sign-in to {title} is not waited for any more"),
            ),
        };
        return format!("<p class=\"audit\">{}<span>{words}</span></p>", icon(mark));
    }
    let reason = escape(&harmless::dropped(reason));
    let action = if viewer.owner {
        format!(
            "<div class=\"row\"><button class=\"primary\" data-act=\"sign-in\" data-service=\"{service}\" \
             data-scope=\"mine\" aria-label=\"Sign in to {title}\">Sign in</button></div><div class=\"step\" data-step=\"\" aria-live=\"polite\"></div>"
        )
    } else {
        "<p class=\"quiet\">Only the person whose thread this is can sign in for it.</p>".to_owned()
    };
    format!(
        "<section class=\"card wait\" aria-label=\"Sign-in needed\"><header>{}<b>Sign-in needed: {title}</b></header>\
         <p>{reason}</p>{action}</section>",
        icon("key")
    )
}

fn file_offer(thread: &ThreadId, file: &Attachment) -> String {
    let (path, name) = (
        file_path(thread, &file.path),
        escape(&harmless::line(&file.name, 120)),
    );
    let preview = if media::is_drawn(&file.mime, file.size) {
        format!(
            "<a class=\"preview\" href=\"{path}\" target=\"_blank\" rel=\"noopener\"><img src=\"{path}\" \
             alt=\"{name}\" loading=\"lazy\"></a>"
        )
    } else {
        String::new()
    };
    format!(
        "<section class=\"card file\" aria-label=\"File {name}\">{preview}<div class=\"row\">{}<span class=\"grow\"><b>{name}</b> \
         <small>{}</small></span><a class=\"button\" href=\"{path}\" download=\"{name}\">{}Download<span class=\"hear\"> {name}</span></a></div></section>",
        icon("file"),
        words::bytes(file.size),
        icon("download")
    )
}

fn note(kind: NoteKind, text: &str, retry: Option<TurnId>, viewer: &Viewer) -> String {
    let (class, name, hear) = match kind {
        NoteKind::Info => ("info", "info", "Note"),
        NoteKind::Warning => ("warning", "warning", "Warning"),
        NoteKind::Error => ("error", "error", "Error"),
    };
    let button = match retry {
        Some(turn) if viewer.owner => {
            format!("<button data-act=\"retry\" data-turn=\"{turn}\">Retry</button>")
        }
        _ => String::new(),
    };
    let text = harmless::dropped(text);
    let Note { words, quoted } = Note::read(&text);
    let quoted = quoted.map(|(title, quoted)| {
        format!(
            "<details data-fold=\"\"><summary>{}</summary><pre tabindex=\"0\">{}</pre></details>",
            escape(title),
            escape(quoted)
        )
    });
    let quoted = quoted.unwrap_or_default();
    format!(
        "<div class=\"says {class}\">{}<div class=\"grow\"><p><span class=\"hear\">{hear}: </span>{}</p>{quoted}</div>{button}</div>",
        icon(name),
        code(&escape(&words))
    )
}

/// Drawn nowhere; the script shows the newest one above the field.
fn usage(used: u64, size: u64) -> String {
    let of = match used.saturating_mul(100).checked_div(size) {
        Some(share) => format!(" of {} ({share} %)", words::count(size)),
        None => String::new(),
    };
    format!(
        "<p data-usage=\"\">{} tokens<span class=\"wide\">{of} in the context</span></p>",
        words::count(used)
    )
}

#[cfg(test)]
mod tests;
