//! Messages: sent, changed, taken away, read, and the signs on them.

use serde_json::{Value, json};
use serenity::all::{ChannelId, CreateAttachment, Message, MessageId};
use serenity::http::{LightMethod, Route};

use super::{id, parsed};
use crate::discord::admission::Id;
use crate::discord::reconcile::Bucket;
use crate::discord::rest::{Call, Lane, Reply, Rest, Trouble};

/// Links show no previews.
pub(super) const SUPPRESS_EMBEDS: u64 = 1 << 2;

/// A message to be sent, or what one is to become. Nobody is pinged by it.
#[derive(Debug, Clone, Default)]
pub(in crate::discord) struct Outgoing {
    pub(in crate::discord) content: String,
    /// Rows of buttons.
    pub(in crate::discord) rows: Vec<Value>,
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
    pub(in crate::discord) bucket: Option<Bucket>,
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
        let mut body = json!({
            "content": self.content, "components": self.rows, "allowed_mentions": { "parse": [] },
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
    /// Sends a message. `patient`: waits and tries again where that is too much for now.
    pub(in crate::discord) async fn send(
        &self,
        channel: Id,
        message: Outgoing,
        patient: bool,
    ) -> Result<Answered, Trouble> {
        let (channel_id, is_reply) = (ChannelId::new(channel), message.reply_to.is_some());
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

    /// Looks whether a message is there.
    pub(in crate::discord) async fn message(&self, channel: Id, message: Id) -> Result<(), Trouble> {
        let (channel_id, message_id) = (ChannelId::new(channel), MessageId::new(message));
        let route = Route::ChannelMessage {
            channel_id,
            message_id,
        };
        let call = Call::new(LightMethod::Get, route, Lane("other", channel));
        self.ask(call).await.map(drop)
    }

    /// At most a hundred messages after one, oldest first.
    pub(in crate::discord) async fn after(&self, channel: Id, message: Id) -> Result<Vec<Message>, Trouble> {
        let channel_id = ChannelId::new(channel);
        let route = Route::ChannelMessages { channel_id };
        let mut call = Call::new(LightMethod::Get, route, Lane("other", channel));
        call.params = vec![("after", message.to_string()), ("limit", "100".to_owned())];
        let reply = self.ask(call).await?;
        let mut messages: Vec<Message> = parsed(reply.body)?;
        messages.sort_by_key(|message| message.id);
        Ok(messages)
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

fn answered(reply: &Reply) -> Result<Answered, Trouble> {
    Ok(Answered {
        id: id(&reply.body["id"])?,
        content: reply.body["content"].as_str().unwrap_or_default().to_owned(),
        bucket: reply.bucket,
    })
}
