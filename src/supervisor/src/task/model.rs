//! The model and the mode of a thread whose agent is somebody else's: the agent says which there are, and whether it takes one.

use conversation::{NoteKind, Thread, ThreadChange};

use super::Task;
use super::slot::Slot;
use crate::models::{Chosen, Setting};
use crate::supervisor::SupervisorError;
use crate::update::Change;

impl Task {
    /// What the agent is told to use: what is chosen for this thread, or what it goes back to where that was taken back.
    pub(super) fn chosen(&self) -> Chosen {
        let served = self.served();
        Chosen {
            model: served.model.clone().or_else(|| served.own_model.clone()),
            mode: served.mode.clone().or_else(|| served.own_mode.clone()),
        }
    }

    /// Before the agent is told what to use, and when a turn has ended. What somebody typed before it was known what there is,
    /// gets the agent's name of it. What the agent used until now is kept, for it to go back to, also in another process; once
    /// it has, that is forgotten.
    pub(super) async fn settle_choices(&mut self) {
        let Slot::Alive(alive) = &self.slot else {
            return;
        };
        let offers = alive.process.offers();
        let mut settled = self.served().clone();
        for setting in [Setting::Model, Setting::Mode] {
            let Some(offer) = offers.of(setting) else { continue };
            let (chosen, own) = choice(&mut settled, setting);
            if let Some(named) = chosen {
                if let Some(found) = offer.find(named) {
                    named.clone_from(&found.id);
                }
                own.get_or_insert_with(|| offer.current.clone());
            } else {
                own.take_if(|own| *own == offer.current);
            }
        }
        self.settle_choice(settled).await;
    }

    /// The model that the running turn is answered with.
    pub(super) fn answering(&self) -> Option<String> {
        let agent = self.shared.config.agents.get(&self.served().agent)?;
        agent.model_in(self.served(), || match &self.slot {
            Slot::Alive(alive) => Some(alive.process.offers().models?.current_name().to_owned()),
            _ => None,
        })
    }

    /// What the living worker offers is what its agent offers, as far as is known.
    pub(super) fn hear_offers(&self) {
        if let Slot::Alive(alive) = &self.slot
            && !alive.process.is_over()
        {
            let mut offers = alive.process.offers();
            if self.served().agent == self.thread.agent {
                let models = offers.models.as_ref();
                self.board().model = models.map(|models| models.current_name().to_owned());
            }
            // It need not name them again in a session that it takes up.
            if alive.process.resumed() && !offers.is_whole() {
                match self.shared.offers.get(&self.served().agent).as_deref() {
                    Some(known) => offers.fill(known),
                    None if offers.is_empty() => return,
                    None => {}
                }
            }
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
                Setting::Mode => Err(SupervisorError::NotOffered(format!(
                    "{title} has no modes: `permissions`, of the agent or of a channel, say in the configuration what it asks for"
                ))),
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

    /// It is not known whether the agent uses what it was told to, which stays: its people are told, once for each worker.
    pub(super) async fn unsettled(&mut self, setting: Setting, why: &str) {
        let mut served = self.served().clone();
        let title = self.shared.config.title_of(&served.agent);
        let why = why.trim_end_matches('.');
        let (named, words) = match choice(&mut served, setting) {
            (Some(chosen), _) => (
                chosen.clone(),
                format!("{title} may not use the {setting} `{chosen}` now: {why}. It stays chosen."),
            ),
            (None, Some(own)) => (
                own.clone(),
                format!(
                    "{title} may not go back to its own {setting}, `{own}`, now: {why}. It is told again with the next turn."
                ),
            ),
            (None, None) => return,
        };
        let Slot::Alive(alive) = &mut self.slot else {
            return;
        };
        let about = (setting, named);
        if alive.unsettled.contains(&about) {
            return;
        }
        alive.unsettled.push(about);
        self.note(NoteKind::Warning, words, None).await;
    }

    /// The agent did not take what it was told: its people are told, and it goes on with its own.
    pub(super) async fn not_taken(&mut self, setting: Setting, why: &str) {
        let mut settled = self.served().clone();
        let title = self.shared.config.title_of(&settled.agent);
        let why = why.trim_end_matches('.');
        let (chosen, own) = choice(&mut settled, setting);
        let words = if let Some(chosen) = chosen.take() {
            format!(
                "{title} does not use the {setting} `{chosen}`: {why}. It goes on with the one that it chooses itself."
            )
        } else if let Some(own) = own.take() {
            format!(
                "{title} does not go back to its own {setting}, `{own}`: {why}. It goes on with the one that it has."
            )
        } else {
            return;
        };
        self.note(NoteKind::Warning, words, None).await;
        self.settle_choice(settled).await;
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
        let mut settled = self.served().clone();
        match choice(&mut settled, Setting::Mode) {
            (Some(chosen), _) if *chosen == from => *chosen = to,
            (None, own) if *own == Some(from) => *own = None,
            _ => return,
        }
        self.settle_choice(settled).await;
    }

    /// Writes what its agent works with from now on; what is chosen for the next agent stays.
    async fn settle_choice(&mut self, settled: Thread) {
        if settled == *self.served() {
            return;
        }
        if let Some(former) = self.former() {
            *former = settled;
            return;
        }
        let change = ThreadChange {
            model: Some(settled.model),
            mode: Some(settled.mode),
            own_model: Some(settled.own_model),
            own_mode: Some(settled.own_mode),
            ..ThreadChange::default()
        };
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

/// What is chosen of a setting, and what the agent goes back to.
fn choice(thread: &mut Thread, setting: Setting) -> (&mut Option<String>, &mut Option<String>) {
    match setting {
        Setting::Model => (&mut thread.model, &mut thread.own_model),
        Setting::Mode => (&mut thread.mode, &mut thread.own_mode),
    }
}
