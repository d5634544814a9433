//! How often people are told that they are not listened to: so seldom that nobody can use it against the bot, its limits or
//! the people in the channel. Pure.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::admission::Id;

/// Somebody is told once in this time, in each channel.
const EACH: Duration = Duration::from_mins(10);
/// So many are told in one channel in [`SPAN`].
const MOST: usize = 5;
const SPAN: Duration = Duration::from_mins(1);

/// Who was told, and when.
#[derive(Debug, Default)]
pub(super) struct Refusals(HashMap<Id, VecDeque<(Id, Duration)>>);

impl Refusals {
    /// Whether somebody is to be told in a channel, at this moment of any clock that does not go back; then they were.
    pub(super) fn tell(&mut self, channel: Id, author: Id, now: Duration) -> bool {
        let is_old = |at: Duration| at + EACH <= now;
        // Each channel is looked at when somebody is refused anywhere, so that none is remembered for ever.
        self.0.retain(|_, told| {
            while told.front().is_some_and(|(_, at)| is_old(*at)) {
                told.pop_front();
            }
            !told.is_empty()
        });
        let told = self.0.entry(channel).or_default();
        let lately = told.iter().filter(|(_, at)| *at + SPAN > now).count();
        let tells = lately < MOST && !told.iter().any(|(who, _)| *who == author);
        if tells {
            told.push_back((author, now));
        }
        tells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_told_once_in_a_while_and_few_at_once_in_a_channel() {
        let mut refusals = Refusals::default();
        let at = Duration::from_secs;
        assert!(refusals.tell(1, 10, at(0)));
        assert!(!refusals.tell(1, 10, at(1)), "not again");
        assert!(refusals.tell(2, 10, at(1)), "elsewhere");
        let told = (11..100)
            .filter(|author| refusals.tell(1, *author, at(2)))
            .count();
        assert_eq!(told, MOST - 1, "with the first one");
        assert!(refusals.tell(1, 50, at(62)), "a minute later somebody else");
        assert!(!refusals.tell(1, 10, at(599)));
        assert!(refusals.tell(1, 10, at(600)));
        let later = EACH * 3;
        assert!(refusals.tell(3, 10, later));
        assert_eq!(refusals.0.len(), 1, "what is long ago is forgotten");
    }
}
