//! A request's way: fault, token, rate limit, contract, world; and its answer's way back through the contract.

mod application;
mod body;
mod channels;
mod commands;
mod followups;
mod guilds;
mod interactions;
mod messages;
mod reactions;
mod refused;
mod threads;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::Value;

pub(crate) use refused::Refused;

use crate::buckets::{Standing, TooMany};
use crate::contract::{Operation, contract};
use crate::fake::Shared;
use crate::faults::{Hold, Wrong};
use crate::world::{Upload, World};

/// Where the version ends and the operation begins.
const VERSION: &str = "/api/v10/";

/// A request, read.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
    /// Without the version, decoded.
    pub(crate) path: Vec<String>,
    pub(crate) query: BTreeMap<String, String>,
    /// Null when there was none.
    pub(crate) body: Value,
    /// By the number in the part's name, `files[0]`.
    pub(crate) files: BTreeMap<usize, Upload>,
}

/// A request that arrived, and its end. What it carried stays in memory for the tests to look at.
#[derive(Clone, Debug)]
pub struct Seen {
    /// As `POST`.
    pub method: String,
    /// As `/channels/1/messages`.
    pub path: String,
    /// Null when there was none.
    pub body: Value,
    /// 0 when the connection was broken instead.
    pub status: u16,
    /// When it was answered, Unix milliseconds.
    pub at: u64,
}

/// What a handler says when it did what it was asked.
#[derive(Debug)]
pub(crate) struct Reply {
    status: u16,
    body: Option<Value>,
}

pub(crate) type Done = Result<Reply, Refused>;

#[expect(clippy::unnecessary_wraps, reason = "handlers end with it")]
pub(crate) fn ok(body: Value) -> Done {
    Ok(Reply {
        status: 200,
        body: Some(body),
    })
}

#[expect(clippy::unnecessary_wraps, reason = "handlers end with it")]
pub(crate) fn created(body: Value) -> Done {
    Ok(Reply {
        status: 201,
        body: Some(body),
    })
}

#[expect(clippy::unnecessary_wraps, reason = "handlers end with it")]
pub(crate) fn empty() -> Done {
    Ok(Reply {
        status: 204,
        body: None,
    })
}

/// Everything below the version.
pub(crate) async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let method = parts.method.as_str().to_owned();
    let Some(rest) = parts.uri.path().strip_prefix(VERSION).map(str::to_owned) else {
        shared.complain(format!("{method} {}: no path of version 10", parts.uri.path()));
        return (StatusCode::NOT_FOUND, "no such path").into_response();
    };
    let path: Vec<String> = rest.trim_end_matches('/').split('/').map(body::decoded).collect();
    let headers = parts.headers.clone();
    let query = body::query(parts.uri.query().unwrap_or_default());
    // Read in any case: whoever answers before the end of the request breaks the connection.
    let read = body::read(Request::from_parts(parts, body)).await;
    let fault = shared.desk().fault(&method, &path);
    match fault {
        Some(Wrong::RequestLost) => return lost(&shared, &method, &path, Value::Null),
        Some(Wrong::Slow(by)) => tokio::time::sleep(by).await,
        Some(Wrong::Page(status)) => {
            shared.record(&method, &path, Value::Null, status);
            return page(status);
        }
        _ => {}
    }
    let (content, files) = match read {
        Ok(read) => read,
        Err(refused) => {
            shared.complain(format!("{method} /{rest}: {}", refused.message));
            (Value::Null, BTreeMap::new())
        }
    };
    let call = Call {
        method,
        path,
        query,
        body: content,
        files,
    };
    let Some(Wrong::Held(hold)) = fault else {
        return answer(&shared, call, &headers, fault);
    };
    if hold == Hold::Answer {
        let answer = answer(&shared, call, &headers, None);
        shared.held.wait(&shared.clock).await;
        return answer;
    }
    // Whether or not its client is still there.
    let happens = tokio::spawn(async move {
        let _held = shared.held.wait(&shared.clock).await;
        answer(&shared, call, &headers, None)
    });
    match hold {
        Hold::Lost => broken(),
        _ => happens.await.unwrap_or_else(|_| broken()),
    }
}

/// What is done with a request that has arrived, and how it is answered.
fn answer(shared: &Shared, call: Call, headers: &HeaderMap, fault: Option<Wrong>) -> Response {
    let operation = contract().and_then(|contract| contract.operation(&call.method, &call.path));
    let mut end = End::default();
    let outcome = decide(shared, &call, operation, headers, fault, &mut end);
    let (status, body) = match outcome {
        Ok(reply) => (reply.status, reply.body),
        Err(refused) => (refused.status, Some(refused.json())),
    };
    if let (Some(contract), Some(operation)) = (contract(), operation) {
        for wrong in contract.check_reply(operation, status, body.as_ref()) {
            shared.complain(format!("our own answer {status} to {}: {wrong}", operation.name));
        }
    }
    if fault == Some(Wrong::AnswerLost) {
        let Call {
            method, path, body, ..
        } = call;
        return lost(shared, &method, &path, body);
    }
    let (status, body) = match fault {
        Some(Wrong::DoneThen(status)) => (status, Some(Refused::broken(status).json())),
        _ => (status, body),
    };
    shared.record(&call.method, &call.path, call.body, status);
    end.response(status, body)
}

/// What goes into the headers of an answer.
#[derive(Default)]
struct End {
    standing: Option<Standing>,
    retry_after: Option<f64>,
    global: bool,
}

fn decide(
    shared: &Shared,
    call: &Call,
    operation: Option<&'static Operation>,
    headers: &HeaderMap,
    fault: Option<Wrong>,
    end: &mut End,
) -> Done {
    let now = shared.clock.now();
    let mut desk = shared.desk();
    if desk.is_banned(now) {
        end.retry_after = Some(600.0);
        end.global = true;
        return Err(Refused::too_many(600.0, true));
    }
    match fault {
        Some(Wrong::Status(status)) => {
            if matches!(status, 401 | 403) {
                desk.refused(now);
            }
            return Err(Refused::broken(status));
        }
        Some(Wrong::TooMany { retry_after, global }) => {
            desk.refused(now);
            end.retry_after = Some(retry_after);
            end.global = global;
            return Err(Refused::too_many(retry_after, global));
        }
        _ => {}
    }
    if !signed_in(shared, call, headers) {
        desk.refused(now);
        return Err(Refused::UNAUTHORIZED);
    }
    let renames = call.path.len() == 2 && call.method == "PATCH" && call.body["name"].is_string();
    match desk.take(now, &call.method, &call.path, renames) {
        Ok(standing) => end.standing = Some(standing),
        Err(TooMany {
            retry_after,
            global,
            standing,
        }) => {
            desk.refused(now);
            *end = End {
                standing,
                retry_after: Some(retry_after),
                global,
            };
            return Err(Refused::too_many(retry_after, global));
        }
    }
    drop(desk);
    if let Some(contract) = contract() {
        let Some(operation) = operation else {
            shared.complain(format!(
                "{} /{}: no operation of Discord's",
                call.method,
                call.path.join("/")
            ));
            return Err(Refused::NOT_FOUND);
        };
        let mut wrong = contract.check_query(operation, call.query.iter());
        wrong.extend(contract.check_body(operation, &call.body));
        if !wrong.is_empty() {
            let refused = Refused::invalid(&wrong);
            shared.complain(format!("{}: {}", operation.name, wrong.join("; ")));
            return Err(refused);
        }
    }
    let done = route(&mut shared.world(), call);
    shared.clock.signal();
    if let Err(refused) = &done {
        if refused.is_formal() {
            shared.complain(format!(
                "{} /{}: {}",
                call.method,
                call.path.join("/"),
                refused.details()
            ));
        }
        if matches!(refused.status, 401 | 403) {
            shared.desk().refused(now);
        }
    }
    done
}

/// The tokens of interactions stand in their paths.
fn signed_in(shared: &Shared, call: &Call, headers: &HeaderMap) -> bool {
    let by_path = match call.path.first().map(String::as_str) {
        Some("interactions") => true,
        Some("gateway") => call.path.len() == 1,
        Some("webhooks") => call.path.len() > 2,
        _ => false,
    };
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = given.and_then(|value| value.strip_prefix("Bot "));
    by_path || token == Some(shared.world().application.token.as_str())
}

fn route(world: &mut World, call: &Call) -> Done {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    match path[..] {
        ["gateway" | "users" | "oauth2", ..] | ["applications", "@me"] => {
            application::route(world, call, &path)
        }
        ["applications", ..] => commands::route(world, call, &path),
        ["guilds", ..] => guilds::route(world, call, &path),
        ["interactions", id, token, "callback"] => interactions::callback(world, call, id, token),
        ["webhooks", application, token, ..] => followups::route(world, call, application, token, &path[3..]),
        ["channels", id, "messages", _, "reactions", ..] => reactions::route(world, call, id, &path[3..]),
        ["channels", id, "messages", message, "threads"] => threads::from_message(world, call, id, message),
        ["channels", id, "messages", ..] => messages::route(world, call, id, &path[3..]),
        ["channels", id, "threads" | "thread-members" | "users", ..] => {
            threads::route(world, call, id, &path[2..])
        }
        ["channels", id, ..] => channels::route(world, call, id, &path[2..]),
        _ => Err(Refused::not_done(call)),
    }
}

impl End {
    fn response(self, status: u16, body: Option<Value>) -> Response {
        let mut response = Response::builder().status(status);
        if let Some(standing) = self.standing {
            response = response
                .header("X-RateLimit-Bucket", standing.bucket)
                .header("X-RateLimit-Limit", standing.limit)
                .header("X-RateLimit-Remaining", standing.remaining)
                .header("X-RateLimit-Reset", seconds(standing.reset))
                .header("X-RateLimit-Reset-After", seconds(standing.reset_after));
        }
        if let Some(retry_after) = self.retry_after {
            response = response
                .header(header::RETRY_AFTER, retry_after.to_string())
                .header("X-RateLimit-Scope", if self.global { "global" } else { "user" });
            if self.global {
                response = response.header("X-RateLimit-Global", "true");
            }
        }
        let response = match body {
            Some(body) => response
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string())),
            None => response.body(Body::empty()),
        };
        response.expect("these headers are plain text")
    }
}

/// Milliseconds as the headers have them.
fn seconds(millis: u64) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

fn lost(shared: &Shared, method: &str, path: &[String], body: Value) -> Response {
    shared.record(method, path, body, 0);
    broken()
}

/// As a proxy answers.
fn page(status: u16) -> Response {
    let page = (
        [(header::CONTENT_TYPE, "text/html")],
        "<html><body>No way through here.</body></html>",
    );
    let status = StatusCode::from_u16(status).expect("a status of HTTP");
    (status, page).into_response()
}

/// A body that fails before its first byte makes the server break the connection before it sent a status.
pub(crate) fn broken() -> Response {
    let words = std::io::Error::other("the connection is broken on purpose");
    Response::new(Body::from_stream(stream::once(async { Err::<Bytes, _>(words) })))
}

/// A number from the query.
pub(crate) fn number(call: &Call, key: &str, default: usize) -> usize {
    call.query
        .get(key)
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}
