//! The same with real processes: an agent of a few shell functions.

use conversation::{Body, NoteKind};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::*;
use crate::update::ThreadPhase;

/// An agent that says where it works and who it is, and then waits until it is cancelled.
const WAITS: &str = r#"
on_prompt() { say "$$ $PWD"; }
on_cancel() { answer '{"stopReason":"cancelled"}'; }
"#;

/// The process and the folder that an answer of [`WAITS`] names.
fn who(view: &View) -> Option<(i32, String)> {
    let (pid, folder) = view.answers().last()?.split_once(' ')?;
    Some((pid.parse().unwrap(), folder.to_owned()))
}

/// A dead one may still wait to be collected.
fn is_alive(pid: i32) -> bool {
    crate::sweep::process::read(pid).is_some_and(|process| process.is_alive())
}

async fn hosts(functions: &str) -> Host {
    let limits = Limits {
        grace: Duration::from_millis(500),
        ..Limits::default()
    };
    Host::real(tempfile::tempdir().unwrap(), functions, limits).await
}

#[tokio::test]
async fn two_threads_share_no_process_and_no_workspace_and_one_crash_is_seen_in_one() {
    let host = hosts(WAITS).await;
    let mut threads = Vec::new();
    for name in ["a", "b"] {
        let thread = host.thread(name).await;
        let mut view = host.view(&thread).await;
        let turn = host.post(&thread, "go").await.turn;
        view.until("it says who it is", |view| who(view).is_some()).await;
        let (pid, folder) = who(&view).unwrap();
        assert_eq!(
            folder,
            host.supervisor
                .workspace(&thread)
                .await
                .unwrap()
                .to_str()
                .unwrap()
        );
        threads.push((thread, view, turn, pid));
    }
    let listed = host.supervisor.workers().await;
    let found: Vec<_> = listed.iter().filter_map(|worker| worker.pid).collect();
    assert_eq!(found, [threads[0].3, threads[1].3]);
    assert_ne!(found[0], found[1]);
    assert!(listed[0].memory.unwrap() > 10 * 1024);
    kill(Pid::from_raw(found[0]), Signal::SIGKILL).unwrap();
    let (_, view, turn, _) = &mut threads[0];
    let note = view.note("SIGKILL").await;
    assert_eq!(note, (NoteKind::Error, Some(*turn)));
    view.until("the turn is over", |view| view.phase != ThreadPhase::Working)
        .await;
    assert_eq!(host.state(*turn).await, TurnState::Cut);
    let other = host.view(&threads[1].0).await;
    assert_eq!(other.phase, ThreadPhase::Working);
    assert!(
        is_alive(found[1])
            && !other
                .bodies()
                .iter()
                .any(|body| matches!(body, Body::Note { .. }))
    );
    host.supervisor.drain(Duration::ZERO).await;
    assert!(!is_alive(found[1]));
}

#[tokio::test]
async fn stop_reaches_a_real_agent_and_the_next_turn_goes_to_the_same_process() {
    let host = hosts(WAITS).await;
    let thread = host.thread("a").await;
    let mut view = host.view(&thread).await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let turn = host.post(&thread, "go").await.turn;
        view.until("it says who it is", |view| view.answers().len() == seen.len() + 1)
            .await;
        seen.push(who(&view).unwrap().0);
        assert!(host.supervisor.stop(&thread, &user("owner")).await.unwrap());
        view.quiet().await;
        assert_eq!(host.state(turn).await, TurnState::Stopped);
    }
    assert_eq!(seen[0], seen[1]);
    host.supervisor.drain(Duration::ZERO).await;
}

#[tokio::test]
async fn an_agent_that_ignores_a_stop_and_sigterm_is_killed_with_its_children() {
    let functions = r#"
trap '' TERM
on_prompt() { sleep 1000 & echo "$!" > child; say "$$ $PWD"; while :; do sleep 0.05; done; }
"#;
    let host = hosts(functions).await;
    let thread = host.thread("a").await;
    let mut view = host.view(&thread).await;
    let turn = host.post(&thread, "go").await.turn;
    view.until("it says who it is", |view| who(view).is_some()).await;
    let (pid, folder) = who(&view).unwrap();
    let child: i32 = std::fs::read_to_string(format!("{folder}/child"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    host.supervisor.stop(&thread, &user("owner")).await.unwrap();
    view.phase(ThreadPhase::Stopping).await;
    view.phase(ThreadPhase::Cold).await;
    assert_eq!(host.state(turn).await, TurnState::Stopped);
    // The drain returns when its last worker has ended, and everything below it.
    host.supervisor.drain(Duration::ZERO).await;
    assert!(!is_alive(pid) && !is_alive(child));
}

#[tokio::test]
async fn what_was_said_is_not_said_again_when_a_session_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::real(folder, "", limits()).await;
    let thread = host.thread("a").await;
    let mut view = host.view(&thread).await;
    host.post(&thread, "one").await;
    view.until("answered", |view| view.answers() == ["onetwo"]).await;
    view.quiet().await;
    let Host {
        folder,
        supervisor,
        conversation,
        ..
    } = host;
    supervisor.drain(Duration::from_secs(5)).await;
    drop((supervisor, conversation));
    // Its agent replays what it remembers, as ACP wants.
    let host = Host::real(folder, "", limits()).await;
    let mut view = host.view(&thread).await;
    let again = Message {
        source: SourceId("second".into()),
        ..host.message(&thread, "two")
    };
    host.supervisor.post(again).await.unwrap();
    view.until("answered", |view| view.answers() == ["onetwo", "onetwo"])
        .await;
    assert!(view.find_note("former session").is_none());
    assert_eq!(
        host.conversation
            .thread(&thread)
            .await
            .unwrap()
            .session
            .as_deref(),
        Some("s1")
    );
    host.supervisor.drain(Duration::ZERO).await;
}

#[tokio::test]
async fn what_the_card_shows_is_what_the_agent_then_runs() {
    // It asks about what it was given, and runs no other than what it asked about.
    let functions = r#"
on_prompt() {
  prompt=$id
  asked=${line#*'"text":"'}; asked=${asked%%'"'*}
  ask 77 session/request_permission '{"sessionId":"s1","toolCall":{"toolCallId":"c1","title":"run a command","kind":"execute","rawInput":{"command":"'"$asked"'"}},"options":[{"optionId":"y","name":"Yes","kind":"allow_once"},{"optionId":"n","name":"No","kind":"reject_once"}]}'
}
on_answer() {
  case $line in *'"optionId":"y"'*) sh -c "$asked"; say ran ;; *) say refused ;; esac
  id=$prompt; answer '{"stopReason":"end_turn"}'
}
"#;
    let command = "tr '[:cntrl:]' , < /proc/$$/cmdline > made; true";
    let host = hosts(functions).await;
    let thread = host.thread("a").await;
    let mut view = host.view(&thread).await;
    for (answer, said) in [(Answer::Deny { reason: None }, "refused"), (Answer::Once, "ran")] {
        assert!(
            !host
                .supervisor
                .workspace(&thread)
                .await
                .unwrap()
                .join("made")
                .exists()
        );
        host.post(&thread, command).await;
        view.until("it asks", |view| {
            matches!(
                view.permission(),
                Some((_, Body::Permission { decision: None, .. }))
            )
        })
        .await;
        let (request, body) = view.permission().unwrap();
        assert!(
            matches!(&body, Body::Permission { detail, .. } if detail == command),
            "{body:?}"
        );
        host.supervisor
            .decide(&thread, &request, &user("owner"), "Owner", answer)
            .await
            .unwrap();
        view.until("it answers", |view| view.answers().last() == Some(&said))
            .await;
        view.quiet().await;
    }
    let made = host.supervisor.workspace(&thread).await.unwrap().join("made");
    assert_eq!(
        std::fs::read_to_string(made).unwrap(),
        format!("sh,-c,{command},")
    );
    host.supervisor.drain(Duration::ZERO).await;
}

#[tokio::test]
async fn an_agent_that_breaks_the_protocol_ends_with_a_note_and_can_be_retried() {
    let functions = r#"on_prompt() { if [ -e broken ]; then say fine; answer '{"stopReason":"end_turn"}'; else touch broken; echo 'no json'; fi; }"#;
    let host = hosts(functions).await;
    let thread = host.thread("a").await;
    let mut view = host.view(&thread).await;
    let turn = host.post(&thread, "go").await.turn;
    let (kind, retry) = view.note("The turn was cut").await;
    assert_eq!((kind, retry), (NoteKind::Error, Some(turn)));
    host.supervisor
        .retry(&thread, turn, &user("owner"))
        .await
        .unwrap();
    view.until("it is answered", |view| view.answers() == ["fine"])
        .await;
    host.supervisor.drain(Duration::ZERO).await;
}

#[tokio::test]
async fn a_thread_is_told_also_between_turns_why_its_agent_was_ended() {
    let functions = r#"on_prompt() { say fine; answer '{"stopReason":"end_turn"}'; (until [ -e now ]; do sleep 0.02; done; echo 'no json') & }"#;
    let host = hosts(functions).await;
    let thread = host.thread("a").await;
    let mut view = host.view(&thread).await;
    let turn = host.post(&thread, "go").await.turn;
    view.quiet().await;
    let folder = host.supervisor.workspace(&thread).await.unwrap();
    std::fs::write(folder.join("now"), "").unwrap();
    let told = view
        .note("broke the protocol: it sent a line that is not a JSON")
        .await;
    assert_eq!(told, (NoteKind::Error, None));
    assert!(view.find_note("started again with the next message").is_some());
    assert_eq!(host.state(turn).await, TurnState::Done);
    host.supervisor.drain(Duration::ZERO).await;
}

#[tokio::test]
async fn a_reset_while_the_agent_starts_waits_until_nothing_of_it_lives() {
    let functions = r"on_initialize() { (setsid sh -c 'echo $$ > daemon; exec sleep 1000' &); sleep 1000; }";
    let host = hosts(functions).await;
    let thread = host.thread("a").await;
    host.post(&thread, "go").await;
    let daemon = host.supervisor.workspace(&thread).await.unwrap().join("daemon");
    let daemon = crate::worker::fake::process_in(&daemon).await;
    host.supervisor.reset(&thread, &user("owner")).await.unwrap();
    assert!(!daemon.is_alive());
    host.supervisor.drain(Duration::ZERO).await;
}

#[tokio::test]
async fn an_agent_that_ends_a_turn_as_nobody_does_is_named_with_what_it_said() {
    let functions = r#"on_prompt() { answer '{"stopReason":"whatever"}'; }"#;
    let host = hosts(functions).await;
    let thread = host.thread("a").await;
    let mut view = host.view(&thread).await;
    let turn = host.post(&thread, "go").await.turn;
    let told = view
        .note("do not understand each other: `session/prompt` ended with “{\"stopReason\":\"whatever\"}”")
        .await;
    assert_eq!(told, (NoteKind::Error, Some(turn)));
    assert!(
        view.find_note("install a version of the program that does")
            .is_some()
    );
    host.supervisor.drain(Duration::ZERO).await;
}

/// An agent that offers two models in a new session, names none where it takes one up, and dies the first time that it is
/// told to use one.
const CHOOSY: &str = r#"
on_new() { answer '{"sessionId":"s1","models":{"currentModelId":"m-0","availableModels":[{"modelId":"m-0"},{"modelId":"m-1"}]}}'; }
on_answer() {
  case $line in
    *'"method":"session/set_model"'*)
      [ -e died ] || { :> died; exit 3; }
      id=${line#*'"id":"'}; id=${id%%'"'*}; answer '{}' ;;
  esac
}
on_prompt() { case $line in *leave*) exit 3 ;; esac; say fine; answer '{"stopReason":"end_turn"}'; }
"#;

#[tokio::test]
async fn a_model_stays_chosen_where_its_agent_dies_of_it_or_names_none_when_it_takes_up_its_session() {
    let host = hosts(CHOOSY).await;
    let thread = host.thread("a").await;
    let change = ThreadChange {
        model: Some(Some("m-1".into())),
        ..ThreadChange::default()
    };
    host.supervisor.change(&thread, change).await.unwrap();
    let mut view = host.view(&thread).await;
    host.post(&thread, "go").await;
    view.until("answered by the next worker", |view| view.answers() == ["fine"])
        .await;
    // What the agent offers is known when its turn has ended, too.
    view.quiet().await;
    assert!(view.find_note("the model").is_none());
    let models = || host.supervisor.offers("one").and_then(|offers| offers.models);
    let offered = models();
    assert!(offered.is_some());
    host.post(&thread, "leave").await;
    view.note("The turn was cut").await;
    for answered in [2, 3] {
        host.post(&thread, "go on").await;
        view.until("answered", |view| view.answers().len() == answered)
            .await;
        view.quiet().await;
    }
    assert_eq!(
        view.notes("Fake may not use the model `m-1` now"),
        1,
        "once for each worker"
    );
    assert_eq!(models(), offered);
    let kept = host.conversation.thread(&thread).await.unwrap();
    assert_eq!(kept.model.as_deref(), Some("m-1"));
    host.supervisor.drain(Duration::ZERO).await;
}
