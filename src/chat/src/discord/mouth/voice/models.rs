//! Which model answers a turn: the one that its thread has when the turn begins. What is chosen meanwhile is for the next one.

use std::collections::HashMap;
use std::sync::Mutex;

use conversation::{Turn, TurnId};

use super::scene::Scene;
use crate::discord::bot::Bot;
use crate::discord::places::lock;

/// Models of the turns that began while this voice listened.
#[derive(Default)]
pub(super) struct Models(Mutex<HashMap<TurnId, String>>);

impl Models {
    /// Of an agent of somebody else's it is what its session uses, which may be told it only after the turn began.
    pub(super) fn learn(&self, bot: &Bot, scene: &Scene) {
        let Some(turn) = scene.running() else {
            return;
        };
        let supervisor = &bot.house.supervisor;
        let agent = supervisor.declared().get(&scene.thread.agent);
        let mut known = lock(&self.0);
        // Of ours it is what was chosen when the turn began.
        if !known.contains_key(&turn) || agent.is_some_and(|agent| !agent.is_native()) {
            let model = supervisor.model_of(&scene.thread);
            known.extend(model.map(|model| (turn, model)));
        }
    }

    /// Of a turn that nobody here saw begin: the model of its thread now.
    pub(super) fn of(&self, bot: &Bot, scene: &Scene, turn: &Turn) -> Option<String> {
        let known = lock(&self.0).get(&turn.id).cloned();
        known.or_else(|| bot.house.supervisor.model_of(&scene.thread))
    }
}
