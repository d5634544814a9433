//! Messages: sent, changed, taken away, read, and the signs on them.

use serde_json::{Value, json};
use serenity::all::{ChannelId, CreateAttachment, Message, MessageId};
use serenity::http::{LightMethod, Route};

use super::{id, parsed};
use crate::discord::admission::Id;
use crate::discord::adorned::undress;
use crate::discord::reconcile::Bucket;
use crate::discord::rest::{Call, Lane, Reply, Rest, Trouble, UNKNOWN_MESSAGE};

/// Discord's code for a reply where the bot lacks Read Message History.
const NO_HISTORY: i64 = 160_002;
/// Messages that Discord gives at once.
const MOST: usize = 100;
/// Links show no previews.
pub(super) const SUPPRESS_EMBEDS: u64 = 1 << 2;

/// A message to be sent, or what one is to become. Nobody is pinged by it.
#[derive(Debug, Clone, Default)]
pub(in crate::discord) struct Outgoing {
    pub(in crate::discord) content: String,
    /// Rows of buttons. Discord refuses an empty one: it is left out.
    pub(in crate::discord) rows: Vec<Vec<Value>>,
    pub(in crate::discord) files: Vec<CreateAttachment>,
    /// The message that it answers.
    pub(in crate::discord) reply_to: Option<Id>,
    /// Known to Discord under this name for a few minutes: sent twice, it is there once.
    pub(in crate::discord) nonce: Option<String>,
}

/// What was sent.
pub(in crate::discord) struct Answered {
    pub(in crate::discord) id: Id,
    /// What it says there: with a nonce that was known already it may say something else.
    pub(in crate::discord) content: String,
    /// How many files it has there.
    pub(in crate::discord) files: usize,
    pub(in crate::discord) bucket: Option<Bucket>,
}

/// At most a hundred messages of a channel, oldest first.
pub(in crate::discord) struct Page {
    pub(in crate::discord) messages: Vec<Message>,
    /// The newest of them, those that can't be read among them.
    pub(in crate::discord) upto: Option<Id>,
    /// After these there are no more.
    pub(in crate::discord) is_last: bool,
}

impl Page {
    /// What can't be read says nothing, as when it comes live.
    fn of(channel: Id, told: Vec<Value>) -> Self {
        let upto = told.iter().filter_map(|one| id(&one["id"]).ok()).max();
        let is_last = told.len() < MOST || upto.is_none();
        let read = told.into_iter().filter_map(|one| {
            let id = one["id"].clone();
            readable(one)
                .inspect_err(
                    |trouble| tracing::warn!(channel, message = %id, %trouble, "a message is passed over"),
                )
                .ok()
        });
        let mut messages: Vec<Message> = read.collect();
        messages.sort_by_key(|message| message.id);
        Self {
            messages,
            upto,
            is_last,
        }
    }
}

impl Outgoing {
    pub(in crate::discord) fn words(content: impl Into<String>) -> Self {
        Self {
            content: content.into(),
            ..Self::default()
        }
    }

    /// Its body; `is_new`: with what can only be said when it is sent.
    pub(super) fn body(&self, is_new: bool) -> Value {
        let rows = self.rows.iter().filter(|row| !row.is_empty());
        let rows: Vec<Value> = rows.map(|row| json!({ "type": 1, "components": row })).collect();
        let mut body = json!({
            "content": self.content, "components": rows, "allowed_mentions": { "parse": [] },
        });
        if !self.files.is_empty() {
            let files = self.files.iter().enumerate();
            body["attachments"] = files
                .map(|(at, file)| json!({ "id": at.to_string(), "filename": file.filename }))
                .collect();
        }
        if is_new {
            body["flags"] = json!(SUPPRESS_EMBEDS);
            if let Some(nonce) = &self.nonce {
                body["nonce"] = json!(nonce);
                body["enforce_nonce"] = json!(true);
            }
            if let Some(message) = self.reply_to {
                let reference = json!({ "message_id": message.to_string(), "fail_if_not_exists": false });
                body["message_reference"] = reference;
            }
        }
        body
    }
}

impl Rest {
    /// Sends a message; where it may not be a reply it is none. `patient`: waits and tries again where that is too much for now.
    pub(in crate::discord) async fn send(
        &self,
        channel: Id,
        mut message: Outgoing,
        patient: bool,
    ) -> Result<Answered, Trouble> {
        let is_reply = message.reply_to.is_some();
        if is_reply {
            match self.send_once(channel, message.clone(), patient, is_reply).await {
                Err(Trouble::Refused { code: NO_HISTORY, .. }) => message.reply_to = None,
                answer => return answer,
            }
        }
        self.send_once(channel, message, patient, is_reply).await
    }

    async fn send_once(
        &self,
        channel: Id,
        message: Outgoing,
        patient: bool,
        is_reply: bool,
    ) -> Result<Answered, Trouble> {
        let channel_id = ChannelId::new(channel);
        let route = Route::ChannelMessages { channel_id };
        let call = Call::new(LightMethod::Post, route, Lane("message", channel)).body(message.body(true));
        let mut call = call.files(message.files);
        call.patient = patient;
        // What is said by itself answers nobody.
        call.is_nicety = is_reply;
        answered(&self.ask(call).await?)
    }

    /// Changes one of our messages.
    pub(in crate::discord) async fn edit(
        &self,
        channel: Id,
        message: Id,
        to: Outgoing,
    ) -> Result<Answered, Trouble> {
        let (channel_id, message_id) = (ChannelId::new(channel), MessageId::new(message));
        let route = Route::ChannelMessage {
            channel_id,
            message_id,
        };
        let call = Call::new(LightMethod::Patch, route, Lane("edit", channel)).body(to.body(false));
        let mut call = call.files(to.files);
        call.patient = false;
        answered(&self.ask(call).await?)
    }

    /// Takes one of our messages away.
    pub(in crate::discord) async fn delete(&self, channel: Id, message: Id) -> Result<Reply, Trouble> {
        let (channel_id, message_id) = (ChannelId::new(channel), MessageId::new(message));
        let route = Route::ChannelMessage {
            channel_id,
            message_id,
        };
        let call = Call::new(LightMethod::Delete, route, Lane("delete", channel));
        self.ask(call).await
    }

    /// At most a hundred messages after one, oldest first: all of them, or none.
    pub(in crate::discord) async fn after(&self, channel: Id, message: Id) -> Result<Vec<Message>, Trouble> {
        self.some(channel, ("after", message), MOST).await
    }

    /// What was said after a message, as far as it can be read.
    pub(in crate::discord) async fn page(&self, channel: Id, after: Id) -> Result<Page, Trouble> {
        let told = self.told(channel, ("after", after), MOST).await?;
        Ok(Page::of(channel, told))
    }

    /// The newest messages before one, at most a hundred, oldest first.
    pub(in crate::discord) async fn before(
        &self,
        channel: Id,
        message: Id,
        most: usize,
    ) -> Result<Vec<Message>, Trouble> {
        self.some(channel, ("before", message), most).await
    }

    /// The first message of a thread or channel.
    pub(in crate::discord) async fn first(&self, channel: Id) -> Result<Option<Message>, Trouble> {
        let after = channel.saturating_sub(1);
        Ok(self.some(channel, ("after", after), 1).await?.pop())
    }

    /// A message, as it is now.
    pub(in crate::discord) async fn message(&self, channel: Id, message: Id) -> Result<Message, Trouble> {
        let (channel_id, message_id) = (ChannelId::new(channel), MessageId::new(message));
        let route = Route::ChannelMessage {
            channel_id,
            message_id,
        };
        let call = Call::new(LightMethod::Get, route, Lane("other", channel));
        parsed(self.ask(call).await?.body)
    }

    /// Discord gives an empty list to whoever may not read what was said: of a message alone it says so.
    ///
    /// Errors: as for a request; what is refused may not be read.
    pub(in crate::discord) async fn may_read(&self, channel: Id, message: Id) -> Result<(), Trouble> {
        match self.message(channel, message.max(1)).await {
            Ok(_)
            | Err(Trouble::Refused {
                code: UNKNOWN_MESSAGE,
                ..
            }) => Ok(()),
            Err(trouble) => Err(trouble),
        }
    }

    async fn some(
        &self,
        channel: Id,
        (side, of): (&'static str, Id),
        most: usize,
    ) -> Result<Vec<Message>, Trouble> {
        let messages = self.told(channel, (side, of), most).await?;
        let messages = messages.into_iter().map(readable);
        let mut messages: Vec<Message> = messages.collect::<Result<_, _>>()?;
        messages.sort_by_key(|message| message.id);
        Ok(messages)
    }

    async fn told(
        &self,
        channel: Id,
        (side, of): (&'static str, Id),
        most: usize,
    ) -> Result<Vec<Value>, Trouble> {
        let channel_id = ChannelId::new(channel);
        let route = Route::ChannelMessages { channel_id };
        let mut call = Call::new(LightMethod::Get, route, Lane("other", channel));
        call.params = vec![(side, of.to_string()), ("limit", most.to_string())];
        parsed(self.ask(call).await?.body)
    }

    /// Puts a sign on a message, or takes ours off.
    pub(in crate::discord) async fn react(
        &self,
        channel: Id,
        message: Id,
        sign: &str,
        on: bool,
    ) -> Result<(), Trouble> {
        let (channel_id, message_id) = (ChannelId::new(channel), MessageId::new(message));
        let reaction: String = url::form_urlencoded::byte_serialize(sign.as_bytes()).collect();
        let route = Route::ChannelMessageReactionMe {
            channel_id,
            message_id,
            reaction: &reaction,
        };
        let method = if on { LightMethod::Put } else { LightMethod::Delete };
        self.ask(Call::new(method, route, Lane("reaction", channel)).nicety())
            .await
            .map(drop)
    }
}

/// One with something in it that came after this version is read without what only adorns it: else nothing that was said
/// beside it could be read either.
fn readable(mut message: Value) -> Result<Message, Trouble> {
    parsed(message.clone()).or_else(|_| {
        undress(&mut message);
        parsed(message)
    })
}

fn answered(reply: &Reply) -> Result<Answered, Trouble> {
    Ok(Answered {
        id: id(&reply.body["id"])?,
        content: reply.body["content"].as_str().unwrap_or_default().to_owned(),
        files: reply.body["attachments"].as_array().map_or(0, Vec::len),
        bucket: reply.bucket,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(id: u64, answers: &Value) -> Value {
        json!({
            "id": id.to_string(), "channel_id": "1", "type": 0, "content": "say: hi", "timestamp": "2026-11-22T00:00:00Z",
            "author": { "id": "2", "username": "robot", "discriminator": "0000", "avatar": null, "bot": true },
            "edited_timestamp": null, "tts": false, "mention_everyone": false, "mentions": [], "mention_roles": [],
            "attachments": [], "embeds": [], "pinned": false, "flags": 0, "referenced_message": answers,
            "components": [{ "type": 1, "components": [{ "type": 99, "what": "nobody knows yet" }] }],
        })
    }

    #[test]
    fn a_message_with_something_in_it_that_nobody_knows_yet_says_what_it_says() {
        let strange = said(4, &said(3, &Value::Null));
        assert!(parsed::<Message>(strange.clone()).is_err());
        let read = readable(strange).unwrap();
        assert_eq!((read.id.get(), read.content.as_str()), (4, "say: hi"));
        assert!(read.author.bot);
        assert_eq!(read.referenced_message.map(|answered| answered.id.get()), Some(3));
    }

    #[test]
    fn one_message_that_nobody_can_read_hides_no_other_one() {
        let broken = |id: u64| json!({ "id": id.to_string(), "type": "what" });
        let page = Page::of(1, vec![broken(6), said(5, &Value::Null), said(4, &Value::Null)]);
        let read: Vec<u64> = page.messages.iter().map(|message| message.id.get()).collect();
        assert_eq!((read, page.upto, page.is_last), (vec![4, 5], Some(6), true));
        let full: Vec<Value> = (1..=100).map(broken).collect();
        let page = Page::of(1, full);
        assert_eq!(
            (page.messages.len(), page.upto, page.is_last),
            (0, Some(100), false)
        );
        let none = Page::of(1, vec![]);
        assert_eq!((none.upto, none.is_last), (None, true));
    }
}
