//! Names within Discord's limits: titles of threads, files, labels.

use unicode_segmentation::UnicodeSegmentation as _;

use super::split::{disarmed, units};
use crate::harmless;

/// The longest title of a thread.
pub const LONGEST_TITLE: usize = 100;
/// The longest label of a button.
pub const LONGEST_BUTTON: usize = 80;
/// The longest title of a modal and label of a field in it.
pub const LONGEST_LABEL: usize = 45;
/// The longest hint in an empty field of a modal.
pub const LONGEST_PLACEHOLDER: usize = 100;

/// What a thread is called whose first message has no words.
const UNTITLED: &str = "New conversation";
/// The longest name of a file, in bytes.
const LONGEST_FILE: usize = 100;
/// The longest ending of a name that counts as one.
const LONGEST_ENDING: usize = 16;

/// The title of a thread that this message opens: its first words, on one line, without marks and mentions.
pub fn thread_title(message: &str) -> String {
    let mut lines = message.lines().peekable();
    let first = std::iter::from_fn(|| {
        let line = lines.next()?;
        Some(if lines.peek().is_some() {
            before_code(line)
        } else {
            line
        })
    });
    let first = first
        .map(bare)
        .find(|line| line.chars().any(char::is_alphanumeric))
        .unwrap_or_default();
    if first.is_empty() {
        return UNTITLED.to_owned();
    }
    shortened(&first, LONGEST_TITLE)
}

/// A line that others follow, without the fence that begins code on the next one, and its language.
fn before_code(line: &str) -> &str {
    match line.rsplit_once("```") {
        Some((before, language)) if !language.contains(char::is_whitespace) => before,
        _ => line,
    }
}

/// A line without Markdown's marks and without Discord's mentions.
fn bare(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(['<', '`', '*', '#', '>', '|', '~', '[', ']']) {
        out.push_str(&rest[..at]);
        let after = &rest[at..];
        rest = match mention(after) {
            Some(length) => &after[length..],
            None => &after[1..],
        };
    }
    out.push_str(rest);
    disarmed(&harmless::line(&out, 10 * LONGEST_TITLE))
        .trim()
        .to_owned()
}

/// The length of the mention, emoji or moment that a text begins with: `<@1>`, `<#1>`, `<:name:1>`, `<t:1:R>`.
fn mention(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('<')?;
    let end = inside.find('>').filter(|end| *end < 60)?;
    let begins = ["@", "#", ":", "a:", "t:"]
        .iter()
        .any(|start| inside.starts_with(start));
    let is_mention = begins && !inside[..end].contains(char::is_whitespace);
    is_mention.then_some(end + 2)
}

/// The beginning of a text, at most `most` long, if possible up to the end of a word. Shortened, it ends with `…`.
pub fn shortened(text: &str, most: usize) -> String {
    if units(text) <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    for letter in text.graphemes(true) {
        if units(&kept) + units(letter) >= most {
            break;
        }
        kept.push_str(letter);
    }
    if let Some(at) = kept.rfind(char::is_whitespace).filter(|at| *at > kept.len() / 2) {
        kept.truncate(at);
    }
    kept.truncate(kept.trim_end().len());
    kept.push('…');
    kept
}

/// A label on one line, at most `most` long; never empty.
pub fn label(text: &str, most: usize) -> String {
    let line = shortened(&harmless::line(text, 4 * most), most);
    if line.is_empty() { "…".to_owned() } else { line }
}

/// The name of a file as a name and nothing else: no folder, nothing hidden, nothing that a shell or a page would obey.
pub fn file_name(given: &str) -> String {
    let last = given
        .rsplit(['/', '\\'])
        .find(|part| !part.trim_matches(['.', ' ']).is_empty())
        .unwrap_or_default();
    let plain: String = harmless::dropped(last)
        .chars()
        .map(|letter| match letter {
            letter if letter.is_alphanumeric() => letter,
            '.' | '-' | '_' | '+' | '(' | ')' | ',' | '=' => letter,
            _ => '_',
        })
        .collect();
    // A name that begins with a point is hidden, one that begins with a dash is taken for an option.
    let plain = plain.trim_start_matches(['.', '-']).trim_end_matches('.');
    let plain = if plain.is_empty() { "file" } else { plain };
    let (stem, ending) = match plain.rsplit_once('.') {
        Some((stem, ending)) if ending.len() <= LONGEST_ENDING && !stem.is_empty() => {
            (stem, format!(".{ending}"))
        }
        _ => (plain, String::new()),
    };
    let end = stem.floor_char_boundary(LONGEST_FILE - ending.len());
    format!("{}{ending}", &stem[..end])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_title_is_the_first_line_that_has_words() {
        for (message, title) in [
            ("<@123> please *fix* the `login`", "please fix the login"),
            ("# Heading\nmore", "Heading"),
            ("```\nlet a = 1;\n```", "let a = 1;"),
            ("<@1> ```py\nprint(1)\n```", "print(1)"),
            ("look at ```c++\nint a;\n```", "look at"),
            ("```py```", "py"),
            ("<@1> ```py", "py"),
            ("``` run it\nnow", "run it"),
            ("<@!1> <@&2> <#3> <:smile:4> <t:5:R>", UNTITLED),
            ("\n \u{200b}\u{202e}\n", UNTITLED),
            ("@everyone look", "@\u{200b}everyone look"),
            ("[docs](https://x.example)", "docs(https://x.example)"),
            ("a < b and c > d", "a b and c d"),
            ("👀", UNTITLED),
        ] {
            assert_eq!(thread_title(message), title, "{message:?}");
        }
        let long = thread_title(&"word ".repeat(100));
        assert!(long.ends_with("word…") && units(&long) <= LONGEST_TITLE, "{long}");
        assert_eq!(units(&thread_title(&"漢".repeat(300))), LONGEST_TITLE);
    }

    #[test]
    fn a_file_name_leads_nowhere() {
        for (given, name) in [
            ("../../etc/passwd", "passwd"),
            ("..\\..\\boot.ini", "boot.ini"),
            (".bashrc", "bashrc"),
            ("-rf", "rf"),
            ("../..", "file"),
            ("", "file"),
            ("a b\u{202e}gpj.exe", "a_bgpj.exe"),
            ("$(reboot);`x`.sh", "_(reboot)__x_.sh"),
            ("report.tar.gz", "report.tar.gz"),
            ("bericht über.txt", "bericht_über.txt"),
        ] {
            assert_eq!(file_name(given), name, "{given:?}");
        }
    }

    #[test]
    fn labels_are_short_and_never_empty() {
        assert_eq!(label("  \u{200b} ", LONGEST_LABEL), "…");
        assert_eq!(label("Paste\nthe code", LONGEST_LABEL), "Paste the code");
        assert_eq!(units(&label(&"x".repeat(200), LONGEST_LABEL)), LONGEST_LABEL);
    }

    proptest! {
        #[test]
        fn names_keep_to_the_limits(text in "(.|[\n\u{200d}👩👧🇫🇷/\\\\.@<>`]){0,200}") {
            let title = thread_title(&text);
            prop_assert!((1..=LONGEST_TITLE).contains(&units(&title)) && !title.trim().is_empty(), "{title:?}");
            prop_assert!(!title.contains(['\n', '`']) && !title.contains("<@"), "{title:?}");
            let name = file_name(&text);
            prop_assert!(!name.is_empty() && name.len() <= LONGEST_FILE, "{name:?}");
            prop_assert!(!name.contains(['/', '\\', '\0', '\n', '`']) && !name.starts_with(['.', '-']), "{name:?}");
            for most in [LONGEST_BUTTON, LONGEST_LABEL, LONGEST_PLACEHOLDER] {
                prop_assert!((1..=most).contains(&units(&label(&text, most))));
            }
        }
    }
}
