//! Reset, another agent, drain, and the host that comes back.

use agent_client_protocol::v1::schema::{ToolCallUpdate, ToolCallUpdateFields};
use conversation::{BacklogFilter, Body, Item, NoteKind};

use super::*;
use crate::process::scripted::{Start, Told};
use crate::update::ThreadPhase;
use crate::worker::PromptError;

#[tokio::test]
async fn reset_stops_everything_and_begins_a_new_session_with_the_old_transcript_kept() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let folder = host.folder.path().join("threads/web.a");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("transcript.jsonl"), "what was said").unwrap();
    let _gate = gated(&host.script);
    let mut view = host.view(&thread).await;
    let running = host.post(&thread, "one").await.turn;
    view.phase(ThreadPhase::Working).await;
    let waiting = host.post(&thread, "two").await.turn;
    host.supervisor.reset(&thread, &user("owner")).await.unwrap();
    assert_eq!(host.script.living().0, 0, "the worker has ended");
    assert_eq!(
        (host.state(running).await, host.state(waiting).await),
        (TurnState::Stopped, TurnState::Stopped)
    );
    assert_eq!(host.conversation.thread(&thread).await.unwrap().session, None);
    assert_eq!(
        std::fs::read_to_string(folder.join("transcript-1.jsonl")).unwrap(),
        "what was said"
    );
    let told = view.note("Stopped: the thread was reset.").await;
    assert_eq!(told, (NoteKind::Info, Some(running)));
    view.note("The thread was reset").await;
    host.post(&thread, "three").await;
    view.until("it goes on", |view| view.answers().last() == Some(&"echo: three"))
        .await;
    let fresh = Told::Started {
        thread: "web:a".into(),
        session: "session-2".into(),
        resumed: false,
    };
    assert!(host.script.told().contains(&fresh));
    assert!(
        view.find_note("former session").is_none(),
        "nobody expects it to remember"
    );
}

#[tokio::test]
async fn a_failed_turn_needs_no_attention_after_a_reset_or_a_skip_of_its_thread() {
    let host = Host::new().await;
    let filter = |thread: &ThreadId| BacklogFilter {
        thread: Some(thread.clone()),
        max: 1,
        ..BacklogFilter::default()
    };
    let owner = user("owner");
    for name in ["a", "b"] {
        let thread = host.thread(name).await;
        host.script
            .prompt_with(vec![Act::Fail(PromptError::Failed("no".into()))]);
        let mut view = host.view(&thread).await;
        let turn = host.post(&thread, "go").await.turn;
        view.note("no").await;
        view.quiet().await;
        let attention = host.supervisor.attention().await.unwrap();
        assert_eq!(attention[0].thread.as_ref(), Some(&thread), "{attention:?}");
        if name == "a" {
            host.supervisor.reset(&thread, &owner).await.unwrap();
        } else {
            host.supervisor.skip(filter(&thread), &owner).await.unwrap();
        }
        assert!(host.supervisor.attention().await.unwrap().is_empty());
        // It may still be asked for again.
        host.supervisor.retry(&thread, turn, &owner).await.unwrap();
        view.until("it is answered", |view| view.answers() == ["echo: go"])
            .await;
    }
}

#[tokio::test]
async fn many_failed_turns_are_a_number_and_the_newest_and_are_dismissed_at_once() {
    let host = Host::new().await;
    let mut threads = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        let thread = host.thread(name).await;
        host.script
            .prompt_with(vec![Act::Fail(PromptError::Failed("no".into()))]);
        let mut view = host.view(&thread).await;
        host.post(&thread, "go").await;
        view.note("no").await;
        view.quiet().await;
        threads.push(thread);
    }
    let attention = host.supervisor.attention().await.unwrap();
    let named: Vec<_> = attention.iter().map(|about| about.thread.as_ref()).collect();
    let newest = [Some(&threads[4]), Some(&threads[3]), Some(&threads[2]), None];
    assert_eq!(named, newest, "{attention:?}");
    assert!(attention[3].what.starts_with("2 more threads"), "{attention:?}");
    let hint = attention[3].hint.as_deref().unwrap_or_default();
    assert!(hint.contains("threads skip --all-failed"), "{hint}");
    // What waits is something else.
    let all = BacklogFilter {
        max: 50,
        ..BacklogFilter::default()
    };
    let skipped = host.supervisor.skip(all, &user("owner")).await.unwrap();
    assert_eq!((skipped.turns, skipped.unanswered), (0, 5));
    assert_eq!(host.supervisor.dismiss_all().await.unwrap(), 5);
    assert!(host.supervisor.attention().await.unwrap().is_empty());
    assert_eq!(host.supervisor.dismiss_all().await.unwrap(), 0);
}

#[tokio::test]
async fn reset_waits_for_the_end_of_a_worker_that_is_being_started() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    host.script.start_with(Start::Waits(Gate::default()));
    host.post(&thread, "one").await;
    while host.script.starting() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    host.supervisor.reset(&thread, &user("owner")).await.unwrap();
    assert_eq!(host.script.starting(), 0);
}

#[tokio::test]
async fn another_agent_takes_over_after_the_running_turn() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let gate = gated(&host.script);
    let mut view = host.view(&thread).await;
    host.post(&thread, "one").await;
    view.phase(ThreadPhase::Working).await;
    let change = ThreadChange {
        agent: Some("two".into()),
        ..ThreadChange::default()
    };
    assert_eq!(
        host.supervisor.change(&thread, change).await.unwrap().agent,
        "two"
    );
    host.post(&thread, "two").await;
    gate.open();
    view.note("Agent Two takes over").await;
    view.until("both are answered", |view| {
        view.answers() == ["begun and done", "echo: two"]
    })
    .await;
    let sessions = host.script.told().into_iter().filter_map(|told| match told {
        Told::Prompt { session, .. } => Some(session),
        _ => None,
    });
    assert_eq!(sessions.collect::<Vec<_>>(), ["session-1", "session-2"]);
    let unknown = ThreadChange {
        agent: Some("three".into()),
        ..ThreadChange::default()
    };
    let refused = host.supervisor.change(&thread, unknown).await;
    assert!(matches!(refused, Err(SupervisorError::NoAgent(name)) if name == "three"));
}

/// A thread whose first turn runs, in which another agent was chosen meanwhile; `opened` begins the first turn.
async fn taken_over(host: &Host, opened: Vec<Act>) -> (ThreadId, View) {
    let thread = host.thread("a").await;
    let change = |agent: Option<&str>, model: &str| ThreadChange {
        agent: agent.map(str::to_owned),
        model: Some(Some(model.to_owned())),
        ..ThreadChange::default()
    };
    host.supervisor
        .change(&thread, change(None, "first"))
        .await
        .unwrap();
    host.script.prompt_with(opened);
    let mut view = host.view(&thread).await;
    host.post(&thread, "one").await;
    view.until("it answers", |view| !view.answers().is_empty()).await;
    let taken = change(Some("two"), "second");
    host.supervisor.change(&thread, taken).await.unwrap();
    view.note("The running turn goes on with the former agent").await;
    (thread, view)
}

#[tokio::test]
async fn another_agent_is_chosen_and_told_at_once_whatever_the_running_turn_does() {
    let host = Host::new().await;
    let (thread, view) = taken_over(&host, vec![Act::Say("begun"), Act::Forever]).await;
    assert_eq!(view.notes("Agent Two takes over"), 1);
    let kept = host.conversation.thread(&thread).await.unwrap();
    assert_eq!((kept.agent.as_str(), kept.session), ("two", None));
    let kept = host.conversation.items(&thread, None, 100).await.unwrap();
    let is_told = |item: &Item| matches!(&item.body, Body::Note { text, .. } if text.contains("takes over"));
    assert!(kept.iter().any(is_told), "{kept:?}");
}

#[tokio::test]
async fn what_the_former_agent_says_and_is_asked_in_its_last_turn_is_not_the_next_ones() {
    let host = Host::new().await;
    let (thread, mut view) = taken_over(&host, vec![Act::Say("begun"), Act::Forever]).await;
    host.script
        .prompt_with(vec![Act::AskLike("run", wants("ls")), Act::Say("done")]);
    host.post_as(&thread, "and this", Dispatch::Steer).await;
    view.phase(ThreadPhase::AwaitingPermission).await;
    let (request, asked) = view.permission().unwrap();
    assert!(matches!(asked, Body::Permission { asker, .. } if asker == "Agent One"));
    host.supervisor
        .decide(&thread, &request, &user("owner"), "Ann", Answer::Always)
        .await
        .unwrap();
    assert!(host.supervisor.grants(&thread).await.unwrap().is_empty());
    view.quiet().await;
    assert_eq!(host.supervisor.offers("two"), None, "it has said nothing yet");
    host.post(&thread, "two").await;
    view.quiet().await;
    let models = host.script.told().into_iter().filter_map(|told| match told {
        Told::Prompt { model, .. } => model,
        _ => None,
    });
    assert_eq!(models.collect::<Vec<_>>(), ["first", "first", "second"]);
    assert!(view.find_note("former session").is_none());
}

#[tokio::test]
async fn a_worker_that_dies_in_the_last_turn_of_the_former_agent_is_followed_by_one_of_that_agent() {
    for remembers in [true, false] {
        let host = Host::new().await;
        let (thread, mut view) = taken_over(&host, vec![Act::Say("begun"), Act::Forever]).await;
        if !remembers {
            host.script.forget_sessions();
        }
        let gate = Gate::default();
        host.script.prompt_with(vec![Act::DieUnreached]);
        host.script
            .prompt_with(vec![Act::Say("still one"), Act::Wait(gate.clone())]);
        host.post_as(&thread, "and this", Dispatch::Steer).await;
        view.until("it is answered", |view| view.answers().len() == 2)
            .await;
        let kept = host.conversation.thread(&thread).await.unwrap();
        assert_eq!(kept.session, None, "no later worker takes it up");
        assert_eq!(view.find_note("former session").is_some(), !remembers);
        gate.open();
        host.post(&thread, "two").await;
        view.until("both are answered", |view| view.answers().len() == 3)
            .await;
        assert_eq!(host.script.agents(), ["one", "one", "two"]);
        let started = host.script.told().into_iter().filter_map(|told| match told {
            Told::Started { resumed, .. } => Some(resumed),
            _ => None,
        });
        assert_eq!(started.collect::<Vec<_>>(), [false, remembers, false]);
    }
}

fn wants(command: &str) -> ToolCallUpdate {
    let fields = ToolCallUpdateFields::new()
        .title("run a command".to_owned())
        .raw_input(serde_json::json!({ "command": command }));
    ToolCallUpdate::new("c1", fields)
}

#[tokio::test]
async fn a_model_that_was_chosen_goes_with_the_next_prompt() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let change = ThreadChange {
        model: Some(Some("large".into())),
        ..ThreadChange::default()
    };
    host.supervisor.change(&thread, change).await.unwrap();
    let mut view = host.view(&thread).await;
    host.post(&thread, "hi").await;
    view.quiet().await;
    assert!(matches!(&host.script.told()[1], Told::Prompt { model: Some(model), .. } if model == "large"));
}

#[tokio::test]
async fn drain_lets_a_turn_end_refuses_new_messages_and_keeps_what_waits() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let gate = gated(&host.script);
    let mut view = host.view(&thread).await;
    let running = host.post(&thread, "one").await.turn;
    view.phase(ThreadPhase::Working).await;
    let waiting = host.post(&thread, "two").await.turn;
    let supervisor = host.supervisor.clone();
    let drained = tokio::spawn(async move { supervisor.drain(Duration::from_mins(1)).await });
    while !host.supervisor.shared().is_draining() {
        tokio::task::yield_now().await;
    }
    let refused = host.supervisor.post(host.message(&thread, "late")).await;
    assert!(matches!(refused, Err(SupervisorError::Draining)), "{refused:?}");
    gate.open();
    drained.await.unwrap();
    assert_eq!(host.script.living().0, 0);
    while view.next().await {}
    let host = host.again(limits()).await;
    assert_eq!(host.state(running).await, TurnState::Done);
    let mut view = host.view(&thread).await;
    view.until("what waited is answered", |view| {
        view.answers() == ["begun and done", "echo: two"]
    })
    .await;
    view.quiet().await;
    assert_eq!(host.state(waiting).await, TurnState::Done);
}

#[tokio::test]
async fn drain_cuts_a_turn_that_outlasts_its_patience_and_tells_the_thread() {
    let host = Host::new().await;
    let (polite, deaf) = (host.thread("polite").await, host.thread("deaf").await);
    let mut turns = Vec::new();
    for (thread, act) in [(&polite, Act::Forever), (&deaf, Act::Deaf)] {
        host.script.prompt_with(vec![Act::Say("half"), act]);
        let mut view = host.view(thread).await;
        turns.push(host.post(thread, "go").await.turn);
        view.until("it answers", |view| !view.answers().is_empty()).await;
    }
    let host = host.again(limits()).await;
    for (thread, turn) in [polite, deaf].iter().zip(turns) {
        assert_eq!(host.state(turn).await, TurnState::Cut);
        let view = host.view(thread).await;
        let note = view.find_note("The host stopped while this turn ran").unwrap();
        assert_eq!(note, (NoteKind::Error, Some(turn)));
        let notes = view
            .bodies()
            .into_iter()
            .filter(|body| matches!(body, Body::Note { .. }))
            .count();
        assert_eq!(notes, 1, "told once");
    }
    assert_eq!(host.script.living().0, 0);
}

#[tokio::test]
async fn after_a_crash_cut_turns_are_told_and_queued_ones_answered() {
    let folder = tempfile::tempdir().unwrap();
    let (conversation, _) = Conversation::open(folder.path()).unwrap();
    let id = ThreadId::parse("web:a").unwrap();
    let new = NewThread {
        id: id.clone(),
        owner: user("owner"),
        title: String::new(),
        agent: "one".into(),
        model: None,
        dispatch: Dispatch::Queue,
        workspaces: None,
        permissions: None,
    };
    conversation.open_thread(new).await.unwrap();
    for text in ["ran", "waited"] {
        let new = conversation::NewTurn {
            thread: id.clone(),
            source: SourceId(text.into()),
            by: user("owner"),
            name: "Owner".into(),
            text: text.into(),
            files: vec![],
        };
        conversation.enqueue(new).await.unwrap();
    }
    let ran = conversation.start_next(&id).await.unwrap().unwrap().id;
    // As a kill leaves it: nothing more is written.
    conversation.close().await.unwrap();
    drop(conversation);
    let host = Host::on(folder, limits(), Script::default()).await;
    let mut view = host.view(&id).await;
    assert_eq!(
        view.find_note("The host stopped while it ran"),
        Some((NoteKind::Error, Some(ran)))
    );
    view.until("what waited is answered", |view| {
        view.answers() == ["echo: waited"]
    })
    .await;
    view.quiet().await;
    assert_eq!(host.state(ran).await, TurnState::Cut);
    assert_eq!(
        host.script.prompts(),
        ["waited"],
        "what ran is not run again by itself"
    );
}

#[tokio::test]
async fn when_the_last_handle_is_dropped_all_workers_end() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let mut view = host.view(&thread).await;
    host.post(&thread, "hi").await;
    view.phase(ThreadPhase::Idle).await;
    let script = host.script.clone();
    let mut changes = host.supervisor.list_changes();
    drop((view, host));
    while changes.recv().await.is_ok() {}
    assert_eq!(script.living().0, 0);
}

#[tokio::test]
async fn what_cannot_be_written_is_tried_again_and_said() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let gate = gated(&host.script);
    let mut view = host.view(&thread).await;
    host.post(&thread, "go").await;
    view.until("it answers", |view| !view.answers().is_empty()).await;
    // From now on nothing can be written, as on a full disk.
    host.conversation.close().await.unwrap();
    gate.open();
    view.until("said", |view| {
        view.doing
            .as_ref()
            .is_some_and(|doing| doing.what.contains("closed"))
    })
    .await;
    assert_eq!(
        view.phase,
        ThreadPhase::Working,
        "the turn has not ended: its end is not written"
    );
    let board = host.supervisor.shared().board(&thread).unwrap();
    assert!(board.unwritten.is_some());
}
