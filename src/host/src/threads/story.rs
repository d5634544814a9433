//! One thread's timeline as lines of text.

use chat::harmless;
use conversation::{Body, Decision, Item, LoginEnd, NoteKind, ToolStatus};
use credentials::words;

/// Longest line of a message or an output.
const WIDTH: usize = 160;

/// Lines of one entry that are shown.
const LINES: usize = 12;

/// The story, oldest first.
pub(super) fn lines(items: &[&Item]) -> Vec<String> {
    items.iter().copied().flat_map(entry).collect()
}

/// Whether there is anything to tell of this entry.
pub(super) fn tells(item: &Item) -> bool {
    !matches!(item.body, Body::Usage { .. })
}

fn entry(item: &Item) -> Vec<String> {
    let (who, text) = match &item.body {
        Body::Said {
            name, text, files, ..
        } => {
            let files = files.iter().map(|file| format!("[{}]", file.name));
            let text = std::iter::once(text.clone())
                .chain(files)
                .collect::<Vec<_>>()
                .join("\n");
            let name = if name.is_empty() { "somebody" } else { name };
            (format!("{} says", plain(name, 40)), text)
        }
        Body::Answer { text } => ("agent".to_owned(), text.clone()),
        Body::Thought { text } => ("agent thinks".to_owned(), text.clone()),
        Body::Tool(tool) => {
            let end = match (tool.status, tool.exit) {
                (_, Some(code)) => format!("exit code {code}"),
                (ToolStatus::Pending, _) => "waits".to_owned(),
                (ToolStatus::Running, _) => "runs".to_owned(),
                (ToolStatus::Completed, _) => "done".to_owned(),
                (ToolStatus::Failed, _) => "failed".to_owned(),
                (ToolStatus::Stopped, _) => "stopped".to_owned(),
                (ToolStatus::Cut, _) => "cut".to_owned(),
            };
            (
                format!("tool, {end}"),
                format!("{}: {}\n{}", tool.title, tool.input, tool.output),
            )
        }
        Body::Plan { entries } => {
            let entries: Vec<&str> = entries.iter().map(|entry| entry.text.as_str()).collect();
            ("plan".to_owned(), entries.join("\n"))
        }
        Body::Permission {
            title,
            detail,
            decision,
            ..
        } => (
            format!("permission, {}", decided(decision.as_ref())),
            format!("{title}\n{detail}"),
        ),
        Body::Login {
            title, reason, ended, ..
        } => {
            let done = match ended {
                None => "waits",
                Some(LoginEnd::Done) => "done",
                Some(LoginEnd::TimedOut) => "nobody came in time",
                Some(LoginEnd::Gone) => "the turn ended first",
            };
            // The reason names what it is about.
            let words = if reason.is_empty() { title } else { reason };
            (format!("login, {done}"), words.clone())
        }
        Body::File(file) => ("file".to_owned(), format!("{} ({} bytes)", file.path, file.size)),
        Body::Note { kind, text, .. } => {
            let kind = match kind {
                NoteKind::Info => "note",
                NoteKind::Warning => "warning",
                NoteKind::Error => "error",
            };
            (kind.to_owned(), text.clone())
        }
        Body::Usage { .. } => return vec![],
    };
    let mut shown = vec![format!("{} {who}", words::moment(item.at))];
    let all: Vec<&str> = text.lines().collect();
    shown.extend(
        all.iter()
            .take(LINES)
            .map(|line| format!("    {}", plain(line, WIDTH))),
    );
    if all.len() > LINES {
        shown.push(format!("    … {} more lines", all.len() - LINES));
    }
    shown
}

fn decided(decision: Option<&Decision>) -> String {
    match decision {
        None => "open".to_owned(),
        Some(Decision::Once { by }) => format!("allowed once by {}", plain(by, 40)),
        Some(Decision::Always { by, words }) if words.is_empty() => {
            format!("allowed from now on by {}", plain(by, 40))
        }
        Some(Decision::Always { by, words }) => {
            format!("allowed by {}: {}", plain(by, 40), plain(words, 80))
        }
        Some(Decision::Denied { by, .. }) => format!("denied by {}", plain(by, 40)),
        Some(Decision::TimedOut) => "nobody answered".to_owned(),
        Some(Decision::Gone) => "the turn ended first".to_owned(),
    }
}

/// Text that can't deceive at a terminal: what a terminal would obey or a reader not see is written out, and it is not too
/// long.
pub(super) fn plain(text: &str, longest: usize) -> String {
    let named = harmless::named(text);
    let letters = named
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter });
    let mut shown: String = letters.take(longest).collect();
    if named.chars().nth(longest).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_carries_nothing_that_deceives_at_a_terminal() {
        assert_eq!(plain("a\u{1b}[31mb", 20), "a⟨U+001B⟩[31mb");
        assert_eq!(plain("a\u{9b}31mb", 20), "a⟨U+009B⟩31mb");
        assert_eq!(plain("a\u{202e}gnp.sh", 20), "a⟨U+202E⟩gnp.sh");
        assert_eq!(plain("a\u{200b}\u{e0041}b", 30), "a⟨U+200B⟩⟨U+E0041⟩b");
        assert_eq!(plain("one\ntwo\tthree", 20), "one two three");
        assert_eq!(plain("abcdef", 3), "abc…");
    }
}
