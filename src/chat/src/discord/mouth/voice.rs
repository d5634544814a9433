//! One thread: what should stand there, as its timeline grows.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use conversation::{Body, Delivery, DeliveryState, Item, ItemId, Thread, Turn, TurnId, TurnState};
use supervisor::{Change, Doing, Snapshot, Subscription, ThreadPhase, Update};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::discord::admission::Id;
use crate::discord::bot::Bot;
use crate::discord::custom_id::Action;
use crate::discord::memory::Told;
use crate::discord::places::thread;
use crate::discord::render::{self, Button, DesiredMessage, Footer, Key, Press, Progress, Style};

/// Between two looks at what should stand there; Discord is asked much less often.
const REST: Duration = Duration::from_millis(100);
/// Discord shows for ten seconds that somebody writes.
const TYPING: Duration = Duration::from_secs(8);
/// Older entries of a timeline are read in steps of so many, and no more than so often.
const PAGE: usize = 200;
const PAGES: usize = 20;
/// Buttons that fit below a message.
const BUTTONS: usize = 5;

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

/// What a voice knows of its thread.
struct Scene {
    items: BTreeMap<ItemId, Item>,
    thread: Thread,
    queued: Vec<Turn>,
    phase: ThreadPhase,
    doing: Option<Doing>,
    revision: u64,
    /// Turns that are over, and what stands below them.
    over: HashMap<TurnId, Footer>,
}

/// Whether an update could be taken in.
enum Taken {
    Fine,
    Resync,
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
            if due.is_none() && (scene.is_quiet() || !is_open) && bot.mouth.reconciler().is_done(&id) {
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

impl Scene {
    async fn new(bot: &Bot, snapshot: Snapshot, upto: ItemId) -> Result<Self, supervisor::SupervisorError> {
        let Snapshot {
            thread,
            items,
            more,
            queued,
            phase,
            doing,
            revision,
        } = snapshot;
        let mut known: BTreeMap<ItemId, Item> = items.into_iter().map(|item| (item.id, item)).collect();
        let mut more = more;
        for _ in 0..PAGES {
            let Some(first) = known.keys().next().copied() else {
                break;
            };
            if !more || first <= upto {
                break;
            }
            let older = bot.house.supervisor.older(&thread.id, first, PAGE).await?;
            more = older.len() == PAGE;
            known.extend(older.into_iter().map(|item| (item.id, item)));
        }
        known.retain(|id, _| *id > upto);
        Ok(Self {
            items: known,
            thread,
            queued,
            phase,
            doing,
            revision,
            over: HashMap::new(),
        })
    }

    fn newest(&self) -> ItemId {
        self.items.keys().next_back().copied().unwrap_or(ItemId(0))
    }

    fn is_busy(&self) -> bool {
        matches!(self.phase, ThreadPhase::Working | ThreadPhase::Starting)
    }

    /// Whether nothing runs, nothing waits, and nothing is about to.
    fn is_quiet(&self) -> bool {
        let rests = matches!(
            self.phase,
            ThreadPhase::Cold | ThreadPhase::Idle | ThreadPhase::Failed { until: None }
        );
        let waits = !self.queued.is_empty() && !matches!(self.phase, ThreadPhase::Failed { .. });
        self.doing.is_none() && rests && !waits && self.turns().all(|turn| self.over.contains_key(&turn))
    }

    fn turns(&self) -> impl Iterator<Item = TurnId> + '_ {
        let waits = |turn: &TurnId| self.queued.iter().any(|queued| queued.id == *turn);
        let mut last = None;
        self.items
            .values()
            .filter_map(|item| item.turn)
            .filter(move |turn| !waits(turn) && last.replace(*turn) != Some(*turn))
    }

    fn take(&mut self, update: Update) -> Taken {
        if update.revision <= self.revision {
            return Taken::Fine;
        }
        match update.change {
            Change::Item(item) => drop(self.items.insert(item.id, item)),
            Change::Append { item, at, text } => {
                let Some(Body::Answer { text: whole } | Body::Thought { text: whole }) =
                    self.items.get_mut(&item).map(|item| &mut item.body)
                else {
                    return Taken::Resync;
                };
                if !whole.is_char_boundary(at) {
                    return Taken::Resync;
                }
                whole.truncate(at);
                whole.push_str(&text);
            }
            Change::Queue(queued) => self.queued = queued,
            Change::Phase { phase, doing } => {
                self.phase = phase;
                self.doing = doing;
            }
            Change::Thread(thread) => self.thread = thread,
            Change::Resync => return Taken::Resync,
        }
        self.revision = update.revision;
        Taken::Fine
    }

    fn running(&self) -> Option<TurnId> {
        self.doing.as_ref().map(|doing| doing.turn)
    }

    /// Looks which turns have ended, and how.
    async fn learn_ends(&mut self, bot: &Bot) {
        let running = self.running();
        let mut open: Vec<TurnId> = self
            .turns()
            .filter(|turn| !self.over.contains_key(turn) && Some(*turn) != running)
            .collect();
        open.sort_unstable();
        open.dedup();
        for id in open {
            let Ok(turn) = bot.house.conversation.turn(id).await else {
                continue;
            };
            if !turn.state.is_ended() {
                continue;
            }
            sign(bot, &turn, turn.state, false);
            let footer = self.footer(&turn);
            self.over.insert(id, footer);
        }
    }

    fn footer(&self, turn: &Turn) -> Footer {
        let (Some(began), Some(ended), TurnState::Done) = (turn.started, turn.ended, turn.state) else {
            return Footer::default();
        };
        let usage = self.items.values().rev().find_map(|item| match item.body {
            Body::Usage { used, size } if item.turn == Some(turn.id) => Some((used, size)),
            _ => None,
        });
        Footer {
            elapsed: Some(ended.since(began)),
            model: self.thread.model.clone(),
            usage,
        }
    }

    /// Shows on the message of the running turn whether it waits for a person.
    fn show_signs(&self, bot: &Arc<Bot>) {
        let Some(id) = self.running() else {
            return;
        };
        let asks = matches!(
            self.phase,
            ThreadPhase::AwaitingPermission | ThreadPhase::AwaitingLogin
        );
        let bot = Arc::clone(bot);
        tokio::spawn(async move {
            if let Ok(turn) = bot.house.conversation.turn(id).await
                && turn.state == TurnState::Running
            {
                sign(&bot, &turn, TurnState::Running, asks);
            }
        });
    }

    /// Everything that should stand there, in order.
    fn messages(&self, bot: &Bot) -> Vec<DesiredMessage> {
        let items: Vec<&Item> = self.items.values().collect();
        let mut messages = vec![];
        for group in items.chunk_by(|a, b| a.turn == b.turn) {
            let turn = group.first().and_then(|item| item.turn);
            let owned: Vec<Item> = group.iter().map(|item| (*item).clone()).collect();
            let progress = match turn {
                None => Progress::Over {
                    footer: Footer::default(),
                },
                Some(turn) => match self.over.get(&turn) {
                    // What is said in between does not end a turn twice.
                    Some(footer) if self.is_last_of(turn, &owned) => Progress::Over {
                        footer: footer.clone(),
                    },
                    Some(_) => Progress::Over {
                        footer: Footer::default(),
                    },
                    None => Progress::Running,
                },
            };
            let mut shown = render::messages(&owned, &progress, &bot.look);
            if turn.is_some() && turn == self.running() {
                offer_stop(&mut shown);
            }
            messages.extend(shown);
        }
        messages
    }

    fn is_last_of(&self, turn: TurnId, group: &[Item]) -> bool {
        let last = self.items.values().rev().find(|item| item.turn == Some(turn));
        last.map(|item| item.id) == group.last().map(|item| item.id)
    }
}

/// A button that stops the turn, below its first message, where it stays.
fn offer_stop(messages: &mut [DesiredMessage]) {
    if let Some(first) = messages.first_mut().filter(|one| one.buttons.len() < BUTTONS) {
        first.buttons.push(Button {
            label: "Stop".to_owned(),
            press: Press::Action(Action::Stop),
            style: Style::Secondary,
        });
    }
}

/// Puts the sign of a turn's state on the message that began it.
fn sign(bot: &Bot, turn: &Turn, state: TurnState, asks: bool) {
    let place = turn.source.0.split_once('/');
    let place = place.and_then(|(channel, message)| Some((channel.parse().ok()?, message.parse().ok()?)));
    let Some((channel, message)) = place else {
        return;
    };
    // What was merged into another turn was heard.
    let merged = turn
        .reason
        .as_deref()
        .is_some_and(|reason| reason.starts_with("merged into"));
    let sign = if merged {
        "✅"
    } else {
        render::reaction(state, asks)
    };
    bot.signs.show(channel, message, sign);
}
