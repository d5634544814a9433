//! What every cage shows of the system: programs and libraries, the settings they cannot do without, a few devices.
//!
//! An allow-list. `/etc` is listed file by file, because whoever runs as root owns `/etc/shadow`, host keys and other
//! programs' tokens. `/proc/PID` is left out: it shows other people's command lines. There is no `/tmp`, `/run`, `/var`,
//! nobody's home, no terminal and no shared memory.

use std::path::{Path, PathBuf};

use crate::policy::Policy;

/// Read and execute.
const SYSTEM: [&str; 10] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/nix/store",
    "/sys/devices/system",
];

/// Settings without secrets, beneath `/etc`. Links are followed: `resolv.conf` often lies in `/run`.
const SETTINGS: [&str; 55] = [
    "alpine-release",
    "alternatives",
    "bash.bashrc",
    "bashrc",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "debian_version",
    "fonts",
    "gai.conf",
    "gitattributes",
    "gitconfig",
    "group",
    "host.conf",
    "hostname",
    "hosts",
    "inputrc",
    "java-11-openjdk",
    "java-17-openjdk",
    "java-21-openjdk",
    "java-25-openjdk",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "ld-musl-x86_64.path",
    "ld-musl-aarch64.path",
    "localtime",
    "locale.alias",
    "locale.conf",
    "lsb-release",
    "magic",
    "magic.mime",
    "mailcap",
    "mime.types",
    "networks",
    "nsswitch.conf",
    "os-release",
    "passwd",
    "perl",
    "pki/ca-trust",
    "pki/java",
    "pki/tls/cert.pem",
    "pki/tls/certs",
    "pki/tls/openssl.cnf",
    "profile",
    "profile.d",
    "protocols",
    "python3",
    "resolv.conf",
    "rpc",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
    "timezone",
];

/// Facts about the machine, beneath `/proc`, for runtimes that size themselves by them.
const FACTS: [&str; 9] = [
    "cpuinfo",
    "filesystems",
    "loadavg",
    "meminfo",
    "stat",
    "sys/kernel",
    "sys/vm",
    "uptime",
    "version",
];

/// Read and write.
pub(crate) const DEVICES: [&str; 5] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
];

/// Everything that may be read and executed besides the workspace. What is not there on this machine is listed all the
/// same. `workspace` is canonical.
pub(crate) fn readable(policy: &Policy, workspace: &Path) -> Vec<PathBuf> {
    let system = SYSTEM.iter().map(PathBuf::from);
    let settings = SETTINGS.iter().map(|name| Path::new("/etc").join(name));
    let facts = FACTS.iter().map(|name| Path::new("/proc").join(name));
    system
        .chain(settings)
        .chain(facts)
        .chain(policy.readable.iter().cloned())
        .flat_map(|granted| beside(granted, workspace))
        .collect()
}

/// A folder that holds the workspace would show what lies around it: other threads' workspaces, the credentials. So it is
/// granted without that part: all of its entries but the one that leads to the workspace.
fn beside(granted: PathBuf, workspace: &Path) -> Vec<PathBuf> {
    let Ok(real) = granted.canonicalize() else {
        return vec![granted];
    };
    let Ok(way) = workspace.strip_prefix(&real) else {
        return vec![granted];
    };
    let leads_there = way.components().next().map(|first| real.join(first));
    // A folder that can't be listed is not granted at all.
    let entries = std::fs::read_dir(&real).into_iter().flatten();
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| Some(path) != leads_there.as_ref() && !path.is_symlink())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_readable_folder_that_holds_the_workspace_does_not_show_its_neighbours() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let workspace = root.join("state/threads/one");
        fs::create_dir_all(&workspace).unwrap();
        fs::create_dir_all(root.join("state/threads/two")).unwrap();
        fs::create_dir(root.join("programs")).unwrap();
        fs::write(root.join("state/auth.json"), "{}").unwrap();
        std::os::unix::fs::symlink("state", root.join("link")).unwrap();

        assert_eq!(beside(root.clone(), &workspace), [root.join("programs")]);
        assert_eq!(beside(root.join("programs"), &workspace), [root.join("programs")]);
        let policy = Policy {
            workspace: workspace.clone(),
            readable: vec![root.clone()],
            without: Vec::new(),
        };
        assert!(policy.may_read(&workspace.join("notes")));
        assert!(policy.may_read(&root.join("programs/tool")));
        assert!(!policy.may_read(&root.join("state/auth.json")));
        assert!(!policy.may_read(&root.join("state/threads/two/notes")));
    }

    #[test]
    fn secrets_of_the_system_are_not_among_the_settings() {
        let policy = Policy {
            workspace: "/nonexistent".into(),
            readable: Vec::new(),
            without: Vec::new(),
        };
        for secret in [
            "/etc/shadow",
            "/etc/ssl/private/key",
            "/etc/ssh/ssh_host_key",
            "/proc/1/environ",
            "/var/lib/x",
        ] {
            assert!(!policy.may_read(Path::new(secret)), "{secret}");
        }
        let shell = Path::new("/bin/sh").canonicalize().unwrap();
        assert!(policy.may_read(&shell));
    }
}
