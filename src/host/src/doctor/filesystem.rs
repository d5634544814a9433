//! The kind of file system: on a network one, locks may not hold between machines.

use credentials::FileHealth;

use super::Check;

const NAME: &str = "filesystem";

/// Whether locks can be relied on there.
pub(super) fn check(health: &FileHealth, allowed: bool) -> Check {
    let path = health.folder.display();
    match health.network {
        None => Check::ok(NAME, "a local file system, where locks hold"),
        Some(kind) if allowed => Check::warn(
            NAME,
            format!(
                "`{path}` is on a network file system ({kind}); that is allowed, and safe only on one machine at a time"
            ),
        ),
        Some(kind) => Check::fail(
            NAME,
            format!(
                "`{path}` is on a network file system ({kind}), where locks may not hold between machines"
            ),
        )
        .hint("put the state folder on a local disk, or set `credentials.allow_network_filesystem = true`"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn a_network_file_system_fails_unless_it_is_allowed() {
        let health = |network| FileHealth {
            path: "/s/auth.json".into(),
            exists: true,
            mode: Some(0o600),
            folder: "/s".into(),
            folder_mode: Some(0o700),
            folder_owner: Some(0),
            network,
            error: None,
        };
        assert_eq!(check(&health(None), false).status, Status::Ok);
        assert_eq!(check(&health(Some("nfs")), true).status, Status::Warn);
        let red = check(&health(Some("nfs")), false);
        assert_eq!(red.status, Status::Fail);
        assert!(red.hint.unwrap().contains("allow_network_filesystem"));
    }
}
