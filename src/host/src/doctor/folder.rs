//! The state folder: whose it is, and who else may look into it.

use credentials::FileHealth;

use super::Check;

const NAME: &str = "folder";

/// Whether the folder is ours alone.
pub(super) fn check(health: &FileHealth) -> Check {
    let path = health.folder.display();
    let own = nix::unistd::geteuid().as_raw();
    if let Some(owner) = health.folder_owner.filter(|owner| *owner != own) {
        return Check::fail(
            NAME,
            format!("`{path}` belongs to user id {owner}, this program runs as {own}"),
        )
        .hint("run as its owner, or point AGENT_HOST_HOME at a folder of your own");
    }
    match health.folder_mode {
        Some(mode) if mode & 0o077 != 0 => Check::fail(
            NAME,
            format!(
                "`{path}` has mode {:o}: other users may look into it",
                mode & 0o777
            ),
        )
        .hint(format!("chmod 700 {path}")),
        Some(mode) if mode & 0o700 != 0o700 => Check::fail(
            NAME,
            format!("`{path}` has mode {:o}: its owner can't use it", mode & 0o777),
        )
        .hint(format!("chmod 700 {path}")),
        _ => Check::ok(NAME, format!("`{path}` is private")),
    }
}
