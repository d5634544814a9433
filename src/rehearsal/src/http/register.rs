//! Dynamic client registration over HTTP (RFC 7591 §3).

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{App, answers};
use crate::ledger::{Refusal, Registration};
use crate::moment::Moment;

pub(super) async fn register(State(shared): App, bytes: Bytes) -> Response {
    let registered = serde_json::from_slice::<Registration>(&bytes)
        .map_err(|_| Refusal::InvalidClientMetadata("the body is not client metadata"))
        .and_then(|registration| shared.change(|state| state.ledger.register(registration, Moment::now())));
    match registered {
        Ok(registered) => answers::json(StatusCode::CREATED, &registered),
        Err(refusal) => answers::refused(refusal),
    }
}
