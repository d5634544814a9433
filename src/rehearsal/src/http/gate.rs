//! The gate every request passes that is not for the control API: it counts, and lets faults loose.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::misbehave::Stage;
use super::{App, body, model};
use crate::faults::Target;
use crate::ledger::GrantKind;
use crate::moment::Moment;
use crate::state::Asked;
use crate::wire::WireHandle;

/// No OAuth request is longer.
const MAX_BODY: usize = 1 << 20;

/// Reads the whole request, asks the fault table, and answers through the fault it names, or as usual.
pub(super) async fn gate(
    State(shared): App,
    ConnectInfo(wire): ConnectInfo<WireHandle>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let limit = if is_model(parts.uri.path()) {
        model::MAX_BODY
    } else {
        MAX_BODY
    };
    let Ok(bytes) = to_bytes(body, limit).await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large\n").into_response();
    };
    let fault =
        asked(&parts, &bytes).and_then(|asked| shared.change(|state| state.receive(&asked, Moment::now())));
    let request = Request::from_parts(parts, Body::from(bytes));
    match fault {
        None => next.run(request).await,
        Some(fault) => Stage::new(shared, wire, request, next).act(fault).await,
    }
}

/// What a request is about; `None` for pages and unknown paths, which never fail.
fn asked(parts: &Parts, body: &Bytes) -> Option<Asked> {
    let plain = |target| {
        Some(Asked {
            target,
            at_token_endpoint: false,
            refresh_token: None,
        })
    };
    match (parts.uri.path(), &parts.method) {
        ("/token" | "/oauth/token", &Method::POST) => Some(token_request(parts, body)),
        ("/api/accounts/deviceauth/token", _) => plain(Target::DeviceToken),
        ("/device_authorization" | "/api/accounts/deviceauth/usercode", _) => {
            plain(Target::DeviceAuthorization)
        }
        ("/authorize" | "/oauth/authorize", _) => plain(Target::Authorize),
        ("/revoke", _) => plain(Target::Revoke),
        ("/register", _) => plain(Target::Register),
        ("/.well-known/oauth-authorization-server", _) => plain(Target::Metadata),
        ("/resource", _) => plain(Target::Resource),
        (path, _) if is_model(path) => plain(Target::Model),
        _ => None,
    }
}

fn is_model(path: &str) -> bool {
    path.starts_with("/v1/")
}

/// A request whose body or grant type cannot be read is still one at the token endpoint.
fn token_request(parts: &Parts, body: &Bytes) -> Asked {
    let params = body::params(&parts.headers, body);
    let kind = params.as_ref().ok().map(GrantKind::of);
    Asked {
        target: match kind {
            Some(Ok(GrantKind::RefreshToken)) => Target::Refresh,
            Some(Ok(GrantKind::AuthorizationCode)) => Target::Code,
            Some(Ok(GrantKind::DeviceCode)) => Target::DeviceToken,
            Some(Err(_)) | None => Target::Any,
        },
        at_token_endpoint: true,
        refresh_token: params
            .ok()
            .and_then(|params| params.one("refresh_token").map(str::to_owned)),
    }
}
