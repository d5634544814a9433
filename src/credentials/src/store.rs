//! The store: `auth.json` read through a cache that one stat(2) keeps true, and changed under the global lock.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use serde_json::value::RawValue;
use thiserror::Error;

use crate::clock::Timestamp;
use crate::entry::Entry;
use crate::file::{self, Document, FileError, Identity, Location};
use crate::lock::{GlobalLock, LockError, LockFile};
use crate::tenant::Tenant;

mod health;

pub use crate::file::Unreadable;
pub use health::{FileHealth, Leftover, PendingHealth, TenantHealth};

/// A file that changed less than this before it was read may change again within the same tick of the file system's
/// clock, and on a reused inode: then its identity proves nothing yet.
const RACY: Duration = Duration::from_millis(50);

/// Why the store could not be read or changed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// `auth.json` itself.
    #[error(transparent)]
    File(#[from] FileError),
    /// A lock.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// One entry.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// All credentials of one `auth.json`. Clones share one cache.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    location: Location,
    cached: RwLock<Arc<Snapshot>>,
}

/// The file's content at one moment.
#[derive(Default)]
pub(crate) struct Snapshot {
    /// `None`: there was no file, or its identity can't be relied on.
    identity: Option<Identity>,
    slots: HashMap<Tenant, Slot>,
    /// Services whose place in the file holds something else than entries by owner.
    opaque: HashSet<String>,
}

/// One entry, parsed when it is first asked for.
struct Slot {
    raw: Box<RawValue>,
    parsed: OnceLock<Result<Arc<Entry>, Unreadable>>,
}

/// The path, and never the content: raw entries hold tokens.
impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.location.file())
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store at `path`. Neither it nor its folder need exist: the first change makes them (0700).
    ///
    /// Errors: the path can't be resolved, or the folder lies on a network file system and `allow_network` is not set.
    pub fn open(path: &Path, allow_network: bool) -> Result<Self, FileError> {
        let location = Location::resolve(path)?;
        if let (Some(kind), false) = (network_file_system(location.folder()), allow_network) {
            return Err(FileError::NetworkFileSystem {
                path: location.folder().to_owned(),
                kind,
            });
        }
        Ok(Self {
            inner: Arc::new(Inner {
                location,
                cached: RwLock::default(),
            }),
        })
    }

    /// The real path of `auth.json`, links resolved.
    pub fn path(&self) -> &Path {
        self.inner.location.file()
    }

    /// The entry of a tenant as it is now. Costs one stat(2) while the file does not change.
    pub fn entry(&self, tenant: &Tenant) -> Result<Option<Arc<Entry>>, StoreError> {
        Ok(self.snapshot()?.entry(tenant)?)
    }

    /// The file's content as it is now.
    pub(crate) fn snapshot(&self) -> Result<Arc<Snapshot>, FileError> {
        let path = self.path();
        let cached = Arc::clone(&self.inner.cached.read().unwrap_or_else(PoisonError::into_inner));
        // The link was resolved at open, so the file itself is looked at, whatever stands there now.
        if let (Ok(metadata), Some(identity)) = (fs::symlink_metadata(path), &cached.identity)
            && Identity::of(&metadata) == *identity
        {
            return Ok(cached);
        }
        let read = Arc::new(Snapshot::read(path)?);
        *self.inner.cached.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&read);
        Ok(read)
    }

    /// Reads the file, changes it and replaces it durably, under the global lock. What `change` returns with an error
    /// is not written. Blocks: at most [`GLOBAL_WAIT`](crate::GLOBAL_WAIT) for the lock, then local file work.
    pub(crate) fn update<T, E: From<StoreError>>(
        &self,
        change: impl FnOnce(&mut Document) -> Result<T, E>,
    ) -> Result<T, E> {
        let location = self.location();
        let lock = GlobalLock::acquire(location).map_err(StoreError::from)?;
        let mut document = match file::read(location.file()).map_err(StoreError::from)? {
            Some((bytes, _)) => Document::parse(location.file(), &bytes).map_err(StoreError::from)?,
            None => Document::default(),
        };
        let result = change(&mut document)?;
        document.sweep(Timestamp::now());
        location
            .replace(&lock, &document.to_bytes())
            .map_err(StoreError::from)?;
        Ok(result)
    }

    /// Moves a file that can't be read aside, under the global lock, and says where; `None` if it is fine.
    pub fn move_aside_if_corrupt(&self) -> Result<Option<std::path::PathBuf>, StoreError> {
        let location = self.location();
        let _lock = GlobalLock::acquire(location)?;
        let verdict = file::read(location.file()).and_then(|found| {
            found
                .map(|(bytes, _)| Document::parse(location.file(), &bytes))
                .transpose()
        });
        match verdict {
            Ok(_) => Ok(None),
            Err(FileError::Corrupt { .. } | FileError::TooLarge { .. }) => Ok(Some(location.move_aside()?)),
            Err(other) => Err(other.into()),
        }
    }

    pub(crate) fn location(&self) -> &Location {
        &self.inner.location
    }

    /// The lock that is held across this tenant's refresh.
    pub(crate) fn refresh_lock(&self, tenant: &Tenant) -> LockFile {
        LockFile {
            path: self.location().refresh_lock(&tenant.file_id()),
            resource: format!("the refresh of tenant {tenant}"),
        }
    }
}

impl Snapshot {
    fn read(path: &Path) -> Result<Self, FileError> {
        let now = Timestamp::now();
        let Some((bytes, identity)) = file::read(path)? else {
            return Ok(Self::default());
        };
        let document = Document::parse(path, &bytes)?;
        // A file from the future is as far from this tick as one from the past.
        let modified = Timestamp::from_millis(identity.modified_ms());
        let is_settled = now.since(modified).max(modified.since(now)) > RACY;
        let (mut slots, mut opaque) = (HashMap::new(), HashSet::new());
        for (service, owner, raw) in document.into_entries() {
            if let Some(tenant) = file::tenant_of(&service, &owner) {
                slots.insert(
                    tenant,
                    Slot {
                        raw,
                        parsed: OnceLock::new(),
                    },
                );
            } else if owner == file::WHOLE_SERVICE {
                opaque.insert(service);
            }
        }
        Ok(Self {
            identity: is_settled.then_some(identity),
            slots,
            opaque,
        })
    }

    /// The entry of a tenant.
    pub(crate) fn entry(&self, tenant: &Tenant) -> Result<Option<Arc<Entry>>, Unreadable> {
        let Some(slot) = self.slots.get(tenant) else {
            let service = tenant.service.as_str();
            return if self.opaque.contains(service) {
                Err(file::opaque(service))
            } else {
                Ok(None)
            };
        };
        let parsed = slot.parsed.get_or_init(|| {
            file::read_entry(tenant.service.as_str(), tenant.owner.as_str(), &slot.raw).map(Arc::new)
        });
        parsed.clone().map(Some)
    }
}

/// The name of the network file system that a folder is on, where flock(2) may be local to this machine.
#[cfg(target_os = "linux")]
pub(crate) fn network_file_system(folder: &Path) -> Option<&'static str> {
    // Magic numbers of statfs(2); nix knows only some of them.
    if let Some(pretended) = crate::fault::file_system() {
        return Some(pretended);
    }
    // Where it is not there yet: where it will be.
    let there = folder
        .ancestors()
        .find(|folder| folder.symlink_metadata().is_ok());
    // Not to know is not to be sure.
    let Ok(found) = nix::sys::statfs::statfs(there.unwrap_or(folder)) else {
        return Some("unknown");
    };
    let found = found.filesystem_type().0;
    [
        (0x6969, "nfs"),
        (0x517b, "smb"),
        (0xff53_4d42, "cifs"),
        (0xfe53_4d42, "smb2"),
        (0x0102_1997, "9p"),
        (0x5346_414f, "afs"),
        (0x6b41_4653, "afs"),
        (0x7375_7245, "coda"),
        (0x00c3_6400, "ceph"),
        (0x0bd0_0bd0, "lustre"),
        (0x0116_1970, "gfs2"),
        (0x7461_636f, "ocfs2"),
        (0x4750_4653, "gpfs"),
        (0x6573_5546, "fuse"),
    ]
    .into_iter()
    .find_map(|(magic, name)| (found == magic).then_some(name))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn network_file_system(_: &Path) -> Option<&'static str> {
    None
}

impl Location {
    /// Renames the file so that nothing is lost, and says where it went.
    fn move_aside(&self) -> Result<std::path::PathBuf, FileError> {
        let aside = self.folder().join(format!(
            "{}.corrupt-{}",
            self.file().file_name().unwrap_or_default().to_string_lossy(),
            Timestamp::now().seconds()
        ));
        if aside.symlink_metadata().is_ok() {
            return Err(FileError::io("move aside to", &aside)(
                io::ErrorKind::AlreadyExists.into(),
            ));
        }
        fs::rename(self.file(), &aside).map_err(FileError::io("move aside", self.file()))?;
        file::sync_folder(self.folder(), "aside-folder-sync")?;
        Ok(aside)
    }
}
