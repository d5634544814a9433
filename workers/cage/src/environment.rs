//! The variables of a caged process.

use std::ffi::OsString;
use std::process::Command;

use nix::unistd::{User, geteuid};

use crate::folders::Folders;

/// Where programs are looked for. What a person has in their own folders is not reachable anyway.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Gives the command the listed variables; all others are cleared with the layer, and inherited without it.
pub(crate) fn set(command: &mut Command, folders: &Folders, clear: bool) {
    if clear {
        command.env_clear();
    }
    command.envs([
        ("PATH", OsString::from(PATH)),
        ("HOME", folders.home.clone().into_os_string()),
        ("TMPDIR", folders.temporary.clone().into_os_string()),
        ("LANG", "C.UTF-8".into()),
        ("TERM", "dumb".into()),
        ("USER", user().into()),
    ]);
}

/// The account's name, or its number where it has none.
fn user() -> String {
    let id = geteuid();
    match User::from_uid(id) {
        Ok(Some(user)) => user.name,
        _ => id.to_string(),
    }
}
