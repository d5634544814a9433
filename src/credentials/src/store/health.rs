//! What `doctor` and `auth list` ask of a store: how the file, the entries, the locks and leftovers stand.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use super::{Store, StoreError, network_file_system};
use crate::clock::Timestamp;
use crate::entry::{Account, Credential, Entry, State};
use crate::file::{self, Document, FileError, read_entry, tenant_of};
use crate::lock::{LockFile, Record};
use crate::sign_in::{Pending, PendingKey};

/// How `auth.json` and its folder stand.
#[derive(Debug)]
pub struct FileHealth {
    /// The real path.
    pub path: PathBuf,
    /// Whether there is a file.
    pub exists: bool,
    /// Permission bits of the file, where there is one.
    pub mode: Option<u32>,
    /// The folder.
    pub folder: PathBuf,
    /// Permission bits of the folder.
    pub folder_mode: Option<u32>,
    /// User id of the folder's owner.
    pub folder_owner: Option<u32>,
    /// The network file system that the folder is on, if it is one.
    pub network: Option<&'static str>,
    /// What is wrong with the content or the kind of file, if anything.
    pub error: Option<FileError>,
}

/// How one stored credential stands. Holds no part of a token.
#[derive(Debug, Clone)]
pub struct TenantHealth {
    /// The service as written in the file.
    pub service: String,
    /// The owner as written in the file.
    pub owner: String,
    /// The state.
    pub state: State,
    /// What there is to say about the state.
    pub detail: Option<String>,
    /// `oauth` or `api-key`; `None` if unreadable.
    pub kind: Option<&'static str>,
    /// Seconds until the access token ends; negative if it is over, `None` if it never ends.
    pub expires_in_s: Option<i64>,
    /// What was granted.
    pub scopes: Vec<String>,
    /// Whether it can be renewed without a person.
    pub refreshable: bool,
    /// Whose account.
    pub account: Option<Account>,
    /// The process that holds its lock now, and for how long.
    pub held_by: Option<(u32, Duration)>,
}

/// A file that an interrupted refresh left.
#[derive(Debug, Clone)]
pub struct Leftover {
    /// The file.
    pub path: PathBuf,
    /// Whether a refresh of its tenant is under way, so that it is in use.
    pub in_use: bool,
}

/// A sign-in that waits for its second step.
#[derive(Debug, Clone)]
pub struct PendingHealth {
    /// The service.
    pub service: String,
    /// The user.
    pub user: String,
    /// How long ago it began; `None` if it can't be read.
    pub age: Option<Duration>,
    /// Whether its time is over; the next write removes it.
    pub is_over: bool,
}

impl Store {
    /// Looks at the file and its folder. Changes nothing.
    pub fn file_health(&self) -> FileHealth {
        let (path, folder) = (self.location().file(), self.location().folder());
        let metadata = fs::symlink_metadata(path).ok();
        let folder_metadata = fs::metadata(folder).ok();
        let content = file::read(path)
            .and_then(|found| found.map(|(bytes, _)| Document::parse(path, &bytes)).transpose());
        FileHealth {
            path: path.to_owned(),
            exists: metadata.is_some(),
            mode: metadata.as_ref().and_then(mode),
            folder: folder.to_owned(),
            folder_mode: folder_metadata.as_ref().and_then(mode),
            folder_owner: folder_metadata.as_ref().and_then(owner),
            network: network_file_system(folder),
            error: content.err(),
        }
    }

    /// How every stored credential stands. The one source of what `auth list`, `doctor` and the chat show.
    pub fn tenants(&self) -> Result<Vec<TenantHealth>, StoreError> {
        let now = Timestamp::now();
        let Some(document) = self.document()? else {
            return Ok(vec![]);
        };
        let mut all = Vec::new();
        for (service, owner, raw) in document.into_entries() {
            let tenant = tenant_of(&service, &owner);
            let read = read_entry(&service, &owner, &raw);
            let lock = tenant.as_ref().map(|tenant| self.refresh_lock(tenant));
            let record = lock.as_ref().and_then(|lock| lock.look().ok());
            let mut health = describe(service, owner, read.as_ref().ok(), record.as_ref(), now);
            match (&read, tenant) {
                (Err(error), _) => health.detail = Some(error.cause.clone()),
                (_, None) => health.detail = Some("this name is not known to this version".into()),
                _ => {}
            }
            health.held_by = lock.as_ref().and_then(|lock| held_by(lock, record.as_ref(), now));
            all.push(health);
        }
        Ok(all)
    }

    /// The sign-ins that wait for their second step.
    pub fn pending_sign_ins(&self) -> Result<Vec<PendingHealth>, StoreError> {
        let now = Timestamp::now();
        let Some(document) = self.document()? else {
            return Ok(vec![]);
        };
        let describe = |(service, user, raw): (&str, &str, &serde_json::value::RawValue)| {
            let pending = Pending::parse(raw);
            PendingHealth {
                service: service.to_owned(),
                user: user.to_owned(),
                age: pending.as_ref().map(|pending| pending.age(now)),
                is_over: pending.is_some_and(|pending| pending.is_over(now)),
            }
        };
        Ok(document.pending_entries().map(describe).collect())
    }

    /// Recovery files, with whether a refresh is under way that uses them.
    pub fn leftovers(&self) -> Result<Vec<Leftover>, StoreError> {
        let siblings = self.location().siblings("recovery")?;
        let look = |(id, path): (String, PathBuf)| -> Leftover {
            let lock = self.location().folder().join(format!(
                "{}.refresh.{id}.lock",
                self.location()
                    .file()
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
            ));
            let lock = LockFile {
                path: lock,
                resource: id,
            };
            Leftover {
                path,
                in_use: lock.is_held().unwrap_or(false),
            }
        };
        Ok(siblings.into_iter().map(look).collect())
    }

    pub(crate) fn pending(&self, key: &PendingKey) -> Result<Option<Pending>, StoreError> {
        Ok(self.document()?.and_then(|document| document.pending(key)))
    }

    fn document(&self) -> Result<Option<Document>, FileError> {
        let path = self.location().file();
        file::read(path)?
            .map(|(bytes, _)| Document::parse(path, &bytes))
            .transpose()
    }
}

fn describe(
    service: String,
    owner: String,
    entry: Option<&Entry>,
    record: Option<&Record>,
    now: Timestamp,
) -> TenantHealth {
    let state = State::of(entry, record, now);
    let mut health = TenantHealth {
        service,
        owner,
        state,
        detail: None,
        kind: None,
        expires_in_s: None,
        scopes: vec![],
        refreshable: false,
        account: None,
        held_by: None,
    };
    match entry.map(|entry| &entry.credential) {
        None => {}
        Some(Credential::ApiKey(key)) => {
            health.kind = Some("api-key");
            let dead = record.and_then(|record| record.dead(&key.key));
            health.detail = dead.map(|dead| format!("{} at {}", dead.reason, crate::words::moment(dead.at)));
        }
        Some(Credential::OAuth(grant)) => {
            health.kind = Some("oauth");
            health.expires_in_s = Some(grant.expires_at.seconds_from(now));
            health.scopes.clone_from(&grant.scopes);
            health.refreshable = grant.refresh_token.is_some() && grant.dead().is_none();
            health.account.clone_from(&grant.account);
            health.detail = match (state, grant.dead(), record) {
                (State::Invalidated, Some(stamp), _) => Some(format!(
                    "the vendor refused the refresh token at {}: {}",
                    crate::words::moment(stamp.at),
                    stamp.reason
                )),
                (State::Uncertain, _, Some(Record { sent: Some(sent), .. })) => Some(format!(
                    "a refresh sent at {} by pid {} was not answered",
                    crate::words::moment(sent.at),
                    sent.pid
                )),
                (
                    State::Expired | State::Expiring,
                    _,
                    Some(Record {
                        failed: Some(failed), ..
                    }),
                ) => Some(format!(
                    "the last refresh failed at {}: {}",
                    crate::words::moment(failed.at),
                    failed.reason
                )),
                _ => None,
            };
        }
    }
    health
}

fn held_by(lock: &LockFile, record: Option<&Record>, now: Timestamp) -> Option<(u32, Duration)> {
    // A dead one's name stays in the file until the next holder signs it.
    let holder = record?.holder.as_ref().filter(|holder| holder.is_alive())?;
    lock.is_held()
        .unwrap_or(false)
        .then(|| (holder.pid, now.since(holder.since)))
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have no such bits")]
fn mode(metadata: &fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    Some(metadata.mode() & 0o7777)
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have no such owner")]
fn owner(metadata: &fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    Some(metadata.uid())
}

#[cfg(not(unix))]
fn mode(_: &fs::Metadata) -> Option<u32> {
    None
}

#[cfg(not(unix))]
fn owner(_: &fs::Metadata) -> Option<u32> {
    None
}
