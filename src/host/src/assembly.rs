//! The parts put together: settings into a store and its credentials, and a runtime for the verbs that need one.

use std::future::Future;

use credentials::{Credentials, Refresher, Store};

use crate::config::Settings;
use crate::failure::Failure;
use crate::thrift;

/// Opens the store and puts it together with the vendors.
pub(crate) fn credentials(settings: &Settings) -> Result<Credentials, Failure> {
    let store = Store::open(&settings.store_path, settings.allow_network_filesystem)?;
    let refresher = Refresher::this_program()
        .map_err(|error| Failure::during(error, "could not find this program's own file"))?;
    Ok(Credentials::new(store, settings.vendors.clone(), refresher))
}

/// Runs a verb that waits for more than one thing, on this thread.
pub(crate) fn run<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::during(error, "could not start the runtime"))?
        .block_on(work)
}

/// Runs a host, on all cores.
pub(crate) fn run_on_all_cores<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_keep_alive(thrift::IDLE)
        .build()
        .map_err(|error| Failure::during(error, "could not start the runtime"))?
        .block_on(work)
}
