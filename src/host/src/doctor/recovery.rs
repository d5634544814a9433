//! What interrupted refreshes left: answers that are stored with the next use of their tenant.

use std::path::PathBuf;

use credentials::{Owner, Service, Store, StoreError, Tenant};

use super::{Check, report};

const NAME: &str = "recovery";

/// A recovery file that no refresh is using.
#[derive(Debug)]
pub(crate) struct Unused {
    path: PathBuf,
    /// Whose it is, if that is one of the stored tenants.
    tenant: Option<Tenant>,
}

impl Unused {
    /// What it is.
    pub(crate) fn words(&self) -> String {
        let of = self
            .tenant
            .as_ref()
            .map(|tenant| format!(" of {tenant}"))
            .unwrap_or_default();
        format!("`{}`, left by an interrupted refresh{of},", self.path.display())
    }

    /// What happens to it.
    pub(crate) fn advice(&self) -> String {
        match &self.tenant {
            Some(Tenant {
                service,
                owner: Owner::Host,
            }) => {
                format!("the next `agent-host auth token {service}` takes what is good in it")
            }
            Some(Tenant {
                service,
                owner: Owner::User(user),
            }) => {
                format!("the next `agent-host auth token {service} --user {user}` takes what is good in it")
            }
            None => "no stored login belongs to it; delete it once you know that none is missing".to_owned(),
        }
    }
}

/// Those that no refresh is using.
pub(crate) fn leftovers(store: &Store) -> Result<Vec<Unused>, StoreError> {
    let files = store.leftovers()?;
    // Without a readable store they belong to nobody known.
    let tenants: Vec<Tenant> = store
        .tenants()
        .unwrap_or_default()
        .iter()
        .filter_map(|health| {
            Some(Tenant {
                service: Service::parse(&health.service).ok()?,
                owner: Owner::parse(&health.owner).ok()?,
            })
        })
        .collect();
    let unused = files.into_iter().filter(|file| !file.in_use).map(|file| {
        let name = file
            .path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let is_its = |tenant: &&Tenant| name.ends_with(&format!(".recovery.{}", tenant.file_id()));
        Unused {
            tenant: tenants.iter().find(is_its).cloned(),
            path: file.path,
        }
    });
    Ok(unused.collect())
}

/// Whether there are any.
pub(super) fn check(store: &Store) -> Check {
    match leftovers(store) {
        Ok(unused) => {
            let finding =
                |file: &Unused| Check::warn(NAME, format!("{} waits", file.words())).hint(file.advice());
            Check::worst(
                NAME,
                unused.iter().map(finding).collect(),
                "nothing was left by an interrupted refresh",
            )
        }
        Err(error) => {
            Check::fail(NAME, report::chain(&error)).hint("check the folder's permissions and the disk")
        }
    }
}
