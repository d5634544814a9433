//! What is always allowed in a thread: listed, and taken back.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use conversation::{GrantId, ThreadId};
use serde::Deserialize;

use super::gate::Visitor;
use super::pages::Part;
use super::refusal::Refused;
use super::said::Said;
use super::shared::Web;
use super::{people, view};

#[derive(Deserialize)]
pub(crate) struct Forbids {
    /// All, if none is named.
    grant: Option<i64>,
}

/// `GET /api/t/{id}/always`
pub(crate) async fn list(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path(thread): Path<String>,
) -> Result<Json<Part>, Refused> {
    let thread = web.thread(&visitor.person, &thread).await?;
    web.always(&visitor, &thread).await
}

/// `POST /api/t/{id}/forbid`. What is taken back already is no error: it is what was wanted.
pub(crate) async fn forbid(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path(thread): Path<String>,
    Said(Forbids { grant }): Said<Forbids>,
) -> Result<Json<Part>, Refused> {
    let thread = web.thread(&visitor.person, &thread).await?;
    let name = people::name_or(&visitor.person.name, "The owner");
    web.supervisor
        .take_back(&thread, grant.map(GrantId), &visitor.person.user, name)
        .await?;
    web.always(&visitor, &thread).await
}

impl Web {
    async fn always(&self, visitor: &Visitor, thread: &ThreadId) -> Result<Json<Part>, Refused> {
        let grants = self.supervisor.grants(thread).await?;
        let html = view::always(&grants, &Self::viewer_of(visitor, thread));
        Ok(Json(Part { html }))
    }
}
