//! What the product asks REST for, by plain HTTP and by serenity, each reply valid and readable.

use discord_fake::{Channel, Fake, Fault, Kind, Post, permissions};
use reqwest::Method;
use serde_json::json;
use serenity::all::{
    AutoArchiveDuration, ChannelId, ChannelType, CreateAllowedMentions, CreateAttachment, CreateMessage,
    CreateThread, EditMessage, EditThread, GetMessages, GuildId, ReactionType, UserId,
};

use crate::bot::http;
use crate::plain::Plain;

#[tokio::test]
async fn messages_are_written_read_edited_and_deleted() {
    let fake = Fake::start().await;
    let guild = fake.guild("g");
    let (channel, alice) = (guild.channel("c"), guild.member("alice"));
    let question = alice.says(channel, "what is this?");
    let http = http(&fake);
    let there = ChannelId::new(channel.0);
    let said = there
        .send_message(
            &http,
            CreateMessage::new()
                .content("an answer")
                .reference_message((there, question.0.into())),
        )
        .await
        .expect("sent");
    let mut said = said;
    said.edit(&http, EditMessage::new().content("a better answer"))
        .await
        .expect("edited");
    assert_eq!(fake.said(channel), ["a better answer"]);
    let ours = fake
        .look(|world| world.message(discord_fake::Id(said.id.get())).cloned())
        .expect("there");
    assert_eq!(ours.history, ["an answer"]);
    assert_eq!(ours.reply_to, Some(question));
    assert_eq!(ours.pings.users, [alice.id]);

    there.broadcast_typing(&http).await.expect("typing");
    assert_eq!(fake.look(|world| world.typing(channel).len()), 1);
    let emoji = ReactionType::Unicode("👀".to_owned());
    http.create_reaction(there, question.0.into(), &emoji)
        .await
        .expect("reacted");
    assert!(fake.look(|world| {
        world
            .message(question)
            .is_some_and(|one| one.has_reaction("👀", fake.bot()))
    }));
    http.delete_reaction_me(there, question.0.into(), &emoji)
        .await
        .expect("taken off");
    assert!(fake.look(|world| {
        world
            .message(question)
            .is_some_and(|one| one.reactions.is_empty())
    }));

    for number in 0..5 {
        alice.says(channel, &format!("number {number}"));
    }
    let newest = there
        .messages(&http, GetMessages::new().limit(2))
        .await
        .expect("read");
    assert_eq!(
        newest.iter().map(|one| &*one.content).collect::<Vec<_>>(),
        ["number 4", "number 3"]
    );
    let later = there
        .messages(&http, GetMessages::new().after(said.id).limit(2))
        .await
        .expect("read");
    assert_eq!(
        later.iter().map(|one| &*one.content).collect::<Vec<_>>(),
        ["number 1", "number 0"]
    );
    let earlier = there
        .messages(&http, GetMessages::new().before(said.id))
        .await
        .expect("read");
    assert_eq!(earlier.len(), 1);
    let one = there.message(&http, question.0).await.expect("read");
    assert_eq!(one.content, "what is this?");
    let forwarded = alice.posts(channel, Post::forward(question));
    let listed = there.messages(&http, GetMessages::new().after(said.id)).await;
    assert_eq!(listed.expect("read")[0].id.get(), forwarded.0);
    assert_eq!(fake.take_complaints(), [""; 0]);

    said.delete(&http).await.expect("deleted");
    assert!(fake.said(channel).is_empty());
    let plain = Plain::new(&fake);
    let gone = plain
        .get(&format!("/channels/{channel}/messages/{}", said.id))
        .await;
    assert_eq!((gone.status, gone.code()), (404, 10008));
}

#[tokio::test]
async fn files_go_both_ways_and_are_fetched_without_a_token() {
    let fake = Fake::start().await;
    let guild = fake.guild("g");
    let (channel, alice) = (guild.channel("c"), guild.member("alice"));
    let http = http(&fake);
    let there = ChannelId::new(channel.0);
    let file = CreateAttachment::bytes(&b"+ a line"[..], "a.diff");
    let sent = there
        .send_files(&http, [file], CreateMessage::new().content("see"))
        .await
        .expect("sent");
    let url = &sent.attachments[0].url;
    let fetched = reqwest::Client::new().get(url).send().await.expect("fetched");
    assert_eq!(fetched.bytes().await.expect("whole"), "+ a line");
    let hostile = alice.posts(channel, Post::new("").file("../../x", "text/plain", b"boo"));
    let read = there.message(&http, hostile.0).await.expect("read");
    assert_eq!(read.attachments[0].filename, "../../x");
    assert_eq!(read.attachments[0].download().await.expect("fetched"), b"boo");

    fake.inject(Fault::status(404).on("GET", "/cdn/attachments/*/*/*"));
    fake.inject(Fault::request_lost().on("GET", "/cdn/attachments/*/*/*"));
    let ended = reqwest::Client::new().get(url).send().await.expect("fetched");
    // serenity's own `download` would take the words of the refusal for the file.
    assert_eq!(ended.status(), 404);
    read.attachments[0]
        .download()
        .await
        .expect_err("a connection that broke");

    let plain = Plain::new(&fake);
    let path = format!("/channels/{channel}/messages/{}", sent.id);
    let kept = json!({ "attachments": [{ "id": 0, "description": "new" }] });
    let edited = plain
        .upload(Method::PATCH, &path, &kept, &[("b.txt", b"b")])
        .await;
    assert_eq!(edited.body["attachments"].as_array().map(Vec::len), Some(1));
    assert_eq!(edited.body["attachments"][0]["description"], "new");
}

#[tokio::test]
async fn threads_are_started_changed_joined_and_listed() {
    let fake = Fake::start().await;
    let guild = fake.guild("g");
    let (channel, forum, alice) = (guild.channel("c"), guild.forum("f"), guild.member("alice"));
    let http = http(&fake);
    let there = ChannelId::new(channel.0);
    let question = alice.says(channel, "a question");
    let options = CreateThread::new("the answer").auto_archive_duration(AutoArchiveDuration::OneDay);
    let thread = there
        .create_thread_from_message(&http, question.0, options)
        .await
        .expect("a thread");
    assert_eq!(thread.id.get(), question.0, "a thread from a message has its id");
    let again = there
        .create_thread_from_message(&http, question.0, CreateThread::new("again"))
        .await;
    assert!(
        again
            .expect_err("one thread per message")
            .to_string()
            .contains("already been created")
    );
    let alone = CreateThread::new("alone").kind(ChannelType::PublicThread);
    let alone = there.create_thread(&http, alone).await.expect("a thread");
    let private = there
        .create_thread(&http, CreateThread::new("private"))
        .await
        .expect("a thread");
    assert_eq!(
        private.kind,
        ChannelType::PrivateThread,
        "what names no type is private"
    );
    let post =
        serenity::all::CreateForumPost::new("a post", CreateMessage::new().content("its first message"));
    let post = ChannelId::new(forum.0)
        .create_forum_post(&http, post)
        .await
        .expect("a post");
    assert_eq!(fake.said(discord_fake::Id(post.id.get())), ["its first message"]);

    thread
        .id
        .add_thread_member(&http, UserId::new(alice.id.0))
        .await
        .expect("added");
    assert_eq!(thread.id.get_thread_members(&http).await.expect("read").len(), 2);
    thread
        .id
        .remove_thread_member(&http, UserId::new(alice.id.0))
        .await
        .expect_err("a moderator's right");
    let active = GuildId::new(guild.id.0)
        .get_active_threads(&http)
        .await
        .expect("read");
    assert_eq!(active.threads.len(), 4);
    let mut alone = alone;
    alone
        .edit_thread(&http, EditThread::new().name("renamed").archived(true))
        .await
        .expect("changed");
    let archive = there
        .get_archived_public_threads(&http, None, None)
        .await
        .expect("read");
    assert_eq!(archive.threads[0].name, "renamed");
    // A word brings it back.
    alone.id.say(&http, "hello again").await.expect("sent");
    assert!(!fake.look(|world| {
        world
            .channel(discord_fake::Id(alone.id.get()))
            .is_some_and(Channel::is_archived)
    }));
    assert_eq!(fake.look(|world| world.threads(channel).len()), 3);
    alone.id.leave_thread(&http).await.expect("left");
    alone.id.join_thread(&http).await.expect("joined");
    let text = fake.look(|world| world.channel(channel).map(|one| one.kind));
    assert_eq!(text, Some(Kind::Text));
}

#[tokio::test]
async fn guild_user_application_and_gateway_are_read() {
    let fake = Fake::start().await;
    let guild = fake.guild("g");
    let alice = guild.member("alice");
    let role = guild.role("approvers", 0);
    guild.set_roles(&alice, &[role]);
    let channel = guild.channel("c");
    let http = http(&fake);
    let id = GuildId::new(guild.id.0);
    assert_eq!(http.get_guild(id).await.expect("read").name, "g");
    assert_eq!(id.channels(&http).await.expect("read").len(), 1);
    let member = id.member(&http, alice.id.0).await.expect("read");
    assert_eq!(
        member.roles.iter().map(|one| one.get()).collect::<Vec<_>>(),
        [role.0]
    );
    assert_eq!(id.members(&http, Some(100), None).await.expect("read").len(), 3);
    assert_eq!(id.roles(&http).await.expect("read").len(), 2);
    assert_eq!(
        http.get_current_user().await.expect("read").id.get(),
        fake.bot().0
    );
    assert_eq!(http.get_guilds(None, None).await.expect("read").len(), 1);
    assert_eq!(
        http.get_user(alice.id.0.into()).await.expect("read").name,
        "alice"
    );
    let info = http.get_current_application_info().await.expect("read");
    assert_eq!(info.owner.expect("an owner").id.get(), fake.owner().id.0);
    fake.set_team(&[&alice]);
    let info = http.get_current_application_info().await.expect("read");
    assert_eq!(info.team.expect("a team").owner_user_id.get(), alice.id.0);
    let gateway = http.get_bot_gateway().await.expect("read");
    assert_eq!(
        (gateway.url, gateway.session_start_limit.remaining),
        (fake.gateway_url().to_owned(), 1000)
    );
    assert_eq!(http.get_gateway().await.expect("read").url, fake.gateway_url());
    let direct = UserId::new(alice.id.0)
        .create_dm_channel(&http)
        .await
        .expect("a channel");
    direct.id.say(&http, "psst").await.expect("sent");
    assert_eq!(fake.said(alice.direct()), ["psst"]);
    alice.takes_direct_messages(false);
    let plain = Plain::new(&fake);
    assert_eq!(plain.say(alice.direct(), "are you there?").await.code(), 50007);
    let plain = Plain::new(&fake);
    let applications = plain.get("/applications/@me").await;
    assert_eq!(
        applications.body["team"]["members"][0]["user"]["username"],
        "alice"
    );
    assert!(plain.get(&format!("/channels/{channel}")).await.status == 200);
}

#[tokio::test]
async fn members_are_found_by_name_by_everybody_and_listed_only_with_the_intent() {
    let fake = Fake::start().await;
    let guild = fake.guild("g");
    let (ann, bob) = (guild.member("ann"), guild.member("bob"));
    guild.set_nick(&bob, "Anton");
    let http = http(&fake);
    let there = GuildId::new(guild.id.0);
    assert_eq!(
        there.members(&http, Some(9), None).await.expect("listed").len(),
        4
    );
    fake.set_privileged(0);
    assert!(there.members(&http, Some(9), None).await.is_err());
    let found = there
        .search_members(&http, "AN", Some(9))
        .await
        .expect("searched");
    let found: Vec<u64> = found.iter().map(|member| member.user.id.get()).collect();
    assert_eq!(found, [ann.id.0, bob.id.0]);
}

#[tokio::test]
async fn words_are_hidden_from_who_may_not_read_them() {
    let fake = Fake::start().await;
    let guild = fake.guild("g");
    let (channel, alice) = (guild.channel("c"), guild.member("alice"));
    fake.set_privileged(0);
    let plain = Plain::new(&fake);
    let secret = alice.posts(channel, Post::new("a secret").file("f", "text/plain", b"x"));
    let asked = alice.says(channel, &format!("{} hello", fake.bot().mention()));
    let ours = plain.say(channel, "our own words").await.id();
    let read = async |id| {
        plain
            .get(&format!("/channels/{channel}/messages/{id}"))
            .await
            .body
    };
    let hidden = read(secret).await;
    assert_eq!(
        (&hidden["content"], &hidden["attachments"]),
        (&json!(""), &json!([]))
    );
    assert!(
        read(asked).await["content"]
            .as_str()
            .is_some_and(|text| text.ends_with("hello"))
    );
    assert_eq!(read(ours).await["content"], "our own words");
}

#[tokio::test]
async fn who_is_pinged_follows_the_text_and_the_rules() {
    let fake = Fake::start().await;
    let guild = fake.guild("g");
    let (channel, alice, bob) = (guild.channel("c"), guild.member("alice"), guild.member("bob"));
    let role = guild.role("team", 0);
    let http = http(&fake);
    let text = format!("{} {} <@&{role}> @everyone", alice.mention(), bob.mention());
    let pings = async |rules: Option<CreateAllowedMentions>| {
        let mut message = CreateMessage::new().content(&text);
        if let Some(rules) = rules {
            message = message.allowed_mentions(rules);
        }
        let sent = ChannelId::new(channel.0)
            .send_message(&http, message)
            .await
            .expect("sent");
        fake.look(|world| {
            world
                .message(discord_fake::Id(sent.id.get()))
                .map(|one| one.pings.clone())
        })
        .expect("there")
    };
    let all = pings(None).await;
    assert_eq!(
        (all.users, all.roles, all.everyone),
        (vec![alice.id, bob.id], vec![role], false)
    );
    guild.set_role(guild.id, permissions::EVERYDAY | permissions::MENTION_EVERYONE);
    assert!(pings(None).await.everyone);
    assert!(pings(Some(CreateAllowedMentions::new())).await.is_empty());
    let one = pings(Some(CreateAllowedMentions::new().users([bob.id.0]))).await;
    assert_eq!(
        (one.users, one.roles, one.everyone),
        (vec![bob.id], vec![], false)
    );
}

#[tokio::test]
async fn commands_are_registered_and_keep_their_ids() {
    let fake = Fake::start().await;
    let guild = fake.guild("g");
    let plain = Plain::new(&fake);
    let application = fake.look(|world| world.application().id);
    let path = format!("/applications/{application}/commands");
    let auth = json!({ "name": "auth", "description": "sign in", "type": 1 });
    let stop = json!({ "name": "stop", "description": "stop the turn" });
    let both = plain.send(Method::PUT, &path, json!([auth, stop])).await;
    let first = both.body[0].clone();
    let again = plain.send(Method::PUT, &path, json!([auth])).await;
    assert_eq!(
        again.body,
        json!([first]),
        "what did not change keeps id and version"
    );
    assert_eq!(fake.look(|world| world.commands().len()), 1);
    let changed = json!({ "name": "auth", "description": "sign in again" });
    let changed = plain.post(&path, changed).await;
    assert_eq!((changed.status, &changed.body["id"]), (200, &first["id"]));
    assert_ne!(changed.body["version"], first["version"]);
    let of_guild = format!("/applications/{application}/guilds/{}/commands", guild.id);
    let here = plain.post(&of_guild, stop).await;
    assert_eq!(here.status, 201);
    assert_eq!(plain.get(&of_guild).await.body.as_array().map(Vec::len), Some(1));
    let one = format!("{of_guild}/{}", here.id());
    assert_eq!(
        plain.patch(&one, json!({ "description": "stop" })).await.body["description"],
        "stop"
    );
    assert_eq!(plain.delete(&one).await.status, 204);
    assert_eq!(plain.get(&one).await.code(), 10063);
}
