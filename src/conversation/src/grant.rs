//! Grants: what a thread's agent may do without asking again.

use credentials::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{GrantId, ItemId};
use crate::item::{Body, Decision};

/// Who remembers a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keeper {
    /// The host: the agent asks each time, and names what calls alike have in common.
    Host {
        /// That name; of any length.
        likeness: String,
    },
    /// The agent, in its own way: it asks no more, and nobody else can take it back.
    Agent,
}

/// Something that is always allowed in a thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// The entry that asked for it.
    pub item: ItemId,
    /// How widely it holds: the agent's words for it. Empty where they are not known.
    pub words: String,
    /// What was asked for when it was given, in a few words: `run a command`.
    pub title: String,
    /// The same exactly: the command line, the path.
    pub detail: String,
    /// Who gave it: the name they showed.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// The agent remembers it itself, so that it can't be taken back here.
    pub theirs: bool,
}

impl Grant {
    /// With what stands in the entry that asked.
    pub(crate) fn told(mut self, body: Body) -> Self {
        if let Body::Permission {
            title,
            detail,
            decision,
            ..
        } = body
        {
            (self.title, self.detail) = (title, detail);
            if let Some(Decision::Always { by, words }) = decision {
                (self.by, self.words) = (by, words);
            }
        }
        self
    }
}
