//! `/model` and `/agent`: what a thread is answered by.

use std::fmt::Write as _;

use conversation::{Permissions, Thread, ThreadChange};
use supervisor::{Deed, Setting, SupervisorError, is_mode_guarded};

use super::{Here, NotDone, propose};
use crate::discord::hear::obey_channel;
use crate::standing::{Model, NO_MODEL, choices, chosen, offered, wanted};

/// The longest name of a model or a mode, in bytes.
const LONGEST_NAME: usize = 200;

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
    let name = named("name").map(|name| propose::agent(here.bot, name));
    let mode = named("mode");
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
