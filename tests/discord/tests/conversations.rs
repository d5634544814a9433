//! Two conversations from beginning to end, with a small bot of serenity's on the other side.

use discord_fake::{Fake, Fault, Limits, permissions};
use serenity::all::{
    ChannelId, CreateActionRow, CreateAllowedMentions, CreateButton, CreateInteractionResponse,
    CreateInteractionResponseMessage, CreateMessage, CreateThread, EditMessage, GatewayIntents, Interaction,
    ReactionType,
};

use crate::bot::Bot;

#[tokio::test]
async fn a_mention_becomes_a_thread_and_the_answer_grows_there() {
    let fake = Fake::start().await;
    fake.set_limits(Limits::none());
    let guild = fake.guild("g");
    let (channel, alice) = (guild.channel("c"), guild.member("alice"));
    let mut bot = Bot::start(
        &fake,
        GatewayIntents::non_privileged() | GatewayIntents::MESSAGE_CONTENT,
    )
    .await;
    bot.hears_event("GUILD_CREATE").await;

    let asked = alice.says(
        channel,
        &format!("{} what is in this folder?", fake.bot().mention()),
    );
    let question = bot.hears_message("what is in this folder?").await;
    assert!(question.mentions.iter().any(|user| user.id.get() == fake.bot().0));
    let there = question.channel_id;
    let thread = there
        .create_thread_from_message(
            &bot.http,
            question.id,
            CreateThread::new("what is in this folder?"),
        )
        .await
        .expect("a thread");
    question
        .react(&bot.http, ReactionType::Unicode("👀".to_owned()))
        .await
        .expect("reacted");
    thread.id.broadcast_typing(&bot.http).await.expect("typing");
    let first = CreateMessage::new()
        .content("I am")
        .allowed_mentions(CreateAllowedMentions::new());
    let mut answer = thread.id.send_message(&bot.http, first).await.expect("sent");
    for text in ["I am looking", "I am looking: one file"] {
        answer
            .edit(&bot.http, EditMessage::new().content(text))
            .await
            .expect("edited");
    }
    let thread = discord_fake::Id(thread.id.get());
    let grown = fake
        .until("the whole answer", |world| {
            let said = world
                .messages(thread)
                .into_iter()
                .find(|one| one.content.ends_with("one file"))?;
            Some(said.history.clone())
        })
        .await;
    assert_eq!(grown, ["I am", "I am looking"]);
    assert!(fake.look(|world| {
        world
            .message(asked)
            .is_some_and(|one| one.has_reaction("👀", fake.bot()))
    }));

    alice.says(thread, "and in the next one?");
    let next = bot.hears_message("and in the next one?").await;
    assert_eq!(
        next.channel_id.get(),
        thread.0,
        "no mention is needed to be heard in a thread"
    );
    guild.set_roles(&alice, &[guild.role("mod", permissions::MANAGE_THREADS)]);
    alice.renames(thread, "two folders");
    bot.hears_event("THREAD_UPDATE").await;
    alice.archives(thread, true);
    next.channel_id
        .say(&bot.http, "two files")
        .await
        .expect("a word brings it back");
    assert!(fake.look(|world| world.channel(thread).is_some_and(|one| !one.is_archived())));
    bot.stop().await;
}

#[tokio::test]
async fn a_question_with_buttons_survives_a_lost_answer_and_a_broken_connection() {
    let fake = Fake::start().await;
    fake.set_limits(Limits::none());
    let guild = fake.guild("g");
    let (channel, alice, bob) = (guild.channel("c"), guild.member("alice"), guild.member("bob"));
    let mut bot = Bot::start(&fake, GatewayIntents::all()).await;
    bot.hears_event("GUILD_CREATE").await;

    alice.says(channel, "please delete everything");
    let asked = bot.hears_message("please delete everything").await;
    let buttons = vec![
        CreateButton::new("allow:1").label("Allow once"),
        CreateButton::new("deny:1").label("Deny"),
    ];
    let question = || {
        CreateMessage::new()
            .content("`rm -rf .`")
            .components(vec![CreateActionRow::Buttons(buttons.clone())])
            .nonce(serenity::all::Nonce::String("delivery-1".to_owned()))
            .enforce_nonce(true)
    };
    fake.inject(Fault::answer_lost().on("POST", "/channels/*/messages"));
    let there = ChannelId::new(channel.0);
    there
        .send_message(&bot.http, question())
        .await
        .expect_err("the answer was lost");
    let sent = there
        .send_message(&bot.http, question())
        .await
        .expect("the nonce finds it again");
    assert_eq!(fake.said(channel), ["`rm -rf .`"]);

    fake.gateway().drop_connections();
    let card = discord_fake::Id(sent.id.get());
    bob.presses_labelled(card, "Allow once");
    let Interaction::Component(pressed) = bot.hears_interaction().await else {
        panic!("another kind");
    };
    assert_ne!(pressed.user.id, asked.author.id, "bob is not alice");
    let no = CreateInteractionResponseMessage::new()
        .content("only alice may")
        .ephemeral(true);
    pressed
        .create_response(&bot.http, CreateInteractionResponse::Message(no))
        .await
        .expect("answered");
    alice.presses_labelled(card, "Deny");
    let Interaction::Component(pressed) = bot.hears_interaction().await else {
        panic!("another kind");
    };
    let done = CreateInteractionResponseMessage::new()
        .content("denied by alice")
        .components(vec![]);
    pressed
        .create_response(&bot.http, CreateInteractionResponse::UpdateMessage(done))
        .await
        .expect("answered");
    assert_eq!(fake.said(channel), ["denied by alice"]);
    let for_bob = fake.look(|world| world.messages_seen_by(&bob, channel).len());
    let for_alice = fake.look(|world| world.messages_seen_by(&alice, channel).len());
    assert_eq!((for_bob, for_alice), (3, 2));
    bot.stop().await;
}
