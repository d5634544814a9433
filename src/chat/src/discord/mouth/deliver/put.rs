//! A message on its way: its content, files and buttons, as Discord takes them.

use conversation::ThreadId;
use serde_json::{Value, json};

use crate::discord::admission::Id;
use crate::discord::bot::Bot;
use crate::discord::files;
use crate::discord::render::{self, Button, DesiredMessage, Press, Style};
use crate::discord::rest::{Answered, NO_PERMISSION, Outgoing, Reply, TOO_LARGE, Trouble};

/// As it is sent.
pub(in crate::discord) async fn outgoing(
    bot: &Bot,
    thread: &ThreadId,
    channel: Id,
    message: &DesiredMessage,
) -> Outgoing {
    let limit = bot.look(channel).upload_limit;
    let (files, missing) = files::give(bot, thread, &message.files, limit).await;
    Outgoing {
        rows: vec![row(bot, channel, message, missing.is_empty())],
        content: render::with_lines(message.content.clone(), &missing),
        files,
        ..Outgoing::default()
    }
}

/// Its buttons. `is_whole`: all that belongs to it can be read; else it lets nothing be done.
fn row(bot: &Bot, channel: Id, message: &DesiredMessage, is_whole: bool) -> Vec<Value> {
    let buttons = message.buttons.iter();
    let buttons = buttons.filter(|button| is_whole || !button.allows());
    buttons
        .filter_map(|button| button_json(bot, channel, button))
        .collect()
}

/// Sends a message, or changes the one that is there; without its files where Discord takes less than it says, and where they
/// are there already and it takes no others.
pub(super) async fn put(
    bot: &Bot,
    (channel, there): (Id, Option<Id>),
    message: &DesiredMessage,
    outgoing: Outgoing,
) -> Result<Answered, Trouble> {
    let count = outgoing.files.len();
    if count == 0 {
        return put_once(bot, channel, there, outgoing).await;
    }
    match put_once(bot, channel, there, outgoing.clone()).await {
        Err(Trouble::Refused {
            status: TOO_LARGE, ..
        }) => {
            let mut refused = vec!["Discord did not take the file: it is too large for it here.".to_owned()];
            if message.buttons.iter().any(Button::allows) {
                refused.push(
                    "What nobody can read can't be allowed: deny it, and ask for smaller steps.".to_owned(),
                );
            }
            let bare = Outgoing {
                content: render::with_lines(outgoing.content, &refused),
                rows: vec![row(bot, channel, message, false)],
                files: vec![],
                ..outgoing
            };
            put_once(bot, channel, there, bare).await
        }
        Err(
            refused @ Trouble::Refused {
                code: NO_PERMISSION, ..
            },
        ) if there.is_some() => {
            let bare = Outgoing {
                files: vec![],
                ..outgoing
            };
            let answer = put_once(bot, channel, there, bare).await?;
            if answer.files < count {
                Err(refused)
            } else {
                Ok(answer)
            }
        }
        answer => answer,
    }
}

async fn put_once(
    bot: &Bot,
    channel: Id,
    there: Option<Id>,
    outgoing: Outgoing,
) -> Result<Answered, Trouble> {
    let Some(remote) = there else {
        return bot.rest.send(channel, outgoing, false).await;
    };
    let edited = bot.rest.edit(channel, remote, outgoing.clone()).await;
    if bot.rest.is_woken(channel, &edited).await {
        return bot.rest.edit(channel, remote, outgoing).await;
    }
    edited
}

pub(super) async fn delete(bot: &Bot, channel: Id, remote: Id) -> Result<Reply, Trouble> {
    let deleted = bot.rest.delete(channel, remote).await;
    if bot.rest.is_woken(channel, &deleted).await {
        return bot.rest.delete(channel, remote).await;
    }
    deleted
}

fn button_json(bot: &Bot, channel: Id, button: &Button) -> Option<Value> {
    let style = match button.style {
        Style::Primary => 1,
        Style::Secondary => 2,
        Style::Success => 3,
        Style::Danger => 4,
    };
    match &button.press {
        Press::Open(url) => Some(json!({ "type": 2, "style": 5, "label": button.label, "url": url })),
        Press::Action(action) => {
            let custom_id = bot.sealer.encode(channel, action).ok()?;
            Some(json!({ "type": 2, "style": style, "label": button.label, "custom_id": custom_id }))
        }
    }
}
