//! One request and its stream of bytes: the client with its limits, and a network's failures in words.

use std::path::Path;
use std::time::{Duration, SystemTime};

use credentials::TlsError;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue,
    RETRY_AFTER,
};
use reqwest::{Client, Response, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::retry::Failure;

/// Longest time until a connection stands.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// How long a connection is kept for the next call.
const KEEP: Duration = Duration::from_mins(1);

/// Most bytes that are read of an answer that is no success.
const ERROR_LIMIT: usize = 64 * 1024;

/// A client with compiled-in roots, and those of `ca_file`. It gives up after `patience` without a byte. Costs a few hundred
/// kilobytes, and more with a large file: made at the first call.
///
/// Errors: the file can't be read or holds no certificate, or the TLS configuration can't be made.
pub(super) fn client(patience: Duration, ca_file: Option<&Path>) -> Result<Client, String> {
    let tls = credentials::tls(ca_file).map_err(|error| match error {
        TlsError::Library(_) => error.to_string(),
        _ => format!("{error}\nhint: `ca_file` of the agent names it"),
    })?;
    Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(redirect::Policy::none())
        .referer(false)
        // The way to a server on this machine must never lead through another one, and a worker's environment names none.
        .no_proxy()
        .connect_timeout(CONNECT_LIMIT)
        .read_timeout(patience)
        .pool_idle_timeout(KEEP)
        .pool_max_idle_per_host(1)
        .user_agent(concat!("agent-host/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| words(&error))
}

/// Sends a request and waits for the head of its answer.
pub(super) async fn send(
    client: &Client,
    url: &Url,
    secret: Option<&SecretString>,
    body: &Value,
    patience: Duration,
) -> Result<Response, Failure> {
    let mut request = client
        .post(url.clone())
        .header(ACCEPT, "text/event-stream")
        .header(ACCEPT_ENCODING, "identity")
        .json(body);
    if let Some(secret) = secret {
        let mut value = HeaderValue::try_from(format!("Bearer {}", secret.expose_secret()))
            // The error would quote the secret.
            .map_err(|_| Failure::Nonsense("the credential has characters that no header may have".into()))?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    request
        .send()
        .await
        .map_err(|error| failure(&error, url, patience))
}

/// What a failed request or read means.
pub(super) fn failure(error: &reqwest::Error, url: &Url, patience: Duration) -> Failure {
    let host = shown(url);
    if is_of_tls(error) {
        // Another try meets the same server.
        return Failure::NoApi(format!(
            "no safe connection to {host}: {}\nhint: check `base_url` of the agent in the configuration: a server without TLS wants \
             `http://`, one with TLS a certificate that is publicly known, or `ca_file` with the CA that signed it",
            words(error)
        ));
    }
    if error.is_connect() {
        let why = if error.is_timeout() {
            format!("no connection to {host} within {} s", CONNECT_LIMIT.as_secs())
        } else {
            format!("could not connect to {host}: {}", words(error))
        };
        Failure::NoConnection(why)
    } else if error.is_timeout() {
        Failure::Silent(patience)
    } else {
        Failure::Broken(format!("the connection to {host} was lost: {}", words(error)))
    }
}

/// Host and port, never user information, path or query.
pub(super) fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// The same with its path.
pub(super) fn place(url: &Url) -> String {
    format!("{}{}", shown(url), url.path())
}

/// The beginning of a refusal's body.
pub(super) async fn error_body(mut response: Response) -> Vec<u8> {
    let mut body = vec![];
    // Words that can't be read are only missed: the status says enough.
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = ERROR_LIMIT - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == ERROR_LIMIT {
            break;
        }
    }
    body
}

/// The media type of an answer, without parameters; empty if there is none.
pub(super) fn media_type(headers: &HeaderMap) -> String {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default();
    kind.trim().to_ascii_lowercase()
}

/// How an answer is encoded, if it is: in a word that can be shown.
pub(super) fn encoding(headers: &HeaderMap) -> Option<&str> {
    let encoding = headers.get(CONTENT_ENCODING)?.to_str().unwrap_or("?").trim();
    (!encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity")).then_some(encoding)
}

/// The longest wait that is told apart from longer ones.
pub(super) const LONGEST_RETRY_AFTER: Duration = Duration::from_hours(24);

/// How long the server asks to wait, at most [`LONGEST_RETRY_AFTER`]: `Retry-After` (RFC 9110 §10.2.3) as seconds or a date, or OpenAI's milliseconds.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::trim)
    };
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| !number.is_nan());
    let most = LONGEST_RETRY_AFTER.as_secs_f64();
    let span = |seconds: f64| Duration::try_from_secs_f64(seconds.min(most)).ok();
    if let Some(milliseconds) = text("retry-after-ms").and_then(number) {
        return span(milliseconds / 1000.0);
    }
    let asked = text(RETRY_AFTER.as_str())?;
    let date = || httpdate::parse_http_date(asked).ok();
    let until = || {
        let time = date()?.duration_since(now).unwrap_or_default();
        Some(time.min(LONGEST_RETRY_AFTER))
    };
    number(asked).and_then(span).or_else(until)
}

/// Whether the two ends could not agree on TLS, or on who the server is.
fn is_of_tls(error: &reqwest::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if error.is::<rustls::Error>() {
            return true;
        }
        // Of what it holds, an error of the system names the source only.
        let held = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        cause = match held {
            Some(held) => Some(held),
            None => error.source(),
        };
    }
    false
}

/// The innermost cause; never the error itself, whose words may have the URL.
fn words(error: &reqwest::Error) -> String {
    let mut cause = std::error::Error::source(error);
    let mut words = "for an unknown reason".to_owned();
    while let Some(error) = cause {
        words = error.to_string();
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: &'static str, value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        retry_after(&headers, now)
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(asked("retry-after", "7"), seconds(7));
        assert_eq!(asked("retry-after", " 0.5"), Some(Duration::from_millis(500)));
        assert_eq!(asked("retry-after-ms", "1500"), Some(Duration::from_millis(1500)));
        assert_eq!(asked("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT"), seconds(60));
        assert_eq!(asked("retry-after", "Sun, 06 Nov 1994 08:48:37 GMT"), seconds(0));
        for absurd in ["1e15", "1e20", "1e400", "Fri, 31 Dec 9999 23:59:59 GMT"] {
            assert_eq!(
                asked("retry-after", absurd),
                Some(LONGEST_RETRY_AFTER),
                "{absurd}"
            );
        }
        for nonsense in ["soon", "-1", "NaN", ""] {
            assert_eq!(asked("retry-after", nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_shown_address_has_no_user_information() {
        let url = Url::parse("https://user:planted@models.example:8443/v1?key=planted").unwrap();
        assert_eq!(shown(&url), "models.example:8443");
    }
}
