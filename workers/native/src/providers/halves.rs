//! JSON of servers that cut an emoji in two: its halves, escaped each for itself, come in one chunk and the next.
//!
//! RFC 8259 §8.2 allows such escapes and leaves open what they mean; our parser refuses them.

use std::borrow::Cow;

use serde_json::Value;

/// What stands for a half whose other half never comes.
const LOST: &str = "\\ufffd";

/// The first half of a character, kept for the chunk that has the second.
#[derive(Debug, Default)]
pub(super) struct Halves(Option<String>);

impl Halves {
    /// Parses a chunk. A first half that ends a text waits for the second one; any other lone half becomes U+FFFD.
    pub(super) fn parse(&mut self, json: &str) -> serde_json::Result<Value> {
        serde_json::from_str(json).or_else(|_| serde_json::from_str(&self.joined(json)))
    }

    fn joined(&mut self, json: &str) -> String {
        let mut joined = String::with_capacity(json.len() + LOST.len());
        let mut rest = json;
        while let Some(at) = rest.find('\\') {
            joined.push_str(&rest[..at]);
            rest = &rest[at..];
            let (escape, after) = first_escape(rest);
            let next = unit(first_escape(after).0);
            rest = after;
            match unit(escape) {
                Some(Unit::First) if next == Some(Unit::Second) => {
                    let (second, after) = first_escape(after);
                    joined.extend([escape, second]);
                    rest = after;
                }
                Some(Unit::First) if after.starts_with('"') => self.0 = Some(escape.to_owned()),
                Some(Unit::Second) => match self.0.take() {
                    Some(first) => joined.extend([&first, escape]),
                    None => joined.push_str(LOST),
                },
                Some(Unit::First) => joined.push_str(LOST),
                None => joined.push_str(escape),
            }
        }
        joined.push_str(rest);
        joined
    }
}

/// One half of a character beyond the first 65,536.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    First,
    Second,
}

fn unit(escape: &str) -> Option<Unit> {
    let code = u16::from_str_radix(escape.strip_prefix("\\u")?, 16).ok()?;
    match code {
        0xD800..=0xDBFF => Some(Unit::First),
        0xDC00..=0xDFFF => Some(Unit::Second),
        _ => None,
    }
}

/// The escape at the beginning of a text (empty if there is none), and what follows it.
fn first_escape(text: &str) -> (&str, &str) {
    let length = match text.as_bytes() {
        [b'\\', b'u', ..] => 6,
        [b'\\', ..] => 2,
        _ => 0,
    };
    // What is no whole escape is an error of the parser's.
    text.split_at_checked(length).unwrap_or((text, ""))
}

/// The same for JSON that comes as a whole.
pub(super) fn parse(json: &[u8]) -> serde_json::Result<Value> {
    let text: Cow<'_, str> = String::from_utf8_lossy(json);
    Halves::default().parse(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_joined_and_lost_ones_replaced() {
        for (chunks, expected) in [
            (&[r#""a😀b""#][..], "a😀b"),
            (&[r#""a\ud83d\ude00b""#], "a😀b"),
            (&[r#""a\ud83d""#, r#""\ude00b""#], "a😀b"),
            (
                &[r#""\uD83D""#, r#""""#, r#""\uDE00\ud83d""#, r#""\ude01""#],
                "😀😁",
            ),
            (&[r#""\ud800 lone""#], "\u{fffd} lone"),
            (&[r#""a\ude00b""#], "a\u{fffd}b"),
            // A backslash before a `u` is no escape.
            (&[r#""\\ud83d\ud83dx""#], "\\ud83d\u{fffd}x"),
            (&[r#""\"\ud83d""#, r#""\ude00""#], "\"😀"),
        ] {
            let mut halves = Halves::default();
            let text = |chunk: &&str| halves.parse(chunk).unwrap().as_str().unwrap().to_owned();
            let texts: String = chunks.iter().map(text).collect();
            assert_eq!(texts, expected, "{chunks:?}");
        }
    }

    #[test]
    fn what_is_no_json_stays_so() {
        for text in [r#""\ud83"#, r#""\"#, r#""\u""#, "\"\\ud8é\"", "\\ud83d", "{"] {
            assert!(Halves::default().parse(text).is_err(), "{text}");
        }
        assert_eq!(parse(br#"{"a":"\ud800"}"#).unwrap()["a"], "");
    }
}
