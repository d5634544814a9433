//! Who speaks in a place besides people: bots, so many turns in a row, and another program with this token. And what people were
//! told there once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::{Places, lock};
use crate::discord::admission::Id;

/// So long a place is left to another program that spoke there with the same token.
const ANOTHERS: Duration = Duration::from_mins(10);

impl Places {
    /// Whether this is the first time.
    pub(in crate::discord) fn tell_once(&self, channel: Id, user: Id) -> bool {
        lock(&self.told).insert((channel, user))
    }

    /// Whether somebody was told that this login pays there.
    pub(in crate::discord) fn knows_payer(&self, channel: Id, user: Id, pays: &str) -> bool {
        lock(&self.payers)
            .get(&(channel, user))
            .is_some_and(|told| told == pays)
    }

    pub(in crate::discord) fn told_payer(&self, channel: Id, user: Id, pays: String) {
        lock(&self.payers).insert((channel, user), pays);
    }

    pub(in crate::discord) fn bot_turns(&self, channel: Id) -> u32 {
        lock(&self.bot_turns).get(&channel).copied().unwrap_or_default()
    }

    /// As it was when an earlier host wrote it down.
    pub(in crate::discord) fn learn_bot_turns(&self, turns: BTreeMap<Id, u32>) {
        *lock(&self.bot_turns) = turns;
    }

    /// A turn was begun that belongs to all of these; a person's ends their rows, and that of the channel they belong to.
    /// What is to be written down, if something changed.
    pub(in crate::discord) fn began(&self, places: &[Id], by_bot: bool) -> Option<BTreeMap<Id, u32>> {
        let places: BTreeSet<Id> = places.iter().copied().collect();
        let parents = places.iter().filter_map(|place| self.spot(*place)?.parent);
        let parents: Vec<Id> = parents.filter(|_| !by_bot).collect();
        let mut turns = lock(&self.bot_turns);
        let before = turns.clone();
        for place in places.into_iter().chain(parents) {
            if by_bot {
                *turns.entry(place).or_default() += 1;
            } else {
                turns.remove(&place);
            }
        }
        (*turns != before).then(|| turns.clone())
    }

    /// Another program speaks there as this bot. `said`: the message by which that was noticed; 0 if by none.
    pub(in crate::discord) fn learn_anothers(&self, channel: Id, said: Id) {
        let mut anothers = lock(&self.anothers);
        anothers.retain(|_, (noticed, _)| noticed.elapsed() < ANOTHERS);
        let before = anothers.get(&channel).map_or(0, |(_, said)| *said);
        anothers.insert(channel, (Instant::now(), said.max(before)));
    }

    /// If one did a moment ago: the newest message that it said there.
    pub(in crate::discord) fn said_by_another(&self, channel: Id) -> Option<Id> {
        let (noticed, said) = lock(&self.anothers).get(&channel).copied()?;
        (noticed.elapsed() < ANOTHERS).then_some(said)
    }

    pub(in crate::discord) fn learn_machine(&self, user: Id, is_machine: bool) {
        lock(&self.machines).insert(user, is_machine);
    }

    /// Whether a user is a bot or a webhook; `None`: nobody has told.
    pub(in crate::discord) fn is_machine(&self, user: Id) -> Option<bool> {
        lock(&self.machines).get(&user).copied()
    }

    pub(in crate::discord) fn learn_our_role(&self, role: Id) {
        lock(&self.our_roles).insert(role);
    }

    pub(in crate::discord) fn is_our_role(&self, role: Id) -> bool {
        lock(&self.our_roles).contains(&role)
    }
}
