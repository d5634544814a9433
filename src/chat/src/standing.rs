//! How a thread stands, and which model answers in it, in words for every front-end.

use std::fmt::Write as _;

use conversation::Thread;
use credentials::{Timestamp, words};
use supervisor::{AgentKind, Doing, Offered, Setting, Snapshot, Supervisor, SupervisorError, ThreadPhase};

/// What is said where no model is chosen: what follows, and what to do.
pub(crate) const NO_MODEL: &str = "No model is chosen, here or for the agent, so nothing can be answered. /model and a name choose \
                                   one for this thread; `model` in the agent's section of the configuration chooses one for all.";

/// What goes back to what the agent chooses itself.
pub(crate) const DEFAULT: &str = "default";

/// The model that answers in a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Model<'a> {
    /// It was chosen for the thread.
    Chosen(&'a str),
    /// Of the agent.
    OfAgent(&'a str),
    /// Somebody else's agent does not say which.
    Untold,
    /// None: a turn fails.
    None,
}

/// The model that answers in a thread.
pub(crate) fn model<'a>(supervisor: &'a Supervisor, thread: &'a Thread) -> Model<'a> {
    if let Some(chosen) = &thread.model {
        return Model::Chosen(chosen);
    }
    match supervisor.declared().get(&thread.agent).map(|agent| &agent.kind) {
        Some(AgentKind::Native(profile)) => profile.model.as_deref().map_or(Model::None, Model::OfAgent),
        Some(AgentKind::External { .. }) | None => Model::Untold,
    }
}

/// Whether the agent of a thread is somebody else's, which says itself what there is to choose from.
fn is_foreign(supervisor: &Supervisor, thread: &Thread) -> bool {
    let agent = supervisor.declared().get(&thread.agent);
    agent.is_some_and(|agent| matches!(agent.kind, AgentKind::External { .. }))
}

/// What the agent of a thread offers, as a sentence; `None` for the built-in one, which takes any model and has no modes.
pub(crate) fn offered(supervisor: &Supervisor, thread: &Thread, setting: Setting) -> Option<String> {
    if !is_foreign(supervisor, thread) {
        return None;
    }
    let title = supervisor.title_of(&thread.agent);
    let Some(offers) = supervisor.offers(&thread.agent) else {
        return Some(format!(
            "Which {setting}s {title} offers is known once it has run."
        ));
    };
    Some(match offers.of(setting) {
        None => format!("{title} chooses its {setting} itself."),
        Some(offer) => format!(
            "{title} offers {}; it used `{}` last.",
            offer.words(),
            offer.current
        ),
    })
}

/// What follows when a model or a mode was chosen for a thread.
pub(crate) fn chosen(supervisor: &Supervisor, thread: &Thread, setting: Setting, name: &str) -> String {
    if !is_foreign(supervisor, thread) {
        return format!("From the next turn on: the {setting} `{name}`.");
    }
    let title = supervisor.title_of(&thread.agent);
    format!(
        "With the next turn {title} is told to use the {setting} `{name}`. If it does not, that is told here."
    )
}

/// What somebody means who names it: `None` is the agent's own.
pub(crate) fn wanted(
    supervisor: &Supervisor,
    thread: &Thread,
    setting: Setting,
    name: String,
) -> Option<String> {
    // Some agents have one of this name.
    let is_own = name == DEFAULT
        && choices(supervisor, thread, setting)
            .iter()
            .all(|entry| entry.id != name);
    (!is_own).then_some(name)
}

/// What can be chosen for a thread: what its agent offers, as far as is known; of the built-in one the model that it is set to.
pub(crate) fn choices(supervisor: &Supervisor, thread: &Thread, setting: Setting) -> Vec<Offered> {
    let offers = supervisor.offers(&thread.agent);
    if let Some(offer) = offers.as_ref().and_then(|offers| offers.of(setting)) {
        return offer.entries.clone();
    }
    match (
        setting,
        supervisor.declared().get(&thread.agent).map(|agent| &agent.kind),
    ) {
        (Setting::Model, Some(AgentKind::Native(profile))) => {
            let entry = |name: &String| Offered {
                id: name.clone(),
                name: name.clone(),
            };
            profile.model.iter().map(entry).collect()
        }
        _ => vec![],
    }
}

/// How a thread stands, in lines. `decider`: who may allow what its agent asks for, as in "waits for … permission".
///
/// Errors: what needs attention can't be read.
pub(crate) async fn standing(
    supervisor: &Supervisor,
    now: &Snapshot,
    decider: &str,
) -> Result<String, SupervisorError> {
    let mut answer = sentence(now.phase, now.doing.as_ref(), Timestamp::now(), decider);
    let model = model(supervisor, &now.thread);
    let named = match model {
        Model::Chosen(name) | Model::OfAgent(name) => name.to_owned(),
        Model::Untold => match supervisor.model_of(&now.thread) {
            Some(name) => format!("its own, {name}"),
            None => "its own".to_owned(),
        },
        Model::None => "none".to_owned(),
    };
    let mode = now.thread.mode.as_ref();
    let mode = mode.map(|mode| format!(" Mode: {mode}.")).unwrap_or_default();
    let _ = write!(
        answer,
        "\nAgent: {}. Model: {named}.{mode} Messages that wait: {}.",
        supervisor.title_of(&now.thread.agent),
        now.queued.len()
    );
    if model == Model::None {
        let _ = write!(answer, "\n{NO_MODEL}");
    }
    for one in supervisor.attention_of(&now.thread.id).await? {
        let _ = write!(answer, "\nNeeds attention: {}.", one.what.trim_end_matches('.'));
        if let Some(here) = one.here {
            let _ = write!(answer, " {here}");
        }
    }
    Ok(answer)
}

/// What the thread is at.
fn sentence(phase: ThreadPhase, doing: Option<&Doing>, now: Timestamp, decider: &str) -> String {
    let runs = doing.map_or_else(
        || "A turn runs".to_owned(),
        |doing| {
            format!(
                "A turn has been running for {}",
                words::span(now.since(doing.since))
            )
        },
    );
    match phase {
        ThreadPhase::Cold => "Nothing runs. The agent starts with the next message.".to_owned(),
        ThreadPhase::Idle => "Nothing runs. The agent is ready.".to_owned(),
        ThreadPhase::Starting => "The agent is being started.".to_owned(),
        ThreadPhase::Waiting => "This thread waits for a free place among the workers.".to_owned(),
        ThreadPhase::Working => match doing.map(|doing| doing.what.trim_end_matches('.')) {
            None | Some("") => format!("{runs}."),
            Some(what) => match what.strip_prefix("waiting: ") {
                Some(cause) => format!("{runs} and waits: {cause}."),
                None => format!("{runs}: {what}."),
            },
        },
        ThreadPhase::AwaitingPermission => format!("{runs} and waits for {decider} permission."),
        ThreadPhase::AwaitingLogin => format!("{runs} and waits for a sign-in. `/auth` begins it."),
        ThreadPhase::Stopping => "The turn is being stopped.".to_owned(),
        ThreadPhase::Failed { until: Some(at) } => {
            format!("The agent failed. It is started again at {}.", words::moment(at))
        }
        ThreadPhase::Failed { until: None } => "The agent failed. Retry starts it again.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use conversation::{Dispatch, TurnId};

    use super::*;

    #[test]
    fn each_state_is_a_sentence() {
        let began = Timestamp::from_seconds(1000);
        let now = began.plus(Duration::from_secs(4));
        let doing = |what: &str| Doing {
            turn: TurnId(1),
            what: what.to_owned(),
            since: began,
            dispatch: Dispatch::Queue,
        };
        let login = "waiting: a login is needed";
        for (phase, what, words) in [
            (
                ThreadPhase::Cold,
                None,
                "Nothing runs. The agent starts with the next message.",
            ),
            (ThreadPhase::Idle, None, "Nothing runs. The agent is ready."),
            (ThreadPhase::Starting, None, "The agent is being started."),
            (
                ThreadPhase::Waiting,
                None,
                "This thread waits for a free place among the workers.",
            ),
            (ThreadPhase::Working, None, "A turn runs."),
            (
                ThreadPhase::Working,
                Some("thinking"),
                "A turn has been running for 4 s: thinking.",
            ),
            (
                ThreadPhase::Working,
                Some("waiting: the provider is overloaded (503)"),
                "A turn has been running for 4 s and waits: the provider is overloaded (503).",
            ),
            (
                ThreadPhase::AwaitingPermission,
                Some("waiting: a permission is needed"),
                "A turn has been running for 4 s and waits for <@7>’s permission.",
            ),
            (
                ThreadPhase::AwaitingLogin,
                Some(login),
                "A turn has been running for 4 s and waits for a sign-in. `/auth` begins it.",
            ),
            (
                ThreadPhase::Stopping,
                Some("thinking"),
                "The turn is being stopped.",
            ),
            (
                ThreadPhase::Failed { until: None },
                None,
                "The agent failed. Retry starts it again.",
            ),
        ] {
            let doing = what.map(doing);
            assert_eq!(sentence(phase, doing.as_ref(), now, "<@7>’s"), words);
        }
        let again = sentence(ThreadPhase::Failed { until: Some(now) }, None, now, "your");
        assert!(
            again.starts_with("The agent failed. It is started again at ") && again.ends_with('.'),
            "{again}"
        );
    }
}
