//! What can be chosen for a thread, for the menu of its agent: asked for when somebody opens it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use supervisor::{Offered, Setting};

use super::gate::Visitor;
use super::refusal::Refused;
use super::shared::Web;
use super::threads::with_agent;
use crate::standing::choices;

#[derive(Deserialize)]
pub(crate) struct Asked {
    /// Another agent than the thread's.
    agent: Option<String>,
}

/// Lists, each in the agent's order; empty where nothing is known. The mode that is chosen is always among them: what the
/// agent offers is not known before it has run.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Choices {
    models: Vec<Entry>,
    modes: Vec<Entry>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Entry {
    /// What is sent back.
    id: String,
    /// For people.
    name: String,
}

/// `GET /api/t/{id}/choices`
pub(crate) async fn list(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path(thread): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Json<Choices>, Refused> {
    let thread = web.thread(&visitor.person, &thread).await?;
    let (now, _) = web.supervisor.subscribe(&thread).await?;
    let served = now.thread.agent.clone();
    let meant = with_agent(now.thread, asked.agent);
    let of = |setting| -> Vec<Entry> {
        let entry = |Offered { id, name }| Entry { id, name };
        let found = choices(&web.supervisor, &meant, setting);
        found.into_iter().map(entry).collect()
    };
    let mut modes = of(Setting::Mode);
    if let Some(chosen) = meant.mode.as_ref().filter(|_| meant.agent == served)
        && modes.iter().all(|mode| mode.id != *chosen)
    {
        let (id, name) = (chosen.clone(), chosen.clone());
        modes.push(Entry { id, name });
    }
    Ok(Json(Choices {
        models: of(Setting::Model),
        modes,
    }))
}
