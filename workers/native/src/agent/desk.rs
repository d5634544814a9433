//! Who has the session: nobody yet, the desk, or the turn that runs. At most one session in a process's life.

use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use acp::schema::{
    CancelNotification, LoadSessionRequest, LoadSessionResponse, Meta, NewSessionRequest, NewSessionResponse,
    PromptRequest, PromptResponse, SessionId,
};
use agent_client_protocol::v1 as acp;
use agent_client_protocol::{Client as Peer, Error, ErrorCode};
use contract::frames::Pace;
use contract::{CANCELLER, Canceller, META_KEY, MODEL_CHANGE, Profile};
use serde::Deserialize as _;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::agent::client::Client;
use crate::agent::history::History;
use crate::agent::kit::Kit;
use crate::agent::prompt;
use crate::agent::session::{Said, Session, TurnError};
use crate::agent::stop::{Stopper, stop};
use crate::agent::transcript::{Transcript, TranscriptError};

/// How long a stopped turn may take to keep what it had, when the client is gone.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The desk of one worker.
pub(crate) struct Desk<K: Kit> {
    kit: K,
    pace: Pace,
    stage: Mutex<Stage<K>>,
    /// The task that has the session, or had it last.
    task: Mutex<Option<JoinHandle<()>>>,
    lost: Notify,
}

enum Stage<K: Kit> {
    /// No profile, and why.
    Unbriefed(String),
    /// No session.
    Briefed(Box<Profile>),
    /// It waits to be spoken to.
    Ready(Box<Session<K>>),
    /// A task has it: a turn, or a load that tells the history.
    Busy { session: String, stopper: Stopper },
    /// A turn took it along into a panic: it can only be loaded by another worker.
    Lost,
}

impl<K: Kit> Desk<K> {
    pub(crate) fn new(kit: K, pace: Pace) -> Self {
        Self {
            kit,
            pace,
            stage: Mutex::new(Stage::Unbriefed("`initialize` was not called".to_owned())),
            task: Mutex::default(),
            lost: Notify::new(),
        }
    }

    /// Takes the profile from `initialize`. Without one, the session request will say what is missing.
    pub(crate) fn brief(&self, meta: Option<&Meta>) {
        let mut stage = lock(&self.stage);
        if !matches!(*stage, Stage::Unbriefed(_)) {
            return;
        }
        let given = meta.and_then(|meta| meta.get(META_KEY));
        *stage = match given.map(Profile::from_meta) {
            Some(Ok(profile)) => Stage::Briefed(Box::new(profile)),
            Some(Err(error)) => Stage::Unbriefed(error.to_string()),
            None => Stage::Unbriefed(format!("`initialize` had no `_meta[\"{META_KEY}\"]`")),
        };
    }

    /// `session/new`.
    pub(crate) fn open(
        &self,
        request: &NewSessionRequest,
        connection: acp::ConnectionTo<Peer>,
    ) -> Result<NewSessionResponse, Error> {
        note_servers(request.mcp_servers.len());
        let id = new_id()?;
        self.begin(&request.cwd, &id, connection, |folder| {
            Ok((Transcript::create(folder, &id)?, History::default()))
        })?;
        Ok(NewSessionResponse::new(id))
    }

    /// `session/load`: answers when the history was told, as fast as the client reads it.
    pub(crate) fn load(
        self: &Arc<Self>,
        request: &LoadSessionRequest,
        connection: acp::ConnectionTo<Peer>,
        responder: acp::Responder<LoadSessionResponse>,
    ) -> Result<(), Error> {
        note_servers(request.mcp_servers.len());
        let id = &*request.session_id.0;
        let begun = self.begin(&request.cwd, id, connection, |folder| {
            let (mut transcript, lines) = Transcript::load(folder, id)?;
            let mut history = History::of(lines);
            for line in transcript.recover(history.messages().len())? {
                history.apply(line);
            }
            Ok((transcript, history))
        });
        let (stopper, stop) = stop();
        match begun.and_then(|()| self.take(&request.session_id, stopper)) {
            Ok(session) => self.lend(async move {
                stop.or(session.replay()).await;
                let answer = || responder.respond(LoadSessionResponse::new());
                Done {
                    session,
                    answer: Box::new(answer),
                }
            }),
            Err(error) => responder.respond_with_error(error)?,
        }
        Ok(())
    }

    fn begin(
        &self,
        workspace: &Path,
        id: &str,
        connection: acp::ConnectionTo<Peer>,
        open: impl FnOnce(&Path) -> Result<(Transcript, History), TranscriptError>,
    ) -> Result<(), Error> {
        let mut stage = lock(&self.stage);
        let profile = match &*stage {
            Stage::Briefed(profile) => profile,
            Stage::Unbriefed(why) => return Err(refused(format!("this agent has no profile: {why}"))),
            _ => return Err(refused("this worker serves one session, and it has one")),
        };
        if !workspace.is_absolute() || !workspace.is_dir() {
            let words = format!("the workspace {} is not an existing folder", workspace.display());
            return Err(Error::new(ErrorCode::INVALID_PARAMS.value(), words));
        }
        let mind = self
            .kit
            .mind(profile)
            .map_err(|error| refused(error.to_string()))?;
        let (transcript, history) =
            open(&profile.session_folder).map_err(|error| failed_to_open(&error, id))?;
        *stage = Stage::Ready(Box::new(Session {
            client: Client::new(connection, self.pace.clone(), id),
            workspace: workspace.to_owned(),
            profile: (**profile).clone(),
            transcript,
            history,
            mind,
            hands: self.kit.hands(workspace, profile),
        }));
        Ok(())
    }

    /// `session/prompt`: takes the session into a task of its own, which answers when the turn is over.
    pub(crate) fn prompt(
        self: &Arc<Self>,
        request: PromptRequest,
        responder: acp::Responder<PromptResponse>,
    ) -> Result<(), Error> {
        let said = Said {
            model: chosen_model(request.meta.as_ref()),
            parts: prompt::parts(request.prompt),
        };
        if said.parts.is_empty() {
            let words = "the prompt is empty";
            return responder.respond_with_error(Error::new(ErrorCode::INVALID_PARAMS.value(), words));
        }
        let (stopper, stop) = stop();
        let mut session = match self.take(&request.session_id, stopper.clone()) {
            Ok(session) => session,
            Err(error) => return responder.respond_with_error(error),
        };
        self.lend(async move {
            let withdrawn = responder.cancellation();
            let ended = {
                let mut turn = pin!(session.turn(said, &stop));
                tokio::select! {
                    ended = &mut turn => ended,
                    () = withdrawn.cancelled() => {
                        stopper.stop(None);
                        turn.await
                    }
                }
            };
            let answer = ended.map(PromptResponse::new).map_err(TurnError::answer);
            Done {
                session,
                answer: Box::new(|| responder.respond_with_result(answer)),
            }
        });
        Ok(())
    }

    /// Runs a task that has the session. It is back on the desk before the client hears the answer.
    fn lend(self: &Arc<Self>, work: impl Future<Output = Done<K>> + Send + 'static) {
        let desk = self.clone();
        let task = tokio::spawn(async move {
            let guard = Guard(&desk);
            let done = work.await;
            guard.give_back(done.session);
            if let Err(error) = (done.answer)() {
                tracing::debug!(%error, "could not answer");
            }
        });
        *lock(&self.task) = Some(task);
    }

    fn take(&self, id: &SessionId, stopper: Stopper) -> Result<Box<Session<K>>, Error> {
        let mut stage = lock(&self.stage);
        let session = match &*stage {
            Stage::Ready(session) => session.client.session(),
            Stage::Busy { session, .. } => session,
            _ => "",
        };
        if session != &*id.0 {
            return Err(no_session(&id.0));
        }
        let busy = Stage::Busy {
            session: session.to_owned(),
            stopper,
        };
        match std::mem::replace(&mut *stage, busy) {
            Stage::Ready(session) => Ok(session),
            before => {
                *stage = before;
                Err(refused("a turn is running: cancel it, or wait for its end"))
            }
        }
    }

    /// `session/cancel`.
    pub(crate) fn cancel(&self, note: &CancelNotification) {
        match &*lock(&self.stage) {
            Stage::Busy { session, stopper } if *session == *note.session_id.0 => {
                stopper.stop(canceller(note.meta.as_ref()));
            }
            _ => tracing::debug!("there is no turn to cancel"),
        }
    }

    /// Returns when the session is lost.
    pub(crate) async fn lost(&self) {
        self.lost.notified().await;
    }

    /// Stops the turn that runs, if one does, and waits until it has kept what it had.
    pub(crate) async fn close(&self) {
        if let Stage::Busy { stopper, .. } = &*lock(&self.stage) {
            stopper.stop(Some(Canceller::Host));
        }
        let turn = lock(&self.task).take();
        if let Some(turn) = turn
            && timeout(LAST_WORDS, turn).await.is_err()
        {
            tracing::warn!("a stopped turn did not end in time");
        }
    }
}

/// What comes of a lent session.
struct Done<K: Kit> {
    session: Box<Session<K>>,
    answer: Box<dyn FnOnce() -> Result<(), Error> + Send>,
}

/// Gives the session back; or, if the turn panicked, says that it is lost.
struct Guard<'a, K: Kit>(&'a Desk<K>);

impl<K: Kit> Guard<'_, K> {
    fn give_back(self, session: Box<Session<K>>) {
        *lock(&self.0.stage) = Stage::Ready(session);
    }
}

impl<K: Kit> Drop for Guard<'_, K> {
    fn drop(&mut self) {
        let mut stage = lock(&self.0.stage);
        if matches!(*stage, Stage::Busy { .. }) {
            *stage = Stage::Lost;
            self.0.lost.notify_one();
        }
    }
}

fn chosen_model(meta: Option<&Meta>) -> Option<String> {
    let model = meta?.get(META_KEY)?.get(MODEL_CHANGE).and_then(Value::as_str)?;
    Some(model.trim().to_owned()).filter(|model| !model.is_empty())
}

fn canceller(meta: Option<&Meta>) -> Option<Canceller> {
    Canceller::deserialize(meta?.get(META_KEY)?.get(CANCELLER)?).ok()
}

fn note_servers(count: usize) {
    if count > 0 {
        tracing::warn!(count, "MCP servers are not used by this agent yet");
    }
}

fn failed_to_open(error: &TranscriptError, id: &str) -> Error {
    match error {
        TranscriptError::Unknown { .. } => no_session(id),
        error => Error::new(ErrorCode::INTERNAL_ERROR.value(), error.to_string()),
    }
}

fn no_session(id: &str) -> Error {
    let mut error: Error = acp::schema::Error::session_not_found(id.to_owned()).into();
    error.message = format!("there is no session `{id}` here: `session/new` begins one");
    error
}

fn refused(words: impl Into<String>) -> Error {
    Error::new(ErrorCode::INVALID_REQUEST.value(), words.into())
}

fn new_id() -> Result<String, Error> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::new(
            ErrorCode::INTERNAL_ERROR.value(),
            format!("no random numbers: {error}"),
        )
    })?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// Each change is whole before anything in it can panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
