//! What becomes of which request.

use serde_json::json;

use super::*;
use crate::model::asked::Tool;

fn asked(text: &str, results: &[&str]) -> Asked {
    let tool = |name: &str| Tool {
        name: name.into(),
        parameters: json!({}),
    };
    Asked {
        text: text.into(),
        results: results.iter().map(|&result| result.to_owned()).collect(),
        tools: vec![tool("bash"), tool("read")],
        ..Asked::default()
    }
}

/// The beats of an answer, in short, and whether it is cut.
fn beats(text: &str, results: &[&str], failed: usize) -> (Vec<String>, bool) {
    match play(&asked(text, results), failed) {
        Act::Fail { status, .. } => panic!("failed with {status}"),
        Act::Answer { beats, is_cut, .. } => {
            let short = |beat: Beat| match beat {
                Beat::Thought(text) => format!("thought {text}"),
                Beat::Words { text, .. } => text,
                Beat::Hold => "hold".into(),
                Beat::Call(call) => format!("{} {}", call.name, call.arguments),
            };
            (beats.into_iter().map(short).collect(), is_cut)
        }
    }
}

#[test]
fn the_results_say_which_line_is_next() {
    let script = "think: hm\nrun: a\nsay: half\ntogether\nrun: b\nread: c\nsay: whole";
    let bash = |command: &str| format!("bash {{\"command\":\"{command}\"}}");
    for (results, expected) in [
        (vec![], vec!["thought hm".to_owned(), bash("a")]),
        (
            vec!["exit code 0"],
            vec!["half".into(), bash("b"), r#"read {"path":"c"}"#.into()],
        ),
        (
            vec!["exit code 0", "exit code 1", "x\ny"],
            vec![
                "whole".into(),
                "\n\nDone. What came of it:\n\n- `a` ended with exit code 0.\n- `b` ended with exit code 1.\n\
                 - `read c` gave 2 lines.\n"
                    .into(),
            ],
        ),
    ] {
        assert_eq!(beats(script, &results, 0), (expected, false), "{results:?}");
    }
}

#[test]
fn the_same_request_fails_as_often_as_its_script_says_and_then_succeeds() {
    let asked = asked("fail 429 wait 7s\nfail 500 2 times\nsay: ok", &[]);
    let fail = |status, retry_after| Act::Fail { status, retry_after };
    assert_eq!(play(&asked, 0), fail(429, Some(7)));
    assert_eq!(play(&asked, 1), fail(500, Some(1)));
    assert_eq!(play(&asked, 2), fail(500, Some(1)));
    assert_eq!(beats("fail 429\nsay: ok", &[], 1), (vec!["ok".into()], false));
    // Each reply has its own failures.
    assert_eq!(beats("fail 429\nrun: a\nsay: ok", &["exit code 0"], 0).0[0], "ok");
}

#[test]
fn a_cut_comes_once_and_where_it_stands() {
    assert_eq!(
        beats("say: half\ncut\nsay: whole", &[], 0),
        (vec!["half".into()], true)
    );
    assert_eq!(
        beats("say: half\ncut\nsay: whole", &[], 1),
        (vec!["half".into(), "whole".into()], false)
    );
    assert_eq!(beats("say: half\ncut early", &[], 0), (vec![], true));
    let (words, is_cut) = beats("cut", &[], 0);
    assert!(is_cut && words.len() == 1);
    let after_a_failure = play(&asked("fail 503\ncut", &[]), 1);
    assert!(matches!(after_a_failure, Act::Answer { is_cut: true, .. }));
}

#[test]
fn every_answer_says_something() {
    for text in ["slow 1s", "fail 429", "hold", "cut", "think: hm"] {
        let (last, _) = beats(text, &[], 1);
        assert!(!last.last().unwrap().is_empty(), "{text}");
    }
    let (greeting, _) = beats("hello", &[], 0);
    assert!(greeting[0].contains("**rehearsal**") && greeting[0].contains("```text\nrun: ls -la"));
}

#[test]
fn a_tool_that_is_not_there_ends_the_script_with_words() {
    let (told, is_cut) = beats("grep: x\nsay: never", &[], 0);
    assert_eq!(
        told,
        ["I would need a tool called `grep` for `grep x`, and this agent offers none."]
    );
    assert!(!is_cut);
}

#[test]
fn earlier_messages_are_recalled_and_attachments_are_told() {
    let mut asked = asked("recall", &[]);
    asked.earlier = vec!["first\nline two".into(), String::new()];
    asked.attachments = vec!["an image, image/png".into(), "a.log, text/plain".into()];
    let Act::Answer { beats, .. } = play(&asked, 0) else {
        panic!("it failed")
    };
    let words = |text: &str| said(text.into());
    assert_eq!(
        beats,
        [
            words("You have said 2 things before this:\n\n- first\n- (nothing in words)\n"),
            words("\n\nI got 2 attachments: an image, image/png; a.log, text/plain."),
        ]
    );
}
