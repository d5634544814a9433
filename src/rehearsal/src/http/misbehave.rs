//! Acting out a fault: what happens before, instead of, or after the real answer.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::response::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::answers;
use crate::counts::Counter;
use crate::faults::Fault;
use crate::state::{Shared, State};
use crate::wire::WireHandle;

/// What a captive portal or a firewall sends where JSON was expected.
const PORTAL: &str = "<!doctype html>\n<html lang=\"en\"><head><title>Sign in to the network</title></head>\n\
    <body><h1>Sign in to the network</h1><p>This page is not what you asked for.</p></body></html>\n";
/// The largest answer the server itself makes is far below this.
const MAX_ANSWER: usize = 1 << 20;

/// A request that was met by a fault, and the means to process it or not.
pub(super) struct Stage {
    shared: Arc<Shared>,
    wire: WireHandle,
    request: Request,
    next: Next,
}

impl Stage {
    pub(super) fn new(shared: Arc<Shared>, wire: WireHandle, request: Request, next: Next) -> Self {
        Self {
            shared,
            wire,
            request,
            next,
        }
    }

    /// Answers as the fault wants it.
    pub(super) async fn act(self, fault: Fault) -> Response {
        match fault {
            Fault::Latency { ms } => {
                tokio::select! {
                    () = tokio::time::sleep(Duration::from_millis(ms)) => self.process().await,
                    () = self.shared.stopped() => cut(&self.wire),
                }
            }
            Fault::Hang => self.hang().await,
            Fault::Drop => cut(&self.wire),
            Fault::Status { .. }
            | Fault::Html { .. }
            | Fault::Redirect { .. }
            | Fault::RefuseEarly { .. } => last(instead(fault)),
            _ => self.after(fault).await,
        }
    }

    /// The faults of answers whose request has had its effect.
    async fn after(self, fault: Fault) -> Response {
        let (shared, wire) = (Arc::clone(&self.shared), self.wire.clone());
        let response = self.process().await;
        match fault {
            Fault::HangAfter => {
                shared.stopped().await;
                cut(&wire)
            }
            Fault::DropAfter => cut(&wire),
            Fault::Drip { bytes_per_second } => {
                wire.drip(bytes_per_second);
                last(response)
            }
            Fault::Truncate => {
                let (parts, bytes) = whole(response).await;
                wire.truncate(bytes.len() / 2);
                last(Response::from_parts(parts, Body::from(bytes)))
            }
            Fault::Hold => {
                let before = held(&shared, |state| state.releases);
                hold(&shared, &wire, response, |state| state.releases != before).await
            }
            Fault::HoldReports { count } => {
                let releases = held(&shared, |state| state.releases);
                let free = |state: &State| {
                    state.ledger.counts.get(Counter::Reports) >= count || state.releases != releases
                };
                hold(&shared, &wire, response, free).await
            }
            fault => edited(response, |object| edit(object, fault)).await,
        }
    }

    async fn process(self) -> Response {
        self.next.run(self.request).await
    }

    /// Ends when the client goes, because then the connection drops this future, or when the server stops.
    async fn hang(self) -> Response {
        tokio::select! {
            () = self.shared.stopped() => cut(&self.wire),
            response = pending() => response,
        }
    }
}

/// Counts an answer as held, and reads the state at that very moment.
fn held<T>(shared: &Shared, view: impl FnOnce(&State) -> T) -> T {
    shared.change(|state| {
        state.ledger.counts.add(Counter::AnswersHeld);
        view(state)
    })
}

async fn hold(
    shared: &Shared,
    wire: &WireHandle,
    response: Response,
    free: impl Fn(&State) -> bool,
) -> Response {
    match shared.until(|state| free(state).then_some(())).await {
        Some(()) => response,
        None => cut(wire),
    }
}

/// The answers that are given without processing the request.
fn instead(fault: Fault) -> Response {
    match fault {
        Fault::Status {
            status,
            retry_after,
            error,
            error_description,
            body,
        } => {
            let mut response = match body {
                Some(Value::String(text)) => text.into_response(),
                Some(value) => answers::json(StatusCode::OK, &value),
                None => answers::json(StatusCode::OK, &error_body(error, error_description)),
            };
            *response.status_mut() = status_of(status);
            if let Some(seconds) = retry_after {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            response
        }
        Fault::Redirect { location, status } => {
            let mut response = status_of(status).into_response();
            if let Ok(location) = HeaderValue::from_str(&location) {
                response.headers_mut().insert(header::LOCATION, location);
            }
            response
        }
        Fault::RefuseEarly { .. } => answers::json(
            StatusCode::BAD_REQUEST,
            &json!({ "error": "invalid_request", "error_description": "token is still valid" }),
        ),
        Fault::Html { status } => (
            status_of(status),
            [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
            PORTAL,
        )
            .into_response(),
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn error_body(error: Option<String>, description: Option<String>) -> Value {
    let mut body = json!({ "error": error.unwrap_or_else(|| "temporarily_unavailable".to_owned()) });
    if let Some(description) = description {
        body["error_description"] = Value::String(description);
    }
    body
}

/// Applies `edit` to a JSON answer; an answer that is not a JSON object stays as it is.
async fn edited(response: Response, edit: impl FnOnce(&mut Map<String, Value>)) -> Response {
    let (parts, bytes) = whole(response).await;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(mut object)) => {
            edit(&mut object);
            answers::json(parts.status, &object)
        }
        _ => Response::from_parts(parts, Body::from(bytes)),
    }
}

fn edit(object: &mut Map<String, Value>, fault: Fault) {
    match fault {
        Fault::Omit { fields } => object.retain(|name, _| !fields.contains(name)),
        Fault::Set { field, value } => {
            object.insert(field, value);
        }
        Fault::Oversize { bytes } => {
            object.insert("padding".to_owned(), Value::String("x".repeat(bytes)));
        }
        _ => {}
    }
}

/// Head and body of an answer.
async fn whole(response: Response) -> (Parts, Bytes) {
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, MAX_ANSWER)
        .await
        .expect("our own answers are short and lie in memory");
    (parts, bytes)
}

/// An answer after which the connection is not used again, because it is under an order.
fn last(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

fn cut(wire: &WireHandle) -> Response {
    wire.cut();
    last(StatusCode::OK.into_response())
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
