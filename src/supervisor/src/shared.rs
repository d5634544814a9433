//! What all threads of one supervisor share, and which of them have a task.
//!
//! A thread has a task while something happens in it or somebody looks at it. One that is merely known costs nothing
//! here. A task leaves the map under the map's own lock, and only when nobody holds a sender to it: so no command can be
//! sent to a task that has gone.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use conversation::{Conversation, ThreadId, TurnId};
use credentials::{Credentials, Timestamp};
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::admission::Admissions;
use crate::command::{Command, Promise};
use crate::config::Config;
use crate::models::Offers;
use crate::places::Places;
use crate::process::Launcher;
use crate::status::WorkerState;
use crate::supervisor::SupervisorError;
use crate::task::Task;
use crate::update::{Doing, ThreadPhase};

mod fallen;

use fallen::Bier;
pub(crate) use fallen::Fallen;

/// Commands that may wait for one thread's task; more askers wait for room.
const COMMANDS: usize = 32;

/// List changes that a reader may be behind.
const LIST: usize = 1024;

/// The shared parts.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) conversation: Conversation,
    pub(crate) credentials: Credentials,
    pub(crate) launcher: Launcher,
    pub(crate) places: Arc<Places>,
    /// Who is asked about what has waited.
    pub(crate) admissions: Admissions,
    /// Threads whose line in a list changed.
    pub(crate) list: broadcast::Sender<ThreadId>,
    /// Grows when somebody signed in or out.
    pub(crate) logins: watch::Sender<u64>,
    /// Set once the host is going down: until when running turns may go on.
    pub(crate) drain: watch::Sender<Option<Instant>>,
    /// Set once nobody waits any more for what would end by itself.
    pub(crate) at_once: watch::Sender<bool>,
    /// What agents offered last to choose from, by the agents' names.
    pub(crate) offers: DashMap<String, Offers>,
    tasks: DashMap<ThreadId, Handle>,
    /// The highest revision of any thread whose task has gone.
    revision: AtomicU64,
    numbers: AtomicU64,
    /// Held by every task; gone once no new ones may begin.
    alive: Mutex<Option<mpsc::Sender<()>>>,
}

/// A task, as the map knows it.
#[derive(Debug, Clone)]
struct Handle {
    number: u64,
    commands: mpsc::Sender<Command>,
    board: Arc<Mutex<Board>>,
}

/// What a task shows without being asked.
#[derive(Debug, Clone)]
pub(crate) struct Board {
    pub(crate) phase: ThreadPhase,
    pub(crate) doing: Option<Doing>,
    pub(crate) state: WorkerState,
    /// The turn that runs.
    pub(crate) running: Option<TurnId>,
    /// Since when somebody's permission or login is awaited.
    pub(crate) awaiting: Option<Timestamp>,
    /// Why the worker failed last.
    pub(crate) failure: Option<String>,
    /// What could not be written.
    pub(crate) unwritten: Option<String>,
    /// The model that its worker says that it uses, for people.
    pub(crate) model: Option<String>,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            phase: ThreadPhase::Cold,
            doing: None,
            state: WorkerState::Cold,
            running: None,
            awaiting: None,
            failure: None,
            unwritten: None,
            model: None,
        }
    }
}

/// What a task is given at its beginning.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) id: ThreadId,
    pub(crate) number: u64,
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) board: Arc<Mutex<Board>>,
    /// Its updates get higher revisions than this, and count it up.
    pub(crate) revision: Arc<AtomicU64>,
    /// Kept by it and by whatever it starts.
    pub(crate) lives: mpsc::Sender<()>,
    /// What the task before it left, if that broke.
    pub(crate) fallen: Option<Fallen>,
}

impl Shared {
    /// The parts, and what tells when all tasks have ended after [`no_more_tasks`](Self::no_more_tasks).
    pub(crate) fn new(
        config: Config,
        conversation: Conversation,
        credentials: Credentials,
        launcher: Launcher,
    ) -> (Arc<Self>, mpsc::Receiver<()>) {
        let (alive, ended) = mpsc::channel(1);
        let places = Places::new(
            config.limits.workers,
            config.limits.starting,
            config.limits.starts_per_second,
        );
        let shared = Self {
            config,
            conversation,
            credentials,
            launcher,
            places,
            admissions: Admissions::default(),
            list: broadcast::Sender::new(LIST),
            logins: watch::Sender::new(0),
            drain: watch::Sender::new(None),
            at_once: watch::Sender::new(false),
            offers: DashMap::new(),
            tasks: DashMap::new(),
            revision: AtomicU64::new(0),
            numbers: AtomicU64::new(0),
            alive: Mutex::new(Some(alive)),
        };
        (Arc::new(shared), ended)
    }

    /// Asks a thread's task, which is started if there is none.
    pub(crate) async fn ask<T>(
        self: &Arc<Self>,
        thread: &ThreadId,
        command: impl FnOnce(Promise<T>) -> Command,
    ) -> Result<T, SupervisorError> {
        let (promise, answer) = oneshot::channel();
        self.tell(thread, command(promise)).await?;
        answer.await.unwrap_or_else(|_| Err(broken(thread)))
    }

    /// Tells a thread's task, which is started if there is none.
    pub(crate) async fn tell(
        self: &Arc<Self>,
        thread: &ThreadId,
        command: Command,
    ) -> Result<(), SupervisorError> {
        let sender = self.task(thread)?;
        sender.send(command).await.map_err(|_| broken(thread))
    }

    /// A sender to the thread's task. While it is held, the task does not leave.
    fn task(self: &Arc<Self>, thread: &ThreadId) -> Result<mpsc::Sender<Command>, SupervisorError> {
        match self.tasks.entry(thread.clone()) {
            Entry::Occupied(found) => Ok(found.get().commands.clone()),
            Entry::Vacant(place) => {
                let alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let alive = alive.ok_or(SupervisorError::Draining)?;
                let (commands, handle) = self.seat(thread, None, alive);
                place.insert(handle);
                Ok(commands)
            }
        }
    }

    /// Starts a task in the place of one that broke; `None`, and what that left, if no task may begin any more.
    fn succeed(self: &Arc<Self>, thread: &ThreadId, fallen: Fallen) -> Option<Fallen> {
        let alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(alive) = alive else {
            self.tasks.remove(thread);
            return Some(fallen);
        };
        let (_, handle) = self.seat(thread, Some(fallen), alive);
        self.tasks.insert(thread.clone(), handle);
        None
    }

    /// Starts a task, which is not in the map yet.
    fn seat(
        self: &Arc<Self>,
        id: &ThreadId,
        fallen: Option<Fallen>,
        alive: mpsc::Sender<()>,
    ) -> (mpsc::Sender<Command>, Handle) {
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let (lives, life) = mpsc::channel(1);
        let handle = Handle {
            number: self.numbers.fetch_add(1, Ordering::Relaxed),
            commands: commands.clone(),
            board: Arc::default(),
        };
        let revision = Arc::new(AtomicU64::new(self.revision.load(Ordering::Relaxed)));
        let bier = Bier {
            shared: Arc::clone(self),
            id: id.clone(),
            number: handle.number,
            board: Arc::clone(&handle.board),
            revision: Arc::clone(&revision),
            life: Some(life),
            alive,
        };
        let seat = Seat {
            id: id.clone(),
            number: handle.number,
            commands: receiver,
            board: Arc::clone(&handle.board),
            revision,
            lives,
            fallen,
        };
        let shared = Arc::clone(self);
        let span = tracing::info_span!("thread", thread = %id);
        let run = async move {
            let _bier = bier;
            Task::serve(shared, seat).await;
        };
        // Tracked by the sender in its bier.
        drop(tokio::spawn(run.instrument(span)));
        (commands, handle)
    }

    /// Takes a task out of the map, if nobody has sent it anything or is about to. `true`: it must end now.
    pub(crate) fn retire(&self, id: &ThreadId, commands: &mpsc::Receiver<Command>, revision: u64) -> bool {
        let unheld =
            |_: &ThreadId, handle: &Handle| handle.commands.strong_count() == 1 && commands.is_empty();
        // Before a successor can begin.
        self.revision.fetch_max(revision, Ordering::Relaxed);
        self.tasks.remove_if(id, unheld).is_some()
    }

    /// Takes a task out of the map, whoever is sending to it.
    pub(crate) fn remove(&self, id: &ThreadId, number: u64) {
        self.tasks.remove_if(id, |_, handle| handle.number == number);
    }

    /// The boards of all threads that have a task.
    pub(crate) fn boards(&self) -> Vec<(ThreadId, Board)> {
        let boards = self.tasks.iter().map(|entry| {
            let board = entry.value().board.lock().unwrap_or_else(PoisonError::into_inner);
            (entry.key().clone(), board.clone())
        });
        boards.collect()
    }

    /// The board of a thread, if it has a task.
    pub(crate) fn board(&self, id: &ThreadId) -> Option<Board> {
        let handle = self.tasks.get(id)?;
        let board = handle.board.lock().unwrap_or_else(PoisonError::into_inner);
        Some(board.clone())
    }

    /// A line of a list changed. Nobody reading lists is no error.
    pub(crate) fn list_changed(&self, thread: &ThreadId) {
        let _ = self.list.send(thread.clone());
    }

    /// Whether the host is going down.
    pub(crate) fn is_draining(&self) -> bool {
        self.drain.borrow().is_some()
    }

    /// Running turns may go on until then; every task ends as soon as it has none.
    pub(crate) fn no_more_tasks(&self, until: Instant) {
        *self.alive.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // The first call's patience holds, unless a later one has less.
        self.drain.send_modify(|drain| {
            *drain = Some(drain.map_or(until, |known| known.min(until)));
        });
    }

    /// What workers get of time for a step of their end.
    pub(crate) fn grace(&self) -> Duration {
        if *self.at_once.borrow() {
            return Duration::ZERO;
        }
        self.config.limits.grace
    }

    /// The folder that a thread's agent works in, below the one that was named at its opening.
    pub(crate) fn workspace(&self, thread: &ThreadId, below: Option<&Path>) -> PathBuf {
        below
            .unwrap_or(&self.config.workspaces)
            .join(thread.folder_name())
    }

    /// The folder of a thread's session.
    pub(crate) fn session_folder(&self, thread: &ThreadId) -> PathBuf {
        session_folder(&self.config.state_folder, thread)
    }
}

/// The folder of a thread's session, in the state folder.
pub(crate) fn session_folder(state: &Path, thread: &ThreadId) -> PathBuf {
    state.join("threads").join(thread.folder_name())
}

fn broken(thread: &ThreadId) -> SupervisorError {
    SupervisorError::System {
        what: format!("ask the task of thread `{thread}`"),
        cause: "it has ended".to_owned(),
    }
}
