//! The application itself, its user, its direct conversations, and where its gateway is.

use serde_json::{Value, json};

use super::{Call, Done, Refused, number, ok};
use crate::Id;
use crate::permissions;
use crate::world::World;

pub(crate) fn route(world: &mut World, call: &Call, path: &[&str]) -> Done {
    match (call.method.as_str(), path) {
        ("GET", ["gateway"]) => ok(json!({ "url": world.gateway.url })),
        ("GET", ["gateway", "bot"]) => gateway(world),
        ("GET", ["applications" | "oauth2", .., "@me"]) => ok(application(world)),
        ("GET", ["users", "@me"]) => ok(me(world)),
        ("GET", ["users", "@me", "guilds"]) => ok(my_guilds(world, call)),
        ("POST", ["users", "@me", "channels"]) => direct(world, call),
        ("GET", ["users", id]) => {
            let user = id.parse().ok().and_then(|id: Id| world.users.get(&id));
            ok(user.ok_or(Refused::UNKNOWN_USER)?.json())
        }
        _ => Err(Refused::not_done(call)),
    }
}

fn gateway(world: &mut World) -> Done {
    let now = world.clock.now();
    let (left, reset_after) = world.gateway.starts_left(now);
    let gateway = &world.gateway;
    ok(json!({
        "url": gateway.url, "shards": world.guilds.len() / 1000 + 1,
        "session_start_limit": {
            "total": gateway.start_limit, "remaining": left, "reset_after": reset_after,
            "max_concurrency": gateway.concurrency,
        },
    }))
}

fn me(world: &World) -> Value {
    let mut json = world.user(world.application.bot).json();
    json["mfa_enabled"] = json!(false);
    json["locale"] = json!("en-US");
    json["verified"] = json!(true);
    json["email"] = Value::Null;
    json
}

/// In pages of at most 200, in order of their ids.
fn my_guilds(world: &World, call: &Call) -> Value {
    let bot = world.application.bot;
    let after = call.query.get("after").and_then(|text| text.parse().ok());
    let ours = world
        .guilds
        .values()
        .filter(|guild| guild.members.contains_key(&bot))
        .filter(|guild| after.is_none_or(|after| guild.id > after))
        .take(number(call, "limit", 200).min(200));
    ours.map(|guild| {
        json!({
            "id": guild.id, "name": guild.name, "icon": null, "banner": null, "owner": guild.owner == bot,
            "permissions": permissions::in_guild(guild, bot).to_string(), "features": [],
        })
    })
    .collect()
}

fn application(world: &World) -> Value {
    let application = &world.application;
    let flags = world.application_flags();
    json!({
        "id": application.id, "name": "agent", "icon": null, "description": "", "type": null,
        "bot": world.user(application.bot).json(), "bot_public": false, "bot_require_code_grant": false,
        "verify_key": "0".repeat(64), "flags": flags, "flags_new": flags.to_string(), "redirect_uris": [],
        "interactions_endpoint_url": null, "role_connections_verification_url": null,
        "owner": world.user(application.owner).json(), "approximate_guild_count": world.guilds.len(),
        "approximate_user_install_count": 0, "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0, "team": team(world), "eligible_oauth2_scopes": [],
    })
}

fn team(world: &World) -> Value {
    let application = &world.application;
    let Some(owner) = application.team.first() else {
        return Value::Null;
    };
    // The team is named after the application: nothing else refers to it.
    let member = |user: &Id, state: u8| {
        json!({
            "user": world.user(*user).json(), "team_id": application.id, "membership_state": state,
            "role": if user == owner { "admin" } else { "developer" }, "permissions": ["*"],
        })
    };
    let accepted = application.team.iter().map(|user| member(user, 2));
    let invited = application.invited.iter().map(|user| member(user, 1));
    json!({
        "id": application.id, "icon": null, "name": "team", "owner_user_id": owner,
        "members": accepted.chain(invited).collect::<Vec<_>>(),
    })
}

fn direct(world: &mut World, call: &Call) -> Done {
    let user = call.body["recipient_id"].as_str().and_then(|id| id.parse().ok());
    let user = user
        .filter(|id| world.users.contains_key(id))
        .ok_or(Refused::UNKNOWN_USER)?;
    let id = world.direct(user);
    let channel = world.channels.get(&id).ok_or(Refused::UNKNOWN_CHANNEL)?;
    ok(world.channel_json(channel))
}
