//! What the supervisor is told by the program that starts it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use contract::Profile;
use conversation::{Dispatch, Thread};

/// What the supervisor is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// The state folder; each thread has `threads/<folder name>/` in it for its session.
    pub state_folder: PathBuf,
    /// Where workspaces are made: `<workspaces>/<folder name of the thread>`.
    pub workspaces: PathBuf,
    /// `agent-host-worker`.
    pub worker_program: PathBuf,
    /// Agents by name.
    pub agents: BTreeMap<String, Agent>,
    /// The agent of new threads.
    pub default_agent: String,
    /// Mode of new threads.
    pub dispatch: Dispatch,
    /// Limits.
    pub limits: Limits,
}

impl Config {
    /// What people call an agent: its title, and its name where another has the same title or there is none of that name.
    pub fn title_of(&self, name: &str) -> String {
        let Some(agent) = self.agents.get(name) else {
            return name.to_owned();
        };
        let same = self.agents.values().filter(|other| other.title == agent.title);
        if agent.title.trim().is_empty() {
            name.to_owned()
        } else if same.count() > 1 {
            format!("{} ({name})", agent.title)
        } else {
            agent.title.clone()
        }
    }
}

/// An agent that threads can be served by.
#[derive(Debug, Clone)]
pub struct Agent {
    /// For people.
    pub title: String,
    /// What is started.
    pub kind: AgentKind,
}

impl Agent {
    /// Whether it is our own.
    pub fn is_native(&self) -> bool {
        matches!(self.kind, AgentKind::Native(_))
    }

    /// The model that answers in a thread, for people. `said`: what one of somebody else's has said of it.
    pub(crate) fn model_in(&self, thread: &Thread, said: impl FnOnce() -> Option<String>) -> Option<String> {
        match &self.kind {
            AgentKind::Native(profile) => thread.model.clone().or_else(|| profile.model.clone()),
            AgentKind::External { .. } => said(),
        }
    }
}

/// What is started for a thread.
#[derive(Debug, Clone)]
pub enum AgentKind {
    /// Our own. The profile is a template: session folder, and the account's owner, are filled in per thread.
    Native(Box<Profile>),
    /// An external ACP agent.
    External {
        /// Program and arguments.
        command: Vec<String>,
        /// Its whole environment besides `PATH`, `HOME`, `LANG` and `TERM`.
        environment: BTreeMap<String, String>,
    },
}

/// Limits.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Living workers.
    pub workers: usize,
    /// Workers being started at the same time.
    pub starting: usize,
    /// Workers started in a second, after one second's worth at once.
    pub starts_per_second: u32,
    /// An idle worker is ended after so long.
    pub idle: Duration,
    /// A worker must have answered `initialize` and the session request in so long.
    pub start: Duration,
    /// A turn without any sign of life for so long gets a notice in its thread.
    pub silence: Duration,
    /// A permission request is denied after so long.
    pub permission: Duration,
    /// A turn waits for a login for so long.
    pub login: Duration,
    /// Between the polite and the hard steps of ending a worker.
    pub grace: Duration,
    /// Failures in a row after which a thread's worker is no longer restarted by itself.
    pub failures: u32,
    /// Queued turns per thread; more are refused.
    pub queued: usize,
    /// Files that a worker may open at once without raising its limit; `None`: as many as this process.
    pub open_files: Option<u64>,
}

impl Limits {
    /// The default of `grace`.
    pub const GRACE: Duration = Duration::from_secs(3);
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            workers: 1000,
            starting: 4,
            starts_per_second: 100,
            idle: Duration::from_mins(30),
            start: Duration::from_secs(30),
            silence: Duration::from_mins(2),
            permission: Duration::from_mins(10),
            login: Duration::from_mins(15),
            grace: Self::GRACE,
            failures: 4,
            queued: 100,
            open_files: None,
        }
    }
}
