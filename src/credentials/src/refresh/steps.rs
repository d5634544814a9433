//! The refresher's seven steps. They run in a process that holds the tenant's lock and nothing else, so file work blocks.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use super::commit::{Committed, commit};
use super::{Answer, Job, Plan, REQUEST_LIMIT, REVOKE_LIMIT, Recovery, WORK_LIMIT, plan};
use crate::clock::Timestamp;
use crate::digest::Fingerprint;
use crate::entry::{Credential, Entry, Grant};
use crate::fault;
use crate::file::FileError;
use crate::lock::{GLOBAL_WAIT, Sent, TenantLock};
use crate::oauth::{self, ExchangeError, Http, TokenAnswer};
use crate::store::Store;

mod endings;

/// Between two tries to commit an answer that could not even be put into the recovery file.
const COMMIT_PAUSE: Duration = Duration::from_secs(1);

/// How a refresher ended. The tokens themselves are always read from the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The file has what there is to have.
    Done,
    /// The vendor says that the refresh token is dead, whether or not that could be stored.
    Dead,
    /// Not now; the lock file's record says why.
    TryAgain,
    /// A new token is in the recovery file, because `auth.json` could not be written.
    NotCommitted,
}

/// A failure before anything was sent, or after which nothing needs to be known.
struct Stop(String);

struct Refresher<'a> {
    job: &'a Job,
    lock: TenantLock,
    store: Store,
    /// What is not begun by then is not begun.
    deadline: Instant,
}

/// Runs a job under a lock that this process holds. Must not be cancelled between POST and commit: it is run to its end
/// by a process of its own, or by a tracked task.
pub(crate) async fn run(job: &Job, lock: TenantLock) -> Outcome {
    // The caller decided about network file systems when it opened the store.
    let Ok(store) = Store::open(&job.store, true) else {
        return Outcome::TryAgain;
    };
    let mut refresher = Refresher {
        job,
        lock,
        store,
        deadline: Instant::now() + WORK_LIMIT,
    };
    let outcome = match refresher.steps().await {
        Ok(outcome) => outcome,
        Err(Stop(reason)) => refresher.note_failure(reason, None),
    };
    fault::point("before-unlock");
    outcome
}

impl Refresher<'_> {
    async fn steps(&mut self) -> Result<Outcome, Stop> {
        if let Some(outcome) = self.consume_leftover().await? {
            return Ok(outcome);
        }
        // Step 1: the refresh token is read here, inside the lock, and nowhere before.
        let Some((entry, grant)) = self.stored()? else {
            return Ok(Outcome::Done);
        };
        let uncertain = match plan(
            &grant,
            self.lock.record(),
            &self.job.need(&grant),
            Timestamp::now(),
        ) {
            Plan::Use => return Ok(Outcome::Done),
            Plan::SignIn(_) => return Ok(Outcome::Dead),
            Plan::Wait { .. } => return Ok(Outcome::TryAgain),
            Plan::Send { uncertain } => uncertain,
        };
        if !self.has(REQUEST_LIMIT + GLOBAL_WAIT) {
            return Err(Stop(
                "storing an earlier answer took too long; nothing was sent".into(),
            ));
        }
        let http = Http::new(REQUEST_LIMIT).map_err(|error| Stop(error.to_string()))?;
        // Step 2.
        let recovery =
            Recovery::reserve(self.store.location(), &self.job.tenant).map_err(|error| Stop::of(&error))?;
        fault::point("before-mark");
        // Step 3.
        if let Err(error) = self.mark(&grant, uncertain.as_ref()) {
            // Nothing was sent: take the mark back as far as that goes, and the room with it.
            let _ = self.lock.update(|record| record.sent.clone_from(&uncertain));
            let _ = recovery.remove();
            let path = self.lock.path().display();
            return Err(Stop(format!(
                "nothing was sent: could not write `{path}`: {error}"
            )));
        }
        fault::point("before-post");
        // As late as possible: whoever deletes a lock file makes two holders possible.
        if !self.lock.still_protects() {
            let _ = self.lock.update(|record| record.sent.clone_from(&uncertain));
            let _ = recovery.remove();
            return Err(Stop("nothing was sent: the lock file was replaced".into()));
        }
        self.send(&http, &entry, &grant, recovery, uncertain).await
    }

    /// Steps 4 to 7.
    async fn send(
        &mut self,
        http: &Http,
        entry: &Entry,
        grant: &Grant,
        recovery: Recovery,
        uncertain: Option<Sent>,
    ) -> Result<Outcome, Stop> {
        let kept: RefCell<Option<(Answer, Result<(), FileError>)>> = RefCell::new(None);
        let keep = |body: &secrecy::SecretString| {
            fault::point("answered");
            let answer = self.answer(entry, grant, body.clone());
            // Step 5, before anything else is made of the answer.
            let written = recovery.write(&answer);
            fault::point("recovered");
            *kept.borrow_mut() = Some((answer, written));
        };
        let sent = oauth::refresh(http, &self.job.endpoint, grant, keep).await;
        // What was kept is committed, whatever else was found wrong with the answer.
        if let Some((answer, written)) = kept.into_inner() {
            return Ok(self.commit(&answer, recovery, written.is_ok()).await);
        }
        Ok(match sent {
            Err(ExchangeError::Dead { code }) => self.dead(grant, recovery, uncertain.as_ref(), &code),
            Err(error @ ExchangeError::Unanswered { .. }) => self.unanswered(recovery, error.to_string()),
            Ok(()) => self.unanswered(recovery, "the answer was empty".into()),
            Err(ExchangeError::Unavailable { what, retry_after }) => {
                let reason = ExchangeError::Unavailable { what, retry_after }.to_string();
                self.unspent(recovery, uncertain, reason, retry_after)
            }
            Err(error) => self.unspent(recovery, uncertain, error.to_string(), None),
        })
    }

    /// Whether there is time left for this.
    fn has(&self, needed: Duration) -> bool {
        self.deadline.saturating_duration_since(Instant::now()) >= needed
    }

    fn stored(&self) -> Result<Option<(Entry, Grant)>, Stop> {
        let entry = self
            .store
            .entry(&self.job.tenant)
            .map_err(|error| Stop(error.to_string()))?;
        Ok(entry.and_then(|entry| match &entry.credential {
            Credential::OAuth(grant) => Some(((*entry).clone(), (**grant).clone())),
            Credential::ApiKey(_) => None,
        }))
    }

    fn mark(&mut self, grant: &Grant, uncertain: Option<&Sent>) -> std::io::Result<()> {
        let sent = Sent {
            fingerprint: grant.fingerprint(),
            at: Timestamp::now(),
            pid: std::process::id(),
            attempt: uncertain.map_or(0, |sent| sent.attempt).saturating_add(1),
        };
        self.lock.update(|record| record.sent = Some(sent))
    }

    fn answer(&self, entry: &Entry, grant: &Grant, body: secrecy::SecretString) -> Answer {
        Answer {
            spent: grant
                .fingerprint()
                .unwrap_or_else(|| Fingerprint::of(&grant.access_token)),
            generation: entry.generation,
            after_rejection: self.job.need(grant).rejected.is_some(),
            received_at: Timestamp::now(),
            body,
        }
    }

    /// An answer that a refresher before this one could not commit is committed first. `None`: there was none.
    async fn consume_leftover(&mut self) -> Result<Option<Outcome>, Stop> {
        let found =
            Recovery::leftover(self.store.location(), &self.job.tenant).map_err(|error| Stop::of(&error))?;
        match found {
            None => Ok(None),
            Some((recovery, None)) => {
                // Reserved and never filled, or torn: the mark, if there is one, tells the rest.
                recovery.remove().map_err(|error| Stop::of(&error))?;
                Ok(None)
            }
            Some((recovery, Some(answer))) => match self.commit(&answer, recovery, true).await {
                Outcome::Done => Ok(None),
                other => Ok(Some(other)),
            },
        }
    }

    /// Steps 6 and 7. `safe`: the answer is in the recovery file.
    async fn commit(&mut self, answer: &Answer, recovery: Recovery, safe: bool) -> Outcome {
        let Ok(parsed) = TokenAnswer::parse(&answer.body) else {
            return self.unanswered(recovery, "the answer is not a token answer".into());
        };
        let committed = loop {
            match commit(&self.store, &self.job.tenant, &self.job.endpoint, answer, &parsed) {
                Ok(committed) => break committed,
                // Nowhere else is this answer: try for as long as there is time.
                Err(_) if !safe && self.has(GLOBAL_WAIT) => tokio::time::sleep(COMMIT_PAUSE).await,
                Err(error) => {
                    // The recovery file stays; every later refresher commits it first.
                    let reason = format!("the new token could not be stored: {}", chain(&error));
                    self.note_failure(reason, None);
                    return Outcome::NotCommitted;
                }
            }
        };
        if let Committed::Lost(grant) = committed
            && self.has(REVOKE_LIMIT)
        {
            give_back(&self.job.endpoint, &grant).await;
        }
        fault::point("committed");
        self.finish(recovery);
        Outcome::Done
    }
}

impl Stop {
    fn of(error: &FileError) -> Self {
        Self(format!("nothing was sent: {}", chain(error)))
    }
}

/// Gives a grant back that nobody will use: best effort.
async fn give_back(endpoint: &crate::vendor::TokenEndpoint, grant: &Grant) {
    let Ok(http) = Http::new(REVOKE_LIMIT) else { return };
    match oauth::revoke(&http, endpoint, grant).await {
        Ok(true) => tracing::info!("a refreshed grant lost against a login or logout and was revoked"),
        Ok(false) => {
            tracing::info!("a refreshed grant lost against a login or logout; this vendor can't revoke it");
        }
        Err(error) => {
            tracing::warn!(%error, "a refreshed grant lost against a login or logout and was not revoked");
        }
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
