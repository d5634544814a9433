//! `edit`: replaces a text that stands in a file exactly as given.

use std::borrow::Cow;

use serde::Deserialize;

use super::arguments::{counted, parse};
use super::place::Places;
use super::{Prepared, change, spec};

/// Places that are named when there are several.
const NAMED: usize = 10;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    path: String,
    old_string: String,
    new_string: String,
    #[serde(default)]
    replace_all: bool,
}

pub(super) fn prepare(places: &Places, arguments: &str) -> Result<Prepared, String> {
    let arguments: Arguments = parse(spec::EDIT, arguments)?;
    let place = places.to_change(&arguments.path)?;
    let shown = place.shown.clone();
    let Some(old) = change::text_of(&place)? else {
        return Err(format!(
            "there is no `{shown}`; `{}` makes a new file",
            spec::WRITE
        ));
    };
    let (new, count) =
        replaced(&old, &arguments).map_err(|why| format!("`{shown}` was not changed: {why}"))?;
    if new.len() as u64 > change::LIMIT {
        return Err(format!(
            "`{shown}` would become larger than {} bytes, the limit for a change that people can look at",
            change::LIMIT
        ));
    }
    let done = format!("edited `{shown}`: {}", counted(count, "place"));
    Ok(change::prepared("edit", place, Some(old), new, done))
}

/// The new text, and in how many places it differs.
fn replaced(text: &str, arguments: &Arguments) -> Result<(String, usize), String> {
    let Arguments {
        old_string,
        new_string,
        replace_all,
        ..
    } = arguments;
    if old_string.is_empty() {
        return Err(format!(
            "`old_string` is empty; `{}` replaces a whole file",
            spec::WRITE
        ));
    }
    if old_string == new_string {
        return Err("`old_string` and `new_string` are the same".to_owned());
    }
    let ends = LineEnds::of(text);
    let (old, new) = (ends.apply(old_string), ends.apply(new_string));
    if old == new {
        return Err(
            "`old_string` and `new_string` differ only in their line ends, and the file keeps its own"
                .to_owned(),
        );
    }
    let found: Vec<usize> = text
        .match_indices(&*old)
        .map(|(position, _)| position)
        .filter(|position| !splits_an_end(text, *position, old.len()))
        .collect();
    let changed = match found.len() {
        0 => return Err(why_not_found(text, &old)),
        1 => put(text, &found, old.len(), &new),
        _ if *replace_all => put(text, &found, old.len(), &new),
        count => {
            return Err(format!(
                "`old_string` stands in it {count} times ({}); give more of the lines around the one you mean, or set `replace_all`",
                in_lines(text, &found)
            ));
        }
    };
    if changed.matches(BROKEN_END).count() > text.matches(BROKEN_END).count() {
        return Err(
            "it would leave a carriage return in front of a line end; leave out the `\\r`".to_owned(),
        );
    }
    Ok((changed, found.len()))
}

/// What comes of two ways to end a line.
const BROKEN_END: &str = "\r\r\n";

/// How the lines of a file end. Models mostly write line feeds, whatever stands in the file; and the file keeps its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnds {
    Unix,
    Windows,
    /// Of both kinds, or of none: what is given is meant exactly.
    Any,
}

impl LineEnds {
    fn of(text: &str) -> Self {
        let windows = text.matches("\r\n").count();
        match text.matches('\n').count() {
            0 => Self::Any,
            all if all == windows => Self::Windows,
            _ if windows == 0 => Self::Unix,
            _ => Self::Any,
        }
    }

    fn apply(self, given: &str) -> Cow<'_, str> {
        match self {
            Self::Unix => Cow::Owned(given.replace("\r\n", "\n")),
            Self::Windows => Cow::Owned(given.replace("\r\n", "\n").replace('\n', "\r\n")),
            Self::Any => Cow::Borrowed(given),
        }
    }
}

/// Whether a piece of a text begins or ends between the two characters of a line end.
fn splits_an_end(text: &str, position: usize, length: usize) -> bool {
    let bytes = text.as_bytes();
    let is_split = |at: usize| at > 0 && bytes[at - 1] == b'\r' && bytes.get(at) == Some(&b'\n');
    is_split(position) || is_split(position + length)
}

/// The text with something else in these places.
fn put(text: &str, places: &[usize], length: usize, new: &str) -> String {
    let mut changed = String::with_capacity(text.len());
    let mut from = 0;
    for place in places {
        changed.push_str(&text[from..*place]);
        changed.push_str(new);
        from = place + length;
    }
    changed.push_str(&text[from..]);
    changed
}

fn in_lines(text: &str, positions: &[usize]) -> String {
    let lines: Vec<String> = positions
        .iter()
        .take(NAMED)
        .map(|position| line_of(text, *position).to_string())
        .collect();
    let more = if positions.len() > NAMED { ", …" } else { "" };
    format!("in lines {}{more}", lines.join(", "))
}

fn line_of(text: &str, position: usize) -> usize {
    text[..position].matches('\n').count() + 1
}

/// The usual reasons, looked for one by one.
fn why_not_found(text: &str, old: &str) -> String {
    let first = old.lines().find(|line| !line.trim().is_empty()).unwrap_or(old);
    if let Some((number, rest)) = first.split_once('\t')
        && !number.trim().is_empty()
        && number.trim().bytes().all(|byte| byte.is_ascii_digit())
        && text.contains(rest)
    {
        return format!(
            "`old_string` begins with the line number that `{}` puts before a line",
            spec::READ
        );
    }
    let near = text
        .lines()
        .position(|line| line.trim() == first.trim() && !first.trim().is_empty());
    match near {
        Some(line) => format!(
            "`old_string` does not stand in it exactly; line {} is like its first line, so look at the white space and at \
             the lines that follow",
            line + 1
        ),
        None => format!(
            "`old_string` does not stand in it; `{}` shows what does",
            spec::READ
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(text: &str, old: &str, new: &str, all: bool) -> Result<(String, usize), String> {
        replaced(
            text,
            &Arguments {
                path: String::new(),
                old_string: old.to_owned(),
                new_string: new.to_owned(),
                replace_all: all,
            },
        )
    }

    #[test]
    fn one_place_is_replaced_and_several_only_when_asked() {
        assert_eq!(edit("a b c", "b", "x", false), Ok(("a x c".to_owned(), 1)));
        assert_eq!(edit("b\nb\n", "b", "x", true), Ok(("x\nx\n".to_owned(), 2)));
        let several = edit("b\nc\nb\n", "b", "x", false).unwrap_err();
        assert!(several.contains("2 times (in lines 1, 3)"), "{several}");
    }

    #[test]
    fn a_file_keeps_its_line_ends_whatever_the_model_writes() {
        for (text, old, new, changed) in [
            // Windows.
            ("one\r\ntwo\r\n", "one\ntwo", "1\n2", Some("1\r\n2\r\n")),
            ("one\r\ntwo\r\n", "one\r\ntwo", "1\r\n2", Some("1\r\n2\r\n")),
            ("one\r\ntwo\r\n", "one\ntwo", "1\r\n2", Some("1\r\n2\r\n")),
            ("one\r\ntwo\r\n", "one\r\ntwo", "1\n2", Some("1\r\n2\r\n")),
            ("one\r\ntwo\r\n", "two", "2\r\n3", Some("one\r\n2\r\n3\r\n")),
            ("one\r\ntwo\r\n", "one\n", "", Some("two\r\n")),
            ("one\r\n", "one", "1\r", None),
            ("one\r\ntwo\r\n", "\n", "\r\n", None),
            // Unix.
            ("one\ntwo\n", "one\r\ntwo", "1\r\n2", Some("1\n2\n")),
            ("one\ntwo\n", "two\n", "2\r\n3\r\n", Some("one\n2\n3\n")),
            // No line ends: what is given is meant.
            ("one", "one", "1\r\n2", Some("1\r\n2")),
            // Both kinds: exactly what is given, and never half an end.
            ("one\r\ntwo\nthree", "one\ntwo", "x", None),
            ("one\r\ntwo\nthree", "one\r\ntwo", "1\n2", Some("1\n2\nthree")),
            ("one\r\ntwo\nthree", "\n", "\r\n", Some("one\r\ntwo\r\nthree")),
            ("one\r\ntwo\nthree", "one\r", "1", None),
            ("one\r\ntwo\nthree", "one", "1\r", None),
        ] {
            let edited = edit(text, old, new, false).ok();
            let expected = changed.map(|changed| (changed.to_owned(), 1));
            assert_eq!(edited, expected, "{text:?}: {old:?} -> {new:?}");
        }
        let all = edit("a\r\nb\nc\n", "\n", "\r\n", true);
        assert_eq!(all, Ok(("a\r\nb\r\nc\r\n".to_owned(), 2)));
    }

    #[test]
    fn what_is_not_found_is_explained() {
        let numbered = edit("fn main() {}\n", "     1\tfn main() {}", "x", false).unwrap_err();
        assert!(numbered.contains("line number"), "{numbered}");
        let indented = edit("a\n    b\n", "  b\nc", "x", false).unwrap_err();
        assert!(indented.contains("line 2 is like"), "{indented}");
        let nowhere = edit("a\n", "z", "x", false).unwrap_err();
        assert!(nowhere.contains("`read` shows"), "{nowhere}");
        assert!(edit("a", "", "x", false).unwrap_err().contains("empty"));
        assert!(edit("a", "a", "a", false).unwrap_err().contains("the same"));
    }
}
