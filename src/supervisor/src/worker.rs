//! One worker process: started, spoken to over ACP, and ended with everything it started.

mod asked;
mod child;
mod client;
mod error;
mod gate;
mod handle;
mod keeper;
mod log;
mod memory;
mod models;
mod sign_in;
mod spawn;
mod trial;
mod words;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use agent_client_protocol as acp;
use agent_client_protocol::v1::ConnectionTo;
use agent_client_protocol::v1::schema::{
    CancelNotification, ContentBlock, Meta, PromptRequest, SessionUpdate, StopReason,
};
use contract::frames::{self, FrameLimits};
use contract::{CANCELLER, Canceller, META_KEY, MODEL_CHANGE};
use conversation::{Permissions, ThreadId};
use credentials::UserId;
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};

pub(crate) use self::asked::{LoginAsked, PermissionAnswer, PermissionAsked};
use self::client::{OpenError, Opened};
#[cfg(test)]
pub(crate) use self::error::LOAD;
pub(crate) use self::error::{PromptError, StartError};
use self::gate::Gate;
use self::handle::Handle;
use self::keeper::{Keeper, Step};
use self::log::Tail;
pub(crate) use self::trial::try_out;
use crate::config::{Agent, Limits};
use crate::models::Offer;
use crate::sweep::Reaper;

/// What is started.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    /// Whom it serves.
    pub(crate) thread: ThreadId,
    /// What runs in it.
    pub(crate) agent: Agent,
    /// Its name in the configuration.
    pub(crate) agent_name: String,
    /// Its working folder; it exists.
    pub(crate) workspace: PathBuf,
    /// The thread's own folder, outside the workspace; made if it is not there.
    pub(crate) session_folder: PathBuf,
    /// Whose logins pay.
    pub(crate) owner: UserId,
    /// What happens before a tool changes something, if not what the agent is set to.
    pub(crate) permissions: Option<Permissions>,
    /// The session to go on with.
    pub(crate) session: Option<String>,
    /// `agent-host-worker`.
    pub(crate) worker_program: PathBuf,
    /// Limits.
    pub(crate) limits: Limits,
    /// Kept by whatever of the worker lives: the receivers see the end also of a start that was given up.
    pub(crate) life: Life,
}

/// Kept by what lives, until it does not.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    /// For who waits for the end of this worker.
    pub(crate) _worker: mpsc::Sender<()>,
    /// For who waits for the end of all that its thread has started.
    pub(crate) _thread: mpsc::Sender<()>,
}

/// What a worker tells, in order. The receiver must go on receiving while it waits for a prompt's answer: when the
/// channel is full the worker's pipe is no longer read.
#[derive(Debug)]
pub(crate) enum Event {
    /// A part of the running turn.
    Update(Box<SessionUpdate>),
    /// What it is doing, in words.
    Status(String),
    /// It does not use the model that was chosen, and why, in words.
    OtherModel(String),
    /// Whether it uses the model that was chosen is not known, and why, in words.
    ModelUnsettled(String),
    /// It asks for permission.
    Permission(Box<PermissionAsked>),
    /// A model call needs a login.
    Login(Box<LoginAsked>),
    /// It has ended, and nothing of it lives. Always the last one, also after it was told to end.
    Gone(Gone),
}

/// How a worker ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gone {
    /// Its exit in words: `exit code 1`, `killed by SIGKILL`; `None` if that is not known.
    pub(crate) exit: Option<String>,
    /// Why, in words for people.
    pub(crate) reason: String,
    /// The end of what it wrote to its standard error.
    pub(crate) stderr: String,
    /// Whether it was ended because it broke the protocol.
    pub(crate) broke_protocol: bool,
}

/// A handle on a worker that has a session. Dropped, it ends the worker at once and hard.
#[derive(Debug)]
pub(crate) struct Worker {
    connection: ConnectionTo<acp::Agent>,
    opened: Opened,
    process: Handle,
    gate: Arc<Gate>,
    /// Prompts that were sent and not answered.
    prompts: watch::Sender<usize>,
    /// Requests that it had been sent before the last prompt.
    before: Arc<AtomicU64>,
    /// Whether the last prompt was.
    is_cancelled: Arc<AtomicBool>,
    is_native: bool,
    /// Which agent it is, for people.
    name: String,
    /// How long it may take to sign in.
    patience: Duration,
}

/// Starts a worker and opens its session, within `spec.limits.start`. Dropping the future ends what was started.
pub(crate) async fn start(
    spec: Spec,
    reaper: &Reaper,
    events: mpsc::Sender<Event>,
) -> Result<Worker, StartError> {
    let gate = Gate::new(events);
    let (connection, opened, process) = open(&spec, reaper, &gate).await?;
    let (pid, resumed) = (process.pid, opened.resumed);
    tracing::info!(thread = %spec.thread, pid, resumed, "a worker is ready");
    Ok(Worker {
        connection,
        opened,
        process,
        gate,
        prompts: watch::Sender::new(0),
        before: Arc::default(),
        is_cancelled: Arc::default(),
        is_native: spec.agent.is_native(),
        name: words::agent(&spec),
        patience: spec.limits.start,
    })
}

async fn open(
    spec: &Spec,
    reaper: &Reaper,
    gate: &Arc<Gate>,
) -> Result<(ConnectionTo<acp::Agent>, Opened, Handle), StartError> {
    let deadline = Instant::now() + spec.limits.start;
    let (connection, process) = connect(spec, reaper, gate.clone()).await?;
    let opened = match connection {
        Some(connection) => client::open(&connection, spec, gate, deadline)
            .await
            .map(|opened| (connection, opened)),
        None => Err(OpenError::Closed(client::HELLO)),
    };
    match opened {
        Ok((connection, opened)) => Ok((connection, opened, process)),
        Err(error) => {
            gate.shut();
            Err(failed(error, process, spec).await)
        }
    }
}

/// Starts the process and the connection, and hands both to their keeper.
async fn connect(
    spec: &Spec,
    reaper: &Reaper,
    gate: Arc<Gate>,
) -> Result<(Option<ConnectionTo<acp::Agent>>, Handle), StartError> {
    let started = spawn::start(spec, reaper).await?;
    let (channel, frames) = frames::open(started.output, started.input, FrameLimits::default());
    let (connection, task) =
        client::connect(channel, frames.pace(), gate.clone(), client::account(spec)).await;
    let tail = Tail::default();
    let (steps, ended) = (watch::Sender::new(Step::Run), watch::Sender::new(None));
    let process = Handle {
        pid: started.known.pid(),
        pace: frames.pace(),
        tail: tail.clone(),
        steps,
        ended: ended.subscribe(),
    };
    let keeper = Keeper {
        child: started.child,
        known: started.known,
        frames,
        connection: task,
        tail: tail.clone(),
        log: tokio::spawn(tail.fill(started.log)),
        gate,
        reaper: reaper.clone(),
        grace: spec.limits.grace,
        secrets: words::secrets(spec),
        steps: process.steps.subscribe(),
        ended,
        _life: started.life,
    };
    tokio::spawn(keeper.keep());
    Ok((connection, process))
}

/// Ends what could not be started, and says why it could not.
async fn failed(error: OpenError, process: Handle, spec: &Spec) -> StartError {
    if !matches!(error, OpenError::Closed(_)) {
        process.steps.send_replace(Step::Kill);
    }
    // After the end of its output the keeper waits a moment for the exit, and that is the better message.
    let ended = process.ended().await;
    let violation = ended.as_ref().and_then(|ended| ended.violation.clone());
    let stderr = ended
        .as_ref()
        .map_or_else(String::new, |ended| ended.stderr.clone());
    match error {
        OpenError::Refused(error) => error,
        OpenError::Late(waiting_for) => StartError::Timeout {
            waiting_for,
            after: spec.limits.start,
            stderr,
        },
        OpenError::Closed(waiting_for) => match (violation, ended.and_then(|ended| ended.exit)) {
            (Some(violation), _) => StartError::Protocol {
                waiting_for,
                words: format!(
                    "{} broke the protocol: {violation}. Its command has to start a program that speaks the Agent Client \
                     Protocol",
                    words::agent(spec)
                ),
            },
            (None, exit) => StartError::Died {
                waiting_for,
                exit: exit.unwrap_or_else(|| "its exit is not known".into()),
                stderr,
            },
        },
    }
}

impl Worker {
    /// Its ACP session.
    pub(crate) fn session(&self) -> &str {
        &self.opened.session
    }

    /// Its process.
    pub(crate) fn pid(&self) -> i32 {
        self.process.pid
    }

    /// Whether the session that was asked for goes on; `false` if it is a new one.
    pub(crate) fn resumed(&self) -> bool {
        self.opened.resumed
    }

    /// Whether prompts may hold images.
    pub(crate) fn accepts_images(&self) -> bool {
        self.opened.accepts_images
    }

    /// The models that its session offers, if it offers any; our own agent takes any.
    pub(crate) fn offer(&self) -> Option<Offer> {
        self.gate.models.offer()
    }

    /// Whether its connection or its process has ended: it takes nothing more, and [`Event::Gone`] is on its way.
    pub(crate) fn is_over(&self) -> bool {
        self.gate.is_over()
    }

    /// Proportional set size of its process in bytes, or, where that may not be read, what it does not share.
    pub(crate) fn memory(&self) -> Option<u64> {
        memory::of(self.process.pid)
    }

    /// Has the agent use this model, sends a turn and waits for its end; every update of it was sent to the events before.
    /// The future borrows nothing.
    /// Dropped, it asks the agent to cancel the request, but the agent may go on: [`Worker::cancel`] is the way to stop.
    pub(crate) fn prompt(
        &self,
        content: Vec<ContentBlock>,
        model: Option<String>,
    ) -> impl Future<Output = Result<StopReason, PromptError>> + Send + use<> {
        let (is_native, pace) = (self.is_native, self.process.pace.clone());
        let ours = model.clone().filter(|_| is_native);
        let meta = ours.map(|model| Meta::from_iter([(META_KEY.to_owned(), json!({ MODEL_CHANGE: model }))]));
        let request = PromptRequest::new(self.opened.session.clone(), content).meta(meta);
        let (connection, prompts) = (self.connection.clone(), self.prompts.clone());
        let (gate, sign_in, name) = (self.gate.clone(), self.opened.sign_in.clone(), self.name.clone());
        let (is_cancelled, patience, resumed) = (self.is_cancelled.clone(), self.patience, self.resumed());
        is_cancelled.store(false, Ordering::SeqCst);
        // What it says of this turn is not what it said of one before.
        self.process.tail.forget();
        let before = self.before.clone();
        before.store(pace.requests_written(), Ordering::SeqCst);
        async move {
            client::check_length(&request)?;
            let _running = Running::begin(prompts);
            if !is_native {
                let session = request.session_id.0.clone();
                let chosen = gate
                    .models
                    .choose(&connection, &session, model.as_deref(), patience);
                let not_taken = chosen.await.err().map(|why| why.told(resumed));
                // What was asked so far is not the prompt.
                before.store(pace.requests_written(), Ordering::SeqCst);
                match not_taken {
                    Some(Ok(told)) => gate.send(told).await,
                    Some(Err(error)) => {
                        gate.set_over();
                        return Err(error);
                    }
                    None => {}
                }
                if is_cancelled.load(Ordering::SeqCst) {
                    return Ok(StopReason::Cancelled);
                }
            }
            let again = sign_in.is_possible().then(|| request.clone());
            let mut answer = connection.send_request(request).block_task().await;
            let wants_login = matches!(&answer, Err(error) if error.code == acp::ErrorCode::AUTH_REQUIRED);
            if wants_login
                && let Some(again) = again
                && let Ok(true) = sign_in.try_once(&connection, Instant::now() + patience).await
            {
                if is_cancelled.load(Ordering::SeqCst) {
                    return Ok(StopReason::Cancelled);
                }
                answer = connection.send_request(again).block_task().await;
            }
            match answer {
                Ok(answer) => client::ending(&answer),
                Err(error) if client::is_over(&error) => {
                    gate.set_over();
                    Err(PromptError::Gone)
                }
                Err(error) if error.code == acp::ErrorCode::AUTH_REQUIRED => Err(PromptError::Failed(
                    client::wants_login(&words::error(&error), &sign_in) + ".",
                )),
                // It is what the crate makes of an answer that it can't read.
                Err(error) if error.code == acp::ErrorCode::PARSE_ERROR => Err(PromptError::Failed(
                    words::no_understanding(&name, "session/prompt", &error),
                )),
                Err(error) => Err(PromptError::Failed(words::error(&error))),
            }
        }
    }

    /// Whether the last prompt was written to it as a whole: it may have had effects, whatever was heard of it.
    pub(crate) fn got_prompt(&self) -> bool {
        self.process.pace.requests_written() > self.before.load(Ordering::SeqCst)
    }

    /// Asks the agent to stop the running turn, whose prompt then ends with [`StopReason::Cancelled`], and says `by` whom.
    pub(crate) fn cancel(&self, by: Canceller) {
        self.is_cancelled.store(true, Ordering::SeqCst);
        let mut meta = Meta::new();
        meta.insert(META_KEY.to_owned(), json!({ CANCELLER: by }));
        let cancel = CancelNotification::new(self.opened.session.clone()).meta(meta);
        if let Err(error) = self.connection.send_notification(cancel) {
            // It ended meanwhile; that is told by itself.
            tracing::debug!(pid = self.process.pid, %error, "could not cancel");
        }
    }

    /// Ends it: cancel, end of its input, after `grace` SIGTERM, after `grace` SIGKILL. Returns when nothing that it
    /// started lives, but for a refresh in flight; once `hurry` is ready, that comes first. Needs nobody to receive events.
    /// Dropped, it ends at once and hard.
    pub(crate) async fn end_unless_hurried(self, grace: Duration, hurry: impl Future<Output = ()>) {
        self.gate.shut();
        tokio::select! {
            () = self.end_in_time(grace) => {}
            () = hurry => self.process.kill().await,
        }
    }

    #[cfg(test)]
    pub(crate) async fn end(self, grace: Duration) {
        self.end_unless_hurried(grace, std::future::pending()).await;
    }

    async fn end_in_time(&self, grace: Duration) {
        if *self.prompts.borrow() > 0 {
            self.cancel(Canceller::Host);
            let mut prompts = self.prompts.subscribe();
            // One that does not answer, or is over, has no say in what follows.
            let _ = timeout(grace, prompts.wait_for(|count| *count == 0)).await;
        }
        self.process.end(grace).await;
    }
}

/// A prompt that was sent and not answered.
struct Running {
    prompts: watch::Sender<usize>,
}

impl Running {
    fn begin(prompts: watch::Sender<usize>) -> Self {
        prompts.send_modify(|count| *count += 1);
        Self { prompts }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.prompts.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
pub(crate) mod tests;
