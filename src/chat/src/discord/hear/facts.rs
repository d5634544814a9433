//! What a message says: who, where, to whom, and which words.

use serenity::all::{Message, MessageType};

use crate::discord::admission::{Author, AuthorKind, Id, Place};
use crate::discord::bot::Bot;
use crate::discord::places::{Kind, Spot};

/// What kind of place this is.
pub(in crate::discord) fn place(channel: Id, guild: Option<Id>, spot: Spot) -> Place {
    match (guild.or(spot.guild), spot.parent) {
        (None, _) => Place::Dm,
        (Some(guild), Some(parent)) => Place::Thread { guild, parent },
        (Some(guild), None) if spot.kind == Kind::Voice => Place::Voice { guild, channel },
        (Some(guild), None) => Place::Channel { guild, channel },
    }
}

/// Who wrote it.
pub(super) async fn author(bot: &Bot, message: &Message, guild: Option<Id>) -> Author {
    let id = message.author.id.get();
    let kind = if id == bot.identity.user {
        AuthorKind::Ourselves
    } else if !matches!(message.kind, MessageType::Regular | MessageType::InlineReply) {
        AuthorKind::System
    } else if message.author.bot || message.webhook_id.is_some() {
        AuthorKind::Machine
    } else {
        AuthorKind::Person
    };
    let member = message.member.as_ref();
    let roles = match (member, guild) {
        (Some(member), _) => member.roles.iter().map(|role| role.get()).collect(),
        // What was missed comes without roles.
        (None, Some(guild)) if kind == AuthorKind::Person && !bot.rules.roles.is_empty() => {
            bot.rest.roles(guild, id).await.unwrap_or_default()
        }
        _ => [].into(),
    };
    Author { id, kind, roles }
}

/// It names the bot, or answers one of its messages.
pub(super) fn mentions(bot: &Bot, message: &Message) -> bool {
    let us = bot.identity.user;
    let answers = message.referenced_message.as_ref();
    message.mentions.iter().any(|user| user.id.get() == us)
        || answers.is_some_and(|answered| answered.author.id.get() == us)
}

/// What was said, without the bot's name; other people's names can be read.
pub(super) fn said(bot: &Bot, message: &Message) -> String {
    let mut text = message.content.clone();
    for user in &message.mentions {
        let name = if user.id.get() == bot.identity.user {
            String::new()
        } else {
            format!("@{}", user.global_name.as_deref().unwrap_or(&user.name))
        };
        for form in [format!("<@{}>", user.id), format!("<@!{}>", user.id)] {
            text = text.replace(&form, &name);
        }
    }
    text.trim().to_owned()
}

/// The name that its author shows.
pub(super) fn name_of(message: &Message) -> String {
    let nick = message.member.as_ref().and_then(|member| member.nick.clone());
    nick.or_else(|| message.author.global_name.clone())
        .unwrap_or_else(|| message.author.name.clone())
}
