//! The handle: opening, closing, and the way to the writer and the readers.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use credentials::Timestamp;
use rusqlite::Connection;

use crate::database::Place;
use crate::error::{ConversationError, Result};
use crate::id::ItemId;
use crate::reader::{self, Readers};
use crate::recovery::{Found, recover};
use crate::tables::{Work, items};
use crate::writer::Writer;

mod backlog;
mod deliveries;
mod grants;
mod parts;
mod spoken;
mod threads;
mod timeline;
mod turns;

pub use parts::Part;
pub use spoken::{Spoke, Spoken};

#[cfg(test)]
mod tests;

/// What was said. A clonable handle on the one task that writes.
///
/// Every call that changes something is durable when it returns; cancelled before, it may or may not be done, but never by
/// half. Everything that was accepted is still done when the last handle is gone; only [`close`](Self::close) waits for it.
#[derive(Clone)]
pub struct Conversation {
    shared: Arc<Shared>,
}

struct Shared {
    place: Place,
    /// `None`: for looking only.
    writer: Option<Writer>,
    readers: Readers,
    ids: ItemIds,
    /// When this was opened.
    began: Timestamp,
}

/// Gives out ids of items: above all that are in the database, and never the same twice, also after a kill.
#[derive(Debug, Clone)]
struct ItemIds(Arc<AtomicI64>);

impl Conversation {
    /// Opens `conversation.db` in the state folder for a host: creates or migrates it, and ends what a host that died has
    /// left. Blocking; call it at start-up.
    ///
    /// Errors: `InUse` while another process writes; `Damaged` and `Version` for a file that this program can't go on with,
    /// which is then left as it is; `Full`.
    pub fn open(state_folder: &Path) -> Result<(Self, Found)> {
        Self::open_to_write(state_folder, |database| recover(database, Timestamp::now()))
    }

    /// Opens it for a tool that changes something while no host runs. What was running stays so: the next host ends it, and
    /// tells the thread. Blocking; errors as [`open`](Self::open).
    pub fn open_offline(state_folder: &Path) -> Result<Self> {
        let (conversation, ()) = Self::open_to_write(state_folder, |_| Ok(()))?;
        Ok(conversation)
    }

    /// Opens it for a tool that looks, whether a host runs or not. Calls that would change something are `ReadOnly`. Nothing
    /// on the disk changes: a file of an older format is brought up to date in memory, and is then seen as it was at this
    /// moment. Blocking.
    ///
    /// Errors: `Missing` if there is no conversation yet; `Damaged`; `Version` for a newer format, or an empty file.
    pub fn open_without_recovery(state_folder: &Path) -> Result<Self> {
        let place = Place::new(state_folder);
        let readers = Readers::start(&place, reader::OF_TOOL)?;
        Ok(Self {
            shared: Arc::new(Shared {
                place,
                writer: None,
                readers,
                ids: ItemIds(Arc::default()),
                began: Timestamp::now(),
            }),
        })
    }

    /// Waits until everything accepted is durable, and ends the writer. Later calls are `Closed`, this one included.
    pub async fn close(&self) -> Result<()> {
        self.shared.readers.close().await;
        match &self.shared.writer {
            Some(writer) => writer.close().await,
            None => Ok(()),
        }
    }

    /// A fresh id for an entry of a timeline; not durable by itself. Grows with every call.
    pub fn new_item_id(&self) -> ItemId {
        self.shared.ids.next()
    }

    fn open_to_write<T>(
        state_folder: &Path,
        first: impl FnOnce(&mut Connection) -> Work<T>,
    ) -> Result<(Self, T)> {
        let place = Place::new(state_folder);
        let claimed = place.claim()?;
        let mut database = place.open(&claimed)?;
        let found = first(&mut database).map_err(|trouble| trouble.named("recover", place.file()))?;
        let seen = items::take_block(&database)
            .map_err(|trouble| trouble.named("take ids for entries", place.file()))?;
        let readers = Readers::start(&place, reader::OF_HOST)?;
        let writer = Writer::start(database, place.clone(), claimed)?;
        let shared = Shared {
            place,
            writer: Some(writer),
            readers,
            ids: ItemIds(Arc::new(AtomicI64::new(seen))),
            began: Timestamp::now(),
        };
        let conversation = Self {
            shared: Arc::new(shared),
        };
        Ok((conversation, found))
    }

    async fn write<T, W>(&self, what: &'static str, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: Fn(&Connection) -> Work<T> + Send + 'static,
    {
        match &self.shared.writer {
            Some(writer) => writer.call(what, work).await,
            None => Err(ConversationError::ReadOnly(what)),
        }
    }

    async fn read<T, W>(&self, what: &'static str, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Work<T> + Send + 'static,
    {
        self.shared.readers.call(what, work).await
    }
}

impl ItemIds {
    fn next(&self) -> ItemId {
        ItemId(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// An id that came from elsewhere is never given out again.
    fn used(&self, id: ItemId) {
        self.0.fetch_max(id.0, Ordering::Relaxed);
    }
}

impl fmt::Debug for Conversation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Conversation")
            .field("file", &self.shared.place.file())
            .field("read_only", &self.shared.writer.is_none())
            .finish_non_exhaustive()
    }
}

/// Refuses what is too large before it is copied anywhere.
fn within(what: &'static str, bytes: usize, limit: usize) -> Result<()> {
    if bytes > limit {
        return Err(ConversationError::TooLarge { what, bytes, limit });
    }
    Ok(())
}
