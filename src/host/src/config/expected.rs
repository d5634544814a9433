//! What a value should have been, in people's words and with an example: the library that reads it speaks of its own types.

use toml::de::DeValue;
use url::ParseError;

use super::EXAMPLE;

/// What the library says of a text that is no address and port.
const NO_SOCKET_ADDRESS: &str = "invalid socket address syntax";

/// What the library says of a text that is no address, before it shows that.
const NO_URL: [ParseError; 7] = [
    ParseError::EmptyHost,
    ParseError::IdnaError,
    ParseError::InvalidDomainCharacter,
    ParseError::InvalidIpv4Address,
    ParseError::InvalidIpv6Address,
    ParseError::InvalidPort,
    ParseError::RelativeUrlWithoutBase,
];

/// What the library says of something else where a choice of words is.
const NO_WORD: [&str; 2] = ["wanted string or table", "wanted exactly 1 element"];

/// A fault of one value in people's words, from the library's. The value itself, which may be a secret, is not in them.
pub(super) fn in_words(message: &str, value: &DeValue<'_>) -> String {
    let Some(wanted) = wanted(message) else {
        return message.to_owned();
    };
    let each = if is_of_a_part(message, value) { "each " } else { "" };
    format!("{each}must be {wanted}")
}

/// Whether it is something in a list or a table that is wrong, and not the whole.
fn is_of_a_part(message: &str, value: &DeValue<'_>) -> bool {
    match value {
        DeValue::Array(_) => !message.starts_with("invalid type: sequence"),
        DeValue::Table(_) => {
            message.starts_with("invalid type: ") && !message.starts_with("invalid type: map")
        }
        _ => false,
    }
}

const URL: &str = "a whole address, with https:// or http:// in front";

/// What should have stood there. `None`: the message is one of ours, or says more than its type.
fn wanted(message: &str) -> Option<String> {
    let address = "an IP address and a port";
    if message == NO_SOCKET_ADDRESS {
        return Some(address.to_owned());
    }
    if NO_WORD.iter().any(|said| message.starts_with(said)) {
        return Some("a word in quotation marks".to_owned());
    }
    let is_no_url = |fault: &ParseError| message.starts_with(&format!("{fault}: "));
    if NO_URL.iter().any(is_no_url) {
        return Some(URL.to_owned());
    }
    // What was found comes first, and may be anything.
    let (_, expected) = message.rsplit_once(", expected ")?;
    if message.starts_with("unknown variant `") {
        return Some(choice(expected));
    }
    if let Some(kind) = expected.strip_prefix("a nonzero ") {
        return Some(match kind {
            "u32" => format!("a whole number from 1 to {}", u32::MAX),
            _ => "a whole number of at least 1".to_owned(),
        });
    }
    let words = match expected {
        "a string" | "path string" => "text in quotation marks",
        "a boolean" => "true or false, without quotation marks",
        "a sequence" => "a list, in square brackets",
        "a map" => "a table, in braces",
        "socket address" => address,
        "a string representing an URL" => URL,
        _ => return None,
    };
    Some(words.to_owned())
}

/// The names between the backticks, as the file writes them.
fn choice(expected: &str) -> String {
    let names = expected.split('`').skip(1).step_by(2);
    let names: Vec<String> = names.map(|name| format!("\"{name}\"")).collect();
    match names.split_last() {
        Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        _ => names.concat(),
    }
}

/// A line that is right, from `config example`: `path` is that of the table.
pub(super) fn example(path: &str, key: &str) -> Option<&'static str> {
    let settings = EXAMPLE.lines().filter_map(|line| line.strip_prefix('#'));
    let mut is_here = false;
    settings
        .filter(|line| !line.starts_with(' '))
        .find(|line| match line.strip_prefix('[') {
            Some(table) => {
                is_here = is_kind(path, table.trim_end_matches(']'));
                false
            }
            None => is_here && line.strip_prefix(key).is_some_and(|rest| rest.starts_with(" = ")),
        })
}

/// Whether a table is as the example's: the same, or another name of its kind.
fn is_kind(path: &str, of_example: &str) -> bool {
    let kind = of_example.rsplit_once('.').map(|(kind, _)| kind);
    path == of_example
        || kind.is_some_and(|kind| path.strip_prefix(kind).is_some_and(|rest| rest.starts_with('.')))
}
