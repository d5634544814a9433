//! Calls about grants: what is always allowed in a thread.

use credentials::Timestamp;

use super::Conversation;
use crate::error::Result;
use crate::grant::{Grant, Keeper};
use crate::id::{GrantId, ThreadId};
use crate::item::Item;
use crate::tables::{grants, items, threads};

impl Conversation {
    /// Writes the entry of a permission request that was decided so, and that what it asked for is always allowed from now
    /// on; both or neither.
    pub async fn give_grant(&self, item: Item, keeper: Keeper) -> Result<()> {
        self.shared.ids.used(item.id);
        self.write("write what is always allowed", move |database| {
            items::put(database, &item)?;
            grants::give(database, &item, &keeper, Timestamp::now())
        })
        .await
    }

    /// Whether calls with this likeness are allowed in a thread, as the host remembers it.
    pub async fn holds_grant(&self, thread: &ThreadId, likeness: String) -> Result<bool> {
        let thread = thread.clone();
        self.read("read what is always allowed", move |database| {
            grants::holds(database, &thread, &likeness)
        })
        .await
    }

    /// What is always allowed in a thread, the oldest first.
    pub async fn grants(&self, thread: &ThreadId) -> Result<Vec<Grant>> {
        let thread = thread.clone();
        self.read("read what is always allowed", move |database| {
            threads::expect(database, &thread)?;
            grants::list(database, &thread)
        })
        .await
    }

    /// Ends one grant, or all, but for those that the agent remembers itself; and writes the entry that `told` makes of them,
    /// where there are any; both or neither. Gives back which, and the entry.
    pub async fn take_back_grants(
        &self,
        thread: &ThreadId,
        which: Option<GrantId>,
        told: impl Fn(&[Grant]) -> Item + Send + 'static,
    ) -> Result<Option<(Vec<Grant>, Item)>> {
        let thread = thread.clone();
        self.write("take back what was always allowed", move |database| {
            threads::expect(database, &thread)?;
            let taken = grants::take_back(database, &thread, which)?;
            if taken.is_empty() {
                return Ok(None);
            }
            let item = told(&taken);
            items::put(database, &item)?;
            threads::touch(database, &thread, item.at)?;
            Ok(Some((taken, item)))
        })
        .await
    }
}
