//! Turns that have waited are decided upon anew before they begin: somebody may have lost access meanwhile, or a channel may
//! be set otherwise.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::{Arc, Weak};
use std::time::Duration;

use conversation::Turn;
use supervisor::{Admission, Supervisor};
use tokio::sync::watch;
use tokio::time::timeout;

use super::FRONT_END;
use super::admission::{Author, AuthorKind, Facts, Id, Known, Refusal, Verdict};
use super::bot::Bot;
use super::haste::hurried;
use super::hear;
use super::owner::id;
use super::persist::{FIRST_PAUSE, LONGEST_PAUSE};
use super::places;
use super::rest::Trouble;

const UNSEEN: &str = "I don't see this channel or thread";
/// So seldom a hidden thread is asked about: Discord counts what it refuses.
const HIDDEN: Duration = Duration::from_hours(1);

/// Decides from now on, and not before it is known who the bot is.
pub(super) fn admit(supervisor: &Supervisor, bot: watch::Receiver<Option<Weak<Bot>>>) {
    supervisor.admit_anew(FRONT_END, move |turn| {
        let bot = bot.clone();
        async move { when_known(bot, turn).await }
    });
}

async fn when_known(mut bot: watch::Receiver<Option<Weak<Bot>>>, turn: Turn) -> Admission {
    let known = bot.wait_for(Option::is_some).await.ok();
    let known = known.and_then(|known| known.as_ref().and_then(Weak::upgrade));
    let Some(bot) = known else {
        // Discord does not know the bot, or the host is stopping: what waits, waits for the next one.
        return pending().await;
    };
    let mut pause = FIRST_PAUSE;
    loop {
        match look(&bot, &turn).await {
            Ok(admission) => return admission,
            Err(why) => {
                tracing::warn!(turn = %turn.id, %why, "it can't be said yet whether a turn may begin");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}

/// Errors: it can't be said now.
async fn look(bot: &Arc<Bot>, turn: &Turn) -> Result<Admission, String> {
    let (Some(channel), Some(author)) = (places::channel(&turn.thread), id(&turn.by)) else {
        return Ok(Admission::Granted);
    };
    if bot.places.is_gone(channel) {
        let reason = hear::GONE.to_owned();
        return Ok(Admission::Refused { reason });
    }
    is_seen(bot, turn, channel).await;
    let refused = refusal(bot, channel, author).await;
    let mut reason = refused.map_err(|trouble| trouble.to_string())?;
    if reason.is_none() {
        let changed = hear::look_again(bot, turn).await;
        reason = changed.map_err(|failed| failed.to_string())?;
    }
    let Some(reason) = reason else {
        let parent = bot.places.spot(channel).and_then(|spot| spot.parent);
        let obeyed = hear::obey_channel(bot, channel, parent).await;
        return obeyed
            .map(|_| Admission::Granted)
            .map_err(|failed| failed.to_string());
    };
    if reason != UNSEEN {
        // It is told there.
        let bot = Arc::clone(bot);
        tokio::spawn(async move { bot.speak_in(channel).await });
    }
    let reason = reason.to_owned();
    Ok(Admission::Refused { reason })
}

/// Ends when a thread is not hidden from the bot: it is seen, or gone, or nobody can say it now. A turn that an earlier host left
/// behind there waits.
async fn is_seen(bot: &Bot, turn: &Turn, channel: Id) {
    while bot.spot(channel).await.is_err_and(|trouble| trouble.is_hidden()) {
        tracing::warn!(turn = %turn.id, channel, "a turn waits until the bot sees its thread again");
        // Discord tells of it, but not where the thread was put away meanwhile.
        let _ = timeout(hurried(HIDDEN), bot.places.is_told(channel)).await;
    }
}

/// Why what somebody asked for in a channel or thread may not be done, behind a colon; `None`: it may.
///
/// Errors: it can't be said now.
pub(super) async fn refusal(bot: &Bot, channel: Id, author: Id) -> Result<Option<&'static str>, Trouble> {
    let spot = match bot.spot(channel).await {
        Ok(spot) => spot,
        Err(Trouble::Refused { .. }) => return Ok(Some(UNSEEN)),
        Err(trouble) => return Err(trouble),
    };
    let is_listed = bot.config.rules.bots.contains(&author);
    let kind = if is_listed || is_machine(bot, author).await? {
        AuthorKind::Machine
    } else {
        AuthorKind::Person
    };
    let mut facts = Facts {
        author: Author {
            id: author,
            kind,
            roles: BTreeSet::new(),
        },
        place: hear::place(channel, spot.guild, spot),
        // As it was when it was accepted.
        mentioned: true,
        elsewhere: false,
        answers: None,
        empty: false,
        known: Known::Served,
        bot_turns: 0,
    };
    Ok(match hear::decided(bot, spot.guild, &mut facts, false).await? {
        Verdict::OpenThread | Verdict::Join | Verdict::Turn => None,
        Verdict::Ignore if kind == AuthorKind::Machine && !is_listed => Some(Refusal::NotListed.reason()),
        Verdict::Ignore => Some("I am switched off in this channel now"),
        Verdict::Refuse { why, .. } => Some(why.reason()),
    })
}

/// Whether what this user wrote was written by a bot or a webhook: who is taken off their list is no person.
async fn is_machine(bot: &Bot, user: Id) -> Result<bool, Trouble> {
    if let Some(known) = bot.places.is_machine(user) {
        return Ok(known);
    }
    let is_machine = match bot.rest.is_bot(user).await {
        Ok(is_bot) => is_bot,
        // A webhook, which is no user.
        Err(Trouble::Refused { .. }) => true,
        Err(trouble) => return Err(trouble),
    };
    bot.places.learn_machine(user, is_machine);
    Ok(is_machine)
}
