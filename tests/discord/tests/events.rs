//! Every kind of event that the product uses, read by serenity.

use discord_fake::{Fake, Post, permissions};
use serde_json::json;
use serenity::all::{Event, GatewayIntents, MessageType};

use crate::bot::{Bot, Heard};

#[tokio::test]
async fn serenity_reads_everything_that_is_said_and_asked() {
    let fake = Fake::start().await;
    let guild = fake.guild("g");
    let (channel, forum) = (guild.channel("c"), guild.forum("f"));
    let alice = guild.member("alice");
    let mut bot = Bot::start(&fake, GatewayIntents::all()).await;
    bot.hears_event("READY").await;
    let Event::GuildCreate(create) = bot.hears_event("GUILD_CREATE").await else {
        panic!("another event of that name");
    };
    assert_eq!(create.guild.members.len(), 3);
    assert_eq!(create.guild.channels.len(), 2);

    let moderator = guild.role("mod", permissions::ADMINISTRATOR);
    bot.hears_event("GUILD_ROLE_CREATE").await;
    guild.set_role(
        moderator,
        permissions::ADMINISTRATOR | permissions::MANAGE_THREADS,
    );
    bot.hears_event("GUILD_ROLE_UPDATE").await;
    guild.set_roles(&alice, &[moderator]);
    bot.hears_event("GUILD_MEMBER_UPDATE").await;

    let words = Post::new("look").file("a.txt", "text/plain", b"hello");
    let first = alice.posts(channel, words);
    bot.hears_message("look").await;
    alice.posts(channel, Post::new("and this").reply_to(first));
    let reply = bot.hears_message("and this").await;
    assert_eq!(
        reply.referenced_message.expect("the original").attachments.len(),
        1
    );
    alice.edits(first, "looked");
    bot.hears_event("MESSAGE_UPDATE").await;
    alice.reacts(first, "👀");
    bot.hears_event("MESSAGE_REACTION_ADD").await;
    alice.unreacts(first, "👀");
    bot.hears_event("MESSAGE_REACTION_REMOVE").await;
    alice.types(channel);
    bot.hears_event("TYPING_START").await;

    let thread = alice.starts_thread(channel, "a thread", Some(first));
    bot.hears_event("THREAD_CREATE").await;
    alice.adds(thread, fake.bot());
    bot.hears_event("THREAD_MEMBER_UPDATE").await;
    bot.hears_event("THREAD_MEMBERS_UPDATE").await;
    alice.renames(thread, "another name");
    bot.hears_event("THREAD_UPDATE").await;
    alice.deletes_channel(thread);
    bot.hears_event("THREAD_DELETE").await;
    let post = alice.posts_in_forum(forum, "a post", "please help");
    let Event::ThreadCreate(created) = bot.hears_event("THREAD_CREATE").await else {
        panic!("another event of that name");
    };
    assert_eq!(created.thread.id.get(), post.0);
    bot.hears_message("please help").await;

    alice.deletes(first);
    bot.hears_event("MESSAGE_DELETE").await;
    alice.says(alice.direct(), "in private");
    assert!(bot.hears_message("in private").await.guild_id.is_none());

    let commands = json!([{ "name": "auth", "description": "sign in", "options": [
        { "type": 3, "name": "vendor", "description": "which", "autocomplete": true },
    ] }]);
    let http = &bot.http;
    http.set_application_id(fake.look(|world| world.application().id.0).into());
    http.create_global_commands(&commands).await.expect("commands");
    alice.completes(channel, "auth", &[("vendor", json!("co"))], "vendor");
    bot.hears_interaction().await;
    alice.slash(channel, "auth", &[("vendor", json!("codex"))]);
    bot.hears_interaction().await;
    alice.slash(alice.direct(), "auth", &[]);
    bot.hears_interaction().await;
    bot.stop().await;
}

#[tokio::test]
async fn serenity_reads_every_change_of_who_and_what_is_there() {
    let fake = Fake::start().await;
    let guild = fake.guild("g");
    let channel = guild.channel("c");
    let alice = guild.member("alice");
    let moderator = guild.role("mod", permissions::ADMINISTRATOR);
    guild.set_roles(&alice, &[moderator]);
    let mut bot = Bot::start(&fake, GatewayIntents::all()).await;
    bot.hears_event("GUILD_CREATE").await;

    let robot = guild.other_bot("robot");
    robot.says(channel, "I am a machine");
    assert!(bot.hears_message("I am a machine").await.author.bot);
    guild.webhook("hook").says(channel, "from elsewhere");
    assert!(bot.hears_message("from elsewhere").await.webhook_id.is_some());
    let open = alice.starts_thread(channel, "still open", None);
    guild.overwrite(channel, fake.bot(), 0, permissions::VIEW_CHANNEL);
    bot.hears_event("CHANNEL_UPDATE").await;
    guild.overwrite(channel, fake.bot(), 0, 0);
    let Event::ThreadListSync(sync) = bot.hears_event("THREAD_LIST_SYNC").await else {
        panic!("another event of that name");
    };
    assert_eq!(
        sync.threads.iter().map(|one| one.id.get()).collect::<Vec<_>>(),
        [open.0]
    );
    let private = alice.starts_private_thread(channel, "between us");
    alice.adds(private, fake.bot());
    bot.hears("the private thread", |heard| match heard {
        Heard::Raw(event) => match &**event {
            Event::ThreadCreate(create) if create.thread.id.get() == private.0 => Some(()),
            _ => None,
        },
        _ => None,
    })
    .await;

    let other = guild.channel("d");
    bot.hears_event("CHANNEL_CREATE").await;
    alice.renames(other, "e");
    bot.hears_event("CHANNEL_UPDATE").await;
    alice.deletes_channel(other);
    bot.hears_event("CHANNEL_DELETE").await;
    let bob = guild.member("bob");
    bot.hears_event("GUILD_MEMBER_ADD").await;
    guild.kick(&bob);
    bot.hears_event("GUILD_MEMBER_REMOVE").await;
    guild.delete_role(moderator);
    bot.hears_event("GUILD_ROLE_DELETE").await;

    fake.gateway().drop_connections();
    bot.hears_event("RESUMED").await;
    guild.expel_bot();
    bot.hears_event("GUILD_DELETE").await;
    bot.stop().await;
}

#[tokio::test]
async fn a_bot_without_the_intent_for_members_hears_only_when_it_comes_into_a_thread_or_is_taken_out() {
    let fake = Fake::start().await;
    let guild = fake.guild("g");
    let (alice, bob, manager) = (
        guild.member("alice"),
        guild.member("bob"),
        guild.member("g-owner"),
    );
    let thread = alice.starts_thread(guild.channel("c"), "t", None);
    let wanted = GatewayIntents::GUILDS | GatewayIntents::GUILD_MESSAGES | GatewayIntents::MESSAGE_CONTENT;
    let mut bot = Bot::start(&fake, wanted).await;
    let Event::GuildCreate(create) = bot.hears_event("GUILD_CREATE").await else {
        panic!("another event of that name");
    };
    assert!(create.guild.threads.iter().all(|thread| thread.member.is_none()));
    alice.adds(thread, &bob);
    manager.removes(thread, &bob);
    alice.adds(thread, fake.bot());
    manager.removes(thread, fake.bot());
    let mut changes = vec![];
    for _ in 0..2 {
        let Event::ThreadMembersUpdate(change) = bot.hears_event("THREAD_MEMBERS_UPDATE").await else {
            panic!("another event of that name");
        };
        let came = change.added_members.iter().map(|member| member.user_id.get());
        let went = change.removed_member_ids.iter().map(|user| user.get());
        changes.push((came.collect::<Vec<_>>(), went.collect::<Vec<_>>()));
    }
    assert_eq!(
        changes,
        [(vec![fake.bot().0], vec![]), (vec![], vec![fake.bot().0])]
    );
    let note = bot
        .hears("the note", |heard| match heard {
            Heard::Message(message) if message.mentions.iter().any(|user| user.id.get() == fake.bot().0) => {
                Some(message.clone())
            }
            _ => None,
        })
        .await;
    assert_eq!(
        (note.kind, note.author.id.get()),
        (MessageType::GroupRecipientRemoval, manager.id.0)
    );
    // Who writes there is a member again.
    bot.http
        .send_message(thread.0.into(), vec![], &json!({ "content": "here" }))
        .await
        .expect("it is public");
    bot.hears_event("THREAD_MEMBERS_UPDATE").await;
    bot.stop().await;
}
