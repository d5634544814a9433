//! `status`: how everything stands, from the running host or, when there is none, from what it left.

use chat::discord::Health;
use conversation::{Conversation, ThreadFilter};
use credentials::{RefusedVariable, Store, Timestamp, words};
use serde::{Deserialize, Serialize};
use supervisor::{Supervisor, ThreadPhase, WorkerState};

use crate::arguments::Status;
use crate::config::Settings;
use crate::control::{self, Request};
use crate::failure::{Exit, Failure, Outcome, file_hint};
use crate::output::{Colour, Paint, Table};
use crate::running::HostLock;
use crate::{assembly, doctor, output, shell};

pub(crate) mod discord;

/// The answer, and the shape of `--json`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// `None` when no host runs.
    pub(crate) host: Option<Host>,
    /// How the bot stands; `None` without a host or without Discord.
    #[serde(default)]
    pub(crate) discord: Option<Health>,
    /// Threads that are known.
    pub(crate) threads: usize,
    /// Threads whose turn runs, whatever it waits for.
    pub(crate) working: usize,
    /// Those of them that wait for a person: a permission or a login.
    #[serde(default)]
    pub(crate) waiting: usize,
    /// Which these are, by id.
    #[serde(default)]
    pub(crate) awaiting: Vec<String>,
    /// Threads that wait until one of the workers' places is free (`[limits] workers`).
    #[serde(default)]
    pub(crate) without_place: usize,
    /// Turns that wait.
    pub(crate) queued: u64,
    /// Workers: those that live, and with no process those that are being started or failed.
    pub(crate) workers: Vec<Worker>,
    /// What a person should look at, the worst first.
    pub(crate) attention: Vec<Attention>,
}

/// The running host.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Host {
    /// Its process.
    pub(crate) pid: u32,
    /// Its version.
    pub(crate) version: String,
    /// Since when it runs, milliseconds since the epoch.
    pub(crate) since: Timestamp,
    /// Where its page is.
    pub(crate) page: String,
}

/// A worker.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Worker {
    thread: String,
    agent: String,
    pid: Option<i32>,
    state: String,
    age_s: u64,
    memory_bytes: Option<u64>,
    queued: u32,
}

/// Something to look at.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Attention {
    thread: Option<String>,
    what: String,
    hint: Option<String>,
}

impl From<supervisor::Attention> for Attention {
    fn from(attention: supervisor::Attention) -> Self {
        Self {
            thread: attention.thread.map(|thread| thread.to_string()),
            what: attention.what,
            hint: attention.hint,
        }
    }
}

/// A key of the host's environment that does not work.
pub(crate) fn of_refused(found: &RefusedVariable) -> Attention {
    Attention {
        thread: None,
        what: doctor::refused(found),
        hint: Some(doctor::ANOTHER.to_owned()),
    }
}

/// Prints how everything stands.
pub(crate) fn run(asked: &Status, settings: &Settings) -> Outcome {
    let state = &settings.state_folder;
    let mut report = match control::ask(state, &Request::Status)? {
        Some(value) => serde_json::from_value(value)
            .map_err(|error| Failure::during(error, "the running host answered something else"))?,
        None => of_folder(settings),
    };
    report.attention.extend(of_logins(settings));
    for hint in report.attention.iter_mut().filter_map(|one| one.hint.as_mut()) {
        *hint = shell::pasted(hint);
    }
    let exit = if report.attention.is_empty() && report.host.is_some() {
        Exit::Done
    } else {
        Exit::Failed
    };
    if asked.json {
        output::json(&report)?;
        return Ok(exit);
    }
    print(&report, Paint::for_stdout(settings.no_colour))?;
    if let Some(host) = &report.host
        && let Some(link) = control::ask(state, &Request::Link)?
    {
        output::data(&match link.as_str() {
            Some(link) => {
                format!("open {link} (a button there lets one browser in, once, within ten minutes)")
            }
            None => format!("open {} (the proxy there signs people in)", host.page),
        })?;
    }
    Ok(exit)
}

/// Logins that the host can't read. Who only looks into another user's folder can't tell.
fn of_logins(settings: &Settings) -> Option<Attention> {
    let health = Store::open(&settings.store_path, true).ok()?.file_health();
    let is_own = health.folder_owner == Some(nix::unistd::geteuid().as_raw());
    let error = health.error.filter(|_| is_own)?;
    let hint = Some(file_hint(&error));
    Some(Attention {
        thread: None,
        what: Failure::from(error).to_string(),
        hint,
    })
}

/// Threads whose turn waits for a person, by id; none where no host runs or it does not say.
pub(crate) fn awaiting(settings: &Settings) -> Vec<String> {
    let asked = control::ask(&settings.state_folder, &Request::Status);
    let report = asked.ok().flatten().map(serde_json::from_value::<Report>);
    report.and_then(Result::ok).unwrap_or_default().awaiting
}

/// What a running supervisor knows.
pub(crate) async fn of_supervisor(supervisor: &Supervisor) -> Result<Report, Failure> {
    let threads = supervisor.threads(ThreadFilter::default()).await?;
    let working = |phase: &ThreadPhase| {
        !matches!(
            phase,
            ThreadPhase::Cold | ThreadPhase::Idle | ThreadPhase::Waiting | ThreadPhase::Failed { .. }
        )
    };
    let waiting = |phase: &ThreadPhase| {
        matches!(
            phase,
            ThreadPhase::AwaitingLogin | ThreadPhase::AwaitingPermission
        )
    };
    let awaiting: Vec<_> = threads
        .iter()
        .filter(|thread| waiting(&thread.phase))
        .map(|thread| thread.summary.thread.id.to_string())
        .collect();
    Ok(Report {
        host: None,
        discord: None,
        threads: threads.len(),
        working: threads.iter().filter(|thread| working(&thread.phase)).count(),
        waiting: awaiting.len(),
        awaiting,
        without_place: threads
            .iter()
            .filter(|thread| thread.phase == ThreadPhase::Waiting)
            .count(),
        queued: threads
            .iter()
            .map(|thread| u64::from(thread.summary.queued))
            .sum(),
        workers: supervisor.workers().await.into_iter().map(worker).collect(),
        attention: supervisor
            .attention()
            .await?
            .into_iter()
            .map(Attention::from)
            .collect(),
    })
}

fn worker(status: supervisor::WorkerStatus) -> Worker {
    Worker {
        thread: status.thread.to_string(),
        agent: status.agent,
        pid: status.pid,
        state: match status.state {
            WorkerState::Cold => "cold",
            WorkerState::Starting => "starting",
            WorkerState::Ready => "ready",
            WorkerState::Busy => "busy",
            WorkerState::Idle => "idle",
            WorkerState::Failed { .. } => "failed",
        }
        .to_owned(),
        age_s: status.age.as_secs(),
        memory_bytes: status.memory,
        queued: status.queued,
    }
}

/// What the folder of a host that does not run tells.
fn of_folder(settings: &Settings) -> Report {
    let state = &settings.state_folder;
    let mut report = Report::default();
    let holder = HostLock::holder(state);
    report.attention.push(match holder {
        Some(pid) => Attention {
            thread: None,
            what: format!(
                "process {pid} is the host of `{}`, and does not listen",
                state.display()
            ),
            hint: Some("it may be starting or stopping: try again".to_owned()),
        },
        None => Attention {
            thread: None,
            what: format!("no host runs on `{}`", state.display()),
            hint: Some(
                if settings.is_demo {
                    "start it again with `agent-host demo`"
                } else {
                    "start it with `agent-host up`, or try `agent-host demo`"
                }
                .to_owned(),
            ),
        },
    });
    // That no host runs is worth knowing also where the rest can't be read.
    if let Err(failure) = of_conversation(settings, &mut report) {
        report.attention.push(Attention {
            thread: None,
            what: failure.to_string(),
            hint: failure.hint_words().map(str::to_owned),
        });
    }
    report
}

/// What the conversation of a host that does not run tells, if there is one.
fn of_conversation(settings: &Settings, report: &mut Report) -> Result<(), Failure> {
    let Some(conversation) = open_if_there(settings)? else {
        return Ok(());
    };
    let threads = assembly::run(async { Ok(conversation.threads(ThreadFilter::default()).await?) })?;
    report.threads = threads.len();
    report.working = threads.iter().filter(|thread| thread.running).count();
    report.queued = threads.iter().map(|thread| u64::from(thread.queued)).sum();
    for thread in threads.iter().filter(|thread| thread.running) {
        report.attention.push(Attention {
            thread: Some(thread.thread.id.to_string()),
            what: "a turn was running when the host ended".to_owned(),
            hint: Some("the next start marks it as cut and tells its thread".to_owned()),
        });
    }
    let left = assembly::run(async { Ok(supervisor::attention_offline(&conversation).await?) })?;
    report.attention.extend(left.into_iter().map(Attention::from));
    Ok(())
}

/// The conversation for looking only; `None` before the first start of a host.
pub(crate) fn open_if_there(settings: &Settings) -> Result<Option<Conversation>, Failure> {
    let state = &settings.state_folder;
    match state.join("conversation.db").try_exists() {
        Ok(true) => Ok(Some(Conversation::open_without_recovery(state)?)),
        Ok(false) => Ok(None),
        Err(error) => Err(Failure::looking_into(state, error)),
    }
}

fn print(report: &Report, paint: Paint) -> Result<(), Failure> {
    if let Some(host) = &report.host {
        let age = words::span(Timestamp::now().since(host.since));
        output::data(&format!(
            "agent-host {} runs as process {} for {age}, page at {}",
            host.version, host.pid, host.page
        ))?;
    }
    let living = report.workers.iter().filter(|worker| worker.pid.is_some());
    output::data(&format!(
        "{}, {} working{}, {} queued, {}{}",
        output::count(report.threads as u64, "thread"),
        report.working,
        match report.waiting {
            0 => String::new(),
            some => format!(" ({some} of them wait for somebody)"),
        },
        output::count(report.queued, "turn"),
        output::count(living.count() as u64, "worker"),
        match report.without_place {
            0 => String::new(),
            1 => "; 1 thread waits for a worker's place".to_owned(),
            some => format!("; {some} threads wait for a worker's place"),
        }
    ))?;
    if let Some(health) = &report.discord {
        output::data(&discord::line(health))?;
    }
    if !report.workers.is_empty() {
        let mut table = Table::new(&["thread", "agent", "pid", "state", "age", "memory", "queued"]);
        for worker in &report.workers {
            table.row([
                worker.thread.clone(),
                worker.agent.clone(),
                worker.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
                worker.state.clone(),
                words::span(std::time::Duration::from_secs(worker.age_s)),
                worker
                    .memory_bytes
                    .map_or_else(|| "-".to_owned(), |bytes| format!("{} KiB", bytes / 1024)),
                worker.queued.to_string(),
            ]);
        }
        for line in table.lines() {
            output::data(&line)?;
        }
    }
    if report.attention.is_empty() {
        output::data(&paint.paint(Colour::Green, "nothing needs attention"))?;
    }
    for attention in &report.attention {
        let place = attention
            .thread
            .as_deref()
            .map_or(String::new(), |thread| format!("{thread}: "));
        output::data(&format!(
            "{} {place}{}",
            paint.paint(Colour::Red, "!"),
            attention.what
        ))?;
        if let Some(hint) = &attention.hint {
            output::data(&format!("    hint: {hint}"))?;
        }
    }
    Ok(())
}
