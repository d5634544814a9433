//! Everything after the first answer, as long as the token lives: the answer itself, and further messages.

use super::messages::{change, draft, leaves_nothing, shown, uploads};
use super::{Call, Done, Refused, empty, ok};
use crate::Id;
use crate::world::{Answer, Edit, World};

pub(crate) use crate::world::EPHEMERAL;

/// `path` begins behind the token.
pub(crate) fn route(world: &mut World, call: &Call, application: &str, token: &str, path: &[&str]) -> Done {
    let now = world.clock.now();
    let interaction = world
        .interactions
        .values()
        .find(|interaction| interaction.token == token);
    let interaction = interaction
        .filter(|_| application == world.application.id.to_string())
        .ok_or(Refused::UNKNOWN_WEBHOOK)?;
    if interaction.token_ended(now) {
        return Err(Refused::TOKEN_ENDED);
    }
    let Some(answer) = &interaction.answer else {
        return Err(Refused::UNKNOWN_WEBHOOK);
    };
    let id = interaction.id;
    let original = match answer {
        Answer::Message(message) | Answer::Update(message) => Some(*message),
        Answer::Form(_) | Answer::Choices(_) => None,
    };
    match (call.method.as_str(), path) {
        ("POST", []) => follow(world, call, id, original),
        (method, ["messages", which]) => {
            let target = match *which {
                "@original" => original,
                which => {
                    let wanted: Option<Id> = which.parse().ok();
                    wanted
                        .filter(|wanted| original == Some(*wanted) || interaction.followups.contains(wanted))
                }
            };
            let there = |id: &Id| world.messages.get(id).is_some_and(|message| !message.deleted);
            let target = target.filter(there).ok_or(Refused::UNKNOWN_MESSAGE)?;
            match method {
                "GET" => ok(shown(world, target)),
                "PATCH" => edit(world, call, target),
                "DELETE" => {
                    world.delete(target);
                    empty()
                }
                _ => Err(Refused::not_done(call)),
            }
        }
        _ => Err(Refused::not_done(call)),
    }
}

fn edit(world: &mut World, call: &Call, id: Id) -> Done {
    let message = world.messages.get(&id).ok_or(Refused::UNKNOWN_MESSAGE)?;
    let change = change(world, message.channel, &call.body, uploads(call)?)?;
    if leaves_nothing(message, &change) {
        return Err(Refused::EMPTY);
    }
    world.edit(id, change);
    ok(shown(world, id))
}

/// The first one after "is thinking" takes the place of the thinking.
fn follow(world: &mut World, call: &Call, id: Id, original: Option<Id>) -> Done {
    let asked = world.interactions.get(&id).ok_or(Refused::UNKNOWN_INTERACTION)?;
    let (user, channel) = (asked.user, asked.channel);
    let mut message = draft(world, channel, &call.body, &uploads(call)?)?;
    let loading = |id: &Id| {
        world
            .messages
            .get(id)
            .is_some_and(|message| message.is_loading() && !message.deleted)
    };
    if let Some(original) = original.filter(loading) {
        let edit = Edit {
            content: Some(message.content),
            embeds: Some(message.embeds),
            components: Some(message.components),
            allowed_mentions: message.allowed_mentions,
            kept: None,
            files: message.files,
        };
        world.edit(original, edit);
        return ok(shown(world, original));
    }
    message.only_for = (message.flags & EPHEMERAL != 0).then_some(user);
    message.interaction = Some(id);
    message.reply_to = original;
    let bot = world.application.bot;
    let new = world.post(bot, channel, message);
    if let Some(interaction) = world.interactions.get_mut(&id) {
        interaction.followups.push(new);
    }
    ok(shown(world, new))
}
