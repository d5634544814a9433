//! Limits that stand in Discord's prose and not in its document: lengths, counts, what excludes what.

use std::collections::HashSet;

use serde_json::Value;

use crate::world::Upload;

const TEXT: usize = 2000;
const EMBEDS_TEXT: usize = 6000;
const FILES: usize = 10;
const ROWS: usize = 5;
const BUTTONS: usize = 5;
const MODAL_FIELDS: usize = 5;

/// What is wrong with a message's body, in words; nothing when it is fine.
pub(crate) fn check_message(body: &Value, files: usize) -> Vec<String> {
    let mut wrong = Vec::new();
    longest(&mut wrong, body, "content", TEXT);
    let embeds = list(body, "embeds");
    let text: usize = embeds.iter().map(|embed| check_embed(&mut wrong, embed)).sum();
    at_most(&mut wrong, "characters in embeds", text, EMBEDS_TEXT);
    at_most(&mut wrong, "embeds", embeds.len(), 10);
    at_most(
        &mut wrong,
        "files",
        files.max(list(body, "attachments").len()),
        FILES,
    );
    check_rows(&mut wrong, list(body, "components"));
    if body["nonce"]
        .as_str()
        .is_some_and(|nonce| nonce.chars().count() > 25)
    {
        wrong.push("nonce: must be 25 or fewer in length".to_owned());
    }
    check_allowed(&mut wrong, &body["allowed_mentions"]);
    wrong
}

fn check_allowed(wrong: &mut Vec<String>, rules: &Value) {
    for kind in ["users", "roles"] {
        let parsed = list(rules, "parse").iter().any(|one| one == kind);
        if parsed && !list(rules, kind).is_empty() {
            wrong.push(format!(
                "allowed_mentions: parse:[\"{kind}\"] and {kind}:[ids] are mutually exclusive"
            ));
        }
    }
}

/// How many of its characters count towards the sum.
fn check_embed(wrong: &mut Vec<String>, embed: &Value) -> usize {
    let fields = list(embed, "fields");
    at_most(wrong, "fields of an embed", fields.len(), 25);
    for field in fields {
        longest(wrong, field, "name", 256);
        longest(wrong, field, "value", 1024);
    }
    longest(wrong, embed, "title", 256);
    longest(wrong, embed, "description", 4096);
    longest(wrong, &embed["footer"], "text", 2048);
    longest(wrong, &embed["author"], "name", 256);
    let of_fields = fields
        .iter()
        .map(|field| length(field, "name") + length(field, "value"));
    length(embed, "title")
        + length(embed, "description")
        + length(&embed["footer"], "text")
        + length(&embed["author"], "name")
        + of_fields.sum::<usize>()
}

fn check_rows(wrong: &mut Vec<String>, rows: &[Value]) {
    at_most(wrong, "rows of components", rows.len(), ROWS);
    let mut ids = HashSet::new();
    for row in rows {
        if row["type"] != 1 {
            wrong.push("components: only rows stand at the top".to_owned());
        }
        let inner = list(row, "components");
        let menus = inner.iter().filter(|one| one["type"] != 2).count();
        let room = if menus > 0 { 1 } else { BUTTONS };
        if inner.is_empty() || inner.len() > room {
            wrong.push(format!(
                "components: a row of {} where 1 to {room} fit",
                inner.len()
            ));
        }
        for one in inner {
            check_control(wrong, one);
            if let Some(id) = one["custom_id"].as_str()
                && !ids.insert(id)
            {
                wrong.push(format!("components: custom_id `{id}` stands there twice"));
            }
        }
    }
}

fn check_control(wrong: &mut Vec<String>, one: &Value) {
    longest(wrong, one, "custom_id", 100);
    longest(wrong, one, "label", 80);
    longest(wrong, one, "placeholder", 150);
    at_most(wrong, "options of a menu", list(one, "options").len(), 25);
    let (named, linked) = (length(one, "custom_id") > 0, one["url"].is_string());
    let link = one["type"] == 2 && one["style"] == 5;
    if link && (named || !linked) {
        wrong.push("components: a link button has a url and no custom_id".to_owned());
    }
    if !link && (!named || linked) {
        wrong.push("components: what can be pressed has a custom_id and no url".to_owned());
    }
    if one["type"] == 2 && length(one, "label") == 0 && !one["emoji"].is_object() {
        wrong.push("components: a button without a label or an emoji".to_owned());
    }
}

/// The same for a form.
pub(crate) fn check_modal(data: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    longest(&mut wrong, data, "title", 45);
    longest(&mut wrong, data, "custom_id", 100);
    let rows = list(data, "components");
    at_most(&mut wrong, "fields of a form", rows.len(), MODAL_FIELDS);
    for row in rows {
        let inner = list(row, "components");
        let [field] = inner else {
            wrong.push("components: a row of a form holds one field".to_owned());
            continue;
        };
        if field["type"] != 4 {
            wrong.push("components: a field of a form is a text input".to_owned());
        }
        longest(&mut wrong, field, "label", 45);
        longest(&mut wrong, field, "custom_id", 100);
        longest(&mut wrong, field, "placeholder", 100);
        longest(&mut wrong, field, "value", 4000);
    }
    wrong
}

/// A command as it is registered.
pub(crate) fn check_command(command: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let name = command["name"].as_str().unwrap_or_default();
    let plain = |c: char| (c.is_alphanumeric() && !c.is_uppercase()) || "-_'".contains(c);
    let slash = command["type"].as_u64().unwrap_or(1) == 1;
    if name.is_empty() || name.chars().count() > 32 || (slash && !name.chars().all(plain)) {
        wrong.push(format!("name: `{name}` is no name of a command"));
    }
    if slash && length(command, "description") == 0 {
        wrong.push("description: is required".to_owned());
    }
    longest(&mut wrong, command, "description", 100);
    check_options(&mut wrong, list(command, "options"));
    wrong
}

fn check_options(wrong: &mut Vec<String>, options: &[Value]) {
    at_most(wrong, "options", options.len(), 25);
    let mut optional = false;
    for option in options {
        let required = option["required"] == true;
        if required && optional {
            wrong.push("options: required ones come first".to_owned());
        }
        optional |= !required;
        longest(wrong, option, "name", 32);
        longest(wrong, option, "description", 100);
        at_most(wrong, "choices", list(option, "choices").len(), 25);
        check_options(wrong, list(option, "options"));
    }
}

/// Minutes after which a thread may put itself away.
pub(crate) fn check_archive(body: &Value) -> Vec<String> {
    let minutes = &body["auto_archive_duration"];
    let fine = minutes.is_null() || [60, 1440, 4320, 10080].iter().any(|known| minutes == known);
    let wrong =
        (!fine).then(|| format!("auto_archive_duration: no thread is put away after {minutes} minutes"));
    wrong.into_iter().collect()
}

/// The file that is too big, if one is.
pub(crate) fn too_big(files: &[Upload], limit: usize) -> bool {
    files.iter().any(|file| file.bytes.len() > limit)
}

pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn length(value: &Value, key: &str) -> usize {
    value[key].as_str().map_or(0, |text| text.chars().count())
}

fn longest(wrong: &mut Vec<String>, value: &Value, key: &str, limit: usize) {
    if length(value, key) > limit {
        wrong.push(format!("{key}: must be {limit} or fewer in length"));
    }
}

fn at_most(wrong: &mut Vec<String>, what: &str, count: usize, limit: usize) {
    if count > limit {
        wrong.push(format!("{count} {what}, {limit} at most"));
    }
}
