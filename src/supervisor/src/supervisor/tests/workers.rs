//! Workers: started, limited, ended when idle, restarted, given up.

use agent_client_protocol::v1::schema::{
    SessionUpdate, ToolCallStatus, ToolCallUpdate, ToolCallUpdateFields,
};
use conversation::NoteKind;

use super::*;
use crate::process::scripted::{Start, Told};
use crate::status::WorkerState;
use crate::update::ThreadPhase;
use crate::worker::StartError;

fn died() -> Start {
    Start::Fails(StartError::Died {
        waiting_for: "initialize",
        exit: "exit code 7".into(),
        stderr: "no such model\n".into(),
    })
}

#[tokio::test]
async fn retry_does_not_wait_for_the_time_of_a_restart() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    host.script.prompt_with(vec![Act::Say("half"), Act::Die]);
    let mut view = host.view(&thread).await;
    let cut = host.post(&thread, "crash").await.turn;
    view.note("The turn was cut").await;
    let began = Instant::now();
    host.supervisor.retry(&thread, cut, &user("owner")).await.unwrap();
    view.until("it is answered", |view| view.answers() == ["half", "echo: crash"])
        .await;
    assert!(
        began.elapsed() < Duration::from_millis(800),
        "the first wait is 0.8 s or more"
    );
}

#[tokio::test]
async fn after_too_many_failures_the_thread_is_told_and_only_people_start_it_again() {
    let host = Host::with(Limits {
        failures: 1,
        ..limits()
    })
    .await;
    let thread = host.thread("a").await;
    host.script.start_with(died());
    let mut view = host.view(&thread).await;
    let first = host.post(&thread, "first").await.turn;
    let note = view.note("exit code 7").await;
    assert_eq!(note, (NoteKind::Error, Some(first)));
    assert!(
        view.find_note("no such model").is_some(),
        "its last words are told"
    );
    view.phase(ThreadPhase::Failed { until: None }).await;
    assert_eq!(host.state(first).await, TurnState::Queued, "nothing is lost");
    let attention = host.supervisor.attention().await.unwrap();
    assert!(attention[0].what.contains("exit code 7"), "{attention:?}");
    // Once more in vain, then Retry on what waits.
    host.script.start_with(died());
    host.post(&thread, "second").await;
    let failed = ThreadPhase::Failed { until: None };
    let twice = [
        ThreadPhase::Cold,
        ThreadPhase::Starting,
        failed,
        ThreadPhase::Starting,
        failed,
    ];
    view.until("it failed again", |view| view.phases == twice).await;
    assert_eq!(view.queued.len(), 2);
    let retried = host
        .supervisor
        .retry(&thread, first, &user("owner"))
        .await
        .unwrap();
    assert_eq!(
        retried,
        Posted {
            turn: first,
            item: None,
            happened: Happened::Started
        }
    );
    view.quiet().await;
    assert_eq!(view.answers(), ["echo: first", "echo: second"]);
    assert!(host.supervisor.attention().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_failed_start_is_tried_again_and_told_once() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    host.script.start_with(died());
    let mut view = host.view(&thread).await;
    host.post(&thread, "first").await;
    assert_eq!(
        view.note("It is tried again in a moment").await.0,
        NoteKind::Warning
    );
    view.quiet().await;
    assert_eq!(view.answers(), ["echo: first"]);
}

#[tokio::test]
async fn a_program_that_is_not_there_is_not_tried_again() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let error = StartError::NotFound {
        program: "nowhere".into(),
        cause: "no such file".into(),
    };
    host.script.start_with(Start::Fails(error));
    let mut view = host.view(&thread).await;
    host.post(&thread, "first").await;
    view.note("Could not start `nowhere`: no such file. It is not tried again by itself")
        .await;
    view.phase(ThreadPhase::Failed { until: None }).await;
}

#[tokio::test]
async fn at_the_limit_the_longest_idle_worker_gives_way_and_comes_back_with_its_session() {
    let host = Host::with(Limits {
        workers: 2,
        ..limits()
    })
    .await;
    let mut threads = Vec::new();
    for name in ["a", "b", "c"] {
        let thread = host.thread(name).await;
        let mut view = host.view(&thread).await;
        host.post(&thread, name).await;
        view.until("answered", |view| view.answers() == [format!("echo: {name}")])
            .await;
        if name != "c" {
            view.phase(ThreadPhase::Idle).await;
        }
        threads.push((thread, view));
    }
    let (thread, view) = &mut threads[0];
    view.phase(ThreadPhase::Cold).await;
    assert!(host.script.told().contains(&Told::Ended {
        session: "session-1".into()
    }));
    host.post(thread, "again").await;
    view.until("answered again", |view| view.answers().len() == 2)
        .await;
    let back = Told::Started {
        thread: "web:a".into(),
        session: "session-1".into(),
        resumed: true,
    };
    assert!(host.script.told().contains(&back));
    assert!(view.find_note("former session").is_none());
    assert_eq!(host.script.living().1, 2, "never more than the limit");
}

#[tokio::test]
async fn threads_that_wait_for_a_place_get_it_in_order_and_nobody_starves() {
    let host = Host::with(Limits {
        workers: 1,
        ..limits()
    })
    .await;
    let (greedy, other) = (host.thread("greedy").await, host.thread("other").await);
    let gate = gated(&host.script);
    let mut view = host.view(&greedy).await;
    for text in ["g1", "g2", "g3"] {
        host.post(&greedy, text).await;
    }
    view.phase(ThreadPhase::Working).await;
    let mut waiting = host.view(&other).await;
    host.post(&other, "o1").await;
    waiting.phase(ThreadPhase::Waiting).await;
    gate.open();
    waiting.quiet().await;
    view.quiet().await;
    assert_eq!(
        host.script.prompts(),
        ["g1", "o1", "g2", "g3"],
        "whoever waits comes before a second turn"
    );
    assert_eq!(host.script.living().1, 1);
}

#[tokio::test]
async fn fifty_threads_at_once_are_all_answered_within_the_limits() {
    let host = Host::with(Limits {
        workers: 8,
        starting: 3,
        ..limits()
    })
    .await;
    let mut views = Vec::new();
    for number in 0..50 {
        let thread = host.thread(&format!("t{number}")).await;
        views.push((host.view(&thread).await, format!("echo: {number}")));
        host.post(&thread, &number.to_string()).await;
    }
    for (view, answer) in &mut views {
        view.until("answered", |view| view.answers() == [answer.as_str()])
            .await;
    }
    let (_, most) = host.script.living();
    assert!(
        most <= 8 && host.script.most_starting() <= 3,
        "{most} {}",
        host.script.most_starting()
    );
}

#[tokio::test]
async fn an_idle_worker_is_ended_after_its_time_and_the_thread_costs_nothing_then() {
    let host = Host::with(Limits {
        idle: Duration::from_millis(30),
        ..limits()
    })
    .await;
    let thread = host.thread("a").await;
    let mut view = host.view(&thread).await;
    host.post(&thread, "hi").await;
    view.phase(ThreadPhase::Idle).await;
    assert_eq!(host.supervisor.workers().await.len(), 1);
    view.phase(ThreadPhase::Cold).await;
    let revision = view.revision;
    drop(view);
    let gone = async {
        while !host.supervisor.shared().boards().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone)
        .await
        .expect("the task leaves");
    assert_eq!(host.script.living().0, 0);
    let view = host.view(&thread).await;
    assert_eq!(view.answers(), ["echo: hi"]);
    assert!(
        view.revision >= revision,
        "revisions never go back within a host's life"
    );
}

#[tokio::test]
async fn an_agent_that_forgot_its_session_says_so() {
    let host = Host::with(Limits {
        idle: Duration::from_millis(30),
        ..limits()
    })
    .await;
    let thread = host.thread("a").await;
    let mut view = host.view(&thread).await;
    host.post(&thread, "one").await;
    view.until("answered", |view| view.answers().len() == 1).await;
    view.phase(ThreadPhase::Cold).await;
    host.script.forget_sessions();
    host.post(&thread, "two").await;
    assert_eq!(
        view.note("does not remember what was said").await.0,
        NoteKind::Warning
    );
    // Once something was said in the new one.
    view.until("answered", |view| view.answers().len() == 2).await;
    let kept = host.conversation.thread(&thread).await.unwrap();
    assert_eq!(kept.session.as_deref(), Some("session-2"));
}

#[tokio::test]
async fn a_silent_agent_is_told_once_per_silence() {
    let host = Host::with(Limits {
        silence: Duration::from_millis(30),
        ..limits()
    })
    .await;
    let thread = host.thread("a").await;
    let gate = Gate::default();
    host.script
        .prompt_with(vec![Act::Wait(gate.clone()), Act::Say("there"), Act::Forever]);
    let mut view = host.view(&thread).await;
    host.post(&thread, "one").await;
    let notes = |view: &View| view.notes("no sign of life");
    view.until("told", |view| notes(view) == 1).await;
    // Three more silences long nothing may come, so there is nothing but time to wait for.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(notes(&host.view(&thread).await), 1);
    gate.open();
    view.until("told again", |view| notes(view) == 2).await;
    assert_eq!(view.answers(), ["there"]);
    host.supervisor.stop(&thread, &user("owner")).await.unwrap();
    view.quiet().await;
    assert_eq!(notes(&view), 2);
}

#[tokio::test]
async fn an_agent_that_speaks_another_protocol_is_tried_once() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let error = StartError::Incompatible("the agent speaks Esperanto".into());
    host.script.start_with(Start::Fails(error));
    let mut view = host.view(&thread).await;
    host.post(&thread, "one").await;
    view.note("The agent speaks Esperanto. It is not tried again by itself")
        .await;
    assert!(host.script.told().is_empty());
}

#[tokio::test]
async fn an_agent_whose_tool_runs_is_not_called_silent() {
    let host = Host::with(Limits {
        silence: Duration::from_millis(30),
        ..limits()
    })
    .await;
    let thread = host.thread("a").await;
    let gate = Gate::default();
    let tool = |status| {
        let fields = ToolCallUpdateFields::new().status(status);
        Act::Update(SessionUpdate::ToolCallUpdate(ToolCallUpdate::new("c1", fields)))
    };
    host.script.prompt_with(vec![
        tool(ToolCallStatus::InProgress),
        Act::Say("runs"),
        Act::Wait(gate.clone()),
        tool(ToolCallStatus::Completed),
        Act::Forever,
    ]);
    let mut view = host.view(&thread).await;
    host.post(&thread, "one").await;
    view.until("it runs", |view| view.answers() == ["runs"]).await;
    // Three silences long nothing may come, so there is nothing but time to wait for.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(host.view(&thread).await.notes("no sign of life"), 0);
    gate.open();
    view.note("no sign of life for 30 ms").await;
}

#[tokio::test]
async fn what_waits_at_a_start_has_no_worker_before_the_host_says_so() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    host.script.start_with(Start::Waits(Gate::default()));
    let turn = host.post(&thread, "one").await.turn;
    while host.script.starting() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    host.supervisor.drain(Duration::ZERO).await;
    let Host {
        folder,
        supervisor,
        conversation,
        script,
        ..
    } = host;
    drop((supervisor, conversation));
    let host = Host::begun_on(folder, limits(), script).await;
    // Everything that could begin by itself has had its time.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!((host.script.starting(), host.script.told().len()), (0, 0));
    assert_eq!(host.state(turn).await, TurnState::Queued);
    host.supervisor.go_on().await;
    let mut view = host.view(&thread).await;
    view.quiet().await;
    assert_eq!(host.state(turn).await, TurnState::Done);
}

#[tokio::test]
async fn workers_are_listed_with_their_state() {
    let host = Host::new().await;
    let (idle, busy) = (host.thread("idle").await, host.thread("busy").await);
    let mut view = host.view(&idle).await;
    host.post(&idle, "hi").await;
    view.phase(ThreadPhase::Idle).await;
    let _gate = gated(&host.script);
    let mut view = host.view(&busy).await;
    host.post(&busy, "go").await;
    view.phase(ThreadPhase::Working).await;
    host.post(&busy, "waits").await;
    let workers = host.supervisor.workers().await;
    let found: Vec<_> = workers
        .iter()
        .map(|worker| (worker.thread.as_str(), worker.state, worker.queued))
        .collect();
    assert_eq!(
        found,
        [
            ("web:busy", WorkerState::Busy, 1),
            ("web:idle", WorkerState::Idle, 0)
        ]
    );
}

#[tokio::test]
async fn an_agent_that_breaks_off_before_its_first_prompt_is_told_as_one_that_can_not_be_started() {
    let host = Host::with(Limits {
        failures: 2,
        ..limits()
    })
    .await;
    let thread = host.thread("a").await;
    for _ in 0..2 {
        host.script.start_with(Start::BreaksProtocol);
    }
    let mut view = host.view(&thread).await;
    let turn = host.post(&thread, "one").await.turn;
    let first = view.note("It is tried again in a moment.").await;
    assert_eq!(first, (NoteKind::Warning, None));
    let last = view.note("press Retry, or send a message").await;
    assert_eq!(last, (NoteKind::Error, Some(turn)));
    view.phase(ThreadPhase::Failed { until: None }).await;
    assert_eq!(host.state(turn).await, TurnState::Queued, "nothing is lost");
    host.supervisor
        .retry(&thread, turn, &user("owner"))
        .await
        .unwrap();
    view.quiet().await;
    assert_eq!(view.answers(), ["echo: one"]);
    // What is told is true: nobody has to ask, and nothing was forgotten of which nothing was said.
    assert!(view.find_note("with the next message").is_none());
    assert!(view.find_note("former session").is_none());
}

#[tokio::test]
async fn a_session_that_can_not_be_taken_up_gives_way_to_a_new_one_at_the_third_start() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let gate = Gate::default();
    host.script
        .prompt_with(vec![Act::Say("one"), Act::DieLater(gate.clone())]);
    let mut view = host.view(&thread).await;
    host.post(&thread, "one").await;
    view.phase(ThreadPhase::Idle).await;
    gate.open();
    view.until("it failed", |view| {
        matches!(view.phase, ThreadPhase::Failed { .. })
    })
    .await;
    for _ in 0..2 {
        host.script.start_with(Start::Fails(StartError::Timeout {
            waiting_for: crate::worker::LOAD,
            after: Duration::from_secs(30),
            stderr: String::new(),
        }));
    }
    let turn = host.post(&thread, "two").await.turn;
    for failed in [2, 3] {
        view.until("it could not be started", |view| {
            let failures = view
                .phases
                .iter()
                .filter(|phase| matches!(phase, ThreadPhase::Failed { .. }));
            failures.count() == failed
        })
        .await;
        host.supervisor
            .retry(&thread, turn, &user("owner"))
            .await
            .unwrap();
    }
    view.note("It begins a new one and does not remember").await;
    view.quiet().await;
    assert_eq!(view.answers(), ["one", "echo: two"]);
    let started = host.script.told().into_iter();
    let resumed = started.filter_map(|told| match told {
        Told::Started { resumed, .. } => Some(resumed),
        _ => None,
    });
    assert_eq!(resumed.collect::<Vec<_>>(), [false, false]);
    let kept = host.conversation.thread(&thread).await.unwrap().session;
    assert_eq!(
        kept.as_deref(),
        Some("session-2"),
        "the new one is taken up from now on"
    );
}

#[tokio::test]
async fn a_session_that_is_never_taken_up_is_told_with_the_way_out() {
    let host = Host::with(Limits {
        failures: 1,
        ..limits()
    })
    .await;
    let thread = host.thread("a").await;
    host.script.start_with(Start::Fails(StartError::Timeout {
        waiting_for: crate::worker::LOAD,
        after: Duration::from_secs(30),
        stderr: String::new(),
    }));
    let mut view = host.view(&thread).await;
    let turn = host.post(&thread, "one").await.turn;
    let note = view.note("`/reset` makes it do so at once").await;
    assert_eq!(note, (NoteKind::Error, Some(turn)));
}
