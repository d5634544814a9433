//! Signs on messages: one request of a channel after the other, and the newest sign of a message wins.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::admission::Id;
use super::render::{HEARD, SIGNS, WAITS};
use super::rest::{Rest, Trouble};

/// Messages whose sign is remembered, so that it can be taken off.
const REMEMBERED: usize = 5000;
/// Between two requests about signs in one channel: Discord takes four in a second.
const PAUSE: Duration = Duration::from_millis(300);
/// After a try that failed, and twice as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// With the pauses between them an hour: how a turn ended is shown after an outage, too.
const TRIES: u32 = 65;
/// None, on a message that is known to have none.
const NONE: &str = "";
/// Nobody knows which, on a message whose thread was shut when one was to be set.
const SHUT: &str = "?";

/// All signs. Cloned, it is the same.
#[derive(Clone)]
pub(super) struct Signs {
    rest: Arc<Rest>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// What is to be done, by channel; a channel is there while somebody works on it.
    wanted: HashMap<Id, VecDeque<(Id, &'static str)>>,
    /// Messages whose sign is wanted or being set.
    under_way: HashMap<Id, UnderWay>,
    shown: HashMap<Id, &'static str>,
    order: VecDeque<Id>,
}

/// What is to be done about a message's sign: so many changes, and the newest sign.
struct UnderWay {
    changes: usize,
    newest: &'static str,
}

impl Signs {
    pub(super) fn new(rest: Arc<Rest>) -> Self {
        Self {
            rest,
            state: Arc::default(),
        }
    }

    /// The message was heard. What its turn has shown meanwhile says more, and stays.
    pub(super) fn heard(&self, channel: Id, message: Id) {
        let mut state = self.state();
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
        let is_idle = !state.wanted.contains_key(&channel);
        let queue = state.wanted.entry(channel).or_default();
        let is_one_more = if let Some((_, wanted)) = queue.iter_mut().find(|(known, _)| *known == message) {
            *wanted = sign;
            false
        } else {
            queue.push_back((message, sign));
            true
        };
        let nothing = UnderWay {
            changes: 0,
            newest: sign,
        };
        let under_way = state.under_way.entry(message).or_insert(nothing);
        under_way.changes += usize::from(is_one_more);
        under_way.newest = sign;
        drop(state);
        if is_idle {
            let signs = self.clone();
            tokio::spawn(async move { signs.work(channel).await });
        }
    }

    /// Whether every sign that this message was to have is on it, or can't be.
    pub(super) fn is_shown(&self, message: Id) -> bool {
        !self.state().under_way.contains_key(&message)
    }

    /// Whether its last sign could not be set because its thread is put away and may not be brought back.
    pub(super) fn is_shut_off(&self, message: Id) -> bool {
        self.state().shown.get(&message) == Some(&SHUT)
    }

    async fn work(&self, channel: Id) {
        while let Some((message, sign, before)) = self.next(channel) {
            if before != Some(sign) {
                self.change(channel, message, sign, before).await;
            }
            self.state().end(message);
        }
    }

    async fn change(&self, channel: Id, message: Id, sign: &'static str, before: Option<&'static str>) {
        if sign != NONE && !self.ask(channel, message, sign, true).await {
            return;
        }
        self.state().remember(message, sign);
        tokio::time::sleep(PAUSE).await;
        let others = match before {
            Some(NONE) => vec![],
            Some(old) => vec![old],
            None => self.others(channel, message, sign).await,
        };
        for old in others {
            self.ask(channel, message, old, false).await;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// What an earlier host may have left on a message besides this sign.
    async fn others(&self, channel: Id, message: Id, sign: &str) -> Vec<&'static str> {
        let mut others = SIGNS.to_vec();
        others.retain(|one| *one != sign);
        if let Ok(messages) = self.rest.after(channel, message - 1).await
            && let Some(found) = messages.iter().find(|one| one.id.get() == message)
        {
            let is_there = |one: &&str| {
                let mut ours = found.reactions.iter().filter(|reaction| reaction.me);
                ours.any(|reaction| reaction.reaction_type.unicode_eq(one))
            };
            others.retain(is_there);
        }
        others
    }

    fn next(&self, channel: Id) -> Option<(Id, &'static str, Option<&'static str>)> {
        let mut state = self.state();
        let next = state.wanted.get_mut(&channel).and_then(|queue| {
            // Where much was said at once, how a turn ended does not wait until all is known to be heard.
            let says_more = queue.iter().position(|(_, sign)| *sign != HEARD);
            queue.remove(says_more.unwrap_or(0))
        });
        let Some((message, sign)) = next else {
            state.wanted.remove(&channel);
            return None;
        };
        let before = state.shown.get(&message).copied();
        Some((message, sign, before.filter(|before| *before != SHUT)))
    }

    async fn ask(&self, channel: Id, message: Id, sign: &str, on: bool) -> bool {
        for tries in 0..TRIES {
            let answer = self.rest.react(channel, message, sign, on).await;
            if on && self.rest.is_woken(channel, &answer).await {
                continue;
            }
            if let Err(Trouble::Unknown(_)) = answer {
                // It may be there now besides the one that was known.
                self.state().forget(message);
            }
            match answer {
                Ok(()) => return true,
                // A sign is a help, no more. The message may be gone, or signs not be allowed there.
                Err(trouble @ Trouble::Refused { .. }) => {
                    if on && (trouble.is_put_away() || trouble.is_hidden()) {
                        self.state().remember(message, SHUT);
                    }
                    tracing::debug!(channel, message, %trouble, "a sign could not be set");
                    return false;
                }
                // The newest one counts.
                Err(_) if on && self.is_outdated(channel, message) => return false,
                Err(trouble) => {
                    tracing::debug!(channel, message, %trouble, "a sign could not be set; trying again");
                    tokio::time::sleep(pause(tries, &trouble)).await;
                }
            }
        }
        tracing::warn!(channel, message, sign, "a sign could not be set");
        false
    }

    /// Whether another sign is wanted on a message than the one that is being set.
    fn is_outdated(&self, channel: Id, message: Id) -> bool {
        let state = self.state();
        let wanted = state.wanted.get(&channel);
        wanted.is_some_and(|wanted| wanted.iter().any(|(known, _)| *known == message))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pause(tries: u32, trouble: &Trouble) -> Duration {
    let pause = FIRST_PAUSE.saturating_mul(1 << tries.min(16)).min(LONGEST_PAUSE);
    match trouble {
        // Not to be asked for before.
        Trouble::Limited { after, .. } => pause.max(*after),
        _ => pause,
    }
}

impl State {
    fn end(&mut self, message: Id) {
        if let Some(under_way) = self.under_way.get_mut(&message) {
            under_way.changes -= 1;
            if under_way.changes == 0 {
                self.under_way.remove(&message);
            }
        }
    }

    /// The sign that a message has, or is to have.
    fn newest(&self, message: Id) -> Option<&'static str> {
        let under_way = self.under_way.get(&message).map(|under_way| under_way.newest);
        under_way.or_else(|| self.shown.get(&message).copied())
    }

    fn forget(&mut self, message: Id) {
        self.shown.remove(&message);
        self.order.retain(|known| *known != message);
    }

    fn remember(&mut self, message: Id, sign: &'static str) {
        if self.shown.insert(message, sign).is_none() {
            self.order.push_back(message);
        }
        while self.order.len() > REMEMBERED {
            if let Some(old) = self.order.pop_front() {
                self.shown.remove(&old);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn that_a_message_was_heard_takes_nothing_back_that_its_turn_has_shown() {
        let rest = Rest::new(&"token".into(), &crate::discord::config::Server::default()).unwrap();
        let signs = Signs::new(Arc::new(rest));
        let wanted = || signs.state().wanted.get(&1).cloned().unwrap_or_default();
        signs.show(1, 2, "✋");
        signs.heard(1, 2);
        signs.heard(1, 3);
        assert_eq!(wanted(), [(2, "✋"), (3, HEARD)]);
        let (message, sign, _) = signs.next(1).unwrap();
        signs.heard(1, 2);
        signs.state().remember(message, sign);
        signs.state().end(message);
        signs.heard(1, 2);
        assert_eq!(wanted(), [(3, HEARD)]);
    }

    #[test]
    fn how_a_turn_ended_is_shown_also_after_an_outage() {
        let failed = Trouble::Failed("no connection".to_owned());
        let all: Duration = (0..TRIES).map(|tries| pause(tries, &failed)).sum();
        assert_eq!(all.as_secs() / 60, 60, "minutes");
        let (after, global) = (Duration::from_mins(5), false);
        assert_eq!(pause(0, &Trouble::Limited { after, global }), after);
    }

    #[tokio::test]
    async fn how_a_turn_ended_is_shown_before_that_other_messages_were_heard() {
        let rest = Rest::new(&"token".into(), &crate::discord::config::Server::default()).unwrap();
        let signs = Signs::new(Arc::new(rest));
        for message in 2..5 {
            signs.heard(1, message);
        }
        signs.show(1, 3, "✅");
        signs.show(1, 9, "❌");
        let order: Vec<Id> = std::iter::from_fn(|| signs.next(1).map(|(message, ..)| message)).collect();
        assert_eq!(order, [3, 9, 2, 4]);
    }

    #[tokio::test]
    async fn that_a_message_waits_is_said_until_more_is_known_of_it_and_takes_nothing_back() {
        let rest = Rest::new(&"token".into(), &crate::discord::config::Server::default()).unwrap();
        let signs = Signs::new(Arc::new(rest));
        let wanted = |message| {
            let state = signs.state();
            let wanted = state.wanted.get(&1);
            wanted.and_then(|all| {
                all.iter()
                    .find(|(known, _)| *known == message)
                    .map(|(_, sign)| *sign)
            })
        };
        signs.show(1, 2, "✅");
        signs.waits(1, 2);
        signs.waits_no_longer(1, 2);
        assert_eq!(wanted(2), Some("✅"));
        signs.waits(1, 3);
        assert_eq!(wanted(3), Some(WAITS));
        signs.heard(1, 3);
        signs.waits_no_longer(1, 3);
        assert_eq!(wanted(3), Some(HEARD));
        signs.waits(1, 4);
        signs.waits_no_longer(1, 4);
        assert_eq!(wanted(4), Some(NONE), "it became nothing");
        signs.waited(5);
        signs.heard(1, 5);
        assert_eq!((wanted(5), signs.state().shown[&5]), (Some(HEARD), WAITS));
    }
}
