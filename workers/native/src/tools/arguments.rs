//! Arguments of a call, as the model wrote them; and words for answers.

use std::fmt::Write as _;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads them. `Err` names the tool and what is wrong, for the model to correct.
pub(super) fn parse<T: DeserializeOwned>(tool: &str, arguments: &str) -> Result<T, String> {
    // Models call tools without arguments with nothing at all.
    let arguments = if arguments.trim().is_empty() {
        "{}"
    } else {
        arguments
    };
    serde_json::from_str(arguments).map_err(|error| {
        if error.is_data() {
            format!("the arguments of `{tool}` are not right: {error}")
        } else {
            format!("the arguments of `{tool}` are not JSON: {error}")
        }
    })
}

/// A name or path as people and models read it, in one line: as it is, or as a JSON string, which is also how a model writes it
/// in a call. No two names look the same, if they are UTF-8.
pub(super) fn quoted(name: impl AsRef<Path>) -> String {
    let name = name.as_ref().to_string_lossy();
    let is_odd = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
    if !name.starts_with('"') && !name.contains(is_odd) {
        return name.into_owned();
    }
    let mut line = String::with_capacity(name.len() + 8);
    for letter in Value::from(name).to_string().chars() {
        if is_odd(letter) {
            // Writing into a string can't fail.
            let _ = write!(line, "\\u{:04x}", u32::from(letter));
        } else {
            line.push(letter);
        }
    }
    line
}

/// The whole of a text in one line, so that no part of it can pass for another line of what is shown.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
    }
    line
}

/// One line of a text that may be long or hold control characters, for a title.
pub(crate) fn in_short(text: &str) -> String {
    const LONGEST: usize = 80;
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if line.chars().count() <= LONGEST {
        line
    } else {
        line.chars().take(LONGEST - 1).chain(['…']).collect()
    }
}

/// `1 line`, `2 lines`.
pub(super) fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}
