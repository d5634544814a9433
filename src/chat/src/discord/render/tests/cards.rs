//! What people decide on, and what stays of it.

use super::*;

#[test]
fn what_would_run_is_shown_exactly_and_only_named_buttons_decide() {
    let card = one(permission("rm -rf \u{202e}build", None));
    assert_eq!(
        card.content,
        "✋ **May it run a command?**\n```\nrm -rf ⟨U+202E⟩build\n```\n⚠️ Hidden characters are written out as ⟨U+…⟩. Look twice.\n\
         -# If nobody answers, it is denied <t:1795269787:R>"
    );
    let request = || "0123456789abcdef0123456789abcdef".to_owned();
    let shown: Vec<(String, Press)> = card
        .buttons
        .into_iter()
        .map(|button| (button.label, button.press))
        .collect();
    let allow = |label: &str, option| {
        let request = request();
        (label.to_owned(), Press::Action(Action::Allow { request, option }))
    };
    let deny = |label: &str, option| {
        let request = request();
        (label.to_owned(), Press::Action(Action::Deny { request, option }))
    };
    assert_eq!(
        shown,
        [
            allow("Allow once", 1),
            allow("Always here", 0),
            deny("No", Some(2))
        ]
    );
    let many = (0..9).map(|_| choice("Yes", ChoiceKind::AllowOnce)).collect();
    let Body::Permission {
        request: name,
        call,
        asker,
        kind,
        title,
        detail,
        diffs,
        until,
        decision,
        ..
    } = permission("ls", None)
    else {
        panic!("it is one");
    };
    let card = one(Body::Permission {
        request: name,
        call,
        asker,
        kind,
        title,
        detail,
        diffs,
        until,
        decision,
        options: many,
    });
    assert_eq!(card.buttons.len(), 5);
    assert_eq!(card.buttons[4].press, deny("", None).1, "there is always a no");
    assert_eq!(
        one(permission("echo '```'; reboot", None))
            .content
            .matches("```")
            .count(),
        2
    );
}

#[test]
fn a_foreign_agent_asks_by_its_name_and_its_plan_is_shown_or_in_a_file() {
    let asks = |kind, title: &str, detail: &str, diffs: Vec<Diff>| {
        let mut body = permission(detail, None);
        if let Body::Permission {
            asker,
            kind: sort,
            title: words,
            diffs: changes,
            ..
        } = &mut body
        {
            (*asker, *sort, *words, *changes) = ("Claude_Code".into(), kind, title.into(), diffs);
        }
        one(body)
    };
    let card = asks(
        ToolKind::Other,
        "Ready to code?",
        "## Plan\n1. do **this**",
        vec![],
    );
    assert!(
        card.content
            .starts_with("✋ **Claude\\_Code** asks: Ready to code?\n```\n## Plan\n1. do **this**\n```\n"),
        "{}",
        card.content
    );
    let long = format!("## Plan\n{}", "and more words here. ".repeat(150));
    let card = asks(ToolKind::Other, "Ready to code?", &long, vec![]);
    assert!(card.content.contains("only the beginning"), "{}", card.content);
    assert_eq!(card.files, [OutFile::text("request.txt", long)]);
    let card = asks(ToolKind::Execute, "`make`", "make", vec![]);
    assert!(
        card.content
            .starts_with("✋ **Claude\\_Code** wants to run:\n```\nmake\n```\n"),
        "{}",
        card.content
    );
    let diff = Diff {
        path: "a".into(),
        old: None,
        new: "b".into(),
        ..Diff::default()
    };
    let card = asks(ToolKind::Edit, "Edit `a`", "new file: a\n+b\n", vec![diff]);
    assert!(
        card.content.starts_with(
            "✋ **Claude\\_Code** wants to change files: Edit a\n```diff\n--- /dev/null\n+++ a\n"
        ),
        "{}",
        card.content
    );
    let card = asks(ToolKind::Other, "mcp__x", "mcp__x", vec![]);
    assert!(
        card.content
            .starts_with("✋ **Claude\\_Code** asks: mcp\\_\\_x\n-# If"),
        "{}",
        card.content
    );
}

#[test]
fn a_long_command_is_whole_in_a_file_and_the_card_says_so() {
    let long = format!("echo {}\nreboot", "x".repeat(3000));
    let card = one(permission(&long, None));
    assert!(card.content.contains("only the beginning"), "{}", card.content);
    assert_eq!(card.files, [OutFile::text("would-run.txt", long)]);
}

#[test]
fn an_audit_line_stays() {
    for (decision, line) in [
        (
            Decision::Once { by: "An_n".into() },
            "✅ Allowed once by An\\_n: `ls`",
        ),
        (
            Decision::Always {
                by: "Ann".into(),
                words: String::new(),
            },
            "✅ Allowed from now on by Ann: `ls`",
        ),
        (
            Decision::Always {
                by: "Ann".into(),
                words: "Always in *this* thread".into(),
            },
            "✅ Allowed by Ann (“Always in \\*this\\* thread”): `ls`",
        ),
        (
            Decision::Denied {
                by: "@everyone".into(),
                reason: Some("no".into()),
            },
            "❌ Denied by @\u{200b}everyone (“no”): `ls`",
        ),
        (
            Decision::TimedOut,
            "❌ Nobody answered in time, so it was denied: `ls`",
        ),
        (Decision::Gone, "✂️ The turn ended before anybody answered: `ls`"),
    ] {
        let message = one(permission("ls", Some(decision)));
        assert_eq!(message.content, line);
        assert!(message.buttons.is_empty());
    }
}

#[test]
fn logins_notes_and_plans_have_their_buttons_and_signs() {
    let login = |ended| Body::Login {
        service: "codex".into(),
        title: "Codex".into(),
        reason: "the login ended".into(),
        ended,
    };
    let card = one(login(None));
    assert_eq!(
        card.content,
        "🔑 **Sign-in needed: Codex**\nThe login ended.\n-# The turn goes on by itself afterwards."
    );
    assert_eq!(
        card.buttons[0].press,
        Press::Action(Action::SignIn { item: ItemId(1) })
    );
    let over = one(login(Some(LoginEnd::Done)));
    assert_eq!(over.content, "✅ Signed in to Codex");
    assert!(over.buttons.is_empty());
    for end in [LoginEnd::TimedOut, LoginEnd::Gone] {
        let told = running(&[item(1, login(Some(end)))]);
        assert!(told.is_empty(), "how the turn ended says it: {told:?}");
    }
    let note = one(Body::Note {
        kind: NoteKind::Error,
        text: "The worker died.".into(),
        retry: Some(TurnId(3)),
    });
    assert_eq!(note.content, "❌ The worker died.");
    assert_eq!(
        note.buttons[0].press,
        Press::Action(Action::Retry { turn: TurnId(3) })
    );
    let note = |text: &str| {
        one(Body::Note {
            kind: NoteKind::Error,
            text: text.into(),
            retry: None,
        })
        .content
    };
    assert_eq!(
        note("no model is chosen for *this* agent\nhint: say `/model NAME`, @everyone"),
        "❌ No model is chosen for \\*this\\* agent. Say `/model NAME`, @\u{200b}everyone."
    );
    assert_eq!(
        note("It ended.\n\nIts last words:\n\n```\nfn `a` <@1>\n```\n\n The turn was cut."),
        "❌ It ended. The turn was cut.\n-# Its last words\n```\nfn `a` <@\u{200b}1>\n```"
    );
    let step = |text: &str, status| PlanEntry {
        text: text.into(),
        status,
    };
    let entries = vec![
        step("look", PlanStatus::Completed),
        step("do", PlanStatus::Running),
        step("tell", PlanStatus::Pending),
    ];
    assert_eq!(
        one(Body::Plan { entries }).content,
        "**Plan** · 1 of 3 done\n☑ look\n▶️ do\n☐ tell"
    );
}
