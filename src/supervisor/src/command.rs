//! What is asked of a thread's task.

use conversation::{Grant, GrantId, Thread, ThreadChange, TurnId};
use credentials::UserId;
use tokio::sync::oneshot;

use crate::status::WorkerStatus;
use crate::supervisor::{Answer, Message, Posted, SupervisorError};
use crate::update::{Snapshot, Subscription};

/// Where an answer goes. An asker that has left is not an error.
pub(crate) type Promise<T> = oneshot::Sender<Result<T, SupervisorError>>;

/// What is asked.
#[derive(Debug)]
pub(crate) enum Command {
    /// Look whether there is something to do.
    Wake,
    Post(Box<Message>, Promise<Posted>),
    /// This turn, or whichever is the first.
    Stop(Option<TurnId>, UserId, Promise<bool>),
    DropQueued(TurnId, UserId, Promise<()>),
    Retry(TurnId, UserId, Promise<Posted>),
    Reset(UserId, Promise<()>),
    Change(Box<ThreadChange>, Promise<Thread>),
    Decide(Box<Decided>, Promise<()>),
    TakeBack(TakenBack, Promise<Vec<Grant>>),
    Subscribe(Promise<Box<(Snapshot, Subscription)>>),
    Worker(Promise<Option<WorkerStatus>>),
    /// A defect.
    #[cfg(test)]
    Break,
}

/// A decision about a permission request.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) request: String,
    pub(crate) by: UserId,
    pub(crate) name: String,
    pub(crate) answer: Answer,
}

/// What is to be allowed no more.
#[derive(Debug)]
pub(crate) struct TakenBack {
    /// All that can be, if none is named.
    pub(crate) which: Option<GrantId>,
    pub(crate) by: UserId,
    pub(crate) name: String,
}

impl Command {
    /// Answers with an error.
    pub(crate) fn refuse(self, error: SupervisorError) {
        match self {
            Self::Wake => {}
            #[cfg(test)]
            Self::Break => {}
            Self::Post(_, promise) | Self::Retry(_, _, promise) => drop(promise.send(Err(error))),
            Self::Stop(_, _, promise) => drop(promise.send(Err(error))),
            Self::DropQueued(_, _, promise) | Self::Reset(_, promise) | Self::Decide(_, promise) => {
                drop(promise.send(Err(error)));
            }
            Self::TakeBack(_, promise) => drop(promise.send(Err(error))),
            Self::Change(_, promise) => drop(promise.send(Err(error))),
            Self::Subscribe(promise) => drop(promise.send(Err(error))),
            Self::Worker(promise) => drop(promise.send(Err(error))),
        }
    }
}
