//! Messages with their history, and how Discord writes them.

use serde_json::{Value, json};

use super::{Pings, World};
use crate::Id;
use crate::clock::iso;

/// Only its addressee sees it.
pub(crate) const EPHEMERAL: u64 = 1 << 6;
/// "… is thinking": an answer that is still to come.
pub(crate) const LOADING: u64 = 1 << 7;

/// A file at a message.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// Its id.
    pub id: Id,
    /// As Discord shows it: characters that are not plain become `_`.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
    /// Where it can be fetched, without signing in.
    pub url: String,
    pub(crate) content_type: String,
    pub(crate) description: Option<String>,
}

/// Who reacted with what.
#[derive(Clone, Debug)]
pub struct Reaction {
    /// The character, or `name:id` of a guild's own.
    pub emoji: String,
    /// Each once.
    pub users: Vec<Id>,
}

/// One message, also after its end.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its id.
    pub id: Id,
    /// Where.
    pub channel: Id,
    /// Who. For webhooks the webhook's own id.
    pub author: Id,
    /// What it says now.
    pub content: String,
    /// What it said before each edit, oldest first.
    pub history: Vec<String>,
    /// When it was edited, Unix milliseconds.
    pub edits: Vec<u64>,
    /// As sent.
    pub embeds: Vec<Value>,
    /// As sent, with ids.
    pub components: Vec<Value>,
    /// Files.
    pub attachments: Vec<Attachment>,
    /// In order of the first of each.
    pub reactions: Vec<Reaction>,
    /// The message that it answers.
    pub reply_to: Option<Id>,
    /// The message that it forwards.
    pub forwards: Option<Id>,
    /// Who was pinged when it was sent. Edits ping nobody.
    pub pings: Pings,
    /// As sent.
    pub allowed_mentions: Option<Value>,
    /// As sent.
    pub nonce: Option<Value>,
    /// Bits.
    pub flags: u64,
    /// The interaction that it answers.
    pub interaction: Option<Id>,
    /// Ephemeral: the only one who sees it.
    pub only_for: Option<Id>,
    /// The thread that was started from it.
    pub thread: Option<Id>,
    /// Taken away by someone.
    pub deleted: bool,
    /// Who stands in it now, as `pings` would have it.
    pub(crate) mentions: Pings,
    pub(crate) webhook: bool,
    pub(crate) kind: u8,
}

impl Message {
    pub(crate) fn new(id: Id, channel: Id, author: Id) -> Self {
        Self {
            id,
            channel,
            author,
            content: String::new(),
            history: Vec::new(),
            edits: Vec::new(),
            embeds: Vec::new(),
            components: Vec::new(),
            attachments: Vec::new(),
            reactions: Vec::new(),
            reply_to: None,
            forwards: None,
            pings: Pings::default(),
            allowed_mentions: None,
            nonce: None,
            flags: 0,
            interaction: None,
            only_for: None,
            thread: None,
            deleted: false,
            mentions: Pings::default(),
            webhook: false,
            kind: 0,
        }
    }

    /// Written by Discord itself: a new name, a new thread.
    pub fn is_note(&self) -> bool {
        !matches!(self.kind, 0 | 19 | 20)
    }

    /// Still "thinking".
    pub fn is_loading(&self) -> bool {
        self.flags & LOADING != 0
    }

    /// Its nonce, for the one who sends it and for the event: whoever reads it later is not given it.
    pub(crate) fn tell_nonce(&self, json: &mut Value) {
        if let Some(nonce) = &self.nonce {
            json["nonce"] = nonce.clone();
        }
    }

    /// Whether `user` put `emoji` on it.
    pub fn has_reaction(&self, emoji: &str, user: Id) -> bool {
        self.reactions
            .iter()
            .any(|reaction| reaction.emoji == emoji && reaction.users.contains(&user))
    }

    /// Buttons and menus that answer, wherever they stand in rows: the innermost values.
    pub fn controls(&self) -> Vec<&Value> {
        self.components
            .iter()
            .filter_map(|row| row["components"].as_array())
            .flatten()
            .collect()
    }

    /// The `custom_id` of the button with this label.
    pub fn button(&self, label: &str) -> Option<String> {
        let found = self.controls().into_iter().find(|one| one["label"] == label)?;
        found["custom_id"].as_str().map(str::to_owned)
    }
}

impl World {
    /// `open` is false where the application may not read what was said.
    pub(crate) fn message_json(&self, message: &Message, open: bool) -> Value {
        let mut json = self.flat_message_json(message, open);
        if let Some(id) = message.reply_to {
            let original = self.messages.get(&id).filter(|original| !original.deleted);
            json["referenced_message"] = original.map_or(Value::Null, |original| {
                self.flat_message_json(original, self.may_read(original, open))
            });
        }
        json
    }

    fn flat_message_json(&self, message: &Message, open: bool) -> Value {
        let hidden = |value: Value, empty: Value| if open { value } else { empty };
        let users = message.mentions.users.iter().map(|id| self.user(*id).json());
        let mut json = json!({
            "id": message.id, "channel_id": message.channel, "type": message.kind,
            "author": self.user(message.author).json(), "content": hidden(json!(message.content), json!("")),
            "timestamp": iso(message.id.made_at()), "edited_timestamp": message.edits.last().map(|at| iso(*at)),
            "tts": false, "mention_everyone": message.mentions.everyone, "mentions": users.collect::<Vec<_>>(),
            "mention_roles": message.mentions.roles, "pinned": false, "flags": message.flags,
            "attachments": hidden(message.attachments.iter().map(attachment_json).collect(), json!([])),
            "embeds": hidden(json!(message.embeds), json!([])),
            "components": hidden(json!(message.components), json!([])),
        });
        if !message.reactions.is_empty() {
            json["reactions"] = message
                .reactions
                .iter()
                .map(|one| self.reaction_json(one))
                .collect();
        }
        if message.webhook {
            json["webhook_id"] = json!(message.author);
        }
        if let Some(original) = message.reply_to {
            let guild = self
                .channels
                .get(&message.channel)
                .and_then(|channel| channel.guild);
            json["message_reference"] =
                json!({ "type": 0, "channel_id": message.channel, "message_id": original });
            if let Some(guild) = guild {
                json["message_reference"]["guild_id"] = json!(guild);
            }
        }
        if let Some(original) = message.forwards.and_then(|id| self.messages.get(&id)) {
            let place = json!({ "type": 1, "channel_id": original.channel, "message_id": original.id });
            json["message_reference"] = place;
            let whole = self.flat_message_json(original, self.may_read(original, open));
            let kept = [
                "type",
                "content",
                "mentions",
                "mention_roles",
                "attachments",
                "embeds",
                "timestamp",
                "edited_timestamp",
                "flags",
                "components",
            ];
            let snapshot: serde_json::Map<String, Value> = kept
                .map(|key| (key.to_owned(), whole[key].clone()))
                .into_iter()
                .collect();
            json["message_snapshots"] = json!([{ "message": snapshot }]);
        }
        if let Some(thread) = message.thread.and_then(|id| self.channels.get(&id)) {
            json["thread"] = self.channel_json(thread);
        }
        if message.author == self.application.bot {
            json["application_id"] = json!(self.application.id);
        }
        if let Some(interaction) = message.interaction.and_then(|id| self.interactions.get(&id)) {
            json["interaction_metadata"] = self.interaction_metadata(interaction);
        }
        json
    }

    fn reaction_json(&self, reaction: &Reaction) -> Value {
        json!({
            "emoji": emoji_json(&reaction.emoji), "count": reaction.users.len(),
            "count_details": { "burst": 0, "normal": reaction.users.len() }, "burst_colors": [],
            "me_burst": false, "me": reaction.users.contains(&self.application.bot),
        })
    }

    /// Whether the bot is given the words: with the privileged intent (`open`), its own, direct ones, and where it is
    /// mentioned.
    pub(crate) fn may_read(&self, message: &Message, open: bool) -> bool {
        let bot = self.application.bot;
        let direct = self
            .channels
            .get(&message.channel)
            .is_some_and(|channel| channel.guild.is_none());
        open || direct || message.author == bot || message.mentions.users.contains(&bot)
    }
}

fn attachment_json(attachment: &Attachment) -> Value {
    let mut json = json!({
        "id": attachment.id, "filename": attachment.name, "size": attachment.bytes.len(), "url": attachment.url,
        "proxy_url": attachment.url, "content_type": attachment.content_type,
    });
    if let Some(description) = &attachment.description {
        json["description"] = json!(description);
    }
    json
}

pub(crate) fn emoji_json(emoji: &str) -> Value {
    match emoji.split_once(':') {
        Some((name, id)) => json!({ "id": id, "name": name }),
        None => json!({ "id": null, "name": emoji }),
    }
}
