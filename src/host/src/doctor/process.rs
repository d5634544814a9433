//! This process: who it runs as, what could read its memory, and how many files it may open.

use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit};

use super::Check;
use crate::descriptors;

/// A host with many workers opens more files than this.
const LEAST_DESCRIPTORS: u64 = 1024;

/// Whether it runs as root.
pub(super) fn root() -> Check {
    const NAME: &str = "root";
    if nix::unistd::geteuid().is_root() {
        Check::warn(NAME, "this runs as root, which it never needs").hint("run it as a user of its own")
    } else {
        Check::ok(NAME, "this does not run as root")
    }
}

/// Whether tokens are kept out of core dumps, and away from other programs of the same user.
pub(super) fn memory() -> Check {
    const NAME: &str = "memory";
    let dumps_are_off = getrlimit(Resource::RLIMIT_CORE).is_ok_and(|(soft, hard)| (soft, hard) == (0, 0));
    let mut findings = Vec::new();
    if !dumps_are_off {
        findings.push(Check::warn(NAME, "core dumps could not be switched off").hint("ulimit -c 0"));
    }
    if !prctl::get_dumpable().is_ok_and(|dumpable| !dumpable) {
        findings.push(Check::warn(
            NAME,
            "other programs of this user could read its memory",
        ));
    }
    Check::worst(
        NAME,
        findings,
        "kept out of core dumps and away from other programs",
    )
}

/// Whether it may open enough files.
pub(super) fn open_files() -> Check {
    const NAME: &str = "descriptors";
    match descriptors::most() {
        Ok(most) if most < LEAST_DESCRIPTORS => {
            Check::warn(NAME, format!("only {most} files may be open at once"))
                .hint("raise the hard limit: `LimitNOFILE=` of the service, else /etc/security/limits.conf")
        }
        Ok(most) => Check::ok(NAME, format!("{most} files may be open at once")),
        Err(error) => Check::warn(
            NAME,
            format!("could not ask for the limit of open files: {error}"),
        ),
    }
}
