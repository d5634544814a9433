//! The back channel over HTTP: token and revocation endpoint of the standard dialect.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::{App, answers, body};
use crate::ledger::{Dialect, Refusal, Tokens};
use crate::moment::Moment;
use crate::state::Shared;

pub(super) async fn standard(State(shared): App, headers: HeaderMap, bytes: Bytes) -> Response {
    match redeem(&shared, Dialect::Standard, &headers, &bytes) {
        Ok(tokens) => answers::json(StatusCode::OK, &tokens),
        Err(refusal) => answers::refused(refusal),
    }
}

pub(super) async fn revoke(State(shared): App, headers: HeaderMap, bytes: Bytes) -> Response {
    let revoked = body::params(&headers, &bytes).and_then(|params| {
        let credentials = body::credentials(&headers, &params)?;
        shared.change(|state| state.ledger.revoke(&credentials, &params, Moment::now()))
    });
    match revoked {
        Ok(()) => StatusCode::OK.into_response(),
        Err(refusal) => answers::refused(refusal),
    }
}

/// Reads a token request and lets the ledger answer it.
pub(super) fn redeem(
    shared: &Shared,
    dialect: Dialect,
    headers: &HeaderMap,
    bytes: &Bytes,
) -> Result<Tokens, Refusal> {
    let params = body::params(headers, bytes)?;
    let credentials = body::credentials(headers, &params)?;
    shared.change(|state| state.ledger.token(dialect, &credentials, &params, Moment::now()))
}
