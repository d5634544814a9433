//! Who may what, by roles and overwrites, and how it is refused.

use discord_fake::{Fake, Limits, permissions as may};
use serde_json::json;

use crate::plain::Plain;

#[tokio::test]
async fn what_the_bot_may_not_see_or_do_is_refused_by_name() {
    let fake = Fake::start().await;
    fake.set_limits(Limits::none());
    let guild = fake.guild("g");
    let (channel, alice, bot) = (guild.channel("c"), guild.member("alice"), fake.bot());
    let question = alice.says(channel, "a question");
    let plain = Plain::new(&fake);
    let messages = format!("/channels/{channel}/messages");
    let say = async || {
        let answer = plain.say(channel, "x").await;
        (answer.status, answer.body["code"].as_u64().unwrap_or(0))
    };
    assert_eq!(say().await, (200, 0));
    guild.overwrite(channel, bot, 0, may::SEND_MESSAGES);
    assert_eq!(say().await, (403, 50013));
    assert_eq!(plain.get(&messages).await.status, 200, "reading is another right");
    guild.overwrite(channel, bot, 0, may::READ_MESSAGE_HISTORY);
    assert_eq!(
        plain.get(&messages).await.body,
        json!([]),
        "without history there is an empty list"
    );
    let reply = json!({ "content": "x", "message_reference": { "message_id": question.to_string() } });
    assert_eq!(plain.post(&messages, reply).await.code(), 160_002);
    let react = format!("{messages}/{question}/reactions/%F0%9F%91%80/@me");
    assert_eq!(plain.put(&react).await.code(), 50013);
    guild.overwrite(channel, bot, 0, may::VIEW_CHANNEL);
    assert_eq!(say().await, (403, 50001));
    guild.overwrite(channel, bot, 0, may::CREATE_PUBLIC_THREADS);
    let thread = json!({ "name": "n" });
    assert_eq!(
        plain
            .post(&format!("{messages}/{question}/threads"), thread)
            .await
            .code(),
        50013
    );
    guild.overwrite(channel, bot, 0, may::ATTACH_FILES | may::EMBED_LINKS);
    assert_eq!(
        plain
            .post(&messages, json!({ "embeds": [{ "title": "t" }] }))
            .await
            .code(),
        50013
    );
    guild.overwrite(channel, bot, 0, 0);
    assert_eq!(
        plain.delete(&format!("{messages}/{question}")).await.code(),
        50013
    );
    assert_eq!(
        plain
            .patch(&format!("{messages}/{question}"), json!({ "content": "x" }))
            .await
            .code(),
        50005
    );
    assert_eq!(plain.get("/channels/1").await.code(), 10003);
    assert_eq!(plain.get("/guilds/1").await.code(), 10004);
    let path = format!("/guilds/{}", guild.id);
    guild.expel_bot();
    assert_eq!(say().await, (403, 50001), "out of the guild");
    assert_eq!(plain.get(&path).await.code(), 50001);
}

#[tokio::test]
async fn overwrites_count_in_their_order() {
    let fake = Fake::start().await;
    let guild = fake.guild("g");
    let (channel, alice) = (guild.channel("c"), guild.member("alice"));
    let (low, high) = (guild.role("low", 0), guild.role("high", 0));
    guild.set_roles(&alice, &[low, high]);
    let speaks = || fake.look(|world| world.permissions(alice.id, channel) & may::SEND_MESSAGES != 0);
    assert!(speaks());
    guild.overwrite(channel, guild.id, 0, may::SEND_MESSAGES);
    assert!(!speaks(), "everyone's overwrite");
    guild.overwrite(channel, low, may::SEND_MESSAGES, 0);
    assert!(speaks(), "a role's goes over everyone's");
    guild.overwrite(channel, high, 0, may::SEND_MESSAGES);
    assert!(speaks(), "among roles, allowed is allowed");
    guild.overwrite(channel, &alice, 0, may::SEND_MESSAGES);
    assert!(!speaks(), "one's own goes over the roles'");
    guild.overwrite(channel, &alice, may::SEND_MESSAGES, may::VIEW_CHANNEL);
    assert!(!speaks(), "nobody speaks in what they can't see");
    guild.set_role(high, may::ADMINISTRATOR);
    assert!(speaks(), "an administrator may everything");
    guild.set_role(high, 0);
    let owner = fake
        .look(|world| world.guild(guild.id).map(|one| one.owner))
        .expect("a guild");
    assert!(fake.look(|world| world.permissions(owner, channel) & may::MANAGE_THREADS != 0));
    let stranger = fake.person("stranger");
    let sees = || fake.look(|world| world.sees(stranger.id, channel));
    assert!(!sees());
    guild.admit(&stranger);
    assert!(sees());
    guild.kick(&alice);
    assert_eq!(fake.look(|world| world.permissions(alice.id, channel)), 0);
}

#[tokio::test]
async fn archived_and_locked_threads_take_what_discord_lets_them_take() {
    let fake = Fake::start().await;
    fake.set_limits(Limits::none());
    let guild = fake.guild("g");
    let (channel, alice) = (guild.channel("c"), guild.member("alice"));
    guild.set_roles(&alice, &[guild.role("mod", may::ADMINISTRATOR)]);
    let thread = alice.starts_thread(channel, "t", None);
    let plain = Plain::new(&fake);
    let ours = plain.say(thread, "first").await.id();
    let path = format!("/channels/{thread}/messages/{ours}");
    alice.archives(thread, true);
    assert_eq!(plain.patch(&path, json!({ "content": "x" })).await.code(), 50083);
    assert_eq!(
        plain.put(&format!("{path}/reactions/%E2%9C%85/@me")).await.code(),
        50083
    );
    assert_eq!(
        plain.say(thread, "second").await.status,
        200,
        "a word brings it back"
    );
    assert_eq!(plain.patch(&path, json!({ "content": "x" })).await.status, 200);
    alice.locks(thread, true);
    assert_eq!(plain.say(thread, "third").await.code(), 160_005);
    alice.archives(thread, true);
    assert_eq!(plain.say(thread, "third").await.code(), 160_005);
    let open = json!({ "archived": false });
    assert_eq!(
        plain.patch(&format!("/channels/{thread}"), open).await.code(),
        50013
    );
    guild.set_roles(fake.bot(), &[guild.role("bots", may::MANAGE_THREADS)]);
    assert_eq!(plain.say(thread, "third").await.status, 200, "a moderator may");
    alice.deletes_channel(thread);
    assert_eq!(plain.say(thread, "fourth").await.code(), 10003);
    let private = alice.starts_private_thread(channel, "p");
    assert_eq!(
        plain.say(private, "x").await.status,
        200,
        "a moderator sees private threads"
    );
    guild.set_roles(fake.bot(), &[]);
    let other = alice.starts_private_thread(channel, "q");
    assert_eq!(plain.say(other, "x").await.code(), 50001);
    alice.adds(other, fake.bot());
    assert_eq!(plain.say(other, "x").await.status, 200);
}
