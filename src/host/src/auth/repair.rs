//! `auth repair`: moves an unreadable store aside, narrows modes, and names what interrupted refreshes left.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::config::Settings;
use crate::failure::{Exit, Failure, Outcome};
use crate::{assembly, doctor, output};

/// Repairs what can be repaired without losing anything.
pub(super) fn run(settings: &Settings) -> Outcome {
    let credentials = assembly::credentials(settings)?;
    let store = credentials.store();
    let health = store.file_health();
    let mut found = false;
    found |= narrow(&health.folder, health.folder_mode, 0o700)?;
    found |= narrow(&health.path, health.mode, 0o600)?;
    if let Some(aside) = store.move_aside_if_corrupt()? {
        found = true;
        output::say(&format!(
            "`{}` could not be read and was moved to `{}`; nothing was deleted",
            health.path.display(),
            aside.display()
        ));
        output::hint(
            "sign in again (`agent-host auth login …`), and delete that file when nothing in it is needed",
        );
    }
    for leftover in doctor::leftovers(store)? {
        found = true;
        output::say(&format!("{} is kept: {}", leftover.words(), leftover.advice()));
    }
    if !found {
        output::say("nothing needs repair");
    }
    Ok(Exit::Done)
}

/// Takes away what others may do, and says so.
fn narrow(path: &Path, mode: Option<u32>, most: u32) -> Result<bool, Failure> {
    let Some(mode) = mode.filter(|mode| mode & 0o777 & !most != 0) else {
        return Ok(false);
    };
    let narrow = mode & most;
    fs::set_permissions(path, Permissions::from_mode(narrow)).map_err(|error| {
        Failure::during(
            error,
            format!("could not narrow the mode of `{}`", path.display()),
        )
    })?;
    output::say(&format!(
        "`{}` had mode {:o}; it is {narrow:o} now",
        path.display(),
        mode & 0o777
    ));
    Ok(true)
}
