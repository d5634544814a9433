//! What in a line of Markdown is more than letters: code, links, pictures, mentions, escapes, marks. And what Discord does not
//! know, as something that it does.

use super::words::{NOTHING, calls_all};

mod html;
mod link;

/// Longer ones (in bytes) are not looked for: then they are letters. Also how far a decision may wait for its text.
pub(super) const LONGEST_SPAN: usize = 1000;

/// What a text begins with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// A letter like any other.
    None,
    /// What it is will be known when there is more text.
    Unknown,
    /// Something that is never cut. `length`: bytes of the source.
    Whole { shown: String, length: usize },
    /// Letters that are shown as others.
    Plain { shown: String, length: usize },
    /// A line break.
    NewLine { length: usize },
    /// A run of emphasis marks.
    Mark { length: usize },
}

/// What `rest` begins with. `at_word`: no letter stands before it. Not `complete`: more may follow.
pub(super) fn at(rest: &str, at_word: bool, complete: bool) -> Span {
    let alone = rest.len() == 1 && !complete;
    match rest.as_bytes()[0] {
        b'\\' | b'!' | b'|' | b'<' if alone => Span::Unknown,
        b'\\' => escape(rest),
        b'`' => code(rest, complete),
        b'!' if rest.starts_with("![") => link::picture(rest, complete),
        b'[' => link::link(rest, complete),
        b'<' => html::angle(rest, complete),
        b'&' => html::entity(rest, complete),
        // Discord's spoiler; Markdown has none.
        b'|' if rest.starts_with("||") => plain("\\|\\|", 2),
        b'*' | b'_' | b'~' => Span::Mark {
            length: run(rest).min(LONGEST_SPAN / 4),
        },
        b'h' | b'H' if at_word => address(rest, complete),
        _ => Span::None,
    }
}

fn whole(shown: impl Into<String>, length: usize) -> Span {
    Span::Whole {
        shown: shown.into(),
        length,
    }
}

fn plain(shown: impl Into<String>, length: usize) -> Span {
    Span::Plain {
        shown: shown.into(),
        length,
    }
}

/// Whether a span that has no end yet may still get one.
fn may_end(rest: &str, complete: bool) -> bool {
    !complete && rest.len() < LONGEST_SPAN
}

fn escape(rest: &str) -> Span {
    match rest.as_bytes().get(1) {
        Some(next) if next.is_ascii_punctuation() => plain(&rest[..2], 2),
        _ => plain("\\\\", 1),
    }
}

/// How often the first byte, an ASCII one, stands there; not counted further than a span can be long.
fn run(rest: &str) -> usize {
    let first = rest.as_bytes()[0];
    let run = rest.bytes().take(LONGEST_SPAN).take_while(|byte| *byte == first);
    run.count()
}

/// The part of a text in which a span must end. Looking further would take a square of the time for a flood of beginnings.
fn within(rest: &str) -> &str {
    &rest[..rest.floor_char_boundary(LONGEST_SPAN)]
}

fn code(rest: &str, complete: bool) -> Span {
    let marks = run(rest);
    let mut at = marks;
    while let Some(next) = within(rest)
        .get(at..)
        .and_then(|rest| rest.find('`'))
        .map(|found| at + found)
    {
        let found = run(&rest[next..]);
        at = next + found;
        if at >= LONGEST_SPAN {
            break;
        }
        if at == rest.len() && may_end(rest, complete) {
            return Span::Unknown;
        }
        if found == marks {
            return whole(as_code(&rest[marks..next]), at);
        }
    }
    if may_end(rest, complete) {
        return Span::Unknown;
    }
    // Letters, lest Discord finds them a partner.
    let marks = marks.min(100);
    plain("\\`".repeat(marks), marks)
}

/// Words as code on one line.
pub(in crate::discord) fn as_code(words: &str) -> String {
    if words.trim().is_empty() {
        return String::new();
    }
    if !words.contains('`') {
        return format!("`{words}`");
    }
    let apart = words.replace("``", &format!("`{NOTHING}`"));
    let apart = apart.replace("``", &format!("`{NOTHING}`"));
    format!("`` {} ``", apart.trim())
}

fn address(rest: &str, complete: bool) -> Span {
    let begins = |scheme: &str| {
        rest.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let may_begin = |scheme: &str| {
        scheme
            .get(..rest.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(rest))
    };
    if !complete && (may_begin("https://") || may_begin("http://")) {
        return Span::Unknown;
    }
    if !begins("https://") && !begins("http://") {
        return Span::None;
    }
    let end = rest
        .find(|letter: char| letter.is_whitespace() || matches!(letter, '<' | '>' | '"' | '`' | '|' | ']'))
        .unwrap_or(rest.len());
    if end == rest.len() && may_end(rest, complete) {
        return Span::Unknown;
    }
    let end = rest.floor_char_boundary(end.min(LONGEST_SPAN));
    whole(calling_nobody(&rest[..end]), end)
}

/// An address in which nobody is mentioned.
fn calling_nobody(address: &str) -> String {
    let mut out = String::with_capacity(address.len());
    for (at, letter) in address.char_indices() {
        if letter == '@' && calls_all(&address[at + 1..]) {
            out.push_str("%40");
        } else {
            out.push(letter);
        }
    }
    out
}

/// An address that Discord makes a link of.
fn is_web(address: &str) -> bool {
    let begins = |scheme: &str| {
        address
            .get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    (begins("https://") || begins("http://")) && !address.contains(char::is_whitespace)
}
