//! The slow path of `token()`: take the tenant's lock and start a refresher, or wait for whoever holds it.

use std::time::{Duration, Instant};

use super::{Credentials, LoginReason, Refresher, Token, TokenError, refusal};
use crate::clock::Timestamp;
use crate::entry::{Credential, Entry, Grant, Need};
use crate::fault;
use crate::lock::{Cancel, LockError, LockFile, Record, TenantLock};
use crate::refresh::child::end_of;
use crate::refresh::{Gone, Job, Outcome, Plan, WAIT_LIMIT, Why, chain, plan, run, spawn};
use crate::tenant::Tenant;
use crate::vendor::TokenEndpoint;

/// How often one call starts a refresher that ends without a word (killed) before it gives up.
const MOST_REFRESHERS: u32 = 3;

/// One call on its way to a token.
struct Call<'a> {
    credentials: &'a Credentials,
    tenant: &'a Tenant,
    need: &'a Need,
    cancel: &'a Cancel,
    lock: LockFile,
    began: Timestamp,
    deadline: Instant,
    /// The generation that was found at first: a later one is somebody's fresh work.
    found: u64,
    refreshers: u32,
}

/// What a look at the store says.
enum Look {
    Token(Token),
    Stale(Box<Entry>, Grant),
}

impl Credentials {
    /// Gets a token, refreshing it if need be. Blocks up to [`WAIT_LIMIT`] for the lock and as long as a refresh takes.
    pub(super) fn acquire(&self, tenant: &Tenant, need: &Need, cancel: &Cancel) -> Result<Token, TokenError> {
        let mut call = Call {
            credentials: self,
            tenant,
            need,
            cancel,
            lock: self.store().refresh_lock(tenant),
            began: Timestamp::now(),
            deadline: Instant::now() + WAIT_LIMIT,
            found: 0,
            refreshers: 0,
        };
        call.run()
    }
}

impl Call<'_> {
    fn run(&mut self) -> Result<Token, TokenError> {
        let mut fruitless = 0;
        loop {
            // Counted by the test that bounds the rounds of 128 processes.
            tracing::trace!(tenant = %self.tenant, fruitless, "round");
            let grant = match self.look()? {
                Look::Token(token) => return Ok(token),
                Look::Stale(entry, grant) => {
                    if self.found == 0 {
                        self.found = entry.generation;
                    }
                    grant
                }
            };
            if self.cancel.is_cancelled() {
                return Err(TokenError::Cancelled {
                    tenant: self.tenant.clone(),
                });
            }
            // Somebody tried while we waited: their failure is our answer, too.
            if fruitless > 0
                && let Some(result) = self.adopt_failure(&grant, &self.lock.look().unwrap_or_default())
            {
                return result;
            }
            fault::point("before-lock");
            let lock = match self.lock.try_acquire() {
                Ok(Some(lock)) => lock,
                Ok(None) if fruitless == 0 => {
                    fruitless += 1;
                    if let Err(error) = self.lock.wait_for_holder(self.deadline, self.cancel) {
                        return self.without_lock(&grant, error);
                    }
                    continue;
                }
                // A second time: in line, so that nobody spins however many there are.
                Ok(None) => match self.lock.acquire(self.deadline, self.cancel) {
                    Ok(lock) => lock,
                    Err(error) => return self.without_lock(&grant, error),
                },
                Err(error) => return self.without_lock(&grant, error),
            };
            fruitless += 1;
            if let Some(token) = self.locked(lock)? {
                return Ok(token);
            }
        }
    }

    /// With the lock held: looks again, decides, and hands the lock to a refresher. `None`: go round.
    fn locked(&mut self, lock: TenantLock) -> Result<Option<Token>, TokenError> {
        if self.cancel.is_cancelled() {
            return Err(TokenError::Cancelled {
                tenant: self.tenant.clone(),
            });
        }
        let grant = match self.look()? {
            Look::Token(token) => return Ok(Some(token)),
            Look::Stale(_, grant) => grant,
        };
        // An answer that could not be committed comes before every plan: it holds the only refresh token that is good.
        if !self.has_leftover() {
            if let Some(result) = self.adopt_failure(&grant, lock.record()) {
                return result.map(Some);
            }
            match plan(&grant, lock.record(), self.need, Timestamp::now()) {
                Plan::Send { uncertain } => {
                    if let Some(sent) = uncertain {
                        tracing::warn!(
                            tenant = %self.tenant, pid = sent.pid, attempt = sent.attempt,
                            "a refresh was interrupted before its answer was stored; its token is sent once more"
                        );
                    }
                }
                other => return self.without_refresh(&grant, other).map(Some),
            }
        }
        if self.refreshers == MOST_REFRESHERS {
            return self
                .live_or(&grant, "the refresher was ended from outside each time", None)
                .map(Some);
        }
        let described = self
            .credentials
            .vendors()
            .get(&self.tenant.service)
            .and_then(|vendor| vendor.token_endpoint());
        let endpoint = match described {
            Ok(endpoint) => endpoint,
            Err(gap) => {
                let live = self.live_or(&grant, &gap.to_string(), None);
                return live.map(Some).map_err(|_| gap.into());
            }
        };
        self.refreshers += 1;
        match self.refresh(lock, endpoint) {
            Ok(ended) => self.after(&grant, ended),
            Err(error) => self
                .live_or(&grant, &format!("the refresher could not start: {error}"), None)
                .map(Some),
        }
    }

    /// Runs a refresher to its end. `None`: it ended without a word.
    fn refresh(&self, lock: TenantLock, endpoint: TokenEndpoint) -> std::io::Result<Option<Outcome>> {
        let store = self.credentials.store().path().to_owned();
        let job = Job::new(store, self.tenant.clone(), endpoint, self.need);
        fault::point("before-spawn");
        match &self.credentials.refresher {
            Refresher::Program(program) => Ok(end_of(spawn(program, lock, &job)?)),
            Refresher::InProcess => {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                let outcome = runtime.block_on(run(&job, lock));
                // Not waiting for a name that is still being looked up.
                runtime.shutdown_background();
                Ok(Some(outcome))
            }
        }
    }

    /// After a refresher: the answer is in the file, the reason for none in the lock file.
    fn after(&self, before: &Grant, ended: Option<Outcome>) -> Result<Option<Token>, TokenError> {
        let grant = match self.look()? {
            Look::Token(token) => return Ok(Some(token)),
            Look::Stale(_, grant) => grant,
        };
        match ended {
            Some(Outcome::Dead) => {
                let (at, reason) = match grant.dead() {
                    Some(stamp) => (stamp.at, stamp.reason.clone()),
                    None => (Timestamp::now(), "and this could not be stored".to_owned()),
                };
                Err(TokenError::login(
                    self.tenant,
                    LoginReason::Invalidated { at, reason },
                ))
            }
            Some(Outcome::TryAgain | Outcome::NotCommitted) => {
                let record = self.lock.look().unwrap_or_default();
                match self.adopt_failure(before, &record) {
                    Some(result) => result.map(Some),
                    None => match plan(&grant, &record, self.need, Timestamp::now()) {
                        Plan::Send { .. } | Plan::Use => {
                            self.live_or(&grant, "the refresh failed", None).map(Some)
                        }
                        other => self.without_refresh(&grant, other).map(Some),
                    },
                }
            }
            Some(Outcome::Done) | None => Ok(None),
        }
    }

    /// The store as it is now: a token that serves, or what there is instead.
    fn look(&self) -> Result<Look, TokenError> {
        if let Some(token) = self.credentials.ready(self.tenant, self.need)? {
            return Ok(Look::Token(token));
        }
        let entry = self
            .credentials
            .store()
            .entry(self.tenant)
            .map_err(|error| TokenError::store(self.tenant, error))?;
        let Some(entry) = entry else {
            return Err(TokenError::login(self.tenant, LoginReason::NoEntry));
        };
        let grant = match &entry.credential {
            Credential::OAuth(grant) => grant,
            Credential::ApiKey(key) if self.need.rejects(&key.key) => {
                refusal::refused(&self.lock, &key.key);
                return Err(TokenError::login(self.tenant, LoginReason::KeyRejected));
            }
            Credential::ApiKey(_) => return Ok(Look::Token(Token::of(&entry))),
        };
        if let Some(stamp) = grant.dead() {
            let (at, reason) = (stamp.at, stamp.reason.clone());
            return Err(TokenError::login(
                self.tenant,
                LoginReason::Invalidated { at, reason },
            ));
        }
        // Renewed since this call began: as good as it gets, even if it is short-lived.
        let renewed = self.found != 0 && entry.generation != self.found;
        if renewed && grant.is_live(self.need, Timestamp::now()) {
            return Ok(Look::Token(Token::of(&entry)));
        }
        Ok(Look::Stale(Box::new((*entry).clone()), (**grant).clone()))
    }

    /// The failure of a refresh that ended while this call waited for it.
    fn adopt_failure(&self, grant: &Grant, record: &Record) -> Option<Result<Token, TokenError>> {
        let failed = record.failed.as_ref()?;
        let is_ours = failed.at >= self.began && Some(&failed.fingerprint) == grant.fingerprint().as_ref();
        is_ours.then(|| self.live_or(grant, &failed.reason, left(failed.retry_at)))
    }

    fn without_refresh(&self, grant: &Grant, plan: Plan) -> Result<Token, TokenError> {
        match plan {
            Plan::Wait {
                until,
                why: Why::Failed(reason),
            } => self.live_or(grant, &reason, left(until)),
            Plan::Wait {
                until,
                why: Why::Uncertain,
            } => self.live_or(
                grant,
                "a refresh was sent and its answer never came; it is not repeated blindly",
                left(until),
            ),
            Plan::Wait {
                until,
                why: Why::RejectedAgain,
            } => self.live_or(
                grant,
                "the server refused the token before and its replacement, so another one would not help",
                left(until),
            ),
            Plan::SignIn(Gone::Invalidated { at, reason }) => Err(TokenError::login(
                self.tenant,
                LoginReason::Invalidated { at, reason },
            )),
            Plan::SignIn(Gone::NoRefreshToken) => {
                Err(TokenError::login(self.tenant, LoginReason::NoRefreshToken))
            }
            Plan::Use | Plan::Send { .. } => self.live_or(grant, "the token changed meanwhile", None),
        }
    }

    /// The stored token while it lives, else the reason as an error.
    fn live_or(&self, grant: &Grant, why: &str, after: Option<Duration>) -> Result<Token, TokenError> {
        let entry = self
            .credentials
            .store()
            .entry(self.tenant)
            .map_err(|error| TokenError::store(self.tenant, error))?;
        match entry {
            Some(entry) if grant.is_live(self.need, Timestamp::now()) => {
                tracing::warn!(tenant = %self.tenant, why, "not refreshed; the token is used while it lives");
                Ok(Token::of(&entry))
            }
            _ => Err(TokenError::try_again(self.tenant, why, after)),
        }
    }

    fn has_leftover(&self) -> bool {
        let path = self
            .credentials
            .store()
            .location()
            .recovery(&self.tenant.file_id());
        // Reserved room alone is none, but telling that is the refresher's work.
        path.symlink_metadata().is_ok()
    }

    /// No lock, no refresh; but a token that lives is a token.
    fn without_lock(&self, grant: &Grant, error: LockError) -> Result<Token, TokenError> {
        match error {
            LockError::Cancelled { .. } => Err(TokenError::Cancelled {
                tenant: self.tenant.clone(),
            }),
            error => self.live_or(grant, &chain(&error), None),
        }
    }
}

fn left(until: Timestamp) -> Option<Duration> {
    Some(until.since(Timestamp::now())).filter(|left| !left.is_zero())
}
