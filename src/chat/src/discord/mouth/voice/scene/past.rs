//! What was before a voice looked: all of it that is to be told, however much that is.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use conversation::{Item, ItemId, TurnId, Window};

/// Older entries of a timeline are read in steps of so many.
const PAGE: usize = 200;
/// Bytes of a page.
const PAGE_BYTES: usize = 16 * 1024 * 1024;

pub(super) fn page() -> Window {
    Window {
        entries: PAGE,
        bytes: PAGE_BYTES,
        free: vec![],
    }
}

/// What is told from after `upto` on, and the whole turns that it is a part of: were a turn's beginning not known, its messages
/// would have other names than an earlier host gave them. `known`: the newest entries, which begin with `from` where there are
/// older ones. `older`: a page of those before an entry, and whether there are further ones.
///
/// Errors: those of `older`.
pub(super) async fn told<E, Older>(
    mut known: BTreeMap<ItemId, Item>,
    mut from: Option<ItemId>,
    upto: ItemId,
    older: impl Fn(ItemId) -> Older,
) -> Result<BTreeMap<ItemId, Item>, E>
where
    Older: Future<Output = Result<(Vec<Item>, bool), E>>,
{
    // What waits for an answer is there also where what came after it is not.
    while let Some(first) = from.filter(|first| *first > upto || is_inside(&known, *first, upto)) {
        let (page, further) = older(first).await?;
        from = page.first().map(|item| item.id).filter(|_| further);
        known.extend(page.into_iter().map(|item| (item.id, item)));
    }
    let told = told_turns(&known, upto);
    known.retain(|id, item| *id > upto || item.turn.is_some_and(|turn| told.contains(&turn)));
    Ok(known)
}

/// The turns that are told from after `upto` on. They are looked at whole: what shares a message follows from all of them.
fn told_turns(known: &BTreeMap<ItemId, Item>, upto: ItemId) -> BTreeSet<TurnId> {
    let told = known.range((Bound::Excluded(upto), Bound::Unbounded));
    told.filter_map(|(_, item)| item.turn).collect()
}

/// Whether entries from `first` on may begin in the middle of such a turn.
fn is_inside(known: &BTreeMap<ItemId, Item>, first: ItemId, upto: ItemId) -> bool {
    let turn = known.get(&first).and_then(|item| item.turn);
    turn.is_some_and(|turn| told_turns(known, upto).contains(&turn))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use conversation::{Body, ThreadId};
    use credentials::Timestamp;

    use super::*;

    fn item(id: i64) -> Item {
        Item {
            id: ItemId(id),
            thread: ThreadId::parse("discord:1").unwrap(),
            // The first ones are of a turn that was told.
            turn: Some(TurnId(if id <= 300 { 1 } else { 2 })),
            at: Timestamp::from_millis(id),
            body: Body::Answer { text: String::new() },
        }
    }

    #[tokio::test]
    async fn a_turn_is_known_from_its_beginning_however_long_it_is() {
        let (newest, upto) = (30_000, ItemId(29_990));
        let known = (newest - 9..=newest).map(|id| (ItemId(id), item(id))).collect();
        let older = |first: ItemId| async move {
            let begin = (first.0 - i64::try_from(PAGE).unwrap()).max(1);
            Ok::<_, Infallible>(((begin..first.0).map(item).collect(), begin > 1))
        };
        let told = told(known, Some(ItemId(newest - 9)), upto, older).await.unwrap();
        let all: Vec<i64> = told.keys().map(|id| id.0).collect();
        assert_eq!(all, (301..=newest).collect::<Vec<_>>());
    }
}
