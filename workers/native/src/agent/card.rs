//! Tool calls as the client shows them. Pure.

use std::path::Path;

use acp::schema::{
    ContentBlock, ContentChunk, Diff, Meta, ResourceLink, SessionUpdate, ToolCall, ToolCallContent,
    ToolCallId, ToolCallLocation, ToolCallStatus, ToolCallUpdate, ToolCallUpdateFields, ToolKind,
};
use agent_client_protocol::v1 as acp;
use contract::{META_KEY, STOPPED};
use serde_json::{Value, json};
use url::Url;

use crate::tools::{CHANGE_LIMIT, Change, Kind, Outcome, Prepared, in_short};

/// So much output is shown, the end of it. The model and the transcript may have more.
pub(crate) const SHOWN: usize = 16 * 1024;

/// Longer changes are not shown as a diff: a frame has its limit. The file tools make none that is: nobody is asked
/// about a change that can't be looked at.
const DIFF_LIMIT: usize = 2 * CHANGE_LIMIT;

/// One call, as the client knows it.
#[derive(Debug, Clone)]
pub(crate) struct Card {
    id: ToolCallId,
    title: String,
    kind: ToolKind,
    input: String,
    changes: Vec<ToolCallContent>,
    locations: Vec<ToolCallLocation>,
}

impl Card {
    /// Exactly what was prepared. `id` is unique in the session.
    pub(crate) fn of<A>(id: &str, prepared: &Prepared<A>) -> Self {
        Self {
            id: ToolCallId::new(id),
            title: prepared.title.clone(),
            kind: match prepared.kind {
                Kind::Read => ToolKind::Read,
                Kind::Search => ToolKind::Search,
                Kind::Edit => ToolKind::Edit,
                Kind::Execute => ToolKind::Execute,
            },
            input: prepared.input.clone(),
            changes: prepared.changes.iter().map(change).collect(),
            locations: prepared
                .changes
                .iter()
                .map(|change| ToolCallLocation::new(&change.path))
                .collect(),
        }
    }

    /// A call that never came to be.
    pub(crate) fn refused(id: &str, name: &str, arguments: &str, why: &str) -> SessionUpdate {
        let call = ToolCall::new(ToolCallId::new(id), about(name, arguments))
            .kind(ToolKind::Other)
            .status(ToolCallStatus::Failed)
            .raw_input(Value::from(arguments))
            .content(vec![text(why)]);
        SessionUpdate::ToolCall(call)
    }

    /// It is about to happen.
    pub(crate) fn announced(&self) -> SessionUpdate {
        let call = ToolCall::new(self.id.clone(), &self.title)
            .kind(self.kind)
            .status(ToolCallStatus::Pending)
            .raw_input(Value::from(self.input.as_str()))
            .content(self.changes.clone())
            .locations(self.locations.clone());
        SessionUpdate::ToolCall(call)
    }

    /// What somebody is asked about: the whole of it.
    pub(crate) fn question(&self) -> ToolCallUpdate {
        let fields = ToolCallUpdateFields::new()
            .title(self.title.clone())
            .kind(self.kind)
            .status(ToolCallStatus::Pending)
            .raw_input(Value::from(self.input.as_str()))
            .content(self.changes.clone())
            .locations(self.locations.clone());
        ToolCallUpdate::new(self.id.clone(), fields)
    }

    /// It runs.
    pub(crate) fn running(&self) -> SessionUpdate {
        self.update(ToolCallUpdateFields::new().status(ToolCallStatus::InProgress))
    }

    /// The end of what it wrote so far. (Content replaces what was there.)
    pub(crate) fn wrote(&self, tail: &str) -> SessionUpdate {
        self.update(ToolCallUpdateFields::new().content(self.with(tail)))
    }

    /// It is done.
    pub(crate) fn ended(&self, outcome: &Outcome) -> SessionUpdate {
        let status = if outcome.failed {
            ToolCallStatus::Failed
        } else {
            ToolCallStatus::Completed
        };
        self.update(
            ToolCallUpdateFields::new()
                .status(status)
                .content(self.with(tail(&outcome.text)))
                .raw_output(json!({ "exit": outcome.exit })),
        )
    }

    /// It was stopped, or the turn was before it began. `words` are what it had put out by then, and why.
    pub(crate) fn stopped(&self, words: &str) -> SessionUpdate {
        let mut meta = Meta::new();
        meta.insert(META_KEY.to_owned(), json!({ STOPPED: true }));
        let fields = ToolCallUpdateFields::new()
            .status(ToolCallStatus::Failed)
            .content(self.with(tail(words)));
        SessionUpdate::ToolCallUpdate(ToolCallUpdate::new(self.id.clone(), fields).meta(meta))
    }

    /// It was denied.
    pub(crate) fn failed(&self, why: &str) -> SessionUpdate {
        self.update(
            ToolCallUpdateFields::new()
                .status(ToolCallStatus::Failed)
                .content(self.with(why)),
        )
    }

    /// In a few words.
    pub(crate) fn title(&self) -> &str {
        &self.title
    }

    fn update(&self, fields: ToolCallUpdateFields) -> SessionUpdate {
        SessionUpdate::ToolCallUpdate(ToolCallUpdate::new(self.id.clone(), fields))
    }

    fn with(&self, words: &str) -> Vec<ToolCallContent> {
        let mut content = self.changes.clone();
        if !words.is_empty() {
            content.push(text(words));
        }
        content
    }
}

/// A call that nobody prepared, by the argument that says what it was about.
fn about(name: &str, arguments: &str) -> String {
    let arguments: Value = serde_json::from_str(arguments).unwrap_or_default();
    let mut named = ["path", "command", "pattern"].into_iter();
    let what = named.find_map(|key| arguments[key].as_str());
    let paths = arguments["paths"].as_array().into_iter().flatten();
    let paths: Vec<&str> = paths.filter_map(Value::as_str).collect();
    let what = what.map_or_else(|| paths.join(", "), str::to_owned);
    if what.trim().is_empty() {
        return name.to_owned();
    }
    format!("{name} {}", in_short(&what))
}

/// A file for the people in the thread. `None` for a path that makes no URL.
pub(crate) fn offered(path: &Path) -> Option<SessionUpdate> {
    let name = path.file_name()?.to_string_lossy();
    let link = ResourceLink::new(name, Url::from_file_path(path).ok()?);
    let chunk = ContentChunk::new(ContentBlock::ResourceLink(link));
    Some(SessionUpdate::AgentMessageChunk(chunk))
}

/// A call from the transcript: how it looked in every detail is not kept.
pub(crate) fn replayed(id: &str, name: &str, arguments: &str, result: Option<(&str, bool)>) -> SessionUpdate {
    let (words, failed) = result.unwrap_or(("", true));
    let status = if failed {
        ToolCallStatus::Failed
    } else {
        ToolCallStatus::Completed
    };
    let call = ToolCall::new(ToolCallId::new(id), name)
        .kind(ToolKind::Other)
        .status(status)
        .raw_input(Value::from(arguments))
        .content(vec![text(tail(words))]);
    SessionUpdate::ToolCall(call)
}

/// The last [`SHOWN`] bytes, from the beginning of a character.
pub(crate) fn tail(words: &str) -> &str {
    let mut from = words.len().saturating_sub(SHOWN);
    while !words.is_char_boundary(from) {
        from += 1;
    }
    &words[from..]
}

fn text(words: &str) -> ToolCallContent {
    ToolCallContent::from(ContentBlock::from(words))
}

fn change(change: &Change) -> ToolCallContent {
    let old = change.old.as_ref().map_or(0, String::len);
    if old + change.new.len() > DIFF_LIMIT {
        return text(&format!(
            "{}: from {old} to {} bytes, too long to show",
            change.path.display(),
            change.new.len()
        ));
    }
    ToolCallContent::Diff(Diff::new(&change.path, &change.new).old_text(change.old.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_long_output_is_shown_from_a_whole_character() {
        let long = format!("x{}", "ä".repeat(SHOWN));
        assert!(tail(&long).len() <= SHOWN && tail(&long).len() > SHOWN - 4);
        assert!(tail(&long).chars().all(|character| character == 'ä'));
        assert_eq!(tail("short"), "short");
    }

    #[test]
    fn a_call_that_never_came_to_be_says_what_it_was_about() {
        assert_eq!(about("read", r#"{"path":"no\nfile.txt"}"#), "read no file.txt");
        assert_eq!(about("bash", r#"{"command":" "}"#), "bash");
        assert_eq!(about("read", "{broken"), "read");
        let paths = r#"{"paths":["a.png",7,"b.png"]}"#;
        assert_eq!(about("offer", paths), "offer a.png, b.png");
        assert_eq!(about("offer", r#"{"paths":[]}"#), "offer");
    }

    #[test]
    fn a_question_shows_exactly_what_was_prepared() {
        let prepared = Prepared {
            kind: Kind::Edit,
            title: "write a.txt".to_owned(),
            input: "a.txt\n".to_owned(),
            changes: vec![Change {
                path: "/w/a.txt".into(),
                old: Some("1".to_owned()),
                new: "2".to_owned(),
            }],
            asks: true,
            always: None,
            action: (),
        };
        let question = serde_json::to_value(Card::of("c1", &prepared).question()).unwrap();
        assert_eq!(
            question,
            json!({
                "toolCallId": "c1", "title": "write a.txt", "kind": "edit", "status": "pending",
                "rawInput": "a.txt\n", "locations": [{"path": "/w/a.txt"}],
                "content": [{"type": "diff", "path": "/w/a.txt", "oldText": "1", "newText": "2"}],
            })
        );
    }

    #[test]
    fn the_longest_change_that_the_file_tools_make_is_shown_whole_and_fits_into_a_frame() {
        // A control character takes six bytes in JSON.
        let longest = Change {
            path: "/w/a".into(),
            old: Some("\u{1}".repeat(CHANGE_LIMIT)),
            new: "\u{2}".repeat(CHANGE_LIMIT),
        };
        let shown = serde_json::to_value(change(&longest)).unwrap();
        assert_eq!(shown["type"], "diff");
        assert_eq!(shown["oldText"].as_str(), longest.old.as_deref());
        assert_eq!(shown["newText"].as_str(), Some(longest.new.as_str()));
        let output = serde_json::to_string(&"\u{1}".repeat(SHOWN)).unwrap();
        assert!(shown.to_string().len() + output.len() < contract::frames::FRAME_LIMIT - 64 * 1024);
    }

    #[test]
    fn a_change_that_no_frame_could_carry_is_told_in_words() {
        let huge = Change {
            path: "/w/a".into(),
            old: None,
            new: "x".repeat(DIFF_LIMIT + 1),
        };
        let words = serde_json::to_string(&change(&huge)).unwrap();
        assert!(words.contains("too long to show") && words.len() < 200, "{words}");
    }
}
