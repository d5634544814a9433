//! A worker within this process that plays what a test tells it, and a record of everything it was told.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_client_protocol::v1::schema::{
    ContentBlock, ContentChunk, SessionUpdate, StopReason, ToolCallUpdate,
};
use contract::{LoginAnswer, LoginNeeded};
use conversation::{Choice, ChoiceKind};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::{Event, Reply};
use crate::worker::{Gone, Life, PermissionAnswer, PromptError, Spec, StartError};

mod play;

pub(crate) use play::{Act, Gate, said};
use play::{die, play};

/// What workers of one supervisor play.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    /// What the next starts give; with none left, they succeed.
    starts: VecDeque<Start>,
    /// What prompts play, in order; with none left, they answer `echo: <text>`.
    prompts: VecDeque<Vec<Act>>,
    log: Vec<Told>,
    /// The names of the agents that were started, in order.
    agents: Vec<String>,
    sessions: u32,
    living: usize,
    most: usize,
    starting: usize,
    most_starting: usize,
    /// Sessions that can't be resumed.
    forgotten: bool,
    /// How a cancelled prompt ends, if not as cancelled.
    cancelled_as: Option<StopReason>,
}

/// What a start gives.
#[derive(Debug)]
pub(crate) enum Start {
    Fails(StartError),
    /// It succeeds after the gate was opened.
    Waits(Gate),
    /// It succeeds, and breaks the protocol before anything can be asked.
    BreaksProtocol,
}

/// What a worker was told, with its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Started {
        thread: String,
        session: String,
        resumed: bool,
    },
    Prompt {
        session: String,
        text: String,
        model: Option<String>,
    },
    Cancel {
        session: String,
    },
    Ended {
        session: String,
    },
}

/// A scripted worker.
#[derive(Debug)]
pub(crate) struct Actor {
    script: Script,
    session: String,
    resumed: bool,
    events: mpsc::Sender<Event>,
    cancelled: watch::Sender<u32>,
    /// It died; its last event may not be told yet.
    is_over: Arc<AtomicBool>,
    got_prompt: Arc<AtomicBool>,
}

/// A real worker's prompt ends with its output; its last event comes after its exit, and the search for what it left.
const LAST_EVENT_AFTER: Duration = Duration::from_millis(20);

impl Script {
    pub(crate) fn start_with(&self, start: Start) {
        self.inner.lock().unwrap().starts.push_back(start);
    }

    pub(crate) fn prompt_with(&self, acts: Vec<Act>) {
        self.inner.lock().unwrap().prompts.push_back(acts);
    }

    pub(crate) fn forget_sessions(&self) {
        self.inner.lock().unwrap().forgotten = true;
    }

    pub(crate) fn answer_cancel_with(&self, reason: StopReason) {
        self.inner.lock().unwrap().cancelled_as = Some(reason);
    }

    pub(crate) fn told(&self) -> Vec<Told> {
        self.inner.lock().unwrap().log.clone()
    }

    /// The texts of all prompts so far.
    pub(crate) fn prompts(&self) -> Vec<String> {
        let told = self.told().into_iter();
        told.filter_map(|told| match told {
            Told::Prompt { text, .. } => Some(text),
            _ => None,
        })
        .collect()
    }

    /// The names of the agents of all workers so far.
    pub(crate) fn agents(&self) -> Vec<String> {
        self.inner.lock().unwrap().agents.clone()
    }

    /// Workers that live now, and that ever lived at the same time.
    pub(crate) fn living(&self) -> (usize, usize) {
        let inner = self.inner.lock().unwrap();
        (inner.living, inner.most)
    }

    /// How many starts ever ran at the same time.
    pub(crate) fn most_starting(&self) -> usize {
        self.inner.lock().unwrap().most_starting
    }

    /// How many starts run now, or were given up and have not ended.
    pub(crate) fn starting(&self) -> usize {
        self.inner.lock().unwrap().starting
    }

    fn log(&self, told: Told) {
        self.inner.lock().unwrap().log.push(told);
    }

    pub(crate) async fn start(self, spec: Spec, events: mpsc::Sender<Event>) -> Result<Actor, StartError> {
        let mut breaks = false;
        let start = {
            let mut inner = self.inner.lock().unwrap();
            inner.starting += 1;
            inner.most_starting = inner.most_starting.max(inner.starting);
            inner.starts.pop_front()
        };
        let mut starting = Starting {
            script: self.clone(),
            given_up: Some(spec.life.clone()),
        };
        match start {
            Some(Start::Fails(error)) => {
                starting.given_up = None;
                return Err(error);
            }
            Some(Start::Waits(gate)) => gate.opened().await,
            Some(Start::BreaksProtocol) => breaks = true,
            None => {}
        }
        starting.given_up = None;
        let mut inner = self.inner.lock().unwrap();
        inner.sessions += 1;
        inner.living += 1;
        inner.most = inner.most.max(inner.living);
        let known = spec.session.filter(|_| !inner.forgotten);
        let resumed = known.is_some();
        let session = known.unwrap_or_else(|| format!("session-{}", inner.sessions));
        inner.agents.push(spec.agent_name);
        inner.log.push(Told::Started {
            thread: spec.thread.to_string(),
            session: session.clone(),
            resumed,
        });
        drop(inner);
        let is_over = Arc::default();
        if breaks {
            die(&events, &is_over, true);
        }
        Ok(Actor {
            script: self,
            session,
            resumed,
            events,
            cancelled: watch::Sender::new(0),
            is_over,
            got_prompt: Arc::default(),
        })
    }
}

struct Starting {
    script: Script,
    /// What a start that is dropped before its end keeps for a while, as a process that takes its time to die.
    given_up: Option<Life>,
}

impl Drop for Starting {
    fn drop(&mut self) {
        let Some(life) = self.given_up.take() else {
            self.script.inner.lock().unwrap().starting -= 1;
            return;
        };
        let script = self.script.clone();
        tokio::spawn(async move {
            tokio::time::sleep(LAST_EVENT_AFTER).await;
            script.inner.lock().unwrap().starting -= 1;
            drop(life);
        });
    }
}

impl Actor {
    pub(crate) fn session(&self) -> &str {
        &self.session
    }

    pub(crate) fn resumed(&self) -> bool {
        self.resumed
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    pub(crate) fn got_prompt(&self) -> bool {
        self.got_prompt.load(Ordering::SeqCst)
    }

    pub(crate) fn cancel(&self) {
        self.script.log(Told::Cancel {
            session: self.session.clone(),
        });
        self.cancelled.send_modify(|count| *count += 1);
    }

    pub(crate) async fn end(self) {
        self.script.log(Told::Ended {
            session: self.session.clone(),
        });
        // The last event comes also after an end, to whoever still listens.
        tokio::task::yield_now().await;
    }

    pub(crate) fn prompt(
        &self,
        content: &[ContentBlock],
        model: Option<String>,
    ) -> impl Future<Output = Result<StopReason, PromptError>> + Send + use<> {
        let texts = content.iter().filter_map(|block| match block {
            ContentBlock::Text(text) => Some(text.text.as_str()),
            _ => None,
        });
        let text = texts.collect::<Vec<_>>().join("\n");
        self.script.log(Told::Prompt {
            session: self.session.clone(),
            text: text.clone(),
            model,
        });
        let (is_over, got_prompt) = (self.is_over.clone(), self.got_prompt.clone());
        got_prompt.store(!self.is_over(), Ordering::SeqCst);
        let acts = if self.is_over() {
            // A corpse takes nothing of what is to be played.
            Some(vec![Act::Fail(PromptError::Gone)])
        } else {
            self.script.inner.lock().unwrap().prompts.pop_front()
        };
        let acts = acts.unwrap_or_else(|| vec![Act::Update(said(&format!("echo: {text}")))]);
        let mut cancelled = self.cancelled.subscribe();
        cancelled.mark_unchanged();
        let events = self.events.clone();
        // As a real worker: it goes on when nobody waits for its answer.
        let (sender, receiver) = oneshot::channel();
        let script = self.script.clone();
        tokio::spawn(async move {
            let mut result = play(acts, &events, &mut cancelled, &is_over, &got_prompt).await;
            if let (Ok(StopReason::Cancelled), Some(reason)) =
                (&result, script.inner.lock().unwrap().cancelled_as.take())
            {
                result = Ok(reason);
            }
            let _ = sender.send(result);
        });
        async { receiver.await.unwrap_or(Err(PromptError::Gone)) }
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.script.inner.lock().unwrap().living -= 1;
    }
}
