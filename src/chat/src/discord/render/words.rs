//! Short words: notes, plans, footers, times, and what happened to a message.

use std::fmt::Write as _;
use std::time::Duration;

use conversation::{NoteKind, PlanEntry, PlanStatus, TurnId, TurnState};
use credentials::Timestamp;
use supervisor::Happened;

use super::message::{Button, DesiredMessage, Key, Style};
use crate::discord::custom_id::Action;
use crate::discord::names::shortened;
use crate::discord::split::disarmed;
pub(super) use crate::figures::span;
use crate::figures::{count, size};
use crate::harmless;
use crate::notes::{Note, pieces};

/// Steps of a plan that are shown; further ones are counted.
const MOST_STEPS: usize = 11;
/// So much of each.
const LONGEST_STEP: usize = 80;
/// So much of a note.
const LONGEST_NOTE: usize = 850;

/// What stands in small letters below a finished turn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Footer {
    /// How long it took.
    pub elapsed: Option<Duration>,
    /// The model.
    pub model: Option<String>,
    /// Tokens in the context, and its size in tokens (0 if unknown).
    pub usage: Option<(u64, u64)>,
}

impl Footer {
    /// The line; `None` if there is nothing to say.
    pub(super) fn line(&self) -> Option<String> {
        let mut facts = vec![];
        facts.extend(self.elapsed.map(span));
        facts.extend(
            self.model
                .as_deref()
                .map(|model| escaped(&harmless::line(model, 60))),
        );
        if let Some((used, size)) = self.usage {
            facts.push(format!("{} tokens", count(used)));
            let left = size.saturating_sub(used).saturating_mul(100).checked_div(size);
            facts.extend(left.map(|left| format!("{left} % of the context left")));
        }
        (!facts.is_empty()).then(|| format!("-# {}", facts.join(" · ")))
    }
}

/// What the host says by itself.
pub(super) fn note(key: Key, kind: NoteKind, text: &str, retry: Option<TurnId>) -> DesiredMessage {
    let sign = match kind {
        NoteKind::Info => "ℹ️",
        NoteKind::Warning => "⚠️",
        NoteKind::Error => "❌",
    };
    let text = harmless::printed(text);
    let note = Note::read(&text);
    let mut content = format!("{sign} {}", marked(&shortened(&note.words, LONGEST_NOTE)));
    if let Some((title, quoted)) = note.quoted {
        let quoted = disarmed(&shortened(quoted.trim(), LONGEST_NOTE)).replace("```", "'''");
        // Writing to a String can't fail.
        let _ = write!(content, "\n-# {}\n```\n{quoted}\n```", escaped(title));
    }
    let mut message = DesiredMessage::new(key, content);
    if let Some(turn) = retry {
        message
            .buttons
            .push(Button::new("Retry", Style::Primary, Action::Retry { turn }));
    }
    message
}

pub(super) fn plan(key: Key, entries: &[PlanEntry]) -> DesiredMessage {
    let is_done = |entry: &&PlanEntry| entry.status == PlanStatus::Completed;
    let done = entries.iter().filter(is_done).count();
    let mut content = format!("**Plan** · {done} of {} done", entries.len());
    for entry in entries.iter().take(MOST_STEPS) {
        let sign = match entry.status {
            PlanStatus::Pending => "☐",
            PlanStatus::Running => "▶️",
            PlanStatus::Completed => "☑",
        };
        let text = escaped(&harmless::line(&entry.text, LONGEST_STEP));
        let line = format!("\n{sign} {text}");
        content.push_str(&line);
    }
    if entries.len() > MOST_STEPS {
        let line = format!("\n-# and {} more", entries.len() - MOST_STEPS);
        content.push_str(&line);
    }
    DesiredMessage::new(key, content)
}

/// What is told in the thread about a message that came while a turn ran; `None`: nothing needs to be said.
pub fn happened(happened: Happened) -> Option<String> {
    match happened {
        // Many of them would hold up the answer: the first says it for those that follow, each of which has its 👀. What
        // steering and interrupting do the running turn says, when it is so.
        Happened::Started
        | Happened::Known
        | Happened::Queued { ahead: 2.. }
        | Happened::Steered
        | Happened::Interrupted { .. } => None,
        Happened::Queued { .. } => {
            Some("-# Queued behind the running turn. `/queue` lists what waits.".to_owned())
        }
    }
}

/// The sign on a message that was heard.
pub const HEARD: &str = "👀";
/// The sign on the message of a turn that waits for a person.
const ASKS: &str = "✋";
const DONE: &str = "✅";
const FAILED: &str = "❌";
/// The sign on the message of a turn that was done, and of which Discord does not take all that is to be said.
pub const UNSAID: &str = "⚠️";
/// The sign on a message that can't be written down yet. No other says that nothing has become of a message so far.
pub const WAITS: &str = "⏳";
/// All signs: one of them stands on a message.
pub const SIGNS: [&str; 6] = [HEARD, ASKS, DONE, FAILED, UNSAID, WAITS];

/// The sign on the message that began a turn. `asks`: the turn waits for a person.
pub fn reaction(state: TurnState, asks: bool) -> &'static str {
    match state {
        TurnState::Running if asks => ASKS,
        TurnState::Queued | TurnState::Running => HEARD,
        TurnState::Done => DONE,
        TurnState::Failed | TurnState::Stopped | TurnState::Cut => FAILED,
    }
}

/// Words that Discord shows as they are, in which nobody is mentioned.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        if matches!(letter, '\\' | '*' | '_' | '~' | '`' | '|' | '[' | '<' | '>' | '#') {
            out.push('\\');
        }
        out.push(letter);
    }
    disarmed(&out)
}

/// The same for words of our own: what they say as code is code.
fn marked(words: &str) -> String {
    let pieces = pieces(words).map(|(piece, is_code)| match (piece, is_code) {
        ("", _) => String::new(),
        (code, true) => format!("`{}`", disarmed(code)),
        (words, false) => escaped(words),
    });
    pieces.collect()
}

/// A moment that each reader's Discord shows as `in 3 minutes`.
pub(super) fn relative(at: Timestamp) -> String {
    format!("<t:{}:R>", at.millis().div_euclid(1000))
}

/// `912 B`, `4.5 MiB`: Discord's limits are powers of 1024.
pub fn bytes(count: u64) -> String {
    size(count, &[(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")])
}
