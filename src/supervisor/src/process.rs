//! Workers as their threads see them: real ones, and in tests scripted ones within this process.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use agent_client_protocol::v1::schema::{ContentBlock, SessionUpdate, StopReason, ToolCallUpdate};
use contract::{Canceller, LoginAnswer, LoginNeeded};
use conversation::Choice;
use tokio::sync::mpsc;

use crate::models::{Chosen, Offers, Setting};
use crate::sweep::Reaper;
use crate::worker::{self, Gone, PermissionAnswer, PromptError, Spec, StartError, Worker};

/// Events that a worker may be ahead of its thread before its pipe is no longer read.
const AHEAD: usize = 64;

/// A future that a task keeps while it waits.
pub(crate) type Waited<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Starts workers.
#[derive(Debug, Clone)]
pub(crate) enum Launcher {
    /// Real ones.
    Real(Reaper),
    /// Scripted ones.
    #[cfg(test)]
    Scripted(scripted::Script),
}

/// A living worker with a session. Dropped, it ends at once and hard.
#[derive(Debug)]
pub(crate) enum Process {
    /// A real one.
    Real(Box<Worker>),
    /// A scripted one.
    #[cfg(test)]
    Scripted(scripted::Actor),
}

/// What a worker tells.
#[derive(Debug)]
pub(crate) struct Events(Source);

#[derive(Debug)]
enum Source {
    Real(mpsc::Receiver<worker::Event>),
    #[cfg(test)]
    Scripted(mpsc::Receiver<Event>),
}

/// What a worker tells, with answers that can be given once.
#[derive(Debug)]
pub(crate) enum Event {
    /// A part of the running turn.
    Update(Box<SessionUpdate>),
    /// What it is doing, in words.
    Status(String),
    /// It does not use what was chosen of this, and why, in words.
    NotTaken(Setting, String),
    /// Whether it uses what was chosen of this is not known, and why, in words.
    Unsettled(Setting, String),
    /// It asks for permission.
    Permission {
        /// What is to be done, as the agent describes it.
        tool_call: Box<ToolCallUpdate>,
        /// The answers that it offers.
        options: Vec<Choice>,
        /// What else it offers, which is not understood, by name.
        unknown: Vec<String>,
        /// What calls have in common that an "always" covers, where the host is to remember it.
        likeness: Option<String>,
        /// How it is answered.
        answer: Reply<PermissionAnswer>,
    },
    /// A model call needs a login.
    Login {
        /// Which one, and why.
        needed: LoginNeeded,
        /// How it is answered.
        answer: Reply<LoginAnswer>,
    },
    /// It has ended.
    Gone(Gone),
}

/// Answers a request of a worker, once.
pub(crate) struct Reply<T>(Box<dyn FnOnce(T) + Send>);

impl<T> Reply<T> {
    /// From what is to be done with the answer.
    pub(crate) fn new(give: impl FnOnce(T) + Send + 'static) -> Self {
        Self(Box::new(give))
    }

    /// Gives it.
    pub(crate) fn give(self, answer: T) {
        (self.0)(answer);
    }
}

impl<T> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reply")
    }
}

impl Launcher {
    /// Starts a worker and opens its session. Dropping the future ends what was started.
    pub(crate) async fn start(self, spec: Spec) -> Result<(Process, Events), StartError> {
        match self {
            Self::Real(reaper) => {
                let (sender, receiver) = mpsc::channel(AHEAD);
                let worker = worker::start(spec, &reaper, sender).await?;
                Ok((Process::Real(Box::new(worker)), Events(Source::Real(receiver))))
            }
            #[cfg(test)]
            Self::Scripted(script) => {
                let (sender, receiver) = mpsc::channel(AHEAD);
                let actor = script.start(spec, sender).await?;
                Ok((Process::Scripted(actor), Events(Source::Scripted(receiver))))
            }
        }
    }
}

impl Launcher {
    /// Waits until no refresh of a former worker is in flight.
    pub(crate) async fn refreshes_ended(&self) {
        match self {
            Self::Real(reaper) => reaper.refreshes_ended().await,
            #[cfg(test)]
            Self::Scripted(_) => {}
        }
    }
}

impl Events {
    /// The next one; `None` after the last. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        match &mut self.0 {
            Source::Real(receiver) => receiver.recv().await.map(Event::from),
            #[cfg(test)]
            Source::Scripted(receiver) => receiver.recv().await,
        }
    }

    /// The next one, if it is there already.
    pub(crate) fn ready(&mut self) -> Option<Event> {
        match &mut self.0 {
            Source::Real(receiver) => receiver.try_recv().ok().map(Event::from),
            #[cfg(test)]
            Source::Scripted(receiver) => receiver.try_recv().ok(),
        }
    }
}

impl From<worker::Event> for Event {
    fn from(event: worker::Event) -> Self {
        match event {
            worker::Event::Update(update) => Self::Update(update),
            worker::Event::Status(words) => Self::Status(words),
            worker::Event::NotTaken(setting, why) => Self::NotTaken(setting, why),
            worker::Event::Unsettled(setting, why) => Self::Unsettled(setting, why),
            worker::Event::Permission(asked) => Self::Permission {
                tool_call: Box::new(asked.tool_call.clone()),
                options: asked.choices(),
                unknown: asked.unknown.clone(),
                likeness: asked.likeness.clone(),
                answer: Reply::new(|answer| asked.answer(answer)),
            },
            worker::Event::Login(asked) => Self::Login {
                needed: asked.needed.clone(),
                answer: Reply::new(|answer| asked.answer(answer)),
            },
            worker::Event::Gone(gone) => Self::Gone(gone),
        }
    }
}

impl Process {
    /// Its ACP session.
    pub(crate) fn session(&self) -> &str {
        match self {
            Self::Real(worker) => worker.session(),
            #[cfg(test)]
            Self::Scripted(actor) => actor.session(),
        }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> i32 {
        match self {
            Self::Real(worker) => worker.pid(),
            #[cfg(test)]
            Self::Scripted(_) => 0,
        }
    }

    /// Whether the session that was asked for goes on.
    pub(crate) fn resumed(&self) -> bool {
        match self {
            Self::Real(worker) => worker.resumed(),
            #[cfg(test)]
            Self::Scripted(actor) => actor.resumed(),
        }
    }

    /// Whether prompts may hold images.
    pub(crate) fn accepts_images(&self) -> bool {
        match self {
            Self::Real(worker) => worker.accepts_images(),
            #[cfg(test)]
            Self::Scripted(_) => true,
        }
    }

    /// What it offers to choose from.
    pub(crate) fn offers(&self) -> Offers {
        match self {
            Self::Real(worker) => worker.offers(),
            #[cfg(test)]
            Self::Scripted(_) => Offers::default(),
        }
    }

    /// The mode that it was told to work in, and the one that it has gone over to since, by itself.
    pub(crate) fn strayed(&self) -> Option<(String, String)> {
        match self {
            Self::Real(worker) => worker.strayed(),
            #[cfg(test)]
            Self::Scripted(_) => None,
        }
    }

    /// Whether it takes nothing more: it died, and [`Event::Gone`] is on its way.
    pub(crate) fn is_over(&self) -> bool {
        match self {
            Self::Real(worker) => worker.is_over(),
            #[cfg(test)]
            Self::Scripted(actor) => actor.is_over(),
        }
    }

    /// Its memory in bytes.
    pub(crate) fn memory(&self) -> Option<u64> {
        match self {
            Self::Real(worker) => worker.memory(),
            #[cfg(test)]
            Self::Scripted(_) => None,
        }
    }

    /// Sends a turn and waits for its end. Every update of it is among the events before.
    pub(crate) fn prompt(
        &self,
        content: Vec<ContentBlock>,
        chosen: Chosen,
    ) -> Waited<Result<StopReason, PromptError>> {
        match self {
            Self::Real(worker) => Box::pin(worker.prompt(content, chosen)),
            #[cfg(test)]
            Self::Scripted(actor) => Box::pin(actor.prompt(&content, chosen.model)),
        }
    }

    /// Whether the last prompt reached it as a whole: it may have had effects, whatever was heard of it.
    pub(crate) fn got_prompt(&self) -> bool {
        match self {
            Self::Real(worker) => worker.got_prompt(),
            #[cfg(test)]
            Self::Scripted(actor) => actor.got_prompt(),
        }
    }

    /// Asks the agent to stop the running turn, and says `by` whom.
    pub(crate) fn cancel(&self, by: Canceller) {
        match self {
            Self::Real(worker) => worker.cancel(by),
            #[cfg(test)]
            Self::Scripted(actor) => actor.cancel(),
        }
    }

    /// Ends it, the hard way as soon as `hurry` is ready, and returns when nothing that it started lives.
    pub(crate) async fn end(self, grace: Duration, hurry: impl Future<Output = ()>) {
        match self {
            Self::Real(worker) => worker.end_unless_hurried(grace, hurry).await,
            #[cfg(test)]
            Self::Scripted(actor) => actor.end().await,
        }
    }
}

#[cfg(test)]
pub(crate) mod scripted;
