//! The model of a thread whose agent is somebody else's: the agent says which there are, and whether it takes one.

use conversation::{NoteKind, ThreadChange};

use super::Task;
use super::slot::Slot;
use crate::models::Offer;
use crate::supervisor::SupervisorError;
use crate::update::Change;

impl Task {
    /// What the living worker offers is what its agent offers, as far as is known.
    pub(super) fn hear_offer(&self) {
        if let Slot::Alive(alive) = &self.slot
            && !alive.process.is_over()
        {
            let offer = alive.process.offer();
            if offer.is_none() && alive.process.resumed() {
                // It need not name them again in a session that it takes up.
                return;
            }
            self.shared.offers.insert(self.served().agent.clone(), offer);
        }
    }

    /// The model that is kept for what somebody chose; any where it is not known yet what there is.
    pub(super) fn offered_model(&self, agent: &str, wanted: String) -> Result<String, SupervisorError> {
        let config = &self.shared.config;
        if config.agents.get(agent).is_none_or(crate::Agent::is_native) {
            return Ok(wanted);
        }
        let title = config.title_of(agent);
        match self.shared.offers.get(agent).as_deref() {
            None => Ok(wanted),
            Some(None) => Err(SupervisorError::NoModel(format!(
                "{title} chooses its model itself, and offers none to choose from"
            ))),
            Some(Some(offer)) => match offer.find(&wanted) {
                Some(model) => Ok(model.id.clone()),
                None => Err(SupervisorError::NoModel(format!(
                    "{title} does not offer the model `{wanted}`; it offers {}",
                    Offer::words(offer)
                ))),
            },
        }
    }

    /// It is not known whether the agent uses the model that was chosen, which stays: its people are told, once for each
    /// worker.
    pub(super) async fn unsettled_model(&mut self, why: &str) {
        let Some(model) = self.served().model.clone() else {
            return;
        };
        let Slot::Alive(alive) = &mut self.slot else {
            return;
        };
        if alive.unsettled.replace(model.clone()).as_ref() == Some(&model) {
            return;
        }
        let title = self.shared.config.title_of(&self.served().agent);
        let words = format!(
            "{title} may not use the model `{model}` now: {}. It stays chosen.",
            why.trim_end_matches('.')
        );
        self.note(NoteKind::Warning, words, None).await;
    }

    /// The agent did not take the model that was chosen: its people are told, and it goes on with its own.
    pub(super) async fn other_model(&mut self, why: &str) {
        let Some(model) = self.served().model.clone() else {
            tracing::warn!(why, "the agent did not go back to its own model");
            return;
        };
        let title = self.shared.config.title_of(&self.served().agent);
        let words = format!(
            "{title} does not use the model `{model}`: {}. It goes on with the one that it chooses itself.",
            why.trim_end_matches('.')
        );
        self.note(NoteKind::Warning, words, None).await;
        if let Some(former) = self.former() {
            // What is chosen for the next agent stays.
            former.model = None;
            return;
        }
        let change = ThreadChange {
            model: Some(None),
            ..ThreadChange::default()
        };
        match self
            .shared
            .conversation
            .change_thread(&self.thread.id, change)
            .await
        {
            Ok(thread) => {
                self.thread = thread;
                self.feed.publish(Change::Thread(self.thread.clone()));
            }
            Err(error) => tracing::warn!(%error, "could not forget a model that the agent does not take"),
        }
    }
}
