//! Signs on messages: one request of a channel after the other, and the newest sign of a message wins.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::admission::Id;
use super::places::{Places, lock};
use super::render::{HEARD, SIGNS, WAITS};
use super::rest::{Rest, Trouble};

mod again;
mod state;
#[cfg(test)]
mod tests;

use state::{Refused, State};

/// Between two requests about signs in one channel: Discord takes four in a second.
const PAUSE: Duration = Duration::from_millis(300);
/// After a try that failed, and twice as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// With the pauses between them an hour: how a turn ended is shown after an outage, too.
const TRIES: u32 = 65;
/// None, on a message that is known to have none.
const NONE: &str = "";

/// All signs. Cloned, it is the same.
#[derive(Clone)]
pub(super) struct Signs {
    rest: Arc<Rest>,
    places: Arc<Places>,
    state: Arc<Mutex<State>>,
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Done,
    /// Refused, for now: the thread is shut, or the bot may not. It was that moment's.
    Later {
        lacks: bool,
    },
    /// It will never be.
    Never,
}

impl Signs {
    pub(super) fn new(rest: Arc<Rest>, places: Arc<Places>) -> Self {
        Self {
            rest,
            places,
            state: Arc::default(),
        }
    }

    /// The message was heard. What its turn has shown meanwhile says more, and stays.
    pub(super) fn heard(&self, channel: Id, message: Id) {
        let mut state = self.state();
        // Where signs were refused, one is tried with each turn.
        state.dares(self.places.of_permissions(channel));
        match state.newest(message) {
            Some(WAITS) => {}
            Some(_) => return,
            // Nobody has told anything of it before.
            None => state.remember(message, NONE),
        }
        self.want(state, channel, message, HEARD);
    }

    /// The message waits, unless something else was told of it: then that stays.
    pub(super) fn waits(&self, channel: Id, message: Id) {
        let state = self.state();
        if matches!(state.newest(message), None | Some(NONE | WAITS)) {
            self.want(state, channel, message, WAITS);
        }
    }

    /// An earlier host left it on the message that it waits.
    pub(super) fn waited(&self, message: Id) {
        let mut state = self.state();
        if state.newest(message).is_none() {
            state.remember(message, WAITS);
        }
    }

    /// The message does not wait any more; what its turn has shown stays.
    pub(super) fn waits_no_longer(&self, channel: Id, message: Id) {
        let state = self.state();
        if state.newest(message) == Some(WAITS) {
            self.want(state, channel, message, NONE);
        }
    }

    /// This sign is to be on the message, instead of the one before.
    pub(super) fn show(&self, channel: Id, message: Id, sign: &'static str) {
        self.want(self.state(), channel, message, sign);
    }

    fn want(&self, mut state: MutexGuard<'_, State>, channel: Id, message: Id, sign: &'static str) {
        if state.want(channel, message, sign) {
            drop(state);
            let signs = self.clone();
            tokio::spawn(async move { signs.work(channel).await });
        }
    }

    /// Whether every sign that this message was to have is on it, or can't be.
    pub(super) fn is_shown(&self, message: Id) -> bool {
        !self.state().under_way.contains_key(&message)
    }

    /// Whether its last sign could not be set because its thread is put away and may not be brought back, or is hidden, or
    /// because the bot lacks a permission.
    pub(super) fn is_shut_off(&self, message: Id) -> bool {
        self.state().refused.contains_key(&message)
    }

    async fn work(&self, channel: Id) {
        while let Some((message, sign, before)) = self.next(channel) {
            if before != Some(sign) {
                if !self.is_left(channel, message, sign) {
                    self.change(channel, message, sign, before).await;
                }
                self.take_off(channel, message, sign, before).await;
            }
            self.state().end(message);
        }
    }

    /// Whether a sign is not asked for: where the bot lacks a permission every one would be refused.
    fn is_left(&self, channel: Id, message: Id, sign: &'static str) -> bool {
        let place = self.places.of_permissions(channel);
        let mut state = self.state();
        let is_left = sign != NONE && state.is_lacking(place);
        if is_left {
            state.refuse(message, (channel, sign), Some(place));
        }
        is_left
    }

    async fn change(&self, channel: Id, message: Id, sign: &'static str, before: Option<&'static str>) {
        if sign != NONE && !self.is_done(channel, message, (sign, sign)).await {
            return;
        }
        self.state().remember(message, sign);
        tokio::time::sleep(PAUSE).await;
        let others = match before {
            Some(NONE) => vec![],
            Some(old) => vec![old],
            None => {
                let there = self.there(channel, message, sign).await;
                there.unwrap_or_else(|| but(sign))
            }
        };
        for old in others {
            if !self.is_done(channel, message, (old, sign)).await {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Where the bot lacks the permission for a new sign, the one `before` is taken off all the same, for which it needs none:
    /// it is not true any more.
    async fn take_off(&self, channel: Id, message: Id, sign: &'static str, before: Option<&'static str>) {
        if !self.state().is_refused_beside(message, before) {
            return;
        }
        let old = match before {
            Some(NONE) => return,
            Some(old) => vec![old],
            None => match self.there(channel, message, sign).await {
                Some(there) => there,
                None => return,
            },
        };
        for old in old {
            if !matches!(self.ask(channel, message, old, false).await, Asked::Done) {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.state().remember(message, NONE);
    }

    /// Sets or takes off one sign of those that are changed so that the `wanted` one is there alone. Whether the others are
    /// to be changed, too.
    async fn is_done(&self, channel: Id, message: Id, (sign, wanted): (&'static str, &'static str)) -> bool {
        let on = sign == wanted;
        match self.ask(channel, message, sign, on).await {
            Asked::Done => {
                if on {
                    self.may_again(channel);
                }
                true
            }
            Asked::Later { lacks } => {
                let place = lacks.then(|| self.places.of_permissions(channel));
                let mut state = self.state();
                // Which one is there nobody knows then.
                if !on {
                    state.forget(message);
                }
                state.refuse(message, (channel, wanted), place);
                false
            }
            Asked::Never => !on,
        }
    }

    /// What an earlier host has left on a message besides this sign; `None`: nobody says it.
    async fn there(&self, channel: Id, message: Id, sign: &str) -> Option<Vec<&'static str>> {
        let messages = self.rest.after(channel, message - 1).await.ok()?;
        let found = messages.iter().find(|one| one.id.get() == message)?;
        let is_there = |one: &&str| {
            let mut ours = found.reactions.iter().filter(|reaction| reaction.me);
            ours.any(|reaction| reaction.reaction_type.unicode_eq(one))
        };
        let mut others = but(sign);
        others.retain(is_there);
        Some(others)
    }

    fn next(&self, channel: Id) -> Option<(Id, &'static str, Option<&'static str>)> {
        self.state().next(channel)
    }

    async fn ask(&self, channel: Id, message: Id, sign: &str, on: bool) -> Asked {
        for tries in 0..TRIES {
            self.state().asks(channel);
            let answer = self.rest.react(channel, message, sign, on).await;
            let was_changed = self.state().was_changed(channel);
            if on && self.rest.is_woken(channel, &answer).await {
                continue;
            }
            if let Err(Trouble::Unknown(_)) = answer {
                // It may be there now besides the one that was known.
                self.state().forget(message);
            }
            match answer {
                Ok(()) => return Asked::Done,
                // A sign is a help, no more. The message may be gone, or signs not be allowed there.
                Err(trouble @ Trouble::Refused { .. }) => {
                    tracing::debug!(channel, message, %trouble, "a sign could not be set");
                    let lacks = trouble.is_lacking();
                    if !lacks && !trouble.is_put_away() && !trouble.is_hidden() {
                        return Asked::Never;
                    }
                    // Since it was asked more may be allowed.
                    if !was_changed {
                        return Asked::Later { lacks };
                    }
                }
                // The newest one counts.
                Err(_) if on && self.is_outdated(channel, message) => return Asked::Never,
                Err(trouble) => {
                    tracing::debug!(channel, message, %trouble, "a sign could not be set; trying again");
                    tokio::time::sleep(pause(tries, &trouble)).await;
                }
            }
        }
        tracing::warn!(channel, message, sign, "a sign could not be set");
        Asked::Never
    }

    /// Whether another sign is wanted on a message than the one that is being set.
    fn is_outdated(&self, channel: Id, message: Id) -> bool {
        let state = self.state();
        let wanted = state.wanted.get(&channel);
        wanted.is_some_and(|wanted| wanted.iter().any(|(known, _)| *known == message))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// All signs but this one.
fn but(sign: &str) -> Vec<&'static str> {
    SIGNS.into_iter().filter(|one| *one != sign).collect()
}

fn pause(tries: u32, trouble: &Trouble) -> Duration {
    let pause = FIRST_PAUSE.saturating_mul(1 << tries.min(16)).min(LONGEST_PAUSE);
    match trouble {
        // Not to be asked for before.
        Trouble::Limited { after, .. } => pause.max(*after),
        _ => pause,
    }
}
