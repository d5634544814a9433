//! What the agent does, one compact line each: tools that follow each other share a message. What went in and came out is shown
//! on a button.

use std::time::Duration;

use conversation::{Body, Item, ItemId, ToolCall, ToolKind, ToolStatus};

use super::message::{Button, DesiredMessage, Key, OutFile, Style};
use super::{diff, words};
use crate::discord::custom_id::Action;
use crate::discord::split::{LONGEST_MESSAGE, as_code, kept_inside, units};
use crate::harmless;

/// Lines of one message. Where an entry stands follows from its number alone: what it says may still change.
const MOST_LINES: usize = 15;
/// So much of a command or a title is shown, in characters, where there is room for it.
const LONGEST_TITLE: usize = 100;
/// So much where there is hardly any: so many such lines fit, if each letter of them is escaped.
const SHORTEST_TITLE: usize = 16;
/// The footer goes below them.
const LONGEST_LINES: usize = LONGEST_MESSAGE - 100;
/// Shorter calls took no time.
const WORTH_A_WORD: Duration = Duration::from_millis(100);

/// Entries that are being collected for one message.
#[derive(Debug, Default)]
pub(super) struct Activity<'a> {
    items: Vec<&'a Item>,
    full: Vec<DesiredMessage>,
}

impl<'a> Activity<'a> {
    /// Takes an entry in, if it is something that the agent does.
    pub(super) fn take(&mut self, item: &'a Item) -> bool {
        if !is_line(item) {
            return false;
        }
        // What has no words yet has its place already.
        if self.items.len() == MOST_LINES {
            self.close();
        }
        self.items.push(item);
        true
    }

    /// The messages so far; what comes now stands in another one.
    pub(super) fn finish(&mut self) -> Vec<DesiredMessage> {
        self.close();
        std::mem::take(&mut self.full)
    }

    fn close(&mut self) {
        let items = std::mem::take(&mut self.items);
        let Some(first) = items.first() else {
            return;
        };
        let mut message = DesiredMessage::new(Key::of(first), lines(&items));
        let action = Action::Details { item: first.id };
        message
            .buttons
            .push(Button::new("Details", Style::Secondary, action));
        self.full.push(message);
    }
}

fn is_line(item: &Item) -> bool {
    matches!(item.body, Body::Tool(_))
}

/// One line each, as long as all of them leave room for.
fn lines(items: &[&Item]) -> String {
    let shown = |longest: usize| {
        let lines = items.iter().filter_map(|item| match &item.body {
            Body::Tool(call) => Some(tool(call, item, longest)),
            _ => None,
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    let lengths = [LONGEST_TITLE, 70, 45, 30];
    let fitting = lengths
        .into_iter()
        .map(shown)
        .find(|lines| units(lines) <= LONGEST_LINES);
    fitting.unwrap_or_else(|| shown(SHORTEST_TITLE))
}

fn tool(call: &ToolCall, item: &Item, longest: usize) -> String {
    let sign = match call.status {
        ToolStatus::Pending => "⏳",
        ToolStatus::Running => "▶️",
        ToolStatus::Completed => "✅",
        ToolStatus::Failed => "❌",
        ToolStatus::Stopped => "⏹️",
        ToolStatus::Cut => "✂️",
    };
    let mut line = format!("{sign} {}", title(call, longest));
    for fact in facts(call, item) {
        line.push_str(" · ");
        line.push_str(&fact);
    }
    line
}

/// A command is its own best title; anything else has one, or is named by its kind.
fn title(call: &ToolCall, longest: usize) -> String {
    let first = harmless::line(call.input.trim().lines().next().unwrap_or_default(), longest);
    if call.kind == ToolKind::Execute && !first.is_empty() {
        return as_code(&first);
    }
    let title = harmless::line(&call.title, longest);
    if !title.is_empty() {
        return words::escaped(&title);
    }
    let kind = match call.kind {
        ToolKind::Read => "Read",
        ToolKind::Edit => "Edit",
        ToolKind::Delete => "Delete",
        ToolKind::Move => "Move",
        ToolKind::Search => "Search",
        ToolKind::Execute => "Run",
        ToolKind::Think => "Think",
        ToolKind::Fetch => "Fetch",
        ToolKind::Other => "Tool",
    };
    kind.to_owned()
}

/// Lines changed, exit code, time; while it runs, since when.
fn facts(call: &ToolCall, item: &Item) -> Vec<String> {
    let mut facts = vec![];
    facts.extend(diff::count(&call.diffs));
    facts.extend(
        call.exit
            .filter(|code| *code != 0)
            .map(|code| format!("exit {code}")),
    );
    let started = call.started.unwrap_or(item.at);
    match (call.status, call.ended) {
        // The reader's Discord counts.
        (ToolStatus::Running, _) => facts.push(words::relative(started)),
        (_, Some(ended)) if call.started.is_some() && ended.since(started) >= WORTH_A_WORD => {
            facts.push(words::span(ended.since(started)));
        }
        _ => {}
    }
    match call.status {
        ToolStatus::Stopped => facts.push("stopped".to_owned()),
        ToolStatus::Cut => facts.push("cut off".to_owned()),
        _ => {}
    }
    facts
}

/// What the Details button shows, to the one who pressed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// Words; at most 2000 characters.
    pub content: String,
    /// What does not fit into them.
    pub files: Vec<OutFile>,
}

/// What went into the tools of the message that begins with the entry `first`, and what came out. `None`: it has none.
pub fn details(items: &[Item], first: ItemId) -> Option<Details> {
    let start = items.iter().position(|item| item.id == first)?;
    // The same entries as in the message: some of them are not shown there.
    let lines = items[start..]
        .iter()
        .filter(|item| {
            !matches!(
                item.body,
                Body::Said { .. } | Body::Usage { .. } | Body::Thought { .. } | Body::File(_)
            )
        })
        .take_while(|item| is_line(item))
        .take(MOST_LINES);
    let calls: Vec<&ToolCall> = lines
        .filter_map(|item| match &item.body {
            Body::Tool(call) => Some(call),
            _ => None,
        })
        .collect();
    if calls.is_empty() {
        return None;
    }
    let shown: Vec<String> = calls.iter().map(|call| in_message(call)).collect();
    let content = shown.join("\n");
    let mut files = vec![];
    let changes: Vec<_> = calls.iter().flat_map(|call| call.diffs.clone()).collect();
    if !changes.is_empty() {
        files.push(OutFile::text("changes.diff", diff::unified(&changes)));
    }
    if units(&content) <= LONGEST_MESSAGE {
        return Some(Details { content, files });
    }
    let whole: Vec<String> = calls.iter().map(|call| in_file(call)).collect();
    files.insert(0, OutFile::text("details.txt", whole.join("\n\n")));
    Some(Details {
        content: "What went in and came out is in the file.".to_owned(),
        files,
    })
}

fn in_message(call: &ToolCall) -> String {
    let mut out = title(call, LONGEST_TITLE);
    for text in [harmless::named(&call.input).into_owned(), printed(call)] {
        if !text.trim().is_empty() {
            let line = format!("\n```\n{}\n```", kept_inside(text.trim_end()));
            out.push_str(&line);
        }
    }
    out
}

fn in_file(call: &ToolCall) -> String {
    let mut out = format!("$ {}\n", harmless::named(call.input.trim_end()));
    out.push_str(&printed(call));
    if let Some(code) = call.exit {
        let line = format!("\n[exit {code}]");
        out.push_str(&line);
    }
    out
}

fn printed(call: &ToolCall) -> String {
    let cut = if call.cut {
        "[the beginning of this output is left out]\n"
    } else {
        ""
    };
    format!("{cut}{}", harmless::printed(call.output.trim_end()))
}
