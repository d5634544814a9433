//! The content of `auth.json`: read whole, changed under the global lock, written whole.
//!
//! ```json
//! {
//!   "version": 1,
//!   "generation": 7,
//!   "tenants": {"codex": {"host": {"type": "oauth", …}, "discord:42": {…}}},
//!   "pending": {"codex": {"local:alice": {"type": "pkce", …}}}
//! }
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::value::RawValue;

use super::raw::{self, RawObject};
use super::{FILE_VERSION, FileError};
use crate::entry::{self, Credential, Entry};
use crate::sign_in::{Pending, PendingKey};
use crate::{Owner, Service, Tenant, Timestamp};

/// Stands for the owner where a whole service is unreadable. No owner is written like this.
pub(crate) const WHOLE_SERVICE: &str = "*";

/// Far more writes than a store ever sees; beyond it the number was not written by us.
const MOST_GENERATIONS: u64 = 1 << 53;

/// A parsed `auth.json`.
#[derive(Default)]
pub(crate) struct Document {
    generation: u64,
    tenants: BTreeMap<String, Group>,
    pending: BTreeMap<String, Group>,
    /// Top-level members of a newer version.
    unknown: RawObject,
}

/// What stands under one service: normally an object by owner.
enum Group {
    Owners(RawObject),
    /// Not an object; kept, shown as unreadable, never written into.
    Opaque(Box<RawValue>),
}

/// An entry that can't be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the entry of {service} for {owner} is unreadable: {cause}")]
pub struct Unreadable {
    /// The service as written in the file.
    pub service: String,
    /// The owner as written in the file; `*` if the whole service is unreadable.
    pub owner: String,
    /// What is wrong, without content.
    pub cause: String,
}

impl Document {
    /// Parses the file's bytes. `path` is named in errors.
    pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, FileError> {
        let corrupt = |cause: String| FileError::Corrupt {
            path: path.to_owned(),
            cause,
        };
        if bytes.is_empty() {
            return Err(corrupt("it is empty; an empty store would hold a version".into()));
        }
        let object = |raw: &str, name: &str| -> Result<RawObject, FileError> {
            serde_json::from_str(raw).map_err(|error| corrupt(format!("{name}{}", entry::describe(&error))))
        };
        let text = std::str::from_utf8(bytes)
            .map_err(|error| corrupt(format!("not UTF-8 at byte {}", error.valid_up_to())))?;
        let mut unknown = object(text, "")?;
        let version: u64 = unknown
            .remove("version")
            .and_then(|raw| serde_json::from_str(raw.get()).ok())
            .ok_or_else(|| corrupt("it has no `version` number".into()))?;
        if version != u64::from(FILE_VERSION) {
            return Err(FileError::Version {
                path: path.to_owned(),
                found: version,
            });
        }
        let generation = match unknown.remove("generation") {
            None => 0,
            Some(raw) => serde_json::from_str(raw.get())
                .map_err(|error| corrupt(format!("`generation`: {}", entry::describe(&error))))?,
        };
        if generation > MOST_GENERATIONS {
            return Err(corrupt(
                "`generation` is beyond anything that was ever written".into(),
            ));
        }
        let mut groups = |name: &str| -> Result<BTreeMap<String, Group>, FileError> {
            let Some(raw) = unknown.remove(name) else {
                return Ok(BTreeMap::new());
            };
            let services = object(raw.get(), &format!("`{name}`: "))?;
            Ok(services
                .into_iter()
                .map(|(service, raw)| (service, Group::read(raw)))
                .collect())
        };
        let (tenants, pending) = (groups("tenants")?, groups("pending")?);
        Ok(Self {
            generation,
            tenants,
            pending,
            unknown,
        })
    }

    /// The file's new content.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = format!(
            "{{\n  \"version\": {FILE_VERSION},\n  \"generation\": {}",
            self.generation
        );
        for (name, groups) in [("tenants", &self.tenants), ("pending", &self.pending)] {
            out.push_str(",\n  ");
            raw::push_key(name, &mut out);
            write_groups(groups, &mut out);
        }
        for (name, value) in &self.unknown {
            out.push_str(",\n  ");
            raw::push_key(name, &mut out);
            out.push_str(value.get());
        }
        out.push_str("\n}\n");
        out.into_bytes()
    }

    /// The raw entries by (service, owner) as written, unreadable services included as `*`.
    pub(crate) fn into_entries(self) -> Vec<(String, String, Box<RawValue>)> {
        flatten(self.tenants)
    }

    /// The raw pending sign-ins by (service, user) as written.
    pub(crate) fn pending_entries(&self) -> impl Iterator<Item = (&str, &str, &RawValue)> {
        self.pending.iter().flat_map(|(service, group)| {
            group
                .owners()
                .map(move |(user, raw)| (service.as_str(), user.as_str(), &**raw))
        })
    }

    /// The entry of a tenant, if there is one.
    pub(crate) fn entry(&self, tenant: &Tenant) -> Result<Option<Entry>, Unreadable> {
        let raw = match self.tenants.get(tenant.service.as_str()) {
            None => return Ok(None),
            Some(Group::Opaque(_)) => return Err(opaque(tenant.service.as_str())),
            Some(Group::Owners(owners)) => owners.get(tenant.owner.as_str()),
        };
        raw.map(|raw| read_entry(tenant.service.as_str(), tenant.owner.as_str(), raw))
            .transpose()
    }

    /// Stores a credential under a new generation. Unknown fields of the entry
    /// `before` are carried along.
    pub(crate) fn put(&mut self, tenant: &Tenant, credential: Credential, before: Option<&Entry>) {
        self.generation += 1;
        let entry = Entry {
            generation: self.generation,
            credential,
            unknown: before.map(|entry| entry.unknown.clone()).unwrap_or_default(),
        };
        let owners = owners_mut(&mut self.tenants, &tenant.service);
        owners.insert(tenant.owner.as_str().to_owned(), entry::serialize(&entry));
    }

    /// Removes a tenant's entry, readable or not; whether there was one.
    pub(crate) fn remove(&mut self, tenant: &Tenant) -> bool {
        let was_opaque = matches!(self.tenants.get(tenant.service.as_str()), Some(Group::Opaque(_)));
        let owners = owners_mut(&mut self.tenants, &tenant.service);
        let removed = owners.remove(tenant.owner.as_str()).is_some() || was_opaque;
        if owners.is_empty() {
            self.tenants.remove(tenant.service.as_str());
        }
        // A generation is never used twice, also not after a logout.
        self.generation += u64::from(removed);
        removed
    }

    /// A pending sign-in, `None` if there is none or it can't be understood.
    pub(crate) fn pending(&self, key: &PendingKey) -> Option<Pending> {
        let Group::Owners(users) = self.pending.get(key.service.as_str())? else {
            return None;
        };
        Pending::parse(users.get(key.user.as_str())?)
    }

    /// Stores a pending sign-in in place of the one before.
    pub(crate) fn put_pending(&mut self, key: &PendingKey, pending: &Pending) {
        let users = owners_mut(&mut self.pending, &key.service);
        users.insert(key.user.as_str().to_owned(), pending.to_raw());
    }

    /// Removes a pending sign-in.
    pub(crate) fn remove_pending(&mut self, key: &PendingKey) {
        if let Some(Group::Owners(users)) = self.pending.get_mut(key.service.as_str()) {
            users.remove(key.user.as_str());
            if users.is_empty() {
                self.pending.remove(key.service.as_str());
            }
        }
    }

    /// Removes the pending sign-ins of whichever user that would store this tenant's credential.
    pub(crate) fn remove_pending_for(&mut self, tenant: &Tenant) {
        if let Some(Group::Owners(users)) = self.pending.get_mut(tenant.service.as_str()) {
            users.retain(|_, raw| Pending::parse(raw).is_none_or(|pending| pending.owner != tenant.owner));
            if users.is_empty() {
                self.pending.remove(tenant.service.as_str());
            }
        }
    }

    /// Removes the pending sign-ins that are over; what a newer version wrote there is kept.
    pub(crate) fn sweep(&mut self, now: Timestamp) {
        self.pending.retain(|_, group| match group {
            Group::Opaque(_) => true,
            Group::Owners(users) => {
                users.retain(|_, raw| Pending::parse(raw).is_none_or(|pending| !pending.is_over(now)));
                !users.is_empty()
            }
        });
    }
}

impl Group {
    fn read(raw: Box<RawValue>) -> Self {
        serde_json::from_str(raw.get()).map_or(Self::Opaque(raw), Self::Owners)
    }

    fn owners(&self) -> impl Iterator<Item = (&String, &Box<RawValue>)> {
        match self {
            Self::Owners(owners) => Some(owners.iter()),
            Self::Opaque(_) => None,
        }
        .into_iter()
        .flatten()
    }
}

/// Reads one entry; the names are those of the file.
pub(crate) fn read_entry(service: &str, owner: &str, raw: &RawValue) -> Result<Entry, Unreadable> {
    if owner == WHOLE_SERVICE {
        return Err(opaque(service));
    }
    entry::parse(raw).map_err(|cause| Unreadable {
        service: service.into(),
        owner: owner.into(),
        cause,
    })
}

/// The tenant that two names of the file stand for, if this version knows such names.
pub(crate) fn tenant_of(service: &str, owner: &str) -> Option<Tenant> {
    let tenant = Tenant {
        service: Service::parse(service).ok()?,
        owner: Owner::parse(owner).ok()?,
    };
    // Only the canonical spelling is ever looked up; another one in the file is a stranger.
    (tenant.service.as_str() == service && tenant.owner.as_str() == owner).then_some(tenant)
}

pub(crate) fn opaque(service: &str) -> Unreadable {
    Unreadable {
        service: service.into(),
        owner: WHOLE_SERVICE.into(),
        cause: "not an object".into(),
    }
}

/// The entries of one service, to be changed. What was unreadable there gives way: signing in or out is its cure.
fn owners_mut<'a>(groups: &'a mut BTreeMap<String, Group>, service: &Service) -> &'a mut RawObject {
    let group = groups
        .entry(service.as_str().to_owned())
        .or_insert_with(|| Group::Owners(RawObject::new()));
    if matches!(group, Group::Opaque(_)) {
        *group = Group::Owners(RawObject::new());
    }
    match group {
        Group::Owners(owners) => owners,
        Group::Opaque(_) => unreachable!("it was replaced just now"),
    }
}

fn flatten(groups: BTreeMap<String, Group>) -> Vec<(String, String, Box<RawValue>)> {
    let mut all = Vec::new();
    for (service, group) in groups {
        match group {
            Group::Opaque(raw) => all.push((service, WHOLE_SERVICE.to_owned(), raw)),
            Group::Owners(owners) => {
                all.extend(
                    owners
                        .into_iter()
                        .map(|(owner, raw)| (service.clone(), owner, raw)),
                );
            }
        }
    }
    all
}

fn write_groups(groups: &BTreeMap<String, Group>, out: &mut String) {
    let mut separator = "{\n    ";
    for (service, group) in groups {
        out.push_str(separator);
        raw::push_key(service, out);
        match group {
            Group::Opaque(raw) => out.push_str(raw.get()),
            Group::Owners(owners) => raw::write(owners, "      ", out),
        }
        separator = ",\n    ";
    }
    out.push_str(if groups.is_empty() { "{}" } else { "\n  }" });
}
