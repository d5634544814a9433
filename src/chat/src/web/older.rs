//! What of a timeline a page has not got: earlier entries, and all of a long one.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use conversation::{ItemId, Window};
use serde::{Deserialize, Serialize};

use super::gate::Visitor;
use super::refusal::Refused;
use super::shared::Web;
use super::view::{self, ItemEvent};

/// Entries of one look further back.
const OLDER: usize = 50;

/// Bytes of them.
const OLDER_BYTES: usize = 8 * 1024 * 1024;

#[derive(Deserialize)]
pub(crate) struct Before {
    before: i64,
}

#[derive(Serialize)]
pub(crate) struct Older {
    /// In order.
    items: Vec<ItemEvent>,
    /// The id from which on none is missing; 0: there are no older ones.
    from: i64,
}

/// `GET /api/t/{id}/older?before=`
pub(crate) async fn older(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path(thread): Path<String>,
    Query(Before { before }): Query<Before>,
) -> Result<Json<Older>, Refused> {
    let thread = web.watched(&visitor.person, &thread).await?;
    let window = Window {
        entries: OLDER,
        bytes: OLDER_BYTES,
        free: vec![],
    };
    let (items, more) = web.supervisor.older(&thread, ItemId(before), window).await?;
    let viewer = Web::viewer_of(&visitor, &thread);
    let from = items.first().map(|item| item.id).filter(|_| more);
    // They are older than anything that a stream says of them.
    let drawn = view::drawing(view::is_heavy(&items), move || {
        view::item_events(&items, from, &viewer, 0)
    });
    let (items, from) = drawn.await;
    Ok(Json(Older { items, from }))
}

/// An entry, all of it.
#[derive(Serialize)]
pub(crate) struct WholeItem {
    html: String,
}

/// `GET /api/t/{id}/items/{item}`
pub(crate) async fn item(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path((thread, item)): Path<(String, i64)>,
) -> Result<Json<WholeItem>, Refused> {
    let thread = web.watched(&visitor.person, &thread).await?;
    let found = web.supervisor.item(&thread, ItemId(item)).await?;
    let item = found.ok_or_else(|| Refused::nothing("entry"))?;
    let viewer = Web::viewer_of(&visitor, &thread);
    let html = view::drawing(true, move || view::whole(&item, &viewer)).await;
    Ok(Json(WholeItem { html }))
}
