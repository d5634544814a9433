//! A protected resource: shows whom an access token speaks for (RFC 6750).

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::json;

use super::{App, answers};
use crate::moment::Moment;

pub(super) async fn resource(State(shared): App, headers: HeaderMap) -> Response {
    let token = bearer(&headers).unwrap_or_default();
    match shared.change(|state| state.ledger.introspect(token, Moment::now())) {
        Some(bearer) => answers::json(StatusCode::OK, &bearer),
        None => denied(),
    }
}

/// The token of an Authorization header (RFC 6750 §2.1).
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

fn denied() -> Response {
    let body = json!({
        "error": "invalid_token",
        "error_description": "the access token is missing, unknown, expired or revoked",
    });
    let mut response = answers::json(StatusCode::UNAUTHORIZED, &body);
    response.headers_mut().insert(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static("Bearer error=\"invalid_token\""),
    );
    response
}
