//! Application commands: global ones and those of a guild.

use serde_json::{Value, json};

use super::{Call, Done, Refused, empty, ok};
use crate::Id;
use crate::limits::check_command;
use crate::world::{Command, World};

pub(crate) fn route(world: &mut World, call: &Call, path: &[&str]) -> Done {
    if path[1] != world.application.id.to_string() {
        return Err(Refused::UNKNOWN_APPLICATION);
    }
    let (guild, rest) = match &path[2..] {
        ["commands", rest @ ..] => (None, rest),
        ["guilds", guild, "commands", rest @ ..] => (Some(joined_guild(world, guild)?), rest),
        _ => return Err(Refused::not_done(call)),
    };
    match (call.method.as_str(), rest) {
        ("GET", []) => {
            let ours = world.commands.iter().filter(|command| command.guild == guild);
            ok(ours.map(|command| rendered(world, command)).collect())
        }
        ("PUT", []) => overwrite(world, call, guild),
        ("POST", []) => {
            check(&call.body)?;
            let known = world
                .commands
                .iter()
                .any(|command| same(command, guild, &call.body));
            let command = register(world, guild, call.body.clone());
            let mut done = ok(rendered(world, &command))?;
            done.status = if known { 200 } else { 201 };
            Ok(done)
        }
        (method, [id]) => {
            let at = world
                .commands
                .iter()
                .position(|command| command.id.to_string() == *id && command.guild == guild);
            let at = at.ok_or(Refused::UNKNOWN_COMMAND)?;
            match method {
                "GET" => ok(rendered(world, &world.commands[at])),
                "DELETE" => {
                    world.commands.remove(at);
                    empty()
                }
                "PATCH" => patch(world, call, at),
                _ => Err(Refused::not_done(call)),
            }
        }
        _ => Err(Refused::not_done(call)),
    }
}

fn joined_guild(world: &World, id: &str) -> Result<Id, Refused> {
    let bot = world.application.bot;
    let guild = id.parse().ok().and_then(|id: Id| world.guilds.get(&id));
    let joined = guild.filter(|guild| guild.members.contains_key(&bot));
    Ok(joined.ok_or(Refused::MISSING_ACCESS)?.id)
}

fn check(body: &Value) -> Result<(), Refused> {
    let wrong = check_command(body);
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(Refused::invalid(&wrong))
    }
}

fn same(command: &Command, guild: Option<Id>, body: &Value) -> bool {
    let kind = |body: &Value| body["type"].as_u64().unwrap_or(1);
    command.guild == guild && command.body["name"] == body["name"] && kind(&command.body) == kind(body)
}

/// One with this name keeps its id; what did not change keeps its version.
fn register(world: &mut World, guild: Option<Id>, body: Value) -> Command {
    let version = world.next_id();
    let mut command = Command {
        id: version,
        guild,
        body,
        version,
    };
    if let Some(at) = world
        .commands
        .iter()
        .position(|known| same(known, guild, &command.body))
    {
        let known = world.commands.remove(at);
        command.id = known.id;
        if known.body == command.body {
            command.version = known.version;
        }
    }
    world.commands.push(command.clone());
    command
}

fn overwrite(world: &mut World, call: &Call, guild: Option<Id>) -> Done {
    let list = call.body.as_array().cloned().unwrap_or_default();
    for body in &list {
        check(body)?;
    }
    if list.len() > 100 {
        return Err(Refused::wrong("100 commands at most"));
    }
    let commands: Vec<Command> = list
        .into_iter()
        .map(|body| register(world, guild, body))
        .collect();
    let kept = |command: &Command| command.guild != guild || commands.iter().any(|one| one.id == command.id);
    world.commands.retain(kept);
    ok(commands.iter().map(|command| rendered(world, command)).collect())
}

fn patch(world: &mut World, call: &Call, at: usize) -> Done {
    let mut body = world.commands[at].body.clone();
    let changes = call.body.as_object().cloned().unwrap_or_default();
    for (key, value) in changes {
        body[key] = value;
    }
    check(&body)?;
    let version = world.next_id();
    let command = &mut world.commands[at];
    command.body = body;
    command.version = version;
    ok(rendered(world, &world.commands[at]))
}

fn rendered(world: &World, command: &Command) -> Value {
    let mut json = command.body.clone();
    bare(&mut json);
    json["id"] = json!(command.id);
    json["application_id"] = json!(world.application.id);
    json["version"] = json!(command.version);
    json["default_member_permissions"] = command.body["default_member_permissions"].clone();
    json["type"] = json!(command.body["type"].as_u64().unwrap_or(1));
    json["description"] = json!(command.body["description"].as_str().unwrap_or_default());
    if let Some(guild) = command.guild {
        json["guild_id"] = json!(guild);
    }
    json
}

/// Discord leaves out what was null.
fn bare(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(bare);
        }
        Value::Array(list) => list.iter_mut().for_each(bare),
        _ => {}
    }
}
