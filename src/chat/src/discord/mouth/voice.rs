//! One thread: what should stand there, as its timeline grows.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use conversation::{Delivery, DeliveryState, ItemId, TurnId};
use supervisor::{Change, Snapshot, Subscription};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use crate::discord::admission::Id;
use crate::discord::bot::Bot;
use crate::discord::memory::Told;
use crate::discord::places::thread;
use crate::discord::render::Key;

mod scene;

use scene::{Scene, Taken};

/// Between two looks at what should stand there; Discord is asked much less often.
const REST: Duration = Duration::from_millis(100);
/// Discord shows for ten seconds that somebody writes.
const TYPING: Duration = Duration::from_secs(8);

/// A voice, as everybody else knows it.
pub(in crate::discord) struct Voice {
    channel: Id,
    /// Something may happen: it must look once more before it ends.
    wanted: AtomicBool,
    /// The thread is gone.
    hushed: AtomicBool,
    /// Something about this thread was asked of Discord, and answered.
    pub(super) answered: Notify,
    /// What is in the outbox, by part.
    pub(super) deliveries: Mutex<HashMap<i64, Delivery>>,
}

impl Voice {
    pub(super) fn new(channel: Id) -> Self {
        Self {
            channel,
            wanted: AtomicBool::new(true),
            hushed: AtomicBool::new(false),
            answered: Notify::new(),
            deliveries: Mutex::default(),
        }
    }

    /// Look once more before the end.
    pub(super) fn stay(&self) {
        self.wanted.store(true, Ordering::Release);
        self.answered.notify_one();
    }

    /// Nothing can be said any more.
    pub(super) fn hush(&self) {
        self.hushed.store(true, Ordering::Release);
        self.answered.notify_one();
    }

    pub(super) fn deliveries(&self) -> MutexGuard<'_, HashMap<i64, Delivery>> {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the thread what happens in it, from after `upto` on, until nothing happens any more.
    pub(super) async fn speak(&self, bot: &Arc<Bot>, mut upto: ItemId) {
        let Some(id) = thread(self.channel) else {
            return;
        };
        loop {
            self.wanted.store(false, Ordering::Release);
            let subscribed = bot.house.supervisor.subscribe(&id).await;
            let (snapshot, updates) = match subscribed {
                Ok(both) => both,
                Err(error) => {
                    // What is left to say is said after the next start.
                    tracing::debug!(thread = %id, %error, "a thread can't be listened to");
                    bot.mouth.voices().remove(&self.channel);
                    return;
                }
            };
            match self.follow(bot, snapshot, updates, upto).await {
                End::Resync => continue,
                End::Closed => {
                    bot.mouth.voices().remove(&self.channel);
                    return;
                }
                End::Said(newest) => upto = newest,
            }
            let told = Told { upto, open: false };
            if let Err(error) = bot.memory.set_told(self.channel, told) {
                tracing::warn!(thread = %id, %error, "could not write down how far a thread was told");
            }
            bot.mouth.reconciler().forget(&id);
            self.deliveries().clear();
            let mut voices = bot.mouth.voices();
            if !self.wanted.load(Ordering::Acquire) {
                voices.remove(&self.channel);
                return;
            }
            drop(voices);
            let _ = bot.memory.set_told(self.channel, Told { upto, open: true });
        }
    }

    async fn follow(
        &self,
        bot: &Arc<Bot>,
        snapshot: Snapshot,
        mut updates: Subscription,
        upto: ItemId,
    ) -> End {
        let mut scene = match Scene::new(bot, snapshot, upto).await {
            Ok(scene) => scene,
            Err(error) => {
                tracing::warn!(channel = self.channel, %error, "a thread can't be read");
                return End::Closed;
            }
        };
        self.remember(bot, &scene).await;
        scene.learn_ends(bot).await;
        let id = scene.thread.id.clone();
        let mut due = Some(Instant::now());
        let mut typing = Instant::now();
        let mut is_open = true;
        loop {
            if self.hushed.load(Ordering::Acquire) {
                return End::Said(scene.newest().max(upto));
            }
            if due.is_some_and(|due| due <= Instant::now()) {
                let messages = scene.messages(bot);
                bot.mouth.reconciler().want(&id, messages);
                bot.mouth.wake.notify_one();
                due = None;
            }
            let is_said = due.is_none() && (scene.is_quiet() || !is_open);
            let is_said = is_said && bot.mouth.reconciler().is_done(&id);
            if is_said && scene.is_signed(bot) {
                return if scene.is_quiet() {
                    End::Said(scene.newest().max(upto))
                } else {
                    End::Closed
                };
            }
            let is_busy = scene.is_busy() && is_open;
            tokio::select! {
                update = updates.next(), if is_open => {
                    let Some(update) = update else {
                        // The turns have ended; their last words are still to be said.
                        is_open = false;
                        scene.doing = None;
                        scene.learn_ends(bot).await;
                        due = Some(Instant::now());
                        continue;
                    };
                    let is_phase = matches!(update.change, Change::Phase { .. } | Change::Queue(_));
                    if matches!(scene.take(update), Taken::Resync) {
                        return End::Resync;
                    }
                    if is_phase {
                        scene.learn_ends(bot).await;
                        scene.show_signs(bot);
                    }
                    due = due.or(Some(Instant::now() + REST));
                }
                () = self.answered.notified() => {}
                () = sleep(REST), if is_said => {}
                () = sleep_until(due.unwrap_or(typing)), if due.is_some() => {}
                () = sleep_until(typing), if is_busy => {
                    typing = Instant::now() + TYPING;
                    let (bot, channel) = (Arc::clone(bot), self.channel);
                    tokio::spawn(async move {
                        if let Err(trouble) = bot.rest.typing(channel).await {
                            tracing::debug!(channel, %trouble, "could not show that the bot writes");
                        }
                    });
                }
            }
        }
    }

    /// Learns what earlier hosts have sent of these turns.
    async fn remember(&self, bot: &Bot, scene: &Scene) {
        let mut turns: Vec<Option<TurnId>> = scene.items.values().map(|item| item.turn).collect();
        turns.sort_unstable();
        turns.dedup();
        for turn in turns {
            let found = bot.house.conversation.deliveries(&scene.thread.id, turn).await;
            for delivery in found.unwrap_or_default() {
                let key = Key::of_part(turn, delivery.part);
                let remote = delivery.remote.as_deref().and_then(|id| id.parse().ok());
                if delivery.state == DeliveryState::Delivered
                    && let Some(remote) = remote
                    && scene.items.contains_key(&key.item)
                    && !self.deliveries().contains_key(&delivery.part)
                {
                    bot.mouth.reconciler().found(&scene.thread.id, key, remote, None);
                }
                self.deliveries().insert(delivery.part, delivery);
            }
        }
    }
}

/// Why a voice looks up.
enum End {
    /// Everything up to this entry is said.
    Said(ItemId),
    /// It fell behind.
    Resync,
    /// The host is stopping.
    Closed,
}
