//! Links, pictures and footnotes.

use super::super::words::disarmed;
use super::{Span, as_code, calling_nobody, is_web, may_end, plain, whole};

/// `[words](address)` or `[^note]`.
pub(super) fn link(rest: &str, complete: bool) -> Span {
    match parts(rest, complete) {
        Parts::Unknown => Span::Unknown,
        // Too long to be looked at, and Discord would hide its address behind its words.
        Parts::No if is_too_long(rest) => plain("\\[", 1),
        Parts::No => plain("[", 1),
        Parts::Note { name, length } => whole(format!("[{}]", disarmed(name)), length),
        // There is nothing in it, and nothing is to vanish.
        Parts::Link { words, address, .. } if address.is_empty() && label(words).is_empty() => {
            plain("\\[", 1)
        }
        Parts::Link {
            words,
            address,
            length,
        } => whole(shown(&label(words), address), length),
    }
}

/// Whether a link may begin here that ends beyond what is looked at.
fn is_too_long(rest: &str) -> bool {
    rest.len() > super::LONGEST_SPAN
        && match closing(rest, b'[', b']') {
            Some(end) => rest[end + 1..].starts_with('('),
            // No message is longer, in bytes.
            None => rest.as_bytes().windows(2).take(8000).any(|two| two == b"]("),
        }
}

/// `![words](address)`, as a link: Discord draws pictures only below a message.
pub(super) fn picture(rest: &str, complete: bool) -> Span {
    match parts(&rest[1..], complete) {
        Parts::Unknown => Span::Unknown,
        Parts::No | Parts::Note { .. } => plain("!", 1),
        Parts::Link {
            words,
            address,
            length,
        } => whole(picture_of(words, address), length + 1),
    }
}

pub(super) fn picture_of(words: &str, address: &str) -> String {
    let words = label(words);
    let words = if words.is_empty() {
        "picture"
    } else {
        words.as_str()
    };
    shown(&format!("🖼 {words}"), address)
}

/// A link as Discord has it. The address is what counts: words that look like another one are not shown.
pub(super) fn shown(words: &str, address: &str) -> String {
    if !is_web(address) {
        // A file or a place in the same text: nothing to click on.
        return match (address.starts_with('#') || address.is_empty(), words == address) {
            (true, _) => words.to_owned(),
            (false, true) => as_code(address),
            (false, false) => format!("{words} ({})", as_code(address)).replace(" ()", ""),
        };
    }
    let address: String = calling_nobody(address)
        .chars()
        .map(|letter| match letter {
            '(' => "%28".to_owned(),
            ')' => "%29".to_owned(),
            '<' => "%3C".to_owned(),
            '>' => "%3E".to_owned(),
            other => other.to_string(),
        })
        .collect();
    if words.is_empty() || looks_like_address(words) && host(words) != host(&address) {
        return format!("<{address}>");
    }
    format!("[{words}]({address})")
}

fn looks_like_address(words: &str) -> bool {
    let words = words.trim().trim_matches(['`', '*', '_']);
    words.contains("://") || host(words).contains('.') && !words.contains(char::is_whitespace)
}

fn host(address: &str) -> String {
    let address = address.trim().trim_matches(['`', '*', '_']);
    let address = address.split_once("://").map_or(address, |(_, rest)| rest);
    let end = address.find(['/', '?', '#']).unwrap_or(address.len());
    let host = address[..end].to_lowercase();
    host.strip_prefix("www.").map_or(host.clone(), str::to_owned)
}

/// The words of a link, in which nothing else is to be clicked.
fn label(words: &str) -> String {
    // A badge: a picture that is a link.
    let words = match words.trim().strip_prefix("![") {
        Some(picture) => picture.split("](").next().unwrap_or_default(),
        None => words.trim(),
    };
    disarmed(words).replace('[', "(").replace(']', ")")
}

enum Parts<'a> {
    Unknown,
    No,
    Note {
        name: &'a str,
        length: usize,
    },
    Link {
        words: &'a str,
        address: &'a str,
        length: usize,
    },
}

fn parts(rest: &str, complete: bool) -> Parts<'_> {
    let open = if may_end(rest, complete) {
        Parts::Unknown
    } else {
        Parts::No
    };
    let Some(end) = closing(rest, b'[', b']') else {
        return open;
    };
    let words = &rest[1..end];
    if rest.as_bytes().get(end + 1) != Some(&b'(') {
        return match words.strip_prefix('^') {
            _ if end + 1 == rest.len() && !complete => open,
            Some(name) if !name.is_empty() && name.len() < 40 && !name.contains(char::is_whitespace) => {
                Parts::Note {
                    name,
                    length: end + 1,
                }
            }
            _ => Parts::No,
        };
    }
    let target = &rest[end + 1..];
    let Some(close) = closing(target, b'(', b')') else {
        return open;
    };
    let inside = target[1..close].trim();
    let address = match inside.strip_prefix('<').and_then(|inside| inside.split_once('>')) {
        Some((address, _)) => address,
        // A title may follow.
        None => inside.split_whitespace().next().unwrap_or_default(),
    };
    let length = end + close + 2;
    if length > super::LONGEST_SPAN {
        return Parts::No;
    }
    Parts::Link {
        words,
        address,
        length,
    }
}

/// Where the bracket closes that `text` begins with.
fn closing(text: &str, open: u8, close: u8) -> Option<usize> {
    let mut depth = 0_usize;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().take(super::LONGEST_SPAN) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            _ if byte == open => depth += 1,
            _ if byte == close => {
                depth -= 1;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}
