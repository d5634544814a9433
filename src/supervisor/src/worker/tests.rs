//! What a worker's handle promises, with real processes.

use agent_client_protocol::v1::schema::{ContentBlock, ContentChunk, StopReason};
use contract::{LoginAnswer, LoginNeeded};
use conversation::ChoiceKind;

use super::fake::{Scene, native};
use super::*;
use crate::models::Chosen;
use crate::supervisor::Answer;

mod choice;
mod sign_in;
mod starts;

/// The text of an update.
fn said(event: Event) -> String {
    match event {
        Event::Update(update) => match *update {
            SessionUpdate::AgentMessageChunk(ContentChunk {
                content: ContentBlock::Text(text),
                ..
            }) => text.text,
            other => panic!("an update of another kind: {other:?}"),
        },
        other => panic!("no update: {other:?}"),
    }
}

fn gone(event: Option<Event>) -> Gone {
    match event {
        Some(Event::Gone(gone)) => gone,
        other => panic!("not gone: {other:?}"),
    }
}

fn hello() -> Vec<ContentBlock> {
    vec!["hello".into()]
}

#[tokio::test]
async fn a_prompt_is_answered_after_its_updates_and_the_end_leaves_no_trace() {
    let mut scene = Scene::new();
    let worker = scene.start("").await.unwrap();
    assert_eq!((worker.session(), worker.resumed()), ("s1", false));
    assert!(worker.memory().unwrap() > 10 * 1024);
    assert_eq!(scene.records(), 1);
    assert_eq!(
        worker.prompt(hello(), Chosen::default()).await.unwrap(),
        StopReason::EndTurn
    );
    assert_eq!(said(scene.events.try_recv().unwrap()), "one");
    assert_eq!(said(scene.events.try_recv().unwrap()), "two");
    let process = crate::sweep::process::read(worker.pid()).unwrap();
    worker.end(Duration::from_secs(5)).await;
    assert!(!process.is_alive());
    assert_eq!(scene.records(), 0);
    assert_eq!(
        gone(scene.events.recv().await).exit.as_deref(),
        Some("exit code 0")
    );
}

#[tokio::test]
async fn only_the_allowed_environment_and_the_mark_reach_an_agent() {
    let mut scene = Scene::new();
    let worker = scene
        .start(r#"on_prompt() { say "$(env | cut -d= -f1 | sort | tr '\n' ' ')"; answer '{"stopReason":"end_turn"}'; }"#)
        .await
        .unwrap();
    worker.prompt(hello(), Chosen::default()).await.unwrap();
    let names = said(scene.events.recv().await.unwrap());
    let allowed = [
        "AGENT_HOST_STATE",
        "FAKE",
        "HOME",
        "LANG",
        "OLDPWD",
        "PATH",
        "PWD",
        "SECRET",
        "SHLVL",
        "TERM",
        "_",
    ];
    for name in names.split_whitespace() {
        assert!(allowed.contains(&name), "{name} leaked");
    }
    assert!(names.contains("AGENT_HOST_STATE") && names.contains("FAKE"));
}

#[tokio::test]
async fn a_death_in_mid_turn_ends_the_prompt_and_tells_how() {
    for (how, exit) in [("exit 7", "exit code 7"), ("kill -9 $$", "killed by SIGKILL")] {
        let mut scene = Scene::new();
        let worker = scene
            .start(&format!(
                "on_prompt() {{ say half; echo out of cake >&2; {how}; }}"
            ))
            .await
            .unwrap();
        assert!(matches!(
            worker.prompt(hello(), Chosen::default()).await,
            Err(PromptError::Gone)
        ));
        assert_eq!(said(scene.events.recv().await.unwrap()), "half");
        let gone = gone(scene.events.recv().await);
        assert_eq!(gone.exit.as_deref(), Some(exit));
        assert_eq!(gone.reason, format!("the agent's process ended ({exit})"));
        assert_eq!(gone.stderr, "out of cake");
        assert!(matches!(
            worker.prompt(hello(), Chosen::default()).await,
            Err(PromptError::Gone)
        ));
    }
}

#[tokio::test]
async fn garbage_ends_that_worker_with_its_reason() {
    for (garbage, reason) in [
        (
            "echo '{\"jsonrpc\":'",
            "it sent a line that is not a JSON-RPC message",
        ),
        (
            "echo 'Loaded cached credentials.'",
            "it sent a line that is not a JSON object: “Loaded cached credentials.”. Its standard output is for the protocol \
             alone: turn that line off in the agent, or leave it out in `command`, as in `[\"sh\", \"-c\", \"the-agent | grep \
             --line-buffered '^{'\"]`",
        ),
        ("echo '[]'", "it sent a line that is a batch of messages"),
        (
            "printf 'token \\033[1m%s, %s\\t and so on\\n' \"$SECRET\" \"$SECRET\"",
            "it sent a line that is not a JSON object: “token \\u{1b}[1m…, …\\t and so on”. Its standard output is for the \
             protocol alone: turn that line off in the agent, or leave it out in `command`, as in `[\"sh\", \"-c\", \
             \"the-agent | grep --line-buffered '^{'\"]`",
        ),
        (
            "id=forged; answer '{}'",
            "it answered a request that was not made",
        ),
        ("printf '{\"\\377\"}\\n'", "it sent a message that is not UTF-8"),
        (
            "head -c 1073741824 /dev/zero",
            "it sent a message longer than 16777216 bytes",
        ),
        (
            "ask 7 session/request_permission '{\"sessionId\":\"s2\",\"toolCall\":{\"toolCallId\":\"t\"},\"options\":[]}'",
            "it spoke for a session that is not its own",
        ),
        (
            "printf '{\"jsonrpc\":\"2.0\",\"method\":\"session/update\",\"params\":{\"sessionId\":\"s2\",\"update\":{\"sessionUpdate\":\"agent_message_chunk\",\"content\":{\"type\":\"text\",\"text\":\"x\"}}}}\\n'",
            "it spoke for a session that is not its own",
        ),
        (
            "n=0; while [ $n -lt 200 ]; do ask $n session/request_permission '{\"sessionId\":\"s1\",\"toolCall\":{\"toolCallId\":\"t\"},\"options\":[]}'; n=$((n+1)); done; sleep 100",
            "it made more than 128 requests at the same time",
        ),
    ] {
        let mut scene = Scene::new();
        let functions = format!("on_prompt() {{ {garbage}; sleep 100; }}");
        let worker = scene.start(&functions).await.unwrap();
        let prompt = worker.prompt(hello(), Chosen::default());
        let (answer, gone) = tokio::join!(prompt, async {
            let mut asked = Vec::new();
            loop {
                match scene.events.recv().await {
                    Some(Event::Gone(gone)) => return gone,
                    Some(Event::Update(_)) => panic!("words of another session"),
                    // Kept open, as people do who think.
                    Some(event) => asked.push(event),
                    None => panic!("no end for {garbage}"),
                }
            }
        });
        assert!(matches!(answer, Err(PromptError::Gone)), "{answer:?}");
        assert_eq!(gone.reason, format!("the agent broke the protocol: {reason}"));
    }
}

#[tokio::test]
async fn a_flood_that_nobody_receives_waits_and_can_be_ended() {
    let scene = Scene::new();
    let worker = scene
        .start("on_prompt() { while :; do say flood; done; }")
        .await
        .unwrap();
    let prompt = tokio::spawn(worker.prompt(hello(), Chosen::default()));
    let process = crate::sweep::process::read(worker.pid()).unwrap();
    // It is blocked when it has not used the processor for a while.
    let ticks = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.pid)).unwrap();
        stat.rsplit_once(')')
            .unwrap()
            .1
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    loop {
        let before = ticks();
        tokio::time::sleep(Duration::from_millis(300)).await;
        if ticks() == before {
            break;
        }
    }
    worker.end(Duration::from_millis(50)).await;
    assert!(!process.is_alive());
    assert!(matches!(prompt.await.unwrap(), Err(PromptError::Gone)));
}

#[tokio::test]
async fn answers_of_people_reach_the_agent_as_they_were_given() {
    let functions = r#"
on_prompt() { turn=$id; ask 7 session/request_permission '{"sessionId":"s1","toolCall":{"toolCallId":"t","title":"run ls -la"},"options":[{"optionId":"yes","name":"Yes","kind":"allow_once"},{"optionId":"ever","name":"Ever","kind":"allow_always"},{"optionId":"no","name":"No","kind":"reject_once"}]}'; }
on_answer() {
  case $line in
    *'"optionId":"yes"'*) say yes ;;
    *'"optionId":"ever"'*) say ever ;;
    *'"optionId":"no"'*'"reason":"too wide"'*|*'"reason":"too wide"'*'"optionId":"no"'*) say 'no, too wide' ;;
    *'"cancelled"'*) say cancelled ;;
    *) say "what?" ;;
  esac
  id=$turn; answer '{"stopReason":"end_turn"}'
}"#;
    let mut scene = Scene::new();
    let worker = scene.start(functions).await.unwrap();
    let deny = PermissionAnswer::Given(Answer::Deny {
        reason: Some("too wide".into()),
    });
    for (answer, heard) in [
        (Some(PermissionAnswer::Given(Answer::Once)), "yes"),
        (Some(PermissionAnswer::Given(Answer::Always)), "ever"),
        (Some(deny), "no, too wide"),
        (Some(PermissionAnswer::Cancelled), "cancelled"),
        (None, "cancelled"),
    ] {
        let prompt = worker.prompt(hello(), Chosen::default());
        let answered = async {
            let Some(Event::Permission(asked)) = scene.events.recv().await else {
                panic!("not asked");
            };
            let kinds: Vec<_> = asked.choices().iter().map(|choice| choice.kind).collect();
            assert_eq!(
                kinds,
                [
                    ChoiceKind::AllowOnce,
                    ChoiceKind::AllowAlways,
                    ChoiceKind::RejectOnce
                ]
            );
            assert_eq!(asked.tool_call.fields.title.as_deref(), Some("run ls -la"));
            match answer {
                Some(answer) => asked.answer(answer),
                None => drop(asked),
            }
            said(scene.events.recv().await.unwrap())
        };
        let (stop, said) = tokio::join!(prompt, answered);
        assert_eq!((stop.unwrap(), said.as_str()), (StopReason::EndTurn, heard));
    }
}

#[tokio::test]
async fn a_login_is_asked_for_and_answered_and_the_status_is_passed_on() {
    let functions = r#"
on_prompt() {
  turn=$id
  printf '{"jsonrpc":"2.0","method":"_agent-host/status","params":{"session":"s1","what":"thinking"}}\n'
  ask 7 _agent-host/login '{"session":"s1","service":"codex","title":"Your bank","owner":"web:bob","reason":"no login"}'
}
on_answer() { case $line in *'"answer":"try"'*) say again ;; *give_up*) say enough ;; esac; id=$turn; answer '{"stopReason":"end_turn"}'; }"#;
    let mut scene = Scene::new();
    let mut spec = scene.spec(functions);
    native(&mut spec);
    let worker = start(spec, &scene.reaper, scene.sender.clone()).await.unwrap();
    for (answer, heard) in [
        (Some(LoginAnswer::Try), "again"),
        (Some(LoginAnswer::GiveUp), "enough"),
        (None, "enough"),
    ] {
        let answered = async {
            assert!(matches!(scene.events.recv().await, Some(Event::Status(what)) if what == "thinking"));
            let Some(Event::Login(asked)) = scene.events.recv().await else {
                panic!("not asked");
            };
            // Whose it is and how it is called is the host's to say.
            let LoginNeeded {
                service,
                title,
                owner,
                ..
            } = &asked.needed;
            assert_eq!([service.as_str(), title, owner], ["codex", "Codex", "web:alice"]);
            match answer {
                Some(answer) => asked.answer(answer),
                None => drop(asked),
            }
            said(scene.events.recv().await.unwrap())
        };
        let (stop, said) = tokio::join!(worker.prompt(hello(), Chosen::default()), answered);
        assert_eq!((stop.unwrap(), said.as_str()), (StopReason::EndTurn, heard));
    }
}

#[tokio::test]
async fn an_agent_that_is_not_ours_sends_nobody_to_sign_in() {
    let functions = r#"
on_prompt() { turn=$id; ask 7 _agent-host/login '{"session":"s1","service":"codex","title":"Your bank","owner":"web:bob","reason":"sign in again"}'; }
on_answer() { case $line in *-32601*) say refused ;; *) say "$line" ;; esac; id=$turn; answer '{"stopReason":"end_turn"}'; }"#;
    let mut scene = Scene::new();
    let worker = scene.start(functions).await.unwrap();
    let (stop, event) = tokio::join!(worker.prompt(hello(), Chosen::default()), scene.events.recv());
    assert_eq!(
        (stop.unwrap(), said(event.unwrap()).as_str()),
        (StopReason::EndTurn, "refused")
    );
}

#[tokio::test]
async fn a_cancelled_prompt_ends_as_cancelled_and_an_error_is_passed_on_in_its_words() {
    let mut scene = Scene::new();
    let worker = scene
        .start(
            "on_prompt() { say working; }
             on_cancel() { answer '{\"stopReason\":\"cancelled\"}'; on_prompt() { fail -32603 'out of cake'; }; }",
        )
        .await
        .unwrap();
    let cancel = async {
        assert_eq!(said(scene.events.recv().await.unwrap()), "working");
        worker.cancel(contract::Canceller::Person);
    };
    let (stop, ()) = tokio::join!(worker.prompt(hello(), Chosen::default()), cancel);
    assert_eq!(stop.unwrap(), StopReason::Cancelled);
    let error = worker.prompt(hello(), Chosen::default()).await.unwrap_err();
    assert_eq!(format!("{error:?}"), "Failed(\"out of cake\")");
    let long = worker
        .prompt(vec!["x".repeat(17 << 20).into()], Chosen::default())
        .await
        .unwrap_err();
    assert!(
        matches!(&long, PromptError::Failed(words) if words.contains("too long")),
        "{long:?}"
    );
}

#[tokio::test]
async fn an_end_in_mid_turn_lets_the_agent_finish_what_cancel_means_to_it() {
    let scene = Scene::new();
    let worker = scene
        .start(
            "on_prompt() { : > prompted; }
             on_cancel() { echo cancelled >> order; answer '{\"stopReason\":\"cancelled\"}'; }
             on_end() { echo end of input >> order; }",
        )
        .await
        .unwrap();
    let prompt = tokio::spawn(worker.prompt(hello(), Chosen::default()));
    while !scene.workspace().join("prompted").exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    worker.end(Duration::from_secs(10)).await;
    assert_eq!(prompt.await.unwrap().unwrap(), StopReason::Cancelled);
    let order = std::fs::read_to_string(scene.workspace().join("order")).unwrap();
    assert_eq!(order, "cancelled\nend of input\n");
}

#[tokio::test]
async fn the_model_goes_to_our_own_agent_only() {
    for (is_native, heard) in [(true, "told"), (false, "not told")] {
        let mut scene = Scene::new();
        let mut spec = scene.spec(
            "on_prompt() { case $line in *'\"agent-host\":{\"model\":\"m-1\"}'*) say told ;; *) say 'not told' ;; esac; answer '{\"stopReason\":\"end_turn\"}'; }",
        );
        if is_native {
            native(&mut spec);
        }
        let worker = start(spec, &scene.reaper, scene.sender.clone()).await.unwrap();
        let chosen = Chosen {
            model: Some("m-1".into()),
            mode: None,
        };
        worker.prompt(hello(), chosen).await.unwrap();
        if !is_native {
            let told = scene.events.recv().await.unwrap();
            assert!(
                matches!(&told, Event::NotTaken(Setting::Model, why) if why == "it chooses its model itself"),
                "{told:?}"
            );
        }
        assert_eq!(said(scene.events.recv().await.unwrap()), heard);
    }
}

/// Runs in a process of its own, whose greatest size is then that of this.
pub(crate) async fn noise_is_bounded() {
    let scene = Scene::new();
    let worker = scene.start("").await.unwrap();
    worker.end(Duration::from_secs(5)).await;
    let before = greatest_size();
    // Updates of 16 KiB, as many as the pipe takes; nobody receives them, and then comes the line.
    let floods = "on_new() { answer '{\"sessionId\":\"s1\"}'; :> flooding; long=$(head -c 16000 /dev/zero | tr '\\0' x); while :; do say $long; done; }";
    let lines = "on_prompt() { head -c 1073741824 /dev/zero; }";
    for functions in [floods, lines] {
        let mut scene = Scene::new();
        let worker = scene.start(functions).await.unwrap();
        let _ = timeout(Duration::from_secs(2), worker.prompt(hello(), Chosen::default())).await;
        worker.end(Duration::from_millis(10)).await;
        while scene.events.try_recv().is_ok() {}
        let grown = greatest_size() - before;
        assert!(grown < 64 << 20, "{} MiB more", grown >> 20);
    }
}

fn greatest_size() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}
