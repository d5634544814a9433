//! What is asked of Discord next in one thread, and when.

use super::{Clock, Hash, Key, Known, Lane, NOTHING, PATIENCE, Way};
use crate::discord::render::{Button, DesiredMessage};

impl Lane {
    /// When its next request may begin; `None`: there is nothing to do, or one is under way.
    pub(in crate::discord::reconcile) fn due(&self) -> Option<Clock> {
        if self.under_way.is_some() {
            return None;
        }
        self.choice().map(|(due, _)| due)
    }

    /// The request that can begin soonest, and when. New messages come before edits where both can begin.
    pub(super) fn choice(&self) -> Option<(Clock, (Key, Way))> {
        let at = self.sends.ready().max(self.rests).max(self.not_before);
        let send = self.next_send().map(|key| (at, (key, Way::Send)));
        let edit = self.next_edit();
        match (send, edit) {
            (Some(send), Some(edit)) => Some(if edit.0 < send.0 { edit } else { send }),
            (send, edit) => send.or(edit),
        }
    }

    /// The first message that is not there, or of which that is not known; those behind it wait.
    fn next_send(&self) -> Option<Key> {
        let is_unsent = |(message, hash): &&(DesiredMessage, Hash)| match self.known.get(&message.key) {
            None => true,
            Some(Known::Unsent { says }) => says != hash,
            Some(_) => false,
        };
        let (first, _) = self.desired.iter().find(is_unsent)?;
        let mut lacking = self.lacking(first).peekable();
        if lacking.peek().is_none() {
            return Some(first.key);
        }
        // What Discord has refused: the card is to say so first.
        lacking.find(|key| !self.known.contains_key(key))
    }

    /// What is to be read before something is allowed by this message, and is not there.
    fn lacking<'a>(&'a self, card: &'a DesiredMessage) -> impl Iterator<Item = Key> + 'a {
        let allows = card.buttons.iter().any(Button::allows);
        let wanted = self.desired.iter().filter(move |_| allows);
        let keys = wanted.map(|(message, _)| message.key);
        keys.filter(|key| {
            let is_before = key.posting() == card.key.posting() && key.part < card.key.part;
            let known = || self.known.get(key);
            key.item == card.key.item && is_before && matches!(known(), None | Some(Known::Unsent { .. }))
        })
    }

    /// Of the messages that say something old the one that may be changed first, and has said it for longest.
    fn next_edit(&self) -> Option<(Clock, (Key, Way))> {
        let at = self.edits.ready().max(self.rests).max(self.next_edit);
        let outdated = self.desired.iter().filter_map(|(message, hash)| {
            let (at, remote, since) = match *self.known.get(&message.key)? {
                Known::There { remote, says, since } if says != Some(*hash) => (at, remote, since),
                Known::Unchanged {
                    remote,
                    says,
                    tries,
                    next,
                } if says != *hash || tries < PATIENCE => (at.max(next), remote, next),
                _ => return None,
            };
            if self.lacking(message).next().is_some() {
                return None;
            }
            Some((at, since, message.key, Way::Edit(remote)))
        });
        let oldest = outdated.min_by_key(|(at, since, key, _)| (*at, *since, *key));
        if let Some((at, _, key, way)) = oldest {
            return Some((at, (key, way)));
        }
        let unwanted = self.unwanted().filter_map(|(key, known)| match *known {
            Known::There { remote, .. } => Some((at, (*key, Way::Delete(remote)))),
            Known::Unchanged {
                remote,
                says,
                tries,
                next,
            } if says != NOTHING || tries < PATIENCE => Some((at.max(next), (*key, Way::Delete(remote)))),
            _ => None,
        });
        unwanted.min_by_key(|(at, (key, _))| (*at, *key))
    }

    /// What is there, and is to go: while a turn goes on only what is left of cards that were posted anew.
    pub(super) fn unwanted(&self) -> impl Iterator<Item = (&Key, &Known)> {
        let is_wanted = |key: &Key| self.desired.iter().any(|(message, _)| message.key == *key);
        let is_replaced = |key: &Key| {
            let is_newer = |newer: &Key| newer.item == key.item && newer.posting() > key.posting();
            self.desired.iter().any(|(message, _)| is_newer(&message.key))
        };
        let known = self.known.iter();
        known.filter(move |(key, _)| (self.whole || is_replaced(key)) && !is_wanted(key))
    }
}
