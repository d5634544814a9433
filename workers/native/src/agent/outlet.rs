//! The model's words on their way to the client: put together into few updates, so that a fast model is no flood, and
//! the first words still go out at once.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use acp::schema::{ContentBlock, ContentChunk, SessionUpdate};
use agent_client_protocol::v1 as acp;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::agent::client::Client;
use crate::agent::sign::{self, Sign};
use crate::agent::transcript::Draft;
use crate::providers::Progress;

/// Between two updates.
pub(crate) const EVERY: Duration = Duration::from_millis(33);

/// Longest name of a tool in a status, in characters.
const NAME: usize = 40;

/// So many bytes do not wait.
const ENOUGH: usize = 4096;

/// The most bytes in one update: a client that fell behind gets what gathered in several.
const MOST: usize = 64 * 1024;

/// One model call's way out.
#[derive(Debug)]
pub(crate) struct Outlet<'a> {
    client: &'a Client,
    sign: Sign<'a>,
    /// The id of the message that is being said.
    message: String,
    state: Mutex<State>,
    pending: Notify,
}

#[derive(Debug)]
struct State {
    /// Voices alternate.
    waiting: VecDeque<Words>,
    /// What was shown of the answer.
    draft: Draft,
    said: String,
    thought: bool,
    flushed: Option<Instant>,
}

#[derive(Debug)]
struct Words {
    voice: Voice,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voice {
    Answer,
    Thought,
}

impl<'a> Outlet<'a> {
    pub(crate) fn new(client: &'a Client, message: String, draft: Draft) -> Self {
        Self {
            client,
            sign: Sign::new(client, "thinking"),
            message,
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                draft,
                said: String::new(),
                thought: false,
                flushed: None,
            }),
            pending: Notify::new(),
        }
    }

    /// Something came from the model.
    pub(crate) fn push(&self, progress: Progress) {
        match progress {
            Progress::Text(text) => self.words(Voice::Answer, &text),
            Progress::Thought(text) => self.words(Voice::Thought, &text),
            Progress::Waiting { why, delay } => {
                // The time first: the rest may be long, and is cut where it is shown in a line.
                let seconds = delay.as_secs_f64().ceil();
                self.sign
                    .waits(format!("waiting, next try in {seconds} s: {why}"));
            }
            Progress::Call { name, bytes } => self.sign.grows(|| {
                let name: String = name.chars().take(NAME).collect();
                format!("writing a call to {name}, {}", size(bytes))
            }),
            Progress::Alive => {
                let shown = self.lock().flushed;
                if shown.is_none_or(|then| then.elapsed() >= sign::EVERY) {
                    self.sign.still();
                }
            }
        }
    }

    /// Notified when words wait for [`Self::flush`].
    pub(crate) fn pending(&self) -> &Notify {
        &self.pending
    }

    /// Sends some of what waits.
    pub(crate) fn flush(&self) {
        self.send(&mut self.lock());
    }

    /// Sends what waits, as fast as the client reads. Cancel safe.
    pub(crate) async fn drain(&self) {
        while !self.lock().waiting.is_empty() {
            self.client.caught_up().await;
            self.flush();
        }
    }

    /// The answer's words so far.
    pub(crate) fn said(&self) -> String {
        self.lock().said.clone()
    }

    /// Whether any reasoning came.
    pub(crate) fn has_thought(&self) -> bool {
        self.lock().thought
    }

    fn words(&self, voice: Voice, text: &str) {
        let mut state = self.lock();
        match state.waiting.back_mut().filter(|words| words.voice == voice) {
            Some(words) => words.text.push_str(text),
            None => state.waiting.push_back(Words {
                voice,
                text: text.to_owned(),
            }),
        }
        match voice {
            Voice::Answer => {
                if state.said.is_empty() {
                    self.sign.now("writing");
                }
                state.said.push_str(text);
            }
            Voice::Thought => state.thought = true,
        }
        let rested = state.flushed.is_none_or(|then| then.elapsed() >= EVERY);
        let is_enough = state.waiting.iter().map(|words| words.text.len()).sum::<usize>() >= ENOUGH;
        if (rested || is_enough) && self.client.keeps_up() {
            self.send(&mut state);
        } else {
            self.pending.notify_one();
        }
    }

    /// The first of what waits; what stays will be asked for.
    fn send(&self, state: &mut State) {
        let Some(mut words) = state.waiting.pop_front() else {
            return;
        };
        let rest = words.text.split_off(words.text.floor_char_boundary(MOST));
        if words.voice == Voice::Answer {
            state.draft.add(&words.text);
        }
        let chunk = ContentChunk::new(ContentBlock::from(words.text)).message_id(self.message.as_str());
        self.client.update(match words.voice {
            Voice::Answer => SessionUpdate::AgentMessageChunk(chunk),
            Voice::Thought => SessionUpdate::AgentThoughtChunk(chunk),
        });
        if !rest.is_empty() {
            let voice = words.voice;
            let words = Words { voice, text: rest };
            state.waiting.push_front(words);
        }
        if !state.waiting.is_empty() {
            self.pending.notify_one();
        }
        state.flushed = Some(Instant::now());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Each change is whole before anything in it can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes, as people read them.
fn size(bytes: usize) -> String {
    match bytes {
        0..1000 => format!("{bytes} bytes"),
        1000..1_000_000 => format!("{}.{} KB", bytes / 1000, bytes % 1000 / 100),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}
