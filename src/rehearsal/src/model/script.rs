//! The script in a message: its lines as steps, grouped into the replies that they make.

use std::time::Duration;

/// Most words of one `stream` line.
const MOST_WORDS: usize = 50_000;

/// Longest `slow`.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// What one reply does: steps, then calls of tools. Only the last one has no calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) steps: Vec<Step>,
    pub(crate) calls: Vec<Use>,
}

/// Something that a reply does by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Think(String),
    Say(String),
    Stream { words: usize, fast: bool },
    Slow(Duration),
    Hold,
    Fail { status: u16, retry_after: Option<u64> },
    Cut { early: bool },
    Recall,
    Help,
}

/// A tool that is to be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Run(String),
    Read(String),
    List(Option<String>),
    Glob(String),
    Grep(String),
    Write { path: String, text: String },
    Edit { path: String, old: String, new: String },
    Offer(Vec<String>),
    Plan(Vec<String>),
    Raw { name: String, arguments: String },
}

/// A line that means something.
enum Line {
    Steps(Vec<Step>),
    Call(Use),
    Together,
}

/// Reads a message. `None`: nothing in it is a script.
pub(crate) fn parse(message: &str) -> Option<Vec<Segment>> {
    let mut segments = vec![];
    let mut open = Segment::default();
    let mut together = false;
    let mut is_script = false;
    for line in message.lines() {
        let read = line_of(line.trim().trim_matches('`').trim());
        is_script |= read.is_some();
        let goes_on = together && matches!(read, Some(Line::Call(_)));
        // A reply ends with its calls.
        if !open.calls.is_empty() && !goes_on && read.is_some() {
            segments.push(std::mem::take(&mut open));
            together = false;
        }
        match read {
            Some(Line::Steps(steps)) => open.steps.extend(steps),
            Some(Line::Call(call)) => open.calls.push(call),
            Some(Line::Together) => together = true,
            None => {}
        }
    }
    if !open.calls.is_empty() {
        segments.push(std::mem::take(&mut open));
    }
    segments.push(open);
    is_script.then_some(segments)
}

fn line_of(line: &str) -> Option<Line> {
    if let Some((word, rest)) = line.split_once(':') {
        let rest = rest.trim();
        if let Some(read) = with_text(&word.trim().to_ascii_lowercase(), rest) {
            return Some(read);
        }
    }
    let words: Vec<String> = line.split_whitespace().map(str::to_ascii_lowercase).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let step = match words[..] {
        ["together" | "together:"] => return Some(Line::Together),
        ["list"] => return Some(Line::Call(Use::List(None))),
        ["stream", count, "word" | "words"] => Step::Stream {
            words: number(count)?,
            fast: false,
        },
        ["stream", count, "word" | "words", "fast"] => Step::Stream {
            words: number(count)?,
            fast: true,
        },
        ["slow", time] => Step::Slow(span(time)?),
        ["hold"] => Step::Hold,
        ["fail", status] => fail(status, None)?,
        ["fail", status, "wait", time] => fail(status, Some(span(time)?))?,
        ["fail", status, count, "time" | "times"] => {
            let times = number(count)?.min(100);
            return Some(Line::Steps(vec![fail(status, None)?; times]));
        }
        ["cut"] => Step::Cut { early: false },
        ["cut", "early"] => Step::Cut { early: true },
        ["recall"] => Step::Recall,
        ["help" | "help!" | "help?"] => Step::Help,
        _ => return None,
    };
    Some(Line::Steps(vec![step]))
}

/// `word: rest`.
fn with_text(word: &str, rest: &str) -> Option<Line> {
    let owned = rest.to_owned();
    let call = match word {
        "say" => return Some(Line::Steps(vec![Step::Say(unescaped(rest))])),
        "think" => return Some(Line::Steps(vec![Step::Think(unescaped(rest))])),
        "list" => Use::List((!rest.is_empty()).then_some(owned)),
        _ if rest.is_empty() => return None,
        "run" => Use::Run(owned),
        "read" => Use::Read(owned),
        "glob" => Use::Glob(owned),
        "grep" => Use::Grep(owned),
        "write" => {
            let (path, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            Use::Write {
                path: path.to_owned(),
                text: unescaped(text.trim()),
            }
        }
        "edit" => {
            let (path, change) = rest.split_once(char::is_whitespace)?;
            let (old, new) = change.split_once("=>")?;
            Use::Edit {
                path: path.to_owned(),
                old: unescaped(old.trim()),
                new: unescaped(new.trim()),
            }
        }
        "offer" => Use::Offer(rest.split_whitespace().map(str::to_owned).collect()),
        "plan" => Use::Plan(rest.split(';').map(|step| step.trim().to_owned()).collect()),
        "call" => {
            let (name, arguments) = rest.split_once(char::is_whitespace).unwrap_or((rest, "{}"));
            Use::Raw {
                name: name.to_owned(),
                arguments: arguments.trim().to_owned(),
            }
        }
        _ => return None,
    };
    Some(Line::Call(call))
}

fn fail(status: &str, wait: Option<Duration>) -> Option<Step> {
    let status = status
        .parse()
        .ok()
        .filter(|status| (400..=599).contains(status))?;
    let is_passing = status == 429 || status >= 500;
    Some(Step::Fail {
        status,
        retry_after: wait.map(|wait| wait.as_secs()).or(is_passing.then_some(1)),
    })
}

fn number(text: &str) -> Option<usize> {
    text.parse()
        .ok()
        .filter(|number| (1..=MOST_WORDS).contains(number))
}

fn span(text: &str) -> Option<Duration> {
    let span = if let Some(milliseconds) = text.strip_suffix("ms") {
        Duration::from_millis(milliseconds.parse().ok()?)
    } else {
        Duration::from_secs(text.strip_suffix('s')?.parse().ok()?)
    };
    Some(span.min(LONGEST_WAIT))
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => plain.push('\n'),
            Some('t') => plain.push('\t'),
            Some('e') => plain.push('\x1b'),
            Some('\\') | None => plain.push('\\'),
            Some(other) => plain.extend(['\\', other]),
        }
    }
    plain
}

impl Use {
    /// The line as a person would write it, for the sentence about its result.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Run(command) => command.clone(),
            Self::Read(path) => format!("read {path}"),
            Self::List(None) => "list".to_owned(),
            Self::List(Some(folder)) => format!("list {folder}"),
            Self::Glob(pattern) => format!("glob {pattern}"),
            Self::Grep(pattern) => format!("grep {pattern}"),
            Self::Write { path, .. } => format!("write {path}"),
            Self::Edit { path, .. } => format!("edit {path}"),
            Self::Offer(paths) => format!("offer {}", paths.join(" ")),
            Self::Plan(_) => "plan".to_owned(),
            Self::Raw { name, .. } => name.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(command: &str) -> Use {
        Use::Run(command.into())
    }

    #[test]
    fn every_documented_line_is_read() {
        let edit = Use::Edit {
            path: "a".into(),
            old: "x y".into(),
            new: "z\n".into(),
        };
        for (line, call) in [
            ("run: ls -la | wc: -l", run("ls -la | wc: -l")),
            ("RUN:ls", run("ls")),
            ("`run: ls`", run("ls")),
            ("read: a b.txt", Use::Read("a b.txt".into())),
            ("list", Use::List(None)),
            ("list: src", Use::List(Some("src".into()))),
            ("glob: **/*.rs", Use::Glob("**/*.rs".into())),
            ("grep: fn main", Use::Grep("fn main".into())),
            (
                "write: a hello\\nthere",
                Use::Write {
                    path: "a".into(),
                    text: "hello\nthere".into(),
                },
            ),
            (
                "write: empty",
                Use::Write {
                    path: "empty".into(),
                    text: String::new(),
                },
            ),
            ("edit: a x y => z\\n", edit),
            (
                "offer: a.png b/c.pdf",
                Use::Offer(vec!["a.png".into(), "b/c.pdf".into()]),
            ),
            ("plan: look; fix", Use::Plan(vec!["look".into(), "fix".into()])),
            (
                "call: bash {broken",
                Use::Raw {
                    name: "bash".into(),
                    arguments: "{broken".into(),
                },
            ),
        ] {
            let segments = parse(line).unwrap();
            assert_eq!(segments.len(), 2, "{line}");
            assert_eq!(segments[0].calls, [call], "{line}");
        }
        let fail = |status, retry_after| Step::Fail { status, retry_after };
        for (line, steps) in [
            ("say: a\\eb\\\\n", vec![Step::Say("a\x1bb\\n".into())]),
            ("think: hm", vec![Step::Think("hm".into())]),
            (
                "stream 20 words",
                vec![Step::Stream {
                    words: 20,
                    fast: false,
                }],
            ),
            ("Stream 1 word fast", vec![Step::Stream { words: 1, fast: true }]),
            ("slow 5s", vec![Step::Slow(Duration::from_secs(5))]),
            ("slow 300ms", vec![Step::Slow(Duration::from_millis(300))]),
            ("hold", vec![Step::Hold]),
            ("fail 429", vec![fail(429, Some(1))]),
            ("fail 401", vec![fail(401, None)]),
            ("fail 503 2 times", vec![fail(503, Some(1)); 2]),
            ("fail 429 wait 7s", vec![fail(429, Some(7))]),
            ("cut", vec![Step::Cut { early: false }]),
            ("cut early", vec![Step::Cut { early: true }]),
            ("recall", vec![Step::Recall]),
            ("help", vec![Step::Help]),
        ] {
            assert_eq!(parse(line).unwrap(), [Segment { steps, calls: vec![] }], "{line}");
        }
    }

    #[test]
    fn talk_is_no_script() {
        for talk in [
            "",
            "hello",
            "run the tests",
            "please list the files",
            "slow down",
            "stream of words",
            "fail",
            "fail 200",
            "stream 0 words",
            "run:",
            "what does http://x say?",
            "edit: a b",
        ] {
            assert_eq!(parse(talk), None, "{talk}");
        }
    }

    #[test]
    fn a_reply_ends_with_its_tool_line_and_together_joins_them() {
        let segments = parse("Please:\nthink: hm\nrun: a\nand then\nsay: now\ntogether\nrun: b\nrun: c\nrun: d\nslow 1s\nrun: e").unwrap();
        let calls: Vec<Vec<String>> = segments
            .iter()
            .map(|segment| segment.calls.iter().map(Use::words).collect())
            .collect();
        assert_eq!(calls, [vec!["a"], vec!["b", "c", "d"], vec!["e"], vec![]]);
        assert_eq!(segments[0].steps, [Step::Think("hm".into())]);
        assert_eq!(segments[1].steps, [Step::Say("now".into())]);
        assert_eq!(segments[2].steps, [Step::Slow(Duration::from_secs(1))]);
    }
}
