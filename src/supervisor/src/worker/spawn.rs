//! How a worker's process is started: its command, its environment, and the one thread that starts them all.

use std::ffi::OsString;
use std::io;
use std::process::Stdio;
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex, PoisonError};

use credentials::NETWORK_VARIABLES;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::child::{self, AtOurDeath};
use super::{Life, Spec, StartError};
use crate::config::AgentKind;
use crate::sweep::{Known, Reaper};

/// What every worker gets from our environment.
const ENVIRONMENT: [&str; 4] = ["PATH", "HOME", "LANG", "TERM"];

/// A worker's process and its pipes.
pub(super) struct Started {
    pub(super) child: Child,
    pub(super) known: Known,
    pub(super) input: ChildStdin,
    pub(super) output: ChildStdout,
    pub(super) log: ChildStderr,
    pub(super) life: Life,
}

/// Starts the process. If the future is dropped, the process is killed as soon as it is there.
pub(super) async fn start(spec: &Spec, reaper: &Reaper) -> Result<Started, StartError> {
    let program = program(spec)?;
    let not_found = |cause: String| StartError::NotFound {
        program: program.to_string_lossy().into_owned(),
        cause,
    };
    if !spec.workspace.is_dir() {
        return Err(StartError::Workspace {
            path: spec.workspace.display().to_string(),
            cause: "it is not there".into(),
        });
    }
    let own_program = matches!(spec.agent.kind, AgentKind::Native(_)).then(|| spec.worker_program.clone());
    let (mut command, reaper) = (command(&program, spec, reaper), reaper.clone());
    // It goes with the child, so that it is not over before the child is, also where nobody waits any more.
    let life = spec.life.clone();
    let spawn = move || {
        let (child, known) = reaper.start(own_program.as_deref(), || command.spawn())?;
        Ok((child, known, life))
    };
    let (mut child, known, life) = on_spawner(spawn).await.map_err(|error| {
        if means_absent(error.kind()) {
            return not_found(error.to_string());
        }
        StartError::System {
            what: format!("start `{}`", program.to_string_lossy()),
            cause: error.to_string(),
        }
    })?;
    match (child.stdin.take(), child.stdout.take(), child.stderr.take()) {
        (Some(input), Some(output), Some(log)) => Ok(Started {
            child,
            known,
            input,
            output,
            log,
            life,
        }),
        _ => Err(not_found("it has no pipes".into())),
    }
}

/// Whether trying again is useless until somebody changes something; all else is a shortage.
fn means_absent(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{InvalidInput, NotADirectory, NotFound, PermissionDenied};
    matches!(kind, NotFound | PermissionDenied | NotADirectory | InvalidInput)
}

fn program(spec: &Spec) -> Result<OsString, StartError> {
    match &spec.agent.kind {
        AgentKind::Native(_) => Ok(spec.worker_program.clone().into()),
        AgentKind::External { command, .. } => {
            let program = command.first().filter(|program| !program.is_empty());
            program.map(OsString::from).ok_or_else(|| StartError::NotFound {
                program: spec.agent.title.clone(),
                cause: "its command is empty".into(),
            })
        }
    }
}

fn command(program: &OsString, spec: &Spec, reaper: &Reaper) -> Command {
    let inherited = |name: &&'static str| Some((*name, std::env::var_os(name)?));
    let mut command = Command::new(program);
    command.env_clear().envs(ENVIRONMENT.iter().filter_map(inherited));
    let at_our_death = match &spec.agent.kind {
        AgentKind::Native(_) => {
            // For its refreshes, too.
            command.envs(NETWORK_VARIABLES.iter().filter_map(inherited));
            AtOurDeath::SeesEndOfInput
        }
        AgentKind::External {
            command: words,
            environment,
        } => {
            command.args(&words[1..]).envs(environment);
            AtOurDeath::IsKilled
        }
    };
    command
        .env(contract::STATE_MARKER, reaper.name())
        .current_dir(&spec.workspace)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    child::prepare(&mut command, reaper.mark(), at_our_death, spec.limits.open_files);
    command
}

type Job = Box<dyn FnOnce() + Send>;

/// The thread that starts all workers and lives as long as the program: the kernel takes its death for ours.
static SPAWNER: LazyLock<Option<Mutex<Sender<Job>>>> = LazyLock::new(|| {
    let (sender, jobs) = channel::<Job>();
    std::thread::Builder::new()
        .name("worker-spawner".into())
        .spawn(move || jobs.into_iter().for_each(|job| job()))
        .ok()
        .map(|_| Mutex::new(sender))
});

async fn on_spawner<T: Send + 'static>(
    spawn: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (answer, answered) = oneshot::channel();
    let runtime = Handle::current();
    let job: Job = Box::new(move || {
        let _inside = runtime.enter();
        // Nobody waits any more: what was started is dropped, and killed by that.
        let _ = answer.send(spawn());
    });
    let gone = || io::Error::other("the thread that starts workers is gone");
    let sender = SPAWNER.as_ref().ok_or_else(gone)?;
    let sent = sender.lock().unwrap_or_else(PoisonError::into_inner).send(job);
    sent.map_err(|_| gone())?;
    answered.await.map_err(|_| gone())?
}
