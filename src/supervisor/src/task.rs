//! The one task that owns a thread: its worker, its running turn, its queue and its updates.
//!
//! Theory of operation. Everything that can happen to a thread comes in through one `select!`: a command, something from
//! its worker, the end of its prompt, a moment that it waited for. It is handled to its end before the next; nothing in
//! here waits for a worker or a person, so a silent agent never keeps a command waiting. After each, `advance` starts
//! whatever can be started, and `show` publishes what changed. All decisions are in pure modules beside this one.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agent_client_protocol::v1::schema::StopReason;
use conversation::{Item, Thread, Turn, TurnId};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;

use crate::admission::Admission;
use crate::command::Command;
use crate::feed::Feed;
use crate::places::Place;
use crate::process::{Event, Waited};
use crate::restart::Asker;
use crate::shared::{Board, Seat, Shared};
use crate::status::WorkerState;
use crate::update::{Doing, ThreadPhase};
use crate::worker::PromptError;

mod admission;
mod asks;
mod clock;
mod commands;
mod cut;
mod denials;
mod login;
mod model;
mod post;
pub(crate) mod renewal;
mod slot;
mod turn;
mod view;
mod work;
mod workspace;

pub(crate) use asks::take_back_offline;
pub(crate) use workspace::make_private;

use admission::Admitting;
use asks::Asks;
use clock::Clock;
use denials::Denials;
use renewal::Renewal;
use slot::{Launched, Slot};
use turn::Running;
use workspace::Folder;

/// A task without anything to do stays so long for the next command.
const LINGER: Duration = Duration::from_millis(500);

/// The owner of a thread.
pub(crate) struct Task {
    shared: Arc<Shared>,
    thread: Thread,
    workspace: PathBuf,
    number: u64,
    commands: mpsc::Receiver<Command>,
    board: Arc<Mutex<Board>>,
    /// Kept by whatever lives of this thread.
    lives: mpsc::Sender<()>,
    feed: Feed,
    /// A subscriber has left.
    left: Arc<Notify>,
    /// Somebody needs this idle worker's place.
    evicted: Arc<Notify>,
    logins: watch::Receiver<u64>,
    drain: watch::Receiver<Option<Instant>>,
    /// The workspace as the last worker had it.
    folder: Option<Folder>,
    slot: Slot,
    state: WorkerState,
    /// Failures of the worker in a row.
    failures: u32,
    /// Starts in a row in which the former session could not be taken up.
    lost_loads: u32,
    /// After a failure: when the worker is tried again without being asked for.
    again: Option<Instant>,
    turn: Option<Running>,
    queued: Vec<Turn>,
    /// Queued turns that are to be merged into the running or the next one.
    merging: Vec<TurnId>,
    admitting: Admitting,
    asks: Asks,
    denials: Denials,
    renewal: Option<Renewal>,
    clock: Clock,
    /// Entries that are not the agent's and could not be written yet, oldest first.
    kept: Vec<Item>,
    /// What subscribers were last shown.
    shown: (ThreadPhase, Option<Doing>),
}

/// Something that happens.
enum Next {
    Command(Command),
    Placed(Place),
    Launched(Box<Launched>),
    Told(Option<Event>),
    Ended,
    Answered(Result<StopReason, PromptError>),
    Admitted(TurnId, Admission),
    Evicted,
    LoginsChanged,
    /// A subscriber left, the host drains, or a moment has come: nothing to do but to look around.
    Look,
}

impl Task {
    /// Serves a thread until there is nothing to do and nobody looks.
    pub(crate) async fn serve(shared: Arc<Shared>, mut seat: Seat) {
        let mut next = None;
        let mut state = WorkerState::Cold;
        if let Some(fallen) = seat.fallen.take() {
            next = Some(Command::Wake);
            if !fallen.bury(&shared).await {
                // With not a turn less it could break on the same one again: somebody has to ask for it.
                state = WorkerState::Failed { until: None };
            }
        }
        // A thread that can't be loaded is told to everybody who asks, and tried again for the next.
        while let Some(first) = match next.take() {
            Some(next) => Some(next),
            None => seat.commands.recv().await,
        } {
            let loaded = match shared.conversation.thread(&seat.id).await {
                Ok(thread) => shared
                    .conversation
                    .queued(&seat.id)
                    .await
                    .map(|queued| (thread, queued)),
                Err(error) => Err(error),
            };
            match loaded {
                Ok((thread, queued)) => {
                    return Self::new(shared, seat, thread, queued, state).run(first).await;
                }
                Err(error) => first.refuse(error.into()),
            }
            if shared.retire(&seat.id, &seat.commands, seat.revision.load(Ordering::Relaxed)) {
                return;
            }
        }
    }

    fn new(shared: Arc<Shared>, seat: Seat, thread: Thread, queued: Vec<Turn>, state: WorkerState) -> Self {
        let feed = Feed::new(seat.id, seat.revision);
        Self {
            workspace: shared.workspace(&thread.id, thread.workspaces.as_deref()),
            number: seat.number,
            commands: seat.commands,
            board: seat.board,
            lives: seat.lives,
            left: feed.left(),
            feed,
            evicted: Arc::new(Notify::new()),
            logins: shared.logins.subscribe(),
            drain: shared.drain.subscribe(),
            folder: None,
            slot: Slot::Empty,
            state,
            failures: 0,
            lost_loads: 0,
            again: None,
            turn: None,
            queued,
            merging: Vec::new(),
            admitting: Admitting::default(),
            asks: Asks::default(),
            denials: Denials::default(),
            renewal: None,
            clock: Clock::new(),
            kept: Vec::new(),
            shown: (ThreadPhase::Cold, None),
            shared,
            thread,
        }
    }

    async fn run(mut self, first: Command) {
        let mut next = Next::Command(first);
        loop {
            self.handle(next).await;
            self.on_time().await;
            self.advance(Asker::Queue).await;
            self.show();
            if self.may_leave() {
                break;
            }
            next = self.next().await;
        }
        self.commands.close();
        while let Ok(command) = self.commands.try_recv() {
            command.refuse(crate::supervisor::SupervisorError::Draining);
        }
    }

    async fn next(&mut self) -> Next {
        let at = self.deadline();
        let at_moment = async {
            match at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let is_held = self.is_held();
        tokio::select! {
            // Commands before the flood of updates: a stop is heard at once.
            biased;
            Ok(()) = self.drain.changed() => Next::Look,
            Some(command) = self.commands.recv() => Next::Command(command),
            next = self.slot.next(), if !is_held => next,
            answer = turn::answered(&mut self.turn) => Next::Answered(answer),
            (turn, admission) = admission::decided(&mut self.admitting) => Next::Admitted(turn, admission),
            () = self.evicted.notified() => Next::Evicted,
            Ok(()) = self.logins.changed() => Next::LoginsChanged,
            () = self.left.notified() => Next::Look,
            () = at_moment => Next::Look,
        }
    }

    async fn handle(&mut self, next: Next) {
        match next {
            Next::Command(command) => self.obey(command).await,
            Next::Placed(place) => self.launch(place),
            Next::Launched(launched) => self.launched(*launched).await,
            Next::Told(event) => self.told(event).await,
            Next::Ended => self.slot = Slot::Empty,
            Next::Answered(answer) => self.answered(answer).await,
            Next::Admitted(turn, admission) => self.admitted(turn, admission).await,
            Next::Evicted => self.evicted(),
            Next::LoginsChanged => self.look_for_logins().await,
            Next::Look => {}
        }
    }

    /// Whether the task ends now: it has left the map.
    fn may_leave(&mut self) -> bool {
        let is_at_rest = self.turn.is_none() && matches!(self.slot, Slot::Empty) && self.renewal.is_none();
        if !is_at_rest {
            return false;
        }
        if self.shared.is_draining() {
            if !self.kept.is_empty() && !self.is_out_of_drain() {
                return false;
            }
            self.shared.remove(&self.thread.id, self.number);
            return true;
        }
        let is_quiet = self.state == WorkerState::Cold
            && self.queued.is_empty()
            && self.asks.is_empty()
            && self.kept.is_empty()
            && !self.feed.is_heard();
        is_quiet
            && self.clock.lingered()
            && self
                .shared
                .retire(&self.thread.id, &self.commands, self.feed.revision())
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A future that never ends, for an arm of a `select!` that has nothing to wait for.
async fn never<T>() -> T {
    std::future::pending().await
}

/// The result of a prompt, when it comes.
type Prompted = Waited<Result<StopReason, PromptError>>;
