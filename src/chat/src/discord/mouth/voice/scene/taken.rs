//! What is told of a thread while its voice listens.

use conversation::{Body, ItemId};
use supervisor::{Change, Update};

use super::Scene;

/// Whether an update could be taken in.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::discord::mouth::voice) enum Taken {
    Fine,
    Resync,
    /// It changes an entry from before all that is here. Its turn is to be looked at whole: drawn alone the entry would not be
    /// known as the message that it became, and be said once more.
    Before(ItemId),
}

impl Scene {
    pub(in crate::discord::mouth::voice) fn take(&mut self, update: Update) -> Taken {
        if update.revision <= self.revision {
            return Taken::Fine;
        }
        match update.change {
            Change::Item(item) if item.id <= self.upto && !self.items.contains_key(&item.id) => {
                return Taken::Before(item.id);
            }
            Change::Item(item) => drop(self.items.insert(item.id, item)),
            Change::Append { item, at, text } => {
                let Some(Body::Answer { text: whole } | Body::Thought { text: whole }) =
                    self.items.get_mut(&item).map(|item| &mut item.body)
                else {
                    return Taken::Resync;
                };
                if !whole.is_char_boundary(at) {
                    return Taken::Resync;
                }
                whole.truncate(at);
                whole.push_str(&text);
            }
            Change::Queue(queued) => self.queued = queued,
            Change::Phase { phase, doing } => {
                self.phase = phase;
                self.doing = doing;
            }
            Change::Thread(thread) => self.thread = thread,
            Change::Resync => return Taken::Resync,
        }
        self.revision = update.revision;
        Taken::Fine
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use conversation::{Item, NoteKind, Thread, TurnId};
    use credentials::{Timestamp, UserId};
    use supervisor::{Snapshot, ThreadPhase};

    use super::*;
    use crate::web::testing::thread;

    fn told() -> Thread {
        thread("discord:1", &UserId::parse("discord:2").unwrap())
    }

    fn note(id: i64, turn: i64, text: &str) -> Item {
        Item {
            id: ItemId(id),
            thread: told().id,
            turn: Some(TurnId(turn)),
            at: Timestamp::from_millis(id),
            body: Body::Note {
                kind: NoteKind::Error,
                text: text.to_owned(),
                retry: None,
            },
        }
    }

    /// The turn 2 is told on behind the entry 20, and began with 19.
    fn scene() -> Scene {
        let items = [note(19, 2, "first"), note(21, 2, "second")];
        let snapshot = Snapshot {
            thread: told(),
            items: items.into(),
            from: None,
            queued: vec![],
            phase: ThreadPhase::Working,
            doing: None,
            revision: 7,
        };
        Scene::of(snapshot, ItemId(20))
    }

    #[test]
    fn an_entry_from_before_all_that_is_here_is_not_told_without_its_turn() {
        let mut scene = scene();
        let mut take = |revision, item: Item| {
            let update = Update {
                thread: item.thread.clone(),
                revision,
                change: Change::Item(item),
            };
            scene.take(update)
        };
        assert_eq!(take(7, note(5, 1, "known already")), Taken::Fine);
        assert_eq!(take(8, note(5, 1, "asked for again")), Taken::Before(ItemId(5)));
        assert_eq!(take(9, note(19, 2, "of a turn that is here")), Taken::Fine);
        assert_eq!(take(10, note(22, 3, "new")), Taken::Fine);
        let here: BTreeMap<i64, Option<TurnId>> =
            scene.items.values().map(|item| (item.id.0, item.turn)).collect();
        let turns = [(19, 2), (21, 2), (22, 3)].map(|(id, turn)| (id, Some(TurnId(turn))));
        assert_eq!(here, turns.into());
    }
}
