//! What is read late has a mark of its channel alone, and what can't be read: nothing else of its guild is read again for it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::marks::Mark;
use super::{DIRECT, Hold, Seen, UnderWay};
use crate::discord::admission::Id;

/// A channel or thread of a guild of which something is read late, or is still to be.
#[derive(Debug)]
pub(super) struct OfChannel {
    pub(super) guild: Id,
    under_way: UnderWay,
    unread: Option<Unread>,
}

/// What came after a message is still to be read, and nobody reads it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::discord) struct Unread {
    pub(in crate::discord) after: Id,
    /// The bot does not see the channel: it is told of the threads there when it does.
    pub(in crate::discord) is_hidden: bool,
    /// By the next host, too.
    pub(in crate::discord) is_kept: bool,
}

impl OfChannel {
    fn new(guild: Id) -> Self {
        Self {
            guild,
            under_way: UnderWay::default(),
            unread: None,
        }
    }

    /// As it was written down.
    pub(super) fn kept((channel, mark): (Id, Mark)) -> (Id, Self) {
        let mut of = Self::new(mark.guild);
        of.leaves(Unread {
            after: mark.upto,
            is_hidden: false,
            is_kept: true,
        });
        (channel, of)
    }

    fn leaves(&mut self, unread: Unread) {
        let before = self.unread.unwrap_or(unread);
        self.unread = Some(Unread {
            after: before.after.min(unread.after),
            is_hidden: before.is_hidden || unread.is_hidden,
            is_kept: before.is_kept || unread.is_kept,
        });
    }

    /// What is written down.
    fn mark(&self) -> Option<Id> {
        let unread = self.unread.filter(|unread| unread.is_kept);
        let unread = unread.map(|unread| unread.after);
        [self.under_way.upto(), unread].into_iter().flatten().min()
    }
}

impl Seen {
    /// What was said in a channel or thread after this message is read now. What is told comes in order; that this is read
    /// tells nothing of what was said elsewhere, so it holds back nothing there.
    pub(in crate::discord) fn reads(&mut self, guild: Id, channel: Id, after: Id) -> Hold {
        self.holds(guild, channel, after + 1)
    }

    /// The same of one message that was read.
    pub(in crate::discord) fn holds(&mut self, guild: Id, channel: Id, message: Id) -> Hold {
        // All direct conversations are read by each session anyway.
        let channel = (guild != DIRECT).then_some(channel);
        let under_way = match channel {
            Some(channel) => &mut self.channel(guild, channel).under_way,
            None => &mut self.of(guild).under_way,
        };
        under_way.hold(message);
        Hold {
            guild,
            channel,
            message,
        }
    }

    /// Whether a host that is killed now leaves it to the next one.
    pub(in crate::discord) fn is_written(&self, hold: Hold) -> bool {
        let channel = hold.channel.unwrap_or_default();
        let written = self.written.as_ref();
        written.is_some_and(|marks| marks.upto(hold.guild, channel) < hold.message)
    }

    pub(super) fn has_read(&mut self, channel: Id, message: Id) {
        self.change(channel, |of| of.under_way.done(message));
    }

    /// What came in a channel or thread after a message can't be read now.
    pub(in crate::discord) fn leaves(&mut self, guild: Id, channel: Id, unread: Unread) {
        self.channel(guild, channel).leaves(unread);
    }

    /// It is being read now, or there is nothing in it.
    pub(in crate::discord) fn takes(&mut self, channel: Id) {
        self.change(channel, |of| of.unread = None);
    }

    /// The bot sees it.
    pub(in crate::discord) fn shows(&mut self, channel: Id) {
        self.change(channel, |of| {
            if let Some(unread) = &mut of.unread {
                unread.is_hidden = false;
            }
        });
    }

    /// It is not there any more.
    pub(in crate::discord) fn gone(&mut self, channel: Id) {
        self.channels.remove(&channel);
    }

    /// What is still to be read in a guild, and nobody reads.
    pub(in crate::discord) fn unread(&self, guild: Id) -> BTreeMap<Id, Unread> {
        let ours = self.channels.iter().filter(|(_, of)| of.guild == guild);
        ours.filter_map(|(channel, of)| Some((*channel, of.unread?)))
            .collect()
    }

    /// From where on a channel or thread is to be read, if all of its guild, or what it belongs to, was heard up to `before`.
    pub(in crate::discord) fn since(&self, guild: Id, channel: Id, before: Id) -> Id {
        let unread = self.channels.get(&channel).and_then(|of| of.unread);
        match unread {
            Some(unread) => before.min(unread.after),
            None => self.heard_upto(guild, channel, before),
        }
    }

    pub(super) fn kept(&self) -> BTreeMap<Id, Mark> {
        let all = self.channels.iter();
        let kept = all.filter_map(|(channel, of)| {
            let (guild, upto) = (of.guild, of.mark()?);
            Some((*channel, Mark { guild, upto }))
        });
        kept.collect()
    }

    fn channel(&mut self, guild: Id, channel: Id) -> &mut OfChannel {
        self.channels
            .entry(channel)
            .or_insert_with(|| OfChannel::new(guild))
    }

    fn change(&mut self, channel: Id, change: impl FnOnce(&mut OfChannel)) {
        if let Entry::Occupied(mut of) = self.channels.entry(channel) {
            change(of.get_mut());
            if of.get().unread.is_none() && of.get().under_way.upto().is_none() {
                of.remove();
            }
        }
    }
}
