//! How a thread stands, and which model answers in it, in words for every front-end.

use std::fmt::Write as _;

use conversation::Thread;
use credentials::words;
use supervisor::{AgentKind, Snapshot, Supervisor, ThreadPhase};

/// What is said where no model is chosen: what follows, and what to do.
pub(crate) const NO_MODEL: &str = "No model is chosen, here or for the agent, so nothing can be answered. /model and a name choose \
                                   one for this thread; `model` in the agent's section of the configuration chooses one for all.";

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

/// What the agent of a thread offers, as a sentence; `None` for the built-in one, which takes any model.
pub(crate) fn offered(supervisor: &Supervisor, thread: &Thread) -> Option<String> {
    let agent = supervisor.declared().get(&thread.agent)?;
    let AgentKind::External { .. } = agent.kind else {
        return None;
    };
    let title = supervisor.title_of(&thread.agent);
    Some(match supervisor.offer(&thread.agent) {
        None => format!("Which models {title} offers is known once it has run."),
        Some(None) => format!("{title} chooses its model itself."),
        Some(Some(offer)) => format!(
            "{title} offers {}; it used `{}` last.",
            offer.words(),
            offer.current
        ),
    })
}

/// What follows when a model was chosen for a thread.
pub(crate) fn chosen(supervisor: &Supervisor, thread: &Thread, model: &str) -> String {
    if offered(supervisor, thread).is_none() {
        return format!("From the next turn on: the model `{model}`.");
    }
    let title = supervisor.title_of(&thread.agent);
    format!(
        "With the next turn {title} is told to use the model `{model}`. If it does not, that is told here."
    )
}

/// How a thread stands, in lines.
pub(crate) fn standing(supervisor: &Supervisor, now: &Snapshot) -> String {
    let mut answer = match now.phase {
        ThreadPhase::Cold => "Nothing runs; the agent is started with the next message.".to_owned(),
        ThreadPhase::Idle => "Nothing runs; the agent is there.".to_owned(),
        ThreadPhase::Starting => "The agent is being started.".to_owned(),
        ThreadPhase::Waiting => "Waiting for a free place among the workers.".to_owned(),
        ThreadPhase::Working => "A turn runs.".to_owned(),
        ThreadPhase::AwaitingPermission => "A turn runs, and waits for your permission.".to_owned(),
        ThreadPhase::AwaitingLogin => "A turn runs, and waits for a login: /auth".to_owned(),
        ThreadPhase::Stopping => "A turn is being stopped.".to_owned(),
        ThreadPhase::Failed { until: Some(at) } => {
            format!("The agent failed; it is started again at {}.", words::moment(at))
        }
        ThreadPhase::Failed { until: None } => "The agent failed; Retry starts it again.".to_owned(),
    };
    if let Some(doing) = &now.doing {
        let since = words::span(credentials::Timestamp::now().since(doing.since));
        let _ = write!(answer, " It is at: {}, for {since}.", doing.what);
    }
    let model = model(supervisor, &now.thread);
    let named = match model {
        Model::Chosen(name) | Model::OfAgent(name) => name,
        Model::Untold => "its own",
        Model::None => "none",
    };
    let _ = write!(
        answer,
        "\nAgent: {}, model: {named}, waiting: {}",
        supervisor.title_of(&now.thread.agent),
        now.queued.len()
    );
    if model == Model::None {
        let _ = write!(answer, "\n{NO_MODEL}");
    }
    answer
}
