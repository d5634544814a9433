//! What each kind of entry shows in each of its states, and what it never shows.

use std::time::Duration;

use conversation::{Choice, ChoiceKind, Decision, Diff, ItemId, LoginEnd, ToolCall, ToolKind, ToolStatus};
use credentials::{Timestamp, UserId};

use super::*;

mod cards;

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
        ..Diff::default()
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
            asker: by(),
            kind: conversation::ToolKind::Execute,
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
            ended: None,
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
        (ToolStatus::Stopped, true),
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
    let mut quick = call(ToolStatus::Completed);
    (quick.exit, quick.ended) = (Some(0), Some(AT.plus(Duration::from_millis(30))));
    let html = show(Body::Tool(quick.clone()));
    assert!(html.contains("exit 0<i> · </i>&lt; 0.1 s"), "{html}");
    // Other calls have no time of their own.
    (quick.kind, quick.exit) = (ToolKind::Read, None);
    let html = show(Body::Tool(quick));
    assert!(!html.contains("exit") && !html.contains("0.1 s"), "{html}");
    let html = show(Body::Tool(call(ToolStatus::Running)));
    assert!(
        html.contains(&format!("data-since=\"{}\" aria-live=\"off\"", AT.millis())),
        "{html}"
    );
}

#[test]
fn what_went_wrong_is_told_in_sentences_without_our_marks() {
    let note = |text: &str| {
        show(Body::Note {
            kind: NoteKind::Error,
            text: text.into(),
            retry: None,
        })
    };
    let html = note("no model is named\nhint: `/model NAME` in <this> thread");
    assert!(
        html.contains("No model is named. <code>/model NAME</code> in &lt;this&gt; thread.</p>"),
        "{html}"
    );
    let html = note("a lone ` is no quote");
    assert!(html.contains("A lone ` is no quote.</p>"), "{html}");
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
fn retry_and_sign_in_are_offered_to_the_owner_alone() {
    let note = || Body::Note {
        kind: NoteKind::Error,
        text: "the worker died".into(),
        retry: Some(TurnId(9)),
    };
    assert!(show(note()).contains("data-act=\"retry\" data-turn=\"9\""));
    assert!(!item(&entry(note()), &viewer(false)).contains("<button"));
    let login = |ended| Body::Login {
        service: "codex".into(),
        title: "Codex".into(),
        reason: "no login".into(),
        ended,
    };
    assert!(show(login(None)).contains("data-act=\"sign-in\" data-service=\"codex\""));
    assert!(!item(&entry(login(None)), &viewer(false)).contains("<button"));
    for (end, words) in [
        (LoginEnd::Done, "Signed in to Codex"),
        (LoginEnd::TimedOut, "Nobody signed in to Codex in time"),
        (LoginEnd::Gone, "The sign-in to Codex is not waited for any more"),
    ] {
        let over = show(login(Some(end)));
        assert!(
            over.contains(words) && !over.contains("<button") && !over.contains("card wait"),
            "{over}"
        );
    }
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
fn who_shows_no_name_is_you_to_themselves() {
    let said = |by: &str, name: &str| Body::Said {
        by: UserId::parse(by).unwrap(),
        name: name.into(),
        text: "hi".into(),
        files: vec![],
    };
    for (by, name, shown) in [
        ("web:alice", "", "<h2>You</h2>"),
        ("web:alice", " \u{202e}", "<h2>You</h2>"),
        ("web:alice", "Al", "<h2>Al</h2>"),
        ("web:bob", "", "<h2>Somebody</h2>"),
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
        ..Diff::default()
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
    let long = |detail: String| match cards::asks(None) {
        Body::Permission {
            request,
            call,
            asker,
            kind,
            title,
            diffs,
            options,
            until,
            decision,
            ..
        } => show(Body::Permission {
            request,
            call,
            asker,
            kind,
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
fn a_change_is_not_told_in_words_as_well() {
    let diffs = vec![Diff {
        path: "a.txt".into(),
        old: Some("one\ntwo\n".into()),
        new: "one\n2\n".into(),
        ..Diff::default()
    }];
    let mut body = cards::asks(None);
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

#[test]
fn what_a_program_wrote_at_last_is_folded_apart_from_the_words_of_the_host() {
    let note = |text: &str| {
        show(Body::Note {
            kind: NoteKind::Error,
            text: text.into(),
            retry: None,
        })
    };
    let html = note("It ended.\n\nIts last words:\n\n```\n<b>\n```\n x\n```\n\nThe turn was cut.");
    assert!(
        html.contains("</span>It ended. The turn was cut.</p>")
            && html.contains("<summary>Its last words</summary>")
            && html.contains(">&lt;b&gt;\n```\n x</pre>"),
        "{html}"
    );
    for plain in ["no fence at all", "half\n\n```\na fence"] {
        assert!(!note(plain).contains("<details"), "{plain}");
    }
    assert!(note("the answer was cut off").contains("</span>The answer was cut off.</p>"));
}
