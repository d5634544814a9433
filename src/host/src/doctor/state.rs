//! What a host keeps besides the logins: whether the next one could start with it.

use std::path::Path;

use chat::web;
use conversation::{Conversation, ConversationError};
use nix::sys::statvfs::statvfs;

use super::Check;
use crate::config::Settings;
use crate::failure::Failure;
use crate::{exposure, lost, serve};

const NAME: &str = "state";
const MIB: u64 = 1 << 20;
/// So many bytes are soon used up.
const LITTLE: u64 = 64 * MIB;
/// With less the files of a start have no room.
const NONE: u64 = 2 * MIB;
/// A few threads make so many files.
const FEW: u64 = 1000;
/// With fewer those of a start have no room.
const TOO_FEW: u64 = 16;

/// What would stop a host at its start. Only looks.
pub(super) fn check(settings: &Settings) -> Check {
    let state = &settings.state_folder;
    // Where there is no folder nothing is kept; what is wrong with the folder is told by its own check.
    if !state.is_dir() {
        return Check::ok(NAME, "nothing is kept yet");
    }
    let looks = [
        conversation(settings),
        web::Server::check_state(state).map_err(Failure::web),
        serve::refuse_open_secrets(settings),
    ];
    let (lost, emptied) = match lost::look(state) {
        Ok(lost) => (lost, None),
        Err(failure) => (None, Some(failure)),
    };
    let lost =
        lost.map(|words| Check::warn(NAME, words).hint("put a backup in its place before the next start"));
    let exposed = exposure::of_all(&settings.web.secret_files);
    let findings =
        looks
            .into_iter()
            .filter_map(Result::err)
            .chain(emptied)
            .map(|failure| finding(&failure))
            .chain(lost)
            .chain(room(state))
            .chain(exposed.map(|words| {
                Check::warn(NAME, words).hint("let only the user of this host read it: chmod 600")
            }))
            .collect();
    Check::worst(NAME, findings, "a host can start with what is kept")
}

/// Whether a host would have the room to write: it writes at its start already.
fn room(state: &Path) -> Vec<Check> {
    // What can't be looked at is told by the folder's own check.
    let Ok(disk) = statvfs(state) else {
        return vec![];
    };
    let free = disk.blocks_available().saturating_mul(disk.fragment_size());
    // Some file systems make room for files as they need it, and count none.
    let files = (disk.files() > 0).then(|| disk.files_available());
    let scarce = scarce(free, state).into_iter();
    scarce
        .chain(files.and_then(|files| crowded(files, state)))
        .collect()
}

fn scarce(free: u64, state: &Path) -> Option<Check> {
    let words = format!("the disk of `{}` has {} MiB left", state.display(), free / MIB);
    of_room((LITTLE, NONE), free, words)
}

fn crowded(files: u64, state: &Path) -> Option<Check> {
    let left = crate::output::count(files, "more file");
    let words = format!(
        "the disk of `{}` has room for {left}, however small",
        state.display()
    );
    of_room((FEW, TOO_FEW), files, words)
}

fn of_room((little, none): (u64, u64), left: u64, words: String) -> Option<Check> {
    let check = match left {
        left if left >= little => return None,
        left if left >= none => Check::warn(NAME, words),
        _ => Check::fail(NAME, format!("{words}: a host could not start")),
    };
    Some(check.hint("make room there, or move the state folder (AGENT_HOST_HOME)"))
}

fn conversation(settings: &Settings) -> Result<(), Failure> {
    match Conversation::open_without_recovery(&settings.state_folder) {
        Ok(_) | Err(ConversationError::Missing(_)) => Ok(()),
        // A host brings an older one up to date.
        Err(ConversationError::Version { found, known, .. }) if found < known => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn finding(failure: &Failure) -> Check {
    let check = Check::fail(NAME, failure.to_string());
    match failure.hint_words() {
        Some(hint) => check.hint(hint),
        None => check,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn a_disk_that_is_full_fails_and_one_that_is_nearly_full_is_told() {
        let status = |free| scarce(free, Path::new("/s")).map(|check| check.status);
        assert_eq!(status(0), Some(Status::Fail));
        assert_eq!(status(NONE), Some(Status::Warn));
        assert_eq!(status(LITTLE), None);
        let status = |files| crowded(files, Path::new("/s")).map(|check| check.status);
        assert_eq!(status(0), Some(Status::Fail));
        assert_eq!(status(TOO_FEW), Some(Status::Warn));
        assert_eq!(status(FEW), None);
        assert!(room(Path::new("/proc/self/nowhere")).is_empty());
    }
}
