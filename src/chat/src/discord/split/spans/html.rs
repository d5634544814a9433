//! What stands in angle brackets, and entities.

use super::link::{picture_of, shown};
use super::{Span, as_code, is_web, may_end, plain, whole, within};
use crate::harmless;

/// Tags that only dress their words: they go.
const DRESS: &[&str] = &[
    "a",
    "abbr",
    "big",
    "blockquote",
    "center",
    "code",
    "dd",
    "details",
    "div",
    "dl",
    "dt",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "picture",
    "pre",
    "q",
    "s",
    "samp",
    "small",
    "source",
    "span",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
];

/// What `<` begins.
pub(super) fn angle(rest: &str, complete: bool) -> Span {
    let open = || {
        if may_end(rest, complete) {
            Span::Unknown
        } else {
            plain("<", 1)
        }
    };
    if rest.starts_with("<!--") || "<!--".starts_with(rest) && !complete {
        let end = within(rest).get(4..).and_then(|inside| inside.find("-->"));
        return match end {
            Some(end) => whole("", end + 7),
            None => open(),
        };
    }
    let second = rest[1..].chars().next().unwrap_or_default();
    if !second.is_ascii_alphabetic() && !matches!(second, '/' | '#' | ':') {
        return plain("<", 1);
    }
    let Some(end) = within(rest).find('>') else {
        return open();
    };
    let inside = &rest[1..end];
    if inside.contains('<') {
        return plain("<", 1);
    }
    if is_web(inside) {
        return whole(format!("<{}>", super::calling_nobody(inside)), end + 1);
    }
    if is_of_discord(inside) {
        return whole(&rest[..=end], end + 1);
    }
    let name = inside
        .trim_start_matches('/')
        .split([' ', '/', '\t'])
        .next()
        .unwrap_or_default();
    match name.to_ascii_lowercase().as_str() {
        "br" => Span::NewLine { length: end + 1 },
        "b" | "strong" => Span::Plain {
            shown: "**".to_owned(),
            length: end + 1,
        },
        tag if DRESS.contains(&tag) => dress(tag, rest, end, complete),
        // Not HTML: the type of a list, a placeholder.
        _ => plain("<", 1),
    }
}

/// A channel, an emoji, a moment: Discord draws them, and calls nobody.
fn is_of_discord(inside: &str) -> bool {
    let number =
        |text: &str| (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let name = |text: &str| {
        (2..=32).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    match inside.split(':').collect::<Vec<_>>().as_slice() {
        [channel] => channel.strip_prefix('#').is_some_and(number),
        ["" | "a", emoji, id] => name(emoji) && number(id),
        ["t", moment] => number(moment),
        ["t", moment, style] => number(moment) && matches!(*style, "t" | "T" | "d" | "D" | "f" | "F" | "R"),
        _ => false,
    }
}

/// A tag that goes; of a link, a picture and code something stays.
fn dress(tag: &str, rest: &str, end: usize, complete: bool) -> Span {
    let inside = &rest[1..end];
    let words = |closing: &str| {
        let from = end + 1;
        within(rest)[from..]
            .find(closing)
            .map(|length| (&rest[from..from + length], from + length + closing.len()))
    };
    let closing = match tag {
        "img" => {
            let address = attribute(inside, "src").unwrap_or_default();
            return whole(
                picture_of(attribute(inside, "alt").unwrap_or_default(), address),
                end + 1,
            );
        }
        "a" if inside.starts_with('a') => "</a>",
        "code" if inside == "code" => "</code>",
        "kbd" if inside == "kbd" => "</kbd>",
        _ => return whole("", end + 1),
    };
    match words(closing) {
        // What is nested in it is not shown.
        Some((words, length)) if !words.contains('<') => {
            let shown = match attribute(inside, "href") {
                Some(address) => shown(&words.replace(['[', ']'], ""), address),
                None => as_code(words),
            };
            whole(super::super::words::disarmed(&shown), length)
        }
        None if may_end(rest, complete) => Span::Unknown,
        _ => whole("", end + 1),
    }
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, value) = tag.split_once(&format!(" {name}="))?;
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    value[1..].split(quote).next()
}

/// `&amp;` and the like as what they mean.
pub(super) fn entity(rest: &str, complete: bool) -> Span {
    let Some(end) = rest.bytes().take(10).position(|byte| byte == b';') else {
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '#';
        let may_be = !complete && rest.len() < 10 && rest[1..].chars().all(is_name);
        return if may_be { Span::Unknown } else { Span::None };
    };
    let shown = match &rest[1..end] {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "mdash" => '—',
        "ndash" => '–',
        "hellip" => '…',
        "rarr" => '→',
        "larr" => '←',
        "times" => '×',
        number => match number.strip_prefix('#').and_then(numbered) {
            Some(letter) => letter,
            None => return Span::None,
        },
    };
    let shown = match shown {
        // Written out, it was not meant as a mark.
        '`' | '*' | '_' | '~' | '|' | '\\' | '[' => format!("\\{shown}"),
        other => other.to_string(),
    };
    plain(shown, end + 1)
}

fn numbered(number: &str) -> Option<char> {
    let code = match number.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    let letter = char::from_u32(code.ok()?)?;
    let is_drawn = letter.is_alphanumeric()
        || letter.is_ascii_punctuation()
        || matches!(letter, '\u{2100}'..='\u{2bff}' | '\u{1f300}'..='\u{1faff}');
    let is_sound = is_drawn && !harmless::dropped(letter.encode_utf8(&mut [0; 4])).is_empty();
    is_sound.then_some(letter)
}
