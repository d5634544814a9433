//! The handle.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use conversation::{
    Conversation, ConversationError, Found, Item, ItemId, NewThread, SourceId, Thread, ThreadChange,
    ThreadId, Turn, TurnId, Window,
};
use credentials::{Credentials, UserId};
use tokio::sync::{Mutex, broadcast, mpsc};
use tokio::time::Instant;

use crate::admission::Admission;
use crate::command::{Command, Decided};
use crate::config::{Agent, Config};
use crate::process::{Launcher, Waited};
use crate::shared::Shared;
use crate::sweep::Reaper;
use crate::task::make_private;
use crate::update::{Snapshot, Subscription};

mod attention;
mod drain;
mod error;
mod grants;
mod lists;
mod message;
mod offline;
mod skip;
mod start;

pub use attention::{attention_offline, unanswered};
pub use drain::longest_drain;
pub use error::SupervisorError;
pub use message::{Amended, Answer, Happened, Message, Posted};
pub use offline::{reset_offline, take_back_offline};
pub use skip::Skipped;

use error::Result;

#[cfg(test)]
mod tests;

/// A clonable handle on everything that runs. When the last one is dropped without a [`drain`](Supervisor::drain), running
/// turns are cut and all workers end.
#[derive(Clone)]
pub struct Supervisor {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    /// Ends when all tasks have ended.
    ended: Mutex<mpsc::Receiver<()>>,
    /// Threads whose queue goes on with [`Supervisor::go_on`].
    waiting: Mutex<Vec<ThreadId>>,
}

impl Supervisor {
    /// Sweeps what an earlier host left behind, tells the threads whose turns were cut, starts what is queued.
    ///
    /// Errors: the state folder can't be used, or the conversation can't be written.
    pub async fn start(
        config: Config,
        conversation: Conversation,
        found: Found,
        credentials: Credentials,
    ) -> Result<Self> {
        let store = credentials.store().clone();
        let reaper =
            Reaper::new(&config.state_folder, Some(store)).map_err(|error| SupervisorError::System {
                what: format!("watch over the workers of `{}`", config.state_folder.display()),
                cause: error.to_string(),
            })?;
        let swept = reaper.sweep_leftovers().await;
        if swept.killed + swept.spared > 0 {
            tracing::info!(
                killed = swept.killed,
                spared = swept.spared,
                "swept what an earlier host left behind"
            );
        }
        Self::begin(config, conversation, found, credentials, Launcher::Real(reaper)).await
    }

    /// Opens a thread (and makes its workspace), or gives back the one with that id.
    ///
    /// Errors: `NoAgent`; `System` if the workspace can't be made.
    pub async fn open_thread(&self, new: NewThread) -> Result<Thread> {
        let shared = self.shared();
        if !shared.config.agents.contains_key(&new.agent) {
            return Err(SupervisorError::NoAgent(new.agent));
        }
        let below = match shared.conversation.thread(&new.id).await {
            Ok(known) => known.workspaces,
            Err(ConversationError::NoThread(_)) => new.workspaces.clone(),
            Err(error) => return Err(error.into()),
        };
        let workspace = shared.workspace(&new.id, below.as_deref());
        make_private(&workspace)
            .await
            .map_err(|error| SupervisorError::System {
                what: format!("make the workspace `{}`", workspace.display()),
                cause: error.to_string(),
            })?;
        let thread = shared.conversation.open_thread(new).await?;
        shared.list_changed(&thread.id);
        Ok(thread)
    }

    /// The folder that a thread's agent works in, and nobody else's; made by `open_thread`.
    ///
    /// Errors: `Conversation`, such as `NoThread`.
    pub async fn workspace(&self, thread: &ThreadId) -> Result<PathBuf> {
        let known = self.shared().conversation.thread(thread).await?;
        Ok(self.shared().workspace(thread, known.workspaces.as_deref()))
    }

    /// Accepts a message. When this returns it is durable; cancelled before, it may or may not be.
    ///
    /// Errors: `TooMuch` when too many wait already; `Draining`; `Conversation`, also for a text that is too long.
    pub async fn post(&self, message: Message) -> Result<Posted> {
        let thread = message.thread.clone();
        let post = |promise| Command::Post(Box::new(message), promise);
        self.shared().ask(&thread, post).await
    }

    /// Stops the running turn, or the one that waits for its worker; what is queued goes on. `false`: nothing ran.
    ///
    /// Errors: `NotAllowed` but for the thread's owner, the turn's author, and the operator (`local:`).
    pub async fn stop(&self, thread: &ThreadId, by: &UserId) -> Result<bool> {
        let by = by.clone();
        self.shared()
            .ask(thread, |promise| Command::Stop(None, by, promise))
            .await
    }

    /// As [`stop`](Self::stop), but only this turn: who saw it run must not stop the next one. `false`: it is over, or
    /// waits behind another.
    pub async fn stop_turn(&self, thread: &ThreadId, turn: TurnId, by: &UserId) -> Result<bool> {
        let by = by.clone();
        self.shared()
            .ask(thread, |promise| Command::Stop(Some(turn), by, promise))
            .await
    }

    /// Takes a queued turn out of the queue.
    ///
    /// Errors: `Gone` if it does not wait; `NotAllowed` as for [`stop`](Self::stop).
    pub async fn drop_queued(&self, thread: &ThreadId, turn: TurnId, by: &UserId) -> Result<()> {
        let by = by.clone();
        self.shared()
            .ask(thread, |promise| Command::DropQueued(turn, by, promise))
            .await
    }

    /// A message was changed or taken back by who wrote it; its turn, if it still waits, does as they want now. `false`: it
    /// does not wait, and nothing changes.
    ///
    /// Errors: `Conversation`, also for a text that is too long.
    pub async fn amend(&self, thread: &ThreadId, source: SourceId, amended: Amended) -> Result<bool> {
        self.shared()
            .ask(thread, |promise| Command::Amend(source, amended, promise))
            .await
    }

    /// Runs a failed, stopped or cut turn again. For a queued turn of a thread whose worker failed: tries at once.
    ///
    /// Errors: `Conversation` if it is in another state; `NotAllowed` as for [`stop`](Self::stop); `Draining`.
    pub async fn retry(&self, thread: &ThreadId, turn: TurnId, by: &UserId) -> Result<Posted> {
        let by = by.clone();
        self.shared()
            .ask(thread, |promise| Command::Retry(turn, by, promise))
            .await
    }

    /// Stops everything in a thread, ends its worker and forgets the agent's session. The timeline and the files stay.
    /// Returns when the worker has ended.
    ///
    /// Errors: `NotAllowed` but for the thread's owner and the operator; `System`.
    pub async fn reset(&self, thread: &ThreadId, by: &UserId) -> Result<()> {
        let by = by.clone();
        self.shared()
            .ask(thread, |promise| Command::Reset(by, promise))
            .await
    }

    /// Changes title, agent, model, mode or permissions. A new agent takes over with a new session; new permissions hold from
    /// the next turn on.
    ///
    /// Errors: `NoAgent`; `NotOffered`, as far as it is known what the agent offers.
    pub async fn change(&self, thread: &ThreadId, change: ThreadChange) -> Result<Thread> {
        let change = Box::new(change);
        self.shared()
            .ask(thread, |promise| Command::Change(change, promise))
            .await
    }

    /// Decides a permission request. Only the thread's owner may.
    ///
    /// Errors: `NotAllowed`; `Gone` if it was answered, timed out, or its turn is over.
    pub async fn decide(
        &self,
        thread: &ThreadId,
        request: &str,
        by: &UserId,
        name: &str,
        answer: Answer,
    ) -> Result<()> {
        let decided = Box::new(Decided {
            request: request.to_owned(),
            by: by.clone(),
            name: name.to_owned(),
            answer,
        });
        self.shared()
            .ask(thread, |promise| Command::Decide(decided, promise))
            .await
    }

    /// Turns of this front-end's threads that have waited begin only if they are admitted anew; what a turn may do can be
    /// changed before it is. An answer may take its time, and is forgotten with the host.
    pub fn admit_anew<F>(&self, front_end: &'static str, admit: impl Fn(Turn) -> F + Send + Sync + 'static)
    where
        F: Future<Output = Admission> + Send + 'static,
    {
        let admit = Arc::new(move |turn| Box::pin(admit(turn)) as Waited<Admission>);
        self.shared().admissions.learn(front_end, admit);
    }

    /// Somebody signed in or out: turns that wait for a login look again.
    pub fn credentials_changed(&self) {
        self.shared().logins.send_modify(|count| *count += 1);
    }

    /// A thread now, and what changes from then on, without a gap.
    pub async fn subscribe(&self, thread: &ThreadId) -> Result<(Snapshot, Subscription)> {
        self.shared()
            .ask(thread, Command::Subscribe)
            .await
            .map(|both| *both)
    }

    /// Older entries of a timeline that a window has room for, in order; and whether there are still older ones.
    pub async fn older(
        &self,
        thread: &ThreadId,
        before: ItemId,
        window: Window,
    ) -> Result<(Vec<Item>, bool)> {
        let conversation = &self.shared().conversation;
        Ok(conversation.window(thread, Some(before), window).await?)
    }

    /// One entry, as it was last written.
    pub async fn item(&self, thread: &ThreadId, item: ItemId) -> Result<Option<Item>> {
        Ok(self.shared().conversation.item(thread, item).await?)
    }

    /// Names of threads whose line in a list changed. A slow receiver gets `Lagged` and lists anew.
    pub fn list_changes(&self) -> broadcast::Receiver<ThreadId> {
        self.shared().list.subscribe()
    }

    /// The agents as they were declared, by name. They hold secrets: not to be shown as they are.
    pub fn declared(&self) -> &BTreeMap<String, Agent> {
        &self.shared().config.agents
    }

    /// The model that answers in a thread, for people: its own, or that of its agent. `None`: an agent of somebody else's
    /// has not said it.
    pub fn model_of(&self, thread: &Thread) -> Option<String> {
        let agent = self.declared().get(&thread.agent)?;
        agent.model_in(thread, || self.shared().board(&thread.id)?.model)
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.inner.shared
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.no_more_tasks(Instant::now());
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.shared();
        f.debug_struct("Supervisor")
            .field("state_folder", &shared.config.state_folder)
            .finish_non_exhaustive()
    }
}
