//! One answer of the model: streamed to the client, with the waits that it may take.

use std::time::Duration;

use agent_client_protocol::is_incoming_transport_closed;
use contract::{Account, LoginNeeded, TurnFailure};
use credentials::Owner;
use tokio::time::timeout;

use super::room::Need;
use super::{Brief, Session, TurnError};
use crate::agent::client::Login;
use crate::agent::kit::{Kit, Mind as _};
use crate::agent::outlet::{EVERY, Outlet};
use crate::agent::stop::{Stop, flushing};
use crate::agent::transcript::{Line, Withdrawal};
use crate::message::{Message, ReplyPart};
use crate::providers::{Progress, ProviderError, Reply, Request};

/// Sign-ins that are waited for in one model call: somebody else's loop must not become ours.
const LOGINS: u32 = 10;

/// How long a client may take to read the last words of a stopped answer.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What a person reads when pictures may be to blame for a fault; and when what was said may be.
const NO_PICTURES: &str =
    "hint: it may be the pictures, so they are left out from now on: go on without them, or send them again";
const TAKEN_BACK: &str = "hint: it may be what was said, so it is taken back, and the next message goes without it; say it again once the provider works";

/// How a call went.
enum Called {
    Replied(Reply),
    Failed(ProviderError, String),
    Stopped(String),
}

impl<K: Kit> Session<K> {
    /// Asks until there is a reply, a reason why there is none, or (`None`) the turn is stopped. What had been said by
    /// then is kept.
    pub(super) async fn ask(&mut self, brief: &Brief, stop: &Stop) -> Result<Option<Reply>, TurnError> {
        let (mut logins, mut is_shortened) = (0, false);
        if self.make_room(brief, stop).await?.is_none() {
            return Ok(None);
        }
        loop {
            match self.call_model(brief, stop).await {
                Called::Replied(reply) => return Ok(Some(reply)),
                Called::Stopped(said) => {
                    self.keep_partial(said).await?;
                    return Ok(None);
                }
                Called::Failed(
                    ProviderError::LoginRequired {
                        owner,
                        reason,
                        useless,
                    },
                    _,
                ) => {
                    logins += 1;
                    if self
                        .sign_in(logins, owner, reason, useless, stop)
                        .await?
                        .is_none()
                    {
                        return Ok(None);
                    }
                }
                Called::Failed(error, said) if said.is_empty() => {
                    let need = match &error {
                        ProviderError::TooLong(_) => Some(Need::Sure),
                        ProviderError::PerhapsTooLong(_) if !is_shortened => Some(Need::Doubtful),
                        ProviderError::Refused(_) if !is_shortened && self.history.has_grown() => {
                            Some(Need::Doubtful)
                        }
                        _ => None,
                    };
                    let left_out = match need {
                        Some(need) => self.leave_out(need, brief, stop).await?,
                        None => Some(false),
                    };
                    match left_out {
                        None => return Ok(None),
                        Some(true) => is_shortened = true,
                        Some(false) => return Err(self.withdraw(error).await?),
                    }
                }
                Called::Failed(error, said) => {
                    if !said.is_empty() {
                        self.keep_partial(said).await?;
                        self.keep(vec![Line::Interrupted]).await?;
                    }
                    return Err(error.into());
                }
            }
        }
    }

    /// What a request can't succeed with would be in each later one, too.
    async fn withdraw(&mut self, error: ProviderError) -> Result<TurnError, TurnError> {
        let what = match &error {
            ProviderError::TooLong(_) | ProviderError::PerhapsTooLong(_) | ProviderError::Refused(_) => {
                Withdrawal::New
            }
            ProviderError::Pictures(_) => Withdrawal::Pictures,
            ProviderError::Faulty(_) => Withdrawal::Suspect,
            _ => return Ok(error.into()),
        };
        let (messages, withheld) = self.history.extent();
        self.keep(vec![Line::Withdrawn { what }]).await?;
        let (left, withheld_now) = self.history.extent();
        let hint = match &error {
            ProviderError::Faulty(_) if left < messages => TAKEN_BACK,
            ProviderError::Faulty(_) if withheld_now > withheld => NO_PICTURES,
            _ => return Ok(error.into()),
        };
        Ok(TurnError::failed(
            TurnFailure::Unavailable,
            format!("{error}\n{hint}"),
        ))
    }

    async fn call_model(&self, brief: &Brief, stop: &Stop) -> Called {
        let history = self.history.view();
        let draft = self.transcript.draft(self.history.messages().len());
        let outlet = Outlet::new(&self.client, self.next_message(), draft);
        let request = Request {
            model: &brief.model,
            system: &brief.system,
            history: &history,
            tools: &brief.tools,
            session: self.client.session(),
        };
        let mut progress = |progress| outlet.push(progress);
        let call = self.mind.call(request, &mut progress);
        let called = flushing(call, outlet.pending(), EVERY, &self.client, || outlet.flush());
        let called = stop.or(called).await;
        if let Some(Ok(reply)) = &called {
            show_unstreamed(&outlet, reply);
        }
        if stop.or(outlet.drain()).await.is_none() && timeout(LAST_WORDS, outlet.drain()).await.is_err() {
            tracing::debug!("the client does not read; the last words of a stopped answer are only kept");
        }
        let said = outlet.said();
        match called {
            None => Called::Stopped(said),
            Some(Ok(reply)) => Called::Replied(reply),
            Some(Err(error)) => Called::Failed(error, said),
        }
    }

    /// Only words: half a tool call was never run, and half a thought is of no use to anybody.
    async fn keep_partial(&mut self, said: String) -> Result<(), TurnError> {
        if said.is_empty() {
            return Ok(());
        }
        let message = Message::Assistant {
            parts: vec![ReplyPart::Text { text: said }],
        };
        self.keep(vec![Line::Message { message }]).await?;
        Ok(())
    }

    /// `None` when the turn is stopped. `times` is how often it was asked for in this call.
    pub(super) async fn sign_in(
        &self,
        times: u32,
        owner: String,
        reason: String,
        useless: Option<u64>,
        stop: &Stop,
    ) -> Result<Option<()>, TurnError> {
        if times >= LOGINS {
            let words = "the provider refuses every login that was given to it";
            return Err(TurnError::failed(TurnFailure::LoginRequired, words));
        }
        let Some(account) = &self.profile.account else {
            return Err(TurnError::failed(TurnFailure::LoginRequired, reason));
        };
        let words = needs(account, &owner, &reason);
        self.client.status("waiting: a login is needed");
        let needed = LoginNeeded {
            session: self.client.session().to_owned(),
            service: account.service.as_str().to_owned(),
            title: account.title.clone(),
            owner,
            reason,
            useless,
        };
        match stop.or(self.client.login(needed)).await {
            None => Ok(None),
            Some(Ok(Login::Done)) => Ok(Some(())),
            Some(Ok(Login::GivenUp)) => Err(TurnError::failed(TurnFailure::LoginRequired, words)),
            Some(Ok(Login::NotUnderstood)) => Err(TurnError::LoginRequired(words)),
            Some(Err(error)) if is_incoming_transport_closed(&error) => {
                // The client is gone, so the turn is being stopped.
                stop.said().await;
                Ok(None)
            }
            Some(Err(error)) => Err(TurnError::failed(
                TurnFailure::LoginRequired,
                format!("{words} (and nobody could be asked: {})", error.message),
            )),
        }
    }
}

/// Why there is no reply, for people who read nothing else of it.
fn needs(account: &Account, owner: &str, reason: &str) -> String {
    let whose = if owner == Owner::Host.as_str() {
        "the host"
    } else {
        "the thread’s owner"
    };
    format!("{} needs a login of {whose}: {reason}", account.title)
}

/// A provider that does not stream still has said something.
fn show_unstreamed(outlet: &Outlet<'_>, reply: &Reply) {
    let (spoke, thought) = (!outlet.said().is_empty(), outlet.has_thought());
    for part in &reply.parts {
        match part {
            ReplyPart::Text { text } if !spoke => outlet.push(Progress::Text(text.clone())),
            ReplyPart::Thought { text, .. } if !thought && !text.is_empty() => {
                outlet.push(Progress::Thought(text.clone()));
            }
            _ => {}
        }
    }
}
