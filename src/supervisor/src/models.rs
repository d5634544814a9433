//! What agents offer for their sessions, models and modes, as far as they have been heard.

use std::fmt::{self, Write as _};

/// What is chosen of what an agent offers for its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// The model that answers.
    Model,
    /// How it works, such as planning first.
    Mode,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Model => "model",
            Self::Mode => "mode",
        })
    }
}

/// What an agent is told to use in a thread's session, chosen or what it goes back to; `None`: whatever it uses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Chosen {
    pub(crate) model: Option<String>,
    pub(crate) mode: Option<String>,
}

/// What an agent offers of everything; `None`: nothing to choose from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offers {
    /// Models.
    pub models: Option<Offer>,
    /// Modes.
    pub modes: Option<Offer>,
}

impl Offers {
    /// What there is of one setting.
    pub fn of(&self, setting: Setting) -> Option<&Offer> {
        match setting {
            Setting::Model => self.models.as_ref(),
            Setting::Mode => self.modes.as_ref(),
        }
    }

    /// Whether there is something of everything.
    pub(crate) fn is_whole(&self) -> bool {
        self.models.is_some() && self.modes.is_some()
    }

    /// Whether there is nothing at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.models.is_none() && self.modes.is_none()
    }

    /// Adds of what was known before what is not said now.
    pub(crate) fn fill(&mut self, known: &Self) {
        let Self { models, modes } = known;
        self.models = self.models.take().or_else(|| models.clone());
        self.modes = self.modes.take().or_else(|| modes.clone());
    }
}

/// What an agent offers of one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// In its order; never empty.
    pub entries: Vec<Offered>,
    /// The id of the one that it used last.
    pub current: String,
}

/// A model or a mode that an agent offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// The agent's name of it.
    pub id: String,
    /// For people.
    pub name: String,
}

/// Entries that a sentence names.
const NAMED: usize = 30;

impl Offer {
    /// The entry that somebody means who writes its id, or its name in any case.
    pub fn find(&self, wanted: &str) -> Option<&Offered> {
        let same = |name: &str| name.to_lowercase() == wanted.to_lowercase();
        let by_id = self.entries.iter().find(|entry| entry.id == wanted);
        by_id.or_else(|| {
            self.entries
                .iter()
                .find(|entry| same(&entry.id) || same(&entry.name))
        })
    }

    /// The name of the one that it used last, for people.
    pub fn current_name(&self) -> &str {
        let current = self.entries.iter().find(|entry| entry.id == self.current);
        current.map_or(&self.current, |entry| &entry.name)
    }

    /// What is said about one that is not among them.
    pub(crate) fn lacks(&self) -> String {
        format!("it does not offer it; it offers {}", self.words())
    }

    /// The entries, as a list in a sentence.
    pub fn words(&self) -> String {
        let named = self.entries.iter().take(NAMED).map(|entry| {
            if entry.name == entry.id {
                format!("`{}`", entry.id)
            } else {
                format!("`{}` ({})", entry.id, entry.name)
            }
        });
        let mut words = named.collect::<Vec<_>>().join(", ");
        if let Some(more) = self.entries.len().checked_sub(NAMED).filter(|more| *more > 0) {
            // Writing to a string can't fail.
            let _ = write!(words, " and {more} more");
        }
        words
    }
}
