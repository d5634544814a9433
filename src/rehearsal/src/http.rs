//! The HTTP face: routes, and the layers every request passes (fault gate, `Date`, guard of the control API).

mod answers;
mod authorize;
mod body;
mod codex;
mod control;
mod device;
mod gate;
mod guard;
mod metadata;
mod misbehave;
mod model;
mod register;
mod resource;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};

use crate::moment::Moment;
use crate::pages;
use crate::state::Shared;

/// What handlers get as their state.
type App = State<Arc<Shared>>;

/// All routes of a server.
pub(crate) fn router(shared: &Arc<Shared>) -> Router {
    let gate = middleware::from_fn_with_state(Arc::clone(shared), gate::gate);
    let date = middleware::from_fn_with_state(Arc::clone(shared), date);
    Router::new()
        .route("/", get(home))
        .route("/.well-known/oauth-authorization-server", get(metadata::metadata))
        .route("/authorize", get(authorize::show).post(authorize::submit))
        .route("/code", get(authorize::code_page))
        .route("/token", post(token::standard))
        .route("/revoke", post(token::revoke))
        .route("/register", post(register::register))
        .route("/resource", get(resource::resource))
        .route("/device_authorization", post(device::start))
        .route("/device", get(device::show).post(device::submit))
        .route(
            "/oauth/authorize",
            get(authorize::show_codex).post(authorize::submit_codex),
        )
        .route("/oauth/token", post(codex::token))
        .route("/api/accounts/deviceauth/usercode", post(codex::user_code))
        .route("/api/accounts/deviceauth/token", post(codex::device_token))
        .route("/deviceauth/callback", get(authorize::code_page))
        .route("/codex/device", get(device::show).post(device::submit))
        .nest("/v1", model::router())
        .layer(gate)
        .nest("/control", control::router())
        .fallback(not_found)
        .layer(date)
        .with_state(Arc::clone(shared))
}

async fn home(State(shared): App) -> Response {
    let counts = shared.look(|state| state.ledger.counts.clone());
    answers::page(StatusCode::OK, pages::home(&shared.endpoints, &counts), None)
}

async fn not_found() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "nothing here\n")
}

/// Sends the time with every answer: the true one, unless the control skews it.
async fn date(State(shared): App, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let skew = shared.look(|state| state.ledger.settings.date_skew_seconds);
    if let Ok(date) = HeaderValue::from_str(&Moment::now().http_date(skew)) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}
