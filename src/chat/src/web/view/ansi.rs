//! Terminal output without a terminal: basic colours as classes, everything else that a terminal would obey is dropped.

use super::harmless;
use super::html::push_escaped;

/// What a colour code has switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Style {
    bold: bool,
    dim: bool,
    /// 0–7, as in SGR 30–37.
    colour: Option<u8>,
}

/// HTML of what a command printed. Colours 30–37, 90–97, bold and dim become classes; a line that was rewritten with
/// carriage returns (progress bars) shows its last state.
pub(crate) fn html(output: &str) -> String {
    let mut out = String::with_capacity(output.len() + output.len() / 8);
    let mut style = Style::default();
    for (count, line) in output.split('\n').enumerate() {
        if count > 0 {
            out.push('\n');
        }
        let line = line.strip_suffix('\r').unwrap_or(line);
        let (rewritten, last) = line.rsplit_once('\r').unwrap_or(("", line));
        // What was overwritten is not shown, but its colours last.
        runs(rewritten, &mut style, |_, _| {});
        runs(last, &mut style, |text, style| push_run(&mut out, text, style));
    }
    out
}

fn push_run(out: &mut String, text: &str, style: Style) {
    let text = harmless::named(text);
    if text.is_empty() {
        return;
    }
    if style == Style::default() {
        return push_escaped(out, &text);
    }
    out.push_str("<span class=\"");
    let mut classes = Vec::with_capacity(3);
    if style.bold {
        classes.push("ab".to_owned());
    }
    if style.dim {
        classes.push("ad".to_owned());
    }
    if let Some(colour) = style.colour {
        classes.push(format!("a{colour}"));
    }
    out.push_str(&classes.join(" "));
    out.push_str("\">");
    push_escaped(out, &text);
    out.push_str("</span>");
}

/// Cuts a line into runs of one style; sequences go (ECMA-48).
fn runs(line: &str, style: &mut Style, mut run: impl FnMut(&str, Style)) {
    let mut rest = line;
    while let Some(at) = rest.find(['\u{1b}', '\u{9b}', '\u{8}', '\u{7}']) {
        if at > 0 {
            run(&rest[..at], *style);
        }
        rest = after_sequence(&rest[at..], style);
    }
    if !rest.is_empty() {
        run(rest, *style);
    }
}

/// What follows the sequence that `text` begins with. An unfinished one swallows no more than its own line.
fn after_sequence<'a>(text: &'a str, style: &mut Style) -> &'a str {
    let mut letters = text.chars();
    let first = letters.next();
    let body = letters.as_str();
    match (first, body.chars().next()) {
        (Some('\u{1b}'), Some('[')) => control(&body[1..], style),
        (Some('\u{9b}'), _) => control(body, style),
        // OSC, DCS, SOS, PM, APC: up to BEL or ST.
        (Some('\u{1b}'), Some(']' | 'P' | 'X' | '^' | '_')) => after_string(&body[1..]),
        // Intermediate bytes, then one final byte.
        (Some('\u{1b}'), Some(next)) if next.is_ascii() => {
            let end = body
                .find(|letter| !(' '..='/').contains(&letter))
                .unwrap_or(body.len());
            let mut tail = body[end..].chars();
            if tail
                .clone()
                .next()
                .is_some_and(|letter| letter.is_ascii() && letter != '\u{1b}')
            {
                tail.next();
            }
            tail.as_str()
        }
        _ => body,
    }
}

/// After the string of an OSC and the like. One scan for whichever end comes first, so that a flood stays linear.
fn after_string(text: &str) -> &str {
    match text.find(['\u{7}', '\u{1b}']) {
        Some(at) if text[at..].starts_with("\u{1b}\\") => &text[at + 2..],
        Some(at) if text[at..].starts_with('\u{7}') => &text[at + 1..],
        Some(at) => &text[at..],
        None => "",
    }
}

/// After `ESC [`: parameters, then a final byte; `m` sets the style.
fn control<'a>(text: &'a str, style: &mut Style) -> &'a str {
    let end = text
        .find(|letter| !(' '..='?').contains(&letter))
        .unwrap_or(text.len());
    let (parameters, tail) = text.split_at(end);
    match tail.chars().next() {
        Some('m') => set(parameters, style),
        Some('@'..='~') => {}
        // Not a final byte: the sequence is broken, and what follows is text.
        _ => return tail,
    }
    &tail[1..]
}

fn set(parameters: &str, style: &mut Style) {
    // None given means 0; what is no number means nothing.
    let read = |number: &str| {
        if number.is_empty() {
            0
        } else {
            number.parse().unwrap_or(u8::MAX)
        }
    };
    let mut numbers = parameters.split([';', ':']).map(read);
    while let Some(number) = numbers.next() {
        match number {
            0 => *style = Style::default(),
            1 => style.bold = true,
            2 => style.dim = true,
            22 => (style.bold, style.dim) = (false, false),
            30..=37 => style.colour = Some(number - 30),
            90..=97 => style.colour = Some(number - 90),
            39 => style.colour = None,
            // 256 and true colours are not shown; their arguments are not codes.
            38 | 48 => drop(match numbers.next() {
                Some(5) => numbers.next(),
                Some(2) => numbers.nth(2),
                _ => None,
            }),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_become_classes_and_nothing_else_survives() {
        let table = [
            ("plain <b>", "plain &lt;b&gt;"),
            ("\u{1b}[31mred\u{1b}[0m not", "<span class=\"a1\">red</span> not"),
            ("\u{1b}[1;92mok\u{1b}[m", "<span class=\"ab a2\">ok</span>"),
            ("\u{1b}[38;5;31mx\u{1b}[48;2;1;2;31my", "xy"),
            ("\u{9b}33mc1", "<span class=\"a3\">c1</span>"),
            ("\u{1b}]0;title\u{7}after", "after"),
            (
                "\u{1b}]8;;javascript:alert(1)\u{1b}\\link\u{1b}]8;;\u{1b}\\",
                "link",
            ),
            ("\u{1b}[2J\u{1b}[Hhome\u{1b}(B\u{1b}=", "home"),
            ("\u{1b}[31", ""),
            ("\u{1b}", ""),
            ("\u{1b}[\u{1b}[32mgreen", "<span class=\"a2\">green</span>"),
            ("\u{1b}]never ends", ""),
            (
                "ü\u{1b}[31mß\u{1b}[999mé",
                "ü<span class=\"a1\">ß</span><span class=\"a1\">é</span>",
            ),
            ("10%\r20%\r100%\r\nnext", "100%\nnext"),
            ("a\u{8}\u{7}b\u{202e}c", "ab⟨U+202E⟩c"),
            (
                "\u{1b}[31m<script>\u{1b}[0m",
                "<span class=\"a1\">&lt;script&gt;</span>",
            ),
        ];
        for (output, expected) in table {
            assert_eq!(html(output), expected, "{output:?}");
        }
    }

    #[test]
    fn an_unfinished_sequence_eats_no_further_line() {
        assert_eq!(html("a\u{1b}]0;\nb"), "a\nb");
    }

    #[test]
    fn a_flood_of_escapes_takes_linear_time() {
        for flood in [
            "\u{1b}[",
            "\u{1b}]",
            "\u{1b}]\u{1b}\\",
            "\u{1b}]x\u{7}",
            "\u{1b}[31mx",
            "\r",
            "\u{9b};",
        ] {
            let long = html(&flood.repeat(1_000_000 / flood.len()));
            assert!(long.len() < 12_000_000, "{flood:?}");
        }
    }
}
