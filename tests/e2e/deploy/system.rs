//! A systemd of a test's own: process 1 of namespaces that end with the test.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::until;
use tempfile::TempDir;

const BOOT: &str = include_str!("boot.sh");

/// A system that runs. Dropped, all that ran in it is killed.
pub(super) struct System {
    outer: Child,
    group: PathBuf,
    folder: TempDir,
}

impl System {
    /// Starts one; `package` is its folder `/pkg`.
    ///
    /// Errors: why this machine lets nobody do that, in words.
    pub(super) async fn boot(package: &Path) -> Result<Self, String> {
        if !nix::unistd::geteuid().is_root() {
            return Err("only root can start a systemd of its own".to_owned());
        }
        if !Path::new("/lib/systemd/systemd").exists() {
            return Err("systemd is not here".to_owned());
        }
        let folder = tempfile::tempdir().expect("a folder can be made");
        let group = control_group(folder.path())?;
        let log = fs::File::create(folder.path().join("log")).expect("a file can be made");
        fs::create_dir(folder.path().join("root")).expect("a folder can be made");
        let outer = Command::new("unshare")
            .args(["--pid", "--fork", "--kill-child", "--mount", "--ipc", "--uts"])
            .args(["sh", "-c", BOOT, "sh"])
            .args([&folder.path().join("root"), package, &group])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file can be opened twice"))
            .stderr(log)
            .spawn()
            .map_err(|error| format!("unshare does not start: {error}"))?;
        let mut system = Self { outer, group, folder };
        // Once process 1 is systemd, whatever goes wrong is a fault.
        let is_systemd = || system.init().is_some_and(|init| name(init) == "systemd");
        let has_ended = |id: u32| name(id).is_empty();
        let outer = system.outer.id();
        until("systemd starts, or nothing", || is_systemd() || has_ended(outer)).await;
        if !is_systemd() {
            let _ = system.outer.wait();
            return Err(format!("this machine lets nobody start one: {}", system.log()));
        }
        until("systemd is up", || {
            let state = system.sh("systemctl is-active multi-user.target", "");
            state.status.success()
        })
        .await;
        Ok(system)
    }

    /// Runs a shell in it, as root, and gives it something to read.
    pub(super) fn sh(&self, script: &str, input: &str) -> Output {
        let init = self.init().expect("it runs").to_string();
        let mut child = Command::new("nsenter")
            .args(["--target", &init])
            .args(["--mount", "--pid", "--cgroup", "--ipc", "--uts"])
            .args(["sh", "-c", script])
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("SYSTEMD_UNIT_PATH", "/etc/systemd/system")
            .env("SYSTEMD_PAGER", "")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("nsenter comes with unshare");
        let mut stdin = child.stdin.take().expect("it is piped");
        // It may not want to read.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        child.wait_with_output().expect("it ends")
    }

    /// The same, which has to end well: what it printed.
    #[track_caller]
    pub(super) fn does(&self, script: &str) -> String {
        let output = self.sh(script, "");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "`{script}`: {told}{}\n{}",
            String::from_utf8_lossy(&output.stderr),
            self.journal()
        );
        told
    }

    /// What the service said.
    pub(super) fn journal(&self) -> String {
        let output = self.sh("journalctl --unit agent-host --output cat", "");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A file of it, as it is seen from here.
    pub(super) fn file(&self, path: &str) -> PathBuf {
        let init = self.init().expect("it runs");
        PathBuf::from(format!("/proc/{init}/root{path}"))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// The number of its process 1 here.
    fn init(&self) -> Option<u32> {
        let outer = self.outer.id();
        let children = fs::read_to_string(format!("/proc/{outer}/task/{outer}/children")).ok()?;
        children.split_whitespace().next()?.parse().ok()
    }
}

impl Drop for System {
    fn drop(&mut self) {
        // With process 1 all others die, and unshare ends after them.
        match self.init().and_then(|init| i32::try_from(init).ok()) {
            Some(init) => drop(kill(Pid::from_raw(init), Signal::SIGKILL)),
            None => drop(self.outer.kill()),
        }
        let _ = self.outer.wait();
        remove_group(&self.group);
    }
}

/// What a process calls itself; nothing where it has ended.
fn name(id: u32) -> String {
    let name = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
    let status = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    if status.contains(") Z ") {
        return String::new();
    }
    name.trim().to_owned()
}

/// A new control group below this process's own, with this folder's name.
fn control_group(folder: &Path) -> Result<PathBuf, String> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mounted = mounts.lines().find_map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        (words.get(2) == Some(&"cgroup2")).then(|| words[1].to_owned())
    });
    let mounted = mounted.ok_or("control groups of version 2 are not mounted")?;
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let own = own
        .lines()
        .find_map(|line| line.strip_prefix("0::/"))
        .unwrap_or_default();
    let group = Path::new(&mounted)
        .join(own)
        .join(folder.file_name().expect("it has a name"));
    fs::create_dir(&group).map_err(|error| format!("no control group can be made: {error}"))?;
    Ok(group)
}

/// Those below it first.
fn remove_group(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            remove_group(&entry.path());
        }
    }
    // What is left of it does no harm.
    let _ = fs::remove_dir(group);
}
