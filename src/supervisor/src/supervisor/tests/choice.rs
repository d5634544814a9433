//! The mode of a thread: typed by a name, left by the agent itself, taken back, and who may have chosen it.

use conversation::Permissions;

use super::*;

/// An agent that keeps its mode with its session, and says it. `agree` makes it leave its mode by itself, `quit` ends it.
const MODES: &str = r#"
modes() { printf '"modes":{"currentModeId":"%s","availableModes":[{"id":"ask","name":"Asks first"},{"id":"plan","name":"Plans"}]}' "$(cat mode)"; }
on_new() { echo ask > mode; answer "{\"sessionId\":\"s1\",$(modes)}"; }
on_load() { answer "{$(modes)}"; }
on_answer() {
  case $line in
    *'"modeId":"plan"'*) echo plan > mode ;;
    *'"modeId":"ask"'*) echo ask > mode ;;
    *) return ;;
  esac
  echo told >> told
  id=${line#*'"id":"'}; id=${id%%'"'*}; answer '{}'
}
on_prompt() {
  case $line in
    *quit*) exit 3 ;;
    *agree*)
      echo ask > mode
      printf '{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s1","update":{"sessionUpdate":"current_mode_update","currentModeId":"ask"}}}\n' ;;
  esac
  say "$(cat mode)"; answer '{"stopReason":"end_turn"}'
}
"#;

fn works_in(mode: Option<&str>) -> ThreadChange {
    ThreadChange {
        mode: Some(mode.map(str::to_owned)),
        ..ThreadChange::default()
    }
}

/// A thread of such an agent, in which this mode was chosen before the agent has run.
async fn works(mode: &str) -> (Host, ThreadId, View) {
    let host = Host::real(tempfile::tempdir().unwrap(), MODES, Limits::default()).await;
    let thread = host.thread("a").await;
    host.supervisor
        .change(&thread, works_in(Some(mode)))
        .await
        .unwrap();
    let view = host.view(&thread).await;
    (host, thread, view)
}

impl Host {
    /// The modes that the agent said it works in, after one more message.
    async fn hears(&self, thread: &ThreadId, view: &mut View, text: &str) -> Vec<String> {
        let before = view.answers().len();
        self.post(thread, text).await;
        view.until("it answers", |view| view.answers().len() > before)
            .await;
        view.quiet().await;
        view.answers().into_iter().map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn a_mode_that_was_typed_by_its_name_is_not_forced_on_an_agent_that_left_it() {
    let (host, thread, mut view) = works("PLANS").await;
    assert_eq!(host.hears(&thread, &mut view, "go").await, ["plan"]);
    host.hears(&thread, &mut view, "agree").await;
    assert_eq!(
        host.hears(&thread, &mut view, "go on").await,
        ["plan", "ask", "ask"]
    );
    let kept = host.conversation.thread(&thread).await.unwrap();
    assert_eq!(kept.mode.as_deref(), Some("ask"));
    let told = host.supervisor.workspace(&thread).await.unwrap().join("told");
    assert_eq!(std::fs::read_to_string(told).unwrap(), "told\n");
    host.supervisor.drain(Duration::ZERO).await;
}

#[tokio::test]
async fn an_agent_goes_back_to_its_own_mode_also_in_a_session_that_a_new_process_takes_up() {
    let (host, thread, mut view) = works("plan").await;
    assert_eq!(host.hears(&thread, &mut view, "go").await, ["plan"]);
    let own = async || host.conversation.thread(&thread).await.unwrap().own_mode;
    let kept = own().await;
    host.post(&thread, "quit").await;
    view.note("The turn was cut").await;
    view.quiet().await;
    host.supervisor.change(&thread, works_in(None)).await.unwrap();
    assert_eq!(host.hears(&thread, &mut view, "go on").await, ["plan", "ask"]);
    assert_eq!(kept.as_deref(), Some("ask"), "it outlives process and host");
    assert_eq!(own().await, None, "it has gone back");
    assert!(view.find_note("mode").is_none());
    host.supervisor.drain(Duration::ZERO).await;
}

#[tokio::test]
async fn what_is_tightened_takes_back_a_mode_that_anybody_may_have_chosen() {
    for permissions in [Permissions::Ask, Permissions::Deny] {
        let (host, thread, mut view) = works("plan").await;
        let tightened = ThreadChange {
            permissions: Some(Some(permissions)),
            ..ThreadChange::default()
        };
        let changed = host.supervisor.change(&thread, tightened.clone()).await.unwrap();
        assert_eq!((changed.mode, changed.permissions), (None, Some(permissions)));
        view.note("so the mode `plan` is no longer chosen").await;
        // Chosen since, it stays.
        host.supervisor
            .change(&thread, works_in(Some("plan")))
            .await
            .unwrap();
        let changed = host.supervisor.change(&thread, tightened).await.unwrap();
        assert_eq!(changed.mode.as_deref(), Some("plan"));
        host.supervisor.drain(Duration::ZERO).await;
    }
}
