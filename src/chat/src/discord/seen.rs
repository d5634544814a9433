//! Which messages were dealt with. Ids of messages are moments, so one number says it of all channels; what is under way, and
//! what nobody has told yet, holds it back. Pure.

use std::collections::BTreeMap;

use super::admission::Id;

/// Stands for the direct conversations, which belong to no guild.
pub(super) const DIRECT: Id = 0;

/// Messages that were dealt with.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// All up to this one, but for those under way.
    newest: Option<Id>,
    /// Each as often as it is under way.
    under_way: BTreeMap<Id, u32>,
    /// Guilds of this session that have not told yet what is new in them, and what was seen before it.
    silent: BTreeMap<Id, Id>,
    written: Option<Id>,
}

impl Seen {
    /// What an earlier host wrote down; else all up to `first`.
    pub(super) fn new(written: Option<Id>, first: Id) -> Self {
        Self {
            newest: written.or(Some(first)),
            written,
            ..Self::default()
        }
    }

    /// A message has come. Until it is [`done`](Self::done), it is asked for again after a restart.
    pub(super) fn came(&mut self, message: Id) {
        *self.under_way.entry(message).or_default() += 1;
        self.newest = self.newest.max(Some(message));
    }

    /// What it asked for is durable, or nothing.
    pub(super) fn done(&mut self, message: Id) {
        if let Some(count) = self.under_way.get_mut(&message) {
            *count -= 1;
            if *count == 0 {
                self.under_way.remove(&message);
            }
        }
    }

    /// A session begins, and will tell of each of these guilds what is new there. What it tells of one says nothing of
    /// the others.
    pub(super) fn begin(&mut self, guilds: impl IntoIterator<Item = Id>) {
        let Some(before) = self.all_upto() else {
            return;
        };
        for guild in guilds {
            self.silent.entry(guild).or_insert(before);
        }
    }

    /// A guild tells what is new in it: what came after this id was not seen. It holds nothing back once that is
    /// [under way](Self::came) and it was [heard](Self::heard).
    pub(super) fn before(&self, guild: Id) -> Option<Id> {
        self.silent.get(&guild).copied().or_else(|| self.all_upto())
    }

    /// All that is new in a guild is under way.
    pub(super) fn heard(&mut self, guild: Id) {
        self.silent.remove(&guild);
    }

    /// All messages up to this one were dealt with.
    pub(super) fn all_upto(&self) -> Option<Id> {
        let under_way = self.under_way.keys().next().map(|first| first - 1);
        let silent = self.silent.values().min().copied();
        [under_way, silent].into_iter().flatten().chain(self.newest).min()
    }

    /// What is to be written down now; `None`: nothing new.
    pub(super) fn news(&mut self) -> Option<Id> {
        let upto = self.all_upto();
        if upto == self.written {
            return None;
        }
        self.written = upto;
        upto
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_way_holds_back_what_came_after_it() {
        let mut seen = Seen::new(None, 10);
        assert_eq!(seen.news(), Some(10));
        seen.came(20);
        seen.came(30);
        seen.came(20);
        seen.done(30);
        seen.done(20);
        assert_eq!(seen.news(), Some(19));
        seen.done(20);
        assert_eq!((seen.news(), seen.news()), (Some(30), None));
    }

    #[test]
    fn a_guild_that_has_not_told_what_is_new_holds_back_what_others_tell() {
        let mut seen = Seen::new(Some(10), 15);
        seen.begin([1, 2]);
        seen.heard(1);
        seen.came(30);
        seen.done(30);
        assert_eq!(
            (seen.all_upto(), seen.before(2), seen.before(1)),
            (Some(10), Some(10), Some(10))
        );
        seen.came(11);
        seen.heard(2);
        assert_eq!(seen.all_upto(), Some(10), "what it told is under way");
        seen.done(11);
        assert_eq!(seen.all_upto(), Some(30));
    }

    #[test]
    fn a_guild_that_was_away_for_a_whole_session_is_asked_from_before_it() {
        let mut seen = Seen::new(Some(10), 15);
        seen.begin([1, 2]);
        seen.heard(1);
        seen.came(30);
        seen.done(30);
        seen.begin([1, 2]);
        assert_eq!(seen.before(2), Some(10));
    }
}
