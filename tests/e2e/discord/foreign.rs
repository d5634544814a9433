//! A thread that is served by an agent of somebody else: its login, its questions, its files.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use support::discord::{Answer, Fault, Id, Message, Person};

use super::{Stage, with};

impl Stage {
    /// All threads are served by the foreign agent with these arguments.
    pub(super) async fn foreign(settings: &str, arguments: impl FnOnce(&Self) -> Vec<String>) -> Self {
        let mut stage = Self::ready("", "").await;
        let arguments = arguments(&stage);
        stage.settings = format!(
            "{settings}\n[discord.channels.{}]\nagent = \"foreign\"",
            stage.channel
        );
        stage
            .with_foreign_beside(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
            .await
    }

    /// The foreign agent with these arguments is there beside the built-in one. Connected.
    pub(super) async fn with_foreign_beside(mut self, arguments: &[&str]) -> Self {
        let program = support::program("foreign-agent");
        let program = program.to_str().expect("a path is text");
        let command: Vec<&str> = [program].into_iter().chain(arguments.iter().copied()).collect();
        self.agent = format!(
            "[agents.foreign]\ntitle = \"Foreign\"\ncommand = {}\n",
            json!(command)
        );
        self.up().await;
        self
    }
}

#[tokio::test]
async fn a_login_of_its_own_is_told_with_the_way_to_get_it_and_retry_goes_on() {
    let stage = Stage::foreign("", |stage| {
        let login = stage.scene.folder().join("logged-in");
        vec!["--login".to_owned(), login.to_str().expect("text").to_owned()]
    })
    .await;
    let (_, thread) = stage.mention(&stage.alice, "say: at last").await;
    let offers = |said: &Message| said.button("Retry").is_some();
    let note = stage.said(thread, "what is needed", offers).await;
    for words in [
        "Authentication required",
        "Foreign keeps its own login",
        "foreign login",
    ] {
        assert!(note.content.contains(words), "{words}: {}", note.content);
    }
    assert!(note.button("Sign in").is_none(), "a button could do nothing");
    fs::write(stage.scene.folder().join("logged-in"), "").expect("it can be written");
    stage.alice.presses_labelled(note.id, "Retry");
    stage
        .said(thread, "the answer", |said| said.content.starts_with("at last"))
        .await;
    // In the middle of a later turn, too.
    let later = stage.alice.says(thread, "login");
    stage.sign(later, "❌").await;
    let said = stage.fake.said(thread);
    assert_eq!(
        said.iter()
            .filter(|said| said.contains("Foreign keeps its own login"))
            .count(),
        2,
        "{said:?}"
    );
}

#[tokio::test]
async fn its_answers_are_offered_in_its_words_and_it_hears_the_one_that_was_pressed() {
    let stage = Stage::foreign("everyone = true", |_| vec![]).await;
    let bob = stage.guild.member("bob");
    let request = json!({
        "title": "change things", "kind": "edit", "rawInput": { "command": "rm", "args": ["-rf", "/srv/me"] },
        "content": [{ "type": "diff", "path": "small.txt", "oldText": "a\n", "newText": "b\n" }],
    });
    let (message, thread) = stage.mention(&stage.alice, "say: ready").await;
    stage.is_whole(message, thread, "ready").await;
    for (label, chosen, audit) in [
        ("yes", "chosen=yes;", "Allowed once by alice"),
        ("ever", "chosen=ever;", "Allowed by alice (“ever”)"),
        ("no", "chosen=no;", "Denied by alice"),
    ] {
        let asks = stage
            .alice
            .says(thread, &format!("request: {request}\nsay: went on with {label}"));
        let open = |said: &Message| {
            said.content.contains("wants to change files: change things") && said.button(label).is_some()
        };
        let card = stage.said(thread, "the card", open).await;
        assert!(card.content.contains("rm -rf /srv/me"), "{}", card.content);
        assert!(
            card.content.contains("+++ small.txt\n@@ -1 +1 @@\n-a\n+b\n```"),
            "{}",
            card.content
        );
        let stolen = bob.presses_labelled(card.id, label);
        stage
            .told(&bob, thread, stolen, &stage.only_alice("may decide that"))
            .await;
        let pressed = stage.alice.presses_labelled(card.id, label);
        if label == "no" {
            stage.is_form(pressed).await;
            stage.alice.submits(pressed, &[("reason", "rather not")]);
        }
        stage.said(thread, "what the agent heard", with(chosen)).await;
        stage
            .is_whole(asks, thread, &format!("went on with {label}"))
            .await;
        stage.said(thread, "the line that stays", with(audit)).await;
    }
}

#[tokio::test]
async fn why_somebody_said_no_is_told_with_the_next_message_and_once() {
    let stage = Stage::foreign("", |_| vec![]).await;
    let (message, thread) = stage
        .mention(
            &stage.alice,
            &format!("request: {}", json!({ "title": "burn it" })),
        )
        .await;
    let card = stage.said(thread, "the card", with("asks: burn it")).await;
    let pressed = stage.alice.presses_labelled(card.id, "no");
    stage.is_form(pressed).await;
    stage.alice.submits(pressed, &[("reason", "we still need it")]);
    stage.sign(message, "✅").await;
    let next = stage.alice.says(thread, "told");
    stage
        .is_whole(
            next,
            thread,
            "told: alice said no to “burn it”, because: we still need it",
        )
        .await;
    let later = stage.alice.says(thread, "told:");
    stage.is_whole(later, thread, "told: told:").await;
}

#[tokio::test]
async fn a_plan_that_it_asks_about_is_shown_before_anybody_says_yes() {
    let stage = Stage::foreign("", |_| vec![]).await;
    for (plan, file) in [
        ("## Plan\n1. do **this**".to_owned(), None),
        (
            format!("## Plan\n{}the end", "more words. ".repeat(300)),
            Some("request.txt"),
        ),
    ] {
        let request = json!({
            "title": "Ready to code?", "kind": "switch_mode",
            "content": [{ "type": "content", "content": { "type": "text", "text": plan } }],
        });
        let (_, thread) = stage.mention(&stage.alice, &format!("request: {request}")).await;
        let card = stage
            .said(thread, "the card", with("**Foreign** asks: Ready to code?"))
            .await;
        assert!(card.content.contains("## Plan\n"), "{}", card.content);
        let found = card.attachments.first().map(|file| file.name.as_str());
        assert_eq!(found, file);
        if let Some(whole) = card.attachments.first() {
            assert_eq!(whole.bytes, plan.as_bytes());
        }
        assert!(card.button("yes").is_some());
    }
}

#[tokio::test]
async fn a_model_that_it_offers_is_chosen_and_what_it_refuses_is_told_in_its_words() {
    for way in ["options", "former"] {
        let stage = Stage::foreign("", |_| vec!["--models".to_owned(), way.to_owned()]).await;
        let (message, thread) = stage.mention(&stage.alice, "model").await;
        stage.is_whole(message, thread, "model=one;").await;
        let asks = async |name: Option<&str>, words: &str| {
            let options: Vec<_> = name.map(|name| ("name", json!(name))).into_iter().collect();
            let typed = stage.alice.slash(thread, "model", &options);
            stage.told(&stage.alice, thread, typed, words).await;
        };
        asks(None, "Foreign offers `one` (Model one), `two` (Model two)").await;
        asks(
            Some("nine"),
            "Foreign does not offer the model `nine`; it offers `one`",
        )
        .await;
        asks(Some("model two"), "Foreign is told to use the model `two`").await;
        let next = stage.alice.says(thread, "model");
        stage.is_whole(next, thread, "model=two;").await;
        asks(Some("locked"), "Foreign is told to use the model `locked`").await;
        let next = stage.alice.says(thread, "model\nsay: still here");
        stage
            .said(thread, "the refusal", with("it is not in your plan"))
            .await;
        stage.said(thread, "the answer", with("still here")).await;
        stage.sign(next, "✅").await;
        asks(None, "This thread uses the agent's own model").await;
        asks(Some("two"), "is told to use").await;
        let next = stage.alice.says(thread, "exit: 3");
        stage.sign(next, "❌").await;
        // A new process knows nothing of it.
        let next = stage.alice.says(thread, "model\nsay: anew");
        stage.said(thread, "the answer", with("model=two;anew")).await;
        stage.sign(next, "✅").await;
        asks(Some("default"), "the agent's own model").await;
        let next = stage.alice.says(thread, "model\nsay: own");
        stage.said(thread, "the answer", with("model=one;own")).await;
        stage.sign(next, "✅").await;
    }
}

/// What is proposed to somebody who has typed so much.
pub(super) async fn proposed(
    stage: &Stage,
    who: &Person,
    (thread, command): (Id, &str),
    options: &[(&str, Value)],
    focused: &str,
) -> Vec<String> {
    let typed = who.completes(thread, command, options, focused);
    let choices = stage
        .fake
        .until("proposals", |world| match &world.interaction(typed)?.answer {
            Some(Answer::Choices(choices)) => Some(choices.clone()),
            _ => None,
        })
        .await;
    let names = choices.as_array().expect("a list").iter();
    names
        .map(|one| {
            format!(
                "{}={}",
                one["value"].as_str().expect("a value"),
                one["name"].as_str().expect("a name")
            )
        })
        .collect()
}

#[tokio::test]
async fn what_it_offers_is_proposed_while_somebody_types_and_its_model_stands_below_its_answer() {
    let stage = Stage::foreign("", |_| {
        ["--models", "options", "--modes", "former"]
            .map(str::to_owned)
            .into()
    })
    .await;
    let (alice, mallory) = (stage.alice.clone(), stage.guild.member("mallory"));
    let (message, thread) = stage.mention(&alice, "say: hello").await;
    stage.is_whole(message, thread, "hello").await;
    let answer = stage.said(thread, "the answer", with("hello")).await;
    assert!(answer.content.contains(" · Model one"), "{}", answer.content);
    let typed = |text: &str| [("name", json!(text))];
    let model = (thread, "model");
    let found = proposed(&stage, &alice, model, &typed(""), "name").await;
    let all = [
        "one=Model one",
        "two=Model two",
        "locked=Model locked",
        "default=default: the agent's own",
    ];
    assert_eq!(found, all);
    let found = proposed(&stage, &alice, model, &typed("TW"), "name").await;
    assert_eq!(found, ["two=Model two"]);
    let found = proposed(&stage, &mallory, model, &typed(""), "name").await;
    assert!(found.is_empty(), "{found:?}");
    let found = proposed(
        &stage,
        &alice,
        (thread, "agent"),
        &[("mode", json!("pl"))],
        "mode",
    )
    .await;
    assert_eq!(found, ["plan=Mode plan"]);
    let native = [("name", json!("native")), ("mode", json!(""))];
    let found = proposed(&stage, &alice, (thread, "agent"), &native, "mode").await;
    assert!(found.is_empty(), "another agent's: {found:?}");
}

#[tokio::test]
async fn its_mode_is_chosen_kept_over_its_end_and_left_when_it_leaves_it_itself() {
    for way in ["options", "former"] {
        let stage = Stage::foreign("", |_| vec!["--modes".to_owned(), way.to_owned()]).await;
        let (message, thread) = stage.mention(&stage.alice, "mode").await;
        stage.is_whole(message, thread, "mode=ask;").await;
        let chooses = async |mode: &str, words: &str| {
            let typed = stage.alice.slash(thread, "agent", &[("mode", json!(mode))]);
            stage.told(&stage.alice, thread, typed, words).await;
        };
        chooses(
            "yolo",
            "Foreign does not offer the mode `yolo`; it offers `ask` (Mode ask)",
        )
        .await;
        chooses("mode plan", "Foreign is told to use the mode `plan`").await;
        let next = stage.alice.says(thread, "mode");
        stage.is_whole(next, thread, "mode=plan;").await;
        let next = stage.alice.says(thread, "exit: 3");
        stage.sign(next, "❌").await;
        let next = stage.alice.says(thread, "mode\nsay: anew");
        stage.said(thread, "a new process", with("mode=plan;anew")).await;
        stage.sign(next, "✅").await;
        // A plan was agreed to, say: that is no longer what was chosen.
        let next = stage.alice.says(thread, "leave: ask\nsay: left");
        stage.is_whole(next, thread, "left").await;
        let next = stage.alice.says(thread, "mode\nsay: still");
        stage.said(thread, "the answer", with("mode=ask;still")).await;
        stage.sign(next, "✅").await;
        let typed = stage.alice.slash(thread, "status", &[]);
        stage.told(&stage.alice, thread, typed, "Mode: ask.").await;
        chooses("locked", "Foreign is told to use the mode `locked`").await;
        let next = stage.alice.says(thread, "mode\nsay: refused");
        stage
            .said(
                thread,
                "the refusal",
                with("does not use the mode `locked`: Internal error: it is not in your plan"),
            )
            .await;
        stage.sign(next, "✅").await;
        chooses("default", "the mode that the agent begins with").await;
    }
}

#[tokio::test]
async fn where_a_channel_asks_or_denies_only_administrators_choose_the_mode() {
    for permissions in ["ask", "deny"] {
        let mut stage = Stage::ready("", "").await;
        stage.settings = format!(
            "everyone = true\n[discord.channels.{}]\nagent = \"foreign\"\npermissions = \"{permissions}\"",
            stage.channel
        );
        let stage = stage.with_foreign_beside(&["--modes", "options"]).await;
        let bob = stage.guild.member("bob");
        let (message, thread) = stage.mention(&bob, "mode").await;
        stage.is_whole(message, thread, "mode=ask;").await;
        let plan = [("mode", json!("plan"))];
        let typed = bob.slash(thread, "agent", &plan);
        let why = format!("this channel's `permissions` are `{permissions}`");
        let words = format!("Only administrators choose an agent's mode here: {why}");
        stage.told(&bob, thread, typed, &words).await;
        let next = bob.says(thread, "mode\nsay: as before");
        stage.said(thread, "the answer", with("mode=ask;as before")).await;
        stage.sign(next, "✅").await;
        let typed = stage.alice.slash(thread, "agent", &plan);
        stage
            .told(&stage.alice, thread, typed, "is told to use the mode `plan`")
            .await;
        let next = bob.says(thread, "mode\nsay: anew");
        stage.said(thread, "the answer", with("mode=plan;anew")).await;
        stage.sign(next, "✅").await;
        // Away from the agent and back to it would leave the mode, too.
        let native = [("name", json!("native"))];
        let typed = bob.slash(thread, "agent", &native);
        let words =
            format!("Only administrators change the agent here while it works in the mode `plan`: {why}");
        stage.told(&bob, thread, typed, &words).await;
        let next = bob.says(thread, "mode\nsay: still");
        stage.said(thread, "the answer", with("mode=plan;still")).await;
        stage.sign(next, "✅").await;
        for (who, name) in [(&stage.alice, "native"), (&bob, "foreign")] {
            let typed = who.slash(thread, "agent", &[("name", json!(name))]);
            stage.told(who, thread, typed, "with a new session").await;
        }
    }
}

#[tokio::test]
async fn what_an_administrator_chooses_after_a_channel_was_tightened_stays_and_what_a_member_does_is_refused()
{
    let mut stage = Stage::ready("", "").await;
    let open = format!(
        "everyone = true\n[discord.channels.{}]\nagent = \"foreign\"",
        stage.channel
    );
    stage.settings.clone_from(&open);
    let mut stage = stage.with_foreign_beside(&["--modes", "options"]).await;
    let bob = stage.guild.member("bob");
    let (message, thread) = stage.mention(&bob, "mode").await;
    stage.is_whole(message, thread, "mode=ask;").await;
    stage.kill();
    stage.settings = format!("{open}\npermissions = \"deny\"");
    stage.up().await;
    let plan = [("mode", json!("plan"))];
    let typed = bob.slash(thread, "agent", &plan);
    stage
        .told(
            &bob,
            thread,
            typed,
            "Only administrators choose an agent's mode here",
        )
        .await;
    let typed = stage.alice.slash(thread, "agent", &plan);
    stage
        .told(&stage.alice, thread, typed, "is told to use the mode `plan`")
        .await;
    let next = bob.says(thread, "mode\nsay: anew");
    stage.said(thread, "the answer", with("mode=plan;anew")).await;
    stage.sign(next, "✅").await;
}

#[tokio::test]
async fn while_discord_does_not_say_who_administrates_nobody_is_told_that_they_do_not() {
    let mut stage = Stage::ready("", "").await;
    stage.settings = format!(
        "everyone = true\n[discord.channels.{}]\nagent = \"foreign\"\npermissions = \"ask\"",
        stage.channel
    );
    // Who the owners are is asked again by each command.
    stage.environment.push(("AGENT_HOST_HASTE", "50".to_owned()));
    let stage = stage.with_foreign_beside(&["--modes", "options"]).await;
    let (alice, bob) = (&stage.alice, stage.guild.member("bob"));
    let (message, thread) = stage.mention(&bob, "mode").await;
    stage.is_whole(message, thread, "mode=ask;").await;
    let back = ("code", json!("some-code#some-state"));
    let everyone = ("scope", json!("everyone"));
    let vendor = ("vendor", json!("rehearsal"));
    for (command, options, words) in [
        (
            "agent",
            vec![("mode", json!("plan"))],
            "is told to use the mode `plan`",
        ),
        ("agent", vec![("name", json!("native"))], "with a new session"),
        ("model", vec![("name", json!("rehearsal-fast"))], "rehearsal-fast"),
        (
            "auth",
            vec![vendor.clone(), everyone.clone()],
            "for everyone who uses this bot",
        ),
        ("auth", vec![vendor.clone(), everyone.clone(), back], "⚠️"),
        (
            "auth",
            vec![vendor, everyone, ("action", json!("logout"))],
            "Signed out of",
        ),
    ] {
        // What Discord said for the one before is good no longer.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let fault = Fault::status(503).on("GET", "/oauth2/applications/@me");
        stage.fake.inject(fault.times(10_000));
        let typed = alice.slash(thread, command, &options);
        stage
            .told(
                alice,
                thread,
                typed,
                "Discord does not tell me now whether you may, so nothing was done",
            )
            .await;
        stage.fake.forget_faults();
        let typed = alice.slash(thread, command, &options);
        stage.told(alice, thread, typed, words).await;
    }
}

#[tokio::test]
async fn what_is_chosen_before_its_first_run_is_looked_at_in_that_run() {
    let stage = Stage::ready("", "").await;
    let stage = stage.with_foreign_beside(&["--models", "options"]).await;
    let (message, thread) = stage.mention(&stage.alice, "say: native").await;
    stage.is_whole(message, thread, "native").await;
    for (command, options, words) in [
        (
            "agent",
            vec![("name", json!("foreign"))],
            "the agent Foreign, with a new session",
        ),
        (
            "model",
            vec![("name", json!("nine"))],
            "Foreign is told to use the model `nine`. If it does not, that is told here",
        ),
        (
            "agent",
            vec![("mode", json!("plan"))],
            "Foreign is told to use the mode `plan`",
        ),
    ] {
        let typed = stage.alice.slash(thread, command, &options);
        stage.told(&stage.alice, thread, typed, words).await;
    }
    let first = stage.alice.says(thread, "model\nsay: goes on");
    for words in [
        "Foreign does not use the model `nine`: it does not offer it; it offers `one` (Model one)",
        "Foreign does not use the mode `plan`: it chooses its mode itself",
        "model=one;goes on",
    ] {
        stage.said(thread, words, with(words)).await;
    }
    stage.sign(first, "✅").await;
}

#[tokio::test]
async fn an_agent_that_offers_no_models_chooses_itself_and_nothing_else_is_claimed() {
    let stage = Stage::foreign("", |_| vec![]).await;
    let (message, thread) = stage.mention(&stage.alice, "say: hello").await;
    stage.is_whole(message, thread, "hello").await;
    for (command, options, words) in [
        (
            "model",
            vec![("name", json!("opus"))],
            "Foreign chooses its model itself",
        ),
        (
            "agent",
            vec![("mode", json!("plan"))],
            "Foreign chooses its mode itself, and offers none",
        ),
        ("model", vec![], "Foreign chooses its model itself"),
        ("status", vec![], "Agent: Foreign. Model: its own"),
    ] {
        let typed = stage.alice.slash(thread, command, &options);
        stage.told(&stage.alice, thread, typed, words).await;
    }
}

#[tokio::test]
async fn all_that_it_reports_is_shown_and_its_end_is_told_in_its_words() {
    let stage = Stage::foreign("", |_| vec![]).await;
    let (message, thread) = stage
        .mention(
            &stage.alice,
            "plan: one step\nnoise\nstrange\ntool: the tool\nsay: all is well",
        )
        .await;
    stage.is_whole(message, thread, "all is well").await;
    stage.said(thread, "the plan", with("one step")).await;
    let tool = stage.said(thread, "the tool", with("✅ the tool")).await;
    let pressed = stage.alice.presses_labelled(tool.id, "Details");
    stage
        .answered(&stage.alice, thread, pressed, "output of the tool")
        .await;
    for (text, words) in [
        ("error: quota is used up", "quota is used up"),
        ("stop: refusal", "refused"),
        ("exit: 3", "exit code 3"),
        ("babble", "broke the protocol"),
    ] {
        let asks = stage.alice.says(thread, text);
        stage.said(thread, words, with(words)).await;
        stage.sign(asks, "❌").await;
    }
    let asks = stage.alice.says(thread, "say: and goes on");
    stage.is_whole(asks, thread, "and goes on").await;
}
