//! The vendor that has to be started first: a link to one that does not run leads nowhere.

use std::time::Duration;

use credentials::{Vendor, Way};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::failure::{Exit, Failure};

/// A port of this machine that takes no connection in so long is not going to.
const PATIENCE: Duration = Duration::from_secs(2);

/// Looks whether the rehearsal answers, if it is the vendor and this way of signing in needs it.
///
/// Errors: nothing takes a connection there.
pub(super) async fn must_run(vendor: &Vendor, way: Option<&str>) -> Result<(), Failure> {
    let needs_it = matches!(vendor.way(way), Some(Way::Pkce(_) | Way::Device(_)));
    let Some(url) = vendor
        .token_endpoint()
        .ok()
        .map(|endpoint| endpoint.token_url)
        .filter(|_| vendor.service.as_str() == "rehearsal" && needs_it)
    else {
        return Ok(());
    };
    let Ok(places) = url.socket_addrs(|| None) else {
        return Ok(());
    };
    if matches!(timeout(PATIENCE, TcpStream::connect(&*places)).await, Ok(Ok(_))) {
        return Ok(());
    }
    let root = url.origin().ascii_serialization();
    Err(Failure::words(format!("no rehearsal answers at {root}"))
        .exit(Exit::TryAgain)
        .hint("`agent-host rehearsal` in another terminal starts one"))
}
