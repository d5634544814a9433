//! What stands in a thread, as Discord has it: so that after a restart only what is to look otherwise is edited.

use std::collections::{BTreeSet, HashMap};

use serenity::all::{ActionRowComponent, ButtonKind, ButtonStyle, Message};

use crate::discord::admission::Id;
use crate::discord::bot::Bot;
use crate::discord::render::{Button, Face, Press, Style};

/// Requests, each for a hundred messages.
const PAGES: usize = 20;

/// How these messages look; those are left out that are gone, or could not be read.
pub(super) async fn read(bot: &Bot, channel: Id, wanted: BTreeSet<Id>) -> HashMap<Id, Face> {
    let mut faces = HashMap::new();
    let mut after = 0;
    for _ in 0..PAGES {
        // Whatever others wrote in between is not read.
        let Some(next) = wanted.range(after + 1..).next() else {
            break;
        };
        let messages = match bot.rest.after(channel, next - 1).await {
            Ok(messages) => messages,
            Err(trouble) => {
                tracing::info!(channel, %trouble, "what stands in a thread could not be read; it is written anew");
                break;
            }
        };
        let Some(last) = messages.last() else {
            break;
        };
        after = last.id.get();
        let ours = messages
            .iter()
            .filter(|message| wanted.contains(&message.id.get()));
        faces.extend(ours.filter_map(|message| Some((message.id.get(), face(bot, channel, message)?))));
    }
    faces
}

/// `None`: it has something that we do not put there.
fn face(bot: &Bot, channel: Id, message: &Message) -> Option<Face> {
    let rows = message.components.iter().flat_map(|row| &row.components);
    let buttons: Option<Vec<Button>> = rows.map(|one| button(bot, channel, one)).collect();
    let files = message.attachments.iter();
    Some(Face {
        content: message.content.clone(),
        buttons: buttons?,
        files: files
            .map(|file| (file.filename.clone(), u64::from(file.size)))
            .collect(),
    })
}

fn button(bot: &Bot, channel: Id, component: &ActionRowComponent) -> Option<Button> {
    let ActionRowComponent::Button(button) = component else {
        return None;
    };
    let (press, style) = match &button.data {
        ButtonKind::Link { url } => (Press::Open(url.clone()), Style::Secondary),
        ButtonKind::NonLink { custom_id, style } => {
            let action = bot.sealer.parse(channel, custom_id).ok()?;
            (Press::Action(action), of_style(*style)?)
        }
        ButtonKind::Premium { .. } => return None,
    };
    Some(Button {
        label: button.label.clone().unwrap_or_default(),
        press,
        style,
    })
}

fn of_style(style: ButtonStyle) -> Option<Style> {
    match style {
        ButtonStyle::Primary => Some(Style::Primary),
        ButtonStyle::Secondary => Some(Style::Secondary),
        ButtonStyle::Success => Some(Style::Success),
        ButtonStyle::Danger => Some(Style::Danger),
        _ => None,
    }
}
