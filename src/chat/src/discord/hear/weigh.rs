//! What a message asks for, once it is known where it was said.

use serenity::all::Message;

use super::facts::{Said, answers, author, mentions, names_another, place, said, shown};
use crate::discord::admission::{AuthorKind, Facts, Id, Known, Refusal, Verdict, decide};
use crate::discord::bot::Bot;
use crate::discord::places::Spot;
use crate::discord::rest::Trouble;

/// A message, and what it asks for.
pub(super) struct Weighed {
    pub(super) said: Said,
    pub(super) facts: Facts,
    pub(super) verdict: Verdict,
}

/// What a message asks for in its place.
///
/// Errors: Discord does not say it.
pub(super) async fn weighed(
    bot: &Bot,
    message: &Message,
    guild: Option<Id>,
    spot: Spot,
) -> Result<Weighed, Trouble> {
    let (id, channel) = (message.id.get(), message.channel_id.get());
    let said = said(bot, message);
    let mut facts = Facts {
        author: author(bot, message),
        place: place(channel, guild, spot),
        mentioned: mentions(bot, message),
        elsewhere: names_another(bot, message),
        answers: answers(message),
        empty: said.is_empty() && shown(bot, message).next().is_none(),
        known: if bot.places.is_opening(channel, id) {
            // It will be, and nothing is done before.
            Known::Served
        } else {
            bot.places.known(channel)
        },
        bot_turns: bot.places.bot_turns(channel),
    };
    if !facts.mentioned && bot.places.is_before_call(channel, id) {
        facts.known = Known::TakenOut;
    }
    // What was missed comes without roles.
    let verdict = decided(bot, guild, &mut facts, message.member.is_some()).await?;
    Ok(Weighed { said, facts, verdict })
}

/// What a message asks for. What only Discord knows, and not by heart, is asked when nothing else lets its author in.
/// `has_roles`: the author's roles are known.
///
/// Errors: Discord does not say it.
pub(in crate::discord) async fn decided(
    bot: &Bot,
    guild: Option<Id>,
    facts: &mut Facts,
    has_roles: bool,
) -> Result<Verdict, Trouble> {
    let is_unlisted = |verdict: &Verdict| {
        let why = Refusal::NotListed;
        matches!(verdict, Verdict::Refuse { why: told, .. } if *told == why)
    };
    let verdict = decide(&bot.config.rules, facts);
    if !is_unlisted(&verdict) {
        return Ok(verdict);
    }
    let rules = bot.rules().await?;
    let verdict = decide(&rules, facts);
    let is_person = facts.author.kind == AuthorKind::Person;
    let (Some(guild), false) = (guild, has_roles || rules.roles.is_empty()) else {
        return Ok(verdict);
    };
    if !is_unlisted(&verdict) || !is_person {
        return Ok(verdict);
    }
    facts.author.roles = match bot.rest.roles(guild, facts.author.id).await {
        Ok(held) => held,
        // Who has left has none.
        Err(Trouble::Refused { .. }) => return Ok(verdict),
        Err(trouble) => return Err(trouble),
    };
    Ok(decide(&rules, facts))
}
