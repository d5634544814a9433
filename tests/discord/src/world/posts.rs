//! Saying, editing, deleting: what is the same for people and for the bot.

use serde_json::{Value, json};

use super::message::LOADING;
use super::{Attachment, Message, World};
use crate::Id;
use crate::gateway::{Event, intents};

/// A file on its way in.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) description: Option<String>,
    pub(crate) bytes: Vec<u8>,
}

/// A message that is not yet one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    pub(crate) content: String,
    pub(crate) embeds: Vec<Value>,
    pub(crate) components: Vec<Value>,
    pub(crate) files: Vec<Upload>,
    pub(crate) reply_to: Option<Id>,
    pub(crate) forwards: Option<Id>,
    pub(crate) allowed_mentions: Option<Value>,
    pub(crate) nonce: Option<Value>,
    pub(crate) flags: u64,
    pub(crate) only_for: Option<Id>,
    pub(crate) interaction: Option<Id>,
    pub(crate) webhook: bool,
    pub(crate) kind: u8,
    /// Whom a note of Discord's is about: it names them and pings nobody.
    pub(crate) names: Option<Id>,
}

impl World {
    /// Permissions were looked at before; here it happens.
    pub(crate) fn post(&mut self, author: Id, channel: Id, draft: Draft) -> Id {
        self.post_as(None, author, channel, draft)
    }

    /// With an id of its own: the first message of a forum's thread shares the thread's.
    pub(crate) fn post_as(&mut self, id: Option<Id>, author: Id, channel: Id, draft: Draft) -> Id {
        let id = id.unwrap_or_else(|| self.next_id());
        let replied_to = draft
            .reply_to
            .and_then(|original| self.messages.get(&original))
            .map(|original| original.author)
            .filter(|_| draft.kind == 19);
        let mut message = Message::new(id, channel, author);
        let allowed = draft.allowed_mentions.as_ref();
        message.pings = self.pings(author, channel, &draft.content, allowed, replied_to);
        message.mentions = message.pings.clone();
        message.mentions.users.extend(draft.names);
        message.attachments = self.attach(channel, draft.files);
        message.content = draft.content;
        message.embeds = draft.embeds;
        message.components = numbered(draft.components);
        message.reply_to = draft.reply_to;
        message.forwards = draft.forwards;
        message.allowed_mentions = draft.allowed_mentions;
        message.nonce = draft.nonce;
        message.flags = draft.flags;
        message.interaction = draft.interaction;
        message.only_for = draft.only_for;
        message.webhook = draft.webhook;
        message.kind = draft.kind;
        let pinged = message.pings.users.clone();
        let hidden = message.only_for.is_some();
        self.messages.insert(id, message);
        self.by_channel.entry(channel).or_default().push(id);
        if !hidden {
            self.wake_thread(channel, author, &pinged);
            if let Some(channel) = self.channels.get_mut(&channel) {
                channel.last_message = Some(id);
            }
            self.tell_message("MESSAGE_CREATE", id);
        }
        self.clock.signal();
        id
    }

    /// What changes an existing message: nothing stands for "as it was".
    pub(crate) fn edit(&mut self, id: Id, edit: Edit) {
        let now = self.clock.now();
        let Some(message) = self.messages.get(&id) else {
            return;
        };
        let (author, channel) = (message.author, message.channel);
        let files = self.attach(channel, edit.files);
        let mentions = edit
            .content
            .as_ref()
            .map(|content| self.pings(author, channel, content, edit.allowed_mentions.as_ref(), None));
        let Some(message) = self.messages.get_mut(&id) else {
            return;
        };
        if let Some(kept) = edit.kept {
            message.attachments.retain(|file| kept.contains(&file.id));
        }
        message.attachments.extend(files);
        if let Some(content) = edit.content {
            message
                .history
                .push(std::mem::replace(&mut message.content, content));
            message.mentions = mentions.unwrap_or_default();
        }
        if let Some(embeds) = edit.embeds {
            message.embeds = embeds;
        }
        if let Some(components) = edit.components {
            message.components = numbered(components);
        }
        if let Some(rules) = edit.allowed_mentions {
            message.allowed_mentions = Some(rules);
        }
        // The first answer after "is thinking" is no edit in anybody's eyes.
        if message.flags & LOADING == 0 {
            message.edits.push(now);
        } else {
            message.flags &= !LOADING;
            message.history.clear();
        }
        if message.only_for.is_none() {
            self.tell_message("MESSAGE_UPDATE", id);
        }
        self.clock.signal();
    }

    pub(crate) fn delete(&mut self, id: Id) {
        let Some(message) = self.messages.get_mut(&id) else {
            return;
        };
        message.deleted = true;
        let (channel, hidden) = (message.channel, message.only_for.is_some());
        if !hidden {
            let needs = (intents::GUILD_MESSAGES, intents::DIRECT_MESSAGES);
            let data = json!({ "id": id, "channel_id": channel });
            self.tell("MESSAGE_DELETE", needs, channel, data);
        }
        self.clock.signal();
    }

    pub(crate) fn tell_message(&mut self, kind: &'static str, id: Id) {
        let Some(message) = self.messages.get(&id) else {
            return;
        };
        let (bot, channel) = (self.application.bot, message.channel);
        if !self.sees(bot, channel) {
            return;
        }
        let guild = self.channels.get(&channel).and_then(|channel| channel.guild);
        let whole = |open: bool| {
            let mut data = self.message_json(message, open);
            if kind == "MESSAGE_CREATE" {
                message.tell_nonce(&mut data);
            }
            if let Some(guild) = guild.and_then(|id| self.guilds.get(&id)) {
                data["guild_id"] = json!(guild.id);
                if let Some(member) = guild.members.get(&message.author) {
                    data["member"] = Self::bare_member_json(member);
                }
            }
            data
        };
        let event = Event {
            kind,
            needs: guild.map_or(intents::DIRECT_MESSAGES, |_| intents::GUILD_MESSAGES),
            guild,
            data: whole(true),
            veiled: (!self.may_read(message, false)).then(|| whole(false)),
        };
        self.emit(event);
    }

    pub(crate) fn attach(&mut self, channel: Id, files: Vec<Upload>) -> Vec<Attachment> {
        files
            .into_iter()
            .map(|file| {
                let id = self.next_id();
                let plain = |c: char| {
                    if c.is_ascii_alphanumeric() || "._-".contains(c) {
                        c
                    } else {
                        '_'
                    }
                };
                let safe: String = file.name.chars().map(plain).collect();
                Attachment {
                    id,
                    url: format!("{}/attachments/{channel}/{id}/{safe}", self.cdn),
                    name: file.name,
                    bytes: file.bytes,
                    content_type: file.content_type,
                    description: file.description,
                }
            })
            .collect()
    }
}

/// A change of a message.
#[derive(Debug, Default)]
pub(crate) struct Edit {
    pub(crate) content: Option<String>,
    pub(crate) embeds: Option<Vec<Value>>,
    pub(crate) components: Option<Vec<Value>>,
    pub(crate) allowed_mentions: Option<Value>,
    /// Which old files stay; all when nothing is said.
    pub(crate) kept: Option<Vec<Id>>,
    pub(crate) files: Vec<Upload>,
}

/// Discord gives every component a number that it did not have, and answers with no empty fields.
fn numbered(mut components: Vec<Value>) -> Vec<Value> {
    let mut next = 1;
    for component in &mut components {
        number(component, &mut next);
    }
    components
}

fn number(component: &mut Value, next: &mut u64) {
    let Some(fields) = component.as_object_mut() else {
        return;
    };
    fields.retain(|_, value| !value.is_null());
    fields.entry("id").or_insert_with(|| json!(*next));
    *next += 1;
    if fields.get("type") == Some(&json!(3)) {
        fields.entry("min_values").or_insert_with(|| json!(1));
        fields.entry("max_values").or_insert_with(|| json!(1));
    }
    for inner in fields
        .get_mut("components")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        number(inner, next);
    }
}
