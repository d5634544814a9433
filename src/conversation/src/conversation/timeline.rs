//! Calls about items: the timeline.

use std::collections::BTreeSet;

use credentials::Timestamp;

use super::Conversation;
use crate::error::Result;
use crate::id::{ItemId, ThreadId};
use crate::item::Item;
use crate::tables::{items, threads};

impl Conversation {
    /// Writes entries of timelines, new ones and changed ones, in one transaction: all or none.
    ///
    /// Errors: `NoThread`, `NoTurn` for an entry that refers to something that is not there.
    pub async fn put_items(&self, items: Vec<Item>) -> Result<()> {
        if items.is_empty() {
            return Ok(());
        }
        for item in &items {
            self.shared.ids.used(item.id);
        }
        self.write("write a timeline", move |database| {
            for item in &items {
                items::put(database, item)?;
                items::note_told(database, item)?;
            }
            let now = Timestamp::now();
            let touched: BTreeSet<&ThreadId> = items.iter().map(|item| &item.thread).collect();
            touched
                .into_iter()
                .try_for_each(|thread| threads::touch(database, thread, now))
        })
        .await
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
