//! Whatever is slow, whoever presses, types or sends something is answered within three seconds. (The fake takes no first
//! answer that comes later.)

use std::time::Duration;

use rehearsal::{Counter, Fault as Vendor, Target};
use rusqlite::Connection;
use serde_json::{Value, json};
use support::discord::{Answer, Fault, Id, Message, Person, World};
use support::{client, consent};

use super::signing_in::link;
use super::{Stage, with};

const NOBODY_SAYS: &str = "Discord does not tell me now whether you may";
const SLOW: Duration = Duration::from_secs(8);

/// All of Discord's REST that anything here asks, but for the first answers themselves.
const ROUTES: [(&str, &str); 12] = [
    ("GET", "/oauth2/applications/@me"),
    ("GET", "/channels/*"),
    ("GET", "/channels/*/messages"),
    ("POST", "/channels/*/messages"),
    ("PATCH", "/channels/*/messages/*"),
    ("DELETE", "/channels/*/messages/*"),
    ("POST", "/channels/*/threads"),
    ("POST", "/channels/*/typing"),
    ("PUT", "/channels/*/messages/*/reactions/*/@me"),
    ("PATCH", "/webhooks/*/*/messages/@original"),
    ("POST", "/webhooks/*/*"),
    ("GET", "/guilds/*/threads/active"),
];

impl Stage {
    /// From now on everything takes its time: Discord's REST, the vendor, and what is written to the database.
    fn jam(&self) -> Connection {
        for (method, path) in ROUTES {
            self.fake.inject(Fault::slow(SLOW).on(method, path).times(10_000));
        }
        let wait = Vendor::Latency { ms: 8000 };
        self.scene.fault(Target::Any, None, wait);
        let database = self.scene.folder().join("conversation.db");
        let database = Connection::open(database).expect("it is there");
        database.execute_batch("BEGIN IMMEDIATE").expect("it can be held");
        database
    }

    /// Waits for the first answers to all of these.
    async fn are_answered(&self, asked: &[(String, Id)]) {
        for _ in 0..80 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if self.unanswered(asked).is_empty() {
                return;
            }
        }
        panic!("not within three seconds: {:?}", self.unanswered(asked));
    }

    fn unanswered<'a>(&self, asked: &'a [(String, Id)]) -> Vec<&'a str> {
        self.fake.look(|world| {
            let is_open = |id: Id| world.interaction(id).is_none_or(|one| one.answer.is_none());
            let open = asked.iter().filter(|(_, id)| is_open(*id));
            open.map(|(what, _)| what.as_str()).collect()
        })
    }

    async fn form(&self, who: &Person, message: Id, label: &str) -> Id {
        let pressed = who.presses_labelled(message, label);
        self.is_form(pressed).await;
        pressed
    }
}

/// What there is to press and to send.
struct Things {
    /// The card of a sign-in, and its button while it waited.
    login: (Id, String),
    /// How one's logins stand.
    logins: Message,
    /// A sign-in that was begun, and its form.
    begun: (Id, Id),
    /// A thread with something that is always allowed, how it stands, and a tool in it.
    thread: Id,
    status: Message,
    tool: Id,
    /// A thread with a tool that runs.
    running: Id,
    sleeps: Id,
    /// A turn to be tried again.
    retry: Id,
    /// A question, and the form of its denial.
    asks: (Id, Id),
}

impl Stage {
    /// Something of each kind.
    async fn things(&self) -> Things {
        let (stage, alice) = (self, &self.alice);
        // A sign-in that a thread waits for, a login of one's own, and another sign-in that was begun.
        let (message, waited) = stage.mention(alice, "say: with a login").await;
        let login = stage.said(waited, "the card", with("Sign-in needed")).await;
        let sign_in = login.button("Sign in").expect("a button");
        let pressed = alice.presses_labelled(login.id, "Sign in");
        let begun = stage.answered(alice, waited, pressed, "Sign in to").await;
        let back = consent(&client(), &link(&begun), "alice").await;
        let paste = stage.form(alice, begun.id, "Paste code").await;
        let sent = alice.submits(paste, &[("code", &back)]);
        stage.answered(alice, waited, sent, "Signed in to").await;
        stage.sign(message, "✅").await;
        let typed = alice.slash(waited, "auth", &[("action", json!("status"))]);
        let logins = stage.answered(alice, waited, typed, "(yours").await;
        let vendor = ("vendor", json!("rehearsal"));
        let typed = alice.slash(waited, "auth", std::slice::from_ref(&vendor));
        let begun = stage.answered(alice, waited, typed, "Sign in to").await;
        let pasting = stage.form(alice, begun.id, "Paste code").await;

        // Something that is always allowed, a tool's details, a turn to try again, and a question.
        let (message, thread) = stage.mention(alice, "run: echo always").await;
        let card = stage.card(thread, "echo always").await;
        alice.presses_labelled(card.id, "Always run exactly this command");
        stage.sign(message, "✅").await;
        let typed = alice.slash(thread, "status", &[]);
        let status = stage.answered(alice, thread, typed, "Always allowed").await;
        let tool = stage
            .said(thread, "the tool", |said| said.button("Details").is_some())
            .await;
        let (_, running) = stage.mention(alice, "run: sleep 60").await;
        let card = stage.card(running, "sleep 60").await;
        alice.presses_labelled(card.id, "Allow once");
        let sleeps = stage
            .said(running, "the tool", |said| said.button("Stop").is_some())
            .await;
        alice.says(running, "say: it waits");
        stage.said(running, "that it waits", with("Queued")).await;
        let requests = stage.scene.count(Counter::ModelRequests);
        let (message, stopped) = stage.mention(alice, "hold\nsay: never").await;
        stage.scene.wait(Counter::ModelRequests, requests + 1).await;
        let typed = alice.slash(stopped, "stop", &[]);
        stage.told(alice, stopped, typed, "Stopping").await;
        stage.sign(message, "❌").await;
        let retry = stage
            .said(stopped, "a way to try again", |said| {
                said.button("Retry").is_some()
            })
            .await;
        let (_, asks) = stage.mention(alice, "run: echo asked").await;
        let card = stage.card(asks, "echo asked").await;
        let denying = stage.form(alice, card.id, "Deny").await;
        Things {
            login: (login.id, sign_in),
            logins,
            begun: (begun.id, pasting),
            thread,
            status,
            tool: tool.id,
            running,
            sleeps: sleeps.id,
            retry: retry.id,
            asks: (card.id, denying),
        }
    }
}

/// All commands, each in its ways.
fn commands() -> Vec<(&'static str, Vec<(&'static str, Value)>)> {
    let vendor = ("vendor", json!("rehearsal"));
    vec![
        ("help", vec![]),
        ("status", vec![]),
        ("stop", vec![]),
        ("queue", vec![]),
        ("queue", vec![("skip", json!(1))]),
        ("queue", vec![("retry", json!(true))]),
        ("model", vec![]),
        ("model", vec![("name", json!("rehearsal-fast"))]),
        ("agent", vec![]),
        ("agent", vec![("name", json!("native"))]),
        ("reset", vec![]),
        ("new", vec![("text", json!("say: new"))]),
        ("auth", vec![]),
        ("auth", vec![("action", json!("status"))]),
        ("auth", vec![vendor.clone()]),
        ("auth", vec![vendor.clone(), ("way", json!("device"))]),
        ("auth", vec![vendor.clone(), ("scope", json!("everyone"))]),
        (
            "auth",
            vec![vendor.clone(), ("code", json!("some-code#some-state"))],
        ),
        ("auth", vec![vendor.clone(), ("action", json!("logout"))]),
    ]
}

/// The name of a message's first button.
fn first(message: &Message) -> String {
    message.controls()[0]["custom_id"]
        .as_str()
        .expect("a button has a name")
        .to_owned()
}

#[tokio::test]
async fn every_command_button_and_form_is_answered_in_time_whatever_is_slow() {
    let mut stage = Stage::ready("", "").await;
    stage.settings = format!("users = [{}]\nadmins = [{0}]", stage.alice.id);
    stage.is_signed_out().await;
    stage.up().await;
    let alice = &stage.alice;
    let things = stage.things().await;
    let (running, thread) = (things.running, things.thread);
    let jam = stage.jam();
    // A turn's end that can't be written holds up its thread's task.
    let mut asked: Vec<(String, Id)> = vec![];
    let mut did = |what: &str, id: Id| asked.push((what.to_owned(), id));
    did("Stop", alice.presses_labelled(things.sleeps, "Stop"));
    did("Retry", alice.presses_labelled(things.retry, "Retry"));
    did("Allow", alice.presses_labelled(things.asks.0, "Allow once"));
    did("Deny", alice.presses_labelled(things.asks.0, "Deny"));
    did("denied", alice.submits(things.asks.1, &[("reason", "no")]));
    did("Details", alice.presses_labelled(things.tool, "Details"));
    did(
        "Ask again",
        alice.presses(things.status.id, &first(&things.status)),
    );
    did("Sign in", alice.forges(things.login.0, &things.login.1));
    did(
        "Sign out",
        alice.presses(things.logins.id, &first(&things.logins)),
    );
    did("Paste code", alice.presses_labelled(things.begun.0, "Paste code"));
    did(
        "pasted",
        alice.submits(things.begun.1, &[("code", "some-code#some-state")]),
    );
    for (command, options) in commands() {
        for place in [running, thread] {
            let what = format!("/{command} {options:?}");
            did(&what, alice.slash(place, command, &options));
        }
    }
    stage.are_answered(&asked).await;
    drop(jam);
    let names = stage.fake.look(|world| world.commands().len());
    assert_eq!(names, 9, "a new one belongs into this table");
}

/// A host that asks who the owners are again at each press.
async fn asking() -> Stage {
    let mut stage = Stage::ready("", "").await;
    stage.environment.push(("AGENT_HOST_HASTE", "50".to_owned()));
    stage.up().await;
    stage
}

#[tokio::test]
async fn whom_only_discord_can_let_in_is_answered_in_time_and_let_in_once_it_says_so() {
    let stage = asking().await;
    let alice = &stage.alice;
    let (message, thread) = stage.mention(alice, "run: echo asked").await;
    let card = stage.card(thread, "echo asked").await;
    let jam = stage.jam();
    let asked = [
        ("help".to_owned(), alice.slash(thread, "help", &[])),
        (
            "new".to_owned(),
            alice.slash(thread, "new", &[("text", json!("say: x"))]),
        ),
        ("Deny".to_owned(), alice.presses_labelled(card.id, "Deny")),
        ("Allow".to_owned(), alice.presses_labelled(card.id, "Allow once")),
    ];
    stage.are_answered(&asked).await;
    drop(jam);
    stage.fake.forget_faults();
    stage.told(alice, thread, asked[0].1, "opens a thread").await;
    stage.told(alice, thread, asked[1].1, "Here it goes on").await;
    // A form is the only answer there is.
    stage.told(alice, thread, asked[2].1, NOBODY_SAYS).await;
    stage.sign(message, "✅").await;
}

#[tokio::test]
async fn where_also_the_first_answer_is_slow_an_owner_is_heard_and_nobody_else() {
    let stage = asking().await;
    let (alice, bob) = (&stage.alice, stage.guild.member("bob"));
    let (message, thread) = stage.mention(alice, "run: echo asked").await;
    let card = stage.card(thread, "echo asked").await;
    for (method, path) in [
        ("GET", "/oauth2/applications/@me"),
        ("POST", "/interactions/*/*/callback"),
    ] {
        let slow = Fault::slow(Duration::from_secs(2)).on(method, path);
        stage.fake.inject(slow.times(10_000));
    }
    let refused = [
        bob.presses_labelled(card.id, "Allow once"),
        bob.presses_labelled(card.id, "Deny"),
        bob.slash(thread, "reset", &[]),
        bob.slash(thread, "new", &[("text", json!("say: mine"))]),
    ];
    for (asked, words) in refused
        .into_iter()
        .zip(["not on", NOBODY_SAYS, "not on", "not on"])
    {
        stage.told(&bob, thread, asked, words).await;
    }
    let threads = || stage.fake.look(|world| world.threads(stage.channel).len());
    assert_eq!(threads(), 1, "nothing is opened for who may not");
    let status = alice.slash(thread, "status", &[]);
    stage.told(alice, thread, status, "echo asked").await;
    alice.presses_labelled(card.id, "Allow once");
    stage.sign(message, "✅").await;
    let new = alice.slash(thread, "new", &[("text", json!("say: hers"))]);
    stage.told(alice, thread, new, "Here it goes on").await;
    assert_eq!(threads(), 2);
}

#[tokio::test]
async fn whom_only_discord_can_let_in_is_shown_a_form_by_a_later_press_however_slowly_it_says_so() {
    let stage = Stage::start("", "").await;
    let (_, thread) = stage.mention(&stage.alice, "run: echo asked").await;
    let card = stage.card(thread, "echo asked").await;
    // Longer than anybody who presses is kept waiting, and than what Discord said is good for.
    let slow = Fault::slow(Duration::from_secs(6)).on("GET", "/oauth2/applications/@me");
    stage.fake.inject(slow.times(10_000));
    // Who the owners are is asked again.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let mut refused = 0;
    for _ in 0..40 {
        let pressed = stage.alice.presses_labelled(card.id, "Deny");
        let answered = |world: &World| world.interaction(pressed)?.answer.clone();
        if let Answer::Form(_) = stage.fake.until("an answer", answered).await {
            assert_ne!(refused, 0, "it was not known");
            return;
        }
        stage.told(&stage.alice, thread, pressed, NOBODY_SAYS).await;
        refused += 1;
    }
    panic!("never shown: {refused}");
}
