//! Direct conversations. Nobody says which there are, or which of them have something new: those that the bot knows are read, of
//! people who may speak to it, the most recently active first. So many of them may be known that it takes a while; who writes
//! meanwhile does not wait.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::{Gap, missed, missed_as_one_of};
use crate::discord::admission::{Author, AuthorKind, Id, Place, Rules, admits};
use crate::discord::bot::Bot;
use crate::discord::haste::hurried;
use crate::discord::memory::Direct;
use crate::discord::owner;
use crate::discord::places::{self, lock};
use crate::discord::rest::Trouble;
use crate::discord::seen::{DIRECT, Shard};

/// The shard that tells of direct conversations.
pub(in crate::discord) const OF_DIRECT: Shard = 0;

/// So many are read at once, and the pause before each further one: Discord answers fifty requests in a second, and others are
/// made meanwhile.
const AT_ONCE: usize = 50;
const PAUSE: Duration = Duration::from_millis(200);
/// After so many answers that Discord counts against the bot, the pause is longer: who gets too many is not listened to.
const MOST_INVALID: usize = 50;
const LONG_PAUSE: Duration = Duration::from_secs(3);

/// The direct conversations that were written down, and which ones are still to be read.
#[derive(Debug)]
pub(in crate::discord) struct Conversations(Mutex<Known>);

#[derive(Debug)]
struct Known {
    all: HashSet<Id>,
    /// Of all that there are, known or not, those in which nothing is to be read any more in this session.
    read: HashSet<Id>,
    /// What came in the others after this one was not seen; `None`: none is to be read.
    after: Option<Id>,
}

impl Conversations {
    /// As an earlier host wrote them down.
    pub(in crate::discord) fn new(kept: &Direct) -> Self {
        Self(Mutex::new(Known {
            all: kept.conversations.iter().map(|(channel, _)| *channel).collect(),
            read: HashSet::new(),
            after: None,
        }))
    }

    fn is_known(&self, channel: Id) -> bool {
        lock(&self.0).all.contains(&channel)
    }

    /// A session begins: all are to be read after this message, also those that nobody has told of.
    fn are_unread(&self, after: Id) {
        let mut known = lock(&self.0);
        known.read.clear();
        known.after = Some(after);
    }

    /// Of those that are known only these are to be read.
    fn are_found(&self, found: &[Found]) {
        let found: HashSet<Id> = found.iter().map(|one| one.channel).collect();
        let mut known = lock(&self.0);
        let Known { all, read, .. } = &mut *known;
        read.extend(all.difference(&found));
    }

    /// Whether it was still to be read, and after which message; from now on it is not.
    fn take(&self, channel: Id) -> Option<Id> {
        let mut known = lock(&self.0);
        let after = known.after?;
        known.read.insert(channel).then_some(after)
    }
}

/// One that may be a direct conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    channel: Id,
    person: Id,
    /// It certainly is one.
    is_known: bool,
}

/// Reads what was missed in all of them. Of two sessions, the later one does it. Returns at once: who writes from now on is
/// heard after what they wrote before.
pub(in crate::discord) fn direct(bot: &Arc<Bot>, session: u32) {
    let before = bot.seen().before(DIRECT);
    let reads = bot.config.rules.dms;
    if reads {
        bot.conversations.are_unread(before);
    }
    let bot = Arc::clone(bot);
    tokio::spawn(async move {
        if !reads || read_all(&bot, session).await.is_some() {
            bot.seen().heard_direct(OF_DIRECT, session);
        }
    });
}

/// What was missed in a direct conversation comes before what has just come, also if it is not its turn yet, or nobody knew of it:
/// what somebody wrote first may have been told nobody.
pub(in crate::discord) fn direct_first(bot: &Arc<Bot>, channel: Id) {
    if let Some(after) = bot.conversations.take(channel) {
        missed(bot, gap(channel, after));
    }
}

fn gap(channel: Id, after: Id) -> Gap {
    Gap {
        channel,
        guild: None,
        after,
        upto: Id::MAX,
    }
}

/// `None`: another session has begun.
async fn read_all(bot: &Arc<Bot>, session: u32) -> Option<()> {
    let is_over = || !bot.seen().is_session(OF_DIRECT, session);
    let rules = loop {
        match bot.rules().await {
            Ok(rules) => break rules,
            Err(trouble) => tracing::warn!(%trouble, "could not look up whose direct messages are read"),
        }
        sleep(hurried(LONG_PAUSE)).await;
        if is_over() {
            return None;
        }
    };
    let kept = bot.memory.direct();
    let found = found(bot, &rules, &kept).await;
    if is_over() {
        return None;
    }
    bot.conversations.are_found(&found);
    let places = Arc::new(Semaphore::new(AT_ONCE));
    for (number, one) in found.into_iter().enumerate() {
        let place = Arc::clone(&places).acquire_owned().await.ok()?;
        if number >= AT_ONCE {
            let (_, invalid) = bot.rest.tally.lately();
            let pause = if invalid > MOST_INVALID { LONG_PAUSE } else { PAUSE };
            sleep(hurried(pause)).await;
        }
        if is_over() {
            return None;
        }
        let is_one = one.is_known || is_direct(bot, one, is_over).await?;
        if let Some(after) = bot.conversations.take(one.channel).filter(|_| is_one) {
            missed_as_one_of(bot, gap(one.channel, after), Some(place));
        }
    }
    if !kept.is_all
        && let Err(error) = bot.memory.has_all_direct()
    {
        tracing::warn!(%error, "could not write down that all direct conversations are known");
    }
    Some(())
}

/// Those of people who may speak there, the most recently active first. What was written down, and is no thread, was still to
/// become one.
async fn found(bot: &Bot, rules: &Rules, kept: &Direct) -> Vec<Found> {
    let threads = bot.threads().await;
    let of_threads = threads.iter().filter_map(|one| {
        let channel = places::channel(&one.thread.id)?;
        Some((channel, owner::id(&one.thread.owner)))
    });
    let of_threads: Vec<(Id, Option<Id>)> = of_threads.collect();
    let listed: HashSet<Id> = of_threads.iter().map(|(channel, _)| *channel).collect();
    let fresh = kept.conversations.iter().rev();
    let fresh = fresh.filter(|(channel, _)| !listed.contains(channel));
    let fresh = fresh.map(|(channel, person)| (*channel, Some(*person)));
    let mut all: HashSet<Id> = HashSet::new();
    let found = fresh.chain(of_threads).filter_map(|(channel, person)| {
        let is_known = bot.conversations.is_known(channel);
        let of_guild = || bot.places.spot(channel).is_some_and(|spot| spot.guild.is_some());
        let may_be = is_known || !(kept.is_all || of_guild());
        let person = person.filter(|person| may_be && may_speak(rules, *person))?;
        all.insert(channel).then_some(Found {
            channel,
            person,
            is_known,
        })
    });
    found.collect()
}

fn may_speak(rules: &Rules, person: Id) -> bool {
    let author = Author {
        id: person,
        kind: AuthorKind::Person,
        // In a direct conversation there are none.
        roles: [].into(),
    };
    admits(rules, &author, Place::Dm).is_ok()
}

/// Asks Discord what a thread of an earlier version's is; it is known from then on. `None`: another session has begun.
async fn is_direct(bot: &Bot, one: Found, is_over: impl Fn() -> bool) -> Option<bool> {
    loop {
        match bot.spot(one.channel).await {
            Ok(spot) => {
                let is_one = spot.guild.is_none();
                if is_one {
                    bot.keep_direct(one.channel, one.person);
                }
                return Some(is_one);
            }
            Err(Trouble::Refused { .. }) => return Some(false),
            Err(trouble) => {
                tracing::debug!(channel = one.channel, %trouble, "could not look up a conversation");
            }
        }
        sleep(hurried(LONG_PAUSE)).await;
        if is_over() {
            return None;
        }
    }
}

impl Bot {
    /// Somebody writes in a direct conversation. It is remembered before anything is done, so that whoever wrote there while no
    /// host ran is heard.
    pub(in crate::discord) fn knows_direct(&self, channel: Id, person: Id) {
        if !self.conversations.is_known(channel) {
            self.keep_direct(channel, person);
        }
    }

    fn keep_direct(&self, channel: Id, person: Id) {
        match self.memory.add_direct(channel, person) {
            Ok(()) => {
                lock(&self.conversations.0).all.insert(channel);
            }
            Err(error) => tracing::warn!(channel, %error, "could not write down a direct conversation"),
        }
    }
}
