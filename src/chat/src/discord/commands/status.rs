//! `/status`: how a thread stands, what waits in it for somebody, and what is always allowed.

use std::fmt::Write as _;

use credentials::UserId;
use supervisor::{Snapshot, SupervisorError};

use super::waiting::{Waiting, waiting};
use super::{Here, Reply, always};
use crate::discord::admission::Id;
use crate::discord::bot::Bot;
use crate::discord::mouth::outgoing;
use crate::discord::rest::Outgoing;
use crate::discord::{names, payer};
use crate::standing::standing;

/// Letters of the answer.
const LONGEST: usize = 1900;

pub(super) const TAKEN_OUT: &str =
    "\nThe bot was taken out of this thread and says nothing here until somebody mentions it.";

/// The answer, and behind it the cards that the asker may answer and that stand nowhere.
///
/// Errors: what there is to be told can't be read.
pub(super) async fn status(here: &Here<'_>) -> Result<Reply, SupervisorError> {
    let Here {
        bot,
        asker,
        thread,
        by,
        ..
    } = here;
    let (now, _) = bot.house.supervisor.subscribe(thread).await?;
    let mut content = stands(bot, asker.user, &now, by).await?;
    content.push_str(here.taken_out());
    let Waiting {
        lines,
        cards: missing,
    } = waiting(here, &now).await?;
    content.push_str(&lines);
    content = names::shortened(&content, LONGEST);
    let room = LONGEST.saturating_sub(content.chars().count());
    let (lines, rows) = always::listed(here, room).await?;
    content.push_str(&lines);
    let mut cards = vec![];
    for card in &missing {
        cards.push(outgoing(bot, thread, asker.channel, card).await);
    }
    let answer = Outgoing {
        content,
        rows,
        ..Outgoing::default()
    };
    Ok(Reply { answer, cards })
}

async fn stands(bot: &Bot, asker: Id, now: &Snapshot, by: &UserId) -> Result<String, SupervisorError> {
    let owner = &now.thread.owner;
    let is_decider = owner == by || bot.config.approvers.contains(&asker);
    let decider = match owner.as_str().strip_prefix("discord:") {
        // Shown as a name: an answer pings nobody.
        Some(user) if !is_decider => format!("<@{user}>’s"),
        _ => "your".to_owned(),
    };
    let mut answer = standing(&bot.house.supervisor, now, &decider).await?;
    if let Some(pays) = payer::pays(bot, &now.thread) {
        // Writing to a String can't fail.
        let _ = write!(answer, "\n{}", pays.words());
    }
    Ok(answer)
}
