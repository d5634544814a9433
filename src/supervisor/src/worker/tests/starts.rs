//! Starts, and sessions that are taken up.

use super::*;

#[tokio::test]
async fn a_replayed_session_is_not_rendered_and_what_comes_after_it_is() {
    let mut scene = Scene::new();
    let mut spec = scene.spec("on_load() { say replayed; say replayed; answer '{}'; say fresh; }");
    spec.session = Some("s1".into());
    let worker = start(spec, &scene.reaper, scene.sender.clone()).await.unwrap();
    assert!(worker.resumed());
    assert_eq!(said(scene.events.recv().await.unwrap()), "fresh");
}

#[tokio::test]
async fn a_session_that_is_gone_or_cannot_be_loaded_becomes_a_new_one_and_it_is_said() {
    let unable = "on_initialize() { answer '{\"protocolVersion\":1}'; }";
    for functions in [
        "on_load() { say replayed; fail -32002 'no such session'; }",
        unable,
    ] {
        let mut scene = Scene::new();
        let mut spec = scene.spec(functions);
        spec.session = Some("old".into());
        let worker = start(spec, &scene.reaper, scene.sender.clone()).await.unwrap();
        assert_eq!((worker.session(), worker.resumed()), ("s1", false));
        worker.prompt(hello(), Chosen::default()).await.unwrap();
        assert_eq!(said(scene.events.recv().await.unwrap()), "one");
    }
}

#[tokio::test]
async fn a_start_that_fails_says_what_to_do_about_it_and_leaves_nothing() {
    for (functions, wanted) in [
        (
            "on_new() { fail -32000 'sign in first'; }",
            "OwnLogin(\"sign in first. Fake keeps its own login: sign in with its own program, as the user that runs this host\")",
        ),
        ("on_new() { fail -32603 'no model'; }", "Refused(\"no model\")"),
        (
            "on_initialize() { answer '{\"protocolVersion\":9}'; }",
            "Incompatible(\"the agent Fake (`sh`) and this host do not understand each other: `initialize` ended with \
             “Invalid request: unsupported ACP protocol version 9; this endpoint only supports ACP protocol version 1”. This \
             host speaks version 1 of the Agent Client Protocol: install a version of the program that does, or change the \
             agent's command\")",
        ),
        (
            "on_initialize() { answer '{\"protocolVersion\":\"one\"}'; }",
            "Incompatible(\"the agent Fake (`sh`) and this host do not understand each other: `initialize` ended with \
             “Invalid params: initialize.protocolVersion must be a valid ACP protocol version”. This host speaks version 1 of \
             the Agent Client Protocol: install a version of the program that does, or change the agent's command\")",
        ),
        (
            "on_new() { answer '{}'; }",
            "Incompatible(\"the agent Fake (`sh`) and this host do not understand each other: `session/new` ended with \
             “{}”, which is no answer to it (missing field `sessionId`). This host speaks version 1 of the Agent Client \
             Protocol: install a version of the program that does, or change the agent's command\")",
        ),
        (
            "on_initialize() { fail -32000 'sign in first'; }",
            "OwnLogin(\"sign in first. Fake keeps its own login: sign in with its own program, as the user that runs this host\")",
        ),
        (
            "on_initialize() { echo hello; sleep 60; }",
            "Protocol { waiting_for: \"initialize\", words: \"the agent Fake (`sh`) broke the protocol: it sent a line that is not a JSON object: “hello”. Its standard output is for the protocol alone: turn that line off in the agent, or leave it out in `command`, as in `[\\\"sh\\\", \\\"-c\\\", \\\"the-agent | grep --line-buffered '^{'\\\"]`. Its command has to start a program that speaks the Agent Client Protocol\" }",
        ),
        (
            "on_initialize() { echo bad option >&2; exit 3; }",
            "Died { waiting_for: \"initialize\", exit: \"exit code 3\", stderr: \"bad option\" }",
        ),
        (
            "on_new() { kill -9 $$; }",
            "Died { waiting_for: \"session/new\", exit: \"killed by SIGKILL\", stderr: \"\" }",
        ),
    ] {
        let mut scene = Scene::new();
        let error = scene.start(functions).await.unwrap_err();
        // Who runs the test is told, too.
        assert_eq!(
            format!("{error:?}").replace(&crate::worker::sign_in::user(), ""),
            wanted
        );
        assert_eq!(scene.records(), 0);
        assert!(
            scene.events.try_recv().is_err(),
            "a start that failed has no events"
        );
    }
}

#[tokio::test]
async fn an_agent_that_never_answers_is_ended_in_time_with_all_it_started() {
    let scene = Scene::new();
    let mut spec = scene
        .spec("on_initialize() { echo thinking >&2; (setsid sleep 1000 & echo $! > child); sleep 1000; }");
    spec.limits.start = Duration::from_secs(1);
    let error = start(spec, &scene.reaper, scene.sender.clone())
        .await
        .unwrap_err();
    let StartError::Timeout {
        waiting_for: "initialize",
        stderr,
        ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(stderr, "thinking");
    let pid: i32 = std::fs::read_to_string(scene.workspace().join("child"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert!(crate::sweep::process::read(pid).is_none_or(|process| process.is_zombie));
}

#[tokio::test]
async fn a_program_or_workspace_that_is_not_there_is_told_by_its_name() {
    let scene = Scene::new();
    let mut spec = scene.spec("");
    spec.agent.kind = crate::config::AgentKind::External {
        command: vec!["/no/such/agent".into()],
        environment: [].into(),
    };
    let error = start(spec, &scene.reaper, scene.sender.clone())
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("could not start `/no/such/agent`: No such file"),
        "{error}"
    );
    let mut spec = scene.spec("");
    spec.workspace = "/no/such/folder".into();
    let error = start(spec, &scene.reaper, scene.sender.clone())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "could not use the workspace `/no/such/folder`: it is not there"
    );
}

#[tokio::test]
async fn our_own_agent_gets_its_profile_for_this_thread_in_the_first_frame() {
    let scene = Scene::new();
    let mut spec = scene.spec("on_initialize() { printf '%s' \"$line\" > first; fail -32603 enough; }");
    native(&mut spec);
    let folder = spec.session_folder.clone();
    let error = start(spec, &scene.reaper, scene.sender.clone())
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "enough");
    let first = std::fs::read_to_string(scene.workspace().join("first")).unwrap();
    let first: serde_json::Value = serde_json::from_str(&first).unwrap();
    let profile = contract::Profile::from_meta(&first["params"]["_meta"]["agent-host"]).unwrap();
    assert_eq!(profile.session_folder, folder);
    assert_eq!(
        profile.account.unwrap().owner,
        UserId::parse("web:alice").unwrap()
    );
}

#[tokio::test]
async fn a_start_that_fails_says_whether_it_was_the_former_session() {
    for (functions, is_of_load) in [
        ("on_load() { sleep 1000; }", true),
        ("on_load() { exit 3; }", true),
        ("on_load() { echo gone; sleep 1000; }", true),
        ("on_initialize() { exit 3; }", false),
        ("on_initialize() { echo hello; sleep 1000; }", false),
    ] {
        let scene = Scene::new();
        let mut spec = scene.spec(functions);
        spec.session = Some("s1".into());
        spec.limits.start = Duration::from_secs(2);
        let error = start(spec, &scene.reaper, scene.sender.clone())
            .await
            .unwrap_err();
        assert_eq!(error.is_of_load(), is_of_load, "{functions}: {error:?}");
    }
}
