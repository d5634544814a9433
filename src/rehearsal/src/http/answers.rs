//! The shapes of answers: JSON, refusals and pages, each with the headers that belong to it.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use url::{Host, Url};

use crate::ledger::Refusal;
use crate::pages;

/// JSON that nobody may store (RFC 6749 §5.1).
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => (
            status,
            [
                (header::CONTENT_TYPE, "application/json"),
                (header::CACHE_CONTROL, "no-store"),
                (header::PRAGMA, "no-cache"),
            ],
            bytes,
        )
            .into_response(),
        Err(error) => {
            tracing::warn!(%error, "an answer could not be written as JSON");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A refusal in the words of RFC 6749 §5.2.
pub(super) fn refused(refusal: Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let body = json!({ "error": refusal.code(), "error_description": refusal.to_string() });
    let mut response = json(status, &body);
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"rehearsal\""),
        );
    }
    response
}

/// An HTML page that may load nothing. A form on it may be sent here and, for browsers that apply the rule to what
/// follows, redirect to `form_target`.
pub(super) fn page(status: StatusCode, html: String, form_target: Option<&Url>) -> Response {
    let mut response = (status, Body::from(html)).into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: that would turn the Origin of our own forms into `null`.
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(&policy(form_target)) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Leaves this server: 303, so that a form's POST becomes a GET.
pub(super) fn see_other(url: &Url) -> Response {
    (
        StatusCode::SEE_OTHER,
        [
            (header::LOCATION, url.as_str()),
            (header::CACHE_CONTROL, "no-store"),
        ],
    )
        .into_response()
}

fn policy(form_target: Option<&Url>) -> String {
    let form_action = match form_target {
        // A source list cannot name an IPv6 address, so there the redirect could not be allowed by name.
        Some(url) if matches!(url.host(), Some(Host::Ipv6(_))) => String::new(),
        Some(url) => format!("; form-action 'self' {}", url.origin().ascii_serialization()),
        None => "; form-action 'self'".to_owned(),
    };
    format!(
        "default-src 'none'; style-src '{}'; base-uri 'none'; frame-ancestors 'none'{form_action}",
        pages::style_hash()
    )
}
