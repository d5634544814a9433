//! Which threads are spoken in: those in which something happens, those that an earlier host left half told, and from time to
//! time those that show less than was said, or in which something was tried too often.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use conversation::{Delivery, MAX_TRIES, ThreadId, ThreadSummary};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::time::sleep_until;

use crate::discord::admission::Id;
use crate::discord::bot::Bot;
use crate::discord::memory::Rest;
use crate::discord::places;

/// So often is asked which threads have a second chance.
const LOOK: Duration = Duration::from_mins(1);

/// Threads that lack nothing but a sign, of which so many are looked at when a host begins, those that were opened last: where the
/// bot lacks a permission these are all. The others are when something happens in them.
const UNSIGNED: usize = 50;

/// Begins with what an earlier host left half said, and goes on with every thread in which something happens.
pub(in crate::discord) async fn begin(bot: &Arc<Bot>) {
    let mut list = bot.house.supervisor.list_changes();
    bot.take_up_deliveries().await;
    match bot.memory.unfinished() {
        Ok(unfinished) => {
            let mut left = unfinished
                .iter()
                .filter(|(_, rest)| *rest == Rest::Unsigned)
                .count();
            for (channel, rest) in unfinished {
                if rest == Rest::Unsigned {
                    left -= 1;
                    if left >= UNSIGNED {
                        continue;
                    }
                }
                if rest == Rest::Stale {
                    bot.mouth.stale().insert(channel);
                }
                bot.speak_in(channel).await;
            }
        }
        Err(error) => tracing::warn!(%error, "could not list which threads were being told something"),
    }
    let (mut waiting, mut look) = (BTreeSet::new(), bot.mouth.now());
    loop {
        let chance = bot.mouth.chances().next(&waiting, bot.mouth.now());
        let next = chance.map_or(look, |(at, _)| at.min(look));
        let news = tokio::select! {
            news = news(&mut list) => news,
            () = sleep_until(bot.mouth.began + next) => {
                let now = bot.mouth.now();
                if let Some((at, channel)) = chance && at <= now {
                    bot.mouth.chances().tried(channel, now);
                    bot.try_again(channel).await;
                }
                if look <= now {
                    waiting = bot.with_a_second_chance().await;
                    look = now + LOOK;
                }
                continue;
            }
        };
        match news {
            News::Of(thread) => {
                if let Some(channel) = places::channel(&thread) {
                    bot.speak_in(channel).await;
                }
            }
            News::OfMany => bot.speak_where_something_happened().await,
            News::Over => return,
        }
    }
}

/// Where something happened.
#[derive(Debug, PartialEq, Eq)]
enum News {
    Of(ThreadId),
    /// In so many threads at once that nobody knows in which.
    OfMany,
    /// Nothing will any more.
    Over,
}

async fn news(list: &mut Receiver<ThreadId>) -> News {
    match list.recv().await {
        Ok(thread) => News::Of(thread),
        Err(RecvError::Lagged(_)) => News::OfMany,
        Err(RecvError::Closed) => News::Over,
    }
}

/// Whether it was tried as long as it made sense, and not refused: the outage may be over.
fn is_worn_out(delivery: &Delivery) -> bool {
    delivery.tries >= MAX_TRIES
}

impl Bot {
    /// Threads in which what is not said as it should be is tried again by itself.
    async fn with_a_second_chance(&self) -> BTreeSet<Id> {
        let mut threads = self.stale_threads();
        match self.house.conversation.stuck_deliveries(None, usize::MAX).await {
            Ok(stuck) => {
                let worn_out = stuck.iter().filter(|one| is_worn_out(one));
                threads.extend(worn_out.filter_map(|one| places::channel(&one.thread)));
            }
            Err(error) => tracing::warn!(%error, "the outbox can't be read"),
        }
        threads
    }

    /// Looks into each thread for what was not told in it.
    pub(super) async fn speak_where_something_happened(self: &Arc<Self>) {
        for ThreadSummary {
            thread,
            queued,
            running,
            ..
        } in self.threads().await
        {
            let Some(channel) = places::channel(&thread.id) else {
                continue;
            };
            let told = self.memory.told(channel);
            if running || queued > 0 || told.is_some_and(|told| told.rest == Rest::Open) {
                self.speak_in(channel).await;
            } else if let Some(told) = told
                && told.upto < self.newest_of(&thread.id).await
            {
                self.speak_in(channel).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast::Sender;

    use super::*;

    fn thread(number: usize) -> ThreadId {
        ThreadId::parse(&format!("discord:{number}")).unwrap()
    }

    #[tokio::test]
    async fn more_changes_than_can_be_told_are_no_reason_to_overlook_one() {
        let changes = Sender::new(2);
        let mut list = changes.subscribe();
        for number in 1..=5 {
            changes.send(thread(number)).unwrap();
        }
        assert_eq!(
            news(&mut list).await,
            News::OfMany,
            "the first are not known any more"
        );
        assert_eq!(news(&mut list).await, News::Of(thread(4)));
        drop(changes);
        assert_eq!(news(&mut list).await, News::Of(thread(5)));
        assert_eq!(news(&mut list).await, News::Over);
    }
}
