//! Requests to Discord: what is asked, what came of it, and not too fast.
//!
//! Towards Discord itself serenity's own rate limiter paces what goes out. With another server it would ignore the address
//! and ask the real service, so there a small one of ours (`gate`) does that.

use std::time::{Duration, SystemTime};

use reqwest_of_serenity as reqwest;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use serenity::all::{ApplicationId, CreateAttachment};
use serenity::http::{Http, HttpBuilder, HttpError, LightMethod, Multipart, MultipartUpload, Request, Route};
use thiserror::Error;
use url::Url;

use super::admission::Id;
use super::reconcile::Bucket;

mod calls;
mod gate;
mod several;
mod tally;

#[cfg(test)]
mod tests;

pub(super) use calls::{Answered, EPHEMERAL, Later, Outgoing, PutAway, Told};

use gate::Gate;
use tally::Tally;

/// Longer than any honest answer takes, rate limits included.
const PATIENCE: Duration = Duration::from_mins(1);
/// Of one attempt on the network, without files.
const ATTEMPT: Duration = Duration::from_secs(20);
/// Bytes of files that go out in a second, at the least.
const PACE: usize = 1 << 20;
/// The largest file that Discord takes anywhere, in bytes.
const LARGEST: usize = 100 << 20;
/// So often a request is made again that was too much.
const TRIES: u32 = 6;
/// Discord's code for a message that is not there.
pub(super) const UNKNOWN_MESSAGE: i64 = 10_008;
/// HTTP's status for a file that is larger than Discord takes, or what stands before it.
pub(super) const TOO_LARGE: u16 = 413;
/// Discord's code where the bot lacks a permission.
pub(super) const NO_PERMISSION: i64 = 50_013;

/// Discord, as this bot reaches it.
pub(super) struct Rest {
    http: Http,
    client: reqwest::Client,
    /// Another server than Discord's own.
    elsewhere: Option<String>,
    /// For all that does not go through serenity.
    gate: Gate,
    /// How requests ended.
    pub(super) tally: Tally,
}

/// Why a request was not answered as wanted.
#[derive(Debug, Error)]
pub(super) enum Trouble {
    /// Too much for now.
    #[error("too many requests")]
    Limited {
        /// For so long.
        after: Duration,
        /// Whether that holds for everything.
        global: bool,
    },
    /// Discord does not know the token any more. Nothing was done; with a good token it may be.
    #[error("Discord does not know the bot's token any more")]
    NoToken,
    /// Discord does not do that.
    #[error("Discord refuses it: {message} ({status}, code {code})")]
    Refused {
        /// HTTP's status.
        status: u16,
        /// Discord's own number.
        code: i64,
        /// Discord's words.
        message: String,
    },
    /// Not done; later it may work.
    #[error("Discord could not be reached: {0}")]
    Failed(String),
    /// Not done: something between here and Discord answered, with this status of HTTP.
    #[error("something between here and Discord refuses it ({0})")]
    Barred(u16),
    /// Nobody knows whether it was done.
    #[error("Discord did not answer: {0}")]
    Unknown(String),
}

/// Where a request counts: a route and the channel (or whatever it is about).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Lane(pub(super) &'static str, pub(super) Id);

/// One request.
pub(super) struct Call<'a> {
    route: Route<'a>,
    method: LightMethod,
    lane: Lane,
    body: Option<Value>,
    files: Vec<CreateAttachment>,
    params: Vec<(&'static str, String)>,
    /// Whether it is made again by itself when it was too much.
    patient: bool,
    /// Whether it is only nice to have: the first that is left out.
    is_nicety: bool,
}

/// What was answered.
pub(super) struct Reply {
    pub(super) body: Value,
    pub(super) bucket: Option<Bucket>,
    /// When, by Discord's own clock, to the second.
    pub(super) said: Option<SystemTime>,
}

impl<'a> Call<'a> {
    fn new(method: LightMethod, route: Route<'a>, lane: Lane) -> Self {
        Self {
            route,
            method,
            lane,
            body: None,
            files: vec![],
            params: vec![],
            patient: true,
            is_nicety: false,
        }
    }

    fn nicety(mut self) -> Self {
        self.is_nicety = true;
        self
    }

    fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    fn files(mut self, files: Vec<CreateAttachment>) -> Self {
        self.files = files;
        self
    }

    /// An answer with an error, in words that tell whether it may have been done: what makes something new is done by a
    /// server that has trouble of its own, or it is not. Without Discord's `words` it was refused by something in between.
    fn trouble(
        &self,
        status: u16,
        code: i64,
        words: Option<String>,
        limited: Option<(Duration, bool)>,
    ) -> Trouble {
        let is_discords = words.is_some() || status == TOO_LARGE;
        let message = words.unwrap_or_else(|| "no words".to_owned());
        match status {
            429 => {
                let (after, global) = limited.unwrap_or((Duration::from_secs(1), false));
                Trouble::Limited { after, global }
            }
            500.. if self.method == LightMethod::Post => Trouble::Unknown(format!("{message} ({status})")),
            500.. => Trouble::Failed(format!("{message} ({status})")),
            // That of an interaction has a code.
            401 if code <= 0 => Trouble::NoToken,
            _ if !is_discords => Trouble::Barred(status),
            _ => Trouble::Refused {
                status,
                code,
                message,
            },
        }
    }

    /// How long its files take.
    fn upload(&self) -> Duration {
        upload(self.files.iter().map(|file| file.data.len()).sum())
    }

    fn request(&self) -> Request<'a> {
        let mut request = Request::new(self.route, self.method);
        let body = self.body.as_ref().map(Value::to_string);
        if self.files.is_empty() {
            request = request.body(body.map(String::into_bytes));
        } else {
            request = request.multipart(Some(Multipart {
                upload: MultipartUpload::Attachments(self.files.clone()),
                fields: vec![],
                payload_json: body,
            }));
        }
        if !self.params.is_empty() {
            request = request.params(Some(self.params.clone()));
        }
        request
    }
}

impl Rest {
    /// With the bot's token, at Discord's own address or another one.
    ///
    /// Errors: TLS can't be set up.
    pub(super) fn new(token: &SecretString, api_base: Option<&Url>) -> Result<Self, reqwest::Error> {
        Ok(Self::with(token, api_base, client()?))
    }

    fn with(token: &SecretString, api_base: Option<&Url>, client: reqwest::Client) -> Self {
        let tally = Tally::default();
        let mut http = Self::http(token, api_base, client.clone());
        if let Some(limiter) = &mut http.ratelimiter {
            let tally = tally.clone();
            limiter.set_ratelimit_callback(Box::new(move |limit| tally.waits(limit.timeout)));
        }
        let elsewhere = api_base.map(|base| base.as_str().trim_end_matches('/').to_owned());
        Self {
            http,
            client,
            elsewhere,
            gate: Gate::default(),
            tally,
        }
    }

    fn http(token: &SecretString, api_base: Option<&Url>, client: reqwest::Client) -> Http {
        let builder = HttpBuilder::new(token.expose_secret()).client(client);
        match api_base {
            Some(base) => builder
                .proxy(base.as_str().trim_end_matches('/'))
                .ratelimiter_disabled(true)
                .build(),
            None => builder.build(),
        }
    }

    /// For the routes of commands.
    pub(super) fn set_application(&self, id: Id) {
        self.http.set_application_id(ApplicationId::new(id));
    }

    /// Asks, unless Discord has refused too much lately. Cancelled, it may have been done.
    pub(super) async fn ask(&self, call: Call<'_>) -> Result<Reply, Trouble> {
        // Somebody waits for three seconds, and an interaction is refused only when it is over.
        let may_wait = call.lane.0 != "interaction";
        if let Some(after) = self.tally.held_back(call.is_nicety).filter(|_| may_wait) {
            return Err(Trouble::Limited {
                after,
                global: !call.is_nicety,
            });
        }
        let patience = PATIENCE + call.upload();
        match tokio::time::timeout(patience, self.ask_patiently(call)).await {
            Ok(done) => {
                match &done {
                    Ok(_) => self.tally.token_is_known(true),
                    Err(Trouble::NoToken) => self.tally.token_is_known(false),
                    Err(_) => {}
                }
                done
            }
            Err(_) => Err(Trouble::Unknown("it took too long".to_owned())),
        }
    }

    async fn ask_patiently(&self, call: Call<'_>) -> Result<Reply, Trouble> {
        let base = self.elsewhere.as_deref();
        // serenity gives all files of a request the same number.
        if base.is_none() && call.files.len() < 2 {
            return self.through_serenity(&call).await;
        }
        let mut tries = 1;
        loop {
            let mut place = self.gate.enter(call.lane).await;
            let answer = self.directly(base, &call).await;
            place.learn(&answer);
            match answer {
                Err(Trouble::Limited { .. }) if call.patient && tries < TRIES => tries += 1,
                answer => return answer,
            }
        }
    }

    /// serenity waits where Discord says so, and asks again after a 429.
    async fn through_serenity(&self, call: &Call<'_>) -> Result<Reply, Trouble> {
        let answer = self.http.request(call.request()).await;
        if let Err(error) = &answer {
            self.tally.failed(error);
        }
        match answer {
            Ok(response) => read(call, response).await,
            Err(serenity::Error::Http(HttpError::UnsuccessfulRequest(refused))) => {
                let status = refused.status_code.as_u16();
                let code = i64::try_from(refused.error.code).unwrap_or_default();
                // serenity's own words, where the answer is none of Discord's.
                let words = (code >= 0).then_some(refused.error.message);
                Err(call.trouble(status, code, words, None))
            }
            Err(serenity::Error::Http(HttpError::Request(error))) => Err(unanswered(&error)),
            // There was an answer that serenity can't read.
            Err(error) => Err(Trouble::Unknown(error.to_string())),
        }
    }

    async fn directly(&self, base: Option<&str>, call: &Call<'_>) -> Result<Reply, Trouble> {
        let failed = |error: &dyn std::fmt::Display| Trouble::Failed(error.to_string());
        let request = call.request().build(&self.client, self.http.token(), base);
        let mut request = request.map_err(|error| failed(&error))?;
        if call.files.len() > 1 {
            let plain = request.build().map_err(|error| failed(&cause(&error)))?;
            request = several::numbered(&self.client, &plain, call);
        }
        match request.timeout(ATTEMPT + call.upload()).send().await {
            Ok(response) => {
                self.tally.answered(response.status().as_u16());
                read(call, response).await
            }
            Err(error) => Err(unanswered(&error)),
        }
    }
}

/// How long so many bytes take on their way out.
fn upload(bytes: usize) -> Duration {
    Duration::from_secs((bytes / PACE) as u64)
}

/// Never through a proxy: the gateway's connection knows none either, and what is on this machine stays there.
fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .no_proxy()
        .connect_timeout(ATTEMPT / 2)
        // serenity gives all its requests the same one.
        .timeout(ATTEMPT + upload(LARGEST))
        .redirect(reqwest::redirect::Policy::none())
        .build()
}

async fn read(call: &Call<'_>, response: reqwest::Response) -> Result<Reply, Trouble> {
    let status = response.status();
    let header = |name: &str| {
        let text = response.headers().get(name)?.to_str().ok()?;
        text.parse::<f64>().ok()
    };
    let seconds = |name: &str| header(name).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let bucket = match (
        header("x-ratelimit-remaining"),
        seconds("x-ratelimit-reset-after"),
    ) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small count"
        )]
        (Some(remaining), Some(reset_after)) => Some(Bucket {
            remaining: remaining as u32,
            reset_after,
        }),
        _ => None,
    };
    let said = response.headers().get("date").and_then(|date| date.to_str().ok());
    let said = said.and_then(|date| httpdate::parse_http_date(date).ok());
    let after = seconds("retry-after");
    let global = response.headers().contains_key("x-ratelimit-global");
    let body: Value = match response.bytes().await {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        // It was done; what it became is not known.
        Err(error) if status.is_success() => return Err(Trouble::Unknown(cause(&error))),
        Err(_) => Value::Null,
    };
    if status.is_success() {
        return Ok(Reply { body, bucket, said });
    }
    let code = body["code"].as_i64().unwrap_or_default();
    let words = body["message"].as_str().map(str::to_owned);
    let limited = after.map(|after| (after, global || body["global"] == true));
    Err(call.trouble(status.as_u16(), code, words, limited))
}

/// Without the address, which may carry an interaction's token.
fn cause(error: &reqwest::Error) -> String {
    let mut words = match (error.is_timeout(), error.is_connect()) {
        (true, _) => "it took too long".to_owned(),
        (_, true) => "no connection".to_owned(),
        _ => "the connection broke".to_owned(),
    };
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        words = format!("{words}: {error}");
        source = error.source();
    }
    words
}

fn unanswered(error: &reqwest::Error) -> Trouble {
    if error.is_connect() || error.is_builder() {
        Trouble::Failed(cause(error))
    } else {
        Trouble::Unknown(cause(error))
    }
}
