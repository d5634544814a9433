//! A small agent of a few shell functions, each of which a test may replace: real processes, pipes and signals.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use conversation::ThreadId;
use credentials::UserId;
use tokio::sync::mpsc;

use super::{Event, Spec};
use crate::config::{Agent, AgentKind, Limits};
use crate::sweep::{Process, Reaper, process};

/// The agent as it is when no test changes it. It answers each message with `on_<method>`.
const AGENT: &str = r#"
answer() { printf '{"jsonrpc":"2.0","id":"%s","result":%s}\n' "$id" "$1"; }
fail() { printf '{"jsonrpc":"2.0","id":"%s","error":{"code":%s,"message":"%s"}}\n' "$id" "$1" "$2"; }
say() { printf '{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s1","update":{"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"%s"}}}}\n' "$1"; }
ask() { printf '{"jsonrpc":"2.0","id":%s,"method":"%s","params":%s}\n' "$1" "$2" "$3"; }
on_initialize() { answer '{"protocolVersion":1,"agentCapabilities":{"loadSession":true}}'; }
on_authenticate() { fail -32601 'Method not found'; }
on_new() { answer '{"sessionId":"s1"}'; }
on_load() { say replayed; answer '{}'; }
on_prompt() { say one; say two; answer '{"stopReason":"end_turn"}'; }
on_cancel() { :; }
on_answer() { :; }
on_end() { :; }
"#;

const LOOP: &str = r#"
while IFS= read -r line; do
  case $line in
    *'"method":"initialize"'*) method=initialize ;;
    *'"method":"authenticate"'*) method=authenticate ;;
    *'"method":"session/new"'*) method=new ;;
    *'"method":"session/load"'*) method=load ;;
    *'"method":"session/prompt"'*) method=prompt ;;
    *'"method":"session/cancel"'*) method=cancel ;;
    *) method=answer ;;
  esac
  case $method in cancel | answer) ;; *) id=${line#*'"id":"'}; id=${id%%'"'*} ;; esac
  on_$method
done
on_end
"#;

/// A place for one worker.
pub(crate) struct Scene {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) reaper: Reaper,
    pub(crate) events: mpsc::Receiver<Event>,
    pub(crate) sender: mpsc::Sender<Event>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (sender, events) = mpsc::channel(8);
        let reaper = Reaper::new(folder.path(), None).unwrap();
        Self {
            folder,
            reaper,
            events,
            sender,
        }
    }

    /// The agent with these functions instead of its own.
    pub(crate) fn spec(&self, functions: &str) -> Spec {
        spec(self.folder.path(), functions)
    }

    pub(crate) async fn start(&self, functions: &str) -> Result<super::Worker, super::StartError> {
        super::start(self.spec(functions), &self.reaper, self.sender.clone()).await
    }

    pub(crate) fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    /// The process that wrote its id into this file of the workspace. Waits until it has.
    pub(crate) async fn process(&self, file: &str) -> Process {
        process_in(&self.workspace().join(file)).await
    }

    /// How many workers are on record.
    pub(crate) fn records(&self) -> usize {
        fs::read_dir(self.folder.path().join("workers")).unwrap().count()
    }
}

/// A spec whose agent is the shell with these functions; everything is in `folder`.
pub(crate) fn spec(folder: &Path, functions: &str) -> Spec {
    let workspace = folder.join("workspace");
    fs::create_dir_all(&workspace).unwrap();
    let script = format!("{AGENT}\n{functions}\n{LOOP}");
    Spec {
        thread: ThreadId::parse("web:1").unwrap(),
        agent: Agent {
            title: "Fake".into(),
            kind: AgentKind::External {
                command: vec!["/bin/sh".into(), "-c".into(), script],
                environment: [("FAKE", "yes"), ("SECRET", "planted-secret")]
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into(),
            },
        },
        agent_name: "fake".into(),
        workspace,
        session_folder: folder.join("session"),
        owner: UserId::parse("web:alice").unwrap(),
        permissions: None,
        session: None,
        worker_program: "/bin/sh".into(),
        limits: Limits {
            start: Duration::from_secs(20),
            grace: Duration::from_millis(200),
            ..Limits::default()
        },
        life: super::Life {
            _worker: mpsc::channel(1).0,
            _thread: mpsc::channel(1).0,
        },
    }
}

/// Waits for a file with a process id.
pub(crate) async fn process_in(file: &Path) -> Process {
    loop {
        let text = fs::read_to_string(file).unwrap_or_default();
        // The newline is written last.
        if let Some(pid) = text.strip_suffix('\n') {
            return process::read(pid.trim().parse().unwrap()).expect("it lives");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Makes the shell agent look like our own one.
pub(crate) fn native(spec: &mut Spec) {
    use std::os::unix::fs::PermissionsExt as _;
    let AgentKind::External { command, .. } = &spec.agent.kind else {
        panic!("made so above");
    };
    let program = spec.workspace.join("agent");
    std::fs::write(&program, format!("#!/bin/sh\n{}", command[2])).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    spec.worker_program = program;
    spec.agent.kind = AgentKind::Native(Box::new(contract::Profile {
        session_folder: "/template".into(),
        provider: contract::Provider::OpenaiChat,
        base_url: "http://127.0.0.1:1/v1".parse().unwrap(),
        model: None,
        account: Some(contract::Account {
            store: "/nowhere/auth.json".into(),
            allow_network_filesystem: false,
            service: credentials::Service::parse("codex").unwrap(),
            title: "Codex".into(),
            owner: UserId::parse("web:template").unwrap(),
            endpoint: None,
            rejection_codes: vec![],
            host_key: None,
            host_token: None,
        }),
        permissions: contract::Permissions::Ask,
        without_layers: vec![],
        readable: vec![],
        patience: contract::PATIENCE,
        ca_file: None,
        context_tokens: None,
        model_calls: contract::MODEL_CALLS,
        processes: contract::PROCESSES,
        instructions: None,
    }));
}
