//! What waits in a thread for somebody: permissions, sign-ins, and a last turn that failed. Each with the way to its card; where
//! that was deleted, the card itself, for the eyes of whoever may answer it.

use std::fmt::Write as _;

use conversation::{Body, ConversationError, DeliveryState, Item, TurnId};
use supervisor::{Deed, Snapshot, SupervisorError, ThreadPhase};

use super::Here;
use crate::discord::admission::Id;
use crate::discord::owner;
use crate::discord::press::{decides_for, items};
use crate::discord::render::{self, DesiredMessage, Key, Progress};
use crate::discord::rest::Trouble;
use crate::discord::split::as_code;
use crate::harmless;

/// So many are listed.
const LISTED: usize = 6;

/// What is told of it.
pub(super) struct Waiting {
    pub(super) lines: String,
    /// Cards that stand nowhere, and that the asker may answer.
    pub(super) cards: Vec<DesiredMessage>,
}

/// Where the card of something stands, as far as Discord says.
enum Stands {
    /// A link.
    At(String),
    /// A link, unless it was deleted.
    PerhapsAt(String),
    /// It is being sent.
    OnItsWay,
    Nowhere,
}

/// What waits in the thread that was asked about.
///
/// Errors: it can't be read.
pub(super) async fn waiting(here: &Here<'_>, now: &Snapshot) -> Result<Waiting, SupervisorError> {
    let items = items(here.bot, &here.thread).await?;
    let open: Vec<&Item> = items
        .iter()
        .filter(|item| render::waits(item) || is_last_failure(item, &items, now))
        .collect();
    let mut lines = String::new();
    let mut cards = vec![];
    for item in open.iter().take(LISTED) {
        let what = named(item);
        let place = match here.stands(item).await? {
            Stands::At(link) => link,
            Stands::PerhapsAt(link) => format!("{link} (if it is still there: Discord does not say now)"),
            Stands::OnItsWay => "on its way.".to_owned(),
            Stands::Nowhere if here.may_answer(item, now).await? => {
                let look = here.bot.look(here.asker.channel);
                let shown = render::messages(std::slice::from_ref(item), &Progress::Running, &look);
                cards.extend(shown);
                "below, as its message is not there any more.".to_owned()
            }
            Stands::Nowhere => {
                let only = owner::only(here.bot, &here.thread, deed(item)).await;
                format!("{only}, by typing `/status`.")
            }
        };
        // Writing to a String can't fail.
        let _ = write!(lines, "\n{what}: {place}");
    }
    if open.len() > LISTED {
        let _ = write!(lines, "\nand {} more that wait", open.len() - LISTED);
    }
    if !lines.is_empty() {
        lines.insert_str(0, "\n**Waits for an answer**");
    }
    Ok(Waiting { lines, cards })
}

/// Whether an entry offers to run the last turn again, which nobody has asked for.
fn is_last_failure(item: &Item, items: &[Item], now: &Snapshot) -> bool {
    let Some(turn) = retries(item) else {
        return false;
    };
    let is_newest = || {
        items
            .iter()
            .rev()
            .find(|item| retries(item).is_some())
            .map(|item| item.id)
            == Some(item.id)
    };
    let is_last = || items.iter().all(|other| other.turn <= Some(turn));
    let is_stuck = now.phase == ThreadPhase::Failed { until: None };
    now.doing.is_none() && is_newest() && (is_stuck || is_last())
}

fn retries(item: &Item) -> Option<TurnId> {
    match item.body {
        Body::Note { retry, .. } => retry,
        _ => None,
    }
}

/// What it is, in a few words.
fn named(item: &Item) -> String {
    match &item.body {
        Body::Permission { title, detail, .. } => {
            let detail = harmless::named(detail);
            let what = if detail.trim().is_empty() {
                title
            } else {
                detail.as_ref()
            };
            format!("✋ May it? {}", as_code(&harmless::line(what, 100)))
        }
        Body::Login { title, .. } => {
            format!("🔑 A sign-in to {}", render::escaped(&harmless::line(title, 80)))
        }
        _ => "❌ The last turn has no answer, and can be tried again".to_owned(),
    }
}

fn deed(item: &Item) -> Deed {
    match item.body {
        Body::Permission { .. } => Deed::Decide,
        Body::Login { .. } => Deed::SignIn,
        _ => Deed::Turn,
    }
}

impl Here<'_> {
    /// Where its card stands with its buttons.
    async fn stands(&self, item: &Item) -> Result<Stands, ConversationError> {
        let (bot, channel) = (self.bot, self.asker.channel);
        let conversation = &bot.house.conversation;
        let deliveries = conversation.deliveries(&self.thread, item.turn).await?;
        let of_it = deliveries.iter().filter(|delivery| {
            matches!(delivery.state, DeliveryState::Delivered | DeliveryState::Sent)
                && Key::of_part(delivery.turn, delivery.part).item == item.id
        });
        // The newest posting of it, and of that the message with the buttons.
        let card = of_it.max_by_key(|delivery| delivery.part);
        if card.is_some_and(|card| card.state == DeliveryState::Sent) {
            return Ok(Stands::OnItsWay);
        }
        let Some(message) = card.and_then(|card| card.remote.as_deref()?.parse::<Id>().ok()) else {
            return Ok(Stands::Nowhere);
        };
        let Some(thread) = bot.places.origin(&self.thread).and_then(|origin| origin.link) else {
            return Ok(Stands::Nowhere);
        };
        let link = format!("{thread}/{message}");
        Ok(match bot.rest.message(channel, message).await {
            Ok(message) if message.components.is_empty() => Stands::Nowhere,
            Ok(_) => Stands::At(link),
            Err(Trouble::Refused { .. }) => Stands::Nowhere,
            Err(trouble) => {
                tracing::info!(channel, %trouble, "could not look whether a card is still there");
                Stands::PerhapsAt(link)
            }
        })
    }

    /// Whether the asker may answer it.
    async fn may_answer(&self, item: &Item, now: &Snapshot) -> Result<bool, SupervisorError> {
        let is_owner = now.thread.owner == self.by;
        Ok(match &item.body {
            Body::Permission { .. } => decides_for(self.bot, self.asker, &self.thread, &self.by)
                .await?
                .is_some(),
            Body::Note {
                retry: Some(turn), ..
            } => is_owner || self.bot.house.conversation.turn(*turn).await?.by == self.by,
            _ => is_owner,
        })
    }
}
