//! A model that was chosen: refused by the agent, or only not settled.

use super::*;

/// An agent that offers two models in a new session; `on_choice` is asked for one.
const OFFERS: &str = r#"
models='"models":{"currentModelId":"m-0","availableModels":[{"modelId":"m-0"},{"modelId":"m-1"}]}'
on_new() { answer "{\"sessionId\":\"s1\",$models}"; }
on_answer() {
  case $line in
    *'"method":"session/set_model"'*) id=${line#*'"id":"'}; id=${id%%'"'*}; on_choice ;;
  esac
}
on_choice() { answer '{}'; }
"#;

/// What an agent with these functions tells where `m-1` was chosen, and how its prompt ends.
async fn chosen(
    functions: &str,
    session: Option<&str>,
) -> (Vec<Event>, Result<StopReason, PromptError>, bool) {
    let mut scene = Scene::new();
    let mut spec = scene.spec(&format!("{OFFERS}\n{functions}"));
    spec.session = session.map(str::to_owned);
    spec.limits.start = Duration::from_secs(3);
    let worker = start(spec, &scene.reaper, scene.sender.clone()).await.unwrap();
    let wanted = Chosen {
        model: Some("m-1".into()),
        ..Chosen::default()
    };
    let ended = worker.prompt(hello(), wanted).await;
    let got_prompt = worker.got_prompt();
    worker.end(Duration::from_millis(200)).await;
    let mut told = Vec::new();
    while let Ok(event) = scene.events.try_recv() {
        told.push(event);
    }
    (told, ended, got_prompt)
}

#[tokio::test]
async fn only_the_agents_own_no_is_a_refusal() {
    for (functions, session, refused, why) in [
        (
            "on_choice() { fail -32603 'not in your plan'; }",
            None,
            true,
            "not in your plan",
        ),
        ("on_choice() { fail -32000 'sign in'; }", None, false, "sign in"),
        ("on_choice() { :; }", None, false, "in time"),
        ("", Some("s1"), false, "named no models"),
        ("models='\"x\":0'", None, true, "chooses its model itself"),
    ] {
        let (told, ended, _) = chosen(functions, session).await;
        assert_eq!(ended.unwrap(), StopReason::EndTurn, "{functions}");
        let found = told.iter().find_map(|event| match event {
            Event::NotTaken(_, why) => Some((true, why)),
            Event::Unsettled(_, why) => Some((false, why)),
            _ => None,
        });
        let found = found.expect(functions);
        assert!(
            found.0 == refused && found.1.contains(why),
            "{functions}: {found:?}"
        );
    }
    let (told, ended, _) = chosen("", None).await;
    assert_eq!(ended.unwrap(), StopReason::EndTurn);
    assert!(matches!(&told[0], Event::Update(_)), "{told:?}");
}

#[tokio::test]
async fn an_agent_that_dies_when_it_is_told_has_refused_nothing_and_got_no_prompt() {
    let (told, ended, got_prompt) = chosen("on_choice() { exit 3; }", None).await;
    assert!(matches!(ended, Err(PromptError::Gone)), "{ended:?}");
    assert!(!got_prompt);
    assert!(
        !told
            .iter()
            .any(|event| matches!(event, Event::NotTaken(..) | Event::Unsettled(..))),
        "{told:?}"
    );
}

#[tokio::test]
async fn what_an_agent_announces_while_it_takes_up_a_session_is_what_that_offers() {
    let functions = r#"
options() { printf '"configOptions":[{"id":"model","name":"Model","category":"model","type":"select","currentValue":"%s","options":[{"value":"m-0","name":"m-0"},{"value":"m-1","name":"m-1"}]}]' "$1"; }
on_load() {
  printf '{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s1","update":{"sessionUpdate":"config_option_update",%s}}}\n' "$(options m-0)"
  answer '{}'
}
on_answer() {
  case $line in
    *'"method":"session/set_config_option"'*)
      id=${line#*'"id":"'}; id=${id%%'"'*}; answer "{$(options m-1)}"; on_prompt() { say told; answer '{"stopReason":"end_turn"}'; } ;;
  esac
}
"#;
    let (told, ended, _) = chosen(functions, Some("s1")).await;
    assert_eq!(ended.unwrap(), StopReason::EndTurn);
    let first = told.into_iter().next().unwrap();
    assert_eq!(said(first), "told");
}
