//! From the messages that should be there to the next request: the newest text wins, every last text arrives, each thread
//! gets its turn, and Discord's limits are kept.
//!
//! Pure: time comes in as an argument, requests go out as values, and what became of them comes in again. At most one
//! request of a thread is under way, so that its messages arrive in order.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use conversation::{ItemId, ThreadId, TurnId};

mod lane;
mod window;

#[cfg(test)]
mod tests;

use lane::Lane;
use window::Window;

use super::admission::Id;
use super::render::{DesiredMessage, Face, Key};

/// Time since any fixed moment.
pub type Clock = Duration;

/// How much is asked of Discord. Real limits come with each answer; these keep us away from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Requests in a second, of all threads together.
    pub global: usize,
    /// Messages in five seconds, and edits in five seconds, of one thread.
    pub bucket: usize,
    /// Between two edits in one thread.
    pub pause: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            // Discord allows 50; requests that begin evenly arrive in bunches, and others than ours need room.
            global: 40,
            bucket: 5,
            pause: Duration::from_secs(1),
        }
    }
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Ask Discord for this.
    Ask(Request),
    /// Nothing before that moment, unless something new is wanted or an answer comes.
    Wait(Clock),
    /// Nothing, until something new is wanted or an answer comes.
    Idle,
}

/// A request about one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its number: no other request has it.
    pub number: u64,
    /// The thread.
    pub thread: ThreadId,
    /// The message.
    pub key: Key,
    /// What.
    pub kind: RequestKind,
}

/// What is asked of Discord.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestKind {
    /// A new message.
    Send(DesiredMessage),
    /// A message is to say something else.
    Edit {
        /// Discord's id of it.
        remote: Id,
        /// What it is to say.
        message: DesiredMessage,
    },
    /// A message is no longer wanted.
    Delete {
        /// Discord's id of it.
        remote: Id,
    },
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done; the message has this id.
    Done {
        /// Discord's id of it.
        remote: Id,
    },
    /// Not done: too much for now (429).
    Limited {
        /// For so long.
        after: Duration,
        /// Whether that holds for everything.
        global: bool,
    },
    /// Not tried: it may be in so long.
    NotYet {
        /// So long.
        after: Duration,
    },
    /// Not done, and later it may work (a 5xx, no connection).
    Failed,
    /// Not done: something between here and Discord does not let it through. A change is refused after some tries.
    Barred,
    /// Nobody knows whether it was done: no answer. It is asked again, and whoever sends looks whether it is there.
    Unknown,
    /// Somebody has deleted the message: it stays deleted.
    Gone,
    /// Refused: a new message for good, unless it is to say something else; a change is tried a few times more, and so is
    /// taking a message away.
    Refused,
}

/// What an answer says about its bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Requests that are left.
    pub remaining: u32,
    /// Until there are more.
    pub reset_after: Duration,
}

/// The messages of all threads in which something happens.
#[derive(Debug)]
pub struct Reconciler {
    pace: Pace,
    lanes: BTreeMap<ThreadId, Lane>,
    global: Window,
    /// Requests so far.
    count: u64,
}

impl Reconciler {
    /// Nothing is wanted yet.
    pub fn new(pace: Pace) -> Self {
        Self {
            lanes: BTreeMap::new(),
            global: Window::new(pace.global, Duration::from_secs(1)),
            count: 0,
            pace,
        }
    }

    /// All messages of the thread's turns as they should be now, in order. `whole`: no turn goes on, so what is not among
    /// them is taken away; before, it may only not be written far enough, as after a restart.
    pub fn want(&mut self, thread: &ThreadId, messages: Vec<DesiredMessage>, whole: bool) {
        self.lane(thread).want(messages, whole);
    }

    /// A message is in the thread already, as an earlier host left it. `face`: as it stands there, if that is known; it is
    /// edited when it is to look otherwise, and without a face once in any case.
    pub fn found(&mut self, thread: &ThreadId, key: Key, remote: Id, face: Option<Face>) {
        self.lane(thread).found(key, remote, face);
    }

    /// Messages of a thread were deleted: they stay so.
    pub fn deleted(&mut self, thread: &ThreadId, remotes: &[Id]) {
        if let Some(lane) = self.lanes.get_mut(thread) {
            lane.deleted(remotes);
        }
    }

    /// The first entry of a thread whose message stands there otherwise than it should, because Discord does not let it be
    /// changed.
    pub fn stale(&self, thread: &ThreadId) -> Option<ItemId> {
        self.lanes.get(thread).and_then(Lane::stale)
    }

    /// Whether everything that is wanted in a thread is there.
    pub fn is_done(&self, thread: &ThreadId) -> bool {
        self.lanes.get(thread).is_none_or(Lane::is_done)
    }

    /// Whether everything that is wanted of one turn of a thread is there.
    pub fn has_said(&self, thread: &ThreadId, turn: TurnId) -> bool {
        self.lanes.get(thread).is_none_or(|lane| lane.has_said(turn))
    }

    /// Whether Discord refuses something of what is wanted of one turn of a thread.
    pub fn leaves_unsaid(&self, thread: &ThreadId, turn: TurnId) -> bool {
        let lane = self.lanes.get(thread);
        lane.is_some_and(|lane| lane.leaves_unsaid(turn))
    }

    /// Entries of a thread of which Discord does not take a message. A card waits with its buttons until it says so.
    pub fn unsaid(&self, thread: &ThreadId) -> BTreeSet<ItemId> {
        self.lanes.get(thread).map(Lane::unsaid).unwrap_or_default()
    }

    /// Nothing more is wanted in a thread, or it is not there any more. What is under way is not learnt from any more, but
    /// whatever is wanted there next begins only when it has ended: an older text must not arrive after a newer one.
    pub fn forget(&mut self, thread: &ThreadId) {
        if let Some(lane) = self.lanes.remove(thread)
            && let Some(number) = lane.under_way()
        {
            self.lane(thread).waits_for(number);
        }
    }

    /// What to do now. A request counts as begun.
    pub fn next(&mut self, now: Clock) -> Step {
        let earliest = self.global.ready();
        let due = self
            .lanes
            .iter()
            .filter_map(|(thread, lane)| Some((lane.due()?, lane.served(), thread)));
        // Of those that may, the one that has waited longest.
        let mut soonest: Option<Clock> = None;
        let mut chosen: Option<(Clock, &ThreadId)> = None;
        for (due, served, thread) in due {
            soonest = Some(soonest.map_or(due, |soonest| soonest.min(due)));
            if due <= now && chosen.is_none_or(|best| (served, thread) < best) {
                chosen = Some((served, thread));
            }
        }
        let Some(soonest) = soonest else {
            return Step::Idle;
        };
        if earliest > now {
            return Step::Wait(earliest.max(soonest));
        }
        let Some(thread) = chosen.map(|(_, thread)| thread.clone()) else {
            return Step::Wait(soonest);
        };
        let number = self.count + 1;
        let begun = self.lanes.get_mut(&thread);
        let Some((key, kind)) = begun.and_then(|lane| lane.begin(number, now)) else {
            return Step::Wait(soonest);
        };
        self.count = number;
        self.global.count(now);
        Step::Ask(Request {
            number,
            thread,
            key,
            kind,
        })
    }

    /// What became of a request. `bucket`: what the answer said about its limits. Whether that is still of use: the thread may
    /// have been [forgotten](Self::forget) meanwhile.
    pub fn ended(
        &mut self,
        (thread, number): (&ThreadId, u64),
        outcome: Outcome,
        bucket: Option<Bucket>,
        now: Clock,
    ) -> bool {
        if let Outcome::Limited { after, global: true } = outcome {
            self.global.block(now + after);
        }
        let Some(lane) = self.lanes.get_mut(thread) else {
            return false;
        };
        let is_of_use = lane.ended(number, outcome, bucket, now);
        if lane.is_forgotten() {
            self.lanes.remove(thread);
        }
        is_of_use
    }

    fn lane(&mut self, thread: &ThreadId) -> &mut Lane {
        let pace = self.pace;
        self.lanes
            .entry(thread.clone())
            .or_insert_with(|| Lane::new(pace))
    }
}
