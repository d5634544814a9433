//! What a running tool writes, on its way to the client: its end, a few times a second.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::agent::card::{Card, SHOWN, tail};
use crate::agent::client::Client;

/// Between two updates; each carries the whole shown end.
pub(super) const EVERY: Duration = Duration::from_millis(100);

/// One call's way out.
pub(super) struct Output<'a> {
    client: &'a Client,
    card: &'a Card,
    state: Mutex<State>,
    pending: Notify,
}

#[derive(Default)]
struct State {
    written: String,
    fresh: bool,
    flushed: Option<Instant>,
}

impl<'a> Output<'a> {
    pub(super) fn new(client: &'a Client, card: &'a Card) -> Self {
        Self {
            client,
            card,
            state: Mutex::default(),
            pending: Notify::new(),
        }
    }

    /// The tool wrote something.
    pub(super) fn push(&self, text: &str) {
        let mut state = self.lock();
        state.written.push_str(text);
        if state.written.len() > 4 * SHOWN {
            let lost = state.written.len() - tail(&state.written).len();
            state.written.drain(..lost);
        }
        state.fresh = true;
        if self.client.keeps_up() && state.flushed.is_none_or(|then| then.elapsed() >= EVERY) {
            self.send(&mut state);
        } else {
            self.pending.notify_one();
        }
    }

    /// Notified when something waits for [`Self::flush`].
    pub(super) fn pending(&self) -> &Notify {
        &self.pending
    }

    /// The end of what was written so far.
    pub(super) fn written(&self) -> String {
        tail(&self.lock().written).to_owned()
    }

    /// Sends what waits.
    pub(super) fn flush(&self) {
        self.send(&mut self.lock());
    }

    fn send(&self, state: &mut State) {
        if state.fresh {
            state.fresh = false;
            state.flushed = Some(Instant::now());
            self.client.update(self.card.wrote(tail(&state.written)));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Each change is whole before anything in it can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
