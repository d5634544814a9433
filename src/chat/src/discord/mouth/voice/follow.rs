//! A voice follows its thread: it has what should stand there said, until nothing happens any more.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use conversation::{Delivery, DeliveryId, DeliveryState, ItemId};
use supervisor::{Change, Snapshot, Subscription};
use tokio::time::{Instant, sleep, sleep_until};

use super::scene::{Scene, Taken};
use super::{End, Voice, unwanted};
use crate::discord::bot::Bot;
use crate::discord::persist::FIRST_PAUSE;
use crate::discord::render::{DesiredMessage, Look};

/// Between two looks at what should stand there; Discord is asked much less often.
const REST: Duration = Duration::from_millis(100);
/// Discord shows for ten seconds that somebody writes.
const TYPING: Duration = Duration::from_secs(8);

impl Voice {
    /// Has that said which should stand there and is newer than `upto`, as it changes. Why it looks up.
    pub(super) async fn follow(
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
