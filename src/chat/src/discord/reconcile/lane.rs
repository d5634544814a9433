//! One thread: what should be in it, what is, and the one request that is under way.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use conversation::{ItemId, TurnId};

mod choice;

use super::window::Window;
use super::{Bucket, Clock, Outcome, Pace, RequestKind};
use crate::discord::admission::Id;
use crate::discord::render::{DesiredMessage, Face, Key};

/// Discord's buckets for messages and for edits of one channel, and a little more.
const BUCKET: Duration = Duration::from_millis(5250);
/// After a failure, and twice as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// So often a change that is refused is tried; then it waits for a reason to try again.
const PATIENCE: u32 = 3;
/// So often in a row something in between may stop what is asked here; from then on it is as good as refused.
const BARRED: u32 = 10;

type Hash = [u8; 32];

/// What a message says that is taken away.
const NOTHING: Hash = [0; 32];

#[derive(Debug)]
pub(super) struct Lane {
    desired: Vec<(DesiredMessage, Hash)>,
    /// What is not among these is to go.
    whole: bool,
    known: BTreeMap<Key, Known>,
    /// How messages look that an earlier host left there, until they are asked to look otherwise.
    faces: BTreeMap<Key, Face>,
    sends: Window,
    edits: Window,
    pause: Duration,
    /// Nothing before this moment, after a failure.
    rests: Clock,
    /// No new message before this moment, and no change before that one.
    not_before: Clock,
    next_edit: Clock,
    failures: u32,
    /// How often in a row something in between stopped it.
    barred: u32,
    under_way: Option<UnderWay>,
    served: Clock,
}

/// A request that has begun.
#[derive(Debug)]
struct UnderWay {
    number: u64,
    /// `None`: of a lane that was forgotten. Its end is waited for, and says nothing.
    what: Option<(Key, Way, Hash)>,
}

/// What is known of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// It is there, and says this; `None`: nobody knows what it says.
    There {
        remote: Id,
        says: Option<Hash>,
        since: Clock,
    },
    /// Discord does not take it as it is.
    Unsent { says: Hash },
    /// It is there, and Discord has so often not let it be changed to this, or be taken away ([`NOTHING`]); not to be tried
    /// before `next`.
    Unchanged {
        remote: Id,
        says: Hash,
        tries: u32,
        next: Clock,
    },
    /// Somebody has deleted it.
    Gone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Send,
    Edit(Id),
    Delete(Id),
}

impl Lane {
    pub(super) fn new(pace: Pace) -> Self {
        Self {
            desired: vec![],
            whole: false,
            known: BTreeMap::new(),
            faces: BTreeMap::new(),
            sends: Window::new(pace.bucket, BUCKET),
            edits: Window::new(pace.bucket, BUCKET),
            pause: pace.pause,
            rests: Clock::ZERO,
            not_before: Clock::ZERO,
            next_edit: Clock::ZERO,
            failures: 0,
            barred: 0,
            under_way: None,
            served: Clock::ZERO,
        }
    }

    pub(super) fn want(&mut self, messages: Vec<DesiredMessage>, whole: bool) {
        self.whole = whole;
        let mut before = std::mem::take(&mut self.desired).into_iter().peekable();
        for message in messages {
            // Both are in order. What is as it was, as full messages are, has the same hash.
            while before.next_if(|(old, _)| old.key < message.key).is_some() {}
            let known = before.peek().filter(|(old, _)| *old == message);
            let hash = known.map_or_else(|| message.hash(), |(_, hash)| *hash);
            if let Some(Known::There {
                says: says @ None, ..
            }) = self.known.get_mut(&message.key)
                && let Some(face) = self.faces.get(&message.key)
                && message.looks_like(face)
            {
                *says = Some(hash);
            }
            self.desired.push((message, hash));
        }
    }

    pub(super) fn found(&mut self, key: Key, remote: Id, face: Option<Face>) {
        let (says, since) = (None, Clock::ZERO);
        self.known.insert(key, Known::There { remote, says, since });
        self.faces.remove(&key);
        self.faces.extend(face.map(|face| (key, face)));
    }

    pub(super) fn deleted(&mut self, remotes: &[Id]) {
        for known in self.known.values_mut() {
            if let Known::There { remote, .. } | Known::Unchanged { remote, .. } = known
                && remotes.contains(remote)
            {
                *known = Known::Gone;
            }
        }
    }

    pub(super) fn stale(&self) -> Option<ItemId> {
        let is_stale = |(message, hash): &&(DesiredMessage, Hash)| {
            let known = self.known.get(&message.key);
            matches!(known, Some(Known::Unchanged { says, .. }) if says == hash)
        };
        let stale = self.desired.iter().filter(is_stale);
        let stands = self.unwanted().filter(|(_, known)| {
            // It was to go, and still stands there.
            matches!(known, Known::Unchanged { says: NOTHING, .. })
        });
        let stands = stands.map(|(key, _)| key.item);
        stale.map(|(message, _)| message.key.item).chain(stands).min()
    }

    /// The number of the request that is under way.
    pub(super) fn under_way(&self) -> Option<u64> {
        self.under_way.as_ref().map(|under_way| under_way.number)
    }

    /// Nothing begins before a request has ended that was begun for the lane before this one.
    pub(super) fn waits_for(&mut self, number: u64) {
        self.under_way = Some(UnderWay { number, what: None });
    }

    /// Whether nothing is wanted here, and nothing is known.
    pub(super) fn is_forgotten(&self) -> bool {
        self.under_way.is_none() && self.desired.is_empty() && self.known.is_empty()
    }

    pub(super) fn is_done(&self) -> bool {
        self.under_way.is_none() && self.choice().is_none()
    }

    /// Whether all that is wanted of a turn is there as it should be, or needs somebody's attention.
    pub(super) fn has_said(&self, turn: TurnId) -> bool {
        let is_open = |key: &Key| key.turn == Some(turn);
        let mut wanted = self.desired.iter().filter(|(message, _)| is_open(&message.key));
        let under_way = self.under_way.as_ref().map(|under_way| under_way.what.as_ref());
        !under_way.is_some_and(|what| what.is_none_or(|(key, ..)| is_open(key)))
            && wanted.all(|(message, hash)| match self.known.get(&message.key) {
                Some(Known::There { says, .. }) => *says == Some(*hash),
                Some(Known::Unsent { says }) => says == hash,
                Some(Known::Gone) => true,
                Some(Known::Unchanged { .. }) | None => false,
            })
    }

    /// Whether Discord refuses something of what is wanted of a turn.
    pub(super) fn leaves_unsaid(&self, turn: TurnId) -> bool {
        let mut wanted = self
            .desired
            .iter()
            .filter(|(message, _)| message.key.turn == Some(turn));
        wanted.any(|(message, hash)| {
            let known = self.known.get(&message.key);
            matches!(known, Some(Known::Unsent { says }) if says == hash)
        })
    }

    /// Entries of which Discord does not take a message that is wanted.
    pub(super) fn unsaid(&self) -> BTreeSet<ItemId> {
        let wanted = self.desired.iter().map(|(message, _)| message.key);
        let is_refused = |key: &Key| matches!(self.known.get(key), Some(Known::Unsent { .. }));
        wanted.filter(is_refused).map(|key| key.item).collect()
    }

    /// When it was last served.
    pub(super) fn served(&self) -> Clock {
        self.served
    }

    /// Begins the next request.
    pub(super) fn begin(&mut self, number: u64, now: Clock) -> Option<(Key, RequestKind)> {
        let (_, (key, way)) = self.choice()?;
        let wanted = self.desired.iter().find(|(message, _)| message.key == key);
        let (kind, hash) = match (way, wanted) {
            (Way::Delete(remote), _) => (RequestKind::Delete { remote }, NOTHING),
            (Way::Send, Some((message, hash))) => (RequestKind::Send(message.clone()), *hash),
            (Way::Edit(remote), Some((message, hash))) => {
                let message = message.clone();
                (RequestKind::Edit { remote, message }, *hash)
            }
            (_, None) => return None,
        };
        self.faces.remove(&key);
        let what = Some((key, way, hash));
        self.under_way = Some(UnderWay { number, what });
        self.served = now;
        Some((key, kind))
    }

    /// Whether that was the request that is under way, and is to be learnt from.
    pub(super) fn ended(
        &mut self,
        number: u64,
        outcome: Outcome,
        bucket: Option<Bucket>,
        now: Clock,
    ) -> bool {
        let Some(under_way) = self.under_way.take_if(|under_way| under_way.number == number) else {
            return false;
        };
        let Some((key, way, hash)) = under_way.what else {
            return false;
        };
        // Discord counts a request when it gets it, which was before now: from now on is long enough.
        let window = match way {
            _ if matches!(outcome, Outcome::NotYet { .. }) => None,
            Way::Send => Some(&mut self.sends),
            Way::Edit(_) | Way::Delete(_) => Some(&mut self.edits),
        };
        if let Some(window) = window {
            window.count(now);
            if let Some(bucket) = bucket {
                window.learn(bucket, now);
            }
            if let Outcome::Limited { after, .. } = outcome {
                window.block(now + after);
            }
        }
        if matches!(way, Way::Edit(_) | Way::Delete(_)) {
            self.next_edit = now + self.pause;
        }
        self.barred = match outcome {
            Outcome::Barred => self.barred + 1,
            Outcome::NotYet { .. } => self.barred,
            _ => 0,
        };
        let is_refused = outcome == Outcome::Barred && way != Way::Send && self.barred >= BARRED;
        let outcome = if is_refused { Outcome::Refused } else { outcome };
        self.learn(key, way, hash, outcome, now);
        self.failures = match outcome {
            Outcome::Failed | Outcome::Barred | Outcome::Unknown => self.failures + 1,
            Outcome::NotYet { .. } => self.failures,
            _ => 0,
        };
        if let Outcome::NotYet { after } = outcome {
            let begins = match way {
                Way::Send => &mut self.not_before,
                Way::Edit(_) | Way::Delete(_) => &mut self.next_edit,
            };
            *begins = (*begins).max(now + after);
        } else if self.failures > 0 {
            let pause = FIRST_PAUSE * 2_u32.saturating_pow(self.failures - 1).min(1024);
            self.rests = now + pause.min(LONGEST_PAUSE);
        }
        true
    }

    fn learn(&mut self, key: Key, way: Way, hash: Hash, outcome: Outcome, now: Clock) {
        let known = match (way, outcome) {
            (Way::Delete(_), Outcome::Done { .. } | Outcome::Gone) => {
                self.known.remove(&key);
                return;
            }
            // What it says may be an older text: the next edit settles that.
            (Way::Edit(remote), Outcome::Unknown) => Known::There {
                remote,
                says: None,
                since: now,
            },
            (_, Outcome::Done { remote }) => Known::There {
                remote,
                says: Some(hash),
                since: now,
            },
            (Way::Send, Outcome::Refused) => Known::Unsent { says: hash },
            (Way::Edit(remote) | Way::Delete(remote), Outcome::Refused) => {
                let tries = match self.known.get(&key) {
                    Some(Known::Unchanged { tries, .. }) => tries + 1,
                    _ => 1,
                };
                Known::Unchanged {
                    remote,
                    says: hash,
                    tries,
                    next: now + FIRST_PAUSE * 2_u32.pow(tries.min(PATIENCE)),
                }
            }
            (Way::Edit(_), Outcome::Gone) => Known::Gone,
            _ => return,
        };
        self.known.insert(key, known);
    }
}
