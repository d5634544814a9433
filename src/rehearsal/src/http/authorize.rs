//! The front channel over HTTP: consent page, the person's answer, and the page that shows a code for pasting.

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::{App, answers, body};
use crate::counts::Counter;
use crate::ledger::{AuthorizationRefusal, Dialect, Verdict};
use crate::moment::Moment;
use crate::pages;
use crate::params::{Params, ParamsError};
use crate::state::Shared;

pub(super) async fn show(State(shared): App, RawQuery(query): RawQuery) -> Response {
    consent(&shared, Dialect::Standard, from_query(query))
}

pub(super) async fn show_codex(State(shared): App, RawQuery(query): RawQuery) -> Response {
    consent(&shared, Dialect::Codex, from_query(query))
}

pub(super) async fn submit(State(shared): App, headers: HeaderMap, bytes: Bytes) -> Response {
    posted(&shared, Dialect::Standard, &headers, &bytes)
}

pub(super) async fn submit_codex(State(shared): App, headers: HeaderMap, bytes: Bytes) -> Response {
    posted(&shared, Dialect::Codex, &headers, &bytes)
}

/// Shows what a redirect brought, for people whose client cannot be redirected to.
pub(super) async fn code_page(RawQuery(query): RawQuery) -> Response {
    let Ok(params) = from_query(query) else {
        return unusable("The address could not be read.");
    };
    let html = match (params.one("code"), params.one("error")) {
        (Some(code), _) => {
            let state = params.one("state").unwrap_or_default();
            pages::code(&format!("{code}#{state}"))
        }
        (None, Some(error)) => pages::code_error(error, params.one("error_description").unwrap_or_default()),
        (None, None) => pages::message(
            "Nothing to show",
            "This page shows the code of a sign-in that was just approved.",
        ),
    };
    answers::page(StatusCode::OK, html, None)
}

/// A POST is the person's answer if it carries a ticket, else an authorization request in a form (RFC 6749 §3.1).
fn posted(shared: &Shared, dialect: Dialect, headers: &HeaderMap, bytes: &Bytes) -> Response {
    let Ok(params) = body::params(headers, bytes) else {
        return unusable("The form could not be read.");
    };
    let Some(ticket) = params.one("ticket") else {
        return consent(shared, dialect, Ok(params));
    };
    let Some(verdict) = verdict(&params) else {
        return unusable("The form says neither yes nor no.");
    };
    match shared.change(|state| state.ledger.decide(ticket, verdict, Moment::now())) {
        Some(url) => answers::see_other(&url),
        None => unusable("This page was answered before, or is too old. Start the sign-in again."),
    }
}

fn consent(shared: &Shared, dialect: Dialect, params: Result<Params, ParamsError>) -> Response {
    let examined = shared.change(|state| {
        state.ledger.counts.add(Counter::AuthorizeRequests);
        let params = params.map_err(|_| AuthorizationRefusal::Page("a parameter is repeated"))?;
        let authorization = state.ledger.examine(dialect, &params)?;
        let ticket = state.ledger.open_consent(authorization.clone(), Moment::now());
        Ok((authorization, ticket))
    });
    match examined {
        Ok((authorization, ticket)) => answers::page(
            StatusCode::OK,
            pages::consent(&authorization, &ticket),
            Some(&authorization.redirect),
        ),
        Err(AuthorizationRefusal::Redirect(url)) => answers::see_other(&url),
        Err(AuthorizationRefusal::Page(reason)) => unusable(reason),
    }
}

/// What the buttons of our forms say.
pub(super) fn verdict(params: &Params) -> Option<Verdict> {
    match params.one("decision")? {
        "approve" => Some(Verdict::Approve {
            user: params.one("user").unwrap_or_default().to_owned(),
        }),
        "deny" => Some(Verdict::Deny),
        _ => None,
    }
}

pub(super) fn unusable(reason: &str) -> Response {
    let html = pages::message("This sign-in cannot go on", reason);
    answers::page(StatusCode::BAD_REQUEST, html, None)
}

pub(super) fn from_query(query: Option<String>) -> Result<Params, ParamsError> {
    Params::from_form(query.unwrap_or_default().as_bytes())
}
