//! Interactions: in time, once, by whom they concern, and as long as their token lives.

use std::time::Duration;

use discord_fake::{Answer, Fake, GuildScene, Id, Limits, Person};
use serde_json::{Value, json};
use serenity::all::{
    ActionRowComponent, CreateActionRow, CreateButton, CreateInputText, CreateInteractionResponse,
    CreateInteractionResponseFollowup, CreateInteractionResponseMessage, CreateModal,
    EditInteractionResponse, GatewayIntents, InputTextStyle, Interaction,
};

use crate::bot::Bot;
use crate::plain::Plain;

struct Scene {
    fake: Fake,
    plain: Plain,
    guild: GuildScene,
    channel: Id,
    alice: Person,
}

async fn scene() -> Scene {
    let fake = Fake::start().await;
    fake.set_limits(Limits::none());
    let guild = fake.guild("g");
    let (channel, alice) = (guild.channel("c"), guild.member("alice"));
    let plain = Plain::new(&fake);
    let application = fake.look(|world| world.application().id);
    let option = json!({ "type": 3, "name": "vendor", "description": "which", "required": true });
    let command = json!({ "name": "auth", "description": "sign in", "options": [option] });
    plain
        .post(&format!("/applications/{application}/commands"), command)
        .await;
    Scene {
        fake,
        plain,
        guild,
        channel,
        alice,
    }
}

impl Scene {
    fn asks(&self) -> Id {
        self.alice
            .slash(self.channel, "auth", &[("vendor", json!("codex"))])
    }

    async fn answer(&self, interaction: Id, body: Value) -> (u16, u64) {
        let application = self.fake.look(|world| world.application().id);
        let path = format!("/interactions/{interaction}/interaction.{interaction}.{application}/callback");
        let answer = self.plain.post(&path, body).await;
        (answer.status, answer.body["code"].as_u64().unwrap_or(0))
    }

    fn webhook(&self, interaction: Id) -> String {
        let application = self.fake.look(|world| world.application().id);
        format!("/webhooks/{application}/interaction.{interaction}.{application}")
    }
}

fn message(text: &str, flags: u64) -> Value {
    json!({ "type": 4, "data": { "content": text, "flags": flags } })
}

#[tokio::test]
async fn an_answer_comes_in_time_and_once() {
    let scene = scene().await;
    let id = scene.asks();
    assert_eq!(scene.answer(id, message("hello", 0)).await, (204, 0));
    assert_eq!(scene.answer(id, message("hello", 0)).await, (400, 40060));
    assert_eq!(
        scene
            .fake
            .look(|world| world.interaction(id).map(|one| one.answered_again)),
        Some(1)
    );
    assert_eq!(scene.fake.said(scene.channel), ["hello"]);

    let whole = scene.asks();
    let application = scene.fake.look(|world| world.application().id);
    let path = format!("/interactions/{whole}/interaction.{whole}.{application}/callback?with_response=true");
    let answer = scene.plain.post(&path, message("whole", 0)).await;
    assert_eq!(answer.body["resource"]["message"]["content"], "whole");

    let slow = scene.asks();
    let failed = |world: &discord_fake::World| world.interaction(slow)?.failed(world.now()).then_some(());
    scene
        .fake
        .until("an interaction that fails by itself", failed)
        .await;
    let late = scene.asks();
    scene.fake.clock().advance(Duration::from_millis(3_100));
    let now = scene.fake.clock().now();
    assert!(
        scene
            .fake
            .look(|world| world.interaction(late).is_some_and(|one| one.failed(now)))
    );
    assert_eq!(scene.answer(late, message("too late", 0)).await, (404, 10062));
    assert_eq!(scene.answer(Id(7), message("never asked", 0)).await, (404, 10062));
    assert_eq!(scene.fake.said(scene.channel), ["hello", "whole"]);
}

#[tokio::test]
async fn an_ephemeral_answer_is_for_its_user_alone() {
    let scene = scene().await;
    let bob = scene.guild.member("bob");
    let id = scene.asks();
    scene.answer(id, message("a secret", 64)).await;
    assert!(scene.fake.messages(scene.channel).is_empty());
    let seen = |who: &Person| {
        scene
            .fake
            .look(|world| world.messages_seen_by(who, scene.channel).len())
    };
    assert_eq!((seen(&scene.alice), seen(&bob)), (1, 0));
    let Some(Answer::Message(answer)) = scene
        .fake
        .look(|world| world.interaction(id).and_then(|one| one.answer.clone()))
    else {
        panic!("no message");
    };
    let path = format!("/channels/{}/messages/{answer}", scene.channel);
    assert_eq!(scene.plain.get(&path).await.code(), 10008);
    let original = format!("{}/messages/@original", scene.webhook(id));
    assert_eq!(scene.plain.get(&original).await.body["content"], "a secret");
    assert_eq!(
        scene
            .plain
            .patch(&original, json!({ "content": "done" }))
            .await
            .status,
        200
    );
    assert_eq!(scene.plain.delete(&original).await.status, 204);
    assert_eq!(scene.plain.get(&original).await.code(), 10008);
    assert_eq!(seen(&scene.alice), 0);
}

#[tokio::test]
async fn thinking_ends_with_an_edit_or_the_first_further_message() {
    let scene = scene().await;
    let id = scene.asks();
    let webhook = scene.webhook(id);
    assert_eq!(
        scene
            .plain
            .post(&webhook, json!({ "content": "early" }))
            .await
            .code(),
        10015
    );
    assert_eq!(scene.answer(id, json!({ "type": 5 })).await, (204, 0));
    assert!(scene.fake.messages(scene.channel)[0].is_loading());
    let first = scene
        .plain
        .post(&webhook, json!({ "content": "the answer" }))
        .await
        .id();
    assert_eq!(
        scene.fake.messages(scene.channel).len(),
        1,
        "it took the place of the thinking"
    );
    let second = scene
        .plain
        .post(&webhook, json!({ "content": "and more" }))
        .await
        .id();
    assert_ne!(first, second);
    let path = format!("{webhook}/messages/{second}");
    assert_eq!(
        scene
            .plain
            .patch(&path, json!({ "content": "and less" }))
            .await
            .status,
        200
    );
    assert_eq!(scene.fake.said(scene.channel), ["the answer", "and less"]);
    assert_eq!(
        scene.plain.get(&format!("{webhook}/messages/1")).await.code(),
        10008
    );
    assert_eq!(scene.plain.delete(&path).await.status, 204);
    scene.fake.clock().advance(Duration::from_secs(15 * 60 + 1));
    let ended = scene.plain.post(&webhook, json!({ "content": "too late" })).await;
    assert_eq!((ended.status, ended.code()), (401, 50027));
    let bad = scene
        .plain
        .post(&webhook.replace(&id.to_string(), "1"), json!({ "content": "x" }))
        .await;
    assert_eq!(bad.code(), 10015);
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_refused() {
    let scene = scene().await;
    let form = json!({ "custom_id": "f", "title": "t", "components": [{ "type": 1, "components": [
        { "type": 4, "custom_id": "code", "label": "Code", "style": 1 },
    ] }] });
    let long = json!({ "custom_id": "f", "title": "t".repeat(46), "components": form["components"] });
    for wrong in [
        json!({ "type": 6 }),
        json!({ "type": 7, "data": { "content": "x" } }),
        json!({ "type": 8, "data": { "choices": [] } }),
        json!({ "type": 1 }),
        json!({ "type": 9, "data": long }),
        message(&"x".repeat(2001), 0),
    ] {
        let id = scene.asks();
        assert_eq!(scene.answer(id, wrong.clone()).await, (400, 50035), "{wrong}");
        assert_eq!(scene.fake.take_complaints().len(), 1);
    }
    let id = scene.asks();
    assert_eq!(
        scene.answer(id, json!({ "type": 9, "data": form })).await,
        (204, 0)
    );
    let submitted = scene.alice.submits(id, &[("code", "1234")]);
    assert_eq!(
        scene.answer(submitted, json!({ "type": 9, "data": form })).await,
        (400, 50035),
        "no form after a form"
    );
    assert_eq!(scene.fake.take_complaints().len(), 1);
    assert_eq!(
        scene.answer(submitted, json!({ "type": 6 })).await,
        (400, 50035),
        "no message it came from"
    );
    assert_eq!(scene.fake.take_complaints().len(), 1);
}

#[tokio::test]
async fn presses_are_checked_forged_and_replayed() {
    let scene = scene().await;
    let button = |id: &str, disabled: bool| json!({ "type": 2, "style": 1, "custom_id": id, "label": id, "disabled": disabled });
    let rows = json!([{ "type": 1, "components": [button("yes", false), button("no", true)] }]);
    let path = format!("/channels/{}/messages", scene.channel);
    let sent = scene
        .plain
        .post(&path, json!({ "content": "well?", "components": rows }))
        .await
        .id();
    let pressed = scene.alice.presses_labelled(sent, "yes");
    assert_eq!(scene.answer(pressed, json!({ "type": 6 })).await, (204, 0));
    let again = scene.alice.presses(sent, "yes");
    let update = json!({ "type": 7, "data": { "content": "yes", "components": [] } });
    assert_eq!(scene.answer(again, update).await, (204, 0));
    assert_eq!(scene.fake.messages(scene.channel)[0].content, "yes");
    let alice = scene.alice.clone();
    let refused = tokio::spawn(async move { alice.presses(sent, "yes") }).await;
    assert!(refused.is_err(), "the button is gone");
    let option = |value: &str| json!({ "label": value, "value": value });
    let menu = json!({ "type": 3, "custom_id": "model", "options": [option("small"), option("large")] });
    let rows = json!([{ "type": 1, "components": [menu] }]);
    let asked = scene
        .plain
        .post(&path, json!({ "content": "which?", "components": rows }))
        .await
        .id();
    let picked = scene.alice.picks(asked, "model", &["large"]);
    assert_eq!(scene.answer(picked, json!({ "type": 6 })).await, (204, 0));
    let forged = scene.alice.forges(sent, "admin:everything");
    assert!(scene.fake.look(|world| world.interaction(forged).is_some()));
    scene.fake.replays(pressed);
    assert_eq!(scene.answer(pressed, json!({ "type": 6 })).await, (400, 40060));
}

#[tokio::test]
async fn serenity_walks_through_a_sign_in() {
    let scene = scene().await;
    let mut bot = Bot::start(&scene.fake, GatewayIntents::non_privileged()).await;
    bot.hears_event("GUILD_CREATE").await;
    let asked = scene.asks();
    let Interaction::Command(command) = bot.hears_interaction().await else {
        panic!("another kind");
    };
    assert_eq!(command.data.options[0].value.as_str(), Some("codex"));
    let row = CreateActionRow::Buttons(vec![
        CreateButton::new_link("https://example.org/login").label("Open"),
        CreateButton::new("paste").label("Paste code"),
    ]);
    let answer = CreateInteractionResponseMessage::new()
        .content("sign in here")
        .ephemeral(true)
        .components(vec![row]);
    command
        .create_response(&bot.http, CreateInteractionResponse::Message(answer))
        .await
        .expect("answered");
    let shown = scene
        .fake
        .until("the answer", |world| match world.interaction(asked)?.answer {
            Some(Answer::Message(message)) => Some(message),
            _ => None,
        })
        .await;
    let pressed = scene.alice.presses_labelled(shown, "Paste code");
    let Interaction::Component(component) = bot.hears_interaction().await else {
        panic!("another kind");
    };
    assert_eq!(component.message.id.get(), shown.0);
    let field = CreateInputText::new(InputTextStyle::Short, "Code", "code").required(true);
    let form =
        CreateModal::new("the-form", "Paste the code").components(vec![CreateActionRow::InputText(field)]);
    component
        .create_response(&bot.http, CreateInteractionResponse::Modal(form))
        .await
        .expect("answered");
    scene.alice.submits(pressed, &[("code", "a-code")]);
    let Interaction::Modal(modal) = bot.hears_interaction().await else {
        panic!("another kind");
    };
    let ActionRowComponent::InputText(field) = &modal.data.components[0].components[0] else {
        panic!("another field");
    };
    assert_eq!(field.value.as_deref(), Some("a-code"));
    modal
        .create_response(&bot.http, CreateInteractionResponse::Acknowledge)
        .await
        .expect("answered");
    modal
        .edit_response(
            &bot.http,
            EditInteractionResponse::new()
                .content("signed in")
                .components(vec![]),
        )
        .await
        .expect("edited");
    let further = CreateInteractionResponseFollowup::new()
        .content("and welcome")
        .ephemeral(true);
    modal.create_followup(&bot.http, further).await.expect("followed");
    let seen = scene.fake.look(|world| {
        let seen = world.messages_seen_by(&scene.alice, scene.channel).into_iter();
        seen.map(|one| one.content.clone()).collect::<Vec<_>>()
    });
    assert_eq!(seen, ["signed in", "and welcome"]);
    bot.stop().await;
}
