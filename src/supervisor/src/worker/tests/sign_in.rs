//! Agents that want a login before they serve: what the host does by itself, and what it tells people to do.

use super::*;

/// An agent that answers nothing before it was told which key to use, as `codex-acp` does.
const WANTS_KEY: &str = r#"
on_initialize() { answer '{"protocolVersion":1,"agentCapabilities":{"loadSession":true},"authMethods":[{"id":"chatgpt","name":"Login with ChatGPT","description":"opens your browser"},{"id":"codex-api-key","name":"Use CODEX_API_KEY","description":"Requires setting the `CODEX_API_KEY` environment variable."},{"id":"openai-api-key","name":"Use OPENAI_API_KEY","description":"Requires setting the `OPENAI_API_KEY` environment variable."}]}'; }
on_authenticate() { printf '%s\n' "$line" >> authenticated; answer '{}'; }
unless_signed_in() { if [ -e authenticated ]; then "$@"; else fail -32000 'Authentication required'; fi; }
"#;

const AT_START: &str = r#"
on_new() { unless_signed_in answer '{"sessionId":"s1"}'; }
on_load() { unless_signed_in answer '{}'; }
"#;

const AT_PROMPT: &str = r#"on_prompt() { unless_signed_in answer '{"stopReason":"end_turn"}'; }"#;

fn spec(scene: &Scene, functions: &str, variables: &[(&str, &str)]) -> Spec {
    let mut spec = scene.spec(functions);
    let crate::config::AgentKind::External { environment, .. } = &mut spec.agent.kind else {
        panic!("made so above");
    };
    environment.extend(
        variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    spec
}

/// The requests to sign in that the agent got.
fn asked(scene: &Scene) -> Vec<String> {
    let written = std::fs::read_to_string(scene.workspace().join("authenticated")).unwrap_or_default();
    let methods = written.lines().map(|line| {
        let request: serde_json::Value = serde_json::from_str(line).unwrap();
        request["params"]["methodId"].as_str().unwrap().to_owned()
    });
    methods.collect()
}

#[tokio::test]
async fn an_agent_whose_key_is_in_its_env_is_signed_in_with_it_once() {
    let keys = [("CODEX_API_KEY", " "), ("OPENAI_API_KEY", "sk-planted")];
    for (functions, session) in [(AT_START, None), (AT_START, Some("s1")), (AT_PROMPT, None)] {
        let scene = Scene::new();
        let mut spec = spec(&scene, &[WANTS_KEY, functions].concat(), &keys);
        spec.session = session.map(str::to_owned);
        let worker = start(spec, &scene.reaper, scene.sender.clone()).await.unwrap();
        assert_eq!(worker.resumed(), session.is_some());
        let stopped = worker.prompt(hello(), Chosen::default()).await.unwrap();
        assert_eq!(stopped, StopReason::EndTurn);
        assert_eq!(asked(&scene), ["openai-api-key"]);
        assert!(worker.got_prompt());
    }
}

#[tokio::test]
async fn without_its_key_an_agent_is_not_signed_in_and_people_are_told_the_line_to_write() {
    let scene = Scene::new();
    let spec = spec(&scene, &[WANTS_KEY, AT_START].concat(), &[("OPENAI_API_KEY", "")]);
    let error = start(spec, &scene.reaper, scene.sender.clone())
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(asked(&scene), Vec::<String>::new());
    for words in [
        "Authentication required. Fake keeps its own login",
        "in `[agents.fake]`: `env = { CODEX_API_KEY = { from_env = \"CODEX_API_KEY\" } }` or",
        "`env = { OPENAI_API_KEY = { from_env = \"OPENAI_API_KEY\" } }`",
        "sign in with its own program, as the user that runs this host",
        "(Login with ChatGPT: opens your browser)",
    ] {
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[tokio::test]
async fn a_key_that_does_not_sign_in_is_told_and_not_tried_again() {
    let key = [("OPENAI_API_KEY", "sk-planted")];
    for (functions, told) in [
        (
            "on_new() { fail -32000 'Authentication required'; }",
            "is signed in with `OPENAI_API_KEY` of its `env`, and still wants a login",
        ),
        (
            "on_authenticate() { echo \"$line\" >> authenticated; fail -32603 'no such key'; }
             on_new() { fail -32000 'Authentication required'; }",
            "could not be signed in with `OPENAI_API_KEY` of its `env`: no such key",
        ),
    ] {
        let scene = Scene::new();
        let spec = spec(&scene, &[WANTS_KEY, functions].concat(), &key);
        let error = start(spec, &scene.reaper, scene.sender.clone())
            .await
            .unwrap_err();
        assert!(matches!(error, StartError::OwnLogin(_)), "{error:?}");
        let error = error.to_string();
        assert!(
            error.contains(told) && error.contains("in `[agents.fake]`"),
            "{error}"
        );
        assert!(!error.contains("sk-planted"), "{error}");
        assert_eq!(asked(&scene), ["openai-api-key"]);
    }
    let scene = Scene::new();
    let never = "on_prompt() { fail -32000 'Authentication required'; }";
    let spec = spec(&scene, &[WANTS_KEY, never].concat(), &key);
    let worker = start(spec, &scene.reaper, scene.sender.clone()).await.unwrap();
    for _ in 0..2 {
        let error = worker
            .prompt(hello(), Chosen::default())
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("still wants a login"), "{error}");
    }
    assert_eq!(asked(&scene), ["openai-api-key"]);
}

#[tokio::test]
async fn a_login_that_takes_too_long_ends_the_start_in_time() {
    let scene = Scene::new();
    let deaf = "on_authenticate() { :; }";
    let mut spec = spec(
        &scene,
        &[WANTS_KEY, AT_START, deaf].concat(),
        &[("OPENAI_API_KEY", "sk")],
    );
    spec.limits.start = Duration::from_secs(2);
    let error = start(spec, &scene.reaper, scene.sender.clone())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the agent did not answer `authenticate` within 2 s"
    );
}

#[tokio::test]
async fn a_turn_that_is_stopped_while_its_agent_signs_in_is_not_asked_for_again() {
    let slow = r#"
on_prompt() { printf x >> prompted; unless_signed_in answer '{"stopReason":"end_turn"}'; }
on_authenticate() { printf '%s\n' "$line" >> authenticated; }
on_cancel() { answer '{}'; }"#;
    let scene = Scene::new();
    let spec = spec(&scene, &[WANTS_KEY, slow].concat(), &[("OPENAI_API_KEY", "sk")]);
    let worker = start(spec, &scene.reaper, scene.sender.clone()).await.unwrap();
    let stop = async {
        while asked(&scene).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        worker.cancel(Canceller::Person);
    };
    let (stopped, ()) = tokio::join!(worker.prompt(hello(), Chosen::default()), stop);
    assert_eq!(stopped.unwrap(), StopReason::Cancelled);
    let prompted = std::fs::read_to_string(scene.workspace().join("prompted")).unwrap();
    assert_eq!(prompted, "x");
}
