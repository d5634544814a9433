//! Everything a running server remembers, behind one lock that is never held over an await.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::sync::watch;

use crate::counts::Counter;
use crate::faults::{Fault, FaultTable, Target};
use crate::ledger::Ledger;
use crate::memory::Memory;
use crate::model::Requests;
use crate::moment::Moment;
use crate::settings::Settings;
use crate::{Config, Endpoints};

/// How many distinct callers are remembered, and how long a caller's name may be.
const MAX_CALLERS: usize = 100_000;
const MAX_CALLER_BYTES: usize = 256;

/// What is remembered.
pub(crate) struct State {
    pub(crate) ledger: Ledger,
    pub(crate) faults: FaultTable,
    /// What the model was asked.
    pub(crate) requests: Requests,
    callers: HashSet<String>,
    memory: Option<Memory>,
    /// Grows by one with each release; an answer is held until it differs from what it was.
    pub(crate) releases: u64,
}

/// What the fault table wants to know about a request.
pub(crate) struct Asked {
    pub(crate) target: Target,
    pub(crate) at_token_endpoint: bool,
    pub(crate) refresh_token: Option<String>,
}

impl State {
    /// Counts a request on its arrival, and says what is to go wrong with it.
    pub(crate) fn receive(&mut self, asked: &Asked, now: Moment) -> Option<Fault> {
        if asked.at_token_endpoint {
            self.ledger.counts.add(Counter::TokenRequests);
        }
        if asked.target == Target::Refresh {
            self.ledger.counts.add(Counter::RefreshRequests);
        }
        let left = asked
            .refresh_token
            .as_deref()
            .and_then(|token| self.ledger.access_left(token, now));
        let fault = self.faults.take(asked.target, |fault| match fault {
            Fault::RefuseEarly { within_s } => left.is_some_and(|left| left > Duration::from_secs(*within_s)),
            _ => true,
        })?;
        self.ledger.counts.add(Counter::FaultsApplied);
        Some(fault)
    }

    /// Notes that a caller has reported; the same name counts once.
    pub(crate) fn report(&mut self, caller: &str) {
        let fits = caller.len() <= MAX_CALLER_BYTES && self.callers.len() < MAX_CALLERS;
        if fits && self.callers.insert(caller.to_owned()) {
            self.ledger.counts.add(Counter::Reports);
        }
    }
}

/// A running server's state with the means to wait for changes of it.
pub(crate) struct Shared {
    pub(crate) endpoints: Endpoints,
    config: Config,
    state: Mutex<State>,
    changed: watch::Sender<()>,
    stopping: watch::Sender<bool>,
}

impl Shared {
    pub(crate) fn new(config: Config, endpoints: Endpoints) -> Self {
        Self {
            state: Mutex::new(remembering(&config, &endpoints)),
            endpoints,
            config,
            changed: watch::Sender::new(()),
            stopping: watch::Sender::new(false),
        }
    }

    /// Whether this is the key that the model takes besides access tokens.
    pub(crate) fn is_model_key(&self, token: &str) -> bool {
        let key = self.config.model_key.as_ref();
        key.is_some_and(|key| key.expose_secret() == token)
    }

    /// Does something with the state, and wakes everybody who waits for a change.
    pub(crate) fn change<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        // A panic under the lock can at worst leave a count behind; a rehearsal goes on.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = act(&mut state);
        // Before anybody hears of it: an answered rotation is never forgotten.
        let State { ledger, memory, .. } = &mut *state;
        if let Some(memory) = memory {
            memory.keep(ledger);
        }
        drop(state);
        self.changed.send_replace(());
        result
    }

    /// Looks at the state.
    pub(crate) fn look<T>(&self, view: impl FnOnce(&State) -> T) -> T {
        view(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until `view` finds something; `None` when the server stops first. Cancel safe.
    pub(crate) async fn until<T>(&self, view: impl Fn(&State) -> Option<T>) -> Option<T> {
        let mut changed = self.changed.subscribe();
        loop {
            if let Some(found) = self.look(&view) {
                return Some(found);
            }
            tokio::select! {
                _ = changed.changed() => {}
                () = self.stopped() => return None,
            }
        }
    }

    /// Waits until the server stops. Cancel safe.
    pub(crate) async fn stopped(&self) {
        let mut stopping = self.stopping.subscribe();
        // An error would mean that the sender is gone, and it is a field of `self`.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }

    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Forgets everything and starts over with the original settings; held answers are let go.
    pub(crate) fn reset(&self) {
        self.change(|state| {
            let memory = state.memory.take();
            *state = fresh(&self.config, &self.endpoints, state.releases + 1);
            state.memory = memory;
        });
    }
}

fn remembering(config: &Config, endpoints: &Endpoints) -> State {
    let mut state = fresh(config, endpoints, 0);
    state.memory = config
        .memory
        .as_deref()
        .map(|path| Memory::recall(path, &mut state.ledger));
    state
}

fn fresh(config: &Config, endpoints: &Endpoints, releases: u64) -> State {
    State {
        ledger: Ledger::new(&endpoints.issuer, Settings::new(config)),
        faults: FaultTable::default(),
        requests: Requests::default(),
        callers: HashSet::new(),
        memory: None,
        releases,
    }
}
