//! What the bot says in its threads: each thread in which something happens has a voice that knows what should stand there;
//! one place decides what is asked of Discord next, and does it.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use conversation::{ConversationError, Delivery, DeliveryState, ItemId, NewDelivery, ThreadId};
use futures_util::FutureExt as _;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::admission::Id;
use super::bot::Bot;
use super::memory::{Rest, Told};
use super::places::thread;
use super::reconcile::{Clock, Outcome, Pace, Reconciler, Step};
use super::render::{DesiredMessage, Key};

mod again;
mod attach;
mod chances;
mod deleted;
mod deliver;
mod gone;
mod lost;
mod unshown;
mod voice;
mod watch;

pub(super) use deliver::outgoing;
pub(super) use watch::begin;

use chances::Chances;
use voice::Voice;

/// All voices, and what they want.
pub(super) struct Mouth {
    reconciler: Mutex<Reconciler>,
    wake: Notify,
    began: Instant,
    voices: Mutex<HashMap<Id, Arc<Voice>>>,
    /// A voice has ended.
    ended: Notify,
    /// Threads that show less than was said: Discord did not let a message be changed.
    stale: Mutex<BTreeSet<Id>>,
    /// When that is tried again.
    chances: Mutex<Chances>,
    /// Channels in which the bot may attach no files.
    without_files: attach::Channels,
}

impl Mouth {
    pub(super) fn new() -> Self {
        Self {
            reconciler: Mutex::new(Reconciler::new(Pace::default())),
            wake: Notify::new(),
            began: Instant::now(),
            voices: Mutex::default(),
            ended: Notify::new(),
            stale: Mutex::default(),
            chances: Mutex::default(),
            without_files: attach::Channels::default(),
        }
    }

    fn chances(&self) -> MutexGuard<'_, Chances> {
        self.chances.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stale(&self) -> MutexGuard<'_, BTreeSet<Id>> {
        self.stale.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reconciler(&self) -> MutexGuard<'_, Reconciler> {
        self.reconciler.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn voices(&self) -> MutexGuard<'_, HashMap<Id, Arc<Voice>>> {
        self.voices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Clock {
        self.began.elapsed()
    }
}

impl Bot {
    /// From here on what happens in a thread is told there. To be called before and after something is done in it. Where the
    /// bot was taken out it is told when it is called again.
    pub(super) async fn speak_in(self: &Arc<Self>, channel: Id) {
        if let Err(error) = self.open(channel).await {
            tracing::warn!(channel, %error, "could not write down that a thread is being told");
        }
    }

    /// The same, before a message is accepted: were that not written down, a host that comes after a kill would not know that
    /// something is to be said there.
    ///
    /// Errors: it could not be written down. It is told all the same, by this host.
    pub(super) async fn open(self: &Arc<Self>, channel: Id) -> io::Result<()> {
        let told = self.memory.told(channel);
        if self.places.is_taken_out(channel) && told.is_some_and(|told| told.rest == Rest::Open) {
            return Ok(());
        }
        // Its voice begins all the same.
        let placed = self.keep_guild(channel);
        let newest = match told {
            Some(told) => told.upto,
            None => self.newest_item(channel).await,
        };
        let mut voices = self.mouth.voices();
        // A voice that has ended meanwhile has written down more.
        let told = self.memory.told(channel);
        let upto = told.map_or(newest, |told| told.upto);
        let rest = Rest::Open;
        let kept = placed.and(match told {
            Some(told) if told.rest == rest => Ok(()),
            _ => self.memory.set_told(channel, Told { upto, rest }),
        });
        if let Some(voice) = voices.get(&channel) {
            voice.stay();
            return kept;
        }
        if self.places.is_taken_out(channel) {
            return kept;
        }
        let voice = Arc::new(Voice::new(channel));
        voices.insert(channel, Arc::clone(&voice));
        drop(voices);
        let bot = Arc::clone(self);
        tokio::spawn(async move {
            let mouth = &bot.mouth;
            let speaks = Speaks { mouth, voice };
            speaks.voice.speak(&bot, upto).await;
        });
        kept
    }

    /// Writes down which guild a thread is in, once.
    fn keep_guild(&self, thread: Id) -> io::Result<()> {
        let Some(guild) = self.places.new_guild_of(thread) else {
            return Ok(());
        };
        self.memory.add_guild(thread, guild)?;
        self.places.learn_guild(thread, guild);
        Ok(())
    }

    /// The bot was taken out of a thread: its voice ends, and what is left to say waits.
    pub(super) fn falls_silent(&self, channel: Id) {
        if let Some(voice) = self.mouth.voices().get(&channel) {
            voice.stay();
        }
    }

    /// Says something about a message in a thread, once, also when the host ends before it is there.
    pub(super) async fn note(self: &Arc<Self>, channel: Id, about: Id, words: String) {
        let Some(thread) = thread(channel) else {
            return;
        };
        let key = Key::of_note(about);
        let delivery = match self.put_note(&thread, key, words).await {
            Ok(delivery) => delivery,
            Err(error) => {
                tracing::warn!(channel, %error, "a note could not be put into the outbox");
                return;
            }
        };
        // Without its text it is there already, or was given up; what was refused waits for somebody to ask.
        let Some(text) = delivery
            .text
            .clone()
            .filter(|_| delivery.state != DeliveryState::NeedsAttention)
        else {
            return;
        };
        self.speak_in(channel).await;
        if let Some(voice) = self.mouth.voices().get(&channel) {
            voice.note(DesiredMessage::new(key, text), delivery);
        }
    }

    /// There is one note about a message: what was put into the outbox first, whatever is to be said of it when it is heard
    /// again.
    async fn put_note(
        &self,
        thread: &ThreadId,
        key: Key,
        text: String,
    ) -> Result<Delivery, ConversationError> {
        let part = key.delivery_part();
        let conversation = &self.house.conversation;
        let known = conversation.deliveries(thread, None).await?;
        if let Some(known) = known.into_iter().find(|known| known.part == part) {
            return Ok(known);
        }
        let new = NewDelivery {
            thread: thread.clone(),
            turn: None,
            part,
            text,
        };
        let mut put = conversation.put_deliveries(vec![new]).await?;
        // As many as were given.
        Ok(put.remove(0))
    }

    fn set_told(&self, channel: Id, told: Told) {
        // While it is tried again nobody knows better than before.
        match told.rest {
            Rest::Nothing | Rest::Unsigned => drop(self.mouth.stale().remove(&channel)),
            Rest::Stale => drop(self.mouth.stale().insert(channel)),
            Rest::Open => {}
        }
        if let Err(error) = self.memory.set_told(channel, told) {
            tracing::warn!(channel, %error, "could not write down how far a thread was told");
        }
    }

    /// The thread is not there any more.
    fn forget_told(&self, channel: Id) {
        self.mouth.stale().remove(&channel);
        if let Err(error) = self.memory.forget_told(channel) {
            tracing::warn!(channel, %error, "could not forget how far a thread was told that is not there any more");
        }
    }

    async fn newest_item(&self, channel: Id) -> ItemId {
        match thread(channel) {
            Some(thread) => self.newest_of(&thread).await,
            None => ItemId(0),
        }
    }

    async fn newest_of(&self, thread: &ThreadId) -> ItemId {
        let items = self.house.conversation.items(thread, None, 1).await;
        items
            .ok()
            .and_then(|items| items.last().map(|item| item.id))
            .unwrap_or(ItemId(0))
    }

    /// Threads that show less than was said, because Discord did not let it be changed.
    pub(super) fn stale_threads(&self) -> BTreeSet<Id> {
        self.mouth.stale().clone()
    }

    /// Waits until everything is said that is to be said.
    pub(super) async fn all_said(&self) {
        loop {
            let ended = self.mouth.ended.notified();
            if self.mouth.voices().is_empty() {
                return;
            }
            ended.await;
        }
    }
}

/// A voice that speaks until this is dropped.
struct Speaks<'a> {
    mouth: &'a Mouth,
    voice: Arc<Voice>,
}

impl Drop for Speaks<'_> {
    fn drop(&mut self) {
        let mut voices = self.mouth.voices();
        // It has gone by itself, unless its task broke: then whoever has something to say next begins another one.
        let known = voices.get(&self.voice.channel);
        if known.is_some_and(|known| Arc::ptr_eq(known, &self.voice)) {
            voices.remove(&self.voice.channel);
        }
        drop(voices);
        self.mouth.ended.notify_waiters();
    }
}

/// Asks Discord for one thing after the other, as the limits allow.
pub(super) async fn serve(bot: &Arc<Bot>) {
    /// The clock of the limits starts with the host; nothing waits longer than this for a look.
    const LONGEST: Duration = Duration::from_mins(10);
    loop {
        let woken = bot.mouth.wake.notified();
        let step = bot.mouth.reconciler().next(bot.mouth.now());
        match step {
            Step::Ask(request) => {
                let bot = Arc::clone(bot);
                tokio::spawn(async move {
                    let (thread, number) = (request.thread.clone(), request.number);
                    let asked = AssertUnwindSafe(deliver::ask(&bot, request)).catch_unwind().await;
                    if asked.is_err() {
                        tracing::error!(%thread, "a request to Discord broke, which is a defect; trying again");
                        let mut reconciler = bot.mouth.reconciler();
                        reconciler.ended((&thread, number), Outcome::Unknown, None, bot.mouth.now());
                        drop(reconciler);
                        bot.mouth.wake.notify_one();
                    }
                });
            }
            Step::Wait(until) => {
                let until = bot.mouth.began + until.min(bot.mouth.now() + LONGEST);
                tokio::select! {
                    () = woken => {}
                    () = sleep_until(until) => {}
                }
            }
            Step::Idle => woken.await,
        }
    }
}
