//! `auth.json`: its mode, its kind, and whether it can be read.

use std::path::Path;

use credentials::FileHealth;

use super::{Check, report};
use crate::failure::file_hint;

const NAME: &str = "file";

/// Whether the file is ours alone and whole. `configured` is its path before links are resolved.
pub(super) fn check(health: &FileHealth, configured: &Path) -> Check {
    let path = health.path.display();
    let mut findings = Vec::new();
    if let Some(mode) = health.mode.filter(|mode| mode & 0o077 != 0) {
        findings.push(
            Check::fail(
                NAME,
                format!("`{path}` has mode {:o}: other users may read it", mode & 0o777),
            )
            .hint(format!("chmod 600 {path}")),
        );
    }
    if let Some(error) = &health.error {
        findings.push(Check::fail(NAME, report::chain(error)).hint(file_hint(error)));
    }
    let link = match configured.symlink_metadata() {
        Ok(found) if found.is_symlink() => format!(" (through the link `{}`)", configured.display()),
        _ => String::new(),
    };
    let fine = if health.exists {
        format!("`{path}` is private and whole{link}")
    } else {
        format!("`{path}` is not there yet: nobody has signed in{link}")
    };
    Check::worst(NAME, findings, fine)
}
