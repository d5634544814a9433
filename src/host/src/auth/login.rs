//! `auth login`: both steps at once, with the browser coming back to this machine and pasting as the way out.

use credentials::{Begun, Completed, Credentials, SignInError, Tenant, UserId, Vendor, Way};
use secrecy::SecretString;

use super::{begin, complete, tenant, user, vendor};
use crate::arguments::{GrantChoice, Login};
use crate::config::Settings;
use crate::failure::{Failure, Outcome, begin_command};
use crate::terminal::{self, Lines};
use crate::{assembly, log, output};

mod listener;
mod page;

use listener::{Listener, Returned, Serving};
use page::Page;

/// One sign-in with a link.
struct LinkSignIn<'a> {
    credentials: &'a Credentials,
    tenant: &'a Tenant,
    user: &'a UserId,
}

/// What may come first.
enum Event {
    Returned(Returned),
    Pasted(SecretString),
    /// Standard input has ended.
    NoMorePasting,
}

/// Signs in.
pub(super) fn run(asked: &Login, settings: &Settings) -> Outcome {
    log::start(&settings.log_filter);
    let credentials = assembly::credentials(settings)?;
    let user = user(asked.signer.user.as_ref(), settings)?;
    let tenant = tenant(&asked.tenant, &user, asked.signer.owner());
    let vendor = vendor(&credentials, &asked.tenant)?;
    let completed = assembly::run(sign_in(&credentials, &vendor, &tenant, &user, asked.grant))?;
    complete::report(&completed, asked.json)
}

async fn sign_in(
    credentials: &Credentials,
    vendor: &Vendor,
    tenant: &Tenant,
    user: &UserId,
    grant: Option<GrantChoice>,
) -> Result<Completed, Failure> {
    let link = LinkSignIn {
        credentials,
        tenant,
        user,
    };
    let listener = match vendor.way(grant.map(GrantChoice::name)) {
        Some(Way::Pkce(pkce)) => Listener::bind(pkce).await,
        // A way that the vendor does not have is told by `begin`.
        _ => None,
    };
    let redirect = listener.as_ref().map(|listener| listener.redirect().clone());
    let begun = begin::start(credentials, tenant, user, grant, redirect.as_ref()).await?;
    match &begun {
        Begun::Link { url, .. } => link.run(url, listener).await,
        Begun::Device { .. } => {
            for line in begin::device_words(&begun) {
                output::say(&line);
            }
            complete::wait(credentials, tenant, user, Some(&begun)).await
        }
        Begun::Key { vendor } => {
            let key = terminal::prompt(&format!("API key of {vendor} (not shown): "), true).await?;
            complete::finish(credentials, tenant, user, Some(key)).await
        }
    }
}

impl LinkSignIn<'_> {
    async fn run(&self, url: &url::Url, listener: Option<Listener>) -> Result<Completed, Failure> {
        output::say(&format!("open this link and sign in there:\n{url}"));
        let serving = listener.map(|listener| listener.serve(url));
        output::say(if serving.is_some() {
            "waiting for the browser; if it can't come back here, paste the address it ends on"
        } else {
            "no registered address of this machine is free, so paste what the page shows"
        });
        self.wait(serving).await
    }

    /// Takes answers from the browser and from the keyboard until one of them is right.
    async fn wait(&self, mut serving: Option<Serving>) -> Result<Completed, Failure> {
        let mut lines = Some(Lines::start());
        let over = tokio::time::Instant::now() + credentials::LINK_LIFE;
        loop {
            // Only the waiting ends then: what came in time is exchanged to its end.
            let next = tokio::time::timeout_at(over, next(&mut serving, &mut lines));
            let Ok(event) = next.await else {
                return Err(self.failure(SignInError::Over {
                    service: self.tenant.service.clone(),
                    user: self.user.clone(),
                }));
            };
            match event? {
                Event::Returned(returned) => {
                    let ended = self.complete(returned.address.clone()).await;
                    let page = match &ended {
                        Ok(completed) => Page::signed_in(&completed.tenant.service),
                        Err(error) => Page::failed(error),
                    };
                    returned.answer(page);
                    if let Some(serving) = serving.take() {
                        serving.end().await;
                    }
                    return ended.map_err(|error| self.failure(error));
                }
                Event::Pasted(line) => match self.complete(line).await {
                    // The sign-in still waits, and so does the person.
                    Err(SignInError::Paste(error)) => {
                        output::say(&error.to_string());
                        error.hint().into_iter().for_each(output::hint);
                    }
                    ended => return ended.map_err(|error| self.failure(error)),
                },
                Event::NoMorePasting => {
                    lines = None;
                    if serving.is_none() {
                        return Err(self.failure(credentials::PasteError::Empty.into()));
                    }
                }
            }
        }
    }

    async fn complete(&self, pasted: SecretString) -> Result<Completed, SignInError> {
        self.credentials
            .complete(&self.tenant.service, self.user, Some(pasted))
            .await
    }

    fn failure(&self, error: SignInError) -> Failure {
        let begin = begin_command(self.tenant, self.user);
        Failure::sign_in(error, &begin, self.credentials.vendors())
    }
}

async fn next(serving: &mut Option<Serving>, lines: &mut Option<Lines>) -> Result<Event, Failure> {
    let returned = async {
        match serving {
            Some(serving) => serving.next().await,
            None => std::future::pending().await,
        }
    };
    let pasted = async {
        match lines {
            Some(lines) => lines.next().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        returned = returned => Ok(Event::Returned(returned)),
        line = pasted => Ok(line?.map_or(Event::NoMorePasting, Event::Pasted)),
    }
}
