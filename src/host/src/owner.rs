//! What belongs to another user than this program runs as, and the command that is about it.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use credentials::{Credentials, FileError};
use nix::unistd::{Uid, User, geteuid};

use crate::failure::Failure;
use crate::shell;

/// A host that may not read its logins would say so in every turn.
///
/// Errors: they are another user's.
pub(crate) fn refuse_foreign_logins(credentials: &Credentials) -> Result<(), Failure> {
    match credentials.store().file_health().error {
        Some(error @ FileError::ForeignOwner { .. }) => Err(error.into()),
        _ => Ok(()),
    }
}

/// What to do about a file or folder that is this user's.
pub(crate) fn hint(path: &Path, owner: u32) -> String {
    let own = geteuid().as_raw();
    let folder = path.parent().filter(|_| !path.is_dir());
    // In a folder of our own somebody, most likely root, made it for us.
    if let Some(folder) = folder
        && folder.metadata().is_ok_and(|found| found.uid() == own)
    {
        let folder = folder.to_string_lossy();
        return format!(
            "somebody else made it there; root gives it back with `chown -R {}: {}`",
            name(own).map_or_else(|| own.to_string(), |name| shell::word(&name).into_owned()),
            shell::word(&folder)
        );
    }
    format!(
        "run this as its owner, `sudo -u {} {} …`, or point AGENT_HOST_HOME at a folder of your own",
        shell::word(&name(owner).unwrap_or_else(|| format!("#{owner}"))),
        shell::program()
    )
}

/// The user's name, if the system knows one.
pub(crate) fn name(user: u32) -> Option<String> {
    let found = User::from_uid(Uid::from_raw(user)).ok().flatten()?;
    Some(found.name)
}
