//! What is known of signs: those that are wanted, those that are there, and those that were refused and may be set later.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::{HEARD, Id};

/// Messages whose sign is remembered, so that it can be taken off, and as many whose sign was refused.
pub(super) const REMEMBERED: usize = 5000;

#[derive(Default)]
pub(super) struct State {
    /// What is to be done, by channel; a channel is there while somebody works on it.
    pub(super) wanted: HashMap<Id, VecDeque<(Id, &'static str)>>,
    /// Messages whose sign is wanted or being set.
    pub(super) under_way: HashMap<Id, UnderWay>,
    pub(super) shown: HashMap<Id, &'static str>,
    order: VecDeque<Id>,
    /// The newest sign of each message on which it was refused, and may be set later.
    pub(super) refused: BTreeMap<Id, Refused>,
    /// Channels in which the bot lacks a permission, those of their threads among them, and whether one more try is made.
    lacking: HashMap<Id, bool>,
    /// Channels in which a sign is just asked for, and whether more became allowed there since, perhaps.
    asking: HashMap<Id, bool>,
}

/// What is to be done about a message's sign: so many changes, and the newest sign.
pub(super) struct UnderWay {
    changes: usize,
    newest: &'static str,
}

/// A sign that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused {
    /// Of its message.
    pub(super) channel: Id,
    pub(super) sign: &'static str,
    /// Where the permission is lacking, if that is why.
    pub(super) place: Option<Id>,
}

impl State {
    /// This sign is to be on the message. Whether somebody has to begin with the channel.
    pub(super) fn want(&mut self, channel: Id, message: Id, sign: &'static str) -> bool {
        self.refused.remove(&message);
        let is_idle = !self.wanted.contains_key(&channel);
        let queue = self.wanted.entry(channel).or_default();
        let is_one_more = if let Some((_, wanted)) = queue.iter_mut().find(|(known, _)| *known == message) {
            *wanted = sign;
            false
        } else {
            queue.push_back((message, sign));
            true
        };
        let nothing = UnderWay {
            changes: 0,
            newest: sign,
        };
        let under_way = self.under_way.entry(message).or_insert(nothing);
        under_way.changes += usize::from(is_one_more);
        under_way.newest = sign;
        is_idle
    }

    /// What is to be done next in a channel: the message, its sign, and the one that is there, if that is known. `None`: nothing,
    /// and nobody works on it any more.
    pub(super) fn next(&mut self, channel: Id) -> Option<(Id, &'static str, Option<&'static str>)> {
        let next = self.wanted.get_mut(&channel).and_then(|queue| {
            // Where much was said at once, how a turn ended does not wait until all is known to be heard.
            let says_more = queue.iter().position(|(_, sign)| *sign != HEARD);
            queue.remove(says_more.unwrap_or(0))
        });
        let Some((message, sign)) = next else {
            self.wanted.remove(&channel);
            return None;
        };
        Some((message, sign, self.shown.get(&message).copied()))
    }

    pub(super) fn end(&mut self, message: Id) {
        if let Some(under_way) = self.under_way.get_mut(&message) {
            under_way.changes -= 1;
            if under_way.changes == 0 {
                self.under_way.remove(&message);
            }
        }
    }

    /// The sign that a message has, or is to have.
    pub(super) fn newest(&self, message: Id) -> Option<&'static str> {
        let under_way = self.under_way.get(&message).map(|under_way| under_way.newest);
        let refused = || self.refused.get(&message).map(|refused| refused.sign);
        under_way
            .or_else(refused)
            .or_else(|| self.shown.get(&message).copied())
    }

    pub(super) fn forget(&mut self, message: Id) {
        self.shown.remove(&message);
        self.order.retain(|known| *known != message);
    }

    pub(super) fn remember(&mut self, message: Id, sign: &'static str) {
        if self.shown.insert(message, sign).is_none() {
            self.order.push_back(message);
        }
        while self.order.len() > REMEMBERED {
            if let Some(old) = self.order.pop_front() {
                self.shown.remove(&old);
            }
        }
    }

    /// A sign was refused, or not asked for, for want of a permission in this `place` if that is why. A newer one that is
    /// wanted by now counts.
    pub(super) fn refuse(&mut self, message: Id, (channel, sign): (Id, &'static str), place: Option<Id>) {
        if let Some(place) = place {
            self.lacking.insert(place, false);
        }
        let is_outdated = self.under_way.get(&message).is_some_and(|one| one.changes > 1);
        if !is_outdated {
            let refused = Refused { channel, sign, place };
            self.refused.insert(message, refused);
        }
        while self.refused.len() > REMEMBERED {
            self.refused.pop_first();
        }
    }

    /// Whether the newest sign of a message was refused for want of a permission, and this one is still there.
    pub(super) fn is_refused_beside(&self, message: Id, shown: Option<&'static str>) -> bool {
        let lacks = self.refused.get(&message).is_some_and(|one| one.place.is_some());
        lacks && self.shown.get(&message).copied() == shown
    }

    /// Whether every sign is refused there, as far as is known.
    pub(super) fn is_lacking(&self, place: Id) -> bool {
        self.lacking.get(&place) == Some(&false)
    }

    /// One more sign is asked for there, though the last one was refused.
    pub(super) fn dares(&mut self, place: Id) {
        if let Some(is_tried) = self.lacking.get_mut(&place) {
            *is_tried = true;
        }
    }

    /// More is allowed now in some places, perhaps.
    pub(super) fn is_changed(&mut self, is_there: impl Fn(Id) -> bool) {
        self.lacking.retain(|place, _| !is_there(*place));
        let asking = self.asking.iter_mut();
        for (_, is_changed) in asking.filter(|(channel, _)| is_there(**channel)) {
            *is_changed = true;
        }
    }

    /// A sign is asked for in a channel, one at a time.
    pub(super) fn asks(&mut self, channel: Id) {
        self.asking.insert(channel, false);
    }

    /// It was answered. Whether more became allowed there meanwhile.
    pub(super) fn was_changed(&mut self, channel: Id) -> bool {
        self.asking.remove(&channel) == Some(true)
    }

    /// A sign was taken in a place. Whether the last one there was refused.
    pub(super) fn is_taken_again(&mut self, place: Id) -> bool {
        self.lacking.remove(&place).is_some()
    }

    /// The newest message before this one whose sign was refused, and can be tried again in these channels.
    pub(super) fn next_refused(
        &self,
        before: Id,
        is_there: impl Fn(&Refused) -> bool,
    ) -> Option<(Id, Refused)> {
        let is_of_use =
            |one: &Refused| is_there(one) && !one.place.is_some_and(|place| self.is_lacking(place));
        let mut refused = self.refused.range(..before).rev();
        refused
            .find(|(_, one)| is_of_use(one))
            .map(|(message, one)| (*message, *one))
    }
}
