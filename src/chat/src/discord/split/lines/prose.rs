//! Everything that is neither code nor a table: paragraphs, headings, lists, quotes, rules, footnotes.

use super::super::atom::Break;
use super::super::words::{self, Frame};
use super::{Line, RULE, Reader};

/// Deeper lists are not indented further.
const DEEPEST: usize = 12;

/// What a line of prose is.
#[derive(Debug, PartialEq, Eq)]
enum Kind<'a> {
    Rule,
    Text { prefix: String, body: &'a str },
    Heading { level: usize, body: &'a str },
    Quote { body: &'a str },
}

impl Reader {
    pub(super) fn prose(&mut self, line: Line<'_>) -> bool {
        let text = if line.complete {
            line.text.trim_end()
        } else {
            line.text
        };
        let kind = kind(text);
        let blank = self.blank;
        let mut before = self.before();
        let gap = if blank { "\n\n" } else { "\n" };
        let mut frame = Frame {
            gap,
            ..Frame::default()
        };
        let body = match kind {
            Kind::Rule => {
                self.put(RULE, gap, before, None);
                return true;
            }
            Kind::Text { prefix, body } => {
                frame.prefix = prefix;
                body.to_owned()
            }
            Kind::Quote { body } => {
                "> ".clone_into(&mut frame.prefix);
                frame.lead = "> ";
                body.to_owned()
            }
            Kind::Heading { level, body } => {
                before = before.max(Break::Line);
                self.headed = true;
                if level <= 3 {
                    frame.prefix = format!("{} ", "#".repeat(level));
                    body.to_owned()
                } else {
                    // Discord has three levels; the others are bold.
                    "**".clone_into(&mut frame.prefix);
                    frame.suffix = "**";
                    body.replace("**", "")
                }
            }
        };
        let pieces = words::pieces(&body, &frame, before, line.complete);
        // The lead of a quote stands in its first word already.
        let is_first = self.out.len();
        self.out.extend(pieces);
        if let Some(first) = self.out.get_mut(is_first) {
            first.lead = "";
        }
        line.complete
    }
}

fn kind(line: &str) -> Kind<'_> {
    let body = line.trim_start();
    let indent: usize = line[..line.len() - body.len()]
        .chars()
        .map(|space| if space == '\t' { 4 } else { 1 })
        .sum();
    if is_rule(body) {
        return Kind::Rule;
    }
    let hashes = body.len() - body.trim_start_matches('#').len();
    if let (1..=6, Some(rest)) = (hashes, body[hashes..].strip_prefix(' ')) {
        return Kind::Heading {
            level: hashes,
            body: rest.trim().trim_end_matches('#').trim_end(),
        };
    }
    if body.starts_with('>') {
        return Kind::Quote {
            body: body.trim_start_matches(['>', ' ']),
        };
    }
    let indent = " ".repeat(indent.min(DEEPEST));
    if let Some((bullet, rest)) = item(body) {
        return Kind::Text {
            prefix: format!("{indent}{bullet}"),
            body: rest,
        };
    }
    if let Some((name, rest)) = body.strip_prefix("[^").and_then(|note| note.split_once("]:"))
        && name.len() < 40
    {
        return Kind::Text {
            prefix: format!("-# [{}] ", words::disarmed(name)),
            body: rest.trim_start(),
        };
    }
    Kind::Text {
        // What is only indented is not indented in Discord either.
        prefix: String::new(),
        body,
    }
}

/// A bullet or number as Discord knows it, and the words behind it.
fn item(body: &str) -> Option<(String, &str)> {
    for mark in ["- ", "* ", "+ "] {
        let Some(rest) = body.strip_prefix(mark) else {
            continue;
        };
        let rest = rest.trim_start();
        for (mark, sign) in [("[ ] ", "- ☐ "), ("[x] ", "- ☑ "), ("[X] ", "- ☑ ")] {
            if let Some(rest) = rest.strip_prefix(mark) {
                return Some((sign.to_owned(), rest));
            }
        }
        return Some(("- ".to_owned(), rest));
    }
    let digits = body.bytes().take_while(u8::is_ascii_digit).count();
    let rest = body[digits..].strip_prefix(['.', ')'])?.strip_prefix(' ')?;
    (1..=9)
        .contains(&digits)
        .then(|| (format!("{}. ", &body[..digits]), rest.trim_start()))
}

/// Three or more of one mark; `===` below a heading is drawn like it.
fn is_rule(body: &str) -> bool {
    let mut marks = body.chars().filter(|mark| *mark != ' ');
    let Some(first) = marks
        .next()
        .filter(|first| matches!(first, '-' | '*' | '_' | '='))
    else {
        return false;
    };
    body.trim_end().chars().filter(|mark| *mark != ' ').count() >= 3 && marks.all(|mark| mark == first)
}
