//! What a transcript promises when processes die and disks misbehave.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::agent::history::{History, NOT_BEGUN, UNKNOWN_RESULT};
use crate::message::{Part, ReplyPart};

fn said(text: &str) -> Line {
    Line::Message {
        message: Message::User {
            parts: vec![Part::Text { text: text.into() }],
        },
    }
}

fn lines() -> Vec<Line> {
    vec![
        said("one"),
        Line::Message {
            message: Message::Assistant {
                parts: vec![
                    ReplyPart::Thought {
                        text: "hm".into(),
                        opaque: Some(json!({"z": 1, "a": "ä\n"})),
                    },
                    ReplyPart::Text { text: "two".into() },
                ],
            },
        },
        Line::Begun { call: "c".into() },
        Line::Withdrawn {
            what: Withdrawal::New,
        },
        Line::Withdrawn {
            what: Withdrawal::Pictures,
        },
        Line::Always { key: "k".into() },
        Line::Model { model: "m".into() },
        Line::Used { tokens: 7 },
        Line::Summarized {
            before: 1,
            note: "n".into(),
        },
        Line::Trimmed { before: 1 },
        Line::Interrupted,
    ]
}

/// What a program of version 1 wrote that did not say yet which calls began, killed while the second call ran.
const OLD: &str = r#"{"transcript":1,"session":"s"}
{"line":"message","message":{"role":"user","parts":[{"type":"text","text":"go"}]}}
{"line":"message","message":{"role":"assistant","parts":[{"type":"tool_call","id":"a","name":"bash","arguments":"{}"},{"type":"tool_call","id":"b","name":"bash","arguments":"{}"}]}}
{"line":"message","message":{"role":"tool_result","call":"a","text":"ok","failed":false}}
"#;

#[tokio::test]
async fn an_old_transcript_is_gone_on_with_and_of_its_open_calls_nothing_is_claimed() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(FILE);
    fs::write(&path, OLD).unwrap();
    for _ in 0..2 {
        let (_, lines) = Transcript::load(folder.path(), "s").unwrap();
        assert_eq!(lines.iter().filter(|line| **line == Line::Upgraded).count(), 1);
        let history = History::of(lines);
        let last = history.messages().last().unwrap();
        let Message::ToolResult { call, text, .. } = last else {
            panic!("{last:?}")
        };
        assert_eq!((call.as_str(), text.as_str()), ("b", UNKNOWN_RESULT));
    }
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text, format!("{OLD}{{\"line\":\"upgraded\"}}\n"));
    // From there on it is told which calls began.
    let (mut transcript, _) = Transcript::load(folder.path(), "s").unwrap();
    let call = serde_json::from_str(OLD.lines().nth(2).unwrap()).unwrap();
    transcript.append(&[call, said("more")]).await.unwrap();
    drop(transcript);
    let history = History::of(Transcript::load(folder.path(), "s").unwrap().1);
    let told = |words: &str| {
        let results = history.messages().iter();
        results
            .filter(|message| matches!(message, Message::ToolResult { text, .. } if text == words))
            .count()
    };
    assert_eq!((told(UNKNOWN_RESULT), told(NOT_BEGUN)), (1, 2));
}

async fn written(folder: &TempDir) -> PathBuf {
    let mut transcript = Transcript::create(folder.path(), "s").unwrap();
    for line in lines() {
        transcript.append(&[line]).await.unwrap();
    }
    folder.path().join(FILE)
}

#[tokio::test]
async fn lines_come_back_as_they_were_written() {
    let folder = TempDir::new().unwrap();
    let path = written(&folder).await;
    assert_eq!(Transcript::load(folder.path(), "s").unwrap().1, lines());
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_line_torn_anywhere_is_cut_off_and_the_next_one_follows_the_whole_ones() {
    let folder = TempDir::new().unwrap();
    let path = written(&folder).await;
    let whole = fs::read(&path).unwrap();
    for cut in 0..whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let ends = whole[..cut].split(|byte| *byte == b'\n').count() - 1;
        if ends == 0 {
            let error = Transcript::load(folder.path(), "s").unwrap_err();
            assert!(matches!(error, TranscriptError::Unknown { .. }), "{error}");
            continue;
        }
        let (mut transcript, found) = Transcript::load(folder.path(), "s").unwrap();
        assert_eq!(found, lines()[..ends - 1], "cut at {cut}");
        transcript.append(&[said("after")]).await.unwrap();
        drop(transcript);
        let found = Transcript::load(folder.path(), "s").unwrap().1;
        assert_eq!(found.last(), Some(&said("after")), "cut at {cut}");
        assert_eq!(found.len(), ends);
    }
}

#[tokio::test]
async fn a_hole_at_the_end_is_torn_and_a_broken_line_in_the_middle_is_told_with_its_number() {
    let folder = TempDir::new().unwrap();
    let path = written(&folder).await;
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{whole}\0\0\0\0\n")).unwrap();
    assert_eq!(Transcript::load(folder.path(), "s").unwrap().1, lines());

    for broken in ["{\"line\":\"mess", "{\"line\":\"unheard of\"}", "[]"] {
        let mut all: Vec<_> = whole.lines().collect();
        all[2] = broken;
        let text = all.join("\n") + "\n";
        fs::write(&path, &text).unwrap();
        let words = Transcript::load(folder.path(), "s").unwrap_err().to_string();
        assert!(words.contains("line 3 of the transcript"), "{words}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "untouched");
    }
}

#[tokio::test]
async fn an_unknown_line_at_the_end_is_no_torn_one() {
    let folder = TempDir::new().unwrap();
    let path = written(&folder).await;
    let whole = fs::read_to_string(&path).unwrap() + "{\"line\":\"unheard of\"}\n";
    fs::write(&path, &whole).unwrap();
    let error = Transcript::load(folder.path(), "s").unwrap_err();
    assert!(
        matches!(error, TranscriptError::Broken { line: 13, .. }),
        "{error}"
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), whole);
}

#[tokio::test]
async fn other_sessions_and_newer_versions_are_refused() {
    let folder = TempDir::new().unwrap();
    let path = written(&folder).await;
    let load = |session| Transcript::load(folder.path(), session).unwrap_err();
    assert!(matches!(load("t"), TranscriptError::Unknown { .. }));
    let newer = "{\"transcript\":3,\"session\":\"s\",\"new\":1}\n{\"line\":\"unheard of\"}\n{\"torn";
    fs::write(&path, newer).unwrap();
    let error = load("s");
    assert!(
        matches!(error, TranscriptError::Newer { found: 3, .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains("it was left as it is\nhint: "),
        "{error}"
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), newer);
    let empty = TempDir::new().unwrap();
    let error = Transcript::load(empty.path(), "s").unwrap_err();
    assert!(matches!(error, TranscriptError::Unknown { .. }));
}

#[tokio::test]
async fn a_new_session_moves_the_old_one_aside() {
    let folder = TempDir::new().unwrap();
    for _ in 0..2 {
        written(&folder).await;
    }
    Transcript::create(folder.path(), "t").unwrap();
    for name in ["transcript-1.jsonl", "transcript-2.jsonl"] {
        let text = fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(text.lines().count(), lines().len() + 1);
    }
    assert!(Transcript::load(folder.path(), "t").unwrap().1.is_empty());
}

#[test]
fn words_of_a_draft_become_lines_once_and_never_those_of_another_session() {
    let folder = TempDir::new().unwrap();
    let transcript = Transcript::create(folder.path(), "s").unwrap();
    transcript.draft(0).add("half");
    drop(transcript);
    let (mut transcript, lines) = Transcript::load(folder.path(), "s").unwrap();
    assert_eq!(transcript.recover(lines.len()).unwrap().len(), 2);
    drop(transcript);
    let (mut transcript, lines) = Transcript::load(folder.path(), "s").unwrap();
    assert_eq!(History::of(lines.clone()).messages().len(), 1);
    assert_eq!(lines[1], Line::Interrupted);
    assert_eq!(transcript.recover(1).unwrap(), []);
    drop(transcript);
    let mut transcript = Transcript::create(folder.path(), "other").unwrap();
    assert_eq!(transcript.recover(0).unwrap(), []);
}

#[tokio::test]
async fn two_workers_do_not_share_a_transcript() {
    let folder = TempDir::new().unwrap();
    let held = Transcript::create(folder.path(), "s").unwrap();
    let error = Transcript::load(folder.path(), "s").unwrap_err();
    assert!(matches!(error, TranscriptError::Busy { .. }), "{error}");
    drop(held);
    assert!(Transcript::load(folder.path(), "s").is_ok());
}

#[tokio::test]
async fn what_a_failed_write_left_behind_is_taken_away() {
    let folder = TempDir::new().unwrap();
    let path = written(&folder).await;
    let (mut transcript, _) = Transcript::load(folder.path(), "s").unwrap();
    let rest = "{\"line\":\"interrupted\"}\n".repeat(20) + "{\"line";
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(rest.as_bytes()).unwrap();
    transcript.append(&[said("kept")]).await.unwrap();
    drop(transcript);
    let found = Transcript::load(folder.path(), "s").unwrap().1;
    assert_eq!(found.len(), lines().len() + 1);
    assert_eq!(found.last(), Some(&said("kept")));
}

#[tokio::test]
async fn a_full_disk_fails_with_words_and_keeps_the_whole_lines() {
    let folder = TempDir::new().unwrap();
    let path = written(&folder).await;
    let (mut transcript, _) = Transcript::load(folder.path(), "s").unwrap();
    let before = fs::read(&path).unwrap();
    let full = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/full")
        .unwrap();
    let file = std::mem::replace(&mut transcript.file, Arc::new(full));
    let words = transcript.append(&[said("lost")]).await.unwrap_err().to_string();
    assert!(words.contains("could not write the transcript"), "{words}");
    transcript.file = file;
    assert_eq!(fs::read(&path).unwrap(), before);
    transcript.append(&[said("kept")]).await.unwrap();
    drop(transcript);
    let found = Transcript::load(folder.path(), "s").unwrap().1;
    assert_eq!(found.last(), Some(&said("kept")));
    assert_eq!(found.len(), lines().len() + 1);
}
