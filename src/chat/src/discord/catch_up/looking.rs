//! Threads that were put away meanwhile, as long as they are looked for: of those among them that wake before they are found
//! nobody else tells.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use crate::discord::admission::Id;
use crate::discord::places::lock;

/// Guilds of which it is being found out which threads were put away.
#[derive(Debug, Default)]
pub(in crate::discord) struct Searches(Mutex<HashMap<Id, Looking>>);

/// What is being looked for in a guild.
#[derive(Debug, Default)]
struct Looking {
    left: HashMap<Id, Search>,
    /// Channels and threads that are read without that.
    known: HashSet<Id>,
}

/// A channel that is still to be looked into.
#[derive(Debug)]
struct Search {
    /// So often that is under way.
    times: usize,
    /// Up to here its threads were heard.
    before: Id,
}

impl Searches {
    /// These channels of a guild are being looked into for threads that were put away, each since a message; `known` are read
    /// anyway. What was known before of these channels, as `is_told` says, is not known any more: nobody has told what became
    /// of it.
    pub(super) fn looks(
        &self,
        guild: Id,
        channels: impl Iterator<Item = (Id, Id)>,
        is_told: impl Fn(Id) -> bool,
        known: impl Iterator<Item = Id>,
    ) {
        let mut all = lock(&self.0);
        let mut channels = channels.peekable();
        if channels.peek().is_none() && !all.contains_key(&guild) {
            return;
        }
        let looking = all.entry(guild).or_default();
        for (channel, before) in channels {
            let search = looking.left.entry(channel);
            let search = search.or_insert(Search { times: 0, before });
            search.times += 1;
            search.before = search.before.min(before);
        }
        looking.known.retain(|place| !is_told(*place));
        looking.known.extend(known);
    }

    /// A thread is told of: what is said in one that is made now is heard from its beginning.
    pub(in crate::discord) fn made(&self, guild: Id, thread: Id) {
        if let Some(looking) = lock(&self.0).get_mut(&guild)
            && looking.left.values().all(|search| thread > search.before)
        {
            looking.known.insert(thread);
        }
    }

    /// One of them was.
    pub(super) fn looked(&self, guild: Id, channel: Id) {
        let mut all = lock(&self.0);
        if let Some(looking) = all.get_mut(&guild) {
            if let Entry::Occupied(mut search) = looking.left.entry(channel) {
                search.get_mut().times -= 1;
                if search.get().times == 0 {
                    search.remove();
                }
            }
            if looking.left.is_empty() {
                all.remove(&guild);
            }
        }
    }

    /// Somebody speaks here, in a thread of `parent` if that is known. Up to where it was heard with its channel, if it may be a
    /// thread that was put away and not found yet: it is not among those any more.
    pub(super) fn wakes(&self, guild: Id, channel: Id, parent: Option<Id>) -> Option<Id> {
        let mut all = lock(&self.0);
        let looking = all.get_mut(&guild)?;
        let may_be = looking.left.iter();
        let may_be = may_be.filter(|(of, _)| parent.is_none_or(|parent| parent == **of));
        let before = may_be.map(|(_, search)| search.before).min()?;
        looking.known.insert(channel).then_some(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those of guild 1 that are looked into are 10 and 11.
    fn looking(before: Id, known: &[Id]) -> Searches {
        let searches = Searches::default();
        let known = known.iter().copied();
        let of = [10, 11].map(|channel| (channel, before));
        searches.looks(1, of.into_iter(), |_| true, known);
        searches
    }

    fn wakes(searches: &Searches, thread: Id) -> Option<Id> {
        searches.wakes(1, thread, Some(10))
    }

    #[test]
    fn a_thread_that_wakes_is_read_once_as_long_as_it_is_looked_for() {
        let searches = Searches::default();
        assert_eq!(wakes(&searches, 7), None, "nothing is looked for");
        let searches = looking(40, &[5]);
        assert_eq!(wakes(&searches, 5), None, "it is read anyway");
        assert_eq!(searches.wakes(2, 7, Some(10)), None, "elsewhere");
        assert_eq!(
            searches.wakes(1, 7, Some(12)),
            None,
            "of a channel that is not looked into"
        );
        searches.made(1, 60);
        assert_eq!(wakes(&searches, 60), None, "it is new");
        searches.made(1, 30);
        assert!(wakes(&searches, 30).is_some(), "it was there before");
        assert!(
            searches.wakes(1, 31, None).is_some(),
            "nobody knows of which channel it is"
        );
        searches.looked(1, 11);
        assert_eq!((wakes(&searches, 7), wakes(&searches, 7)), (Some(40), None));
        searches.looked(1, 10);
        assert_eq!(wakes(&searches, 8), None, "all were found");
    }

    #[test]
    fn what_was_known_before_a_guild_told_of_itself_again_is_known_no_more() {
        let searches = looking(40, &[5, 6]);
        searches.made(1, 60);
        searches.looks(1, [(10, 50), (11, 50)].into_iter(), |_| true, [6].into_iter());
        assert_eq!(wakes(&searches, 6), None, "it is open still");
        let from = Some(40);
        assert_eq!((wakes(&searches, 5), wakes(&searches, 60)), (from, from));
        // Of two channels one came into searches again, without its thread.
        searches.looks(1, [(10, 50)].into_iter(), |place| place == 5, [].into_iter());
        assert_eq!((wakes(&searches, 5), wakes(&searches, 60)), (from, None));
        // No channel of it has threads any more.
        searches.looks(1, [].into_iter(), |_| true, [].into_iter());
        assert_eq!(wakes(&searches, 6), from);
        searches.looks(2, [].into_iter(), |_| true, [].into_iter());
        assert_eq!(searches.wakes(2, 6, None), None, "nothing is looked for there");
    }
}
