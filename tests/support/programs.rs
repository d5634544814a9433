//! The programs that tests start, and what they say.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde::{Deserialize, Serialize};
use url::Url;

/// A program of this workspace, as it stands beside the program that runs, or above it when that is a test.
///
/// Panics with what to type if it was not built.
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("the system tells where a test is");
    let mut near = own.ancestors().skip(1).take(2).map(|folder| folder.join(name));
    near.find(|path| path.exists())
        .unwrap_or_else(|| panic!("`{name}` is not built: run `cargo build --workspace --all-targets` first"))
}

/// The command line program with an empty environment but for its state folder.
pub fn agent_host(state: &Path) -> Command {
    let mut command = Command::new(program("agent-host"));
    command
        .env_clear()
        .env("AGENT_HOST_HOME", state)
        .env("HOME", state)
        .stdin(Stdio::null());
    command
}

/// What `caller` prints: one line of JSON, without a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The fingerprint of the token it got.
    pub token: Option<String>,
    /// Why it got none.
    pub error: Option<String>,
    /// `login`, `try_again`, `cancelled`, `other`.
    pub kind: Option<String>,
    /// How often it went round in the slow path.
    pub rounds: u32,
}

/// A program that uses the library as any other program would: `tests/support/caller.rs`.
pub struct Caller {
    command: Command,
}

impl Caller {
    pub(crate) fn new(store: &Path, server: &Url) -> Self {
        let mut command = Command::new(program("caller"));
        command
            .env_clear()
            .arg("--store")
            .arg(store)
            .arg("--server")
            .arg(server.as_str());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit());
        Self { command }
    }

    /// Whose token is wanted; the host's if this is not called.
    #[must_use]
    pub fn owner(mut self, user: &str) -> Self {
        self.command.args(["--owner", user]);
        self
    }

    /// Reports to the server under this name, after reading the stored token and before asking for a valid one.
    #[must_use]
    pub fn reports_as(mut self, name: &str) -> Self {
        self.command.args(["--report", name]);
        self
    }

    /// Tries the stored token at the server first, and names it as rejected if it was.
    #[must_use]
    pub fn tries_first(mut self) -> Self {
        self.command.arg("--try");
        self
    }

    /// Refreshes without a process of its own.
    #[must_use]
    pub fn in_process(mut self) -> Self {
        self.command.arg("--in-process");
        self
    }

    /// This many tasks at once instead of one call.
    #[must_use]
    pub fn tasks(mut self, count: u32) -> Self {
        self.command.args(["--tasks", &count.to_string()]);
        self
    }

    /// A fault inside the library: `point=pause:FIFO` or `step=enospc`, comma-separated.
    #[must_use]
    pub fn fault(mut self, setting: impl AsRef<OsStr>) -> Self {
        self.command.env("AGENT_HOST_FAULT", setting);
        self
    }

    /// Starts under this umask, as a shell would: `000`, `077`.
    #[must_use]
    pub fn umask(mut self, mask: &str) -> Self {
        let mut shell = Command::new("/bin/sh");
        shell
            .env_clear()
            .args(["-c", &format!("umask {mask}; exec \"$0\" \"$@\"")])
            .arg(self.command.get_program())
            .args(self.command.get_args())
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        for (name, value) in self.command.get_envs() {
            shell.env(name, value.unwrap_or_default());
        }
        self.command = shell;
        self
    }

    /// Starts a child of its own that does nothing, when its standard input is closed.
    #[must_use]
    pub fn starts_a_child(mut self) -> Self {
        self.command.arg("--child").stdin(Stdio::piped());
        self
    }

    /// Has a proxy for plain http in its environment.
    #[must_use]
    pub fn proxy(mut self, address: &str) -> Self {
        self.command.env("HTTP_PROXY", address).env("http_proxy", address);
        self
    }

    /// Starts it as the leader of a process group of its own, so that the group can be killed.
    pub fn start(mut self) -> Child {
        self.command.process_group(0).spawn().expect("the program starts")
    }

    /// Runs it to its end.
    pub fn run(self) -> Report {
        Report::of(self.start())
    }
}

/// A process that holds a lock file, and does nothing else.
pub struct Holder {
    child: Child,
}

impl Holder {
    /// Starts one; it holds the lock when this returns.
    pub fn of(lock: &Path) -> Self {
        let mut child = Command::new(program("caller"))
            .env_clear()
            .arg("--hold")
            .arg(lock)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped"))
            .read_line(&mut line)
            .expect("it says something");
        assert_eq!(line, "held\n");
        Self { child }
    }

    /// Lets it end, and waits for that.
    pub fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().expect("it ends").success());
    }

    /// SIGKILL; it has ended when this returns.
    pub fn kill(mut self) {
        self.child.kill().expect("it is there");
        self.child.wait().expect("it was killed");
    }
}

/// What a program said that moves a corrupt store aside with a fault set.
pub fn move_aside(store: &Path, fault: &str) -> String {
    let output = Command::new(program("caller"))
        .env_clear()
        .env("AGENT_HOST_FAULT", fault)
        .arg("--move-aside")
        .arg(store)
        .output()
        .expect("the program starts");
    String::from_utf8(output.stdout).expect("text")
}

impl Report {
    /// Waits for a caller and reads what it said.
    pub fn of(child: Child) -> Self {
        let output = child.wait_with_output().expect("the program ends");
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("not a report ({}): {text:?}", output.status))
    }

    /// The token's fingerprint; panics with the error if there is none.
    pub fn expect_token(&self) -> &str {
        self.token
            .as_deref()
            .unwrap_or_else(|| panic!("no token: {self:?}"))
    }
}
