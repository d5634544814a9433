//! The model and the mode of a thread whose agent is somebody else's: the agent says which there are, and whether it takes one.

use conversation::{NoteKind, Thread, ThreadChange};

use super::Task;
use super::slot::Slot;
use crate::models::{Chosen, Setting};
use crate::supervisor::SupervisorError;
use crate::update::Change;

impl Task {
    /// What is chosen for this thread.
    pub(super) fn chosen(&self) -> Chosen {
        let served = self.served();
        Chosen {
            model: served.model.clone(),
            mode: served.mode.clone(),
        }
    }

    /// What the living worker offers is what its agent offers, as far as is known.
    pub(super) fn hear_offers(&self) {
        if let Slot::Alive(alive) = &self.slot
            && !alive.process.is_over()
        {
            let mut offers = alive.process.offers();
            // It need not name them again in a session that it takes up.
            if alive.process.resumed() && !offers.is_whole() {
                match self.shared.offers.get(&self.served().agent).as_deref() {
                    Some(known) => offers.fill(known),
                    None if offers.is_empty() => return,
                    None => {}
                }
            }
            let model = offers.models.as_ref();
            self.board().model = model.map(|models| models.current_name().to_owned());
            self.shared.offers.insert(self.served().agent.clone(), offers);
        }
    }

    /// What is kept for what somebody chose; anything where it is not known yet what there is.
    pub(super) fn offered(
        &self,
        agent: &str,
        setting: Setting,
        wanted: String,
    ) -> Result<String, SupervisorError> {
        let config = &self.shared.config;
        let title = config.title_of(agent);
        let none = || {
            SupervisorError::NotOffered(format!(
                "{title} chooses its {setting} itself, and offers none to choose from"
            ))
        };
        if config.agents.get(agent).is_none_or(crate::Agent::is_native) {
            return match setting {
                Setting::Model => Ok(wanted),
                Setting::Mode => Err(none()),
            };
        }
        let Some(offers) = self.shared.offers.get(agent) else {
            return Ok(wanted);
        };
        let offer = offers.of(setting).ok_or_else(none)?;
        let found = offer.find(&wanted).map(|entry| entry.id.clone());
        found.ok_or_else(|| {
            SupervisorError::NotOffered(format!(
                "{title} does not offer the {setting} `{wanted}`; it offers {}",
                offer.words()
            ))
        })
    }

    /// It is not known whether the agent uses what was chosen, which stays: its people are told, once for each worker.
    pub(super) async fn unsettled(&mut self, setting: Setting, why: &str) {
        let Some(chosen) = chosen_of(self.served(), setting) else {
            return;
        };
        let Slot::Alive(alive) = &mut self.slot else {
            return;
        };
        let about = (setting, chosen.clone());
        if alive.unsettled.contains(&about) {
            return;
        }
        alive.unsettled.push(about);
        let title = self.shared.config.title_of(&self.served().agent);
        let words = format!(
            "{title} may not use the {setting} `{chosen}` now: {}. It stays chosen.",
            why.trim_end_matches('.')
        );
        self.note(NoteKind::Warning, words, None).await;
    }

    /// The agent did not take what was chosen: its people are told, and it goes on with its own.
    pub(super) async fn not_taken(&mut self, setting: Setting, why: &str) {
        let Some(chosen) = chosen_of(self.served(), setting) else {
            tracing::warn!(why, %setting, "the agent did not go back to its own choice");
            return;
        };
        let title = self.shared.config.title_of(&self.served().agent);
        let words = format!(
            "{title} does not use the {setting} `{chosen}`: {}. It goes on with the one that it chooses itself.",
            why.trim_end_matches('.')
        );
        self.note(NoteKind::Warning, words, None).await;
        if let Some(former) = self.former() {
            // What is chosen for the next agent stays.
            match setting {
                Setting::Model => former.model = None,
                Setting::Mode => former.mode = None,
            }
            return;
        }
        let change = match setting {
            Setting::Model => ThreadChange {
                model: Some(None),
                ..ThreadChange::default()
            },
            Setting::Mode => ThreadChange {
                mode: Some(None),
                ..ThreadChange::default()
            },
        };
        self.settle_choice(change).await;
    }

    /// The agent has gone over to another mode by itself, as after a plan that somebody agreed to: that is the thread's from
    /// now on, if it had one.
    pub(super) async fn follow_mode(&mut self) {
        let Slot::Alive(alive) = &self.slot else {
            return;
        };
        let Some((from, to)) = alive.process.strayed() else {
            return;
        };
        if self.former().is_none() && self.thread.mode.as_ref() == Some(&from) {
            let change = ThreadChange {
                mode: Some(Some(to)),
                ..ThreadChange::default()
            };
            self.settle_choice(change).await;
        }
    }

    async fn settle_choice(&mut self, change: ThreadChange) {
        let changed = self.shared.conversation.change_thread(&self.thread.id, change);
        match changed.await {
            Ok(thread) => {
                self.thread = thread;
                self.feed.publish(Change::Thread(self.thread.clone()));
            }
            Err(error) => tracing::warn!(%error, "could not write down what an agent works with"),
        }
    }
}

fn chosen_of(thread: &Thread, setting: Setting) -> Option<String> {
    match setting {
        Setting::Model => thread.model.clone(),
        Setting::Mode => thread.mode.clone(),
    }
}
