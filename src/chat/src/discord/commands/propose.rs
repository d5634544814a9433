//! What can be chosen, while somebody types it: a vendor, an agent, a model or a mode.

use std::sync::Arc;

use serenity::all::CommandData;
use supervisor::{Offered, Setting};

use super::Typed;
use crate::discord::asker::Asker;
use crate::discord::bot::Bot;
use crate::discord::names;
use crate::discord::places::thread;
use crate::discord::split::units;
use crate::standing::{DEFAULT, choices};

/// Discord takes no more proposals, and no longer ones.
const PROPOSALS: usize = 25;
const LONGEST_PROPOSAL: usize = 100;

/// Proposes it; nothing to those who may not use the bot.
pub(in crate::discord) async fn complete(bot: &Arc<Bot>, asker: &Asker, data: &CommandData) {
    let found = Box::pin(proposals(bot, asker, data));
    let found = asker.in_time(found).await.flatten();
    asker.propose(bot, &found.unwrap_or_default()).await;
}

/// What fits what was typed so far.
async fn proposals(bot: &Bot, asker: &Asker, data: &CommandData) -> Option<Vec<Offered>> {
    asker.may_now(bot).await.ok()?;
    let focused = data.autocomplete()?;
    let all = match (data.name.as_str(), focused.name) {
        ("auth", "vendor") => vendors(bot),
        ("agent", "name") => agents(bot),
        ("model", "name") => of_thread(bot, asker, data, Setting::Model).await?,
        ("agent", "mode") => of_thread(bot, asker, data, Setting::Mode).await?,
        _ => return None,
    };
    let typed = focused.value.trim().to_lowercase();
    let fits = |entry: &Offered| {
        let is_meant = |text: &str| text.to_lowercase().contains(&typed);
        units(&entry.id) <= LONGEST_PROPOSAL && (is_meant(&entry.id) || is_meant(&entry.name))
    };
    let found = all.into_iter().filter(fits).take(PROPOSALS);
    let found = found.map(|entry| Offered {
        name: names::label(&entry.name, LONGEST_PROPOSAL),
        ..entry
    });
    Some(found.collect())
}

/// The vendor that was typed, also by its title: what is proposed need not be taken.
pub(in crate::discord) fn vendor(bot: &Bot, typed: String) -> String {
    meant(vendors(bot), typed)
}

/// The same of an agent.
pub(super) fn agent(bot: &Bot, typed: String) -> String {
    meant(agents(bot), typed)
}

fn meant(all: Vec<Offered>, typed: String) -> String {
    let is_typed = |text: &str| text.trim().to_lowercase() == typed.trim().to_lowercase();
    if all.iter().any(|entry| is_typed(&entry.id)) {
        return typed;
    }
    let mut named = all.into_iter().filter(|entry| is_typed(&entry.name));
    match (named.next(), named.next()) {
        (Some(only), None) => only.id,
        _ => typed,
    }
}

fn vendors(bot: &Bot) -> Vec<Offered> {
    let vendors = bot.house.credentials.vendors().iter();
    let vendors = vendors.map(|vendor| Offered {
        id: vendor.service.to_string(),
        name: vendor.title.clone(),
    });
    vendors.collect()
}

fn agents(bot: &Bot) -> Vec<Offered> {
    let agents = bot.house.supervisor.agents().into_iter();
    agents.map(|(id, name)| Offered { id, name }).collect()
}

/// What the agent of the thread offers, or the one that was typed already.
async fn of_thread(bot: &Bot, asker: &Asker, data: &CommandData, setting: Setting) -> Option<Vec<Offered>> {
    let mut known = bot
        .house
        .conversation
        .thread(&thread(asker.channel)?)
        .await
        .ok()?;
    if let ("agent", Some(agent)) = (data.name.as_str(), Typed(data).text("name")) {
        known.agent = agent;
    }
    let mut found = choices(&bot.house.supervisor, &known, setting);
    if !found.is_empty() && found.iter().all(|entry| entry.id != DEFAULT) {
        found.push(Offered {
            id: DEFAULT.to_owned(),
            name: format!("{DEFAULT}: the agent's own"),
        });
    }
    Some(found)
}
