//! The model over HTTP: the bearer is checked, the request is recorded, and the answer streams.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream;
use serde_json::{Value, json};

use super::{App, answers, resource};
use crate::counts::Counter;
use crate::model::{
    Act, Asked, Beat, Call, Format, MODELS, ModelRequest, Refusal, Writer, fingerprint, play, too_long,
};
use crate::moment::Moment;
use crate::state::Shared;

/// The longest request: a long conversation with pictures.
pub(super) const MAX_BODY: usize = 32 << 20;

/// Who asks, as far as the bearer says.
struct Caller {
    name: String,
    generation: u64,
}

/// The routes below `/v1`.
pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/responses", post(responses))
        .route("/chat/completions", post(chat))
        .route("/models", get(models))
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

async fn responses(State(shared): App, headers: HeaderMap, body: Bytes) -> Response {
    answer(shared, Format::Responses, &headers, &body).await
}

async fn chat(State(shared): App, headers: HeaderMap, body: Bytes) -> Response {
    answer(shared, Format::Chat, &headers, &body).await
}

async fn models(State(shared): App, headers: HeaderMap) -> Response {
    if caller(&shared, &headers).is_none() {
        return denied(&shared);
    }
    let models: Vec<Value> = MODELS
        .iter()
        .map(|name| json!({ "id": name, "object": "model", "created": 0, "owned_by": "agent-host" }))
        .collect();
    answers::json(StatusCode::OK, &json!({ "object": "list", "data": models }))
}

async fn answer(shared: Arc<Shared>, format: Format, headers: &HeaderMap, body: &Bytes) -> Response {
    shared.change(|state| state.ledger.counts.add(Counter::ModelRequests));
    let Some(caller) = caller(&shared, headers) else {
        return denied(&shared);
    };
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return error(
            StatusCode::BAD_REQUEST,
            "invalid_json",
            None,
            "the body is not JSON",
        );
    };
    let asked = Asked::read(format, &value);
    let request = fingerprint(&caller.name, body);
    let record = ModelRequest {
        path: format.path().to_owned(),
        caller: caller.name,
        generation: caller.generation,
        body: value,
    };
    shared.change(|state| {
        if let Ok(asked) = &asked {
            state.requests.question(&asked.text);
        }
        state.requests.record(record, body.len());
    });
    let asked = match asked {
        Ok(asked) => asked,
        Err(refusal) => return refused(&refusal),
    };
    if let Some(refusal) = shared.change(|state| {
        let limit = state.ledger.settings.context_tokens?;
        let refusal = too_long(format, body.len(), limit)?;
        state.ledger.counts.add(Counter::ModelTooLong);
        Some(refusal)
    }) {
        return refused(&refusal);
    }
    let act = shared.change(|state| {
        let act = play(&asked, state.requests.failed(request));
        match act {
            Act::Fail { .. } | Act::Answer { is_cut: true, .. } => state.requests.fail(request),
            Act::Answer { is_cut: false, .. } => state.requests.succeed(request),
        }
        act
    });
    match act {
        Act::Fail { status, retry_after } => failed(&shared, status, retry_after),
        Act::Answer { wait, beats, is_cut } => {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = shared.stopped() => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
            }
            let writer = Writer::new(format, &asked, &request.id(), body.len());
            Telling::new(shared, writer, &asked, beats, is_cut)
                .respond(asked.streams)
                .await
        }
    }
}

/// Who asks: only bearers that this server issued, or the configured key.
fn caller(shared: &Shared, headers: &HeaderMap) -> Option<Caller> {
    let token = resource::bearer(headers)?;
    if shared.is_model_key(token) {
        return Some(Caller {
            name: "key".to_owned(),
            generation: 0,
        });
    }
    let bearer = shared.look(|state| state.ledger.bearer(token, Moment::now()))?;
    Some(Caller {
        name: bearer.sub,
        generation: bearer.generation,
    })
}

fn denied(shared: &Shared) -> Response {
    shared.change(|state| state.ledger.counts.add(Counter::ModelDenied));
    let words = "the access token is missing, unknown, expired or revoked";
    let mut response = error(StatusCode::UNAUTHORIZED, "invalid_api_key", None, words);
    response.headers_mut().insert(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static("Bearer error=\"invalid_token\""),
    );
    response
}

/// A failure that the script asked for.
fn failed(shared: &Shared, status: u16, retry_after: Option<u64>) -> Response {
    if status == StatusCode::UNAUTHORIZED.as_u16() {
        return denied(shared);
    }
    let code = match status {
        429 => "rate_limit_exceeded",
        500..=599 => "server_error",
        _ => "invalid_request",
    };
    let words = format!("the rehearsal fails with {status}, as it was asked to");
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = error(status, code, None, &words);
    if let Some(seconds) = retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn refused(refusal: &Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    error(status, refusal.code, refusal.param, &refusal.message)
}

/// An error in the words of these APIs.
fn error(status: StatusCode, code: &str, param: Option<&str>, message: &str) -> Response {
    let kind = match status.as_u16() {
        429 => "rate_limit_error",
        500..=599 => "server_error",
        _ => "invalid_request_error",
    };
    let body = json!({ "error": { "message": message, "type": kind, "param": param, "code": code } });
    answers::json(status, &body)
}

/// An answer on its way.
struct Telling {
    shared: Arc<Shared>,
    writer: Writer,
    pieces: VecDeque<Piece>,
    /// Before each word.
    pause: Duration,
}

enum Piece {
    Begin,
    Thought(String),
    Word { text: String, fast: bool },
    Call(Call),
    Hold,
    End,
    Cut,
}

impl Drop for Telling {
    fn drop(&mut self) {
        if !self.pieces.is_empty() {
            self.shared
                .change(|state| state.ledger.counts.add(Counter::ModelAbandoned));
        }
    }
}

impl Telling {
    fn new(shared: Arc<Shared>, writer: Writer, asked: &Asked, beats: Vec<Beat>, is_cut: bool) -> Self {
        let speed = shared.look(|state| state.ledger.settings.words_per_second);
        let is_fast = speed == 0 || asked.model == MODELS[1];
        let words = |text: &str| -> Vec<String> {
            text.split_inclusive(char::is_whitespace)
                .map(str::to_owned)
                .collect()
        };
        let mut pieces = VecDeque::from([Piece::Begin]);
        for beat in beats {
            match beat {
                Beat::Thought(text) => pieces.extend(words(&text).into_iter().map(Piece::Thought)),
                Beat::Words { text, fast } => {
                    pieces.extend(words(&text).into_iter().map(|text| Piece::Word { text, fast }));
                }
                Beat::Hold => pieces.push_back(Piece::Hold),
                Beat::Call(call) => pieces.push_back(Piece::Call(call)),
            }
        }
        pieces.push_back(if is_cut { Piece::Cut } else { Piece::End });
        Self {
            shared,
            writer,
            pieces,
            pause: if is_fast {
                Duration::ZERO
            } else {
                Duration::from_secs(1) / speed
            },
        }
    }

    async fn respond(mut self, streams: bool) -> Response {
        if streams {
            let events = stream::unfold(self, |mut telling| async move {
                let events = telling.next().await?;
                Some((events, telling))
            });
            let headers = [
                (header::CONTENT_TYPE, "text/event-stream"),
                (header::CACHE_CONTROL, "no-store"),
            ];
            return (headers, Body::from_stream(events)).into_response();
        }
        while let Some(events) = self.next().await {
            if let Err(cut) = events {
                // The head promises a body, and the connection breaks instead.
                return Body::from_stream(stream::iter([Err::<Bytes, _>(cut)])).into_response();
            }
        }
        answers::json(StatusCode::OK, &self.writer.whole())
    }

    /// The next events; `None` at the end. Cancel safe: only pieces that are written are taken.
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        let pause = match self.pieces.front()? {
            Piece::Thought(_) | Piece::Word { fast: false, .. } => self.pause,
            Piece::Hold => {
                if !self.hold().await {
                    return Some(Err(io::Error::other("the rehearsal server stops")));
                }
                Duration::ZERO
            }
            // What was written before goes out before the connection breaks.
            Piece::Cut => {
                tokio::task::yield_now().await;
                Duration::ZERO
            }
            _ => Duration::ZERO,
        };
        if !pause.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.shared.stopped() => {
                    return Some(Err(io::Error::other("the rehearsal server stops")));
                }
            }
        }
        let events = match self.pieces.pop_front()? {
            Piece::Begin => self.writer.begin(),
            Piece::Thought(text) => self.writer.thought(&text),
            Piece::Word { text, .. } => self.writer.words(&text),
            Piece::Call(call) => self.writer.call(&call),
            // A comment, so that nobody waits for nothing.
            Piece::Hold => ": released\n\n".to_owned(),
            Piece::Cut => return Some(Err(io::Error::other("the rehearsal breaks this connection"))),
            Piece::End => {
                self.shared
                    .change(|state| state.ledger.counts.add(Counter::ModelReplies));
                self.writer.end()
            }
        };
        Some(Ok(events.into()))
    }

    /// Waits for the next release; false if the server stops first.
    async fn hold(&self) -> bool {
        let releases = self.shared.change(|state| {
            state.ledger.counts.add(Counter::AnswersHeld);
            state.releases
        });
        let gate = self
            .shared
            .until(|state| (state.releases != releases).then_some(()));
        gate.await.is_some()
    }
}
