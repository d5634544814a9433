//! The device flow over HTTP: its beginning, and the page on which a person approves it.

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::json;
use url::Url;

use super::authorize::{from_query, unusable, verdict};
use super::{App, answers, body, guard};
use crate::ledger::Verdict;
use crate::moment::Moment;
use crate::pages;

pub(super) async fn start(State(shared): App, headers: HeaderMap, bytes: Bytes) -> Response {
    let begun = body::params(&headers, &bytes).and_then(|params| {
        let credentials = body::credentials(&headers, &params)?;
        shared.change(|state| state.ledger.start_device(&credentials, &params, Moment::now()))
    });
    let page = &shared.endpoints.device_page;
    match begun {
        Ok(start) => answers::json(
            StatusCode::OK,
            &json!({
                "device_code": start.device_code,
                "user_code": start.user_code,
                "verification_uri": page,
                "verification_uri_complete": complete(page, &start.user_code),
                "expires_in": start.expires_in,
                "interval": start.interval,
            }),
        ),
        Err(refusal) => answers::refused(refusal),
    }
}

pub(super) async fn show(State(shared): App, RawQuery(query): RawQuery) -> Response {
    let Ok(params) = from_query(query) else {
        return unusable("The address could not be read.");
    };
    let user_code = params.one("user_code").unwrap_or_default();
    let waiting = shared.look(|state| state.ledger.waiting_device(user_code, Moment::now()));
    answers::page(StatusCode::OK, pages::device(user_code, waiting.as_ref()), None)
}

/// The person's answer. No ticket binds this form to a page, so another site's form is told by its Origin.
pub(super) async fn submit(State(shared): App, headers: HeaderMap, bytes: Bytes) -> Response {
    if !guard::is_from_here(&headers) {
        return unusable("This form was sent from another site.");
    }
    let Ok(params) = body::params(&headers, &bytes) else {
        return unusable("The form could not be read.");
    };
    let (Some(user_code), Some(verdict)) = (params.one("user_code"), verdict(&params)) else {
        return unusable("The form needs a code, and a yes or a no.");
    };
    let said = match verdict {
        Verdict::Approve { .. } => "The device is signed in",
        Verdict::Deny => "The device was turned away",
    };
    if shared.change(|state| state.ledger.decide_device(user_code, verdict, Moment::now())) {
        let html = pages::message(said, "You can close this page and go back to the device.");
        answers::page(StatusCode::OK, html, None)
    } else {
        unusable("No device waits under this code. Codes last ten minutes and work once.")
    }
}

fn complete(page: &str, user_code: &str) -> Option<String> {
    Url::parse_with_params(page, [("user_code", user_code)])
        .ok()
        .map(String::from)
}
