//! Cards that ask for permission.

use super::*;
use crate::web::view::html::each;

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

pub(super) fn asks(decision: Option<Decision>) -> Body {
    Body::Permission {
        request: "r\"1".into(),
        call: "c1".into(),
        asker: String::new(),
        kind: conversation::ToolKind::Execute,
        title: "run a command".into(),
        detail: "rm -rf build && echo \u{202e}done".into(),
        diffs: vec![],
        options: offered(),
        until: AT.plus(Duration::from_mins(10)),
        decision,
    }
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
        !other.contains("<button") && other.contains("Only the person whose thread"),
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
fn a_request_to_change_a_file_shows_every_changed_line() {
    let new = "rm -rf /\n".repeat(3000);
    let html = match asks(None) {
        Body::Permission {
            request,
            call,
            asker,
            kind,
            title,
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
            detail: String::new(),
            diffs: vec![Diff {
                path: "run.sh".into(),
                old: None,
                new,
                ..Diff::default()
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
fn a_foreign_agent_asks_by_its_name_with_all_that_it_says() {
    let asked = |sort, words: &str, about: &str, changes: Vec<Diff>| {
        let mut body = asks(None);
        if let Body::Permission {
            asker,
            kind,
            title,
            detail,
            diffs,
            options,
            ..
        } = &mut body
        {
            (*asker, *kind, *title, *detail, *diffs) =
                ("Claude <Code>".into(), sort, words.into(), about.into(), changes);
            *options = vec![
                choice("all", "Yes, and accept edits", ChoiceKind::AllowAlways),
                choice("one", "Yes, and ask", ChoiceKind::AllowOnce),
            ];
        }
        show(body)
    };
    let html = asked(ToolKind::Other, "Ready to code?", "## Plan\n1. this", vec![]);
    assert!(
        html.contains("<b>Claude &lt;Code&gt;</b> asks: Ready to code?"),
        "{html}"
    );
    assert!(html.contains("## Plan\n1. this</pre>"), "{html}");
    assert!(
        html.find("Yes, and ask") < html.find("Yes, and accept edits"),
        "{html}"
    );
    let html = asked(ToolKind::Execute, "`make`", "make", vec![]);
    assert!(
        html.contains("wants to run:</span>") && html.contains(">make</pre>"),
        "{html}"
    );
    let diffs = vec![Diff {
        path: "a.txt".into(),
        old: None,
        new: "twice\n".into(),
        ..Diff::default()
    }];
    let about = format!("{}\nwhy it asks", supervisor::describe_diffs(&diffs));
    let html = asked(ToolKind::Edit, "Edit `a.txt`", &about, diffs);
    assert!(
        html.contains("wants to change files: Edit a.txt") && html.contains(">why it asks</pre>"),
        "{html}"
    );
    assert_eq!(html.matches("twice").count(), 1, "{html}");
}

#[test]
fn what_was_decided_is_drawn_by_its_head_and_all_of_it_on_demand() {
    let long = |decision| match asks(decision) {
        Body::Permission {
            request,
            call,
            asker,
            kind,
            title,
            options,
            until,
            decision,
            ..
        } => Body::Permission {
            request,
            call,
            asker,
            kind,
            title,
            detail: format!("{}last", "rm x\n".repeat(200_000)),
            diffs: vec![],
            options,
            until,
            decision,
        },
        other => other,
    };
    let open = show(long(None));
    assert!(
        open.len() > 1_000_000 && open.contains("last</pre>"),
        "all of the question"
    );
    let decided = long(Some(Decision::Once { by: "Alice".into() }));
    let html = show(decided.clone());
    assert!(html.len() < 8_000 && html.contains("rm x"), "{}", html.len());
    assert!(html.contains("data-act=\"whole\">Show all of it ("), "{html}");
    let all = whole(&entry(decided), &viewer(true));
    assert!(all.contains("last</pre>") && !all.contains("data-act=\"whole\""));
}

#[test]
fn of_long_words_the_head_is_drawn_and_all_of_them_on_demand() {
    let text = format!("{}last", "word ".repeat(40_000));
    let said = Body::Said {
        by: UserId::parse("web:alice").unwrap(),
        name: "Alice".into(),
        text: text.clone(),
        files: vec![],
    };
    for body in [Body::Answer { text: text.clone() }, Body::Thought { text }, said] {
        let html = show(body.clone());
        assert!(html.len() < 100_000 && !html.contains("last"), "{}", html.len());
        assert!(html.contains("data-act=\"whole\""));
        let all = whole(&entry(body), &viewer(true));
        assert!(all.contains("last") && !all.contains("data-act=\"whole\""));
    }
}

#[test]
fn of_a_change_that_is_whole_on_the_screen_nobody_is_told_to_scroll() {
    let asked = |old: &str, new: &str| {
        let mut body = asks(None);
        if let Body::Permission { detail, diffs, .. } = &mut body {
            *diffs = vec![Diff {
                path: "a.txt".into(),
                old: Some(old.into()),
                new: new.into(),
                ..Diff::default()
            }];
            *detail = supervisor::describe_diffs(diffs);
        }
        show(body)
    };
    let old = each(0..200, |line| format!("line {line}\n"));
    let html = asked(&old, &old.replace("line 100\n", "line hundred\n"));
    assert!(!html.contains("scroll to see all"), "{html}");
    let html = asked(&old, &old.replace("line 1", "row 1"));
    assert!(html.contains("This is long (") && html.contains("scroll to see all"));
    let html = asked("a\n", &format!("{}\n", "b".repeat(4000)));
    assert!(html.contains("This is long (2 lines"), "{html}");
}
