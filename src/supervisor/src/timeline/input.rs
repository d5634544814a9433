//! What goes into a tool call, as people read it: nothing is left out, and it can be read in one way only.

use std::path::Path;

use conversation::Diff;
use serde_json::{Map, Value};

use super::tool::relative;

/// Members that say what a call is about, where it is no command.
const SUBJECTS: [&str; 6] = ["path", "file_path", "filePath", "pattern", "query", "url"];

/// All of what goes in: first the command line, the path or the address, if there is one, then every other member in a line
/// or block of its own. `None` for nothing.
pub(super) fn shown_input(input: &Value) -> Option<String> {
    let members = match input {
        Value::Null => return None,
        Value::Array(items) if items.is_empty() => return None,
        Value::String(text) => return Some(text.clone()),
        Value::Object(members) => members,
        other => return Some(other.to_string()),
    };
    let (mut text, mut told) = headline(members);
    if text.contains('\n') && members.len() > told.len() {
        // What follows must not be taken for a part of it: here only its beginning, and all of it below.
        text.truncate(text.find('\n').unwrap_or_default());
        text.push_str(" …");
        told.clear();
    }
    for (name, value) in members.iter().filter(|(name, _)| !told.contains(&name.as_str())) {
        if !text.is_empty() {
            text.push('\n');
        }
        put_member(&mut text, name, value);
    }
    (!text.is_empty()).then_some(text)
}

/// What is done, and the members that say it.
fn headline(members: &Map<String, Value>) -> (String, Vec<&'static str>) {
    let words = |value: Option<&Value>| {
        let words = value?.as_array()?.iter().map(|word| word.as_str().map(quoted));
        Some(words.collect::<Option<Vec<_>>>()?.join(" "))
    };
    for name in ["command", "cmd"] {
        match (members.get(name), words(members.get("args"))) {
            (Some(Value::String(program)), Some(arguments)) => {
                let line = format!("{} {arguments}", quoted(program));
                return (line.trim_end().to_owned(), vec![name, "args"]);
            }
            (Some(Value::String(line)), None) => return (line.clone(), vec![name]),
            (command, _) => {
                if let Some(line) = words(command) {
                    return (line, vec![name]);
                }
            }
        }
    }
    let subject = SUBJECTS
        .into_iter()
        .find_map(|name| Some((members.get(name)?.as_str()?.to_owned(), vec![name])));
    subject.unwrap_or_default()
}

/// A value of several lines is set in, so that none of them can be taken for another member.
fn put_member(text: &mut String, name: &str, value: &Value) {
    if name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    {
        text.push_str(name);
    } else {
        text.push_str(&Value::from(name).to_string());
    }
    text.push(':');
    match value {
        Value::String(words) if words.contains('\n') => {
            for line in words.split('\n') {
                text.push_str("\n  ");
                text.push_str(line);
            }
        }
        Value::String(words) if !words.is_empty() => {
            text.push(' ');
            text.push_str(words);
        }
        other => {
            text.push(' ');
            text.push_str(&other.to_string());
        }
    }
}

/// A word as a shell would need it.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Whether the one change that a call makes tells all of what goes into it.
pub(super) fn is_told_by(diffs: &[Diff], input: &Value, workspace: &Path) -> bool {
    let [diff] = diffs else {
        return false;
    };
    let is_told = |(name, value): (&String, &Value)| match (name.as_str(), value.as_str()) {
        ("path" | "file_path" | "filePath", Some(path)) => relative(Path::new(path), workspace) == diff.path,
        ("content" | "new_string" | "newText" | "new_text", Some(text)) => text == diff.new,
        ("old_string" | "oldText" | "old_text", text @ Some(_)) => text == diff.old.as_deref(),
        _ => false,
    };
    match input {
        Value::String(path) => relative(Path::new(path), workspace) == diff.path,
        Value::Object(members) => members.iter().all(is_told),
        _ => false,
    }
}
