//! What one page knows of its thread, and what must be sent to bring it up to date.
//!
//! Changes are collected, and only the newest state is sent: at most a dozen times a second, and less often where drawing
//! it costs more. Pure: time comes in as an argument.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use conversation::{Body, Item, ItemId, Thread, ThreadId, Turn};
use supervisor::{Change, Doing, Snapshot, ThreadPhase, Update};
use tokio::time::Instant;

use crate::web::view::{self, ItemEvent, Patch, PatchEvent, PhaseView, TextStream, ThreadView, Viewer};

/// The shortest time between two looks of a page at the same thing.
const REST: Duration = Duration::from_millis(80);

/// Drawing a whole entry again rests longer: a millisecond for so many bytes of HTML.
const BYTES_PER_MILLI: usize = 256;

/// Texts that are remembered because they may grow.
const MOST_TEXTS: usize = 4;

/// With more bytes of entries at a time a snapshot is shorter.
const MOST_WAITING: usize = 4 * 1024 * 1024;

/// What a page is sent.
#[derive(Debug)]
pub(crate) enum Sent {
    /// An entry, whole.
    Item(ItemEvent),
    /// A text that grew.
    Patch(PatchEvent),
    /// Turns that wait.
    Queue(String),
    /// What the thread is at.
    Phase(PhaseView),
    /// Title, agent, model, mode.
    Thread(ThreadView),
}

/// Whether an update could be taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Taken {
    /// It could.
    Fine,
    /// Something before it is missing: only a new snapshot helps.
    Resync,
}

/// One page's view of its thread.
pub(crate) struct Feed {
    id: ThreadId,
    viewer: Viewer,
    /// Of the newest change that was taken in.
    revision: u64,
    texts: HashMap<ItemId, Text>,
    dirty: BTreeMap<ItemId, Dirty>,
    /// Bytes of entries that came since the page was last brought up to date.
    waits: usize,
    /// When an entry may be drawn again.
    rests: HashMap<ItemId, Instant>,
    queue: Option<Vec<Turn>>,
    phase: Option<(ThreadPhase, Option<Doing>)>,
    thread: Option<Thread>,
    /// When the page was last brought up to date.
    flushed: Option<Instant>,
}

/// An answer or a thought that may grow.
struct Text {
    whole: String,
    /// So many bytes of it the page has, drawn whole; what grows is sent as patches from there on.
    drawn: usize,
    /// `None` until it grows.
    stream: Option<TextStream>,
}

/// What of an entry the page lacks.
enum Dirty {
    Whole(Box<Item>),
    Text,
}

impl Feed {
    /// Of a page that has this snapshot.
    pub(crate) fn new(viewer: Viewer, snapshot: &Snapshot) -> Self {
        let mut feed = Self {
            id: snapshot.thread.id.clone(),
            viewer,
            revision: snapshot.revision,
            texts: HashMap::new(),
            dirty: BTreeMap::new(),
            waits: 0,
            rests: HashMap::new(),
            queue: None,
            phase: None,
            thread: None,
            flushed: None,
        };
        // Only what is being written grows.
        let last = snapshot.items.last().and_then(|item| item.turn);
        let running = snapshot.doing.as_ref().map(|doing| doing.turn);
        for item in &snapshot.items {
            if item.turn.is_some() && (item.turn == running || item.turn == last) {
                feed.remember(item);
            }
        }
        feed
    }

    /// The revision that the page has for certain once it has everything that was sent; `None` while something older than
    /// the newest change is still to be sent.
    pub(crate) fn proven(&self) -> Option<u64> {
        self.is_clean().then_some(self.revision)
    }

    /// Whether everything that was taken in was sent.
    fn is_clean(&self) -> bool {
        self.dirty.is_empty() && self.queue.is_none() && self.phase.is_none() && self.thread.is_none()
    }

    /// Whether what is to be sent takes long to draw.
    pub(crate) fn is_heavy(&self) -> bool {
        self.dirty
            .values()
            .any(|dirty| matches!(dirty, Dirty::Whole(item) if view::is_heavy(std::slice::from_ref(item))))
    }

    /// Takes a change in.
    pub(crate) fn take(&mut self, update: Update) -> Taken {
        // The snapshot had it already.
        if update.revision <= self.revision {
            return Taken::Fine;
        }
        match update.change {
            Change::Item(item) => {
                self.waits += item.body.size();
                if self.waits > MOST_WAITING {
                    return Taken::Resync;
                }
                self.remember(&item);
                self.dirty.insert(item.id, Dirty::Whole(Box::new(item)));
            }
            Change::Append { item, at, text } => {
                if self.append(item, at, &text) == Taken::Resync {
                    return Taken::Resync;
                }
            }
            Change::Queue(turns) => self.queue = Some(turns),
            Change::Phase { phase, doing } => self.phase = Some((phase, doing)),
            Change::Thread(thread) => self.thread = Some(thread),
            Change::Resync => return Taken::Resync,
        }
        self.revision = update.revision;
        Taken::Fine
    }

    fn remember(&mut self, item: &Item) {
        if let Body::Answer { text } | Body::Thought { text } = &item.body {
            self.texts.insert(
                item.id,
                Text {
                    whole: text.clone(),
                    drawn: view::head(text),
                    stream: None,
                },
            );
            // Only the newest grows; those before it may still have to be sent.
            while self.texts.len() > MOST_TEXTS {
                let oldest = self.texts.keys().filter(|id| !self.dirty.contains_key(id)).min();
                let Some(oldest) = oldest.copied() else {
                    break;
                };
                self.texts.remove(&oldest);
            }
        }
    }

    fn append(&mut self, item: ItemId, at: usize, added: &str) -> Taken {
        let Some(text) = self.texts.get_mut(&item) else {
            return Taken::Resync;
        };
        // What was added twice counts once.
        if !text.whole.is_char_boundary(at) {
            return Taken::Resync;
        }
        text.whole.truncate(at);
        text.whole.push_str(added);
        // What the page has may not be what stands there now.
        if at < text.drawn {
            text.drawn = 0;
        }
        match self.dirty.get_mut(&item) {
            // It is drawn whole anyway, then with these words.
            Some(Dirty::Whole(item)) => {
                if let Body::Answer { text: whole } | Body::Thought { text: whole } = &mut item.body {
                    whole.truncate(at);
                    whole.push_str(added);
                }
            }
            Some(Dirty::Text) => {}
            None => drop(self.dirty.insert(item, Dirty::Text)),
        }
        Taken::Fine
    }

    /// When there is something to send; `None` if there is not.
    pub(crate) fn due(&self) -> Option<Instant> {
        if self.is_clean() {
            return None;
        }
        let page = self.flushed.map_or_else(Instant::now, |at| at + REST);
        if self.queue.is_some() || self.phase.is_some() || self.thread.is_some() {
            return Some(page);
        }
        let rest = |id: &ItemId| self.rests.get(id).copied().unwrap_or(page);
        self.dirty
            .keys()
            .map(rest)
            .min()
            .map(|earliest| earliest.max(page))
    }

    /// What is to be sent now.
    pub(crate) fn flush(&mut self, now: Instant) -> Vec<Sent> {
        self.viewer.now = credentials::Timestamp::now();
        // At the end of a turn nothing rests: its last words come before the news that it is over.
        let over = self.phase.as_ref().is_some_and(|(_, doing)| doing.is_none());
        let rested = |id: &ItemId| over || self.rests.get(id).is_none_or(|until| *until <= now);
        let ready: Vec<ItemId> = self.dirty.keys().copied().filter(rested).collect();
        self.waits = 0;
        let mut sent = Vec::with_capacity(ready.len() + 3);
        for id in ready {
            match self.dirty.remove(&id) {
                Some(Dirty::Whole(item)) => sent.push(self.draw(&item, now)),
                Some(Dirty::Text) => sent.extend(self.patch(id, now)),
                None => {}
            }
        }
        if let Some(turns) = self.queue.take() {
            sent.push(Sent::Queue(view::queue(&turns, &self.viewer)));
        }
        if let Some(thread) = self.thread.take() {
            sent.push(Sent::Thread(ThreadView::of(&thread)));
        }
        if let Some((phase, doing)) = self.phase.take() {
            sent.push(Sent::Phase(view::phase(phase, doing.as_ref())));
            // Nothing grows between turns.
            if over {
                self.texts.clear();
                self.rests.clear();
            }
        }
        self.flushed = Some(now);
        sent
    }

    fn draw(&mut self, item: &Item, now: Instant) -> Sent {
        let event = view::item_event(item, &self.viewer, self.revision);
        let rest = REST + Duration::from_millis((event.html.len() / BYTES_PER_MILLI) as u64);
        self.rests.insert(item.id, now + rest);
        if let Some(text) = self.texts.get_mut(&item.id) {
            text.drawn = view::head(&text.whole);
            text.stream = None;
        }
        Sent::Item(event)
    }

    fn patch(&mut self, id: ItemId, now: Instant) -> Option<Sent> {
        let text = self.texts.get_mut(&id)?;
        let stream = text.stream.get_or_insert_with(|| {
            let mut stream = TextStream::new(&self.id);
            // As far as the page has it, by the same cuts: nothing of that is sent again.
            if let Some(drawn) = text.whole.get(..text.drawn) {
                stream.update(drawn);
            }
            stream
        });
        let patch: Patch = stream.update(&text.whole);
        self.rests.insert(id, now + stream.rest().max(REST));
        Some(Sent::Patch(PatchEvent {
            id: id.0,
            revision: self.revision,
            patch,
        }))
    }
}

#[cfg(test)]
mod tests;
