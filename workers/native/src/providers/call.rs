//! A model call: tries until there is a reply, or a reason why there is none.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use contract::{Profile, Provider};
use credentials::{Refresher, is_safe};
use reqwest::Client;
use url::Url;

use super::abilities::{Abilities, Ability};
use super::attempt::Attempt;
use super::format::{self, Reader};
use super::payment::{NoPayment, Payment, Purse};
use super::retry::{Course, Failure, Pictures, Step};
use super::{NO_MODEL, Progress, ProviderError, Reply, Request, history, http, opaque};
use crate::message::Message;

/// A client for one provider. Built without any network; its HTTP client is made at the first call.
pub(crate) struct Model {
    format: Provider,
    url: Url,
    purse: Option<Purse>,
    client: OnceLock<Client>,
    patience: Duration,
    ca_file: Option<PathBuf>,
    /// What each model was found not to do.
    abilities: Mutex<HashMap<String, Abilities>>,
}

/// What one call has behind it.
#[derive(Default)]
struct Past {
    /// How often it was sent, or a token was asked for in vain.
    tries: u32,
    /// What was refused and not replaced yet.
    rejected: Option<Payment>,
    /// Whether what is paid with now is the replacement of a refused one.
    is_replacement: bool,
}

/// Passes progress on, and notes whether words or thoughts have come: then nothing may be sent again.
struct Tap<'a> {
    progress: &'a mut (dyn FnMut(Progress) + Send),
    has_emitted: bool,
}

impl Model {
    pub(super) fn with_refresher(profile: &Profile, refresher: Refresher) -> Result<Self, ProviderError> {
        let url = address(profile)?;
        let purse = match &profile.account {
            Some(account) => Some(Purse::open(account, refresher).map_err(ProviderError::Refused)?),
            None => None,
        };
        Ok(Self {
            format: profile.provider,
            url,
            purse,
            client: OnceLock::new(),
            patience: profile.patience,
            ca_file: profile.ca_file.clone(),
            abilities: Mutex::default(),
        })
    }

    /// Makes one call and streams it. Dropping the future ends the request.
    ///
    /// It is sent again while nothing was shown yet and the failure may pass: at most six times, with growing waits, each of
    /// which is told as [`Progress::Waiting`]. A refused token goes back to the store once.
    pub(crate) async fn call(
        &self,
        request: Request<'_>,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Reply, ProviderError> {
        if request.model.trim().is_empty() {
            return Err(ProviderError::Barred(NO_MODEL.into()));
        }
        let client = self.client()?;
        let mut past = Past::default();
        let mut tap = Tap {
            progress,
            has_emitted: false,
        };
        loop {
            let failure = match self.payment(&mut past).await? {
                Ok(payment) => {
                    past.tries += 1;
                    let mut reader = Reader::new(self.format);
                    let tried = self
                        .attempt(client, &request, payment.as_ref(), &mut reader, &mut tap)
                        .await;
                    match tried {
                        Ok(()) => {
                            if let (Some(purse), Some(payment)) = (&self.purse, &payment) {
                                purse.accepted(payment).await;
                            }
                            return Ok(reply(reader, &request, &self.url));
                        }
                        Err(failure) if tap.has_emitted => return Err(cut(&failure, reader)),
                        Err(failure) => {
                            past.note(&failure, payment);
                            failure
                        }
                    }
                }
                Err(failure) => {
                    past.tries += 1;
                    failure
                }
            };
            self.go_on(&failure, &mut past, &request, &mut tap).await?;
        }
    }

    /// What this try is paid with. The inner error is a reason to wait.
    async fn payment(&self, past: &mut Past) -> Result<Result<Option<Payment>, Failure>, ProviderError> {
        let Some(purse) = &self.purse else {
            return Ok(Ok(None));
        };
        match purse.payment(past.rejected.as_ref()).await {
            Ok(payment) => {
                past.is_replacement |= past.rejected.take().is_some();
                Ok(Ok(Some(payment)))
            }
            Err(NoPayment::Later { why, after }) => Ok(Err(Failure::NoToken { why, after })),
            Err(NoPayment::Never(error)) => Err(error),
        }
    }

    async fn attempt(
        &self,
        client: &Client,
        request: &Request<'_>,
        payment: Option<&Payment>,
        reader: &mut Reader,
        tap: &mut Tap<'_>,
    ) -> Result<(), Failure> {
        let history = opaque::own(request.history, &http::shown(&self.url));
        let request = &Request {
            history: &history,
            ..*request
        };
        let body = format::body(self.format, request, self.abilities(request.model));
        let attempt = Attempt {
            client,
            url: &self.url,
            body: &body,
            secret: payment.map(|payment| &payment.secret),
            purse: self.purse.as_ref(),
            patience: self.patience,
        };
        attempt.run(reader, &mut |progress| tap.pass(progress)).await
    }

    /// Acts on a failure: returns if the call is to be sent again.
    async fn go_on(
        &self,
        failure: &Failure,
        past: &mut Past,
        request: &Request<'_>,
        tap: &mut Tap<'_>,
    ) -> Result<(), ProviderError> {
        let course = Course {
            tries: past.tries,
            abilities: self.abilities(request.model),
            pictures: Pictures::of(request.history),
            has_replied: request.history.iter().any(Message::is_reply),
            chance: chance(),
        };
        match failure.next(course) {
            Step::Again { delay, why } => {
                let milliseconds = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
                tracing::warn!(tries = past.tries, milliseconds, "a model call is sent again");
                (tap.progress)(Progress::Waiting { why, delay });
                tokio::time::sleep(delay).await;
            }
            Step::Renew => {
                past.tries -= 1;
                let (Some(purse), Some(rejected)) = (&self.purse, &past.rejected) else {
                    return Err(self.nobody_pays(failure));
                };
                if past.is_replacement {
                    return Err(purse.refused_again(rejected));
                }
                tracing::info!("a token was refused; the store is asked for another one");
            }
            Step::Without(ability) => {
                past.tries -= 1;
                self.leave_out(request.model, ability);
            }
            Step::GiveUp(why) => return Err(ProviderError::Unavailable(why)),
            Step::Suspect(why) => return Err(ProviderError::Faulty(why)),
            Step::Shorten(why) => return Err(ProviderError::TooLong(why)),
            Step::TryShorter(why) => return Err(ProviderError::PerhapsTooLong(why)),
            Step::WithoutPictures(why) => return Err(ProviderError::Pictures(why)),
            Step::Bar(why) => return Err(ProviderError::Barred(why)),
            Step::Refuse(why) => return Err(ProviderError::Refused(why)),
        }
        Ok(())
    }

    fn nobody_pays(&self, failure: &Failure) -> ProviderError {
        ProviderError::Barred(format!(
            "{}; this agent has no account for {}\nhint: `tenant = \"…\"` in its section of the configuration names one",
            failure.words(Pictures::None),
            http::shown(&self.url)
        ))
    }

    fn client(&self) -> Result<&Client, ProviderError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = http::client(self.patience, self.ca_file.as_deref())
            .map_err(|why| ProviderError::Barred(format!("could not make an HTTP client: {why}")))?;
        Ok(self.client.get_or_init(|| client))
    }

    fn abilities(&self, model: &str) -> Abilities {
        let known = self.abilities.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(model).copied().unwrap_or_default()
    }

    fn leave_out(&self, model: &str, ability: Ability) {
        tracing::info!(
            ?ability,
            "the provider does not take a part of the request; it is left out from now on"
        );
        let mut known = self.abilities.lock().unwrap_or_else(PoisonError::into_inner);
        let abilities = known.entry(model.to_owned()).or_default();
        *abilities = abilities.without(ability);
    }
}

impl Past {
    /// Remembers a refused payment, so that the next one is another.
    fn note(&mut self, failure: &Failure, payment: Option<Payment>) {
        match failure {
            Failure::Status {
                is_rejection: true, ..
            } => self.rejected = payment,
            // The credential was not what was wrong, so the next refusal is a first one again.
            Failure::Status { .. } | Failure::Stream(_) => self.is_replacement = false,
            _ => {}
        }
    }
}

impl Tap<'_> {
    fn pass(&mut self, progress: Progress) {
        // Half a call was shown to nobody.
        self.has_emitted |= matches!(progress, Progress::Text(_) | Progress::Thought(_));
        (self.progress)(progress);
    }
}

/// Where requests go.
///
/// Errors: an address over which no credential may be sent.
fn address(profile: &Profile) -> Result<Url, ProviderError> {
    let mut url = profile.base_url.clone();
    let shown = http::shown(&url);
    if !matches!(url.scheme(), "http" | "https") {
        let scheme = url.scheme();
        return Err(ProviderError::Refused(format!(
            "the base URL of this agent begins with `{scheme}:`; it must be https or http"
        )));
    }
    if profile.account.is_some() && !is_safe(&url) {
        return Err(ProviderError::Refused(format!(
            "no credential is sent to {shown} over plain http\nhint: use https, or leave out `tenant` if the server wants no key"
        )));
    }
    match url.path_segments_mut() {
        Ok(mut segments) => {
            segments.pop_if_empty().extend(format::path(profile.provider));
        }
        // Not with http or https.
        Err(()) => return Err(ProviderError::Refused(format!("{shown} is no base URL"))),
    }
    Ok(url)
}

fn reply(reader: Reader, request: &Request<'_>, url: &Url) -> Reply {
    let (parts, usage, finish) = reader.into_reply();
    Reply {
        parts: opaque::signed(history::with_own_ids(parts, request.history), &http::shown(url)),
        usage,
        finish,
    }
}

fn cut(failure: &Failure, reader: Reader) -> ProviderError {
    ProviderError::Cut {
        why: failure.words(Pictures::None),
        partial: reader.into_partial(),
    }
}

/// From 0 up to 1. Only spreads waits, so a system without randomness does no harm.
fn chance() -> f64 {
    f64::from(getrandom::u32().unwrap_or(u32::MAX / 2)) / (f64::from(u32::MAX) + 1.0)
}
