//! `/model` and `/agent`: what a thread is answered by, and what there is to choose from, while somebody types and after it.

use std::fmt::Write as _;
use std::sync::Arc;

use conversation::{Permissions, Thread, ThreadChange};
use serenity::all::CommandData;
use supervisor::{Deed, Offered, Setting, SupervisorError, is_mode_guarded};

use super::{Here, NotDone, Typed};
use crate::discord::asker::Asker;
use crate::discord::bot::Bot;
use crate::discord::hear::obey_channel;
use crate::discord::names;
use crate::discord::places::thread;
use crate::discord::split::units;
use crate::standing::{DEFAULT, Model, NO_MODEL, choices, chosen, offered, wanted};

/// The longest name of a model or a mode, in bytes.
const LONGEST_NAME: usize = 200;
/// Discord takes no more proposals, and no longer ones.
const PROPOSALS: usize = 25;
const LONGEST_PROPOSAL: usize = 100;

/// Errors: the asker may not change what the whole thread works with, or nobody says now whether they may.
async fn may_change(here: &Here<'_>) -> Result<Thread, NotDone> {
    let known = here.bot.house.conversation.thread(&here.thread).await?;
    if known.owner == here.by || here.asker.is_admin(here.bot).await? {
        return Ok(known);
    }
    Err(SupervisorError::NotAllowed(Deed::Change).into())
}

/// The thread with what its channel permits now: what only administrators choose there is looked at before it is chosen, not
/// with the next message.
///
/// Errors: Discord does not say where the thread is, or it can't be written.
async fn obeyed(here: &Here<'_>) -> Result<Thread, NotDone> {
    let channel = here.asker.channel;
    let spot = here.bot.spot(channel).await.map_err(|trouble| {
        tracing::info!(channel, %trouble, "what a thread's channel permits is not known");
        NotDone::from("Discord does not tell me now which channel this is, so nothing was done. Try it again in a moment.")
    })?;
    Ok(obey_channel(here.bot, channel, spot.parent).await?)
}

/// Errors: only administrators do this here, or nobody says now whether the asker is one. `what`: this, in words.
async fn may_loosen(here: &Here<'_>, known: &Thread, what: &str) -> Result<(), NotDone> {
    if !is_mode_guarded(known.permissions) || here.asker.is_admin(here.bot).await? {
        return Ok(());
    }
    let set = match known.permissions {
        Some(Permissions::Ask) => "ask",
        Some(Permissions::Deny) => "deny",
        Some(Permissions::Allow) | None => return Ok(()),
    };
    Err(NotDone::Told(format!(
        "Only administrators {what}: this channel's `permissions` are `{set}`, and in some modes an agent asks \
         for less. Administrators are the owners of this bot's application, and whom `admins` in `[discord]` names."
    )))
}

fn is_no_name(name: &str) -> bool {
    name.len() > LONGEST_NAME || name.contains(|letter: char| letter.is_control() || letter == '`')
}

pub(super) async fn model(here: &Here<'_>) -> Result<String, NotDone> {
    let supervisor = &here.bot.house.supervisor;
    let Some(name) = here.typed.text("name").filter(|name| !name.is_empty()) else {
        let known = here.bot.house.conversation.thread(&here.thread).await?;
        let answer = match answers(here, &known) {
            Model::Chosen(name) => {
                format!("This thread uses the model `{name}`. `default` goes back to the agent's own.")
            }
            Model::OfAgent(name) => format!("This thread uses the agent's own model, `{name}`."),
            Model::Untold => "This thread uses the agent's own model.".to_owned(),
            Model::None => NO_MODEL.to_owned(),
        };
        let offered = offered(supervisor, &known, Setting::Model);
        return Ok([Some(answer), offered]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" "));
    };
    let known = may_change(here).await?;
    if is_no_name(&name) {
        return Ok("That is no name of a model.".to_owned());
    }
    let change = ThreadChange {
        model: Some(wanted(supervisor, &known, Setting::Model, name)),
        ..ThreadChange::default()
    };
    let changed = supervisor.change(&here.thread, change).await?;
    Ok(match answers(here, &changed) {
        Model::Chosen(name) => chosen(supervisor, &changed, Setting::Model, name),
        Model::OfAgent(_) | Model::Untold => "From the next turn on: the agent's own model.".to_owned(),
        Model::None => NO_MODEL.to_owned(),
    })
}

fn answers<'a>(here: &'a Here<'_>, thread: &'a Thread) -> Model<'a> {
    crate::standing::model(&here.bot.house.supervisor, thread)
}

pub(super) async fn agent(here: &Here<'_>) -> Result<String, NotDone> {
    let supervisor = &here.bot.house.supervisor;
    let named = |option: &str| here.typed.text(option).filter(|name| !name.is_empty());
    let (name, mode) = (named("name"), named("mode"));
    if name.is_none() && mode.is_none() {
        let known = here.bot.house.conversation.thread(&here.thread).await?;
        return Ok(served_by(here, &known));
    }
    may_change(here).await?;
    if mode.as_deref().is_some_and(is_no_name) {
        return Ok("That is no name of a mode.".to_owned());
    }
    let known = obeyed(here).await?;
    let agent = name.clone().unwrap_or_else(|| known.agent.clone());
    let is_new = agent != known.agent;
    if mode.is_some() {
        may_loosen(here, &known, "choose an agent's mode here").await?;
    } else if is_new && let Some(mode) = &known.mode {
        // With another agent, and this one again, it would be chosen no longer.
        let what = format!("change the agent here while it works in the mode `{mode}`");
        may_loosen(here, &known, &what).await?;
    }
    let meant = Thread { agent, ..known };
    let change = ThreadChange {
        agent: name.clone(),
        mode: mode.map(|mode| wanted(supervisor, &meant, Setting::Mode, mode)),
        ..ThreadChange::default()
    };
    let of_mode = change.mode.is_some();
    let changed = supervisor.change(&here.thread, change).await?;
    let title = supervisor.title_of(&changed.agent);
    let mut answer = vec![];
    if is_new {
        answer.push(format!(
            "From the next turn on: the agent {title}, with a new session."
        ));
    } else if name.is_some() {
        answer.push(format!("This thread is served by {title} already."));
    }
    if of_mode {
        answer.push(match &changed.mode {
            Some(mode) => chosen(supervisor, &changed, Setting::Mode, mode),
            None => "From the next turn on: the mode that the agent begins with.".to_owned(),
        });
    }
    Ok(answer.join(" "))
}

/// Which agent it is, in which mode, and which there are.
fn served_by(here: &Here<'_>, known: &Thread) -> String {
    let supervisor = &here.bot.house.supervisor;
    let mut answer = format!("This thread is served by {}", supervisor.title_of(&known.agent));
    if let Some(mode) = &known.mode {
        // Writing to a String can't fail.
        let _ = write!(answer, ", in the mode `{mode}`");
    }
    answer.push_str(". There are:");
    for (name, title) in supervisor.agents() {
        let _ = write!(answer, "\n`{name}` {title}");
    }
    if !choices(supervisor, known, Setting::Mode).is_empty()
        && let Some(offered) = offered(supervisor, known, Setting::Mode)
    {
        let _ = write!(answer, "\nModes: {offered} `/agent mode:` chooses one.");
    }
    answer
}

/// Proposes what can be chosen, while somebody types; nothing to those who may not use the bot.
pub(in crate::discord) async fn complete(bot: &Arc<Bot>, asker: &Asker, data: &CommandData) {
    let found = Box::pin(proposals(bot, asker, data));
    let found = asker.in_time(found).await.flatten();
    asker.propose(bot, &found.unwrap_or_default()).await;
}

async fn proposals(bot: &Bot, asker: &Asker, data: &CommandData) -> Option<Vec<Offered>> {
    asker.may_now(bot).await.ok()?;
    let (thread, focused) = (thread(asker.channel)?, data.autocomplete()?);
    let setting = match (data.name.as_str(), focused.name) {
        ("model", "name") => Setting::Model,
        ("agent", "mode") => Setting::Mode,
        _ => return None,
    };
    let mut known = bot.house.conversation.thread(&thread).await.ok()?;
    if let ("agent", Some(agent)) = (data.name.as_str(), Typed(data).text("name")) {
        known.agent = agent;
    }
    let found = choices(&bot.house.supervisor, &known, setting);
    let own = Offered {
        id: DEFAULT.to_owned(),
        name: format!("{DEFAULT}: the agent's own"),
    };
    let has_one = found.iter().any(|entry| entry.id == DEFAULT);
    let own = Some(own).filter(|_| !has_one && !found.is_empty());
    let typed = focused.value.trim().to_lowercase();
    let fits = |entry: &Offered| {
        let is_meant = |text: &str| text.to_lowercase().contains(&typed);
        units(&entry.id) <= LONGEST_PROPOSAL && (is_meant(&entry.id) || is_meant(&entry.name))
    };
    let found = found.into_iter().chain(own).filter(fits).take(PROPOSALS);
    let found = found.map(|entry| Offered {
        name: names::label(&entry.name, LONGEST_PROPOSAL),
        ..entry
    });
    Some(found.collect())
}
