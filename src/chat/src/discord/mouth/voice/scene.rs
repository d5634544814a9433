//! What a voice knows of its thread, and what should stand there.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use conversation::{Body, Item, ItemId, SourceId, Thread, Turn, TurnId, TurnState};
use supervisor::{Doing, Snapshot, ThreadPhase};

use crate::discord::admission::Id;
use crate::discord::bot::Bot;
use crate::discord::mouth::lost::began_by;
use crate::discord::mouth::voice::End;
use crate::discord::places::UPLOAD_LIMIT;
use crate::discord::render::{self, Footer};

mod drawing;
mod past;
mod taken;

pub(super) use taken::Taken;

/// Turns that lack their sign, of which so many are looked at once more: where the bot lacks a permission each one does.
const MOST_UNSIGNED: usize = 20;

/// What a voice knows of its thread.
pub(super) struct Scene {
    pub(super) items: BTreeMap<ItemId, Item>,
    pub(super) thread: Thread,
    queued: Vec<Turn>,
    phase: ThreadPhase,
    pub(super) doing: Option<Doing>,
    revision: u64,
    /// Up to this entry only turns are here that go on behind it.
    upto: ItemId,
    /// Turns that have ended: what was told of them may still be on its way.
    ending: Vec<Ending>,
    /// Turns that are over, and what stands below them.
    over: HashMap<TurnId, Footer>,
    /// Turns that are over, and whose message shows that only when all is said.
    unsigned: Vec<Turn>,
    /// Messages that got a sign for good, and of which turn.
    signed: Vec<(Id, TurnId)>,
    /// The last turn of each message, as far as it was looked at: asked for again it has several, and the last one counts.
    latest: HashMap<SourceId, TurnId>,
    /// Whether the messages that wait show that nothing is done about them.
    is_stuck: bool,
    /// Entries that can't be drawn.
    broken: BTreeSet<ItemId>,
    /// Entries of which Discord does not take a message.
    pub(super) unsaid: BTreeSet<ItemId>,
}

/// A turn that has ended.
struct Ending {
    /// The revision that knows of it.
    from: u64,
    turn: Turn,
    /// The same, as of each message that was merged into it and shows how it ends, too.
    merged: Vec<Turn>,
}

impl Scene {
    pub(super) async fn new(
        bot: &Bot,
        mut snapshot: Snapshot,
        upto: ItemId,
    ) -> Result<Self, supervisor::SupervisorError> {
        let items = std::mem::take(&mut snapshot.items);
        let known = items.into_iter().map(|item| (item.id, item)).collect();
        let older = |first| {
            bot.house
                .supervisor
                .older(&snapshot.thread.id, first, past::page())
        };
        let known = past::told(known, snapshot.from, upto, older).await?;
        snapshot.items = known.into_values().collect();
        Ok(Self::of(snapshot, upto))
    }

    /// As a thread stands, with all entries that are to be known.
    fn of(snapshot: Snapshot, upto: ItemId) -> Self {
        let Snapshot {
            thread,
            items,
            queued,
            phase,
            doing,
            revision,
            from: _,
        } = snapshot;
        Self {
            items: items.into_iter().map(|item| (item.id, item)).collect(),
            thread,
            queued,
            phase,
            doing,
            revision,
            upto,
            ending: vec![],
            over: HashMap::new(),
            unsigned: vec![],
            signed: vec![],
            latest: HashMap::new(),
            is_stuck: false,
            broken: BTreeSet::new(),
            unsaid: BTreeSet::new(),
        }
    }

    pub(super) fn newest(&self) -> ItemId {
        self.items.keys().next_back().copied().unwrap_or(ItemId(0))
    }

    pub(super) fn is_busy(&self) -> bool {
        matches!(self.phase, ThreadPhase::Working | ThreadPhase::Starting)
    }

    /// Whether nothing runs, nothing waits, and nothing is about to.
    pub(super) fn is_quiet(&self) -> bool {
        let rests = matches!(
            self.phase,
            ThreadPhase::Cold | ThreadPhase::Idle | ThreadPhase::Failed { until: None }
        );
        let waits = !self.queued.is_empty() && !matches!(self.phase, ThreadPhase::Failed { .. });
        self.doing.is_none() && rests && !waits && self.is_whole()
    }

    fn turns(&self) -> impl Iterator<Item = TurnId> + '_ {
        let waits = |turn: &TurnId| self.queued.iter().any(|queued| queued.id == *turn);
        let mut last = None;
        self.items
            .values()
            .filter_map(|item| item.turn)
            .filter(move |turn| !waits(turn) && last.replace(*turn) != Some(*turn))
    }

    /// Shows on the messages of turns that are over, and of which all stands in the thread that Discord takes, how they ended.
    pub(super) fn sign_what_is_said(&mut self, bot: &Bot) {
        let is_said = |turn: &mut Turn| bot.mouth.reconciler().has_said(&self.thread.id, turn.id);
        let said: Vec<Turn> = self.unsigned.extract_if(.., is_said).collect();
        for turn in said {
            let unsaid = bot.mouth.reconciler().leaves_unsaid(&self.thread.id, turn.id);
            self.sign(bot, &turn, unsaid);
        }
    }

    /// Whether Discord refuses something else now than before.
    pub(super) fn learn_unsaid(&mut self, bot: &Bot) -> bool {
        let unsaid = bot.mouth.reconciler().unsaid(&self.thread.id);
        std::mem::replace(&mut self.unsaid, unsaid) != self.unsaid
    }

    /// Shows how turns ended of which nothing can be said any more, as their thread is gone: the message that opened it may
    /// stand in its channel.
    pub(super) fn sign_what_is_unsaid(&mut self, bot: &Bot) {
        for turn in std::mem::take(&mut self.unsigned) {
            self.sign(bot, &turn, true);
        }
    }

    fn sign(&mut self, bot: &Bot, turn: &Turn, unsaid: bool) {
        let latest = self.latest.get(&turn.source);
        if latest.is_some_and(|latest| *latest > turn.id) {
            return;
        }
        let sign = match turn.state {
            TurnState::Done if unsaid => render::UNSAID,
            state => render::reaction(state, false),
        };
        self.signed
            .extend(show(bot, turn, sign).map(|message| (message, turn.id)));
    }

    fn knows(&mut self, turn: &Turn) {
        let latest = self.latest.entry(turn.source.clone()).or_insert(turn.id);
        *latest = turn.id.max(*latest);
    }

    /// Whether the signs of turns that are over are on their messages, as far as all of them could be said.
    pub(super) fn is_signed(&self, bot: &Bot) -> bool {
        let is_stale = || bot.mouth.reconciler().stale(&self.thread.id).is_some();
        (self.unsigned.is_empty() || is_stale())
            && self
                .signed
                .iter()
                .all(|(message, _)| bot.signs.is_shown(*message))
    }

    /// All is said that was to be told after `upto`.
    pub(super) fn said(&self, bot: &Bot, upto: ItemId) -> End {
        let signed = self.signed.iter();
        let shut_off = signed.filter(|(message, _)| bot.signs.is_shut_off(*message));
        let mut shut_off: Vec<TurnId> = shut_off.map(|(_, turn)| *turn).collect();
        shut_off.sort_unstable();
        shut_off.dedup();
        let newest = &shut_off[shut_off.len().saturating_sub(MOST_UNSIGNED)..];
        let mut items = self.items.values();
        let unsigned = items.find(|item| item.turn.is_some_and(|turn| newest.contains(&turn)));
        End::Said {
            newest: self.newest().max(upto),
            unsigned: unsigned.map(|item| item.id),
        }
    }

    pub(super) fn running(&self) -> Option<TurnId> {
        self.doing.as_ref().map(|doing| doing.turn)
    }

    /// Looks which turns have ended, and how. They are [over](Self::settle) when everything is here that was told of them.
    pub(super) async fn learn_ends(&mut self, bot: &Bot) {
        let running = self.running();
        let is_known = |turn: &TurnId| self.over.contains_key(turn) || self.is_ending(*turn);
        let mut open: Vec<TurnId> = self
            .turns()
            .filter(|turn| !is_known(turn) && Some(*turn) != running)
            .collect();
        open.sort_unstable();
        open.dedup();
        let mut ended = vec![];
        for id in open {
            let turn = looked_up(bot, id).await;
            ended.extend(turn.filter(|turn| turn.state.is_ended()));
        }
        for turn in &ended {
            self.knows(turn);
        }
        if ended.is_empty() {
            return;
        }
        // The book is ahead of the updates: only what is told from now on has certainly nothing more of these turns.
        let Ok((now, _)) = bot.house.supervisor.subscribe(&self.thread.id).await else {
            return;
        };
        let busy = now.doing.map(|doing| doing.turn);
        let is_past =
            |turn: &Turn| Some(turn.id) != busy && now.queued.iter().all(|other| other.id != turn.id);
        ended.retain(is_past);
        for turn in ended {
            self.ends(bot, now.revision, turn).await;
        }
    }

    /// A turn has ended, as this revision knows.
    async fn ends(&mut self, bot: &Bot, from: u64, turn: Turn) {
        let merged = bot.house.conversation.merged_into(&turn).await;
        let merged = merged.unwrap_or_else(|error| {
            tracing::warn!(thread = %turn.thread, %error, "some messages may not show how their turn ended");
            vec![]
        });
        let as_of = |other: Turn| Turn {
            source: other.source,
            ..turn.clone()
        };
        let merged: Vec<Turn> = merged.into_iter().map(as_of).collect();
        for turn in &merged {
            self.knows(turn);
        }
        self.ending.push(Ending { from, turn, merged });
    }

    /// Whether nothing more comes of a turn.
    pub(super) fn is_over(&self, turn: TurnId) -> bool {
        let is_here = || self.turns().any(|known| known == turn);
        self.over.contains_key(&turn) || self.running() != Some(turn) && !is_here()
    }

    fn is_ending(&self, turn: TurnId) -> bool {
        self.ending.iter().any(|ending| ending.turn.id == turn)
    }

    /// Whether no turn is going on of which more may come.
    pub(super) fn is_whole(&self) -> bool {
        self.turns().all(|turn| self.over.contains_key(&turn))
    }

    /// No more updates come: all that was told is here.
    pub(super) async fn close(&mut self, bot: &Bot) {
        self.doing = None;
        self.revision = u64::MAX;
        let mut open: Vec<TurnId> = self.turns().collect();
        open.sort_unstable();
        open.dedup();
        open.retain(|id| !self.over.contains_key(id));
        for id in open {
            if let Some(turn) = looked_up(bot, id).await
                && turn.state.is_ended()
            {
                self.knows(&turn);
                self.ends(bot, 0, turn).await;
            }
        }
    }

    /// Whether turns are over now that were not before.
    pub(super) fn settle(&mut self) -> bool {
        let revision = self.revision;
        let is_here = |ending: &mut Ending| ending.from <= revision;
        let over: Vec<Ending> = self.ending.extract_if(.., is_here).collect();
        let before = self.over.len();
        for Ending { turn, merged, .. } in over {
            let footer = self.footer(&turn);
            if self.over.insert(turn.id, footer).is_none() {
                self.unsigned.extend(merged);
                self.unsigned.push(turn);
            }
        }
        self.over.len() > before
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
            model: turn.model.clone(),
            usage,
        }
    }

    /// Shows on the message of the running turn whether it waits for a person, and on those that wait whether their agent
    /// can't be started.
    pub(super) async fn show_signs(&mut self, bot: &Bot) {
        let is_stuck = matches!(self.phase, ThreadPhase::Failed { until: None });
        if std::mem::replace(&mut self.is_stuck, is_stuck) != is_stuck {
            let state = if is_stuck {
                TurnState::Failed
            } else {
                TurnState::Queued
            };
            for turn in &self.queued {
                show(bot, turn, render::reaction(state, false));
            }
        }
        let Some(id) = self.running() else {
            return;
        };
        let asks = matches!(
            self.phase,
            ThreadPhase::AwaitingPermission | ThreadPhase::AwaitingLogin
        );
        if let Some(turn) = looked_up(bot, id).await
            && turn.state == TurnState::Running
        {
            self.knows(&turn);
            show(bot, &turn, render::reaction(TurnState::Running, asks));
        }
    }

    /// Whether a file is offered that Discord does not take everywhere.
    pub(super) fn has_large_file(&self) -> bool {
        let is_large = |item: &Item| matches!(&item.body, Body::File(file) if file.size > UPLOAD_LIMIT);
        self.items.values().any(is_large)
    }
}

/// A turn, and the message that it answers: asked for again it was begun by none.
async fn looked_up(bot: &Bot, id: TurnId) -> Option<Turn> {
    let mut turn = bot.house.conversation.turn(id).await.ok()?;
    if began_by(&turn).is_none() {
        turn.source = bot.house.conversation.message_of(id).await.ok()?;
    }
    Some(turn)
}

/// Puts the sign of a turn on the message that began it. Which message that is, if one did.
fn show(bot: &Bot, turn: &Turn, sign: &'static str) -> Option<Id> {
    let (channel, message) = began_by(turn)?;
    bot.signs.show(channel, message, sign);
    Some(message)
}
