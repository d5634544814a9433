//! Threads: started from a message, without one, as a post of a forum; their members; the archive.

use serde_json::Value;

use super::channels::{may, may_write, seen};
use super::guilds::thread_list;
use super::messages::{described, draft, known, shown};
use super::{Call, Done, Refused, created, empty, number, ok};
use crate::Id;
use crate::limits::check_archive;
use crate::permissions::{
    CREATE_PRIVATE_THREADS, CREATE_PUBLIC_THREADS, MANAGE_THREADS, READ_MESSAGE_HISTORY, SEND_MESSAGES,
};
use crate::world::{Channel, Kind, Start, World, thread_member_json};

/// Minutes, as Discord has it without a word.
const ARCHIVE_AFTER: u64 = 4320;

pub(crate) fn from_message(world: &mut World, call: &Call, channel: &str, message: &str) -> Done {
    let parent = seen(world, channel)?;
    let kind = parent.kind.thread().filter(|_| parent.kind != Kind::Forum);
    let (parent, kind) = (parent.id, kind.ok_or(Refused::WRONG_CHANNEL)?);
    may(world, parent, CREATE_PUBLIC_THREADS | READ_MESSAGE_HISTORY)?;
    let message = known(world, parent, message)?;
    if message.thread.is_some() {
        return Err(Refused::HAS_THREAD);
    }
    let mut start = start(world, call, parent)?;
    start.from = Some(message.id);
    start.kind = kind;
    let id = world.start_thread(start);
    let thread = world.channels.get(&id).ok_or(Refused::UNKNOWN_CHANNEL)?;
    created(world.channel_json(thread))
}

pub(crate) fn route(world: &mut World, call: &Call, channel: &str, path: &[&str]) -> Done {
    let channel = seen(world, channel)?;
    let id = channel.id;
    match (call.method.as_str(), path) {
        ("POST", ["threads"]) if channel.kind == Kind::Forum => forum_post(world, call, id),
        ("POST", ["threads"]) => alone(world, call, id),
        ("GET", ["threads", "archived", "public"]) => archived(world, call, id, Kind::PublicThread, false),
        ("GET", ["threads", "archived", "private"]) => {
            may(world, id, MANAGE_THREADS)?;
            archived(world, call, id, Kind::PrivateThread, false)
        }
        ("GET", ["users", "@me", "threads", "archived", "private"]) => {
            archived(world, call, id, Kind::PrivateThread, true)
        }
        (_, ["thread-members", who @ ..]) => {
            if channel.thread.is_none() {
                return Err(Refused::WRONG_CHANNEL);
            }
            members(world, call, id, who)
        }
        _ => Err(Refused::not_done(call)),
    }
}

fn start(world: &World, call: &Call, parent: Id) -> Result<Start, Refused> {
    let name = call.body["name"].as_str().unwrap_or_default().trim().to_owned();
    if !(1..=100).contains(&name.chars().count()) {
        return Err(Refused::wrong("name: must be between 1 and 100 in length"));
    }
    let wrong = check_archive(&call.body);
    if !wrong.is_empty() {
        return Err(Refused::invalid(&wrong));
    }
    Ok(Start {
        owner: world.application.bot,
        parent,
        name,
        kind: Kind::PublicThread,
        from: None,
        auto_archive: call.body["auto_archive_duration"]
            .as_u64()
            .unwrap_or(ARCHIVE_AFTER),
        tags: call.body["applied_tags"].as_array().cloned().unwrap_or_default(),
    })
}

/// Without a message. Whoever names no type gets a private thread.
fn alone(world: &mut World, call: &Call, parent: Id) -> Done {
    let mut start = start(world, call, parent)?;
    let public = world
        .channels
        .get(&parent)
        .and_then(|channel| channel.kind.thread());
    let (kind, needed) = match (public, call.body["type"].as_u64()) {
        (None, _) => return Err(Refused::WRONG_CHANNEL),
        (Some(kind), Some(asked)) if asked == u64::from(kind.number()) => (kind, CREATE_PUBLIC_THREADS),
        (Some(Kind::PublicThread), Some(12) | None) => (Kind::PrivateThread, CREATE_PRIVATE_THREADS),
        _ => {
            return Err(Refused::wrong(
                "type: 11 or 12 in a text channel, 10 in one for news",
            ));
        }
    };
    may(world, parent, needed)?;
    start.kind = kind;
    let id = world.start_thread(start);
    let thread = world.channels.get(&id).ok_or(Refused::UNKNOWN_CHANNEL)?;
    created(world.channel_json(thread))
}

fn forum_post(world: &mut World, call: &Call, parent: Id) -> Done {
    may(world, parent, SEND_MESSAGES)?;
    let mut start = start(world, call, parent)?;
    let files = described(&call.body["message"], call)?;
    let first = draft(world, parent, &call.body["message"], &files)?;
    // Thread and first message have one id.
    let id = world.next_id();
    start.from = Some(id);
    let bot = start.owner;
    world.start_thread(start);
    world.post_as(Some(id), bot, id, first);
    let thread = world.channels.get(&id).ok_or(Refused::UNKNOWN_CHANNEL)?;
    let mut json = world.channel_json(thread);
    json["message"] = shown(world, id);
    created(json)
}

fn members(world: &mut World, call: &Call, id: Id, who: &[&str]) -> Done {
    let bot = world.application.bot;
    let channel = world.channels.get(&id).ok_or(Refused::UNKNOWN_CHANNEL)?;
    let one = |user: Id| thread_member_json(channel, user).ok_or(Refused::UNKNOWN_MEMBER);
    match (call.method.as_str(), who) {
        ("GET", []) => {
            let thread = channel.thread.as_ref();
            let users = thread.into_iter().flat_map(|thread| thread.members.keys());
            let list: Vec<Value> = users
                .filter_map(|user| thread_member_json(channel, *user))
                .collect();
            ok(Value::Array(list))
        }
        ("GET", [user]) => ok(one(named(world, user)?)?),
        ("PUT", [user]) => {
            let user = named(world, user)?;
            if channel.is_archived() {
                return Err(Refused::ARCHIVED);
            }
            if user != bot {
                may_write(world, channel)?;
            }
            world.join_thread(id, user);
            empty()
        }
        ("DELETE", [user]) => {
            let user = named(world, user)?;
            let ours = channel.thread.as_ref().is_some_and(|thread| thread.owner == bot);
            if user != bot && !(ours && channel.kind == Kind::PrivateThread) {
                may(world, id, MANAGE_THREADS)?;
            }
            world.leave_thread(id, user);
            empty()
        }
        _ => Err(Refused::not_done(call)),
    }
}

fn named(world: &World, user: &str) -> Result<Id, Refused> {
    if user == "@me" {
        return Ok(world.application.bot);
    }
    let id = user.parse().ok().filter(|id| world.users.contains_key(id));
    id.ok_or(Refused::UNKNOWN_USER)
}

fn archived(world: &World, call: &Call, parent: Id, kind: Kind, joined: bool) -> Done {
    may(world, parent, READ_MESSAGE_HISTORY)?;
    let bot = world.application.bot;
    let since = |channel: &Channel| channel.thread.as_ref().map_or(0, |thread| thread.archive_changed);
    let inside = |channel: &Channel| {
        channel
            .thread
            .as_ref()
            .is_some_and(|thread| thread.members.contains_key(&bot))
    };
    let mut threads: Vec<&Channel> = world
        .channels
        .values()
        .filter(|channel| channel.parent == Some(parent) && channel.kind == kind && channel.is_archived())
        .filter(|channel| !joined || inside(channel))
        .collect();
    // Those that it has joined come by their ids, all others by when they were put away.
    let order = |channel: &Channel| if joined { channel.id.0 } else { since(channel) };
    threads.sort_by_key(|channel| std::cmp::Reverse(order(channel)));
    if let Some(before) = call.query.get("before") {
        let before = if joined {
            before.parse().ok()
        } else {
            moment(before)
        };
        let before = before.ok_or_else(|| Refused::wrong("before: no date, or no id"))?;
        threads.retain(|channel| order(channel) < before);
    }
    let limit = number(call, "limit", 50);
    let more = threads.len() > limit;
    threads.truncate(limit);
    ok(thread_list(world, &threads, more))
}

/// Unix milliseconds.
fn moment(text: &str) -> Option<u64> {
    let at = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    u64::try_from(at.timestamp_millis()).ok()
}
