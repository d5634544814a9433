//! What a model call is doing, told again while it goes on: long work is not taken for silence, and is no flood.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::agent::client::Client;

/// Between two signs of the same work.
pub(crate) const EVERY: Duration = Duration::from_secs(1);

/// Signs of life of one model call.
#[derive(Debug)]
pub(crate) struct Sign<'a> {
    client: &'a Client,
    /// What it does as long as nothing else is known.
    usual: &'static str,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    doing: String,
    is_waiting: bool,
    told: Instant,
}

impl<'a> Sign<'a> {
    /// Tells what the call does.
    pub(crate) fn new(client: &'a Client, usual: &'static str) -> Self {
        client.status(usual);
        let state = Mutex::new(State {
            doing: usual.to_owned(),
            is_waiting: false,
            told: Instant::now(),
        });
        Self { client, usual, state }
    }

    /// Something else begins.
    pub(crate) fn now(&self, doing: impl Into<String>) {
        self.tell(doing.into(), false);
    }

    /// It waits, and says for what.
    pub(crate) fn waits(&self, why: String) {
        self.tell(why, true);
    }

    /// The same goes on, and has come so far.
    pub(crate) fn grows(&self, doing: impl FnOnce() -> String) {
        if self.is_due() {
            self.tell(doing(), false);
        }
    }

    /// The same goes on; a wait is over.
    pub(crate) fn still(&self) {
        let (is_waiting, doing) = {
            let state = self.lock();
            (state.is_waiting, state.doing.clone())
        };
        if is_waiting {
            self.now(self.usual);
        } else if self.is_due() {
            self.now(doing);
        }
    }

    fn is_due(&self) -> bool {
        self.lock().told.elapsed() >= EVERY
    }

    fn tell(&self, doing: String, is_waiting: bool) {
        let mut state = self.lock();
        *state = State {
            doing,
            is_waiting,
            told: Instant::now(),
        };
        self.client.status(state.doing.as_str());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Each change is whole before anything in it can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
