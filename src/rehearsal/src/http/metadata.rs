//! Authorization server metadata (RFC 8414).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::{App, answers};
use crate::ledger::GrantKind;

pub(super) async fn metadata(State(shared): App) -> Response {
    let endpoints = &shared.endpoints;
    let methods = ["none", "client_secret_basic", "client_secret_post"];
    answers::json(
        StatusCode::OK,
        &json!({
            "issuer": endpoints.issuer,
            "authorization_endpoint": endpoints.authorize,
            "token_endpoint": endpoints.token,
            "device_authorization_endpoint": endpoints.device,
            "revocation_endpoint": endpoints.revoke,
            "registration_endpoint": endpoints.register,
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": GrantKind::NAMES,
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": methods,
            "revocation_endpoint_auth_methods_supported": methods,
            "authorization_response_iss_parameter_supported": true,
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            // RFC 9728 §4: where these tokens are good, which is what RFC 8707 lets a client ask for.
            "protected_resources": [endpoints.resource],
        }),
    )
}
