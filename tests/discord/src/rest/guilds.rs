//! Guilds as the bot reads them.

use serde_json::{Value, json};

use super::{Call, Done, Refused, number, ok};
use crate::Id;
use crate::gateway::intents::GUILD_MEMBERS;
use crate::world::{Channel, Guild, Role, World, thread_member_json};

pub(crate) fn route(world: &mut World, call: &Call, path: &[&str]) -> Done {
    let bot = world.application.bot;
    let id: Option<Id> = path.get(1).and_then(|id| id.parse().ok());
    let guild = id
        .and_then(|id| world.guilds.get(&id))
        .ok_or(Refused::UNKNOWN_GUILD)?;
    if !guild.members.contains_key(&bot) {
        return Err(Refused::MISSING_ACCESS);
    }
    match (call.method.as_str(), &path[2..]) {
        ("GET", []) => ok(guild.json()),
        ("GET", ["roles"]) => ok(guild.roles.values().map(Role::json).collect()),
        ("GET", ["channels"]) => {
            let ours = world
                .channels
                .values()
                .filter(|channel| channel.guild == Some(guild.id));
            ok(ours
                .filter(|channel| channel.thread.is_none())
                .map(|one| world.channel_json(one))
                .collect())
        }
        // Discord keeps whole lists from who has not said that it needs them.
        ("GET", ["members"]) if world.application.privileged & GUILD_MEMBERS == 0 => {
            Err(Refused::MISSING_ACCESS)
        }
        ("GET", ["members"]) => ok(members(world, call, guild)),
        ("GET", ["members", "search"]) => ok(search(world, call, guild)),
        ("GET", ["members", user]) => {
            let user = user.parse().map_err(|_| Refused::UNKNOWN_USER)?;
            if !world.users.contains_key(&user) {
                return Err(Refused::UNKNOWN_USER);
            }
            ok(world.member_json(guild, user).ok_or(Refused::UNKNOWN_MEMBER)?)
        }
        ("GET", ["threads", "active"]) => {
            let open = |channel: &&Channel| {
                channel.guild == Some(guild.id) && channel.thread.is_some() && !channel.is_archived()
            };
            let mut threads: Vec<_> = world
                .channels
                .values()
                .filter(open)
                .filter(|thread| world.sees(bot, thread.id))
                .collect();
            threads.reverse();
            ok(thread_list(world, &threads, false))
        }
        _ => Err(Refused::not_done(call)),
    }
}

fn members(world: &World, call: &Call, guild: &Guild) -> Value {
    let after = call
        .query
        .get("after")
        .and_then(|text| text.parse().ok())
        .unwrap_or(Id(0));
    let later = guild.members.keys().filter(|user| **user > after);
    later
        .take(number(call, "limit", 1))
        .filter_map(|user| world.member_json(guild, *user))
        .collect()
}

/// Members whose username or nickname begins with what is looked for, whatever the intents; names that people chose to be
/// shown everywhere do not count. <https://docs.discord.com/developers/resources/guild#search-guild-members>
fn search(world: &World, call: &Call, guild: &Guild) -> Value {
    let begins = |name: &str| {
        let query = call.query.get("query").map(|text| text.to_lowercase());
        query.is_some_and(|query| name.to_lowercase().starts_with(&query))
    };
    let members = guild.members.values().filter(|member| {
        let nick = member.nick.as_deref();
        begins(&world.user(member.user).name) || nick.is_some_and(begins)
    });
    members
        .take(number(call, "limit", 1))
        .filter_map(|member| world.member_json(guild, member.user))
        .collect()
}

/// As the lists of threads have it: with the bot's own membership.
pub(crate) fn thread_list(world: &World, threads: &[&Channel], more: bool) -> Value {
    let bot = world.application.bot;
    let members = threads
        .iter()
        .filter_map(|thread| thread_member_json(thread, bot));
    json!({
        "members": members.collect::<Vec<_>>(), "has_more": more,
        "threads": threads.iter().map(|thread| world.channel_json(thread)).collect::<Vec<_>>(),
    })
}
