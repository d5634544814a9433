//! What the rehearsal model says.

use std::fmt::Write as _;

use super::asked::Asked;
use super::script::Use;

/// Words without meaning for `stream N words`.
const WORDS: &str = "a thread is a place where people and an agent work on one thing together and each message is kept \
    before it is answered so that nothing is lost when the light goes out in the middle of a sentence";

/// Words in one paragraph of them.
const PARAGRAPH: usize = 60;

const HELP: &str = "Write one of these lines, or several; they are done in order:\n\n\
    ```text\n\
    run: ls -la\n\
    write: notes.txt hello there\n\
    read: notes.txt\n\
    edit: notes.txt hello => good morning\n\
    list\n\
    grep: morning\n\
    offer: notes.txt\n\
    plan: look around; change something; check it\n\
    think: what would a model think?\n\
    stream 200 words\n\
    slow 5s\n\
    fail 429\n\
    cut\n\
    recall\n\
    ```\n\n\
    - Commands and changes of files ask you first. Deny one, with a reason, and see what I make of it.\n\
    - `fail 401` makes me refuse the login once; it is renewed without a word.\n\
    - Attach a file or a picture, and I say what I got.\n";

/// The reply to a message that is no script.
pub(super) fn greeting(asked: &Asked) -> String {
    let mut words = String::from(
        "This is a **rehearsal**: I am no language model, and nothing you write leaves this machine.",
    );
    if let Some(attachments) = attachments(asked) {
        let _ = write!(words, " {attachments}");
    }
    words.push_str("\n\n");
    words.push_str(HELP);
    words
}

/// The reply to `help`.
pub(super) fn help() -> String {
    HELP.to_owned()
}

/// How many attachments came, and what they are; `None` without any.
pub(super) fn attachments(asked: &Asked) -> Option<String> {
    match &asked.attachments[..] {
        [] => None,
        [one] => Some(format!("I got one attachment: {one}.")),
        several => Some(format!(
            "I got {} attachments: {}.",
            several.len(),
            several.join("; ")
        )),
    }
}

/// What was said earlier.
pub(super) fn recall(asked: &Asked) -> String {
    let earlier = &asked.earlier;
    if earlier.is_empty() {
        return "You have said nothing before this.".to_owned();
    }
    let mut words = format!(
        "You have said {} before this:\n\n",
        counted(earlier.len(), "thing")
    );
    for said in earlier {
        let line = said
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or("(nothing in words)");
        let _ = writeln!(words, "- {}", short(line));
    }
    words
}

/// A note on an earlier part of a conversation, if that is what is asked for: no tools, and nothing but quotes, each below
/// a line that says whose it is. It has what people said, and the earlier notes.
pub(super) fn note(asked: &Asked) -> Option<String> {
    let is_told = |line: &str| line.starts_with("> ") || line.ends_with(':');
    let mut lines = asked.text.lines().filter(|line| !line.trim().is_empty());
    if !asked.tools.is_empty() || !lines.next().is_some_and(is_told) || !asked.text.contains("\n> ") {
        return None;
    }
    let mut words = String::from("What was said before:\n");
    let mut wanted = false;
    for line in asked.text.lines() {
        match line.strip_prefix("> ") {
            Some(said) if wanted && !said.is_empty() => {
                let said = said.strip_prefix("- ").unwrap_or(said);
                if said != "What was said before:" {
                    let _ = write!(words, "\n- {}", short(said));
                }
            }
            Some(_) => {}
            None => wanted = matches!(line, "A person:" | "Your note on what was before:"),
        }
    }
    Some(words)
}

/// So many words.
pub(super) fn filler(count: usize) -> String {
    let mut text = String::new();
    for (at, word) in WORDS.split_whitespace().cycle().take(count).enumerate() {
        if at > 0 {
            text.push_str(if at % PARAGRAPH == 0 { "\n\n" } else { " " });
        }
        text.push_str(word);
    }
    text
}

/// A sentence about what came of the calls.
pub(super) fn report(calls: &[&Use], results: &[String]) -> String {
    let lines: Vec<String> = calls
        .iter()
        .zip(results)
        .map(|(call, result)| outcome(call, result))
        .collect();
    match &lines[..] {
        [one] => one.clone(),
        several => {
            format!("Done. What came of it:\n\n- {}\n", several.join("\n- "))
        }
    }
}

fn outcome(call: &Use, result: &str) -> String {
    let what = format!("`{}`", short(&call.words()).replace('`', "'"));
    if let Some(reason) = denial(result) {
        return match reason {
            "" => format!("{what} was not allowed, so I leave it."),
            reason => format!(
                "{what} was not allowed: \u{201c}{}\u{201d}. I keep to that.",
                short(reason)
            ),
        };
    }
    let lines = result.lines().filter(|line| !line.trim().is_empty()).count();
    match (call, end(result)) {
        (Use::Run(_), End::Exit(code)) => format!("{what} ended with exit code {code}."),
        (Use::Run(_), End::Otherwise(words)) => format!("{what}: {}.", short(words)),
        (Use::Write { .. } | Use::Edit { .. } | Use::Plan(_) | Use::Raw { .. }, _) => {
            let first = result.lines().find(|line| !line.trim().is_empty());
            format!("{what}: {}", short(first.unwrap_or("no word came back")))
        }
        _ => format!("{what} gave {}.", counted(lines, "line")),
    }
}

/// The reason of a denial, empty if there is none; `None` if the call was not denied.
fn denial(result: &str) -> Option<&str> {
    let head = result.lines().next().unwrap_or_default();
    if head.contains("configuration denies") {
        return Some(head);
    }
    let rest = ["denied this call", "call was denied"].iter().find_map(|words| {
        let (_, rest) = head.split_once(words)?;
        Some(rest)
    })?;
    let reason = rest.trim_start_matches(':').trim();
    let reason = reason.strip_prefix("because").map_or(reason, str::trim);
    Some(if reason.starts_with("and gave no reason") {
        ""
    } else {
        reason
    })
}

/// How a command ended.
enum End<'a> {
    /// By itself.
    Exit(i32),
    /// Otherwise: in the words of the result.
    Otherwise(&'a str),
}

/// How a command ended, as its result says in its last lines. One that says nothing ended well.
fn end(result: &str) -> End<'_> {
    let head = result.lines().next().unwrap_or_default();
    if ["not run:", "the command was not run:"]
        .iter()
        .any(|start| head.starts_with(start))
    {
        return End::Otherwise(head);
    }
    let notes = result
        .lines()
        .rev()
        .filter(|line| !line.trim().is_empty())
        .take(3);
    for line in notes {
        let words = line.trim().trim_start_matches('[').trim_end_matches(']');
        if let Some(code) = exit_code(words) {
            return End::Exit(code);
        }
        if ["ended by", "the command was ended", "interrupted", "not executed"]
            .iter()
            .any(|start| words.starts_with(start))
        {
            return End::Otherwise(words);
        }
    }
    End::Exit(0)
}

fn exit_code(line: &str) -> Option<i32> {
    let line = line.to_lowercase();
    let code = ["exit code", "exit status", "exited with"]
        .iter()
        .find_map(|words| line.strip_prefix(words))?;
    let number: String = code
        .trim_start_matches([':', ' ', '='])
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '-')
        .collect();
    number.parse().ok()
}

fn counted(count: usize, what: &str) -> String {
    match count {
        0 => format!("no {what}s"),
        1 => format!("one {what}"),
        more => format!("{more} {what}s"),
    }
}

fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim();
    match line.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(command: &str, result: &str) -> String {
        report(&[&Use::Run(command.into())], &[result.to_owned()])
    }

    #[test]
    fn a_result_is_told_in_one_sentence() {
        assert_eq!(run("ls", "a\nb\nexit code 0"), "`ls` ended with exit code 0.");
        assert_eq!(run("false", "exit code: 1\n"), "`false` ended with exit code 1.");
        assert_eq!(run("true", ""), "`true` ended with exit code 0.");
        assert_eq!(
            run("cat x", "exit code 7 is bad\na\nb\nc"),
            "`cat x` ended with exit code 0."
        );
        assert_eq!(
            run(
                "x",
                "[exit code 2]\n[2 processes that it had left running were ended]"
            ),
            "`x` ended with exit code 2."
        );
        assert_eq!(
            run("kill -9 $$", "[ended by SIGKILL]"),
            "`kill -9 $$`: ended by SIGKILL."
        );
        assert_eq!(
            run("x", "interrupted: the worker ended while this ran"),
            "`x`: interrupted: the worker ended while this ran."
        );
        assert_eq!(
            run("cat x", "cat: x: Permission denied\nexit status 1"),
            "`cat x` ended with exit code 1."
        );
        assert_eq!(
            run("rm x", "the user denied this call: not on a friday"),
            "`rm x` was not allowed: \u{201c}not on a friday\u{201d}. I keep to that."
        );
        assert_eq!(
            run("rm x", "the user denied this call and gave no reason"),
            "`rm x` was not allowed, so I leave it."
        );
        assert_eq!(
            run(
                "rm x",
                "this call was denied because nobody answered the request in time"
            ),
            "`rm x` was not allowed: \u{201c}nobody answered the request in time\u{201d}. I keep to that."
        );
        assert_eq!(
            run(
                "rm x",
                "this host's configuration denies tools that change something"
            ),
            "`rm x` was not allowed: \u{201c}this host's configuration denies tools that change something\u{201d}. I keep to that."
        );
        assert_eq!(
            run("x", "the command was not run: no such folder\nhint: make it"),
            "`x`: the command was not run: no such folder."
        );
        let read = Use::Read("a".into());
        assert_eq!(
            report(&[&read], &["1 x\n2 y".to_owned()]),
            "`read a` gave 2 lines."
        );
        let write = Use::Write {
            path: "a".into(),
            text: String::new(),
        };
        let both = report(&[&write, &read], &["wrote 5 bytes".to_owned(), String::new()]);
        assert_eq!(
            both,
            "Done. What came of it:\n\n- `write a`: wrote 5 bytes\n- `read a` gave no lines.\n"
        );
    }

    #[test]
    fn a_stream_has_exactly_the_words_that_were_asked_for() {
        for count in [1, 59, 60, 61, 2000] {
            assert_eq!(filler(count).split_whitespace().count(), count);
        }
    }
}
