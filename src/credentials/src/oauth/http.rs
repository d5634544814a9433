//! Sending one request with every limit a lock holder needs: a total time-out, no redirects, a bounded answer, no plain
//! http outside this machine.

use std::time::Duration;

use oauth2::HttpRequest;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, LOCATION, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, Request, StatusCode, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use url::Url;

use super::{ExchangeError, MAX_BODY_BYTES};
use crate::clock::Timestamp;
use crate::vendor::BodyFormat;

/// Longest time until the connection stands; what fails before that was certainly not sent.
const CONNECT_LIMIT: Duration = Duration::from_secs(4);

/// An HTTP client for token endpoints.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: Client,
    /// For this machine: plain http must never go to a proxy, which is another one.
    direct: Client,
}

/// A complete answer.
pub(crate) struct Reply {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<Duration>,
    /// Host of a redirect that was not followed.
    pub(super) redirect_host: Option<String>,
    /// The server's `Date`, as written.
    pub(crate) date: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Http {
    /// A client whose requests take at most `total`, connecting and reading included.
    ///
    /// Errors: the TLS configuration can't be made.
    pub(crate) fn new(total: Duration) -> Result<Self, ExchangeError> {
        let failed = |reason: String| ExchangeError::NotSent { reason };
        let tls = crate::tls(None).map_err(|error| failed(error.to_string()))?;
        let builder = || {
            Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .redirect(redirect::Policy::none())
                .referer(false)
                .connect_timeout(CONNECT_LIMIT.min(total))
                .timeout(total)
                .user_agent(concat!("agent-host/", env!("CARGO_PKG_VERSION")))
        };
        let build = |builder: ClientBuilder| builder.build().map_err(|error| failed(words(&error)));
        Ok(Self {
            client: build(builder())?,
            direct: build(builder().no_proxy())?,
        })
    }

    /// A request of `oauth2`, its form body rewritten as JSON for vendors that want that.
    pub(crate) fn request(
        &self,
        request: HttpRequest,
        format: BodyFormat,
    ) -> Result<Request, reqwest::Error> {
        let (parts, body) = request.into_parts();
        let mut builder = self.client.request(parts.method, parts.uri.to_string());
        for (name, value) in &parts.headers {
            if name != CONTENT_TYPE {
                builder = builder.header(name, value);
            }
        }
        match format {
            BodyFormat::Form => builder
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body),
            BodyFormat::Json => {
                let object: Map<String, Value> = url::form_urlencoded::parse(&body)
                    .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
                    .collect();
                builder.json(&object)
            }
        }
        .build()
    }

    /// A form post with a body that is encoded already.
    pub(crate) fn form_body(&self, url: &Url, body: String) -> Result<Request, reqwest::Error> {
        self.client
            .post(url.clone())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body)
            .build()
    }

    /// A JSON post.
    pub(crate) fn json_body(&self, url: &Url, body: &Value) -> Result<Request, reqwest::Error> {
        self.client
            .post(url.clone())
            .header(ACCEPT, "application/json")
            .json(body)
            .build()
    }

    /// A GET, with a token in the Authorization header if one is given.
    pub(crate) fn get(
        &self,
        url: &Url,
        auth: Option<(&str, &SecretString)>,
    ) -> Result<Request, reqwest::Error> {
        let mut builder = self.client.get(url.clone()).header(ACCEPT, "application/json");
        if let Some((scheme, token)) = auth {
            let mut value =
                reqwest::header::HeaderValue::try_from(format!("{scheme} {}", token.expose_secret()))
                    .unwrap_or_else(|_| reqwest::header::HeaderValue::from_static("unusable"));
            value.set_sensitive(true);
            builder = builder.header(AUTHORIZATION, value);
        }
        builder.build()
    }

    /// Sends a request once and reads the whole answer.
    ///
    /// Errors: `NotSent` if the server can't have seen it, else `Unanswered`. Not safe to drop while a refresh token is
    /// on its way: the refresher never does.
    pub(crate) async fn send(
        &self,
        request: Result<Request, reqwest::Error>,
    ) -> Result<Reply, ExchangeError> {
        let request = request.map_err(|error| ExchangeError::NotSent {
            reason: words(&error),
        })?;
        let url = request.url();
        if !crate::vendor::is_safe(url) {
            let host = url.host_str().unwrap_or_default();
            return Err(ExchangeError::NotSent {
                reason: format!("plain http to {host} is refused"),
            });
        }
        let client = if crate::vendor::is_loopback(url) {
            &self.direct
        } else {
            &self.client
        };
        let mut response = client.execute(request).await.map_err(|error| {
            if error.is_connect() || error.is_builder() || error.is_request() && is_before_sending(&error) {
                ExchangeError::NotSent {
                    reason: words(&error),
                }
            } else {
                ExchangeError::Unanswered {
                    reason: words(&error),
                }
            }
        })?;
        let header = |name| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let mut reply = Reply {
            status: response.status(),
            retry_after: header(RETRY_AFTER).and_then(|value| delay(&value)),
            redirect_host: header(LOCATION).map(|value| {
                Url::parse(&value)
                    .ok()
                    .and_then(|url| url.host_str().map(str::to_owned))
                    .unwrap_or_default()
            }),
            date: header(DATE),
            body: Vec::new(),
        };
        loop {
            match response.chunk().await {
                Ok(None) => return Ok(reply),
                Ok(Some(chunk)) if reply.body.len() + chunk.len() <= MAX_BODY_BYTES => {
                    reply.body.extend(chunk);
                }
                Ok(Some(_)) => {
                    let reason = format!("the answer is longer than {MAX_BODY_BYTES} bytes");
                    return Err(ExchangeError::Unanswered { reason });
                }
                Err(error) => {
                    return Err(ExchangeError::Unanswered {
                        reason: words(&error),
                    });
                }
            }
        }
    }
}

/// `Retry-After` (RFC 9110 §10.2.3): seconds, or a date.
fn delay(value: &str) -> Option<Duration> {
    let value = value.trim();
    let date = || chrono::DateTime::parse_from_rfc2822(value).ok();
    let until = || date().map(|at| Timestamp::from_millis(at.timestamp_millis()).since(Timestamp::now()));
    value.parse().ok().map(Duration::from_secs).or_else(until)
}

/// Whether a failed request never left this machine although it is not called a connect error.
fn is_before_sending(error: &reqwest::Error) -> bool {
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(current) = source {
        if let Some(io) = current.downcast_ref::<std::io::Error>() {
            return io.kind() == std::io::ErrorKind::ConnectionRefused;
        }
        source = current.source();
    }
    false
}

/// What went wrong, without the URL: a query may hold a secret.
fn words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return if error.is_connect() {
            "no connection in time"
        } else {
            "no answer in time"
        }
        .to_owned();
    }
    let mut source = std::error::Error::source(error);
    let mut last = String::new();
    while let Some(current) = source {
        last = current.to_string();
        source = current.source();
    }
    let what = if error.is_connect() {
        "could not connect"
    } else {
        "the connection failed"
    };
    if last.is_empty() {
        what.to_owned()
    } else {
        format!("{what}: {last}")
    }
}
