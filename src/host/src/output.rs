//! The only place that prints: data to standard output, talk to standard error.

use std::io::{self, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::failure::Failure;
use crate::shell;

mod table;

pub(crate) use table::Table;

/// How a word looks on a terminal that has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    /// All is well.
    Green,
    /// Worth a look.
    Yellow,
    /// A person must act.
    Red,
}

/// Whether words to standard output may be coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paint(bool);

impl Paint {
    /// Colours only on a terminal, and unless the person wants none.
    pub(crate) fn for_stdout(unwanted: bool) -> Self {
        Self(!unwanted && io::stdout().is_terminal())
    }

    /// The word, coloured where that is wanted.
    pub(crate) fn paint(self, colour: Colour, word: &str) -> String {
        let code = match colour {
            Colour::Green => 32,
            Colour::Yellow => 33,
            Colour::Red => 31,
        };
        if self.0 {
            format!("\u{1b}[{code}m{word}\u{1b}[0m")
        } else {
            word.to_owned()
        }
    }
}

/// So many of something, with its plural where it is due.
pub(crate) fn count(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// Prints data and a line feed on standard output. A reader that has gone away is no error.
pub(crate) fn data(text: &str) -> Result<(), Failure> {
    let mut line = String::with_capacity(text.len() + 1);
    line.push_str(text);
    line.push('\n');
    let mut stdout = io::stdout().lock();
    match stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::during(error, "could not write to standard output"))
        }
        _ => Ok(()),
    }
}

/// Prints a value as one line of JSON on standard output.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value)
        .map_err(|error| Failure::during(error, "could not write the answer as JSON"))?;
    data(&in_ascii(&text))
}

/// The same JSON without a letter that a terminal would obey or a person not see: all but ASCII is escaped (RFC 8259 §7).
fn in_ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for letter in json.chars() {
        if letter.is_ascii() && letter != '\u{7f}' {
            out.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                // Writing to a string can't fail.
                let _ = std::fmt::Write::write_fmt(&mut out, format_args!("\\u{unit:04x}"));
            }
        }
    }
    out
}

/// Tells a person something on standard error.
pub(crate) fn say(text: &str) {
    // In one write, so that what many programs tell one terminal stays in lines. Where even this can't be written there is
    // nobody to tell.
    let text = shell::pasted(text);
    let _ = io::stderr().lock().write_all(format!("{text}\n").as_bytes());
}

/// Tells a person what to do next.
pub(crate) fn hint(text: &str) {
    say(&format!("hint: {text}"));
}

/// Asks a person for something, staying on the line.
pub(crate) fn ask(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "{text}").and_then(|()| stderr.flush());
}

/// Tells why a verb failed, and what to do next.
pub(crate) fn failure(failure: &Failure) {
    match failure.hint_words() {
        Some(words) => say(&format!("error: {failure}\nhint: {words}")),
        None => say(&format!("error: {failure}")),
    }
}

/// The first ones, and how many more there are.
pub(crate) fn some_of<T: AsRef<str>>(names: &[T], most: usize) -> String {
    let shown: Vec<&str> = names.iter().take(most).map(AsRef::as_ref).collect();
    let more = names.len().saturating_sub(most);
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_means_the_same_in_ascii() {
        let text = "é\u{202e}\u{9b}31m\u{7f}\u{1b}😀\n";
        let plain = in_ascii(&serde_json::to_string(text).unwrap());
        assert!(plain.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{plain}");
        assert_eq!(serde_json::from_str::<String>(&plain).unwrap(), text);
    }
}
