//! The control API over HTTP: the same operations as [`Control`], one path each.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::{App, answers, guard};
use crate::control::{Control, ControlError, Decision};
use crate::counts::Counter;
use crate::faults::FaultRule;
use crate::settings::SettingsChange;
use crate::state::Shared;

/// The longest a client may wait for a counter.
const MAX_WAIT: Duration = Duration::from_mins(10);

/// The routes below `/control`.
pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/counts", get(counts))
        .route("/wait", get(wait))
        .route("/report", post(report))
        .route("/model-requests", get(model_requests))
        .route("/model-callers", get(model_callers))
        .route("/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/release", post(release))
        .route("/expire", post(expire))
        .route("/revoke-families", post(revoke_families))
        .route("/settings", post(settings))
        .route("/approve-device", post(approve_device))
        .route("/authorize", post(authorize))
        .route("/reset", post(reset))
        .layer(middleware::from_fn(guard::guard))
}

#[derive(Deserialize)]
struct Wait {
    counter: String,
    at_least: u64,
    #[serde(default = "twenty_seconds")]
    timeout_ms: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    caller: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviceDecision {
    user_code: String,
    #[serde(default)]
    user: String,
    #[serde(default = "approve")]
    decision: Decision,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Authorize {
    url: String,
    #[serde(default)]
    user: String,
    #[serde(default = "approve")]
    decision: Decision,
}

async fn counts(State(shared): App) -> Response {
    answers::json(StatusCode::OK, &control(shared).counts())
}

async fn wait(State(shared): App, Query(wait): Query<Wait>) -> Response {
    let Some(counter) = Counter::named(&wait.counter) else {
        let known: Vec<&str> = Counter::ALL.into_iter().map(Counter::name).collect();
        let body = json!({ "error": "unknown_counter", "known": known });
        return answers::json(StatusCode::NOT_FOUND, &body);
    };
    let timeout = Duration::from_millis(wait.timeout_ms).min(MAX_WAIT);
    match control(shared).wait(counter, wait.at_least, timeout).await {
        Ok(value) => answers::json(
            StatusCode::OK,
            &json!({ "counter": counter.name(), "value": value }),
        ),
        Err(error) => failed(&error),
    }
}

async fn report(State(shared): App, Json(report): Json<Report>) -> Response {
    control(shared).report(&report.caller);
    done()
}

async fn model_requests(State(shared): App) -> Response {
    answers::json(StatusCode::OK, &control(shared).model_requests())
}

async fn model_callers(State(shared): App) -> Response {
    answers::json(StatusCode::OK, &control(shared).model_callers())
}

async fn faults(State(shared): App) -> Response {
    answers::json(StatusCode::OK, &control(shared).faults())
}

async fn add_fault(State(shared): App, Json(rule): Json<FaultRule>) -> Response {
    match control(shared).add_fault(rule) {
        Ok(()) => done(),
        Err(error) => failed(&error),
    }
}

async fn clear_faults(State(shared): App) -> Response {
    control(shared).clear_faults();
    done()
}

async fn release(State(shared): App) -> Response {
    control(shared).release();
    done()
}

async fn expire(State(shared): App) -> Response {
    control(shared).expire();
    done()
}

async fn revoke_families(State(shared): App) -> Response {
    control(shared).revoke_families();
    done()
}

async fn settings(State(shared): App, Json(change): Json<SettingsChange>) -> Response {
    control(shared).set(change);
    done()
}

async fn approve_device(State(shared): App, Json(asked): Json<DeviceDecision>) -> Response {
    match control(shared).decide_device(&asked.user_code, &asked.user, asked.decision) {
        Ok(()) => done(),
        Err(error) => failed(&error),
    }
}

async fn authorize(State(shared): App, Json(asked): Json<Authorize>) -> Response {
    match control(shared).authorize(&asked.url, &asked.user, asked.decision) {
        Ok(url) => answers::json(StatusCode::OK, &json!({ "redirect": url })),
        Err(error) => failed(&error),
    }
}

async fn reset(State(shared): App) -> Response {
    control(shared).reset();
    done()
}

fn control(shared: Arc<Shared>) -> Control {
    Control::new(shared)
}

fn done() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

fn failed(error: &ControlError) -> Response {
    let (status, code) = match error {
        ControlError::NotYet { .. } => (StatusCode::REQUEST_TIMEOUT, "not_yet"),
        ControlError::BadFault(_) => (StatusCode::BAD_REQUEST, "bad_fault"),
        ControlError::NotAuthorize | ControlError::Refused(_) => {
            (StatusCode::BAD_REQUEST, "bad_authorization_request")
        }
        ControlError::NoSuchDevice => (StatusCode::NOT_FOUND, "no_such_device"),
    };
    let body = json!({ "error": code, "error_description": error.to_string() });
    answers::json(status, &body)
}

fn twenty_seconds() -> u64 {
    20_000
}

fn approve() -> Decision {
    Decision::Approve
}
