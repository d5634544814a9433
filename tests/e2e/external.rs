//! Agents that are not ours: whatever one says, asks for or breaks, its thread is told in words, and no other notices.

use std::path::Path;
use std::time::Duration;

use conversation::{Body, Conversation, NoteKind, ThreadFilter, ThreadId, ToolStatus};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use support::{Host, Person};
use tempfile::TempDir;

mod asks;
mod choices;
mod starts;
mod unread;

/// A host whose threads are served by an external agent, and a person at its page.
struct Talk {
    home: TempDir,
    host: Host,
    person: Person,
}

impl Talk {
    /// With these arguments for the agent, and this added to its configuration.
    async fn new(arguments: &[&str], more: &str) -> Self {
        let home = tempfile::tempdir().expect("a folder can be made");
        let config = config(&support::program("foreign-agent"), arguments, more);
        let host = Host::configured(home.path(), &config, &[("OPENAI_API_KEY", "sk-not-for-it")]);
        let person = Person::enter(host.link()).await;
        Self { home, host, person }
    }

    /// The same folder with the next host, started as the first one was.
    async fn again(self, arguments: &[&str]) -> Self {
        let Self { home, host, .. } = self;
        host.stop();
        let config = config(&support::program("foreign-agent"), arguments, "");
        let host = Host::configured(home.path(), &config, &[]);
        let person = Person::enter(host.link()).await;
        Self { home, host, person }
    }

    /// Says something in a new thread, and waits until nothing is to be done there. Gives back the thread.
    async fn open(&self, text: &str) -> String {
        let thread = self.person.open(text).await;
        self.settled(&thread).await;
        thread
    }

    /// The name of the permission request that is open in a thread, once it is.
    async fn request(&self, thread: &str) -> String {
        until("it is asked", async || {
            let bodies = self.bodies(thread).await.into_iter();
            bodies.rev().find_map(|body| match body {
                Body::Permission { request, .. } => Some(request),
                _ => None,
            })
        })
        .await
    }

    /// Answers a permission request: whether it could be, and what was said to it.
    async fn decide(&self, thread: &str, request: &str, answer: &str) -> (bool, String) {
        let decision = json!({ "request": request, "answer": answer });
        let path = format!("/api/t/{thread}/decide");
        let (status, said) = self.person.post(&path, &decision).await;
        (status.is_success(), said.to_string())
    }

    /// Says something more, and waits until the thread has nothing left to do.
    async fn say(&self, thread: &str, name: &str, text: &str) {
        self.person.say(thread, name, text).await;
        self.settled(thread).await;
    }

    /// Waits until no turn of a thread runs or waits.
    async fn settled(&self, thread: &str) {
        let id = ThreadId::parse(&format!("web:{thread}")).expect("a thread");
        until("it settles", async || {
            let threads = self.conversation().threads(ThreadFilter::default()).await;
            let threads = threads.expect("they can be read");
            let found = threads
                .iter()
                .find(|found| found.thread.id == id)
                .expect("it is there");
            (!found.running && found.queued == 0).then_some(())
        })
        .await;
    }

    /// Waits until the agent has said something.
    async fn hears(&self, thread: &str, words: &str) {
        until(words, async || {
            self.answers(thread).await.contains(words).then_some(())
        })
        .await;
    }

    fn conversation(&self) -> Conversation {
        Conversation::open_without_recovery(self.home.path()).expect("it can be looked at")
    }

    /// What the thread shows.
    async fn bodies(&self, thread: &str) -> Vec<Body> {
        let id = ThreadId::parse(&format!("web:{thread}")).expect("a thread");
        let items = self
            .conversation()
            .items(&id, None, usize::MAX)
            .await
            .expect("it can be read");
        items.into_iter().map(|item| item.body).collect()
    }

    /// Everything the agent said in a thread.
    async fn answers(&self, thread: &str) -> String {
        let bodies = self.bodies(thread).await;
        let texts = bodies.iter().filter_map(|body| match body {
            Body::Answer { text } => Some(text.as_str()),
            _ => None,
        });
        texts.collect::<Vec<_>>().join("\n")
    }

    /// What the host said in a thread, and how bad it is.
    async fn notes(&self, thread: &str) -> Vec<(NoteKind, String)> {
        let bodies = self.bodies(thread).await;
        let notes = bodies.into_iter().filter_map(|body| match body {
            Body::Note { kind, text, .. } => Some((kind, text)),
            _ => None,
        });
        notes.collect()
    }

    /// The process that said `pid=…;` last in a thread.
    async fn process(&self, thread: &str) -> Pid {
        let answers = self.answers(thread).await;
        let number = answers
            .rsplit("pid=")
            .next()
            .and_then(|rest| rest.split(';').next());
        Pid::from_raw(number.and_then(|text| text.parse().ok()).expect("it was asked"))
    }
}

/// A configuration with this agent for new threads.
fn config(program: &Path, arguments: &[&str], more: &str) -> String {
    let mut command = vec![program.to_str().expect("a path is text")];
    command.extend(arguments);
    format!(
        "default_agent = \"foreign\"\n[agents.foreign]\ntitle = \"Foreign\"\ncommand = {}\n{more}",
        json!(command)
    )
}

/// Looks again and again until something holds. For states that tell nobody when they change.
async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..1200 {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it did not come in a minute: {what}");
}

/// Whether a process is there and more than a dead one that nobody has collected.
fn is_alive(process: Pid) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat"))
        .is_ok_and(|stat| !stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z')))
}

#[tokio::test]
async fn all_that_an_agent_reports_is_shown_and_what_nobody_knows_does_no_harm() {
    let talk = Talk::new(&["--slow", "700"], "").await;
    let thread = talk
        .open("think: let me see\nplan: one step\nnoise\nstrange\ntool: the tool\nsay: all is well\nblocks")
        .await;
    let bodies = talk.bodies(&thread).await;
    let answers = talk.answers(&thread).await;
    assert!(
        answers.contains("all is well") && answers.contains("text"),
        "{bodies:#?}"
    );
    assert!(
        bodies
            .iter()
            .any(|body| matches!(body, Body::Thought { text } if text == "let me see"))
    );
    assert!(
        bodies
            .iter()
            .any(|body| matches!(body, Body::Plan { entries } if entries[0].text == "one step"))
    );
    let tools: Vec<_> = bodies
        .iter()
        .filter_map(|body| match body {
            Body::Tool(tool) => Some(tool),
            _ => None,
        })
        .collect();
    let told = tools
        .iter()
        .find(|tool| tool.title == "the tool")
        .expect("it is there");
    assert_eq!(told.status, ToolStatus::Completed);
    assert!(told.output.contains("output of the tool"), "{told:?}");
    assert_eq!(told.diffs.len(), 1, "{told:?}");
    let early = tools.iter().find(|tool| tool.title == "seen before it was told");
    assert_eq!(
        early.map(|tool| tool.status),
        Some(ToolStatus::Failed),
        "{tools:?}"
    );
    assert_eq!(talk.notes(&thread).await, [], "nothing went wrong");
}

#[tokio::test]
async fn what_is_not_offered_is_refused_and_the_turn_goes_on() {
    let talk = Talk::new(&[], "").await;
    let thread = talk
        .open(
            "call: fs/read_text_file\ncall: fs/write_text_file\ncall: terminal/create\ncall: terminal/output\n\
             call: elicitation/create\ncall: _vendor/ask\ncall: _agent-host/login\nsay: still here",
        )
        .await;
    let answers = talk.answers(&thread).await;
    for method in [
        "fs/read_text_file",
        "fs/write_text_file",
        "terminal/create",
        "terminal/output",
        "_vendor/ask",
    ] {
        assert!(
            answers.contains(&format!("{method} -32601")),
            "{method}: {answers}"
        );
    }
    assert!(answers.contains("still here"), "{answers}");
}

#[tokio::test]
async fn the_agent_gets_an_environment_of_its_own() {
    let talk = Talk::new(
        &[],
        "env = { FOREIGN_KEY = { from_env = \"OPENAI_API_KEY\" }, PLAIN = \"x\" }\n",
    )
    .await;
    let thread = talk.open("env").await;
    let answers = talk.answers(&thread).await;
    let names: Vec<&str> = answers.split_whitespace().collect();
    assert!(
        names.contains(&"FOREIGN_KEY") && names.contains(&"PLAIN"),
        "{names:?}"
    );
    assert!(
        names.iter().all(|name| {
            [
                "AGENT_HOST_STATE",
                "FOREIGN_KEY",
                "HOME",
                "LANG",
                "PATH",
                "PLAIN",
                "TERM",
            ]
            .contains(name)
        }),
        "{names:?}"
    );
}

#[tokio::test]
async fn a_login_of_its_own_is_told_with_the_way_to_get_it_and_a_retry_goes_on() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let login = home.path().join("logged-in");
    let talk = Talk::new(&["--login", login.to_str().expect("a path is text")], "").await;
    let thread = talk.person.open("say: at last").await;
    let note = until("it is told", async || talk.notes(&thread).await.pop()).await;
    for words in [
        "Authentication required",
        "Foreign keeps its own login",
        "Company sign-in: run `foreign login`",
        "Retry",
    ] {
        assert!(note.1.contains(words), "{words}: {note:?}");
    }
    let bodies = talk.bodies(&thread).await;
    assert!(
        !bodies.iter().any(|body| matches!(body, Body::Login { .. })),
        "a button could do nothing: {bodies:?}"
    );
    std::fs::write(&login, "").expect("a file can be written");
    let turn = until("it can be asked for again", async || {
        talk.bodies(&thread)
            .await
            .into_iter()
            .find_map(|body| match body {
                Body::Note { retry, .. } => retry,
                _ => None,
            })
    })
    .await;
    let (status, said) = talk
        .person
        .post(&format!("/api/t/{thread}/retry"), &json!({ "turn": turn }))
        .await;
    assert!(status.is_success(), "{status}: {said}");
    talk.hears(&thread, "at last").await;
    talk.settled(&thread).await;
    // The same in the middle of a turn.
    talk.say(&thread, "m2", "login").await;
    let notes = talk.notes(&thread).await;
    assert!(
        notes.last().is_some_and(
            |(kind, text)| *kind == NoteKind::Error && text.contains("Foreign keeps its own login")
        ),
        "{notes:?}"
    );
}

#[tokio::test]
async fn a_session_is_taken_up_again_and_its_replay_is_not_shown() {
    for (arguments, remembered) in [(&[][..], true), (&["--forgets"][..], false)] {
        let talk = Talk::new(arguments, "").await;
        let thread = talk.open("remember: the number 4711\npid").await;
        let first = talk.process(&thread).await;
        kill(first, Signal::SIGKILL).expect("it is there");
        until("it is gone", async || (!is_alive(first)).then_some(())).await;
        talk.say(&thread, "m2", "recall\npid").await;
        let answers = talk.answers(&thread).await;
        assert_ne!(talk.process(&thread).await, first);
        assert_eq!(
            answers.contains("remembered: the number 4711"),
            remembered,
            "{answers}"
        );
        assert!(!answers.contains("replayed"), "{answers}");
        let notes = talk.notes(&thread).await;
        assert_eq!(
            notes.iter().any(|(_, text)| text.contains("does not remember")),
            !remembered,
            "{notes:?}"
        );
    }
}

#[tokio::test]
async fn a_stop_reaches_every_agent_whatever_it_makes_of_it() {
    for how in ["", "error", "deaf"] {
        let talk = Talk::new(&[], "").await;
        let thread = talk.person.open(&format!("pid\nwait: {how}")).await;
        talk.hears(&thread, "waiting").await;
        let process = talk.process(&thread).await;
        let (status, said) = talk
            .person
            .post(&format!("/api/t/{thread}/stop"), &json!({}))
            .await;
        assert!(status.is_success(), "{status}: {said}");
        talk.settled(&thread).await;
        if how == "deaf" {
            until("it is gone", async || (!is_alive(process)).then_some(())).await;
        }
        talk.say(&thread, "m2", "say: and on").await;
        assert!(talk.answers(&thread).await.contains("and on"), "{how}");
    }
}

#[tokio::test]
async fn how_a_turn_ended_is_told_in_the_agents_words() {
    let talk = Talk::new(&[], "").await;
    let thread = talk.open("say: hello").await;
    for (number, (text, kind, words)) in [
        ("error: quota is used up", NoteKind::Error, "quota is used up"),
        ("stop: max_tokens", NoteKind::Warning, "limit of tokens"),
        ("stop: refusal", NoteKind::Warning, "refused"),
        ("exit: 3", NoteKind::Error, "exit code 3"),
        ("babble", NoteKind::Error, "broke the protocol"),
    ]
    .into_iter()
    .enumerate()
    {
        talk.say(&thread, &format!("m{number}"), text).await;
        let notes = talk.notes(&thread).await;
        assert!(
            notes
                .iter()
                .any(|(found, told)| *found == kind && told.contains(words)),
            "{text}: {notes:?}"
        );
    }
    // A word of tomorrow ends the turn as well.
    talk.say(&thread, "tomorrow", "say: ended\nstop: out_of_coffee")
        .await;
    talk.say(&thread, "after", "say: and goes on").await;
    assert!(talk.answers(&thread).await.contains("and goes on"));
}

#[tokio::test]
async fn an_agent_that_breaks_the_protocol_ends_alone() {
    let talk = Talk::new(&[], "").await;
    let other = talk.person.open("say: before\nwait").await;
    talk.hears(&other, "waiting").await;
    let thread = talk.open("pid\nbabble\nwait").await;
    let process = talk.process(&thread).await;
    until("it is gone", async || (!is_alive(process)).then_some(())).await;
    assert_eq!(talk.notes(&other).await, []);
    talk.person
        .post(&format!("/api/t/{other}/stop"), &json!({}))
        .await;
    talk.settled(&other).await;
    talk.say(&other, "m2", "say: undisturbed").await;
    assert!(talk.answers(&other).await.contains("undisturbed"));
}

#[tokio::test]
async fn an_agent_that_talks_without_being_asked_is_ended_and_told() {
    let talk = Talk::new(&[], "").await;
    let thread = talk.open("pid\nhaunt").await;
    let process = talk.process(&thread).await;
    until("it is gone", async || (!is_alive(process)).then_some(())).await;
    until("it is told", async || {
        let notes = talk.notes(&thread).await;
        notes
            .iter()
            .any(|(_, words)| words.contains("nobody had asked"))
            .then_some(())
    })
    .await;
    talk.say(&thread, "m2", "say: back").await;
    assert!(talk.answers(&thread).await.contains("back"));
}

#[tokio::test]
async fn a_turn_without_a_word_says_how_it_ended() {
    let talk = Talk::new(&[], "").await;
    for (text, kind, words) in [
        ("pass", NoteKind::Warning, "without a word"),
        ("think: so be it", NoteKind::Warning, "without a word"),
        ("say:   ", NoteKind::Warning, "without a word"),
        (
            "refuse: 429 quota exhausted",
            NoteKind::Warning,
            "429 quota exhausted",
        ),
    ] {
        let thread = talk.open(text).await;
        let notes = talk.notes(&thread).await;
        assert_eq!(notes.len(), 1, "{text}: {notes:?}");
        assert!(
            notes[0].0 == kind && notes[0].1.contains(words),
            "{text}: {notes:?}"
        );
    }
}

#[tokio::test]
async fn an_agent_dies_with_a_host_that_is_killed() {
    let talk = Talk::new(&[], "").await;
    let thread = talk.person.open("pid\nwait: deaf").await;
    talk.hears(&thread, "waiting").await;
    let process = talk.process(&thread).await;
    assert!(is_alive(process));
    talk.host.kill();
    until("it is gone", async || (!is_alive(process)).then_some(())).await;
}
