//! What an agent says without being asked: news of its session go out as events, what can't be read is left out and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use agent_client_protocol::v1::Dispatch;
use agent_client_protocol::v1::schema::{SessionNotification, SessionUpdate};
use agent_client_protocol::{Handled, JsonRpcMessage, UntypedMessage};
use contract::{LoginNeeded, Status};
use conversation::ThreadId;

use super::Event;
use super::asked::PermissionRequest;
use super::gate::Gate;

/// Each of the first ones is told; from then on only how many there are, ten times as many each time.
const TOLD: u64 = 3;

/// The ears of one connection.
#[derive(Debug)]
pub(super) struct Heard {
    gate: Arc<Gate>,
    thread: ThreadId,
    /// Messages that could not be read.
    unread: AtomicU64,
}

impl Heard {
    pub(super) fn new(gate: Arc<Gate>, thread: ThreadId) -> Self {
        Self {
            gate,
            thread,
            unread: AtomicU64::new(0),
        }
    }

    /// Takes every notification; requests and answers are for others.
    pub(super) async fn message(&self, message: Dispatch) -> Handled<Dispatch> {
        match &message {
            // Also one that is nothing to us: the crate would keep those that name a session, waiting for somebody who wants
            // them.
            Dispatch::Notification(said) => {
                self.notification(said).await;
                return Handled::Yes;
            }
            // The crate answers that it makes no sense.
            Dispatch::Request(said, _) => {
                let _ = self.read::<PermissionRequest>(said);
                let _ = self.read::<LoginNeeded>(said);
            }
            Dispatch::Response(..) => {}
        }
        Handled::No {
            message,
            retry: false,
        }
    }

    async fn notification(&self, said: &UntypedMessage) {
        if let Some(news) = self.read::<SessionNotification>(said) {
            match &news.update {
                SessionUpdate::ConfigOptionUpdate(update) => self.gate.menus.changed(&update.config_options),
                SessionUpdate::CurrentModeUpdate(update) => {
                    self.gate.menus.moved(update.current_mode_id.to_string());
                }
                _ => {}
            }
            self.send(Event::Update(Box::new(news.update))).await;
        } else if let Some(status) = self.read::<Status>(said) {
            self.send(Event::Status(status.what)).await;
        }
    }

    async fn send(&self, event: Event) {
        if self.gate.is_open() {
            self.gate.send(event).await;
        }
    }

    /// The message, if it is one of these. One that can't be read is noted.
    fn read<T: JsonRpcMessage>(&self, said: &UntypedMessage) -> Option<T> {
        if !T::matches_method(said.method()) {
            return None;
        }
        let read = T::parse_message(said.method(), said.params());
        read.map_err(|_| self.note(said.method())).ok()
    }

    fn note(&self, method: &str) {
        let count = self.unread.fetch_add(1, Ordering::Relaxed) + 1;
        let thread = &self.thread;
        if count <= TOLD {
            tracing::warn!(%thread, method, "a message of the agent can't be read, and is left out");
        } else if is_power_of_ten(count) {
            tracing::warn!(%thread, method, count, "so many messages of the agent could not be read by now");
        }
    }
}

fn is_power_of_ten(number: u64) -> bool {
    10_u64.pow(number.ilog10()) == number
}
