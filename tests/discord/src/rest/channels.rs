//! One channel: read, changed, deleted, typed in; and what the bot must be allowed for anything in it.

use super::{Call, Done, Refused, empty, ok};
use crate::Id;
use crate::limits::check_archive;
use crate::permissions::{
    MANAGE_CHANNELS, MANAGE_THREADS, SEND_MESSAGES, SEND_MESSAGES_IN_THREADS, VIEW_CHANNEL,
};
use crate::world::{Change, Channel, Kind, World};

/// The channel, if the bot sees it. Unknown ones are 10003, hidden ones 50001.
pub(crate) fn seen<'a>(world: &'a World, id: &str) -> Result<&'a Channel, Refused> {
    let id: Option<Id> = id.parse().ok();
    let channel = id
        .and_then(|id| world.channels.get(&id))
        .ok_or(Refused::UNKNOWN_CHANNEL)?;
    if world.sees(world.application.bot, channel.id) {
        Ok(channel)
    } else {
        Err(Refused::MISSING_ACCESS)
    }
}

/// Whether the bot has all of `wanted` there. Direct messages need none of what guilds call permissions.
pub(crate) fn may(world: &World, channel: Id, wanted: u64) -> Result<(), Refused> {
    let given = world.permissions(world.application.bot, channel);
    if given & VIEW_CHANNEL == 0 {
        Err(Refused::MISSING_ACCESS)
    } else if given & wanted == wanted {
        Ok(())
    } else {
        Err(Refused::MISSING_PERMISSIONS)
    }
}

/// Whether the bot may write there now.
pub(crate) fn may_write(world: &World, channel: &Channel) -> Result<(), Refused> {
    let bot = world.application.bot;
    if channel.kind == Kind::Direct {
        let closed = channel
            .recipients
            .iter()
            .any(|user| *user != bot && world.closed.contains(user));
        return if closed { Err(Refused::CLOSED) } else { Ok(()) };
    }
    let Some(thread) = &channel.thread else {
        return may(world, channel.id, SEND_MESSAGES);
    };
    may(world, channel.id, SEND_MESSAGES_IN_THREADS)?;
    let moderates = world.permissions(bot, channel.id) & MANAGE_THREADS != 0;
    if thread.locked && !moderates {
        return Err(Refused::LOCKED);
    }
    Ok(())
}

pub(crate) fn route(world: &mut World, call: &Call, id: &str, path: &[&str]) -> Done {
    let bot = world.application.bot;
    let channel = seen(world, id)?;
    let id = channel.id;
    match (call.method.as_str(), path) {
        ("GET", []) => ok(world.channel_json(channel)),
        ("PATCH", []) => {
            let change = change(world, channel, call)?;
            world.change_channel(bot, id, change);
            let changed = world.channels.get(&id).ok_or(Refused::UNKNOWN_CHANNEL)?;
            ok(world.channel_json(changed))
        }
        ("DELETE", []) => {
            let needed = if channel.thread.is_some() {
                MANAGE_THREADS
            } else {
                MANAGE_CHANNELS
            };
            let json = world.channel_json(channel);
            if channel.kind != Kind::Direct {
                may(world, id, needed)?;
                world.delete_channel(id);
            }
            ok(json)
        }
        ("POST", ["typing"]) => {
            may_write(world, channel)?;
            world.type_in(bot, id);
            empty()
        }
        _ => Err(Refused::not_done(call)),
    }
}

fn change(world: &World, channel: &Channel, call: &Call) -> Result<Change, Refused> {
    let body = &call.body;
    let name = body["name"].as_str().map(str::to_owned);
    if name
        .as_ref()
        .is_some_and(|name| !(1..=100).contains(&name.chars().count()))
    {
        return Err(Refused::wrong("name: must be between 1 and 100 in length"));
    }
    let wrong = check_archive(body);
    if !wrong.is_empty() {
        return Err(Refused::invalid(&wrong));
    }
    let change = Change {
        name,
        topic: body["topic"].as_str().map(str::to_owned),
        slow_mode: body["rate_limit_per_user"].as_u64(),
        archived: body["archived"].as_bool(),
        locked: body["locked"].as_bool(),
        auto_archive: body["auto_archive_duration"].as_u64(),
        category: None,
    };
    let bot = world.application.bot;
    let Some(thread) = &channel.thread else {
        if channel.kind == Kind::Direct {
            return Err(Refused::WRONG_CHANNEL);
        }
        may(world, channel.id, MANAGE_CHANNELS)?;
        return Ok(change);
    };
    let moderates = world.permissions(bot, channel.id) & MANAGE_THREADS != 0;
    let awakes = change.archived == Some(false);
    // Whoever may write brings a thread back that is not locked; its owner may rename and archive it.
    let only_awakes = awakes && change.name.is_none() && change.locked.is_none();
    let enough =
        moderates || (!thread.locked && change.locked.is_none() && (thread.owner == bot || only_awakes));
    if !enough {
        return Err(Refused::MISSING_PERMISSIONS);
    }
    if thread.archived && !awakes {
        return Err(Refused::ARCHIVED);
    }
    Ok(change)
}
