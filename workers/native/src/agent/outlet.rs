//! The model's words on their way to the client: put together into few updates, so that a fast model is no flood, and
//! the first words still go out at once.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use acp::schema::{ContentBlock, ContentChunk, SessionUpdate};
use agent_client_protocol::v1 as acp;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::agent::client::Client;
use crate::providers::Progress;

/// Between two updates.
pub(crate) const EVERY: Duration = Duration::from_millis(33);

/// So many bytes do not wait.
const ENOUGH: usize = 4096;

/// One model call's way out.
#[derive(Debug)]
pub(crate) struct Outlet<'a> {
    client: &'a Client,
    /// The id of the message that is being said.
    message: String,
    state: Mutex<State>,
    pending: Notify,
}

#[derive(Debug, Default)]
struct State {
    voice: Option<Voice>,
    waiting: String,
    said: String,
    thought: bool,
    flushed: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    Answer,
    Thought,
}

impl<'a> Outlet<'a> {
    pub(crate) fn new(client: &'a Client, message: String) -> Self {
        Self {
            client,
            message,
            state: Mutex::default(),
            pending: Notify::new(),
        }
    }

    /// Something came from the model.
    pub(crate) fn push(&self, progress: Progress) {
        match progress {
            Progress::Text(text) => self.words(Voice::Answer, &text),
            Progress::Thought(text) => self.words(Voice::Thought, &text),
            Progress::Waiting { why, delay } => {
                let seconds = delay.as_secs_f64().ceil();
                self.client
                    .status(format!("waiting: {why}, next try in {seconds} s"));
            }
        }
    }

    /// Notified when words wait for [`Self::flush`].
    pub(crate) fn pending(&self) -> &Notify {
        &self.pending
    }

    /// Sends what waits.
    pub(crate) fn flush(&self) {
        self.send(&mut self.lock());
    }

    /// Sends what waits; the answer's words so far.
    pub(crate) fn finish(&self) -> String {
        let mut state = self.lock();
        self.send(&mut state);
        std::mem::take(&mut state.said)
    }

    /// Whether any words of the answer came.
    pub(crate) fn has_spoken(&self) -> bool {
        !self.lock().said.is_empty()
    }

    /// Whether any reasoning came.
    pub(crate) fn has_thought(&self) -> bool {
        self.lock().thought
    }

    fn words(&self, voice: Voice, text: &str) {
        let mut state = self.lock();
        if state.voice != Some(voice) {
            self.send(&mut state);
            state.voice = Some(voice);
            self.client.status(match voice {
                Voice::Answer => "writing",
                Voice::Thought => "thinking",
            });
        }
        state.waiting.push_str(text);
        match voice {
            Voice::Answer => state.said.push_str(text),
            Voice::Thought => state.thought = true,
        }
        let rested = state.flushed.is_none_or(|then| then.elapsed() >= EVERY);
        if self.client.keeps_up() && (rested || state.waiting.len() >= ENOUGH) {
            self.send(&mut state);
        } else {
            self.pending.notify_one();
        }
    }

    fn send(&self, state: &mut State) {
        let (Some(voice), false) = (state.voice, state.waiting.is_empty()) else {
            return;
        };
        let words = std::mem::take(&mut state.waiting);
        let chunk = ContentChunk::new(ContentBlock::from(words)).message_id(self.message.as_str());
        self.client.update(match voice {
            Voice::Answer => SessionUpdate::AgentMessageChunk(chunk),
            Voice::Thought => SessionUpdate::AgentThoughtChunk(chunk),
        });
        state.flushed = Some(Instant::now());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Each change is whole before anything in it can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
