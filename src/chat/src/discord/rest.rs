//! Requests to Discord: what is asked, what came of it, and not too fast.
//!
//! Towards Discord itself serenity's own rate limiter paces what goes out. With another server it would ignore the address
//! and ask the real service, so there a small one of ours (`gate`) does that.

use std::sync::Arc;
use std::time::Duration;

use reqwest_of_serenity as reqwest;
use secrecy::{ExposeSecret as _, SecretString};
use serenity::all::ApplicationId;
use serenity::http::{Http, HttpBuilder, HttpError};
use tokio_rustls::rustls::ClientConfig;
use url::Url;

use super::admission::Id;
use super::config::Server;
use super::trust;

mod answer;
mod call;
mod calls;
mod gate;
mod several;
mod tally;

#[cfg(test)]
mod tests;

pub(super) use answer::{
    NO_ACCESS, NO_PERMISSION, Reply, TOO_LARGE, Trouble, UNKNOWN_CHANNEL, UNKNOWN_MESSAGE,
};
pub(super) use call::{Call, Lane};
pub(super) use calls::{Answered, EPHEMERAL, Later, Outgoing, PutAway, Told};

use answer::{cause, read, unanswered};
use call::upload;
use gate::Gate;
use tally::Tally;

/// Longer than any honest answer takes, rate limits included.
const PATIENCE: Duration = Duration::from_mins(1);
/// Of one attempt on the network, without files.
const ATTEMPT: Duration = Duration::from_secs(20);
/// The largest file that Discord takes anywhere, in bytes.
const LARGEST: usize = 100 << 20;
/// So often a request is made again that was too much.
const TRIES: u32 = 6;

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
    tls: Arc<ClientConfig>,
}

impl Rest {
    /// With the bot's token, at Discord's own address or another one.
    ///
    /// Errors: TLS can't be set up, in words.
    pub(super) fn new(token: &SecretString, server: &Server) -> Result<Self, String> {
        let tls = trust::tls(server)?;
        let client = client(&tls).map_err(|error| error.to_string())?;
        Ok(Self::with(token, server.api_base.as_ref(), client, tls))
    }

    fn with(
        token: &SecretString,
        api_base: Option<&Url>,
        client: reqwest::Client,
        tls: Arc<ClientConfig>,
    ) -> Self {
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
            tls,
        }
    }

    /// How all connections are made.
    pub(super) fn tls(&self) -> &Arc<ClientConfig> {
        &self.tls
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
                let wrong = refused.error.errors.iter();
                let on_top = |path: &str| path.split(['.', '[']).next().unwrap_or_default().to_owned();
                let names = wrong.map(|wrong| on_top(&wrong.path)).collect();
                Err(call.trouble(status, code, words, None).naming(names))
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

/// Never through a proxy: the gateway's connection knows none either, and what is on this machine stays there.
fn client(tls: &ClientConfig) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .use_preconfigured_tls(tls.clone())
        .no_proxy()
        .connect_timeout(ATTEMPT / 2)
        // serenity gives all its requests the same one.
        .timeout(ATTEMPT + upload(LARGEST))
        .redirect(reqwest::redirect::Policy::none())
        .build()
}
