//! The Landlock ruleset: built by the parent, put on by the child.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    RulesetCreated, RulesetCreatedAttr as _, RulesetError, Scope, path_beneath_rules,
};
use nix::errno::Errno;

use crate::child::landlock_abi;
use crate::grants::DEVICES;

/// Below this a file outside could still be emptied by truncate(2).
const REQUIRED: ABI = ABI::V3;
const REQUIRED_NUMBER: i32 = 3;
const REQUIRED_KERNEL: &str = "Linux 6.2";

/// What this was tried with. Later rights come with a test.
const KNOWN: ABI = ABI::V7;

/// From here on signals and abstract unix sockets are fenced too.
const SCOPES_NUMBER: i32 = 6;

/// What the kernel offers, in words; `Err` if that is not enough.
pub(crate) fn offer() -> Result<String, String> {
    match landlock_abi() {
        Ok(abi) if abi < REQUIRED_NUMBER => Err(format!(
            "the kernel speaks Landlock ABI {abi}, and {REQUIRED_NUMBER} ({REQUIRED_KERNEL}) is the first that fences truncation"
        )),
        Ok(abi) if abi < SCOPES_NUMBER => Ok(format!(
            "Landlock ABI {abi}, without a fence for signals and abstract unix sockets (ABI {SCOPES_NUMBER})"
        )),
        Ok(abi) => Ok(format!("Landlock ABI {abi}")),
        Err(Errno::ENOSYS) => Err("the kernel was built without Landlock, or a filter hides it".to_owned()),
        Err(Errno::EOPNOTSUPP) => {
            Err("Landlock is switched off at boot (the kernel parameter `lsm`)".to_owned())
        }
        Err(errno) => Err(format!(
            "the kernel refuses to say its Landlock ABI: {}",
            errno.desc()
        )),
    }
}

/// Builds it. Folders that are not there are left out; that shows less, never more.
pub(crate) fn build(workspace: Option<&Path>, readable: &[PathBuf]) -> Result<OwnedFd, String> {
    offer()?;
    let created = create(workspace, readable).map_err(|error| error.to_string())?;
    Option::<OwnedFd>::from(created).ok_or_else(|| "the kernel gave no ruleset".to_owned())
}

fn create(workspace: Option<&Path>, readable: &[PathBuf]) -> Result<RulesetCreated, RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(REQUIRED))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(KNOWN))?
        .scope(Scope::from_all(KNOWN))?
        .create()?
        .add_rules(path_beneath_rules(readable, AccessFs::from_read(KNOWN)))?
        .add_rules(path_beneath_rules(DEVICES, device()))?
        .add_rules(path_beneath_rules(workspace, own()))
}

/// Everything but making device nodes.
fn own() -> BitFlags<AccessFs> {
    AccessFs::from_all(KNOWN) & !(AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev)
}

fn device() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate
}
