//! A worker that is started to see whether it could serve a thread.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::client::{self, OpenError};
use super::gate::Gate;
use super::start::{failed, open};
use super::{Spec, StartError};
use crate::sweep::Reaper;

/// How long a session has to stand to count as opened, where nobody says anything in it.
const SETTLING: Duration = Duration::from_secs(1);

/// Starts a worker and opens its session, within `spec.limits.start`, and ends it with all it started. An error is also what
/// a thread would meet before it has said anything.
pub(crate) async fn try_out(spec: &Spec, reaper: &Reaper) -> Result<(), StartError> {
    // Nobody receives, so that whatever it sends is read and dropped.
    let gate = Gate::new(mpsc::channel(1).0);
    let (_connection, _, process) = open(spec, reaper, &gate).await?;
    // What breaks a session right after its begin comes with it: a log's line, or the end of the program.
    let ended = timeout(SETTLING, process.ended()).await;
    if ended.is_ok() || gate.is_over() {
        return Err(failed(OpenError::Closed(client::NEW), process, spec).await);
    }
    process.end(spec.limits.grace).await;
    Ok(())
}
