//! One request at a time, and what its answer says of rate limits.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use reqwest_of_serenity::{Client, Response, StatusCode, redirect};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serenity::http::{LightMethod, Request, Route};
use tokio_rustls::rustls::ClientConfig;

use crate::discord::config::Server;
use crate::discord::trust;

/// Longer than Discord ever takes when it is well.
const PATIENCE: Duration = Duration::from_secs(8);

/// A refusal that somebody waits for, in all: longer than a bucket of Discord's takes to fill.
const MOMENT: Duration = Duration::from_secs(6);
/// A refusal without an end would be asked again at once.
const SHORTEST: Duration = Duration::from_millis(250);

/// No honest answer is longer, in bytes.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// A client for one bot. `Debug` shows no token.
#[derive(Debug)]
pub struct Rest {
    client: Client,
    header: SecretString,
    base: Option<String>,
    /// So long a question waits where Discord says that there were too many.
    waits: Duration,
    standing: Mutex<Standing>,
}

/// What the answers so far said of rate limits.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Standing {
    /// Requests that were answered.
    pub requests: u32,
    /// Those that were refused because there were too many.
    pub refused: u32,
    /// How long the last refusal holds.
    pub retry_after: Option<Duration>,
    /// Whether a refusal was about everything that this bot sends.
    pub global: bool,
}

/// Why a question was not answered.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Trouble {
    /// The token is not, or no longer, one.
    #[error("Discord does not know this token")]
    Unauthorized,
    /// The bot may not see it.
    #[error("Discord refuses it: {0}")]
    Forbidden(String),
    /// There is no such thing.
    #[error("Discord knows no such thing: {0}")]
    NotFound(String),
    /// Too many requests.
    #[error("Discord refuses requests for another {} s: too many were sent with this token, or from this machine", .0.as_secs().max(1))]
    TooMany(Duration),
    /// Discord has trouble of its own, or answered what it never does.
    #[error("Discord answered {0}")]
    Odd(String),
    /// It was not reached.
    #[error("could not reach {place}: {what}")]
    Unreachable {
        /// The service.
        place: String,
        /// Why.
        what: String,
    },
}

impl Trouble {
    /// Whether the same question may be answered later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::TooMany(_) | Self::Odd(_) | Self::Unreachable { .. })
    }
}

impl Rest {
    /// A client that has asked nothing yet. Without a proxy, as the bot itself.
    ///
    /// Errors: the server's `ca_file` can't be used, in words.
    pub fn new(token: &SecretString, server: &Server) -> Result<Self, String> {
        let client = Client::builder()
            .use_preconfigured_tls(ClientConfig::clone(&*trust::tls(server)?))
            .no_proxy()
            .timeout(PATIENCE)
            .redirect(redirect::Policy::none());
        Ok(Self {
            client: client
                .build()
                .map_err(|error| format!("could not set up a client for Discord: {error}"))?,
            header: format!("Bot {}", token.expose_secret()).into(),
            base: server.api_base.as_ref().map(ToString::to_string),
            waits: Duration::ZERO,
            standing: Mutex::default(),
        })
    }

    /// The same, which asks again where Discord refuses a question for a moment: for whom rate limits are not what is asked
    /// about.
    #[must_use]
    pub fn patient(self) -> Self {
        Self {
            waits: MOMENT,
            ..self
        }
    }

    /// What the answers so far said of rate limits.
    pub fn standing(&self) -> Standing {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for something.
    pub(super) async fn get<T: DeserializeOwned>(&self, route: Route<'_>) -> Result<T, Trouble> {
        self.ask(Request::new(route, LightMethod::Get)).await
    }

    /// Sends a request and reads its answer. Cancel safe as far as the question is.
    pub(super) async fn ask<T: DeserializeOwned>(&self, request: Request<'_>) -> Result<T, Trouble> {
        let mut left = self.waits;
        loop {
            match self.ask_once(request.clone()).await {
                Err(Trouble::TooMany(wait)) if wait.max(SHORTEST) <= left => {
                    left -= wait.max(SHORTEST);
                    tokio::time::sleep(wait.max(SHORTEST)).await;
                }
                answer => return answer,
            }
        }
    }

    async fn ask_once<T: DeserializeOwned>(&self, request: Request<'_>) -> Result<T, Trouble> {
        let unreachable = |error: reqwest_of_serenity::Error| Trouble::Unreachable {
            place: self.base.clone().unwrap_or_else(|| "discord.com".to_owned()),
            what: innermost(&error),
        };
        let request = request
            .build(&self.client, self.header.expose_secret(), self.base.as_deref())
            .map_err(|_| Trouble::Odd("nothing: its address can't be used".to_owned()))?;
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let wait = retry_after(&response);
        self.count(&response, wait);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(Trouble::Odd(format!("{status} with more than anybody reads")));
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| {
                Trouble::Odd(format!("{status} with something else than it documents: {error}"))
            });
        }
        Err(refusal(status, &body, wait))
    }

    fn count(&self, response: &Response, wait: Duration) {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        standing.requests += 1;
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            standing.refused += 1;
            standing.retry_after = Some(wait);
            standing.global |= response.headers().contains_key("x-ratelimit-global");
        }
    }
}

fn retry_after(response: &Response) -> Duration {
    let header = response.headers().get("retry-after");
    let seconds = header.and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::try_from_secs_f64(seconds.unwrap_or(1.0)).unwrap_or_default()
}

fn refusal(status: StatusCode, body: &[u8], wait: Duration) -> Trouble {
    let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let message = answer["message"].as_str().unwrap_or_default();
    let words = if message.is_empty() {
        status.to_string()
    } else {
        // What a service says is shown to people.
        message
            .chars()
            .filter(|char| !char.is_control())
            .take(200)
            .collect()
    };
    match status {
        StatusCode::UNAUTHORIZED => Trouble::Unauthorized,
        StatusCode::FORBIDDEN => Trouble::Forbidden(words),
        StatusCode::NOT_FOUND => Trouble::NotFound(words),
        StatusCode::TOO_MANY_REQUESTS => Trouble::TooMany(wait),
        _ => Trouble::Odd(status.to_string()),
    }
}

/// What really went wrong; what is around it only repeats the address.
fn innermost(error: &reqwest_of_serenity::Error) -> String {
    if error.is_timeout() {
        return format!("no answer within {} s", PATIENCE.as_secs());
    }
    if let Some(words) = trust::unsafe_because(error) {
        return words;
    }
    let mut error: &dyn std::error::Error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
