//! Whether somebody may, and what they hear first. Nothing is done before it is known that they may; an acknowledgement is
//! nothing, so where Discord is slow to say who may, it comes before that.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::Asker;
use crate::discord::admission::{Id, Refusal, Rules, admits};
use crate::discord::bot::Bot;
use crate::discord::rest::{EPHEMERAL, Outgoing};

/// So long may be looked at what the first answer depends on: it is due within three seconds, and needs its own time where
/// Discord is slow.
const PATIENCE: Duration = Duration::from_millis(500);
const NOBODY_SAYS: &str =
    "Discord does not tell me now whether you may, so nothing was done. Try it again in a moment.";

/// The first answer to what can be answered later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::discord) enum First {
    /// An answer will come, for their eyes only.
    Later,
    /// It was heard; what it changes is seen elsewhere.
    Heard,
}

/// Whether somebody may use the bot, as far as is known when they are to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::discord) enum May {
    /// They may.
    Yes,
    /// They may not, or Discord does not say it; in words.
    No(&'static str),
    /// Discord has not said it yet.
    NotYet,
}

impl Asker {
    /// Whether they may use the bot here, looked at anew each time, as far as that is known in time.
    pub(in crate::discord) async fn may(&self, bot: &Bot) -> May {
        match self.in_time(self.admitted(bot)).await {
            Some(Ok(())) => May::Yes,
            Some(Err(words)) => May::No(words),
            None => May::NotYet,
        }
    }

    /// Whether they may use the bot, of which a form or a proposal is the first answer and the only one: there is no time to
    /// wait. Errors: why not, in words.
    pub(in crate::discord) async fn may_now(&self, bot: &Bot) -> Result<(), &'static str> {
        match self.may(bot).await {
            May::Yes => Ok(()),
            May::No(words) => Err(words),
            May::NotYet => Err(NOBODY_SAYS),
        }
    }

    /// Answers them first. `false`: nothing is to be done: they may not, and are told so, or Discord takes no answer.
    pub(in crate::discord) async fn enters(&self, bot: &Arc<Bot>, first: First) -> bool {
        let may = self.may(bot).await;
        self.enters_if(bot, first, may).await
    }

    /// The same of somebody of whom it was looked whether they `may`.
    pub(in crate::discord) async fn enters_if(&self, bot: &Arc<Bot>, first: First, may: May) -> bool {
        match may {
            May::Yes => self.acknowledged(bot, first).await,
            May::No(words) => {
                self.tell(bot, words).await;
                false
            }
            May::NotYet => self.acknowledged(bot, first).await && self.is_let_in(bot, first).await,
        }
    }

    /// Waits for something that the first answer depends on; `None`: it must not be waited for any longer.
    pub(in crate::discord) async fn in_time<T>(&self, look: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout_at(self.came + PATIENCE, look).await.ok()
    }

    /// Whether they decide for the whole host. To be asked once they have an answer. Errors: Discord does not say it, in words.
    pub(in crate::discord) async fn is_admin(&self, bot: &Bot) -> Result<bool, &'static str> {
        is_admin(bot, self.user).await.ok_or(NOBODY_SAYS)
    }

    /// Errors: why not, in words.
    async fn admitted(&self, bot: &Bot) -> Result<(), &'static str> {
        let listed = admits(&bot.config.rules, &self.author, self.place);
        let Err(Refusal::NotListed) = listed else {
            return listed.map_err(Refusal::words);
        };
        let rules = rules(bot).await.ok_or(NOBODY_SAYS)?;
        admits(&rules, &self.author, self.place).map_err(Refusal::words)
    }

    /// `false`: Discord does not take it, as of an interaction that was answered before.
    async fn acknowledged(&self, bot: &Bot, first: First) -> bool {
        let body = match first {
            First::Later => json!({ "type": 5, "data": { "flags": EPHEMERAL } }),
            First::Heard => json!({ "type": 6 }),
        };
        self.respond(bot, body).await
    }

    /// Waits until Discord says whether they may, of whom all else is known. `false`: they may not, and are told so.
    async fn is_let_in(&self, bot: &Arc<Bot>, first: First) -> bool {
        let Err(words) = self.admitted(bot).await else {
            return true;
        };
        match first {
            First::Later => {
                let late = self.instead(words);
                self.answer(bot, Outgoing::words(words), late).await;
            }
            First::Heard => self.add(bot, words).await,
        }
        false
    }
}

/// Whether somebody decides for the whole host; `None`: Discord does not say it now.
pub(in crate::discord) async fn is_admin(bot: &Bot, user: Id) -> Option<bool> {
    if bot.config.admins.contains(&user) {
        return Some(true);
    }
    Some(rules(bot).await?.owners.contains(&user))
}

/// Who may speak, with the application's owners; `None`: Discord does not say it.
async fn rules(bot: &Bot) -> Option<Arc<Rules>> {
    match bot.rules().await {
        Ok(rules) => Some(rules),
        Err(trouble) => {
            tracing::warn!(%trouble, "Discord does not say who owns the application");
            None
        }
    }
}
