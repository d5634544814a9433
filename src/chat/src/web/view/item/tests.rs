//! What each kind of entry shows in each of its states, and what it never shows.

use std::time::Duration;

use conversation::{Choice, ChoiceKind, Decision, Diff, ItemId, ToolCall, ToolKind, ToolStatus};
use credentials::{Timestamp, UserId};

use super::*;

const AT: Timestamp = Timestamp::from_seconds(1_795_269_787);

fn entry(body: Body) -> Item {
    Item {
        id: ItemId(7),
        thread: ThreadId::parse("web:abc").unwrap(),
        turn: Some(TurnId(3)),
        at: AT,
        body,
    }
}

fn viewer(owner: bool) -> Viewer {
    Viewer {
        user: UserId::parse("web:alice").unwrap(),
        owner,
        now: AT.plus(Duration::from_secs(5)),
    }
}

fn show(body: Body) -> String {
    item(&entry(body), &viewer(true))
}

fn call(status: ToolStatus) -> ToolCall {
    ToolCall {
        call: "c1".into(),
        title: "ls -la".into(),
        kind: ToolKind::Execute,
        status,
        input: "ls -la".into(),
        output: "total 0".into(),
        cut: false,
        diffs: vec![],
        exit: None,
        started: Some(AT),
        ended: None,
    }
}

fn choice(id: &str, name: &str, kind: ChoiceKind) -> Choice {
    Choice {
        id: id.into(),
        name: name.into(),
        kind,
    }
}

/// As the built-in agent does.
fn offered() -> Vec<Choice> {
    vec![
        choice("allow_once", "Allow once", ChoiceKind::AllowOnce),
        choice(
            "allow_always",
            "Always run exactly this command",
            ChoiceKind::AllowAlways,
        ),
        choice("reject_once", "Deny", ChoiceKind::RejectOnce),
    ]
}

fn asks(decision: Option<Decision>) -> Body {
    Body::Permission {
        request: "r\"1".into(),
        call: "c1".into(),
        title: "run a command".into(),
        detail: "rm -rf build && echo \u{202e}done".into(),
        diffs: vec![],
        options: offered(),
        until: AT.plus(Duration::from_mins(10)),
        decision,
    }
}

#[test]
fn words_of_people_and_tools_are_never_markup() {
    let evil = "<img src=x onerror=alert(1)>".to_owned();
    let file = Attachment {
        name: evil.clone(),
        path: "a\"b/../<x>".into(),
        size: 1,
        mime: "image/svg+xml".into(),
    };
    let diff = Diff {
        path: evil.clone(),
        old: Some(evil.clone()),
        new: format!("{evil}2"),
    };
    let by = || evil.clone();
    let mut tool = call(ToolStatus::Failed);
    (tool.title, tool.input, tool.output) = (by(), format!("{evil}\n"), by());
    tool.diffs = vec![diff.clone()];
    let bodies = [
        Body::Said {
            by: viewer(true).user,
            name: by(),
            text: by(),
            files: vec![file.clone()],
        },
        Body::Answer { text: by() },
        Body::Thought { text: by() },
        Body::Tool(tool),
        Body::Plan {
            entries: vec![PlanEntry {
                text: by(),
                status: PlanStatus::Running,
            }],
        },
        Body::Permission {
            request: by(),
            call: by(),
            title: by(),
            detail: by(),
            diffs: vec![diff],
            options: vec![],
            until: AT,
            decision: Some(Decision::Denied {
                by: by(),
                reason: Some(by()),
            }),
        },
        Body::Login {
            service: by(),
            title: by(),
            reason: by(),
            done: false,
        },
        Body::File(file),
        Body::Note {
            kind: NoteKind::Error,
            text: by(),
            retry: Some(TurnId(1)),
        },
    ];
    for body in bodies {
        let html = show(body);
        assert!(
            !html.contains("<img") && !html.contains("<x>") && html.contains("&lt;img"),
            "{html}"
        );
        assert!(!html.contains("/../"), "{html}");
    }
}

#[test]
fn a_tool_call_is_open_while_it_matters() {
    for (status, open) in [
        (ToolStatus::Pending, false),
        (ToolStatus::Running, true),
        (ToolStatus::Completed, false),
        (ToolStatus::Failed, true),
        (ToolStatus::Cut, false),
    ] {
        assert_eq!(
            show(Body::Tool(call(status))).contains(" open>"),
            open,
            "{status:?}"
        );
    }
}

#[test]
fn a_finished_call_says_how_it_ended_and_how_long_it_took() {
    let mut done = call(ToolStatus::Failed);
    (done.exit, done.ended) = (Some(2), Some(AT.plus(Duration::from_millis(1400))));
    let html = show(Body::Tool(done));
    assert!(
        html.contains("exit 2") && html.contains("1.4 s") && html.contains(">failed<"),
        "{html}"
    );
    let html = show(Body::Tool(call(ToolStatus::Running)));
    assert!(
        html.contains(&format!("data-since=\"{}\"", AT.millis())),
        "{html}"
    );
}

#[test]
fn a_long_output_shows_its_end_and_says_so() {
    let mut long = call(ToolStatus::Completed);
    long.output = format!("first\n{}last", "é line\n".repeat(50_000));
    let html = show(Body::Tool(long));
    assert!(html.contains("left out") && html.contains("last</pre>") && !html.contains("first"));
    assert!(html.len() < 100 * 1024);
}

#[test]
fn a_permission_card_shows_all_that_would_run_and_only_the_owner_can_press() {
    let html = show(asks(None));
    assert!(
        html.contains("rm -rf build &amp;&amp; echo ⟨U+202E⟩done"),
        "{html}"
    );
    assert!(html.contains("Look twice"), "{html}");
    assert!(html.contains("data-request=\"r&quot;1\""), "{html}");
    for answer in ["once", "always", "deny"] {
        assert!(html.contains(&format!("value=\"{answer}\"")), "{html}");
    }
    assert!(html.contains(">9 min 55 s</time>"), "{html}");
    // Enter in the reason presses the only button that submits: never one that allows.
    let submits: Vec<_> = html
        .split("<button ")
        .skip(1)
        .filter(|button| !button.starts_with("type=\"button\""))
        .collect();
    assert!(
        matches!(submits[..], [one] if one.contains("value=\"deny\"")),
        "{html}"
    );
    let other = item(&entry(asks(None)), &viewer(false));
    assert!(
        !other.contains("<button") && other.contains("Only the person who opened"),
        "{other}"
    );
}

#[test]
fn a_decision_leaves_a_line_and_no_button() {
    let by = || "Alice".to_owned();
    let table = [
        (Decision::Once { by: by() }, "Allowed once by Alice"),
        (
            Decision::Always {
                by: by(),
                words: "Always run <this>".into(),
            },
            "Allowed by Alice (“Always run &lt;this&gt;”)",
        ),
        (
            Decision::Always {
                by: by(),
                words: String::new(),
            },
            "Allowed from now on by Alice",
        ),
        (
            Decision::Denied {
                by: by(),
                reason: None,
            },
            "Denied by Alice:",
        ),
        (
            Decision::Denied {
                by: by(),
                reason: Some("too wide".into()),
            },
            "Denied by Alice (“too wide”)",
        ),
        (Decision::TimedOut, "Nobody answered in time"),
        (Decision::Gone, "The turn ended before"),
    ];
    for (decision, words) in table {
        let html = show(asks(Some(decision)));
        assert!(
            html.contains(words) && !html.contains("<button") && html.contains("rm -rf build"),
            "{html}"
        );
    }
}

#[test]
fn retry_and_sign_in_are_offered_to_the_owner_alone() {
    let note = || Body::Note {
        kind: NoteKind::Error,
        text: "the worker died".into(),
        retry: Some(TurnId(9)),
    };
    assert!(show(note()).contains("data-act=\"retry\" data-turn=\"9\""));
    assert!(!item(&entry(note()), &viewer(false)).contains("<button"));
    let login = |done| Body::Login {
        service: "codex".into(),
        title: "Codex".into(),
        reason: "no login".into(),
        done,
    };
    assert!(show(login(false)).contains("data-act=\"sign-in\" data-service=\"codex\""));
    assert!(!item(&entry(login(false)), &viewer(false)).contains("<button"));
    assert!(show(login(true)).contains("Signed in to Codex") && !show(login(true)).contains("<button"));
}

#[test]
fn only_safe_pictures_are_drawn() {
    for (mime, size, drawn) in [
        ("image/png", 1, true),
        ("image/jpeg", 1, true),
        ("image/webp", 1, true),
        ("image/gif", 1, true),
        ("image/png", 8 << 30, false),
        ("image/svg+xml", 1, false),
        ("text/html", 1, false),
        ("image/png; charset=x", 1, false),
    ] {
        let file = Attachment {
            name: "a".into(),
            path: "a".into(),
            size,
            mime: mime.into(),
        };
        assert_eq!(show(Body::File(file.clone())).contains("<img"), drawn, "{mime}");
        let said = Body::Said {
            by: viewer(true).user,
            name: "Alice".into(),
            text: "look".into(),
            files: vec![file],
        };
        assert_eq!(show(said).contains("<img"), drawn, "{mime}");
    }
}

#[test]
fn a_text_that_grows_says_how_much_of_it_is_stable() {
    let text = "one\n\ntwo\n\nthree";
    let html = show(Body::Answer { text: text.into() });
    let mut stream = TextStream::new(&ThreadId::parse("web:abc").unwrap());
    let patch = stream.update(text);
    assert!(html.contains(&format!("data-stable=\"{}\"", patch.to)), "{html}");
    assert_eq!(stream.update(&format!("{text} more\n\nfour")).from, patch.to);
}

#[test]
fn a_message_that_waited_is_read_above_its_reply() {
    let said = |id, turn| Item {
        id: ItemId(id),
        turn: Some(TurnId(turn)),
        ..entry(Body::Said {
            by: viewer(true).user,
            name: String::new(),
            text: String::new(),
            files: vec![],
        })
    };
    let answer = |id, turn| Item {
        id: ItemId(id),
        turn: Some(TurnId(turn)),
        ..entry(Body::Answer { text: String::new() })
    };
    let order = |items: &[Item]| in_order(items).iter().map(|item| item.id.0).collect::<Vec<_>>();
    let note = |id, turn: Option<i64>, retry: Option<i64>| Item {
        id: ItemId(id),
        turn: turn.map(TurnId),
        ..entry(Body::Note {
            kind: NoteKind::Info,
            text: String::new(),
            retry: retry.map(TurnId),
        })
    };
    // Turn 2 was asked while turn 1 ran, and a message was merged into it while it ran itself.
    let queued = [
        said(1, 1),
        answer(2, 1),
        said(3, 2),
        answer(4, 1),
        answer(5, 2),
        said(6, 2),
        answer(7, 2),
    ];
    assert_eq!(order(&queued), [1, 2, 4, 3, 5, 6, 7]);
    // At every moment, and whatever part of it is looked at.
    assert_eq!(order(&queued[..4]), [1, 2, 4, 3]);
    assert_eq!(order(&queued[1..4]), [2, 4, 3]);
    // Turn 3 interrupts turn 1 and pushes turn 2 out; nothing is said yet of turn 3.
    let interrupted = [
        said(1, 1),
        answer(2, 1),
        said(3, 2),
        said(4, 3),
        note(5, Some(2), Some(2)),
        answer(6, 1),
        note(7, Some(1), Some(1)),
    ];
    assert_eq!(order(&interrupted), [1, 2, 6, 7, 3, 5, 4]);
    // What belongs to no turn: between turns, or about one.
    let between = [
        note(1, None, None),
        said(2, 1),
        note(3, None, Some(1)),
        said(4, 2),
        answer(5, 1),
        note(6, None, None),
        answer(7, 2),
    ];
    assert_eq!(order(&between), [1, 2, 3, 5, 6, 4, 7]);
}

#[test]
fn who_shows_no_name_is_you_to_themselves() {
    let said = |by: &str, name: &str| Body::Said {
        by: UserId::parse(by).unwrap(),
        name: name.into(),
        text: "hi".into(),
        files: vec![],
    };
    for (by, name, shown) in [
        ("web:alice", "", "<b>You</b>"),
        ("web:alice", " \u{202e}", "<b>You</b>"),
        ("web:alice", "Al", "<b>Al</b>"),
        ("web:bob", "", "<b>Somebody</b>"),
    ] {
        assert!(show(said(by, name)).contains(shown), "{by} {name:?}");
    }
}

#[test]
fn a_command_is_its_own_headline_and_a_change_its_own_report() {
    let mut ran = call(ToolStatus::Completed);
    ran.title = "run a command".into();
    let html = show(Body::Tool(ran));
    assert!(
        html.contains("<span class=\"title\">ls -la</span>") && !html.contains("run a command"),
        "{html}"
    );
    let mut wrote = call(ToolStatus::Completed);
    (wrote.kind, wrote.title, wrote.input) = (ToolKind::Edit, "write notes.md".into(), "notes.md".into());
    wrote.output = "wrote it".into();
    wrote.diffs = vec![Diff {
        path: "notes.md".into(),
        old: None,
        new: "hi\n".into(),
    }];
    let html = show(Body::Tool(wrote.clone()));
    assert!(
        html.contains("write notes.md") && !html.contains("class=\"input\"") && !html.contains("wrote it"),
        "{html}"
    );
    wrote.status = ToolStatus::Failed;
    assert!(show(Body::Tool(wrote)).contains("wrote it"));
}

#[test]
fn what_is_too_long_to_be_seen_at_once_says_so() {
    let long = |detail: String| match asks(None) {
        Body::Permission {
            request,
            call,
            title,
            diffs,
            options,
            until,
            decision,
            ..
        } => show(Body::Permission {
            request,
            call,
            title,
            detail,
            diffs,
            options,
            until,
            decision,
        }),
        _ => unreachable!("a permission"),
    };
    assert!(!long("ls".into()).contains("scroll to see all"));
    let html = long(format!("echo 1\n{}rm -rf /", "\n".repeat(40)));
    assert!(
        html.contains("42 lines") && html.contains("scroll to see all") && html.contains("rm -rf /</pre>"),
        "{html}"
    );
}

#[test]
fn a_request_to_change_a_file_shows_every_changed_line() {
    let new = "rm -rf /\n".repeat(3000);
    let html = match asks(None) {
        Body::Permission {
            request,
            call,
            title,
            options,
            until,
            decision,
            ..
        } => show(Body::Permission {
            request,
            call,
            title,
            detail: String::new(),
            diffs: vec![Diff {
                path: "run.sh".into(),
                old: None,
                new,
            }],
            options,
            until,
            decision,
        }),
        _ => unreachable!("a permission"),
    };
    assert_eq!(html.matches("rm -rf /").count(), 3000);
}

#[test]
fn the_answers_are_those_that_the_agent_offers_in_its_words() {
    let asked = |offered: Vec<Choice>| {
        let mut body = asks(None);
        if let Body::Permission { options, .. } = &mut body {
            *options = offered;
        }
        show(body)
    };
    let html = asked(vec![
        choice("plan", "Yes, and <b>accept</b> edits", ChoiceKind::AllowAlways),
        choice("\"ask\"", "Yes, and ask for each edit", ChoiceKind::AllowOnce),
        choice("stay", "No, keep planning", ChoiceKind::RejectOnce),
        choice("never", "\u{202e}", ChoiceKind::RejectAlways),
    ]);
    assert!(
        html.contains("Yes, and &lt;b&gt;accept&lt;/b&gt; edits</button>"),
        "{html}"
    );
    assert!(html.contains("data-option=\"&quot;ask&quot;\""), "{html}");
    assert!(
        html.contains("No, keep planning</button>") && html.contains("Always deny</button>"),
        "{html}"
    );
    assert_eq!(html.matches("class=\"primary\"").count(), 1, "{html}");
    // Only denials are sent by Enter.
    assert_eq!(html.matches("<button value=\"deny\"").count(), 2, "{html}");
    assert_eq!(html.matches("type=\"button\"").count(), 2, "{html}");

    let html = asked(vec![choice("ok", "Proceed", ChoiceKind::AllowOnce)]);
    assert!(
        html.contains("Proceed</button>") && !html.contains("value=\"always\""),
        "{html}"
    );
    assert!(html.contains("<button value=\"deny\">Deny</button>"), "{html}");
    let html = asked(vec![]);
    assert!(
        html.contains("Deny</button>") && !html.contains("data-option"),
        "{html}"
    );
}

#[test]
fn a_change_is_not_told_in_words_as_well() {
    let diffs = vec![Diff {
        path: "a.txt".into(),
        old: Some("one\ntwo\n".into()),
        new: "one\n2\n".into(),
    }];
    let mut body = asks(None);
    if let Body::Permission {
        detail, diffs: shown, ..
    } = &mut body
    {
        *detail = supervisor::describe_diffs(&diffs);
        shown.clone_from(&diffs);
    }
    let html = show(body);
    assert!(
        !html.contains("class=\"input\"") && html.contains("class=\"minus\""),
        "{html}"
    );
    assert_eq!(html.matches("two").count(), 1, "{html}");
}
