//! `edit`: replaces a text that stands in a file exactly as given.

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
    // Models write line feeds; a file with Windows line ends keeps its own.
    let windows =
        text.contains("\r\n") && !old_string.contains('\r') && !text.replace("\r\n", "").contains('\n');
    let (old, new) = if windows {
        (old_string.replace('\n', "\r\n"), new_string.replace('\n', "\r\n"))
    } else {
        (old_string.clone(), new_string.clone())
    };
    let found: Vec<usize> = text.match_indices(&old).map(|(position, _)| position).collect();
    match found.len() {
        0 => Err(why_not_found(text, &old)),
        1 => Ok((text.replacen(&old, &new, 1), 1)),
        count if *replace_all => Ok((text.replace(&old, &new), count)),
        count => Err(format!(
            "`old_string` stands in it {count} times ({}); give more of the lines around the one you mean, or set `replace_all`",
            in_lines(text, &found)
        )),
    }
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
    fn windows_line_ends_are_kept() {
        let edited = edit("one\r\ntwo\r\n", "one\ntwo", "1\n2", false);
        assert_eq!(edited, Ok(("1\r\n2\r\n".to_owned(), 1)));
        // A file of both kinds is taken as it is.
        assert!(edit("one\r\ntwo\nthree", "one\ntwo", "x", false).is_err());
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
