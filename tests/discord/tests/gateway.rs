//! The gateway, frame by frame: who may begin, what is told to whom, how sessions go on, and how connections end.

use std::time::Duration;

use discord_fake::{Fake, Limits, intents};
use serde_json::json;
use serenity::all::{Event, GatewayError, GatewayIntents};

use crate::bot::Bot;
use crate::plain::{Frames, identify};

#[tokio::test]
async fn a_session_begins_with_hello_ready_and_the_guilds() {
    let fake = Fake::start().await;
    let guild = fake.guild("g");
    let channel = guild.channel("c");
    let alice = guild.member("alice");
    let (mut frames, hello) = Frames::open_at(&fake, "?v=10&encoding=json").await;
    assert_eq!(hello["d"]["heartbeat_interval"], 41_250);
    let mut payload = identify(
        &fake,
        intents::GUILDS | intents::GUILD_MESSAGES | intents::MESSAGE_CONTENT,
    );
    payload["d"]["compress"] = json!(true);
    frames.send(payload).await;
    let ready = frames.until("READY").await;
    assert_eq!(
        (&ready["s"], &ready["d"]["guilds"][0]["unavailable"]),
        (&json!(1), &json!(true))
    );
    let create = frames.until("GUILD_CREATE").await;
    assert_eq!(create["d"]["channels"][0]["id"], channel.to_string());
    assert!(frames.zipped > 0, "long frames are compressed");
    frames.send(json!({ "op": 1, "d": 2 })).await;
    assert_eq!(frames.next().await.expect("an answer")["op"], 11);
    let zipped = frames.zipped;
    alice.types(channel);
    alice.says(channel, "hi");
    let message = frames.until("MESSAGE_CREATE").await;
    assert_eq!(
        (&message["s"], &message["d"]["content"]),
        (&json!(3), &json!("hi"))
    );
    assert!(frames.zipped >= zipped);
}

#[tokio::test]
async fn who_may_not_begin_is_told_why_by_a_code() {
    let fake = Fake::start().await;
    fake.set_privileged(intents::GUILD_MEMBERS);
    let cases = [
        (
            json!({ "op": 2, "d": { "token": "wrong", "intents": 1, "properties": {} } }),
            4004,
        ),
        (identify(&fake, intents::GUILDS | intents::MESSAGE_CONTENT), 4014),
        (identify(&fake, 1 << 40), 4013),
        (
            json!({ "op": 2, "d": { "token": fake.token(), "intents": 1 } }),
            4002,
        ),
        (json!({ "op": 8, "d": {} }), 4003),
        (json!({ "op": 99, "d": {} }), 4001),
        (
            json!({ "op": 6, "d": { "token": "wrong", "session_id": "x", "seq": 0 } }),
            4004,
        ),
    ];
    for (payload, code) in cases {
        let mut frames = Frames::open(&fake).await;
        frames.send(payload.clone()).await;
        assert_eq!(frames.closed().await, code, "{payload}");
    }
    let mut frames = Frames::open(&fake).await;
    let mut payload = identify(&fake, intents::GUILDS | intents::GUILD_MEMBERS);
    payload["d"]["shard"] = json!([2, 2]);
    frames.send(payload).await;
    assert_eq!(frames.closed().await, 4010);
    let (mut frames, _) = Frames::identified(&fake, intents::GUILDS).await;
    frames.send(identify(&fake, intents::GUILDS)).await;
    assert_eq!(frames.closed().await, 4005);
    assert_eq!(
        Frames::open_at(&fake, "?v=9").await.0.closed().await,
        0,
        "closed before HELLO"
    );
    assert_eq!(
        fake.look(|world| world.gateway().closed_with.last().copied()),
        Some(4012)
    );
}

#[tokio::test]
async fn serenity_gives_up_on_a_bad_token_and_on_forbidden_intents() {
    let fake = Fake::start().await;
    fake.set_privileged(0);
    let bot = Bot::start(&fake, GatewayIntents::all()).await;
    let error = bot.ended().await;
    let expected = matches!(
        error,
        serenity::Error::Gateway(GatewayError::DisallowedGatewayIntents)
    );
    assert!(expected, "{error:?}");
}

#[tokio::test]
async fn words_are_given_only_to_those_who_may_read_them() {
    let fake = Fake::start().await;
    let guild = fake.guild("g");
    let (channel, alice) = (guild.channel("c"), guild.member("alice"));
    let all = intents::GUILDS | intents::GUILD_MESSAGES | intents::DIRECT_MESSAGES;
    let (mut blind, _) = Frames::identified(&fake, all).await;
    let (mut sighted, _) = Frames::identified(&fake, all | intents::MESSAGE_CONTENT).await;
    let (mut deaf, _) = Frames::identified(&fake, intents::GUILDS).await;
    alice.says(channel, "a secret");
    assert_eq!(blind.until("MESSAGE_CREATE").await["d"]["content"], "");
    assert_eq!(sighted.until("MESSAGE_CREATE").await["d"]["content"], "a secret");
    alice.says(channel, &format!("{} a question", fake.bot().mention()));
    let text = blind.until("MESSAGE_CREATE").await["d"]["content"].clone();
    assert!(
        text.as_str().is_some_and(|text| text.ends_with("a question")),
        "{text}"
    );
    alice.says(alice.direct(), "in private");
    assert_eq!(blind.until("MESSAGE_CREATE").await["d"]["content"], "in private");
    guild.channel("d");
    deaf.until("GUILD_CREATE").await;
    let next = deaf.next().await.expect("an event");
    assert_eq!(
        next["t"], "CHANNEL_CREATE",
        "messages did not reach who did not ask for them"
    );
    guild.overwrite(channel, fake.bot(), 0, discord_fake::permissions::VIEW_CHANNEL);
    alice.says(channel, "behind a closed door");
    alice.says(guild.channel("d"), "in the open");
    let next = sighted.until("MESSAGE_CREATE").await;
    let next = if next["d"]["content"] == "in private" {
        sighted.until("MESSAGE_CREATE").await
    } else {
        next
    };
    assert_ne!(next["d"]["content"], "behind a closed door");
}

#[tokio::test]
async fn a_session_goes_on_where_it_was_and_nothing_is_missing() {
    let fake = Fake::start().await;
    let guild = fake.guild("g");
    let (channel, alice) = (guild.channel("c"), guild.member("alice"));
    let wanted = intents::GUILDS | intents::GUILD_MESSAGES | intents::MESSAGE_CONTENT;
    let (mut frames, ready) = Frames::identified(&fake, wanted).await;
    frames.until("GUILD_CREATE").await;
    alice.says(channel, "seen");
    let seen = frames.until("MESSAGE_CREATE").await["s"].clone();
    fake.gateway().drop_connections();
    assert_eq!(frames.closed().await, 0);
    fake.until("the end of the connection", |world| {
        (world.gateway().connected() == 0).then_some(())
    })
    .await;
    alice.says(channel, "missed");
    let resume = |seq: &serde_json::Value| json!({ "op": 6, "d": { "token": fake.token(), "session_id": ready["d"]["session_id"], "seq": seq } });
    let mut again = Frames::open(&fake).await;
    again.send(resume(&seen)).await;
    let missed = again.next().await.expect("an event");
    assert_eq!(
        (&missed["t"], &missed["d"]["content"]),
        (&json!("MESSAGE_CREATE"), &json!("missed"))
    );
    assert_eq!(again.next().await.expect("an event")["t"], "RESUMED");
    let mut ahead = Frames::open(&fake).await;
    ahead.send(resume(&json!(1000))).await;
    assert_eq!(ahead.closed().await, 4007);
    fake.gateway().invalidate_sessions(true);
    assert_eq!(again.until_op(9).await["d"], true);
    fake.gateway().drop_connections();
    assert_eq!(again.closed().await, 0);
    let mut again = Frames::open(&fake).await;
    again.send(resume(&seen)).await;
    again.until("RESUMED").await;
    fake.gateway().drop_connections();
    assert_eq!(again.closed().await, 0);
    fake.until("the end of the connection", |world| {
        (world.gateway().connected() == 0).then_some(())
    })
    .await;
    fake.clock().advance(Duration::from_mins(4));
    let mut late = Frames::open(&fake).await;
    late.send(resume(&seen)).await;
    assert_eq!(
        late.until_op(9).await["d"],
        false,
        "nobody came back for too long"
    );
    let (mut again, ready) = Frames::identified(&fake, wanted).await;
    let resume = |seq: &serde_json::Value| json!({ "op": 6, "d": { "token": fake.token(), "session_id": ready["d"]["session_id"], "seq": seq } });
    fake.gateway().invalidate_sessions(false);
    assert_eq!(again.until_op(9).await["d"], false);
    let mut late = Frames::open(&fake).await;
    late.send(resume(&seen)).await;
    assert_eq!(late.until_op(9).await["d"], false, "the session is gone");
}

#[tokio::test]
async fn connections_that_do_not_beat_or_beat_too_much_are_closed() {
    let fake = Fake::start().await;
    fake.gateway().beat_every(Duration::from_millis(200));
    let (mut frames, _) = Frames::identified(&fake, intents::GUILDS).await;
    assert_eq!(frames.closed().await, 4009);
    fake.gateway().beat_every(Duration::from_secs(40));
    let (mut frames, _) = Frames::identified(&fake, intents::GUILDS).await;
    for _ in 0..120 {
        frames.send(json!({ "op": 1, "d": null })).await;
    }
    assert_eq!(frames.closed().await, 4008);
}

#[tokio::test]
async fn session_starts_are_limited_by_day_and_by_pace() {
    let fake = Fake::start().await;
    fake.gateway().set_start_limits(2, 1);
    Frames::identified(&fake, intents::GUILDS).await;
    let mut fast = Frames::open(&fake).await;
    fast.send(identify(&fake, intents::GUILDS)).await;
    assert_eq!(fast.next().await.expect("an answer")["op"], 9, "too fast");
    fake.clock().advance(Duration::from_secs(6));
    fast.send(identify(&fake, intents::GUILDS)).await;
    fast.until("READY").await;
    fake.clock().advance(Duration::from_secs(6));
    let mut third = Frames::open(&fake).await;
    third.send(identify(&fake, intents::GUILDS)).await;
    assert_eq!(third.closed().await, 4004, "two a day were allowed");
    fake.clock().advance(Duration::from_hours(24));
    Frames::identified(&fake, intents::GUILDS).await;
}

#[tokio::test]
async fn each_shard_hears_of_its_own_guilds() {
    let fake = Fake::start().await;
    // Ids that are a millisecond apart fall on different shards.
    let mut guilds = vec![fake.guild("g0")];
    let shard_of = |id: discord_fake::Id| (id.0 >> 22) % 2;
    while guilds
        .iter()
        .all(|guild| shard_of(guild.id) == shard_of(guilds[0].id))
    {
        fake.clock().advance(Duration::from_millis(1));
        guilds.push(fake.guild(&format!("g{}", guilds.len())));
    }
    for shard in 0..2 {
        let mut frames = Frames::open(&fake).await;
        let mut payload = identify(&fake, intents::GUILDS);
        payload["d"]["shard"] = json!([shard, 2]);
        frames.send(payload).await;
        let ready = frames.until("READY").await;
        let ours = guilds.iter().filter(|guild| shard_of(guild.id) == shard).count();
        assert_eq!(ready["d"]["guilds"].as_array().map(Vec::len), Some(ours));
    }
}

#[tokio::test]
async fn serenity_comes_back_after_every_kind_of_end() {
    let fake = Fake::start().await;
    fake.set_limits(Limits::none());
    let guild = fake.guild("g");
    let (channel, alice) = (guild.channel("c"), guild.member("alice"));
    let mut bot = Bot::start(&fake, GatewayIntents::all()).await;
    bot.hears_event("GUILD_CREATE").await;
    fake.gateway().drop_connections();
    fake.until("the end of the connection", |world| {
        (world.gateway().connected() == 0).then_some(())
    })
    .await;
    alice.says(channel, "while nobody listened");
    bot.hears_message("while nobody listened").await;
    bot.hears_event("RESUMED").await;
    fake.gateway().ask_to_reconnect();
    bot.hears_event("RESUMED").await;
    fake.gateway().close_connections(4000);
    bot.hears_event("RESUMED").await;
    fake.gateway().invalidate_sessions(false);
    let Event::Ready(_) = bot.hears_event("READY").await else {
        panic!("another event of that name");
    };
    alice.says(channel, "a new session");
    bot.hears_message("a new session").await;
    assert_eq!(
        fake.look(|world| (world.gateway().identified, world.gateway().resumed)),
        (2, 3)
    );
    bot.stop().await;
}
