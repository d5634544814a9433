//! The order in which a timeline is read. Pure.

use crate::id::TurnId;
use crate::item::{Body, Item};

impl Item {
    /// The turn that it stands with: its own, or the one that it offers again.
    pub fn stands_with(&self) -> Option<TurnId> {
        let offered = match self.body {
            Body::Note { retry, .. } => retry,
            _ => None,
        };
        self.turn.or(offered)
    }
}

/// Entries, given in the order of their ids, in the order in which they are read: turn by turn, as turns run, so that a
/// message that had to wait stands above its reply and below what was said meanwhile. An entry of no turn stands behind
/// the last turn of which something was said before it. (The page's script does the same with what comes later.)
pub fn in_order(items: &[Item]) -> Vec<&Item> {
    let mut last = None;
    let mut read: Vec<(Option<TurnId>, &Item)> = Vec::with_capacity(items.len());
    for item in items {
        let own = item.stands_with();
        if !matches!(item.body, Body::Said { .. }) {
            last = last.max(own);
        }
        read.push((own.or(last), item));
    }
    read.sort_by_key(|(turn, item)| (*turn, item.id));
    read.into_iter().map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests;
