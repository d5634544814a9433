//! How what there is reads as JSON.

use serde_json::{Value, json};
use support::discord::{Answer, Channel, Interaction, Message, World};

pub(crate) fn message(world: &World, message: &Message) -> Value {
    let controls = message
        .controls()
        .into_iter()
        .map(|one| json!({ "label": one["label"], "custom_id": one["custom_id"], "url": one["url"], "disabled": one["disabled"] }));
    let reactions = message.reactions.iter().map(|one| {
        let users: Vec<_> = one.users.iter().map(|id| &world.user(*id).name).collect();
        json!({ one.emoji.clone(): users })
    });
    let files = message.attachments.iter().map(
        |file| json!({ "name": file.name, "bytes": file.bytes.len(), "text": String::from_utf8_lossy(&file.bytes) }),
    );
    json!({
        "id": message.id, "by": world.user(message.author).name, "text": message.content,
        "edits": message.edits.len(), "note": message.is_note(), "deleted": message.deleted,
        "only_for": message.only_for.map(|id| &world.user(id).name), "thinking": message.is_loading(),
        "reply_to": message.reply_to, "thread": message.thread, "embeds": message.embeds,
        "controls": controls.collect::<Vec<_>>(), "reactions": reactions.collect::<Vec<_>>(),
        "files": files.collect::<Vec<_>>(), "pings": message.pings.users, "pings_everyone": message.pings.everyone,
    })
}

pub(crate) fn channel(channel: &Channel) -> Value {
    let thread = channel.thread.as_ref();
    json!({
        "id": channel.id, "name": channel.name, "parent": channel.parent,
        "archived": thread.map(|thread| thread.archived), "locked": thread.map(|thread| thread.locked),
    })
}

pub(crate) fn interaction(world: &World, interaction: &Interaction) -> Value {
    let told = |id| world.message(id).map(|one| message(world, one));
    let answer = interaction.answer.as_ref().map(|answer| match answer {
        Answer::Message(id) => json!({ "message": told(*id) }),
        Answer::Update(id) => json!({ "update": told(*id) }),
        Answer::Form(form) => json!({ "form": form }),
        Answer::Choices(choices) => json!({ "choices": choices }),
    });
    json!({
        "answer": answer, "failed": interaction.failed(world.now()), "answered_again": interaction.answered_again,
        "followups": interaction.followups.iter().map(|id| told(*id)).collect::<Vec<_>>(),
    })
}
