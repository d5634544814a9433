//! Reactions of the bot.

use super::channels::{may, seen};
use super::messages::known;
use super::{Call, Done, Refused, empty, number, ok};
use crate::Id;
use crate::permissions::{ADD_REACTIONS, MANAGE_MESSAGES, READ_MESSAGE_HISTORY};
use crate::world::World;

/// `path` begins at the message's id.
pub(crate) fn route(world: &mut World, call: &Call, channel: &str, path: &[&str]) -> Done {
    let bot = world.application.bot;
    let there = seen(world, channel)?;
    let (channel, archived) = (there.id, there.is_archived());
    let id = known(world, channel, path[0])?.id;
    match (call.method.as_str(), &path[2..]) {
        ("PUT", [emoji, "@me"]) => {
            check_emoji(emoji)?;
            if archived {
                return Err(Refused::ARCHIVED);
            }
            may(world, channel, READ_MESSAGE_HISTORY)?;
            let known = world
                .messages
                .get(&id)
                .is_some_and(|message| message.reactions.iter().any(|reaction| reaction.emoji == *emoji));
            if !known {
                may(world, channel, ADD_REACTIONS)?;
            }
            world.react(bot, id, emoji);
            empty()
        }
        ("DELETE", [emoji, "@me"]) => remove(world, bot, id, emoji),
        ("DELETE", [emoji, user]) => {
            may(world, channel, MANAGE_MESSAGES)?;
            let user = user.parse().map_err(|_| Refused::UNKNOWN_USER)?;
            remove(world, user, id, emoji)
        }
        ("GET", [emoji]) => {
            check_emoji(emoji)?;
            let message = world.messages.get(&id).ok_or(Refused::UNKNOWN_MESSAGE)?;
            let users = message.reactions.iter().find(|reaction| reaction.emoji == *emoji);
            let users = users.map_or(&[][..], |reaction| &reaction.users);
            let after = call
                .query
                .get("after")
                .and_then(|text| text.parse().ok())
                .unwrap_or(Id(0));
            let page = users
                .iter()
                .filter(|user| **user > after)
                .take(number(call, "limit", 25));
            ok(page.map(|user| world.user(*user).json()).collect())
        }
        _ => Err(Refused::not_done(call)),
    }
}

fn remove(world: &mut World, user: Id, id: Id, emoji: &str) -> Done {
    check_emoji(emoji)?;
    // Taking off what is not there is fine with Discord too.
    world.unreact(user, id, emoji);
    empty()
}

/// A character of its own, or `name:id`.
fn check_emoji(emoji: &str) -> Result<(), Refused> {
    let custom = emoji
        .split_once(':')
        .is_some_and(|(_, id)| id.parse::<Id>().is_ok());
    let plain = emoji
        .chars()
        .next()
        .is_some_and(|first| !first.is_ascii_alphabetic());
    if custom || plain {
        Ok(())
    } else {
        Err(Refused::UNKNOWN_EMOJI)
    }
}
