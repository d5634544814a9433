//! One thread: what should stand there, as its timeline grows.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use conversation::{Delivery, DeliveryId, ItemId, ThreadId};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::discord::admission::Id;
use crate::discord::bot::Bot;
use crate::discord::memory::{Rest, Told};
use crate::discord::mouth::attach;
use crate::discord::mouth::deleted::Deleted;
use crate::discord::mouth::unshown::Unshown;
use crate::discord::persist::{FIRST_PAUSE, LONGEST_PAUSE};
use crate::discord::places::thread;
use crate::discord::render::{DesiredMessage, Key};

mod end;
mod faces;
mod follow;
mod remembered;
mod scene;
mod unwanted;

use end::{End, unbroken};

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
                if rest == Rest::Stale {
                    tracing::warn!(
                        thread = %id,
                        "the thread shows less than was said: it is changed when that is allowed again"
                    );
                }
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
}
