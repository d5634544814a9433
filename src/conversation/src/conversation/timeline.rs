//! Calls about items: the timeline.

use super::Conversation;
use crate::error::Result;
use crate::id::{ItemId, ThreadId, TurnId};
use crate::item::{Item, Window};
use crate::tables::{items, threads};

impl Conversation {
    /// Writes entries of timelines, new ones and changed ones, in one transaction: all or none. Only news, such as a question
    /// to a person, moves a thread up in lists; what became of an entry later does not.
    ///
    /// Errors: `NoThread`, `NoTurn` for an entry that refers to something that is not there.
    pub async fn put_items(&self, items: Vec<Item>) -> Result<()> {
        if items.is_empty() {
            return Ok(());
        }
        self.use_ids(&items);
        self.write("write a timeline", move |database| items::write(database, &items))
            .await
    }

    pub(super) fn use_ids(&self, items: &[Item]) {
        for item in items {
            self.shared.ids.used(item.id);
        }
    }

    /// The newest entries of a timeline before `before` (or the newest of all) that a window has room for, in order; and
    /// whether there are older ones.
    pub async fn window(
        &self,
        thread: &ThreadId,
        before: Option<ItemId>,
        window: Window,
    ) -> Result<(Vec<Item>, bool)> {
        let thread = thread.clone();
        self.read("read a timeline", move |database| {
            threads::expect(database, &thread)?;
            items::window(database, &thread, before, &window)
        })
        .await
    }

    /// The permission requests of the turn that began last before this one, in order.
    pub async fn requests_before(&self, thread: &ThreadId, turn: TurnId) -> Result<Vec<Item>> {
        let thread = thread.clone();
        self.read("read what was asked for", move |database| {
            items::requests_before(database, &thread, turn)
        })
        .await
    }

    /// One entry of a thread, if it is there.
    pub async fn item(&self, thread: &ThreadId, id: ItemId) -> Result<Option<Item>> {
        let after = ItemId(id.0.saturating_add(1));
        let newest = self.items(thread, Some(after), 1).await?;
        Ok(newest.into_iter().find(|item| item.id == id))
    }

    /// The newest `limit` entries of a timeline before `before` (or the newest of all), in order.
    pub async fn items(&self, thread: &ThreadId, before: Option<ItemId>, limit: usize) -> Result<Vec<Item>> {
        let thread = thread.clone();
        self.read("read a timeline", move |database| {
            threads::expect(database, &thread)?;
            items::newest(database, &thread, before, limit)
        })
        .await
    }
}
