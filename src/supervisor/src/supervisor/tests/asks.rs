//! Permissions and logins.

use agent_client_protocol::v1::schema::{
    Diff as AcpDiff, SessionUpdate, ToolCallContent, ToolCallUpdate, ToolCallUpdateFields,
    ToolKind as AcpKind,
};
use contract::LoginNeeded;
use conversation::{Body, Decision, LoginEnd, Permissions};
use serde_json::json;

use super::*;
use crate::process::scripted::Told;
use crate::update::ThreadPhase;

fn wants_to_run(command: &str) -> ToolCallUpdate {
    let fields = ToolCallUpdateFields::new()
        .title("run a command".to_owned())
        .kind(AcpKind::Execute)
        .raw_input(json!({ "command": command }));
    ToolCallUpdate::new("c1", fields)
}

/// A thread whose turn asks for permission.
async fn asking(host: &Host, asked: ToolCallUpdate) -> (ThreadId, View, String) {
    let thread = host.thread("a").await;
    host.script.prompt_with(vec![Act::Ask(asked)]);
    let mut view = host.view(&thread).await;
    host.post(&thread, "go").await;
    view.phase(ThreadPhase::AwaitingPermission).await;
    let (request, _) = view.permission().unwrap();
    (thread, view, request)
}

#[tokio::test]
async fn a_permission_shows_exactly_what_will_run_and_its_owner_allows_it_once() {
    let host = Host::new().await;
    let (thread, mut view, request) = asking(&host, wants_to_run("rm -rf './a b' && ls")).await;
    let Some((
        _,
        Body::Permission {
            title,
            detail,
            decision: None,
            ..
        },
    )) = view.permission()
    else {
        panic!("an open request: {:?}", view.permission());
    };
    assert_eq!(
        (title.as_str(), detail.as_str()),
        ("run a command", "rm -rf './a b' && ls")
    );
    assert_eq!(request.len(), 32, "nobody guesses 128 bits");
    let supervisor = &host.supervisor;
    let stranger = supervisor
        .decide(&thread, &request, &user("bob"), "Bob", Answer::Once)
        .await;
    assert!(
        matches!(stranger, Err(SupervisorError::NotAllowed(_))),
        "{stranger:?}"
    );
    let guess = supervisor
        .decide(&thread, "guess", &user("owner"), "Owner", Answer::Once)
        .await;
    assert!(matches!(guess, Err(SupervisorError::Gone(_))), "{guess:?}");
    supervisor
        .decide(&thread, &request, &user("owner"), "Owner", Answer::Once)
        .await
        .unwrap();
    let again = supervisor
        .decide(&thread, &request, &user("owner"), "Owner", Answer::Once)
        .await;
    assert!(matches!(again, Err(SupervisorError::Gone(_))), "{again:?}");
    view.quiet().await;
    assert_eq!(view.answers(), ["Once"]);
    let by = "Owner".to_owned();
    assert!(
        matches!(view.permission(), Some((_, Body::Permission { decision: Some(decision), .. }))
        if decision == Decision::Once { by })
    );
    view.is_durable(&host.conversation).await;
}

#[tokio::test]
async fn a_denial_takes_its_reason_to_the_agent() {
    let host = Host::new().await;
    let (thread, mut view, request) = asking(&host, wants_to_run("ls")).await;
    let answer = Answer::Deny {
        reason: Some("use git".into()),
    };
    host.supervisor
        .decide(&thread, &request, &user("owner"), "Owner", answer)
        .await
        .unwrap();
    view.quiet().await;
    assert_eq!(view.answers(), [r#"Deny { reason: Some("use git") }"#]);
}

#[tokio::test]
async fn a_change_to_a_file_is_asked_for_with_the_change() {
    let host = Host::new().await;
    let diff = AcpDiff::new("/elsewhere/a.txt", "new\n").old_text("old\n".to_owned());
    let fields = ToolCallUpdateFields::new()
        .title("write a.txt".to_owned())
        .kind(AcpKind::Edit)
        .raw_input(json!({"path": "/elsewhere/a.txt"}))
        .content(vec![ToolCallContent::Diff(diff)]);
    let (_, view, _) = asking(&host, ToolCallUpdate::new("c1", fields)).await;
    let Some((_, Body::Permission { detail, diffs, .. })) = view.permission() else {
        panic!("it asks");
    };
    assert_eq!(detail, "change: /elsewhere/a.txt\n-old\n+new\n");
    assert_eq!(diffs.len(), 1);
}

#[tokio::test]
async fn a_request_that_names_only_its_call_shows_the_whole_of_that_call() {
    let host = Host::new().await;
    let script = "x".repeat(100_000);
    let announced = ToolCallUpdateFields::new()
        .title("run a script".to_owned())
        .raw_input(json!({ "command": script, "cwd": "/" }));
    host.script.prompt_with(vec![
        Act::Update(SessionUpdate::ToolCallUpdate(ToolCallUpdate::new(
            "c1", announced,
        ))),
        Act::Ask(ToolCallUpdate::new("c1", ToolCallUpdateFields::new())),
    ]);
    let thread = host.thread("a").await;
    let mut view = host.view(&thread).await;
    host.post(&thread, "go").await;
    view.phase(ThreadPhase::AwaitingPermission).await;
    let Some((_, Body::Permission { title, detail, .. })) = view.permission() else {
        panic!("it asks");
    };
    assert_eq!(title, "run a script");
    assert!(detail == format!("{script}\ncwd: /"), "{}", detail.len());
}

#[tokio::test]
async fn what_nobody_could_look_at_is_denied_and_told() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let huge = "x".repeat(crate::timeline::LONGEST_ASKED + 1);
    host.script.prompt_with(vec![Act::Ask(wants_to_run(&huge))]);
    let mut view = host.view(&thread).await;
    host.post(&thread, "go").await;
    view.note("It was told no, because nobody could look at it").await;
    view.quiet().await;
    assert_eq!(
        view.answers(),
        [r#"Unanswered("it is too long to be looked at; do it in smaller steps")"#]
    );
    assert!(view.permission().is_none());
}

#[tokio::test]
async fn a_request_without_an_answer_to_give_is_denied_and_told_and_nobody_said_yes() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    host.script
        .prompt_with(vec![Act::AskOffering(wants_to_run("ls"), vec![])]);
    let mut view = host.view(&thread).await;
    host.post(&thread, "go").await;
    view.note("It was told no, because it offers no answer").await;
    view.quiet().await;
    assert_eq!(
        view.answers(),
        [r#"Unanswered("the host understands none of these answers")"#]
    );
    assert!(view.permission().is_none());
}

#[tokio::test]
async fn silence_denies() {
    let host = Host::with(Limits {
        permission: Duration::from_millis(30),
        ..limits()
    })
    .await;
    let (thread, mut view, request) = asking(&host, wants_to_run("ls")).await;
    view.quiet().await;
    assert_eq!(view.answers(), [r#"Unanswered("nobody answered in time")"#]);
    assert!(matches!(
        view.permission(),
        Some((
            _,
            Body::Permission {
                decision: Some(Decision::TimedOut),
                ..
            }
        ))
    ));
    let late = host
        .supervisor
        .decide(&thread, &request, &user("owner"), "Owner", Answer::Once)
        .await;
    assert!(matches!(late, Err(SupervisorError::Gone(_))), "{late:?}");
}

#[tokio::test]
async fn when_the_turn_is_stopped_its_requests_are_gone() {
    let host = Host::new().await;
    let (thread, mut view, request) = asking(&host, wants_to_run("ls")).await;
    host.supervisor.stop(&thread, &user("owner")).await.unwrap();
    view.quiet().await;
    assert!(matches!(
        view.permission(),
        Some((
            _,
            Body::Permission {
                decision: Some(Decision::Gone),
                ..
            }
        ))
    ));
    let late = host
        .supervisor
        .decide(&thread, &request, &user("owner"), "Owner", Answer::Once)
        .await;
    assert!(matches!(late, Err(SupervisorError::Gone(_))), "{late:?}");
    view.is_durable(&host.conversation).await;
}

fn needs_login() -> LoginNeeded {
    LoginNeeded {
        session: "session-1".into(),
        service: "acme".into(),
        title: "Acme".into(),
        owner: "web:owner".into(),
        reason: "nobody is signed in".into(),
        useless: None,
    }
}

/// What another process does when somebody signs in.
fn sign_in(host: &Host, owner: &str, generation: u64) {
    let file = format!(
        r#"{{"version":1,"tenants":{{"acme":{{"{owner}":{{"type":"api_key","generation":{generation},"key":"k","obtained_at_ms":1}}}}}}}}"#
    );
    std::fs::write(host.folder.path().join("new.json"), file).unwrap();
    std::fs::rename(
        host.folder.path().join("new.json"),
        host.folder.path().join("auth.json"),
    )
    .unwrap();
}

/// What became of each login that it asked for.
fn login_ends(view: &View) -> Vec<Option<LoginEnd>> {
    let bodies = view.bodies().into_iter();
    let ends = bodies.filter_map(|body| match body {
        Body::Login {
            ended,
            service,
            reason,
            ..
        } => {
            assert_eq!(
                (service.as_str(), reason.as_str()),
                ("acme", "nobody is signed in")
            );
            Some(*ended)
        }
        _ => None,
    });
    ends.collect()
}

#[tokio::test]
async fn a_turn_waits_for_a_login_and_goes_on_by_itself() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    host.script
        .prompt_with(vec![Act::Login(needs_login()), Act::Say("signed in")]);
    let mut view = host.view(&thread).await;
    host.post(&thread, "go").await;
    view.phase(ThreadPhase::AwaitingLogin).await;
    assert_eq!(login_ends(&view), [None]);
    // Somebody else's login does not help, nor a sign of change alone.
    sign_in(&host, "web:other", 1);
    host.supervisor.credentials_changed();
    host.supervisor.workers().await;
    assert_eq!(login_ends(&host.view(&thread).await), [None]);
    sign_in(&host, "web:owner", 2);
    host.supervisor.credentials_changed();
    view.quiet().await;
    assert_eq!(
        (login_ends(&view), view.answers()),
        (vec![Some(LoginEnd::Done)], vec!["signed in"])
    );
    view.is_durable(&host.conversation).await;
}

#[tokio::test]
async fn a_sign_in_of_another_process_is_seen_without_being_told() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    host.script
        .prompt_with(vec![Act::Login(needs_login()), Act::Say("signed in")]);
    let mut view = host.view(&thread).await;
    host.post(&thread, "go").await;
    view.phase(ThreadPhase::AwaitingLogin).await;
    sign_in(&host, "host", 1);
    view.quiet().await;
    assert_eq!(view.answers(), ["signed in"]);
}

#[tokio::test]
async fn a_login_that_did_not_help_is_not_tried_again() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    sign_in(&host, "web:owner", 1);
    host.script.prompt_with(vec![
        Act::Login(needs_login()),
        Act::Login(needs_login()),
        Act::Say("at last"),
    ]);
    let mut view = host.view(&thread).await;
    host.post(&thread, "go").await;
    view.until("the second request waits", |view| {
        let logins = view.bodies().into_iter();
        logins.filter(|body| matches!(body, Body::Login { .. })).count() == 2
    })
    .await;
    // Whatever its task did with the second request it has done before it answers this.
    assert_eq!(host.view(&thread).await.phase, ThreadPhase::AwaitingLogin);
    sign_in(&host, "web:owner", 2);
    host.supervisor.credentials_changed();
    view.quiet().await;
    assert_eq!(view.answers(), ["at last"]);
}

#[tokio::test]
async fn a_login_that_the_agent_has_just_seen_refused_is_asked_for_at_once_and_once() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    sign_in(&host, "web:owner", 1);
    let refused = LoginNeeded {
        useless: Some(1),
        ..needs_login()
    };
    host.script
        .prompt_with(vec![Act::Login(refused), Act::Say("at last")]);
    let mut view = host.view(&thread).await;
    host.post(&thread, "go").await;
    view.until("it is asked for", |view| !login_ends(view).is_empty())
        .await;
    // Whatever its task did with the request it has done before it answers this.
    let now = host.view(&thread).await;
    assert_eq!(
        (now.phase, login_ends(&now)),
        (ThreadPhase::AwaitingLogin, vec![None])
    );
    sign_in(&host, "web:owner", 2);
    host.supervisor.credentials_changed();
    view.quiet().await;
    assert_eq!(
        (login_ends(&view), view.answers()),
        (vec![Some(LoginEnd::Done)], vec!["at last"])
    );
}

#[tokio::test]
async fn nobody_signing_in_ends_the_turn_with_the_reason() {
    let host = Host::with(Limits {
        login: Duration::from_millis(30),
        ..limits()
    })
    .await;
    let thread = host.thread("a").await;
    host.script.prompt_with(vec![Act::Login(needs_login())]);
    let mut view = host.view(&thread).await;
    let posted = host.post(&thread, "go").await;
    view.note("nobody signed in").await;
    view.quiet().await;
    assert_eq!(host.state(posted.turn).await, TurnState::Failed);
    assert_eq!(login_ends(&view), [Some(LoginEnd::TimedOut)]);
    view.is_durable(&host.conversation).await;
}

#[tokio::test]
async fn whatever_ends_a_turn_what_it_asked_is_over() {
    let host = Host::new().await;
    for way in ["stop", "interrupt", "steer", "reset", "death"] {
        let thread = host.thread(way).await;
        let gate = Gate::default();
        host.script.prompt_with(vec![
            Act::DieLater(gate.clone()),
            Act::AskAndGoOn(ToolCallUpdate::new("c", ToolCallUpdateFields::new())),
            Act::Login(needs_login()),
        ]);
        let mut view = host.view(&thread).await;
        host.post(&thread, "go").await;
        view.until("it asks for both", |view| {
            view.permission().is_some() && login_ends(view) == [None]
        })
        .await;
        match way {
            "stop" => assert!(host.supervisor.stop(&thread, &user("owner")).await.is_ok()),
            "interrupt" => _ = host.post_as(&thread, "rather", Dispatch::Interrupt).await,
            "steer" => _ = host.post_as(&thread, "and", Dispatch::Steer).await,
            "reset" => host.supervisor.reset(&thread, &user("owner")).await.unwrap(),
            _ => gate.open(),
        }
        view.until(way, |view| {
            let is_gone = |body| {
                matches!(
                    body,
                    Body::Permission {
                        decision: Some(Decision::Gone),
                        ..
                    }
                )
            };
            view.permission().is_some_and(|(_, body)| is_gone(body))
                && login_ends(view) == [Some(LoginEnd::Gone)]
        })
        .await;
        view.quiet().await;
        view.is_durable(&host.conversation).await;
    }
}

#[tokio::test]
async fn an_agent_that_asks_too_much_at_once_is_denied_unseen() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let asks = (0..40).map(|number| {
        Act::AskAndGoOn(ToolCallUpdate::new(
            format!("c{number}"),
            ToolCallUpdateFields::new(),
        ))
    });
    host.script
        .prompt_with(asks.chain([Act::Say("asked"), Act::Forever]).collect());
    let mut view = host.view(&thread).await;
    host.post(&thread, "go").await;
    view.until("all were asked", |view| view.answers() == ["asked"])
        .await;
    let open = view
        .bodies()
        .into_iter()
        .filter(|body| matches!(body, Body::Permission { .. }))
        .count();
    assert_eq!(open, 16);
}

#[tokio::test]
async fn what_is_set_for_a_thread_answers_an_agent_that_asks_and_holds_from_the_next_turn_on() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let mut view = host.view(&thread).await;
    let mut answers = vec![];
    for (permissions, answer) in [
        (Some(Permissions::Allow), "Once"),
        (
            Some(Permissions::Deny),
            "Deny { reason: Some(\"the settings of this thread deny tools that change something\") }",
        ),
    ] {
        let change = ThreadChange {
            permissions: Some(permissions),
            ..ThreadChange::default()
        };
        host.supervisor.change(&thread, change).await.unwrap();
        host.script.prompt_with(vec![Act::Ask(wants_to_run("ls"))]);
        host.post(&thread, "go").await;
        answers.push(answer);
        view.until("nobody was asked", |view| view.answers() == answers)
            .await;
    }
    let decision = match view.permission().unwrap().1 {
        Body::Permission { decision, .. } => decision,
        other => panic!("{other:?}"),
    };
    assert!(
        matches!(&decision, Some(Decision::Denied { by, .. }) if by == "this thread’s settings"),
        "{decision:?}"
    );
    view.quiet().await;
    // A worker keeps what it was told at its start: each setting has one of its own, and both the same session.
    let started: Vec<_> = host
        .script
        .told()
        .into_iter()
        .filter(|told| matches!(told, Told::Started { .. }))
        .collect();
    let start = |resumed| Told::Started {
        thread: "web:a".into(),
        session: "session-1".into(),
        resumed,
    };
    assert_eq!(started, [start(false), start(true)]);
}

#[tokio::test]
async fn what_is_asked_at_the_same_time_can_be_looked_at_together_or_is_denied_and_told() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let half = "x".repeat(crate::timeline::LONGEST_ASKED * 3 / 5);
    let asks = ["c1", "c2"].map(|call| ToolCallUpdate::new(call, wants_to_run(&half).fields));
    let [one, other] = asks;
    host.script
        .prompt_with(vec![Act::AskAndGoOn(one), Act::Ask(other), Act::Forever]);
    let mut view = host.view(&thread).await;
    host.post(&thread, "go").await;
    view.note("with what else it asks at the same time it is longer than 4 MiB")
        .await;
    view.until("the agent is told", |view| !view.answers().is_empty())
        .await;
    assert!(
        view.answers()[0].contains("ask one after the other"),
        "{:?}",
        view.answers()
    );
    assert_eq!(view.phase, ThreadPhase::AwaitingPermission, "the first waits");
}

#[tokio::test]
async fn what_is_asked_in_one_turn_has_a_limit_also_where_nobody_has_to_answer() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let change = conversation::ThreadChange {
        permissions: Some(Some(Permissions::Allow)),
        ..conversation::ThreadChange::default()
    };
    host.supervisor.change(&thread, change).await.unwrap();
    let most = "x".repeat(crate::timeline::LONGEST_ASKED - 100_000);
    let ask = |number: usize| {
        let fields = wants_to_run(&most).fields;
        Act::Ask(ToolCallUpdate::new(format!("c{number}"), fields))
    };
    host.script.prompt_with((0..18).map(ask).collect());
    let mut view = host.view(&thread).await;
    host.post(&thread, "go").await;
    view.quiet().await;
    view.note("what it asked for in this turn is longer than 64 MiB in all")
        .await;
    // The next turn may ask again.
    host.script.prompt_with(vec![ask(99)]);
    host.post(&thread, "again").await;
    view.quiet().await;
    let items = host.conversation.items(&thread, None, 1000).await.unwrap();
    let count = |fits: fn(&Body) -> bool| items.iter().filter(|item| fits(&item.body)).count();
    assert_eq!(count(|body| matches!(body, Body::Permission { .. })), 17);
    assert_eq!(
        count(|body| matches!(body, Body::Note { text, .. } if text.contains("longer than 64 MiB"))),
        2
    );
    let bytes: usize = items.iter().map(|item| item.body.size()).sum();
    assert!(bytes < 72 * 1024 * 1024, "{bytes}");
}

#[tokio::test]
async fn an_agent_that_asks_for_too_much_without_end_is_told_each_time_and_its_thread_a_few_times() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let huge = "x".repeat(crate::timeline::LONGEST_ASKED + 1);
    let asks = (0..20).map(|_| Act::Ask(wants_to_run(&huge)));
    host.script.prompt_with(asks.collect());
    let mut view = host.view(&thread).await;
    host.post(&thread, "go").await;
    view.quiet().await;
    assert_eq!(
        view.answers()
            .concat()
            .matches("too long to be looked at")
            .count(),
        20
    );
    assert_eq!(view.notes("because nobody could look at it"), 16);
}
