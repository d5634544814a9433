//! `doctor`: what is wrong, where, and what to do next, in that order.

use credentials::{Credentials, Refresher, Store, TenantHealth};

use crate::arguments::Doctor;
use crate::config::Loaded;
use crate::failure::{Exit, Outcome, file_hint};
use crate::{assembly, log};

mod agents;
mod cage;
mod check;
mod clock;
mod configuration;
mod discord;
mod environment;
mod file;
mod filesystem;
mod folder;
mod locks;
mod pending;
mod probe;
mod process;
mod programs;
mod recovery;
mod report;
mod state;
mod tenants;
mod vendors;

pub(crate) use agents::without_model;
use check::{Check, Status};
pub(crate) use discord::intent_steps;
pub(crate) use environment::{ANOTHER, refused};
pub(crate) use locks::probe as probe_lock;
pub(crate) use recovery::leftovers;
pub(crate) use tenants::troubles;

/// Looks at everything and reports it.
pub(crate) fn run(asked: &Doctor, loaded: &Loaded) -> Outcome {
    log::start(&loaded.settings.log_filter);
    let mut checks = Vec::new();
    // A network file system is one of the findings; it must not hide the others.
    let opened = Store::open(&loaded.settings.store_path, true);
    // `None`: not known.
    let mut tenants = None;
    match opened {
        Ok(store) => tenants = of_store(asked, loaded, store, &mut checks)?,
        Err(error) => checks.push(Check::fail("folder", report::chain(&error)).hint(file_hint(&error))),
    }
    checks.push(agents::check(loaded, tenants.as_deref())?);
    checks.extend([
        configuration::check(loaded),
        vendors::check(&loaded.settings),
        state::check(&loaded.settings),
        programs::worker(),
        programs::host(&loaded.settings),
        cage::check(&loaded.settings),
        process::root(),
        process::memory(),
        process::open_files(),
    ]);
    checks.extend(discord::checks(&loaded.settings)?);
    report::print(
        asked.json,
        &loaded.settings,
        &checks,
        tenants.as_deref().unwrap_or_default(),
    )?;
    let failed = checks.iter().any(|check| check.status == Status::Fail);
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

/// The checks that need a store. Where the file can't be read, those of its content are left out: the file's own says why.
/// Gives back the logins.
fn of_store(
    asked: &Doctor,
    loaded: &Loaded,
    store: Store,
    checks: &mut Vec<Check>,
) -> Result<Option<Vec<TenantHealth>>, crate::failure::Failure> {
    let settings = &loaded.settings;
    let refresher = Refresher::this_program().unwrap_or(Refresher::InProcess);
    let credentials = Credentials::new(store, settings.vendors.clone(), refresher);
    let store = credentials.store();
    if asked.probe
        && let Ok(before) = store.tenants()
    {
        checks.push(probe::check(&credentials, &before));
    }
    let health = store.file_health();
    let content = store.tenants();
    checks.push(folder::check(&health));
    checks.push(file::check(&health, &settings.store_path));
    checks.push(filesystem::check(&health, settings.allow_network_filesystem));
    checks.push(locks::check(store, content.as_deref().unwrap_or_default()));
    checks.push(recovery::check(store));
    if let Ok(tenants) = &content {
        checks.push(tenants::check(tenants));
        checks.extend(
            store
                .pending_sign_ins()
                .ok()
                .map(|waiting| pending::check(&waiting)),
        );
        checks.push(environment::check(&credentials, tenants));
        if asked.probe {
            checks.push(assembly::run(async {
                Ok(clock::check(&credentials, tenants).await)
            })?);
        } else {
            checks.push(Check::ok(
                "clock",
                "not compared with any server; --probe does that",
            ));
        }
    }
    Ok(content.ok())
}
