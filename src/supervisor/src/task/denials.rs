//! Why somebody said no: the protocol has no words for it, so an agent of somebody else's reads it with its next message.

use agent_client_protocol::v1::schema::ContentBlock;
use conversation::{Body, Decision, Item, TurnId, Window};

use super::Task;

/// A no of the turn before stands among so many entries.
const LOOKED_AT: Window = Window {
    entries: 300,
    bytes: 8 * 1024 * 1024,
    free: Vec::new(),
};

impl Task {
    /// What people gave as reasons since the agent was last told something, as a block of the next prompt. Our own agent
    /// hears them with the answer.
    pub(super) async fn denials(&mut self, turn: TurnId) -> Option<ContentBlock> {
        let agent = self.shared.config.agents.get(&self.thread.agent)?;
        // An agent that begins anew knows nothing of what was asked.
        if agent.is_native() || self.thread.session.is_none() {
            return None;
        }
        let window = self
            .shared
            .conversation
            .window(&self.thread.id, None, LOOKED_AT)
            .await;
        match window {
            Ok((items, _)) => words(&items, turn).map(ContentBlock::from),
            Err(error) => {
                tracing::warn!(%error, "could not read why somebody said no");
                None
            }
        }
    }
}

/// Those of this turn, and of the one before it.
fn words(items: &[Item], turn: TurnId) -> Option<String> {
    let before = items
        .iter()
        .filter_map(|item| item.turn)
        .filter(|at| *at < turn)
        .max();
    let reasons = items.iter().filter_map(|item| match &item.body {
        Body::Permission {
            title,
            decision:
                Some(Decision::Denied {
                    by,
                    reason: Some(reason),
                }),
            ..
        } if item.turn == Some(turn) || item.turn == before && before.is_some() => {
            Some(format!("{by} said no to “{title}”, because: {reason}"))
        }
        _ => None,
    });
    let lines = reasons.collect::<Vec<_>>().join("\n");
    (!lines.is_empty()).then_some(lines)
}
