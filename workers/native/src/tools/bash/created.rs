//! Files that a command made, to be offered to people.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::disk::blocking;
use crate::tools::place::Places;
use crate::tools::stop::Stop;
use crate::tools::walk;

/// More than this is a build or a checkout, and nothing to offer one by one.
const MOST: usize = 20;
/// Looking must not be felt.
const PATIENCE: Duration = Duration::from_millis(200);
/// File systems stamp with the kernel's coarse clock, which is behind by up to one tick (10 ms at 100 Hz).
const TICK: Duration = Duration::from_millis(10);

/// Files born since then, without what Git ignores. Empty if there are too many, or the file system does not tell.
pub(super) async fn since(began: SystemTime, places: &Arc<Places>) -> Vec<PathBuf> {
    let places = Arc::clone(places);
    let looked = blocking(move || look(began, &places)).await;
    // Nothing to offer is no reason to fail the command.
    looked.unwrap_or_default()
}

fn look(began: SystemTime, places: &Places) -> Vec<PathBuf> {
    let Ok(place) = places.to_read(".") else {
        return Vec::new();
    };
    let mut created = Vec::new();
    let walked = walk::files(places, &place, &Stop::after(PATIENCE), |file| {
        let born = file.metadata().and_then(|metadata| metadata.created());
        if born.is_ok_and(|born| born + TICK >= began) {
            created.push(file.path.to_owned());
        }
        created.len() <= MOST
    });
    if walked.is_err() || created.len() > MOST {
        created.clear();
    }
    created
}
