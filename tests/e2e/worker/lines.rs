//! A worker process that is spoken to in lines, and says why when it does not answer.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Nothing here takes long.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running worker.
pub(crate) struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    log: Option<JoinHandle<String>>,
    next: u64,
    heard: Vec<Value>,
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
}

impl Worker {
    /// With nothing in its environment but a home.
    pub(crate) fn start(program: &Path, home: &Path) -> Self {
        let mut child = Command::new(program)
            .env_clear()
            .env("HOME", home)
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("could not start {}: {error}", program.display()));
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let mut errors = child.stderr.take().expect("piped");
        let (tell, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        let log = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = errors.read_to_string(&mut text);
            text
        });
        Self {
            input: child.stdin.take(),
            child,
            lines,
            log: Some(log),
            next: 0,
            heard: vec![],
        }
    }

    pub(crate) fn initialize(&mut self, profile: Option<Value>) -> Value {
        let mut parameters = json!({"protocolVersion": 1, "clientCapabilities": {}});
        if let Some(profile) = profile {
            parameters["_meta"] = json!({ "agent-host": profile });
        }
        self.ask("initialize", &parameters)
    }

    /// Asks and waits for the answer.
    pub(crate) fn ask(&mut self, method: &str, parameters: &Value) -> Value {
        let id = self.send(method, parameters);
        self.answer(id)
    }

    /// Asks; the request's id.
    pub(crate) fn send(&mut self, method: &str, parameters: &Value) -> u64 {
        self.next += 1;
        let request = json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": parameters});
        self.write(format!("{request}\n").as_bytes());
        self.next
    }

    /// Says something that has no answer.
    pub(crate) fn tell(&mut self, method: &str, parameters: &Value) {
        let note = json!({"jsonrpc": "2.0", "method": method, "params": parameters});
        self.write(format!("{note}\n").as_bytes());
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let written = self.input.as_mut().expect("not closed").write_all(bytes);
        if let Err(error) = written {
            self.fail(&format!("could not write to it: {error}"));
        }
    }

    /// Waits for the answer to a request.
    pub(crate) fn answer(&mut self, id: u64) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                self.fail(&format!("no answer to request {id}"))
            };
            let Ok(message) = serde_json::from_str::<Value>(&line) else {
                self.fail(&format!("it wrote a line that is no JSON: {line}"))
            };
            self.heard.push(message.clone());
            if message["id"] == id && message.get("method").is_none() {
                return message;
            }
        }
    }

    /// Everything that it said so far, answers included.
    pub(crate) fn heard(&self) -> &[Value] {
        &self.heard
    }

    /// What it said it was doing, in order.
    pub(crate) fn statuses(&self) -> Vec<&str> {
        let notes = self.heard.iter();
        notes
            .filter(|told| told["method"] == "_agent-host/status")
            .filter_map(|told| told["params"]["what"].as_str())
            .collect()
    }

    /// All updates of a kind.
    pub(crate) fn updates<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        let updates = self.heard.iter().map(|told| &told["params"]["update"]);
        updates.filter(move |update| update["sessionUpdate"] == kind)
    }

    /// Waits until it says something.
    pub(crate) fn wait_for(&mut self, wanted: impl Fn(&Value) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !self.heard.iter().any(&wanted) {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                self.fail("it never said what was waited for")
            };
            self.heard.push(serde_json::from_str(&line).unwrap_or_default());
        }
    }

    /// Forgets what was heard.
    pub(crate) fn forget(&mut self) {
        self.heard.clear();
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until a command has made a file.
    pub(crate) fn wait_for_file(&mut self, path: &Path) {
        self.wait_until(&path.display().to_string(), || path.exists());
    }

    /// Waits until something came that it does not say.
    pub(crate) fn wait_until(&mut self, what: &str, has_come: impl Fn() -> bool) {
        let until = Instant::now() + PATIENCE;
        while !has_come() {
            if Instant::now() > until {
                self.fail(&format!("{what} never came"));
            }
            // Output lines come while it works; their arrival is as good a clock as any.
            let _ = self.lines.recv_timeout(Duration::from_millis(20)).map(|line| {
                self.heard.push(serde_json::from_str(&line).unwrap_or_default());
            });
        }
    }

    /// Closes its input and waits for its end.
    pub(crate) fn close(&mut self) -> Ended {
        self.input = None;
        self.ended()
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it lives");
        self.ended();
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> Ended {
        // The pipe ends when the process does, and nothing that it started has it.
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.heard.push(serde_json::from_str(&line).unwrap_or_default());
        }
        if !matches!(
            self.lines.try_recv(),
            Err(std::sync::mpsc::TryRecvError::Disconnected)
        ) {
            self.fail("it did not end");
        }
        let status = self.child.wait().expect("a child");
        let log = self.log.take().map(JoinHandle::join);
        Ended {
            code: status.code(),
            stderr: log.and_then(Result::ok).unwrap_or_default(),
        }
    }

    /// Panics with everything that is known.
    pub(crate) fn fail(&mut self, what: &str) -> ! {
        let _ = self.child.kill();
        let status = self.child.wait();
        let log = self.log.take().map(JoinHandle::join);
        panic!(
            "{what}\nstatus: {status:?}\nstderr: {}\nheard: {:#?}",
            log.and_then(Result::ok).unwrap_or_default(),
            self.heard
        );
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
