//! Why somebody said no: the protocol has no words for it, so an agent of somebody else's reads it with its next message.

use agent_client_protocol::v1::schema::ContentBlock;
use conversation::{Body, Decision, Item, TurnId};

use super::Task;
use super::slot::Slot;
use crate::speaker;

/// What people gave as reasons.
#[derive(Debug, Default)]
pub(super) struct Denials {
    /// Those that the agent was not told yet, oldest first. `None`: nobody has looked what was left by a task before this
    /// one, or the agent hears them with the answer, as ours does.
    untold: Option<Vec<String>>,
    /// So many of them stand in the last prompt.
    sent: usize,
}

impl Denials {
    /// A request was decided.
    pub(super) fn decided(&mut self, item: &Item) {
        if let Some(untold) = &mut self.untold {
            untold.extend(words(item));
        }
    }
}

impl Task {
    /// What people gave as reasons since the agent was last told something, as a block of the next prompt.
    pub(super) async fn denials(&mut self, turn: TurnId) -> Option<ContentBlock> {
        let agent = self.shared.config.agents.get(&self.served().agent);
        let Slot::Alive(alive) = &self.slot else {
            return None;
        };
        if agent.is_none_or(crate::Agent::is_native) {
            self.denials = Denials::default();
            return None;
        }
        if alive.is_fresh() && !alive.process.resumed() {
            // An agent that begins anew knows nothing of what was asked.
            self.denials = Denials {
                untold: Some(vec![]),
                sent: 0,
            };
            return None;
        }
        if self.denials.untold.is_none() {
            let before = self.shared.conversation.requests_before(&self.thread.id, turn);
            match before.await {
                Ok(items) => self.denials.untold = Some(items.iter().filter_map(words).collect()),
                Err(error) => tracing::warn!(%error, "could not read why somebody said no"),
            }
        }
        let untold = self.denials.untold.as_deref().unwrap_or_default();
        self.denials.sent = untold.len();
        (!untold.is_empty()).then(|| ContentBlock::from(untold.join("\n")))
    }

    /// The last prompt is over, or its worker: what stood in it is told if it got there, and stands in the next one if not.
    pub(super) fn denials_told(&mut self) {
        let got_there = matches!(&self.slot, Slot::Alive(alive) if alive.process.got_prompt());
        let sent = std::mem::take(&mut self.denials.sent);
        if let Some(untold) = self.denials.untold.as_mut().filter(|_| got_there) {
            untold.drain(..sent.min(untold.len()));
        }
    }
}

/// As the agent reads it. No line of it looks like one of the host's.
fn words(item: &Item) -> Option<String> {
    match &item.body {
        Body::Permission {
            title,
            decision:
                Some(Decision::Denied {
                    by,
                    reason: Some(reason),
                }),
            ..
        } => {
            let words = format!("{by} said no to “{title}”, because: {reason}");
            Some(speaker::unforged(&words).into_owned())
        }
        _ => None,
    }
}
