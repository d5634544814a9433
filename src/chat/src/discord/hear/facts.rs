//! What a message says: who, where, to whom, and which words.

use serenity::all::{Attachment, Message, MessageReferenceKind, MessageType, User};

use crate::discord::admission::{Author, AuthorKind, Id, Place};
use crate::discord::bot::Bot;
use crate::discord::names::{shortened, thread_title};
use crate::discord::places::{Kind, Spot};
use crate::harmless;

/// Letters of a message that another one refers to: as long as one can be.
const QUOTED: usize = 4000;

/// What kind of place this is.
pub(in crate::discord) fn place(channel: Id, guild: Option<Id>, spot: Spot) -> Place {
    match (guild.or(spot.guild), spot.parent) {
        (None, _) => Place::Dm,
        (Some(guild), Some(parent)) => Place::Thread { guild, parent },
        (Some(guild), None) if spot.kind == Kind::Voice => Place::Voice { guild, channel },
        (Some(guild), None) => Place::Channel { guild, channel },
    }
}

/// Who wrote it, with the roles that came with it.
pub(super) fn author(bot: &Bot, message: &Message) -> Author {
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
    let roles = message.member.iter().flat_map(|member| &member.roles);
    Author {
        id,
        kind,
        roles: roles.map(|role| role.get()).collect(),
    }
}

/// It names the bot or the role that it came with, or answers one of its messages.
pub(super) fn mentions(bot: &Bot, message: &Message) -> bool {
    let us = bot.identity.user;
    let answers = message.referenced_message.as_ref();
    let is_our_role = |role: &serenity::all::RoleId| bot.places.is_our_role(role.get());
    message.mentions.iter().any(|user| user.id.get() == us)
        || message.mention_roles.iter().any(is_our_role)
        || answers.is_some_and(|answered| answered.author.id.get() == us)
}

/// It begins with the name of another person or role: people talk among themselves.
pub(super) fn names_another(bot: &Bot, message: &Message) -> bool {
    let id = |named: &str| named.split_once('>')?.0.parse::<Id>().ok();
    let text = message.content.trim_start();
    if let Some(role) = text.strip_prefix("<@&") {
        return id(role).is_some_and(|role| !bot.places.is_our_role(role));
    }
    let user = text.strip_prefix("<@!").or_else(|| text.strip_prefix("<@"));
    user.and_then(id).is_some_and(|user| user != bot.identity.user)
}

/// Who wrote the message that it answers, which comes with it unless it was deleted.
pub(super) fn answers(message: &Message) -> Option<Id> {
    let refers = message.message_reference.as_ref();
    let is_reply = refers.is_some_and(|refers| refers.kind == MessageReferenceKind::Default);
    let answered = message.referenced_message.as_ref().filter(|_| is_reply);
    answered.map(|answered| answered.author.id.get())
}

/// What was said.
pub(super) struct Said {
    /// What it refers to, as quotations: somebody else's message that it answers, and what it forwards.
    quoted: Vec<String>,
    /// Without the bot's name; other people's names can be read.
    words: String,
    /// What its first file is called.
    file: Option<String>,
}

impl Said {
    /// All of it, for the agent.
    pub(super) fn text(&self) -> String {
        let words = Some(&self.words).filter(|words| !words.is_empty());
        let parts: Vec<&str> = self.quoted.iter().chain(words).map(String::as_str).collect();
        parts.join("\n\n")
    }

    /// What its thread is called.
    pub(super) fn title(&self) -> String {
        if !self.words.is_empty() {
            return thread_title(&self.words);
        }
        match &self.file {
            Some(file) if self.quoted.is_empty() => thread_title(file),
            _ => thread_title(&self.text()),
        }
    }

    /// Whether there is nothing in it that anybody could see.
    pub(super) fn is_empty(&self) -> bool {
        harmless::dropped(&self.words).trim().is_empty() && self.quoted.is_empty()
    }
}

/// What a message says.
pub(super) fn said(bot: &Bot, message: &Message) -> Said {
    let answered = answered(bot, message).and_then(|answered| {
        let by = harmless::line(shown_name(&answered.author), 60);
        let words = plain(bot, &answered.content, &answered.mentions);
        quoted(&format!("{by} wrote:"), &words)
    });
    let forwarded = message.message_snapshots.iter().filter_map(|forwarded| {
        let words = plain(bot, &forwarded.content, &forwarded.mentions);
        quoted("Forwarded:", &words)
    });
    let mut words = plain(bot, &message.content, &message.mentions);
    for role in &message.mention_roles {
        if bot.places.is_our_role(role.get()) {
            words = words.replace(&format!("<@&{role}>"), "");
        }
    }
    Said {
        quoted: answered.into_iter().chain(forwarded).collect(),
        words: words.trim().to_owned(),
        file: message.attachments.first().map(|file| file.filename.clone()),
    }
}

/// The files that it shows: its own, and those of what it refers to.
pub(super) fn shown<'a>(bot: &Bot, message: &'a Message) -> impl Iterator<Item = &'a Attachment> {
    let answered = answered(bot, message).into_iter();
    let answered = answered.flat_map(|answered| &answered.attachments);
    let forwarded = message.message_snapshots.iter().flat_map(|one| &one.attachments);
    message.attachments.iter().chain(answered).chain(forwarded)
}

/// The message that it answers, if somebody else wrote that one: the agent knows its own.
fn answered<'a>(bot: &Bot, message: &'a Message) -> Option<&'a Message> {
    let answered = message.referenced_message.as_deref();
    answered.filter(|answered| answered.author.id.get() != bot.identity.user)
}

/// A text without the bot's name, and with other people's in letters.
pub(super) fn plain(bot: &Bot, text: &str, mentioned: &[User]) -> String {
    let mut text = text.to_owned();
    for user in mentioned {
        let name = if user.id.get() == bot.identity.user {
            String::new()
        } else {
            format!("@{}", shown_name(user))
        };
        for form in [format!("<@{}>", user.id), format!("<@!{}>", user.id)] {
            text = text.replace(&form, &name);
        }
    }
    text.trim().to_owned()
}

/// A quotation with its heading; `None`: there is nothing in it.
fn quoted(heading: &str, words: &str) -> Option<String> {
    if words.is_empty() {
        return None;
    }
    Some(marked(heading, &shortened(words, QUOTED)))
}

/// A heading and what stands below it, each line marked as quoted, whatever ends it.
pub(super) fn marked(heading: &str, words: &str) -> String {
    let words = words.replace("\r\n", "\n");
    let ends = ['\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];
    let lines = std::iter::once(heading).chain(words.split(ends));
    let lines: Vec<String> = lines.map(|line| format!("> {line}")).collect();
    lines.join("\n")
}

/// The name that its author shows.
pub(super) fn name_of(message: &Message) -> String {
    let nick = message.member.as_ref().and_then(|member| member.nick.clone());
    nick.unwrap_or_else(|| shown_name(&message.author).to_owned())
}

pub(super) fn shown_name(user: &User) -> &str {
    user.global_name.as_deref().unwrap_or(&user.name)
}
