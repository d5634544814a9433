//! What the host says by itself, in its parts: its own words as sentences, and apart from them what a program wrote.

/// A note of a thread's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Note<'a> {
    /// What is wrong, and what can be done about it (which `hint:` begins), as sentences with `code` in them.
    pub(crate) words: String,
    /// What a program wrote, and what that is: what stands between fences, and the line above them.
    pub(crate) quoted: Option<(&'a str, &'a str)>,
}

impl<'a> Note<'a> {
    pub(crate) fn read(text: &'a str) -> Self {
        match quoted(text) {
            Some((before, title, quoted, after)) => Self {
                words: [sentences(before), sentences(after)].join(" ").trim().to_owned(),
                quoted: Some((title.trim_end_matches(':'), quoted)),
            },
            None => Self {
                words: sentences(text),
                quoted: None,
            },
        }
    }
}

fn quoted(text: &str) -> Option<(&str, &str, &str, &str)> {
    let (before, rest) = text.split_once("\n\n```\n")?;
    let (quoted, after) = rest.rsplit_once("\n```")?;
    let (before, title) = before.rsplit_once("\n\n")?;
    Some((before, title, quoted, after))
}

fn sentences(words: &str) -> String {
    let parts: Vec<_> = words
        .split("\nhint: ")
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(sentence)
        .collect();
    parts.join(" ")
}

/// Words of an error as a sentence.
pub(crate) fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string())
        .unwrap_or_default();
    let end = if words.ends_with(['.', '!', '?', '…']) {
        ""
    } else {
        "."
    };
    format!("{first}{}{end}", letters.as_str())
}

/// Its pieces in turn, and whether each is code. A quotation mark that stands alone quotes nothing.
pub(crate) fn pieces(words: &str) -> impl Iterator<Item = (&str, bool)> {
    let is_whole = words.matches('`').count().is_multiple_of(2);
    let mark = if is_whole { '`' } else { '\0' };
    words
        .split(mark)
        .enumerate()
        .map(|(at, piece)| (piece, at % 2 == 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_has_its_words_as_sentences_and_apart_from_them_what_a_program_wrote() {
        let note = Note::read(
            "The process ended.\n\nIts last words:\n\n```\nno cake\n  at all\n```\n\n The turn was cut.",
        );
        assert_eq!(note.words, "The process ended. The turn was cut.");
        assert_eq!(note.quoted, Some(("Its last words", "no cake\n  at all")));
        let note = Note::read("no model is chosen\nhint: say `/model NAME` in the thread");
        assert_eq!(note.words, "No model is chosen. Say `/model NAME` in the thread.");
        assert_eq!(note.quoted, None);
    }

    #[test]
    fn code_stands_between_two_marks_and_one_alone_is_a_letter() {
        let pieces = |words| super::pieces(words).collect::<Vec<_>>();
        assert_eq!(
            pieces("say `/new` now"),
            [("say ", false), ("/new", true), (" now", false)]
        );
        assert_eq!(pieces("it`s"), [("it`s", false)]);
    }
}
