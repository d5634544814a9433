//! What became of messages and could not be taken in at once: tried until it is, ever less often.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::sleep;

use super::{News, take_in};
use crate::discord::admission::Id;
use crate::discord::bot::Bot;
use crate::discord::haste::hurried;
use crate::discord::persist::FIRST_PAUSE;
use crate::discord::places::lock;

/// Messages that are remembered, each with two ids. What is more is looked at when its turn begins.
const MOST: usize = 10_000;
/// Between two tries, in the end.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// What is still to be taken in, by channel and message.
#[derive(Debug, Default)]
pub(in crate::discord) struct Unsettled(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    news: BTreeMap<(Id, Id), News>,
    /// Somebody tries.
    is_tried: bool,
}

/// What follows from one more.
#[derive(Debug, PartialEq, Eq)]
enum Then {
    /// The first: it is told, and tried from now on.
    Begin,
    /// It is tried with the others.
    Wait,
    /// There is no room.
    Forget,
}

impl Open {
    fn add(&mut self, about: (Id, Id), news: News) -> Then {
        if self.news.len() >= MOST && !self.news.contains_key(&about) {
            return Then::Forget;
        }
        let known = self.news.entry(about).or_insert(news);
        *known = news.max(*known);
        if std::mem::replace(&mut self.is_tried, true) {
            return Then::Wait;
        }
        Then::Begin
    }

    /// It was taken in. What has come of it since stays.
    fn settled(&mut self, about: (Id, Id), news: News) {
        if self.news.get(&about) == Some(&news) {
            self.news.remove(&about);
        }
    }

    /// Whether there is nothing left; then nobody tries any more.
    fn is_over(&mut self) -> bool {
        self.is_tried = !self.news.is_empty();
        !self.is_tried
    }
}

impl Unsettled {
    /// This could not be taken in, and why. It is told once, until all of it is.
    pub(super) fn add(&self, bot: &Arc<Bot>, about: (Id, Id), news: News, why: &str) {
        let (channel, message) = about;
        match lock(&self.0).add(about, news) {
            Then::Begin => {
                tracing::warn!(
                    channel,
                    message,
                    %why,
                    "that a message was changed or deleted could not be taken in; it is tried again until it is"
                );
                tokio::spawn(settle(Arc::clone(bot)));
            }
            Then::Wait => tracing::debug!(channel, message, %why, "this is taken in later, too"),
            Then::Forget => tracing::debug!(channel, message, %why, "this is looked at when its turn begins"),
        }
    }
}

/// Ends when nothing is left, or with the host.
async fn settle(bot: Arc<Bot>) {
    let open = || lock(&bot.unsettled.0);
    let mut pause = FIRST_PAUSE;
    while !open().is_over() {
        sleep(hurried(pause)).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
        let all: Vec<_> = open().news.clone().into_iter().collect();
        for (about, news) in all {
            if take_in(&bot, about, news).await.is_ok() {
                open().settled(about, news);
            }
        }
    }
    tracing::info!("all that was changed or deleted is taken in");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_once_until_all_is_settled_and_a_deletion_is_not_forgotten_for_a_change() {
        let mut open = Open::default();
        assert_eq!(open.add((1, 2), News::Changed), Then::Begin);
        assert_eq!(open.add((1, 2), News::Deleted), Then::Wait);
        assert_eq!(open.add((1, 2), News::Changed), Then::Wait);
        open.settled((1, 2), News::Changed);
        assert!(!open.is_over(), "that it was deleted is not taken in");
        open.settled((1, 2), News::Deleted);
        assert!(open.is_over());
        assert_eq!(open.add((1, 3), News::Deleted), Then::Begin, "it is news again");
    }

    #[test]
    fn a_flood_is_remembered_up_to_a_limit() {
        let mut open = Open::default();
        for message in 0..MOST as Id {
            open.add((1, message), News::Changed);
        }
        assert_eq!(open.add((1, MOST as Id), News::Changed), Then::Forget);
        assert_eq!(open.add((1, 7), News::Deleted), Then::Wait, "one that it knows");
        assert_eq!(open.news.len(), MOST);
    }
}
