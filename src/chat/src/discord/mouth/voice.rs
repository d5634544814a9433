//! One thread: what should stand there, as its timeline grows.

use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use conversation::{ConversationError, Delivery, DeliveryId, DeliveryState, ItemId, ThreadId};
use futures_util::FutureExt as _;
use supervisor::{Change, Snapshot, Subscription, SupervisorError};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use crate::discord::admission::Id;
use crate::discord::bot::Bot;
use crate::discord::memory::{Rest, Told};
use crate::discord::mouth::attach;
use crate::discord::mouth::deleted::Deleted;
use crate::discord::mouth::unshown::Unshown;
use crate::discord::persist::{FIRST_PAUSE, LONGEST_PAUSE};
use crate::discord::places::thread;
use crate::discord::render::{DesiredMessage, Key, Look};

mod faces;
mod remembered;
mod scene;
mod unwanted;

use scene::{Scene, Taken};

/// Between two looks at what should stand there; Discord is asked much less often.
const REST: Duration = Duration::from_millis(100);
/// Discord shows for ten seconds that somebody writes.
const TYPING: Duration = Duration::from_secs(8);

/// A voice, as everybody else knows it.
pub(in crate::discord) struct Voice {
    pub(super) channel: Id,
    /// Something may happen: it must look once more before it ends.
    wanted: AtomicBool,
    /// The thread is gone.
    hushed: AtomicBool,
    /// Something about this thread was asked of Discord, and answered.
    pub(super) answered: Notify,
    /// What is in the outbox, by part.
    deliveries: Mutex<HashMap<i64, Delivery>>,
    /// What is to be said besides the timeline.
    notes: Mutex<BTreeMap<Key, DesiredMessage>>,
    /// There is a new note.
    noted: AtomicBool,
    /// What comes after this entry is to be looked at again.
    again: Mutex<Option<ItemId>>,
    /// What was last taken up because the outbox gave out nothing behind it, and how often it had been tried.
    pub(super) taken_up: Mutex<Option<(DeliveryId, u32)>>,
    /// From where on nothing can be attached.
    pub(super) without_files: attach::From,
    pub(super) deleted: Deleted,
    pub(super) unshown: Unshown,
}

impl Voice {
    pub(super) fn new(channel: Id) -> Self {
        Self {
            channel,
            wanted: AtomicBool::new(true),
            hushed: AtomicBool::new(false),
            answered: Notify::new(),
            deliveries: Mutex::default(),
            notes: Mutex::default(),
            noted: AtomicBool::new(false),
            again: Mutex::default(),
            taken_up: Mutex::default(),
            without_files: attach::From::default(),
            deleted: Deleted::default(),
            unshown: Unshown::default(),
        }
    }

    /// Look again at what comes after this entry: something of it may be said now that could not be before.
    pub(super) fn again(&self, upto: ItemId) {
        let mut again = self.again.lock().unwrap_or_else(PoisonError::into_inner);
        *again = Some(again.map_or(upto, |known| known.min(upto)));
        drop(again);
        self.stay();
    }

    fn take_again(&self) -> Option<ItemId> {
        self.again.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Look once more before the end.
    pub(super) fn stay(&self) {
        self.wanted.store(true, Ordering::Release);
        self.answered.notify_one();
    }

    /// What should stand there is otherwise now.
    pub(super) fn look(&self) {
        self.noted.store(true, Ordering::Release);
        self.stay();
    }

    /// Say this too; it is in the outbox.
    pub(super) fn note(&self, note: DesiredMessage, delivery: Delivery) {
        self.deliveries().entry(delivery.part).or_insert(delivery);
        self.notes().insert(note.key, note);
        self.look();
    }

    /// Nothing can be said any more. Whether that is news.
    pub(super) fn hush(&self) -> bool {
        let was = self.hushed.swap(true, Ordering::AcqRel);
        self.answered.notify_one();
        !was
    }

    pub(super) fn deliveries(&self) -> MutexGuard<'_, HashMap<i64, Delivery>> {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notes(&self) -> MutexGuard<'_, BTreeMap<Key, DesiredMessage>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the thread what happens in it, from after `upto` on, until nothing happens any more.
    pub(super) async fn speak(&self, bot: &Arc<Bot>, mut upto: ItemId) {
        let Some(id) = thread(self.channel) else {
            return;
        };
        let mut pause = FIRST_PAUSE;
        loop {
            self.wanted.store(false, Ordering::Release);
            let followed = match bot.house.supervisor.subscribe(&id).await {
                Ok((snapshot, updates)) => unbroken(self.follow(bot, snapshot, updates, upto)).await,
                Err(error) => End::of(&error),
            };
            let unsigned;
            match followed {
                End::Resync => continue,
                End::Broken(why) if !self.hushed.load(Ordering::Acquire) => {
                    tracing::warn!(thread = %id, %why, "a thread can't be listened to; trying again");
                    sleep(pause).await;
                    pause = (2 * pause).min(LONGEST_PAUSE);
                    continue;
                }
                End::Again(before) => {
                    upto = upto.min(before);
                    self.forget(bot, &id);
                    bot.set_told(
                        self.channel,
                        Told {
                            upto,
                            rest: Rest::Open,
                        },
                    );
                    continue;
                }
                End::TakenOut => {
                    self.forget(bot, &id);
                    let mut voices = bot.mouth.voices();
                    // Together: who calls it back finds this voice, or begins one.
                    if bot.places.is_taken_out(self.channel) {
                        voices.remove(&self.channel);
                        return;
                    }
                    continue;
                }
                // What is left to say is said after the next start.
                End::Closed | End::Broken(_) => {
                    bot.mouth.voices().remove(&self.channel);
                    return;
                }
                End::Said {
                    newest,
                    unsigned: first,
                } => (upto, unsigned) = (newest, first),
            }
            let stale = bot.mouth.reconciler().stale(&id);
            let first = stale.into_iter().chain(unsigned).min();
            upto = first.map_or(upto, |first| upto.min(ItemId(first.0 - 1)));
            self.forget(bot, &id);
            let mut voices = bot.mouth.voices();
            // Together: who wants to be heard from now on marks the thread as open again.
            let open = self.wanted.load(Ordering::Acquire);
            let rest = match stale {
                _ if open => Rest::Open,
                Some(_) => Rest::Stale,
                None if unsigned.is_some() => Rest::Unsigned,
                None => Rest::Nothing,
            };
            if self.hushed.load(Ordering::Acquire) && !open {
                bot.forget_told(self.channel);
            } else {
                bot.set_told(self.channel, Told { upto, rest });
            }
            if rest == Rest::Stale {
                tracing::warn!(
                    thread = %id,
                    "the thread shows less than was said: it is changed when that is allowed again"
                );
            }
            if !open {
                voices.remove(&self.channel);
                return;
            }
        }
    }

    fn forget(&self, bot: &Bot, id: &ThreadId) {
        bot.mouth.reconciler().forget(id);
        self.deliveries().clear();
        self.notes().clear();
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
            Err(error) => return End::of(&error),
        };
        if let Err(error) = self.remember(bot, &scene, upto).await {
            // Without it what was said would be said again.
            return End::Broken(error.to_string());
        }
        scene.learn_ends(bot).await;
        // What it waits for now may have been told before anybody listened.
        scene.show_signs(bot).await;
        let id = scene.thread.id.clone();
        let mut due = Some(Instant::now());
        let mut typing = Instant::now();
        let mut is_open = true;
        loop {
            if bot.places.is_taken_out(self.channel) {
                return End::TakenOut;
            }
            if let Some(before) = self.take_again() {
                return End::Again(before);
            }
            if scene.settle() | scene.learn_unsaid(bot) | self.noted.swap(false, Ordering::AcqRel) {
                due = Some(Instant::now());
            }
            let is_hushed = self.hushed.load(Ordering::Acquire);
            if is_hushed {
                // What goes on there is waited for: otherwise each word of it would begin another voice.
                if scene.is_quiet() || !is_open {
                    scene.sign_what_is_unsaid(bot);
                    return scene.said(bot, upto);
                }
                bot.mouth.reconciler().forget(&id);
                due = None;
            }
            if due.is_some_and(|due| due <= Instant::now()) {
                if scene.has_large_file() {
                    bot.learn_upload_limit(self.channel).await;
                }
                let look = self.drawn_as(bot, &scene);
                let mut messages = scene.messages(&look);
                messages.extend(self.notes().values().cloned());
                self.put_first_what_was_begun(&mut messages);
                let is_left = self.give_up_unwanted(bot, &scene, &messages, upto).await;
                bot.mouth.reconciler().want(&id, messages, scene.is_whole());
                bot.mouth.wake.notify_one();
                due = is_left.then(|| Instant::now() + FIRST_PAUSE);
            }
            if due.is_none() && !is_hushed {
                scene.sign_what_is_said(bot);
            }
            let is_said = due.is_none() && !is_hushed && (scene.is_quiet() || !is_open);
            let is_said = is_said && bot.mouth.reconciler().is_done(&id);
            if is_said && scene.is_signed(bot) {
                return if scene.is_quiet() {
                    scene.said(bot, upto)
                } else {
                    End::Closed
                };
            }
            let is_busy = scene.is_busy() && is_open && !is_hushed;
            tokio::select! {
                update = updates.next(), if is_open => {
                    let Some(update) = update else {
                        // The turns have ended; their last words are still to be said.
                        is_open = false;
                        scene.close(bot).await;
                        due = Some(Instant::now());
                        continue;
                    };
                    let is_phase = matches!(update.change, Change::Phase { .. } | Change::Queue(_));
                    match scene.take(update) {
                        Taken::Fine => {}
                        Taken::Resync => return End::Resync,
                        Taken::Before(item) => return End::Again(ItemId(item.0 - 1)),
                    }
                    if is_phase {
                        scene.learn_ends(bot).await;
                        scene.show_signs(bot).await;
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

    /// How its turns are drawn now.
    fn drawn_as(&self, bot: &Bot, scene: &Scene) -> Look {
        let known = self.deliveries();
        Look {
            without_files: self.without_files.all(known.values(), &scene.items),
            postings: self.deleted.postings(known.values(), &scene.items),
            unsaid: scene.unsaid.clone(),
            unshown: self.unshown.all(),
            ..bot.look(self.channel)
        }
    }

    /// The outbox gives out nothing of a thread before what was put there earlier.
    fn put_first_what_was_begun(&self, messages: &mut [DesiredMessage]) {
        let deliveries = self.deliveries();
        let is_begun =
            |delivery: &&Delivery| unwanted::waits(delivery) || delivery.state == DeliveryState::Sent;
        messages.sort_by_key(|message| {
            let delivery = deliveries.get(&message.key.delivery_part()).filter(is_begun);
            // Those that were not begun stay as they are, behind them.
            delivery.map_or((true, DeliveryId(0)), |delivery| (false, delivery.id))
        });
    }
}

/// How it ended; where it broke, which is a defect of ours, it is begun anew like after any other trouble.
async fn unbroken(follow: impl Future<Output = End>) -> End {
    let followed = AssertUnwindSafe(follow).catch_unwind().await;
    followed.unwrap_or_else(|_| End::Broken("telling it broke, which is a defect".to_owned()))
}

/// Why a voice looks up.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// Everything up to the newest entry is said. The first one of a turn whose message lacks its sign, as its thread is shut.
    Said {
        newest: ItemId,
        unsigned: Option<ItemId>,
    },
    /// It fell behind.
    Resync,
    /// What comes after this entry is looked at again.
    Again(ItemId),
    /// It could not be listened to, for this reason; it may be later.
    Broken(String),
    /// The bot was taken out of the thread.
    TakenOut,
    /// The host is stopping, or there is no such thread.
    Closed,
}

impl End {
    /// Of a thread that could not be listened to.
    fn of(error: &SupervisorError) -> Self {
        match error {
            SupervisorError::Draining | SupervisorError::Conversation(ConversationError::NoThread(_)) => {
                Self::Closed
            }
            error => Self::Broken(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_voice_that_breaks_begins_anew() {
        let broken = unbroken(async {
            assert!(Instant::now() < Instant::now() - REST, "it breaks");
            End::Closed
        });
        assert!(matches!(broken.await, End::Broken(why) if why.contains("defect")));
        assert_eq!(unbroken(async { End::Resync }).await, End::Resync);
    }
}
