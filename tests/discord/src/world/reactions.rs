//! Reactions and typing.

use serde_json::{Value, json};

use super::message::emoji_json;
use super::{Reaction, Typing, World};
use crate::Id;
use crate::gateway::intents;

impl World {
    pub(crate) fn react(&mut self, user: Id, message: Id, emoji: &str) {
        let Some(target) = self.messages.get_mut(&message) else {
            return;
        };
        let known = target.reactions.iter_mut().find(|one| one.emoji == emoji);
        let (channel, author) = (target.channel, target.author);
        match known {
            Some(reaction) if reaction.users.contains(&user) => return,
            Some(reaction) => reaction.users.push(user),
            None => target.reactions.push(Reaction {
                emoji: emoji.to_owned(),
                users: vec![user],
            }),
        }
        let mut data = reaction_event(user, channel, message, emoji);
        data["message_author_id"] = json!(author);
        let guild = self.channels.get(&channel).and_then(|channel| channel.guild);
        if let Some(guild) = guild.and_then(|id| self.guilds.get(&id))
            && let Some(member) = self.member_json(guild, user)
        {
            data["member"] = member;
        }
        self.tell("MESSAGE_REACTION_ADD", NEEDS, channel, data);
        self.clock.signal();
    }

    /// Whether there was one.
    pub(crate) fn unreact(&mut self, user: Id, message: Id, emoji: &str) -> bool {
        let Some(target) = self.messages.get_mut(&message) else {
            return false;
        };
        let channel = target.channel;
        let Some(reaction) = target.reactions.iter_mut().find(|one| one.emoji == emoji) else {
            return false;
        };
        let before = reaction.users.len();
        reaction.users.retain(|one| *one != user);
        let removed = reaction.users.len() < before;
        target.reactions.retain(|one| !one.users.is_empty());
        if removed {
            let data = reaction_event(user, channel, message, emoji);
            self.tell("MESSAGE_REACTION_REMOVE", NEEDS, channel, data);
            self.clock.signal();
        }
        removed
    }

    pub(crate) fn type_in(&mut self, user: Id, channel: Id) {
        let at = self.clock.now();
        self.typing.push(Typing { channel, user, at });
        let mut data = json!({ "channel_id": channel, "user_id": user, "timestamp": at / 1000 });
        let guild = self.channels.get(&channel).and_then(|channel| channel.guild);
        if let Some(guild) = guild.and_then(|id| self.guilds.get(&id))
            && let Some(member) = self.member_json(guild, user)
        {
            data["member"] = member;
        }
        let needs = (intents::GUILD_TYPING, intents::DIRECT_TYPING);
        self.tell("TYPING_START", needs, channel, data);
        self.clock.signal();
    }
}

const NEEDS: (u64, u64) = (intents::GUILD_REACTIONS, intents::DIRECT_REACTIONS);

fn reaction_event(user: Id, channel: Id, message: Id, emoji: &str) -> Value {
    json!({
        "user_id": user, "channel_id": channel, "message_id": message, "emoji": emoji_json(emoji),
        "burst": false, "type": 0,
    })
}
