//! The pages of the gallery: a thread with every kind of entry in every state, and all other pages, empty and full.

use std::collections::BTreeMap;
use std::time::Duration;

use conversation::{
    Attachment, Body, Choice, ChoiceKind, Decision, Diff, Dispatch, Item, ItemId, NoteKind, PlanEntry,
    PlanStatus, SourceId, Thread, ThreadId, ThreadSummary, ToolCall, ToolKind, ToolStatus, Turn, TurnId,
    TurnState,
};
use credentials::{Begun, Service, Timestamp, UserId};
use supervisor::{Doing, Snapshot, ThreadPhase, ThreadStatus, WorkerState, WorkerStatus};

use crate::web::view::{
    Content, Line, Login, LoginState, MayInvite, Pays, Purse, Shell, Viewer, Whose, Worker, credentials,
    message_page, shell, sign_in_step, workers,
};

mod states;

fn now() -> Timestamp {
    Timestamp::now()
}

fn ago(seconds: u64) -> Timestamp {
    Timestamp::from_millis(now().millis() - i64::try_from(seconds * 1000).unwrap())
}

fn soon(seconds: u64) -> Timestamp {
    now().plus(Duration::from_secs(seconds))
}

fn viewer() -> Viewer {
    Viewer {
        user: UserId::parse("web:alice").unwrap(),
        owner: true,
        now: now(),
    }
}

fn id(local: &str) -> ThreadId {
    ThreadId::parse(&format!("web:{local}")).unwrap()
}

fn thread(local: &str, title: &str, active: u64) -> Thread {
    Thread {
        id: id(local),
        owner: viewer().user,
        title: title.into(),
        agent: "native".into(),
        model: None,
        dispatch: Dispatch::Queue,
        workspaces: None,
        permissions: None,
        session: None,
        created: ago(9000),
        active: ago(active),
    }
}

fn doing(what: &str) -> Doing {
    Doing {
        turn: TurnId(4),
        what: what.into(),
        since: ago(83),
        dispatch: Dispatch::Queue,
    }
}

fn line(
    thread: Thread,
    phase: ThreadPhase,
    what: Option<&str>,
    queued: u32,
    last_end: Option<TurnState>,
) -> Line {
    let summary = ThreadSummary {
        undelivered: 0,
        thread,
        queued,
        running: what.is_some(),
        last_end,
    };
    Line {
        status: ThreadStatus {
            summary,
            phase,
            doing: what.map(doing),
        },
        unread: queued == 0 && what.is_none() && last_end.is_none(),
        origin: None,
    }
}

fn lines() -> Vec<Line> {
    let done = Some(TurnState::Done);
    vec![
        line(
            thread("full", "Make the parser fail on trailing commas", 2),
            ThreadPhase::Working,
            Some("running cargo test --workspace"),
            2,
            None,
        ),
        line(
            thread("b", "Look through yesterday’s logs", 70),
            ThreadPhase::AwaitingPermission,
            Some("waiting"),
            0,
            None,
        ),
        line(
            thread(
                "c",
                "A very long title that does not fit into the list at all, whatever one does",
                400,
            ),
            ThreadPhase::AwaitingLogin,
            Some("waiting"),
            0,
            None,
        ),
        line(
            thread("d", "Plot the latency table", 4000),
            ThreadPhase::Idle,
            None,
            0,
            None,
        ),
        line(
            thread("e", "Rename the crates", 9000),
            ThreadPhase::Failed { until: None },
            None,
            0,
            Some(TurnState::Failed),
        ),
        line(
            thread("f", "Notes for the release", 90_000),
            ThreadPhase::Cold,
            None,
            0,
            done,
        ),
        line(
            thread("g", "", 200_000),
            ThreadPhase::Cold,
            None,
            0,
            Some(TurnState::Stopped),
        ),
    ]
}

struct Timeline {
    items: Vec<Item>,
}

impl Timeline {
    fn add(&mut self, turn: i64, body: Body) -> &mut Self {
        let number = i64::try_from(self.items.len()).unwrap() + 1;
        let at = ago(u64::try_from(4000 - number * 60).unwrap());
        self.items.push(Item {
            id: ItemId(number),
            thread: id("full"),
            turn: Some(TurnId(turn)),
            at,
            body,
        });
        self
    }
}

fn said(text: &str, files: Vec<Attachment>) -> Body {
    Body::Said {
        by: viewer().user,
        name: "Alice".into(),
        text: text.into(),
        files,
    }
}

fn answer(text: &str) -> Body {
    Body::Answer { text: text.into() }
}

fn tool(kind: ToolKind, status: ToolStatus, title: &str, input: &str, output: &str) -> ToolCall {
    let ended = matches!(status, ToolStatus::Completed | ToolStatus::Failed).then(|| ago(1000));
    ToolCall {
        call: "c".into(),
        title: title.into(),
        kind,
        status,
        input: input.into(),
        output: output.into(),
        cut: false,
        diffs: vec![],
        exit: None,
        started: Some(ended.map_or(ago(12), |_| ago(1003))),
        ended,
    }
}

fn file(name: &str, size: u64, mime: &str) -> Attachment {
    Attachment {
        name: name.into(),
        path: format!("out/{name}"),
        size,
        mime: mime.into(),
    }
}

fn diff() -> Diff {
    let old = "use std::io;\n\n/// Reads a list.\nfn list(text: &str) -> Vec<&str> {\n    text.split(',').collect()\n}\n\nfn main() {\n    let words = list(\"a,b,\");\n    show(&words);\n}\n\n// one\n// two\n// three\n// four\n// five\n";
    let new = old
        .replace(
            "text.split(',').collect()",
            "text.trim_end_matches(',').split(',').map(str::trim).collect()",
        )
        .replace("use std::io;\n", "");
    Diff {
        path: "src/parse.rs".into(),
        old: Some(old.into()),
        new,
    }
}

fn offered() -> Vec<Choice> {
    [
        ("allow_once", "Allow once", ChoiceKind::AllowOnce),
        (
            "allow_always",
            "Always run exactly this command",
            ChoiceKind::AllowAlways,
        ),
        ("reject_once", "Deny", ChoiceKind::RejectOnce),
    ]
    .map(|(id, name, kind)| Choice {
        id: id.into(),
        name: name.into(),
        kind,
    })
    .into()
}

fn ask(title: &str, detail: &str, diffs: Vec<Diff>, decision: Option<Decision>) -> Body {
    Body::Permission {
        request: title.into(),
        call: "c".into(),
        title: title.into(),
        detail: detail.into(),
        diffs,
        options: offered(),
        until: soon(540),
        decision,
    }
}

const LONG: &str = "## What I found\n\nThe parser **drops** the last field when a line ends in `,`. Three places are affected:\n\n\
    1. `src/parse.rs`, the list itself\n2. `src/table.rs`, which calls it\n   - and its cache\n3. the tests, which expected the bug\n\n\
    | case | before | after |\n|---|---:|---:|\n| `a,b` | 2 | 2 |\n| `a,b,` | 3 | 2 |\n| a very long cell that makes this table wider than a phone, so that it has to scroll | 1 | 1 |\n\n\
    ```rust\nfn list(text: &str) -> Vec<&str> {\n    text.trim_end_matches(',').split(',').map(str::trim).collect() // and a comment that is far too long for a phone\n}\n```\n\n\
    > The old behaviour was documented nowhere.\n\n- [x] fix\n- [ ] changelog\n\nSee https://doc.rust-lang.org/std/primitive.str.html#method.split for the details.";

fn early(timeline: &mut Timeline) {
    timeline
        .add(1, said("The parser fails on trailing commas. Can you have a look? The log and a screenshot are attached.", vec![file("build.log", 48_200, "text/plain"), file("screen.png", 310_000, "image/png")]))
        .add(1, Body::Thought { text: "The user wants the parser fixed. I will first read it.".into() })
        .add(1, Body::Plan { entries: [("Read the parser", PlanStatus::Completed), ("Change it", PlanStatus::Running), ("Run the tests", PlanStatus::Pending)].map(|(text, status)| PlanEntry { text: text.into(), status }).into() })
        .add(1, Body::Tool(tool(ToolKind::Read, ToolStatus::Completed, "src/parse.rs", "src/parse.rs", "")))
        .add(1, Body::Tool(tool(ToolKind::Search, ToolStatus::Completed, "grep split\\( in src", "split\\(", "src/parse.rs:5\nsrc/table.rs:19")))
        .add(1, ask("write src/parse.rs", "", vec![diff()], Some(Decision::Once { by: "Alice".into() })))
        .add(1, Body::Tool(ToolCall { diffs: vec![diff()], ..tool(ToolKind::Edit, ToolStatus::Completed, "src/parse.rs", "", "") }))
        .add(1, ask("run a command", "rm -rf target", vec![], Some(Decision::Denied { by: "Alice".into(), reason: Some("takes an hour to rebuild".into()) })))
        .add(1, Body::Tool(ToolCall { exit: Some(101), ..tool(ToolKind::Execute, ToolStatus::Failed, "cargo test", "cargo test", "   \u{1b}[32mCompiling\u{1b}[0m parser v0.1.0\n\u{1b}[1m\u{1b}[31merror[E0308]\u{1b}[0m\u{1b}[1m: mismatched types\u{1b}[0m\n \u{1b}[34m-->\u{1b}[0m src/parse.rs:5:5\n\u{1b}[33mwarning\u{1b}[0m: unused import") }))
        .add(1, answer(LONG))
        .add(1, Body::File(file("latency.csv", 1_840, "text/csv")))
        .add(1, Body::Usage { used: 12_480, size: 200_000 });
}

fn late(timeline: &mut Timeline) {
    timeline
        .add(2, said("Thanks. And now with the real model.", vec![]))
        .add(2, Body::Login { service: "codex".into(), title: "Codex".into(), reason: "This thread works on your login, and you have none for Codex yet.".into(), done: false })
        .add(2, Body::Login { service: "codex".into(), title: "Codex".into(), reason: String::new(), done: true })
        .add(2, Body::Note { kind: NoteKind::Info, text: "Your message was merged into the running turn.".into(), retry: None })
        .add(2, Body::Note { kind: NoteKind::Warning, text: "The provider is overloaded (503). Tried again in 8 s.".into(), retry: None })
        .add(2, Body::Note { kind: NoteKind::Error, text: "The host was restarted while this ran, so the answer is cut off.".into(), retry: Some(TurnId(2)) })
        .add(3, said("run: for i in 1 2 3; do echo $i; done", vec![]))
        .add(3, Body::Tool(tool(ToolKind::Execute, ToolStatus::Cut, "sleep 100", "sleep 100", "")))
        .add(4, said("Then run all tests, please.", vec![]))
        .add(4, Body::Tool(tool(ToolKind::Execute, ToolStatus::Running, "cargo test --workspace", "cargo test --workspace", "running 214 tests\ntest parse::trailing ... ok\ntest parse::empty ... ok")))
        .add(4, ask("run a command", "git push origin main --force-with-lease && curl -s https://ci.example.org/hooks/after-push-with-a-very-long-path?token=none", vec![], None))
        .add(4, Body::Usage { used: 48_112, size: 200_000 });
}

fn turn(number: i64, text: &str) -> Turn {
    Turn {
        id: TurnId(number),
        thread: id("full"),
        source: SourceId(number.to_string()),
        by: viewer().user,
        name: "Alice".into(),
        text: text.into(),
        files: vec![],
        state: TurnState::Queued,
        reason: None,
        attempts: 0,
        created: now(),
        started: None,
        ended: None,
    }
}

fn snapshot(items: Vec<Item>, phase: ThreadPhase, what: Option<&str>) -> Snapshot {
    let queued = what.map_or(vec![], |_| vec![turn(5, "And write the changelog entry."), turn(6, "Then tell me what is left to do before the release, in at most five lines, with links to the files.")]);
    Snapshot {
        thread: thread("full", "Make the parser fail on trailing commas", 2),
        items,
        more: true,
        queued,
        phase,
        doing: what.map(doing),
        revision: 9,
    }
}

fn page(content: Content<'_>, lines: &[Line]) -> String {
    let agents = [
        ("native".to_owned(), "Rehearsal".to_owned()),
        ("codex".to_owned(), "Codex".to_owned()),
    ];
    let trials = [(
        "What can you do here?".to_owned(),
        "the agent tells what it is able to do".to_owned(),
    )];
    shell(&Shell {
        content,
        viewer: &viewer(),
        name: "Alice",
        csrf: "token",
        invites: MayInvite::Anybody,
        boot: "boot",
        threads: lines,
        agents: &agents,
        default_agent: "native",
        upload_limit: 25 * 1024 * 1024,
        trials: &trials,
        notice: Some("This is a rehearsal: the model and its logins are played on this machine."),
    })
}

fn login(service: &str, whose: Whose, state: LoginState) -> Login {
    Login {
        service: service.into(),
        title: service.into(),
        whose,
        used_for: if state == LoginState::Absent {
            String::new()
        } else {
            "built-in agent, codex".into()
        },
        variable: (state == LoginState::Set).then(|| "API key in OPENAI_API_KEY".into()),
        state,
        detail: (state == LoginState::Dead)
            .then(|| "The vendor ended this login on Friday (refresh token revoked).".into()),
        gives_way: (whose == Whose::Host)
            .then(|| "Not used in your threads: the host’s API key (OPENAI_API_KEY) comes first.".into()),
        account: (!matches!(state, LoginState::Absent | LoginState::Set)).then(|| "alice@example.org".into()),
        valid_until: (state != LoginState::Set).then(|| soon(3541)),
        renewed: true,
        may_change: whose == Whose::Mine,
        stops: "3 threads of yours work on this login and will wait for a new one.".into(),
    }
}

fn credentials_page() -> String {
    let logins = vec![
        login("rehearsal", Whose::Mine, LoginState::SignedIn),
        login("codex", Whose::Mine, LoginState::Dead),
        login("anthropic", Whose::Mine, LoginState::Absent),
        login("openai", Whose::Environment, LoginState::Set),
        login("openai", Whose::Host, LoginState::SignedIn),
    ];
    let pays = |agent: &str, service: Option<&str>, with: &str, why: &str, works| Pays {
        agent: agent.into(),
        service: service.map(str::to_owned),
        with: with.into(),
        why: why.into(),
        works,
    };
    let pays = vec![
        pays(
            "built-in agent",
            Some("OpenAI"),
            "the host’s API key (OPENAI_API_KEY)",
            "You have no login of your own, and the host’s key comes next.",
            true,
        ),
        pays(
            "codex",
            Some("Codex"),
            "nobody",
            "Your own login no longer works, and no other takes its place unasked: sign in again, or sign out, and the host’s \
             login pays.",
            false,
        ),
        pays("local", None, "no login", "Its server wants none.", true),
    ];
    let html = credentials(&Purse { pays, logins }, &viewer());
    // As it looks after a click on "Sign in".
    let begun = Begun::Link {
        url: "https://login.example.org/authorize?x=1".parse().unwrap(),
        redirect_uri: "http://127.0.0.1:1/".parse().unwrap(),
    };
    let step = sign_in_step(&Service::parse("anthropic").unwrap(), "mine", &begun);
    let at = html.find("login-mine-anthropic").unwrap();
    let (before, after) = html.split_at(at);
    let empty = "data-step=\"\" aria-live=\"polite\">";
    format!("{before}{}", after.replacen(empty, &format!("{empty}{step}"), 1))
}

fn workers_page() -> String {
    let states = [
        WorkerState::Busy,
        WorkerState::Idle,
        WorkerState::Starting,
        WorkerState::Failed {
            until: Some(soon(30)),
        },
    ];
    let all: Vec<_> = (0..4_u64)
        .map(|at| WorkerStatus {
            thread: id(&format!("w{at}")),
            agent: "native".into(),
            pid: (at != 3).then(|| 4100 + i32::try_from(at).unwrap()),
            state: states[usize::try_from(at).unwrap()],
            turn: (at == 0).then_some(TurnId(7)),
            age: Duration::from_secs(at * 4000 + 12),
            memory: (at != 2).then_some(1_250_000 + at * 40_000),
            queued: u32::from(at == 0) * 2,
        })
        .collect();
    let rows: Vec<_> = all
        .iter()
        .map(|status| Worker {
            status,
            title: (status.pid != Some(4101)).then_some("Make the parser fail on trailing commas"),
        })
        .collect();
    workers(&rows, &viewer())
}

/// All pages by name.
pub(super) fn all() -> BTreeMap<&'static str, String> {
    let mut begun = Timeline { items: vec![] };
    early(&mut begun);
    let quiet = snapshot(begun.items.clone(), ThreadPhase::Idle, None);
    late(&mut begun);
    let full = snapshot(
        begun.items,
        ThreadPhase::Working,
        Some("running cargo test --workspace"),
    );
    let failed = snapshot(
        full.items[..18].to_vec(),
        ThreadPhase::Failed { until: None },
        None,
    );
    let states = snapshot(states::items(), ThreadPhase::AwaitingPermission, Some("waiting"));
    let lines = lines();
    BTreeMap::from([
        ("home", page(Content::Home, &[])),
        ("home-list", page(Content::Home, &lines)),
        ("thread", page(Content::Thread(&quiet), &lines)),
        ("busy", page(Content::Thread(&full), &lines)),
        ("failed", page(Content::Thread(&failed), &lines)),
        ("states", page(Content::Thread(&states), &lines)),
        ("password", states::password_page()),
        (
            "credentials",
            page(
                Content::Page {
                    title: "Credentials",
                    html: &credentials_page(),
                },
                &lines,
            ),
        ),
        (
            "credentials-empty",
            page(
                Content::Page {
                    title: "Credentials",
                    html: &credentials(
                        &Purse {
                            pays: vec![],
                            logins: vec![],
                        },
                        &viewer(),
                    ),
                },
                &lines,
            ),
        ),
        (
            "workers",
            page(
                Content::Page {
                    title: "Workers",
                    html: &workers_page(),
                },
                &lines,
            ),
        ),
        (
            "workers-empty",
            page(
                Content::Page {
                    title: "Workers",
                    html: &workers(&[], &viewer()),
                },
                &lines,
            ),
        ),
        (
            "message",
            message_page(
                "This browser is not let in",
                "Run `agent-host status` on the machine: it prints a link that lets one browser in.\n\nLinks are good once, for ten minutes.",
                "",
                Some(("/", "Try again")),
            ),
        ),
    ])
}
