//! Slash commands, buttons, menus, forms: what people ask of the application.

use std::time::Duration;

use serde_json::{Value, json};

use super::Person;
use crate::Id;
use crate::fake::Held;
use crate::limits::list;
use crate::permissions::USE_APPLICATION_COMMANDS;
use crate::world::{ACKNOWLEDGE_WITHIN, Answer, Asked, Command, World};

impl Person {
    /// A slash command, as Discord's own form would send it: the command must be registered, required options given,
    /// the others known and of their type. `"sub command"` names a subcommand. The interaction's id.
    pub fn slash(&self, channel: impl Into<Id>, command: &str, options: &[(&str, Value)]) -> Id {
        let channel = channel.into();
        let world = self.shared.world();
        self.needs(&world, channel, USE_APPLICATION_COMMANDS);
        let (name, data) = command_data(&world, channel, command, options, None);
        self.ask(world, channel, Asked::Command { name }, data)
    }

    /// Is typing a command; `focused` is the option they are at.
    pub fn completes(
        &self,
        channel: impl Into<Id>,
        command: &str,
        options: &[(&str, Value)],
        focused: &str,
    ) -> Id {
        let channel = channel.into();
        let world = self.shared.world();
        let (name, data) = command_data(&world, channel, command, options, Some(focused));
        self.ask(world, channel, Asked::Autocomplete { name }, data)
    }

    fn ask(&self, mut world: Held<'_>, channel: Id, asked: Asked, data: Value) -> Id {
        let id = world.ask(self.id, channel, asked, data);
        drop(world);
        // Then it has failed, if nobody answered.
        self.shared
            .signal_after(Duration::from_millis(ACKNOWLEDGE_WITHIN + 1));
        id
    }

    /// Presses a button that they see, and that can be pressed. The interaction's id.
    pub fn presses(&self, message: Id, custom_id: &str) -> Id {
        let kind = self.control(message, custom_id)["type"].clone();
        assert_eq!(kind, 2, "`{custom_id}` is no button");
        self.press(
            message,
            custom_id,
            json!({ "custom_id": custom_id, "component_type": 2 }),
        )
    }

    /// Presses the button with this label.
    pub fn presses_labelled(&self, message: Id, label: &str) -> Id {
        let found = self
            .shared
            .world()
            .message(message)
            .and_then(|message| message.button(label));
        let custom_id = found.unwrap_or_else(|| panic!("message {message} has no button `{label}`"));
        self.presses(message, &custom_id)
    }

    /// Picks from a menu.
    pub fn picks(&self, message: Id, custom_id: &str, values: &[&str]) -> Id {
        let menu = self.control(message, custom_id);
        for value in values {
            let offered = list(&menu, "options")
                .iter()
                .any(|option| option["value"] == *value);
            assert!(offered, "the menu `{custom_id}` does not offer `{value}`");
        }
        let data = json!({ "custom_id": custom_id, "component_type": menu["type"], "values": values });
        self.press(message, custom_id, data)
    }

    /// Sends a press that no button stands for, as a hostile client would.
    pub fn forges(&self, message: Id, custom_id: &str) -> Id {
        self.press(
            message,
            custom_id,
            json!({ "custom_id": custom_id, "component_type": 2 }),
        )
    }

    fn press(&self, message: Id, custom_id: &str, data: Value) -> Id {
        let world = self.shared.world();
        let channel = world.message(message).expect("a message that is there").channel;
        let custom_id = custom_id.to_owned();
        self.ask(world, channel, Asked::Component { custom_id, message }, data)
    }

    fn control(&self, message: Id, custom_id: &str) -> Value {
        let world = self.shared.world();
        let known = world
            .message(message)
            .filter(|message| !message.deleted)
            .expect("a message that is there");
        let name = &world.user(self.id).name;
        let shown = known.only_for.is_none_or(|user| user == self.id) && world.sees(self.id, known.channel);
        assert!(shown, "{name} does not see message {message}");
        let control = known
            .controls()
            .into_iter()
            .find(|one| one["custom_id"] == custom_id)
            .cloned();
        let control = control.unwrap_or_else(|| panic!("message {message} has no `{custom_id}`"));
        assert_ne!(control["disabled"], true, "`{custom_id}` can't be pressed");
        control
    }

    /// Sends the form that an interaction was answered with. The new interaction's id.
    pub fn submits(&self, form: Id, fields: &[(&str, &str)]) -> Id {
        let world = self.shared.world();
        let from = world.interaction(form).expect("an interaction that was");
        assert_eq!(from.user, self.id, "the form was shown to somebody else");
        let Some(Answer::Form(shown)) = &from.answer else {
            panic!(
                "interaction {form} was not answered with a form, but {:?}",
                from.answer
            );
        };
        let custom_id = shown["custom_id"].as_str().unwrap_or_default().to_owned();
        let channel = from.channel;
        let known = list(shown, "components")
            .iter()
            .flat_map(|row| list(row, "components"));
        let known: Vec<Value> = known.cloned().collect();
        for (field, _) in fields {
            assert!(
                known.iter().any(|one| one["custom_id"] == *field),
                "the form has no field `{field}`"
            );
        }
        let rows: Vec<Value> = known.iter().map(|field| filled(field, fields)).collect();
        let data = json!({ "custom_id": custom_id, "components": rows });
        self.ask(
            world,
            channel,
            Asked::Modal {
                custom_id,
                from: form,
            },
            data,
        )
    }
}

fn filled(field: &Value, fields: &[(&str, &str)]) -> Value {
    let given = fields.iter().find(|(name, _)| field["custom_id"] == *name);
    let value = given.map_or_else(|| field["value"].as_str().unwrap_or_default(), |(_, value)| value);
    let length = value.chars().count() as u64;
    let required = field["required"] != false;
    let least = field["min_length"].as_u64().unwrap_or(u64::from(required));
    let most = field["max_length"].as_u64().unwrap_or(4000);
    let fits = (!required && length == 0) || (least..=most).contains(&length);
    assert!(
        fits,
        "the form takes {least} to {most} characters for {}",
        field["custom_id"]
    );
    json!({ "type": 1, "components": [{ "type": 4, "custom_id": field["custom_id"], "value": value }] })
}

fn command_data(
    world: &World,
    channel: Id,
    command: &str,
    options: &[(&str, Value)],
    focused: Option<&str>,
) -> (String, Value) {
    let guild = world.channel(channel).expect("a channel that is there").guild;
    let mut words = command.split(' ');
    let name = words.next().unwrap_or_default();
    let fits =
        |known: &&Command| known.body["name"] == name && (known.guild.is_none() || known.guild == guild);
    let known = world.commands.iter().find(fits);
    let known = known.unwrap_or_else(|| panic!("/{name} is not registered here"));
    let path: Vec<&str> = words.collect();
    let data = json!({
        "id": known.id, "name": name, "type": known.body["type"].as_u64().unwrap_or(1),
        "options": given(list(&known.body, "options"), &path, options, focused),
    });
    (name.to_owned(), data)
}

fn given(known: &[Value], path: &[&str], options: &[(&str, Value)], focused: Option<&str>) -> Value {
    if let [sub, rest @ ..] = path {
        let found = known.iter().find(|option| option["name"] == *sub);
        let found = found.unwrap_or_else(|| panic!("there is no subcommand `{sub}`"));
        let inner = given(list(found, "options"), rest, options, focused);
        return json!([{ "name": sub, "type": found["type"], "options": inner }]);
    }
    for option in known
        .iter()
        .filter(|option| option["required"] == true && focused.is_none())
    {
        let there = options.iter().any(|(name, _)| option["name"] == *name);
        assert!(there, "the option {} is required", option["name"]);
    }
    options
        .iter()
        .map(|(name, value)| {
            let option = known.iter().find(|option| option["name"] == *name);
            let option = option.unwrap_or_else(|| panic!("there is no option `{name}`"));
            let choices = list(option, "choices");
            let offered = choices.is_empty() || choices.iter().any(|choice| choice["value"] == *value);
            assert!(
                offered || focused.is_some(),
                "the option `{name}` does not offer {value}"
            );
            let fits = match option["type"].as_u64() {
                Some(4) => value.is_i64() || value.is_u64(),
                Some(5) => value.is_boolean(),
                Some(10) => value.is_number(),
                _ => value.is_string(),
            };
            assert!(fits, "the option `{name}` is no {value}");
            let mut json = json!({ "name": name, "type": option["type"], "value": value });
            if focused == Some(*name) {
                json["focused"] = json!(true);
            }
            json
        })
        .collect()
}
