//! The hand on the server: counts, faults, clocks and decisions, for tests in the same process and for the HTTP API.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use crate::counts::{Counter, Counts};
use crate::faults::FaultRule;
use crate::ledger::{AuthorizationRefusal, Dialect, Verdict};
use crate::model::ModelRequest;
use crate::moment::Moment;
use crate::params::Params;
use crate::settings::SettingsChange;
use crate::state::Shared;

/// A handle on a running server. Clones act on the same server; it does not keep the server running.
#[derive(Clone)]
pub struct Control {
    shared: Arc<Shared>,
}

/// What a person would say on the consent page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Yes.
    Approve,
    /// No.
    Deny,
}

/// Why the control could not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// The counter did not get there in time, or the server stopped.
    #[error("`{counter}` is {value}, not yet {at_least}")]
    NotYet {
        /// The counter's name.
        counter: &'static str,
        /// What was waited for.
        at_least: u64,
        /// What it is.
        value: u64,
    },
    /// The fault could not be acted out.
    #[error("{0}")]
    BadFault(&'static str),
    /// The address is not one of this server's authorization endpoints.
    #[error("not an authorization address of this server")]
    NotAuthorize,
    /// The request is one the consent page would not even be shown for.
    #[error("{0}")]
    Refused(&'static str),
    /// Nothing waits under this user code.
    #[error("no device waits under this user code")]
    NoSuchDevice,
}

impl Control {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// All counters as they stand.
    pub fn counts(&self) -> Counts {
        self.shared.look(|state| state.ledger.counts.clone())
    }

    /// Waits until `counter` is at least `at_least` and returns its value. Cancel safe.
    pub async fn wait(
        &self,
        counter: Counter,
        at_least: u64,
        timeout: Duration,
    ) -> Result<u64, ControlError> {
        let there = self.shared.until(|state| {
            let value = state.ledger.counts.get(counter);
            (value >= at_least).then_some(value)
        });
        match tokio::time::timeout(timeout, there).await {
            Ok(Some(value)) => Ok(value),
            Ok(None) | Err(_) => Err(ControlError::NotYet {
                counter: counter.name(),
                at_least,
                value: self.counts().get(counter),
            }),
        }
    }

    /// The last requests to the model, oldest first; those whose bearer was refused are not among them.
    pub fn model_requests(&self) -> Vec<ModelRequest> {
        self.shared.look(|state| state.requests.last())
    }

    /// How often the model was asked each question: the last message of a person, its first 256 bytes.
    pub fn model_questions(&self) -> BTreeMap<String, u64> {
        self.shared.look(|state| state.requests.questions())
    }

    /// How often each caller has asked the model: users by name, and `key` for the configured key.
    pub fn model_callers(&self) -> BTreeMap<String, u64> {
        self.shared.look(|state| state.requests.callers())
    }

    /// Notes that a caller has done its part; the same name counts once.
    pub fn report(&self, caller: &str) {
        self.shared.change(|state| state.report(caller));
    }

    /// Adds a fault after those already there.
    pub fn add_fault(&self, rule: FaultRule) -> Result<(), ControlError> {
        if let Some(problem) = rule.problem() {
            return Err(ControlError::BadFault(problem));
        }
        self.shared.change(|state| state.faults.add(rule));
        Ok(())
    }

    /// The faults in force, with the times that are left.
    pub fn faults(&self) -> Vec<FaultRule> {
        self.shared.look(|state| state.faults.rules())
    }

    /// Removes all faults; answers that are held stay held until [`Control::release`].
    pub fn clear_faults(&self) {
        self.shared.change(|state| state.faults.clear());
    }

    /// Lets every answer go that is held by a hold fault, or by a `hold` line.
    pub fn release(&self) {
        self.shared.change(|state| state.releases += 1);
    }

    /// Refuses all access tokens issued so far; refresh tokens stay good.
    pub fn expire(&self) {
        let now = Moment::now();
        self.shared.change(|state| state.ledger.expire_access_tokens(now));
    }

    /// Revokes every family.
    pub fn revoke_families(&self) {
        self.shared.change(|state| state.ledger.revoke_all_families());
    }

    /// Turns some knobs.
    pub fn set(&self, change: SettingsChange) {
        self.shared.change(|state| state.ledger.settings.apply(change));
    }

    /// Approves or denies the device that waits under `user_code`, in either dialect.
    pub fn decide_device(&self, user_code: &str, user: &str, decision: Decision) -> Result<(), ControlError> {
        let now = Moment::now();
        let verdict = decision.by(user);
        let found = self
            .shared
            .change(|state| state.ledger.decide_device(user_code, verdict, now));
        found.then_some(()).ok_or(ControlError::NoSuchDevice)
    }

    /// Answers an authorization request as a person at the consent page would, with the same validation, and returns
    /// where the browser would be sent: with `code`, or with `error`.
    pub fn authorize(&self, url: &str, user: &str, decision: Decision) -> Result<Url, ControlError> {
        let endpoints = &self.shared.endpoints;
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let dialect = if address == endpoints.authorize {
            Dialect::Standard
        } else if address == endpoints.codex.authorize {
            Dialect::Codex
        } else {
            return Err(ControlError::NotAuthorize);
        };
        let query = query.split('#').next().unwrap_or(query);
        let params = Params::from_form(query.as_bytes())
            .map_err(|_| ControlError::Refused("a parameter is repeated"))?;
        let now = Moment::now();
        self.shared.change(|state| {
            state.ledger.counts.add(Counter::AuthorizeRequests);
            match state.ledger.examine(dialect, &params) {
                Ok(authorization) => Ok(state.ledger.answer(authorization, decision.by(user), now)),
                Err(AuthorizationRefusal::Redirect(url)) => Ok(url),
                Err(AuthorizationRefusal::Page(reason)) => Err(ControlError::Refused(reason)),
            }
        })
    }

    /// Forgets everything, the counts and faults included, and goes back to the settings of the start.
    pub fn reset(&self) {
        self.shared.reset();
    }
}

impl Decision {
    fn by(self, user: &str) -> Verdict {
        match self {
            Self::Approve => Verdict::Approve {
                user: user.to_owned(),
            },
            Self::Deny => Verdict::Deny,
        }
    }
}
