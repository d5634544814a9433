//! The first answer to an interaction: within three seconds, and once.

use serde_json::{Value, json};

use super::followups::EPHEMERAL;
use super::messages::{change, described, draft, shown};
use super::{Call, Done, Refused, empty, ok};
use crate::Id;
use crate::limits::{check_modal, list};
use crate::world::{Answer, Asked, Draft, LOADING, World};

/// An answer to a slash command or a button.
const COMMAND_ANSWER: u8 = 20;

pub(crate) fn callback(world: &mut World, call: &Call, id: &str, token: &str) -> Done {
    let now = world.clock.now();
    let id: Id = id.parse().map_err(|_| Refused::UNKNOWN_INTERACTION)?;
    let interaction = world
        .interactions
        .get_mut(&id)
        .filter(|interaction| interaction.token == token)
        .ok_or(Refused::UNKNOWN_INTERACTION)?;
    if interaction.answer.is_some() {
        interaction.answered_again += 1;
        return Err(Refused::ACKNOWLEDGED);
    }
    if interaction.failed(now) {
        return Err(Refused::UNKNOWN_INTERACTION);
    }
    let (asked, user, channel) = (interaction.asked.clone(), interaction.user, interaction.channel);
    let source = world
        .interactions
        .get(&id)
        .and_then(|interaction| world.source_message(interaction));
    let data = &call.body["data"];
    let completing = matches!(asked, Asked::Autocomplete { .. });
    let answer = match call.body["type"].as_u64() {
        Some(kind @ (4 | 5)) if !completing => {
            let files = described(data, call)?;
            let flags = data["flags"].as_u64().unwrap_or(0);
            let mut message = if kind == 4 {
                draft(world, channel, data, &files)?
            } else {
                Draft {
                    flags: LOADING | flags & EPHEMERAL,
                    ..Draft::default()
                }
            };
            message.kind = COMMAND_ANSWER;
            message.interaction = Some(id);
            message.only_for = (flags & EPHEMERAL != 0).then_some(user);
            let bot = world.application.bot;
            Answer::Message(world.post(bot, channel, message))
        }
        Some(kind @ (6 | 7)) => {
            let source = source.ok_or_else(|| Refused::wrong("type: there is no message to change"))?;
            if kind == 7 {
                let edit = change(world, channel, data, described(data, call)?)?;
                world.edit(source, edit);
            }
            Answer::Update(source)
        }
        Some(8) if completing => {
            if list(data, "choices").len() > 25 {
                return Err(Refused::wrong("choices: 25 at most"));
            }
            Answer::Choices(data["choices"].clone())
        }
        Some(9) if matches!(asked, Asked::Command { .. } | Asked::Component { .. }) => {
            let wrong = check_modal(data);
            if !wrong.is_empty() {
                return Err(Refused::invalid(&wrong));
            }
            Answer::Form(data.clone())
        }
        _ => return Err(Refused::wrong("type: no answer to this kind of interaction")),
    };
    let reply = described_answer(world, id, asked.number(), &answer);
    if let Some(interaction) = world.interactions.get_mut(&id) {
        interaction.answer = Some(answer);
    }
    if call.query.get("with_response").is_some_and(|text| text == "true") {
        ok(reply)
    } else {
        empty()
    }
}

fn described_answer(world: &World, id: Id, kind: u8, answer: &Answer) -> Value {
    let mut json = json!({ "interaction": { "id": id, "type": kind } });
    if let Answer::Message(message) | Answer::Update(message) = answer {
        json["interaction"]["response_message_id"] = json!(message);
        if let Some(message) = world.messages.get(message) {
            json["interaction"]["response_message_loading"] = json!(message.is_loading());
            json["interaction"]["response_message_ephemeral"] = json!(message.only_for.is_some());
        }
        let kind = if matches!(answer, Answer::Update(_)) { 7 } else { 4 };
        json["resource"] = json!({ "type": kind, "message": shown(world, *message) });
    }
    json
}
