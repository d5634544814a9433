//! Messages: written, read, edited, deleted.

use serde_json::{Value, json};

use super::channels::{may, may_write, seen};
use super::{Call, Done, Refused, empty, number, ok};
use crate::Id;
use crate::gateway::intents::MESSAGE_CONTENT;
use crate::limits::{check_message, list, too_big};
use crate::permissions::{ATTACH_FILES, EMBED_LINKS, MANAGE_MESSAGES, READ_MESSAGE_HISTORY};
use crate::world::{Channel, Draft, Edit, Message, Upload, World};

/// How long a nonce is remembered, milliseconds: "a few minutes".
pub(crate) const NONCE_LIVES: u64 = 3 * 60 * 1000;
/// Flags that a bot may set: no embeds, ephemeral (answers only), silent.
pub(crate) const FLAGS: u64 = 1 << 2 | 1 << 6 | 1 << 12;
const REPLY: u8 = 19;

pub(crate) fn route(world: &mut World, call: &Call, channel: &str, path: &[&str]) -> Done {
    let channel = seen(world, channel)?.id;
    match (call.method.as_str(), path) {
        ("POST", []) => create(world, call, channel),
        ("GET", []) => read(world, call, channel),
        ("POST", ["bulk-delete"]) => bulk_delete(world, call, channel),
        (method, [id]) => {
            if method == "GET" {
                may(world, channel, READ_MESSAGE_HISTORY)?;
            }
            let id = known(world, channel, id)?.id;
            match method {
                "GET" => ok(shown(world, id)),
                "PATCH" => edit(world, call, id),
                "DELETE" => delete(world, id),
                _ => Err(Refused::not_done(call)),
            }
        }
        _ => Err(Refused::not_done(call)),
    }
}

/// As the bot is shown it.
pub(crate) fn shown(world: &World, id: Id) -> Value {
    let open = world.application.privileged & MESSAGE_CONTENT != 0;
    let message = world.messages.get(&id);
    message.map_or(Value::Null, |message| {
        world.message_json(message, world.may_read(message, open))
    })
}

/// Ephemeral ones are unknown on the routes of channels.
pub(crate) fn known<'a>(world: &'a World, channel: Id, id: &str) -> Result<&'a Message, Refused> {
    let id: Option<Id> = id.parse().ok();
    let there =
        |message: &&Message| message.channel == channel && !message.deleted && message.only_for.is_none();
    id.and_then(|id| world.messages.get(&id))
        .filter(there)
        .ok_or(Refused::UNKNOWN_MESSAGE)
}

fn create(world: &mut World, call: &Call, channel: Id) -> Done {
    let there = world.channels.get(&channel).ok_or(Refused::UNKNOWN_CHANNEL)?;
    if !world.takes_messages(channel) {
        return Err(Refused::NO_TEXT);
    }
    may_write(world, there)?;
    let mut draft = draft(world, channel, &call.body, &uploads(call)?)?;
    check_rights(world, there, &draft)?;
    draft.reply_to = reply(world, there, &call.body["message_reference"])?;
    draft.kind = if draft.reply_to.is_some() { REPLY } else { 0 };
    draft.flags &= !super::followups::EPHEMERAL;
    let nonce = draft.nonce.as_ref().map(nonce_text);
    let enforced = call.body["enforce_nonce"] == true;
    if let Some(nonce) = nonce.clone().filter(|_| enforced)
        && let Some(known) = spent(world, channel, nonce)
    {
        return ok(sent(world, known));
    }
    let bot = world.application.bot;
    let id = world.post(bot, channel, draft);
    if let Some(nonce) = nonce {
        world.nonces.insert((channel, nonce), (id, world.clock.now()));
    }
    ok(sent(world, id))
}

/// As the one who sends it is answered.
fn sent(world: &World, id: Id) -> Value {
    let mut json = shown(world, id);
    if let Some(message) = world.messages.get(&id) {
        message.tell_nonce(&mut json);
    }
    json
}

fn nonce_text(nonce: &Value) -> String {
    nonce.as_str().map_or_else(|| nonce.to_string(), str::to_owned)
}

fn spent(world: &World, channel: Id, nonce: String) -> Option<Id> {
    let (id, at) = world.nonces.get(&(channel, nonce))?;
    (at + NONCE_LIVES > world.clock.now()).then_some(*id)
}

/// Files in the order of their numbers, with what `attachments` says about them.
pub(crate) fn uploads(call: &Call) -> Result<Vec<Upload>, Refused> {
    described(&call.body, call)
}

/// The same where the message stands inside the body.
pub(crate) fn described(body: &Value, call: &Call) -> Result<Vec<Upload>, Refused> {
    let listed = list(body, "attachments");
    let about = |index: usize| {
        let id = index.to_string();
        listed.iter().find(|one| one["id"].as_str() == Some(&id))
    };
    let describe = |(index, file): (&usize, &Upload)| {
        let mut file = file.clone();
        if let Some(about) = about(*index) {
            file.name = about["filename"].as_str().map_or(file.name, str::to_owned);
            file.description = about["description"].as_str().map(str::to_owned);
        }
        file
    };
    for one in listed {
        let id: Option<usize> = one["id"].as_str().and_then(|text| text.parse().ok());
        // Small numbers name files of this request, long ones files that are there already.
        if id.is_none_or(|id| id < 1000 && !call.files.contains_key(&id)) {
            return Err(Refused::wrong("attachments: an entry without its file"));
        }
    }
    Ok(call.files.iter().map(describe).collect())
}

/// The message that a body asks for, its limits checked.
pub(crate) fn draft(world: &World, channel: Id, body: &Value, files: &[Upload]) -> Result<Draft, Refused> {
    let wrong = check_message(body, files.len());
    if !wrong.is_empty() {
        return Err(Refused::invalid(&wrong));
    }
    if too_big(files, world.file_limit(channel)) {
        return Err(Refused::FILE_TOO_BIG);
    }
    may_link(world, body)?;
    let draft = Draft {
        content: body["content"].as_str().unwrap_or_default().trim().to_owned(),
        embeds: rich(list(body, "embeds")),
        components: list(body, "components").to_vec(),
        files: files.to_vec(),
        allowed_mentions: Some(body["allowed_mentions"].clone()).filter(|rules| !rules.is_null()),
        nonce: Some(body["nonce"].clone()).filter(|nonce| !nonce.is_null()),
        flags: body["flags"].as_u64().unwrap_or(0) & FLAGS,
        ..Draft::default()
    };
    if draft.content.is_empty() && draft.embeds.is_empty() && draft.files.is_empty() {
        return Err(Refused::EMPTY);
    }
    Ok(draft)
}

/// Embeds as they come back: with their type, without empty fields.
pub(crate) fn rich(embeds: &[Value]) -> Vec<Value> {
    let mut embeds = embeds.to_vec();
    for fields in embeds.iter_mut().filter_map(Value::as_object_mut) {
        fields.retain(|_, value| !value.is_null());
        fields.insert("type".to_owned(), json!("rich"));
    }
    embeds
}

fn check_rights(world: &World, channel: &Channel, draft: &Draft) -> Result<(), Refused> {
    if !draft.files.is_empty() {
        may(world, channel.id, ATTACH_FILES)?;
    }
    if !draft.embeds.is_empty() {
        may(world, channel.id, EMBED_LINKS)?;
    }
    Ok(())
}

fn reply(world: &World, channel: &Channel, reference: &Value) -> Result<Option<Id>, Refused> {
    let Some(id) = reference["message_id"].as_str() else {
        return Ok(None);
    };
    may(world, channel.id, READ_MESSAGE_HISTORY).map_err(|_| Refused::NO_HISTORY)?;
    match known(world, channel.id, id) {
        Ok(message) if !message.is_note() => Ok(Some(message.id)),
        Ok(_) => Err(Refused::SYSTEM_MESSAGE),
        Err(_) if reference["fail_if_not_exists"] == false => Ok(None),
        Err(_) => Err(Refused::UNKNOWN_REFERENCE),
    }
}

fn read(world: &World, call: &Call, channel: Id) -> Done {
    if !world.takes_messages(channel) {
        return Err(Refused::NO_TEXT);
    }
    // Without the right to read back Discord gives an empty list.
    if may(world, channel, READ_MESSAGE_HISTORY).is_err() {
        return ok(json!([]));
    }
    let bound = |key: &str| call.query.get(key).and_then(|text| text.parse::<Id>().ok());
    let limit = number(call, "limit", 50);
    let all: Vec<Id> = world
        .messages(channel)
        .into_iter()
        .map(|message| message.id)
        .collect();
    let mut ids: Vec<Id> = if let Some(after) = bound("after") {
        all.into_iter().filter(|id| *id > after).take(limit).collect()
    } else {
        let end = match (bound("before"), bound("around")) {
            (Some(before), _) => all.partition_point(|id| *id < before),
            (None, Some(around)) => (all.partition_point(|id| *id <= around) + limit / 2).min(all.len()),
            (None, None) => all.len(),
        };
        all[end.saturating_sub(limit)..end].to_vec()
    };
    ids.reverse();
    ok(ids.into_iter().map(|id| shown(world, id)).collect())
}

/// Words alone are looked at, not what is in files.
fn may_link(world: &World, body: &Value) -> Result<(), Refused> {
    let content = body["content"].as_str().unwrap_or_default();
    let is_harmful = world.harmful.iter().any(|link| content.contains(link));
    if is_harmful { Err(Refused::HARMFUL) } else { Ok(()) }
}

/// What an edit's body asks for. Absent fields stay as they were, null empties.
pub(crate) fn change(world: &World, channel: Id, body: &Value, files: Vec<Upload>) -> Result<Edit, Refused> {
    let wrong = check_message(body, files.len());
    if !wrong.is_empty() {
        return Err(Refused::invalid(&wrong));
    }
    if too_big(&files, world.file_limit(channel)) {
        return Err(Refused::FILE_TOO_BIG);
    }
    may_link(world, body)?;
    let given = |key: &str| body.as_object().is_some_and(|fields| fields.contains_key(key));
    let kept = list(body, "attachments").iter();
    let kept = kept.filter_map(|one| one["id"].as_str()?.parse().ok());
    Ok(Edit {
        content: given("content").then(|| body["content"].as_str().unwrap_or_default().trim().to_owned()),
        embeds: given("embeds").then(|| rich(list(body, "embeds"))),
        components: given("components").then(|| list(body, "components").to_vec()),
        allowed_mentions: Some(body["allowed_mentions"].clone()).filter(|rules| !rules.is_null()),
        kept: given("attachments").then(|| kept.collect()),
        files,
    })
}

fn edit(world: &mut World, call: &Call, id: Id) -> Done {
    let message = world.messages.get(&id).ok_or(Refused::UNKNOWN_MESSAGE)?;
    if message.author != world.application.bot {
        return Err(Refused::NOT_OURS);
    }
    let thread = world
        .channels
        .get(&message.channel)
        .ok_or(Refused::UNKNOWN_CHANNEL)?;
    if thread.is_archived() {
        return Err(Refused::ARCHIVED);
    }
    let change = change(world, message.channel, &call.body, uploads(call)?)?;
    if !change.files.is_empty() {
        may(world, message.channel, ATTACH_FILES)?;
    }
    if leaves_nothing(message, &change) {
        return Err(Refused::EMPTY);
    }
    world.edit(id, change);
    ok(shown(world, id))
}

/// Whether nothing would be left to see.
pub(crate) fn leaves_nothing(message: &Message, edit: &Edit) -> bool {
    let content = edit.content.as_ref().unwrap_or(&message.content);
    let embeds = edit.embeds.as_ref().unwrap_or(&message.embeds);
    let old_files = edit.kept.as_ref().map_or(message.attachments.len(), Vec::len);
    content.is_empty() && embeds.is_empty() && old_files + edit.files.len() == 0
}

fn delete(world: &mut World, id: Id) -> Done {
    let message = world.messages.get(&id).ok_or(Refused::UNKNOWN_MESSAGE)?;
    if message.author != world.application.bot {
        may(world, message.channel, MANAGE_MESSAGES)?;
    }
    world.delete(id);
    empty()
}

fn bulk_delete(world: &mut World, call: &Call, channel: Id) -> Done {
    may(world, channel, MANAGE_MESSAGES)?;
    let ids = list(&call.body, "messages").iter().filter_map(Value::as_str);
    let ids: Vec<Id> = ids
        .filter_map(|id| Some(known(world, channel, id).ok()?.id))
        .collect();
    for id in ids {
        world.delete(id);
    }
    empty()
}
