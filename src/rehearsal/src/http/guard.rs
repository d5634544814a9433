//! Keeps other web pages out: requests whose Host is not loopback, or whose Origin is another one, are refused.

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use url::{Host, Url};

use super::answers;

/// The layer before the control API.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    if is_from_here(request.headers()) {
        next.run(request).await
    } else {
        let body = json!({
            "error": "forbidden",
            "error_description": "the control API answers only to its own origin on loopback",
        });
        answers::json(StatusCode::FORBIDDEN, &body).into_response()
    }
}

/// Whether no other web page can have sent this: a loopback Host defeats DNS rebinding, and an Origin, if there is
/// one, must be that very host.
pub(super) fn is_from_here(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let Some(host) = text(header::HOST) else {
        return false;
    };
    let own_origin = format!("http://{host}");
    let loopback = match Url::parse(&own_origin).ok().as_ref().and_then(Url::host) {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    loopback && text(header::ORIGIN).is_none_or(|origin| origin == own_origin)
}

#[cfg(test)]
mod tests {
    use super::is_from_here;
    use axum::http::HeaderMap;

    fn headers(host: &str, origin: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("host", host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert("origin", origin.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_loopback_hosts_and_the_own_origin_are_from_here() {
        for (host, origin) in [
            ("127.0.0.1:8000", None),
            ("localhost:8000", Some("http://localhost:8000")),
            ("[::1]:8000", Some("http://[::1]:8000")),
        ] {
            assert!(is_from_here(&headers(host, origin)), "{host} {origin:?}");
        }
        for (host, origin) in [
            ("evil.example", None),
            ("127.0.0.1.evil.example:8000", None),
            ("127.0.0.1:8000", Some("http://evil.example")),
            ("127.0.0.1:8000", Some("http://127.0.0.1:9000")),
            ("127.0.0.1:8000", Some("https://127.0.0.1:8000")),
            ("127.0.0.1:8000", Some("null")),
            ("127.0.0.1:8000@evil.example", None),
        ] {
            assert!(!is_from_here(&headers(host, origin)), "{host} {origin:?}");
        }
        assert!(!is_from_here(&HeaderMap::new()));
    }
}
