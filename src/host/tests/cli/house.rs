//! A state folder of its own, a rehearsal server where one is wanted, and the program run in between.

use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use rehearsal::{Config, Control, Counter, Decision, Server};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;

/// Longer than any honest wait of these tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A state folder, and the variables that the program gets besides it.
pub(crate) struct House {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

/// A rehearsal server on a thread of its own.
pub(crate) struct Town {
    pub(crate) control: Control,
    pub(crate) url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A program that still runs, its standard error read line by line.
pub(crate) struct Running {
    pub(crate) child: Child,
    err: BufReader<ChildStderr>,
}

impl Ran {
    /// Asserts the exit code, showing everything if it is another one.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// Asserts that both are told on standard error: what is wrong, and what to do.
    #[track_caller]
    pub(crate) fn tells(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.err.contains(word), "no {word:?} in {self:#?}");
        }
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.out.lines().count(), 1, "one line of JSON: {self:#?}");
        serde_json::from_str(&self.out).unwrap()
    }
}

impl House {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::Builder::new()
                .permissions(Permissions::from_mode(0o700))
                .tempdir()
                .unwrap(),
            variables: vec![],
        }
    }

    /// One that knows this server.
    pub(crate) fn in_town(town: &Town) -> Self {
        Self::new().with("AGENT_HOST_REHEARSAL_URL", &town.url)
    }

    /// The same with one more variable.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same with this configuration.
    pub(crate) fn configured(self, text: &str) -> Self {
        fs::write(self.path("config.toml"), text).unwrap();
        self
    }

    pub(crate) fn home(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home().join(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agent-host"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("AGENT_HOST_HOME", self.home())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the program, its arguments in one line.
    pub(crate) fn run(&self, line: &str) -> Ran {
        ran(self.command(&words(line)).spawn().unwrap())
    }

    /// Runs the program with this on its standard input.
    pub(crate) fn run_with_stdin(&self, line: &str, stdin: &str) -> Ran {
        let mut child = self.command(&words(line)).stdin(Stdio::piped()).spawn().unwrap();
        // A program that does not read it is not to be blamed here.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        ran(child)
    }

    /// Types a line that was printed into a shell, and this into the program.
    pub(crate) fn types(&self, line: &str, stdin: &str) -> Ran {
        let program = Path::new(env!("CARGO_BIN_EXE_agent-host"));
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", line])
            .env_clear()
            .env("PATH", program.parent().unwrap())
            .env("AGENT_HOST_HOME", self.home())
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = shell.spawn().unwrap();
        // A program that does not read it is not to be blamed here.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        ran(child)
    }

    /// Starts the program, with a standard input to write to.
    pub(crate) fn start(&self, line: &str) -> Running {
        let mut child = self.command(&words(line)).stdin(Stdio::piped()).spawn().unwrap();
        let err = BufReader::new(child.stderr.take().unwrap());
        Running { child, err }
    }

    /// Signs in to the rehearsal vendor: the host, or `more` options.
    #[track_caller]
    pub(crate) fn sign_in(&self, town: &Town, user: &str, more: &str) {
        let whose = if more.is_empty() { "--owner host" } else { more };
        let begun = self
            .run(&format!("auth begin rehearsal --user {user} {whose}"))
            .exits(0);
        let back = town.approve(begun.out.trim(), user);
        self.run_with_stdin(&format!("auth complete rehearsal --user {user}"), &back)
            .exits(0);
    }

    /// The store's content.
    pub(crate) fn store(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path("auth.json")).unwrap()).unwrap()
    }

    /// Changes the stored grant of a tenant, as time or another program would.
    pub(crate) fn change_grant(&self, service: &str, owner: &str, change: impl FnOnce(&mut Value)) {
        let mut store = self.store();
        change(&mut store["tenants"][service][owner]);
        fs::write(self.path("auth.json"), store.to_string()).unwrap();
    }

    /// Makes the stored access token one that ended long ago.
    pub(crate) fn expire(&self, service: &str, owner: &str) {
        self.change_grant(service, owner, |grant| {
            for name in ["obtained_at_ms", "expires_at_ms"] {
                assert!(grant[name].is_i64() || grant[name].is_u64(), "{grant}");
            }
            grant["obtained_at_ms"] = 1_000_000.into();
            grant["expires_at_ms"] = 2_000_000.into();
        });
    }
}

impl Town {
    pub(crate) fn start() -> Self {
        Self::start_with(Config::default())
    }

    pub(crate) fn start_with(config: Config) -> Self {
        let (ready, started) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            runtime().block_on(async {
                let server = Server::start(config).await.unwrap();
                ready.send((server.control(), server.url().to_string())).unwrap();
                let _ = stopped.await;
                server.shutdown().await;
            });
        });
        let (control, url) = started.recv_timeout(PATIENCE).unwrap();
        Self {
            control,
            url,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Says yes on the consent page; where the browser is sent then.
    #[track_caller]
    pub(crate) fn approve(&self, link: &str, user: &str) -> String {
        let back = self.control.authorize(link, user, Decision::Approve);
        back.unwrap_or_else(|error| panic!("{error}: {link}")).to_string()
    }

    pub(crate) fn count(&self, counter: Counter) -> u64 {
        self.control.counts().get(counter)
    }

    /// Waits until it has happened so often.
    pub(crate) fn wait(&self, counter: Counter, at_least: u64) {
        runtime()
            .block_on(self.control.wait(counter, at_least, PATIENCE))
            .unwrap();
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Running {
    /// Reads standard error up to a line that `wanted` likes.
    #[track_caller]
    pub(crate) fn line(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            assert_ne!(
                self.err.read_line(&mut line).unwrap(),
                0,
                "it ended after: {seen}"
            );
            if wanted(line.trim_end()) {
                return line.trim_end().to_owned();
            }
            seen.push_str(&line);
        }
    }

    /// The link that was printed.
    #[track_caller]
    pub(crate) fn link(&mut self) -> String {
        self.line(|line| line.starts_with("http"))
    }

    /// Types a line.
    pub(crate) fn type_line(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(format!("{line}\n").as_bytes()).unwrap();
        stdin.flush().unwrap();
    }

    /// Waits for its end; `err` is what came after the last line that was read.
    pub(crate) fn end(mut self) -> Ran {
        let (mut out, mut err) = (String::new(), String::new());
        self.err.read_to_string(&mut err).unwrap();
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut out)
            .unwrap();
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        Ran { code, out, err }
    }
}

fn ran(child: Child) -> Ran {
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let ran = Ran {
        code: output.status.code().unwrap_or(-1),
        out: text(output.stdout),
        err: text(output.stderr),
    };
    assert!(!ran.err.contains("panicked"), "{ran:#?}");
    ran
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}
