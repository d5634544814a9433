//! The models that agents offer for their sessions, as far as they have been heard.

use std::fmt::Write as _;

/// What an agent offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// In its order; never empty.
    pub models: Vec<Model>,
    /// The id of the one that it used last.
    pub current: String,
}

/// A model that an agent offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// The agent's name of it.
    pub id: String,
    /// For people.
    pub name: String,
}

/// Models that a sentence names.
const NAMED: usize = 30;

impl Offer {
    /// The model that somebody means who writes its id, or its name in any case.
    pub fn find(&self, wanted: &str) -> Option<&Model> {
        let same = |name: &str| name.to_lowercase() == wanted.to_lowercase();
        let by_id = self.models.iter().find(|model| model.id == wanted);
        by_id.or_else(|| {
            self.models
                .iter()
                .find(|model| same(&model.id) || same(&model.name))
        })
    }

    /// What is said about a model that is not among them.
    pub(crate) fn lacks(&self) -> String {
        format!("it does not offer it; it offers {}", self.words())
    }

    /// The models, as a list in a sentence.
    pub fn words(&self) -> String {
        let named = self.models.iter().take(NAMED).map(|model| {
            if model.name == model.id {
                format!("`{}`", model.id)
            } else {
                format!("`{}` ({})", model.id, model.name)
            }
        });
        let mut words = named.collect::<Vec<_>>().join(", ");
        if let Some(more) = self.models.len().checked_sub(NAMED).filter(|more| *more > 0) {
            // Writing to a string can't fail.
            let _ = write!(words, " and {more} more");
        }
        words
    }
}
