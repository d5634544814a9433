//! Interactions: what a person asked of the application, and what came of it.

use serde_json::{Value, json};

use super::{Kind, World};
use crate::Id;
use crate::gateway::Event;

/// After this nobody is listening any more.
pub(crate) const ACKNOWLEDGE_WITHIN: u64 = 3_000;
/// After this the token is worth nothing.
pub(crate) const TOKEN_LIVES: u64 = 15 * 60 * 1000;

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A slash command.
    Command {
        /// Its name.
        name: String,
    },
    /// A button or a menu.
    Component {
        /// Its `custom_id`.
        custom_id: String,
        /// Where it stands.
        message: Id,
    },
    /// What to offer while a command is being typed.
    Autocomplete {
        /// The command's name.
        name: String,
    },
    /// A form was sent.
    Modal {
        /// The form's `custom_id`.
        custom_id: String,
        /// What the form was the answer to.
        from: Id,
    },
}

impl Asked {
    pub(crate) fn number(&self) -> u8 {
        match self {
            Self::Command { .. } => 2,
            Self::Component { .. } => 3,
            Self::Autocomplete { .. } => 4,
            Self::Modal { .. } => 5,
        }
    }
}

/// How the application answered first.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// With a message, at once or after "is thinking": look at the message.
    Message(Id),
    /// By changing the message that the button stands on, now or later.
    Update(Id),
    /// With a form.
    Form(Value),
    /// With proposals.
    Choices(Value),
}

/// One interaction, from its beginning to its end.
#[derive(Clone, Debug)]
pub struct Interaction {
    /// Its id.
    pub id: Id,
    /// Who asked.
    pub user: Id,
    /// Where.
    pub channel: Id,
    /// What.
    pub asked: Asked,
    /// None so far, or never.
    pub answer: Option<Answer>,
    /// Further messages, oldest first.
    pub followups: Vec<Id>,
    /// How many more times it was answered; those were refused.
    pub answered_again: usize,
    pub(crate) token: String,
    pub(crate) data: Value,
    pub(crate) made: u64,
}

impl Interaction {
    /// "The application did not respond", as its user reads it.
    pub fn failed(&self, now: u64) -> bool {
        self.answer.is_none() && now > self.made + ACKNOWLEDGE_WITHIN
    }

    pub(crate) fn token_ended(&self, now: u64) -> bool {
        now > self.made + TOKEN_LIVES
    }
}

impl World {
    /// Makes it known. `data` is the part of the event that depends on what was asked.
    pub(crate) fn ask(&mut self, user: Id, channel: Id, asked: Asked, data: Value) -> Id {
        let id = self.next_id();
        let interaction = Interaction {
            id,
            user,
            channel,
            asked,
            answer: None,
            followups: Vec::new(),
            answered_again: 0,
            token: format!("interaction.{id}.{}", self.application.id),
            data,
            made: self.clock.now(),
        };
        self.interactions.insert(id, interaction);
        self.tell_interaction(id);
        id
    }

    /// Intents do not matter here, and neither does what the bot sees: who asks, reaches it.
    pub(crate) fn tell_interaction(&mut self, id: Id) {
        let Some(interaction) = self.interactions.get(&id) else {
            return;
        };
        let guild = self
            .channels
            .get(&interaction.channel)
            .and_then(|channel| channel.guild);
        let mut event = json!({
            "id": id, "application_id": self.application.id, "type": interaction.asked.number(),
            "token": interaction.token, "version": 1, "data": interaction.data, "channel_id": interaction.channel,
            "channel": self.channels.get(&interaction.channel).map(|channel| self.channel_json(channel)),
            "app_permissions": self.permissions(self.application.bot, interaction.channel).to_string(),
            "locale": "en-US", "entitlements": [], "attachment_size_limit": self.file_limit(interaction.channel),
            "authorizing_integration_owners": Self::installers(guild), "context": u8::from(guild.is_none()),
        });
        if let Some(guild) = guild.and_then(|id| self.guilds.get(&id)) {
            event["guild_id"] = json!(guild.id);
            event["guild_locale"] = json!("en-US");
            let mut member = self.member_json(guild, interaction.user).unwrap_or_default();
            let given = self.permissions(interaction.user, interaction.channel);
            member["permissions"] = json!(given.to_string());
            event["member"] = member;
        } else {
            event["user"] = self.user(interaction.user).json();
        }
        if let Some(message) = self.source(interaction) {
            event["message"] = message;
        }
        self.emit(Event {
            kind: "INTERACTION_CREATE",
            needs: 0,
            guild,
            data: event,
            veiled: None,
        });
    }

    fn source(&self, interaction: &Interaction) -> Option<Value> {
        let id = match &interaction.asked {
            Asked::Component { message, .. } => *message,
            Asked::Modal { from, .. } => match &self.interactions.get(from)?.asked {
                Asked::Component { message, .. } => *message,
                _ => return None,
            },
            _ => return None,
        };
        self.messages
            .get(&id)
            .map(|message| self.message_json(message, true))
    }

    /// The message whose button led here, if one did.
    pub(crate) fn source_message(&self, interaction: &Interaction) -> Option<Id> {
        match &interaction.asked {
            Asked::Component { message, .. } => Some(*message),
            Asked::Modal { from, .. } => self
                .interactions
                .get(from)
                .and_then(|from| self.source_message(from)),
            _ => None,
        }
    }

    fn installers(guild: Option<Id>) -> Value {
        json!({ "0": guild.map_or("0".to_owned(), |id| id.to_string()) })
    }

    pub(crate) fn interaction_metadata(&self, interaction: &Interaction) -> Value {
        let guild = self
            .channels
            .get(&interaction.channel)
            .and_then(|channel| channel.guild);
        let mut json = json!({
            "id": interaction.id, "type": interaction.asked.number(), "user": self.user(interaction.user).json(),
            "authorizing_integration_owners": Self::installers(guild),
        });
        match &interaction.asked {
            Asked::Component { message, .. } => json["interacted_message_id"] = json!(message),
            Asked::Modal { from, .. } => {
                if let Some(from) = self.interactions.get(from) {
                    json["triggering_interaction_metadata"] = self.interaction_metadata(from);
                }
            }
            _ => {}
        }
        json
    }

    /// Whether the channel can take a message at all.
    pub(crate) fn takes_messages(&self, channel: Id) -> bool {
        self.channels
            .get(&channel)
            .is_some_and(|channel| !matches!(channel.kind, Kind::Forum | Kind::Category))
    }
}
