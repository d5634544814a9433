//! The state folder: whose it is, and who else may look into it.

use std::path::Path;

use credentials::FileHealth;
use nix::unistd::{AccessFlags, eaccess};

use super::Check;
use crate::owner;

const NAME: &str = "folder";

/// What is missing in a folder that can only be read.
const READ_ONLY: &str =
    "what is kept there is shown, but no host can start, nobody can sign in or out, and no token is renewed";

/// Whether this process may make files in this folder.
pub(super) fn can_write(folder: &Path) -> bool {
    eaccess(folder, AccessFlags::W_OK | AccessFlags::X_OK).is_ok()
}

/// Whether the folder is ours alone, and can be used.
pub(super) fn check(health: &FileHealth) -> Check {
    let path = health.folder.display();
    let own = nix::unistd::geteuid().as_raw();
    if let Some(found) = health.folder_owner.filter(|owner| *owner != own) {
        return Check::fail(
            NAME,
            format!("`{path}` belongs to user id {found}, this program runs as {own}"),
        )
        .hint(owner::hint(&health.folder, found));
    }
    let Some(mode) = health.folder_mode else {
        return Check::ok(
            NAME,
            format!("`{path}` is not there yet: the first start or sign-in makes it"),
        );
    };
    match mode {
        mode if mode & 0o077 != 0 => Check::fail(
            NAME,
            format!(
                "`{path}` has mode {:o}: other users may look into it",
                mode & 0o777
            ),
        )
        .hint(format!("chmod 700 {path}")),
        mode if mode & 0o700 != 0o700 => {
            Check::fail(NAME, format!("`{path}` has mode {:o}: {READ_ONLY}", mode & 0o777))
                .hint(format!("chmod 700 {path}"))
        }
        _ if !can_write(&health.folder) => {
            Check::fail(NAME, format!("`{path}` can't be written: {READ_ONLY}"))
                .hint("mount it so that it may be written, or point AGENT_HOST_HOME at another folder")
        }
        _ => Check::ok(NAME, format!("`{path}` is private")),
    }
}
