//! Characters that deceive: controls, bidi overrides, invisible ones, floods of combining marks.

use std::borrow::Cow;
use std::fmt::Write as _;

/// More marks on one letter than any language has.
const MOST_MARKS: usize = 6;
/// A joiner stands alone (Persian, Indic) or behind a variation selector (❤️‍🔥); a row of them only hides something.
const MOST_JOINERS: usize = 2;

/// What is done with a deceiving character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hidden {
    /// It becomes a word that names it: in what a person is asked to approve, nothing may be missing.
    Named,
    /// It goes: in prose it has no use, and its name would only disturb.
    Dropped,
}

/// For what will be executed or was read from files and tools: every hidden character is written out as `⟨U+202E⟩`.
pub fn named(text: &str) -> Cow<'_, str> {
    clean(text, Hidden::Named)
}

/// For prose, names and titles: hidden characters are left out.
pub fn dropped(text: &str) -> Cow<'_, str> {
    clean(text, Hidden::Dropped)
}

/// As [`dropped`], for what a program printed for a terminal: the sequences that a terminal obeys (ECMA-48) go as a whole.
/// What is added at the end of `text` is added at the end of the outcome; nothing before it changes.
pub fn printed(text: &str) -> String {
    dropped(&without_sequences(text)).into_owned()
}

fn without_sequences(text: &str) -> Cow<'_, str> {
    if !text.contains(['\u{1b}', '\u{9b}', '\u{7}']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut inside = Sequence::No;
    for letter in text.chars() {
        inside = match (inside, letter) {
            (Sequence::No | Sequence::Escape | Sequence::Words, '\u{1b}') | (Sequence::Escape, ' '..='/') => {
                Sequence::Escape
            }
            (Sequence::No, '\u{9b}') | (Sequence::Escape, '[') | (Sequence::Control, ' '..='?') => {
                Sequence::Control
            }
            (Sequence::Escape, ']' | 'P' | 'X' | '^' | '_') => Sequence::Words,
            (Sequence::No | Sequence::Words, '\u{7}')
            | (Sequence::Escape, '0'..='~')
            | (Sequence::Control, '@'..='~') => Sequence::No,
            // An unfinished one swallows no more than its own line.
            (Sequence::Words, letter) if letter != '\n' => Sequence::Words,
            (_, letter) => {
                out.push(letter);
                Sequence::No
            }
        };
    }
    Cow::Owned(out)
}

/// Where in a terminal's sequence a letter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sequence {
    No,
    /// After ESC.
    Escape,
    /// After `ESC [`: up to a final byte.
    Control,
    /// OSC, DCS, SOS, PM, APC: up to BEL or ST.
    Words,
}

/// As [`dropped`], on one line, at most `most` characters.
pub fn line(text: &str, most: usize) -> String {
    let clean = dropped(text);
    let mut out = String::new();
    for (count, letter) in clean
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .enumerate()
    {
        if count == most {
            out.push('…');
            break;
        }
        out.push(letter);
    }
    out
}

fn clean(text: &str, hidden: Hidden) -> Cow<'_, str> {
    // Nearly all text is plain ASCII: one pass over bytes decides, and nothing is copied.
    if text
        .bytes()
        .all(|byte| matches!(byte, b'\t' | b'\n' | b' '..=b'~'))
    {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let (mut marks, mut joiners) = (0, 0);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        marks = if is_mark(letter) { marks + 1 } else { 0 };
        joiners = if is_joiner(letter) { joiners + 1 } else { 0 };
        let windows_end = letter == '\r' && letters.peek() == Some(&'\n');
        if windows_end {
            continue;
        }
        if deceives(letter) || marks > MOST_MARKS || joiners > MOST_JOINERS {
            match hidden {
                Hidden::Named if marks <= MOST_MARKS => {
                    // Writing to a string can't fail.
                    let _ = write!(out, "⟨U+{:04X}⟩", u32::from(letter));
                }
                _ => {}
            }
        } else {
            out.push(letter);
        }
    }
    Cow::Owned(out)
}

/// Controls other than tab and line feed; bidi marks, embeddings, overrides and isolates; spaces without a width;
/// separators that some renderers break lines at; tags; characters that are nothing.
fn deceives(letter: char) -> bool {
    matches!(letter,
        '\0'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
        | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

fn is_joiner(letter: char) -> bool {
    matches!(letter, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

fn is_mark(letter: char) -> bool {
    matches!(letter,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}' | '\u{6d6}'..='\u{6dc}' | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_approved_hides_nothing() {
        assert_eq!(named("rm \u{202e}txt.sh"), "rm ⟨U+202E⟩txt.sh");
        assert_eq!(
            named("a\u{200b}b\u{7f}\u{1b}[0m"),
            "a⟨U+200B⟩b⟨U+007F⟩⟨U+001B⟩[0m"
        );
        assert_eq!(named("one\r\ntwo\rthree"), "one\ntwo⟨U+000D⟩three");
        assert_eq!(named("\u{e0041}\u{feff}"), "⟨U+E0041⟩⟨U+FEFF⟩");
    }

    #[test]
    fn prose_keeps_its_letters_and_loses_what_deceives() {
        assert_eq!(dropped("a\u{202e}b\u{200b}c\u{2066}d"), "abcd");
        assert_eq!(
            dropped("👩\u{200d}💻 نمی\u{200c}خواهم é"),
            "👩\u{200d}💻 نمی\u{200c}خواهم é"
        );
        assert!(matches!(dropped("plain\ttext\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn floods_shrink_to_what_a_language_needs() {
        let zalgo = format!("a{}b", "\u{301}".repeat(10_000));
        assert_eq!(dropped(&zalgo).chars().count(), 2 + MOST_MARKS);
        assert_eq!(named(&zalgo).chars().count(), 2 + MOST_MARKS);
        let joined = format!("a{}b", "\u{200d}".repeat(10_000));
        assert_eq!(dropped(&joined).chars().count(), 2 + MOST_JOINERS);
        assert_eq!(dropped(&"\u{200b}".repeat(100_000)), "");
    }

    #[test]
    fn what_a_terminal_would_obey_goes() {
        for (text, plain) in [
            ("a\u{1b}[31mb\u{1b}[0mc", "abc"),
            (
                "\u{1b}]8;;https://evil.example\u{7}here\u{1b}]8;;\u{1b}\\!",
                "here!",
            ),
            ("\u{1b}]0;title with no end\nnext", "\nnext"),
            ("\u{9b}2Jx\u{1b}(By\u{7}z", "xyz"),
            ("\u{1b}[31", ""),
            ("\u{1b}[3ü", "ü"),
            ("❤\u{fe0f}\u{200d}🔥", "❤\u{fe0f}\u{200d}🔥"),
        ] {
            assert_eq!(printed(text), plain, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_added_changes_nothing_before_it(text in "[a\u{1b}\u{7}\u{9b}\\[\\]m;\\\\3\r\n\u{301}\u{200d}]{0,60}", cut in 0..60usize) {
            let whole = printed(&text);
            let start: String = text.chars().take(cut).collect();
            proptest::prop_assert!(whole.starts_with(&printed(&start)), "{:?}", text);
        }
    }

    #[test]
    fn a_title_is_one_short_line() {
        assert_eq!(line("  a\n\tb\u{202e} c ", 80), "a b c");
        assert_eq!(line("abcdef", 3), "abc…");
    }
}
