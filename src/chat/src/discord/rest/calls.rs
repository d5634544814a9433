//! The requests that there are.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use serenity::all::{
    ApplicationId, ChannelId, CreateAttachment, GuildId, InteractionId, Message, MessageId, UserId,
};
use serenity::http::{LightMethod, Route};

use super::{ATTEMPT, Call, Lane, Reply, Rest, Trouble};
use crate::discord::admission::Id;
use crate::discord::reconcile::Bucket;

/// Links show no previews.
const SUPPRESS_EMBEDS: u64 = 1 << 2;
/// Seen only by the one who asked.
const EPHEMERAL: u64 = 1 << 6;
/// After so many minutes without a word Discord puts a thread away; the next word brings it back.
const ARCHIVE: u64 = 4320;

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

/// Which later answer to an interaction.
#[derive(Debug, Clone, Copy)]
pub(in crate::discord) enum Later {
    /// What the first one becomes.
    First,
    /// One more, seen only by the one who asked.
    More,
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
    fn body(&self, is_new: bool) -> Value {
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
        let channel_id = ChannelId::new(channel);
        let route = Route::ChannelMessages { channel_id };
        let call = Call::new(LightMethod::Post, route, Lane("message", channel)).body(message.body(true));
        let mut call = call.files(message.files);
        call.patient = patient;
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

    /// Opens a thread from a message. Its id; one that is there already is that one.
    pub(in crate::discord) async fn start_thread(
        &self,
        channel: Id,
        message: Id,
        name: &str,
    ) -> Result<Id, Trouble> {
        /// A thread was started from this message before.
        const THERE: i64 = 160_004;
        let (channel_id, message_id) = (ChannelId::new(channel), MessageId::new(message));
        let route = Route::ChannelMessageThreads {
            channel_id,
            message_id,
        };
        let body = json!({ "name": name, "auto_archive_duration": ARCHIVE });
        let call = Call::new(LightMethod::Post, route, Lane("thread", channel)).body(body);
        match self.ask(call).await {
            Ok(reply) => id(&reply.body["id"]),
            // Discord names a thread like the message it begins with.
            Err(Trouble::Refused { code: THERE, .. }) => Ok(message),
            Err(trouble) => Err(trouble),
        }
    }

    /// Opens a thread that begins with no message. Its id.
    pub(in crate::discord) async fn start_empty_thread(
        &self,
        channel: Id,
        name: &str,
    ) -> Result<Id, Trouble> {
        const PUBLIC: u64 = 11;
        let channel_id = ChannelId::new(channel);
        let body = json!({ "name": name, "auto_archive_duration": ARCHIVE, "type": PUBLIC });
        let route = Route::ChannelThreads { channel_id };
        let call = Call::new(LightMethod::Post, route, Lane("thread", channel)).body(body);
        let reply = self.ask(call).await?;
        id(&reply.body["id"])
    }

    /// Brings back a thread that was put away.
    pub(in crate::discord) async fn wake(&self, thread: Id) -> Result<(), Trouble> {
        let channel_id = ChannelId::new(thread);
        let body = json!({ "archived": false });
        let call = Call::new(
            LightMethod::Patch,
            Route::Channel { channel_id },
            Lane("wake", thread),
        )
        .body(body);
        self.ask(call).await.map(drop)
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
        self.ask(Call::new(method, route, Lane("reaction", channel)))
            .await
            .map(drop)
    }

    /// Shows for ten seconds that the bot writes.
    pub(in crate::discord) async fn typing(&self, channel: Id) -> Result<(), Trouble> {
        let channel_id = ChannelId::new(channel);
        let route = Route::ChannelTyping { channel_id };
        self.ask(Call::new(LightMethod::Post, route, Lane("other", channel)))
            .await
            .map(drop)
    }

    /// A channel, as Discord describes it.
    pub(in crate::discord) async fn channel(&self, channel: Id) -> Result<Value, Trouble> {
        let channel_id = ChannelId::new(channel);
        let route = Route::Channel { channel_id };
        let reply = self
            .ask(Call::new(LightMethod::Get, route, Lane("other", channel)))
            .await?;
        Ok(reply.body)
    }

    /// The roles of a member.
    pub(in crate::discord) async fn roles(&self, guild: Id, user: Id) -> Result<BTreeSet<Id>, Trouble> {
        let (guild_id, user_id) = (GuildId::new(guild), UserId::new(user));
        let route = Route::GuildMember { guild_id, user_id };
        let reply = self
            .ask(Call::new(LightMethod::Get, route, Lane("other", guild)))
            .await?;
        let roles = reply.body["roles"].as_array().cloned().unwrap_or_default();
        Ok(roles.iter().filter_map(|role| id(role).ok()).collect())
    }

    /// The bot's user, and what it is called.
    pub(in crate::discord) async fn me(&self) -> Result<(Id, String), Trouble> {
        let reply = self
            .ask(Call::new(LightMethod::Get, Route::UserMe, Lane("other", 0)))
            .await?;
        let name = reply.body["username"].as_str().unwrap_or("the bot").to_owned();
        Ok((id(&reply.body["id"])?, name))
    }

    /// The application's id, and its owner with the members of its team.
    pub(in crate::discord) async fn application(&self) -> Result<(Id, BTreeSet<Id>), Trouble> {
        let route = Route::Oauth2ApplicationCurrent;
        let reply = self
            .ask(Call::new(LightMethod::Get, route, Lane("other", 0)))
            .await?;
        let app = &reply.body;
        let team = app["team"]["members"].as_array().cloned().unwrap_or_default();
        // An application of a team belongs to the team's own user, which is nobody.
        let owners = if team.is_empty() {
            id(&app["owner"]["id"]).into_iter().collect()
        } else {
            // Who was invited and has not said yes is no member yet.
            let members = team.iter().filter(|member| member["membership_state"] != 1);
            members
                .filter_map(|member| id(&member["user"]["id"]).ok())
                .collect()
        };
        Ok((id(&app["id"])?, owners))
    }

    /// Where the gateway is.
    pub(in crate::discord) async fn gateway(&self) -> Result<String, Trouble> {
        let reply = self
            .ask(Call::new(LightMethod::Get, Route::Gateway, Lane("other", 0)))
            .await?;
        let url = reply.body["url"].as_str();
        url.map(str::to_owned)
            .ok_or_else(|| Trouble::Failed("the answer names no gateway".to_owned()))
    }

    /// The commands of the application, as Discord has them.
    pub(in crate::discord) async fn commands(&self, application: Id) -> Result<Value, Trouble> {
        let application_id = ApplicationId::new(application);
        let route = Route::Commands { application_id };
        let call = Call::new(LightMethod::Get, route, Lane("commands", application));
        Ok(self.ask(call).await?.body)
    }

    /// Replaces the commands of the application.
    pub(in crate::discord) async fn register(&self, application: Id, commands: Value) -> Result<(), Trouble> {
        let application_id = ApplicationId::new(application);
        let route = Route::Commands { application_id };
        let call = Call::new(LightMethod::Put, route, Lane("commands", application)).body(commands);
        self.ask(call).await.map(drop)
    }

    /// The first answer to an interaction, which has three seconds.
    pub(in crate::discord) async fn respond(
        &self,
        interaction: Id,
        token: &str,
        body: Value,
    ) -> Result<(), Trouble> {
        let interaction_id = InteractionId::new(interaction);
        let route = Route::InteractionResponse {
            interaction_id,
            token,
        };
        let lane = Lane("interaction", interaction);
        let call = Call::new(LightMethod::Post, route, lane).body(body);
        match tokio::time::timeout(Duration::from_secs(3), self.ask(call)).await {
            Ok(done) => done.map(drop),
            Err(_) => Err(Trouble::Unknown("it took too long".to_owned())),
        }
    }

    /// A later answer to an interaction.
    pub(in crate::discord) async fn answer(
        &self,
        application: Id,
        (interaction, token): (Id, &str),
        which: Later,
        message: Outgoing,
    ) -> Result<(), Trouble> {
        let application_id = ApplicationId::new(application);
        let mut body = message.body(false);
        let (method, route) = match which {
            Later::First => {
                let route = Route::WebhookOriginalInteractionResponse {
                    application_id,
                    token,
                };
                (LightMethod::Patch, route)
            }
            Later::More => {
                body["flags"] = json!(EPHEMERAL | SUPPRESS_EMBEDS);
                let route = Route::WebhookFollowupMessages {
                    application_id,
                    token,
                };
                (LightMethod::Post, route)
            }
        };
        let call = Call::new(method, route, Lane("interaction", interaction)).body(body);
        self.ask(call.files(message.files)).await.map(drop)
    }

    /// The content of a file that somebody attached, at most `most` bytes.
    pub(in crate::discord) async fn download(&self, url: &str, most: u64) -> Result<Vec<u8>, Trouble> {
        let failed = |error: &reqwest_of_serenity::Error| Trouble::Failed(super::cause(error));
        if let Some((base, _)) = &self.elsewhere
            && !url.starts_with(&format!("{base}/"))
        {
            let words = "the file is at another place than the server that is used here";
            return Err(Trouble::Failed(words.to_owned()));
        }
        let request = self.client.get(url).timeout(ATTEMPT * 3);
        let mut response = request.send().await.map_err(|error| failed(&error))?;
        let status = response.status().as_u16();
        if status != 200 {
            let message = "the file is not there".to_owned();
            let code = 0;
            return Err(Trouble::Refused {
                status,
                code,
                message,
            });
        }
        let mut content = vec![];
        while let Some(part) = response.chunk().await.map_err(|error| failed(&error))? {
            content.extend_from_slice(&part);
            if content.len() as u64 > most {
                return Err(Trouble::Failed(
                    "the file is larger than it was said to be".to_owned(),
                ));
            }
        }
        Ok(content)
    }
}

fn answered(reply: &Reply) -> Result<Answered, Trouble> {
    Ok(Answered {
        id: id(&reply.body["id"])?,
        content: reply.body["content"].as_str().unwrap_or_default().to_owned(),
        bucket: reply.bucket,
    })
}

fn id(value: &Value) -> Result<Id, Trouble> {
    let id = value.as_str().and_then(|id| id.parse().ok());
    id.filter(|id| *id > 0)
        .ok_or_else(|| Trouble::Unknown("the answer has no id".to_owned()))
}

fn parsed<T: serde::de::DeserializeOwned>(body: Value) -> Result<T, Trouble> {
    serde_json::from_value(body)
        .map_err(|error| Trouble::Failed(format!("the answer can't be read: {error}")))
}
