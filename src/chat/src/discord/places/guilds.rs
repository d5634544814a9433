//! Which guilds threads are in, and which guilds the bot was thrown out of: nobody says of a hidden thread where it is.

use std::collections::{BTreeMap, BTreeSet};

use super::{Places, lock};
use crate::discord::admission::Id;

/// What is known of guilds.
#[derive(Debug, Default)]
pub(super) struct Guilds {
    /// Those of threads, as it is written down.
    of: BTreeMap<Id, Id>,
    /// Those that the bot was in, and is not any more.
    gone: BTreeSet<Id>,
}

impl Places {
    /// As earlier hosts wrote it down.
    pub(in crate::discord) fn learn_guilds(&self, of: BTreeMap<Id, Id>) {
        lock(&self.guilds).of = of;
    }

    /// The guild of a thread, if that is to be written down.
    pub(in crate::discord) fn new_guild_of(&self, thread: Id) -> Option<Id> {
        let guild = self.spot(thread)?.guild?;
        (lock(&self.guilds).of.get(&thread) != Some(&guild)).then_some(guild)
    }

    /// It is written down.
    pub(in crate::discord) fn learn_guild(&self, thread: Id, guild: Id) {
        lock(&self.guilds).of.insert(thread, guild);
    }

    /// The guilds of all threads that the bot is not known to be thrown out of.
    pub(in crate::discord) fn guilds(&self) -> BTreeSet<Id> {
        let known = lock(&self.guilds);
        let all: BTreeSet<Id> = known.of.values().copied().collect();
        &all - &known.gone
    }

    /// The bot was thrown out of a guild, or is there.
    pub(in crate::discord) fn set_gone(&self, guild: Id, is_gone: bool) {
        let gone = &mut lock(&self.guilds).gone;
        if is_gone {
            gone.insert(guild);
        } else {
            gone.remove(&guild);
        }
    }

    /// Whether the bot was thrown out of the guild of a thread.
    pub(in crate::discord) fn is_gone(&self, thread: Id) -> bool {
        let known = lock(&self.guilds);
        known
            .of
            .get(&thread)
            .is_some_and(|guild| known.gone.contains(guild))
    }
}
