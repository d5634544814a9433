//! `/auth`: signing in and out, for the eyes of one user only.

use std::sync::Arc;

use conversation::ThreadId;
use serde_json::{Value, json};

use super::asker::Asker;
use super::bot::Bot;
use super::commands::Typed;
use super::custom_id::Action;
use super::rest::Outgoing;

/// The field of the form that takes a code or a key.
pub(super) const FIELD: &str = "code";

pub(super) fn command(_bot: &Bot) -> Value {
    json!({ "type": 1, "name": "auth", "description": "Sign in and out", "options": [] })
}

pub(super) async fn typed(bot: &Arc<Bot>, asker: &Asker, _typed: &Typed<'_>) {
    asker.answer(bot, Outgoing::words("soon"), true).await;
}

pub(super) async fn pressed(
    bot: &Arc<Bot>,
    asker: &Asker,
    _thread: &ThreadId,
    _action: &Action,
    _pasted: Option<String>,
) {
    asker.tell(bot, "soon").await;
}
