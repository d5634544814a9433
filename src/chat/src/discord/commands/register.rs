//! Commands are registered where those that Discord has are others: another name, option, choice or description.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};

use super::all;
use crate::discord::bot::Bot;
use crate::discord::rest::Trouble;

/// Between two tries.
const PAUSE: Duration = Duration::from_mins(1);

/// What a person sees of a command, an option or a choice, and what is taken from them. Discord adds much, and leaves out
/// what is as it always is.
const SHAPE: [&str; 12] = [
    "type",
    "name",
    "description",
    "options",
    "required",
    "choices",
    "autocomplete",
    "value",
    "min_value",
    "max_value",
    "min_length",
    "max_length",
];

/// Registers them, if Discord has others. Tries until it works.
pub(in crate::discord) async fn register(bot: &Arc<Bot>) {
    let commands = all();
    let application = bot.identity.application;
    loop {
        let done = match bot.rest.commands(application).await {
            Ok(there) if by_name(&there) == by_name(&commands) => return,
            Ok(_) => bot.rest.register(application, commands.clone()).await,
            Err(trouble) => Err(trouble),
        };
        match done {
            Ok(()) => return tracing::info!("registered the commands"),
            Err(trouble @ Trouble::Refused { .. }) => {
                return tracing::error!(%trouble, "Discord does not take the commands; there will be none");
            }
            Err(trouble) => tracing::warn!(%trouble, "could not register the commands; trying again"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// In a fixed order; Discord has one of its own.
fn by_name(commands: &Value) -> Vec<Value> {
    let mut shapes: Vec<Value> = commands.as_array().into_iter().flatten().map(shape).collect();
    shapes.sort_by_key(|command| command["name"].to_string());
    shapes
}

fn shape(value: &Value) -> Value {
    match value {
        Value::Array(list) => list.iter().map(shape).collect(),
        Value::Object(fields) => {
            let is_usual = |value: &Value| match value {
                Value::Null | Value::Bool(false) => true,
                Value::Array(list) => list.is_empty(),
                _ => false,
            };
            let shown = SHAPE.iter().filter_map(|name| {
                let value = fields.get(*name).filter(|value| !is_usual(value))?;
                Some(((*name).to_owned(), shape(value)))
            });
            Value::Object(shown.collect::<Map<_, _>>())
        }
        // 1 and 1.0 are the same to Discord.
        Value::Number(number) => number.as_f64().map_or(Value::Null, Value::from),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_discord_adds_and_leaves_out_is_no_change_and_what_people_see_is() {
        let ours = json!([
            { "type": 1, "name": "stop", "description": "Stop", "options": [] },
            { "type": 1, "name": "queue", "description": "What waits", "options": [
                { "type": 4, "name": "skip", "description": "Which", "min_value": 1, "required": false,
                  "autocomplete": true },
                { "type": 3, "name": "say", "description": "How", "required": true,
                  "choices": [{ "name": "Loud", "value": "loud" }] },
            ] },
        ]);
        let theirs = json!([
            { "id": "2", "version": "3", "application_id": "1", "type": 1, "name": "queue", "description": "What waits",
              "default_member_permissions": null, "nsfw": false, "contexts": null, "options": [
                { "type": 4, "name": "skip", "description": "Which", "min_value": 1.0, "autocomplete": true },
                { "type": 3, "name": "say", "description": "How", "required": true, "name_localizations": null,
                  "choices": [{ "name": "Loud", "value": "loud" }] },
            ] },
            { "id": "4", "version": "3", "application_id": "1", "type": 1, "name": "stop", "description": "Stop" },
        ]);
        assert_eq!(by_name(&ours), by_name(&theirs));
        for (place, value) in [
            ("/0/description", json!("Halt")),
            ("/0/name", json!("halt")),
            ("/1/options/0/min_value", json!(0)),
            ("/1/options/0/autocomplete", json!(false)),
            ("/1/options/1/required", json!(false)),
            ("/1/options/1/choices/0/name", json!("Quiet")),
            ("/1/options/1/choices", json!([])),
            ("/1/options", json!([])),
        ] {
            let mut other = ours.clone();
            *other.pointer_mut(place).unwrap() = value;
            assert_ne!(by_name(&other), by_name(&theirs), "{place}");
        }
        assert_ne!(by_name(&json!([])), by_name(&theirs));
    }
}
