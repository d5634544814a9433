//! The back channel in the `codex` vendor's words: other paths, bodies and errors, the same ledger.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::json;
use url::Url;

use super::body::BodyKind;
use super::{App, answers, body, token};
use crate::ledger::{Dialect, GrantKind, Refusal};
use crate::moment::Moment;

/// Codes come as a form and refreshes as JSON; anything else is refused, because the real server is as particular.
pub(super) async fn token(State(shared): App, headers: HeaderMap, bytes: Bytes) -> Response {
    let answered =
        body_fits(&headers, &bytes).and_then(|()| token::redeem(&shared, Dialect::Codex, &headers, &bytes));
    match answered {
        Ok(tokens) => answers::json(StatusCode::OK, &tokens),
        Err(refusal) => refused(refusal),
    }
}

/// Begins a device flow.
pub(super) async fn user_code(State(shared): App, headers: HeaderMap, bytes: Bytes) -> Response {
    let begun = json_params(&headers, &bytes).and_then(|params| {
        let client_id = params
            .one("client_id")
            .ok_or(Refusal::InvalidClient("client_id is missing"))?;
        shared.change(|state| state.ledger.start_codex_device(client_id, Moment::now()))
    });
    match begun {
        Ok(start) => answers::json(
            StatusCode::OK,
            &json!({
                "device_auth_id": start.device_code,
                "user_code": start.user_code,
                "interval": start.interval.to_string(),
            }),
        ),
        Err(refusal) => refused(refusal),
    }
}

/// Polls a device flow: 403 while nobody has decided.
pub(super) async fn device_token(State(shared): App, headers: HeaderMap, bytes: Bytes) -> Response {
    let polled = json_params(&headers, &bytes).and_then(|params| {
        let missing = Refusal::InvalidRequest("device_auth_id and user_code are both needed");
        let device_auth_id = params.one("device_auth_id").ok_or(missing)?;
        let user_code = params.one("user_code").ok_or(missing)?;
        let redirect =
            Url::parse(&shared.endpoints.codex.device_redirect).map_err(|_| Refusal::InvalidRedirectUri)?;
        shared.change(|state| {
            state
                .ledger
                .poll_codex_device(device_auth_id, user_code, &redirect, Moment::now())
        })
    });
    match polled {
        Ok(poll) => answers::json(StatusCode::OK, &poll),
        Err(refusal) => refused(refusal),
    }
}

fn body_fits(headers: &HeaderMap, bytes: &Bytes) -> Result<(), Refusal> {
    let kind = BodyKind::of(headers);
    match GrantKind::of(&body::params(headers, bytes)?)? {
        GrantKind::RefreshToken if kind != Some(BodyKind::Json) => {
            Err(Refusal::InvalidRequest("a refresh must be JSON here"))
        }
        GrantKind::AuthorizationCode if kind != Some(BodyKind::Form) => {
            Err(Refusal::InvalidRequest("a code exchange must be a form here"))
        }
        GrantKind::DeviceCode => Err(Refusal::UnsupportedGrantType),
        _ => Ok(()),
    }
}

fn json_params(headers: &HeaderMap, bytes: &Bytes) -> Result<crate::params::Params, Refusal> {
    match BodyKind::of(headers) {
        Some(BodyKind::Json) => body::params(headers, bytes),
        _ => Err(Refusal::InvalidRequest("the body must be JSON here")),
    }
}

/// A dead refresh token is a 401, a pending device a 403; the code stands inside `error`.
fn refused(refusal: Refusal) -> Response {
    let status = match refusal {
        refusal if refusal.codex_code().is_some() => StatusCode::UNAUTHORIZED,
        Refusal::AuthorizationPending => StatusCode::FORBIDDEN,
        refusal => StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST),
    };
    let code = refusal.codex_code().unwrap_or_else(|| refusal.code());
    let body = json!({ "error": { "code": code, "message": refusal.to_string() } });
    answers::json(status, &body)
}
