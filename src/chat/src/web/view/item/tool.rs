//! A tool call as a card: folded when it is done, open while it runs and when it failed.

use std::time::Duration;

use conversation::{Item, ToolCall, ToolKind, ToolStatus};

use super::super::html::{escape, push};
use super::super::icon::icon;
use super::super::{ansi, diff, harmless, words};
use crate::change::Count;

/// So much of the end of an output is shown.
const SHOWN_OUTPUT: usize = 48 * 1024;
/// Changes of at most so many lines stay open after the call.
const SHORT_DIFF: usize = 24;

/// Shorter calls took no time; of a command that is said, too.
const WORTH_A_WORD: Duration = Duration::from_millis(100);

/// The card. `item` gives the moment it counts from if the call does not say.
pub(super) fn html(call: &ToolCall, item: &Item) -> String {
    let (class, word) = match call.status {
        ToolStatus::Pending => ("pending", "waiting"),
        ToolStatus::Running => ("running", "running"),
        ToolStatus::Completed => ("completed", "done"),
        ToolStatus::Failed => ("failed", "failed"),
        ToolStatus::Stopped => ("stopped", "stopped"),
        ToolStatus::Cut => ("cut", "cut off"),
    };
    let title = harmless::line(&call.title, 200);
    let input = harmless::named(&call.input);
    let diffs: Vec<_> = call.diffs.iter().map(diff::part).collect();
    let changed = diffs.iter().map(|diff| diff.count).reduce(|one, two| one + two);
    let small = changed.is_some_and(|lines| lines.added + lines.removed <= SHORT_DIFF);
    let open = match call.status {
        ToolStatus::Running | ToolStatus::Failed | ToolStatus::Stopped => true,
        ToolStatus::Pending | ToolStatus::Cut => false,
        ToolStatus::Completed => small,
    };
    let title = headline(call, &title, &input);
    let mut body = String::new();
    // What the headline says already is not said again.
    let more = input.trim().contains('\n') || !title.contains(input.trim());
    if more && !input.trim().is_empty() {
        push!(
            body,
            "<pre class=\"input\" tabindex=\"0\" role=\"group\" aria-label=\"Input\">{}</pre>",
            escape(&input)
        );
    }
    for one in &diffs {
        body.push_str(&one.html);
    }
    // A change that worked is its own report.
    if call.diffs.is_empty() || call.status != ToolStatus::Completed {
        body.push_str(&output(call));
    }
    let facts = facts(call, item, word, changed);
    if body.is_empty() {
        return format!(
            "<div class=\"tool bare {class}\"><div class=\"summary\">{}<span class=\"title\">{}</span>{facts}</div></div>",
            icon(kind(call.kind).0),
            escape(&title)
        );
    }
    format!(
        "<details class=\"tool {class}\" data-fold=\"\"{}><summary>{}<span class=\"title\">{}</span>{facts}</summary>\
         <div class=\"inside\">{body}</div></details>",
        if open { " open" } else { "" },
        icon(kind(call.kind).0),
        escape(&title)
    )
}

/// A command is its own best title; anything else has one, or is named by its kind.
fn headline(call: &ToolCall, title: &str, input: &str) -> String {
    let first = harmless::line(input.trim().lines().next().unwrap_or_default(), 200);
    if call.kind == ToolKind::Execute && !first.is_empty() {
        return first;
    }
    if title.is_empty() {
        kind(call.kind).1.to_owned()
    } else {
        title.to_owned()
    }
}

fn kind(kind: ToolKind) -> (&'static str, &'static str) {
    match kind {
        ToolKind::Read => ("read", "Read"),
        ToolKind::Edit => ("edit", "Edit"),
        ToolKind::Delete => ("delete", "Delete"),
        ToolKind::Move => ("move", "Move"),
        ToolKind::Search => ("search", "Search"),
        ToolKind::Execute => ("execute", "Run"),
        ToolKind::Think => ("think", "Think"),
        ToolKind::Fetch => ("fetch", "Fetch"),
        ToolKind::Other => ("other", "Tool"),
    }
}

/// What stands at the right of the title: lines changed, exit code, time, state.
fn facts(call: &ToolCall, item: &Item, word: &str, changed: Option<Count>) -> String {
    let mut facts = vec![];
    if let Some(lines) = changed {
        facts.push(format!(
            "<span class=\"plus\">+{}</span> <span class=\"minus\">−{}</span>",
            lines.added, lines.removed
        ));
    }
    match call.exit {
        None => {}
        Some(0) => facts.push("exit 0".to_owned()),
        Some(code) => facts.push(format!("<span class=\"code\">exit {code}</span>")),
    }
    let started = call.started.unwrap_or(item.at);
    match (call.status, call.ended) {
        (ToolStatus::Running, _) => {
            // It ticks, and is not read aloud each time; nor is the output that grows.
            let since = started.millis();
            facts.push(format!("<span data-since=\"{since}\" aria-live=\"off\"></span>"));
        }
        (_, Some(ended)) if call.started.is_some() => match ended.since(started) {
            span if span >= WORTH_A_WORD => facts.push(words::span(span)),
            _ if call.kind == ToolKind::Execute => facts.push("&lt; 0.1 s".to_owned()),
            _ => {}
        },
        _ => {}
    }
    // That all went well needs no word for the eye.
    let (seen, heard) = match call.status {
        ToolStatus::Completed => (String::new(), format!("<span class=\"hear\"> {word}</span>")),
        _ => (format!("<span>{word}</span>"), String::new()),
    };
    facts.extend(Some(seen).filter(|seen| !seen.is_empty()));
    format!("<span class=\"facts\">{}{heard}</span>", facts.join("<i> · </i>"))
}

fn output(call: &ToolCall) -> String {
    let text = call.output.trim_end();
    if text.is_empty() {
        return String::new();
    }
    let from = text.ceil_char_boundary(text.len().saturating_sub(SHOWN_OUTPUT));
    let from = if from == 0 {
        0
    } else {
        text[from..].find('\n').map_or(from, |at| from + at + 1)
    };
    let cut = if call.cut || from > 0 {
        "<p class=\"quiet\">The beginning of this output is left out.</p>"
    } else {
        ""
    };
    format!(
        "{cut}<pre class=\"output\" tabindex=\"0\" data-stick=\"\" role=\"group\" aria-label=\"Output\" aria-live=\"off\">{}</pre>",
        ansi::html(&text[from..])
    )
}
