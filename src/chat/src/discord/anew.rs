//! Turns that have waited are decided upon anew before they begin: somebody may have lost access meanwhile, or a channel may
//! be set otherwise.

use std::collections::BTreeSet;
use std::future::pending;
use std::sync::{Arc, Weak};

use conversation::Turn;
use credentials::UserId;
use supervisor::{Admission, Supervisor};
use tokio::sync::watch;

use super::FRONT_END;
use super::admission::{Author, AuthorKind, Facts, Id, Verdict, decide};
use super::bot::Bot;
use super::hear::{self, FIRST_PAUSE, LONGEST_PAUSE};
use super::places;
use super::rest::Trouble;

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
    let refused = |reason: &str| {
        let reason = reason.to_owned();
        Ok(Admission::Refused { reason })
    };
    let spot = match bot.spot(channel).await {
        Ok(spot) => spot,
        Err(Trouble::Refused { .. }) => return refused("I don't see this thread any more"),
        Err(trouble) => return Err(trouble.to_string()),
    };
    let facts = Facts {
        author: who(bot, author, spot.guild).await?,
        place: hear::place(channel, spot.guild, spot),
        // As it was when it was accepted.
        mentioned: false,
        empty: false,
        known: true,
        bot_turns: 0,
    };
    match decide(&bot.rules, &facts) {
        Verdict::OpenThread | Verdict::Join | Verdict::Turn => {
            let obeyed = hear::obey_channel(bot, channel, spot.parent).await;
            obeyed.map_err(|failed| failed.to_string())?;
            return Ok(Admission::Granted);
        }
        Verdict::Ignore => refused("I am switched off in this channel now"),
        Verdict::Refuse { why, .. } => refused(why.reason()),
    }
    .inspect(|_| {
        // It is told there.
        let bot = Arc::clone(bot);
        tokio::spawn(async move { bot.speak_in(channel).await });
    })
}

fn id(user: &UserId) -> Option<Id> {
    user.as_str().strip_prefix("discord:")?.parse().ok()
}

/// An author as they are now. Errors: Discord does not say it.
async fn who(bot: &Bot, id: Id, guild: Option<Id>) -> Result<Author, String> {
    let is_machine = bot.rules.bots.contains(&id);
    let roles = match guild {
        Some(guild) if !is_machine && !bot.rules.roles.is_empty() => match bot.rest.roles(guild, id).await {
            Ok(roles) => roles,
            // Who has left has none.
            Err(Trouble::Refused { .. }) => BTreeSet::new(),
            Err(trouble) => return Err(trouble.to_string()),
        },
        _ => BTreeSet::new(),
    };
    let kind = if is_machine {
        AuthorKind::Machine
    } else {
        AuthorKind::Person
    };
    Ok(Author { id, kind, roles })
}
