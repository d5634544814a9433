//! Slash commands: registered when they have changed, answered for the eyes of the one who typed them.

use std::fmt::Write as _;
use std::sync::Arc;

use conversation::{ThreadChange, ThreadId};
use credentials::UserId;
use serde_json::{Value, json};
use serenity::all::{CommandData, CommandDataOptionValue};
use supervisor::{Deed, SupervisorError};

use super::asker::{Asker, Late};
use super::bot::{Bot, user};
use super::places::thread;
use super::rest::Outgoing;
use super::{names, owner, payer, render, sign_in};
use crate::harmless;
use crate::standing::{Model, NO_MODEL, chosen, model, offered, standing};

mod always;
mod new;
mod register;

pub(super) use always::forbid;
pub(super) use new::{begun, take_up};
pub(super) use register::register;

use new::Kept;

/// Turns of a queue that are listed.
const LISTED: usize = 15;
/// The longest name of a model.
const LONGEST_NAME: usize = 200;

const NOT_HERE: &str = "Not here.";

pub(super) fn text(name: &str, description: &str, required: bool) -> Value {
    json!({ "type": 3, "name": name, "description": description, "required": required })
}

fn command(name: &str, description: &str, options: &[Value]) -> Value {
    json!({ "type": 1, "name": name, "description": description, "options": options })
}

/// All of them, as Discord wants them.
fn all(bot: &Bot) -> Value {
    let agents: Vec<Value> = bot
        .house
        .supervisor
        .agents()
        .into_iter()
        .take(25)
        .map(|(name, title)| json!({ "name": names::label(&title, 100), "value": name }))
        .collect();
    let mut agent = text("name", "The agent; left out: which there are", false);
    agent["choices"] = json!(agents);
    json!([
        sign_in::command(bot),
        command(
            "new",
            "Open a new thread",
            &[text("text", "The first message", true)]
        ),
        command("stop", "Stop what runs in this thread", &[]),
        command("reset", "Let the agent begin anew in this thread", &[]),
        command(
            "model",
            "Choose the model of this thread",
            &[text(
                "name",
                "The model, or default; left out: which it is",
                false
            )],
        ),
        command("agent", "Choose the agent of this thread", &[agent]),
        command("status", "How this thread stands", &[]),
        command(
            "queue",
            "What waits in this thread",
            &[
                json!({
                    "type": 4, "name": "skip", "description": "Take this number out of the queue",
                    "min_value": 1, "required": false,
                }),
                json!({
                    "type": 5, "name": "retry", "description": "Try again to say what could not be said here",
                    "required": false,
                }),
            ],
        ),
        command("help", "What I can do", &[]),
    ])
}

/// What was typed.
pub(super) struct Typed<'a>(&'a CommandData);

impl Typed<'_> {
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let option = self.0.options.iter().find(|option| option.name == name)?;
        match &option.value {
            CommandDataOptionValue::String(text) => Some(text.trim().to_owned()),
            _ => None,
        }
    }

    fn is_set(&self, name: &str) -> bool {
        let option = self.0.options.iter().find(|option| option.name == name);
        option.is_some_and(|option| matches!(option.value, CommandDataOptionValue::Boolean(true)))
    }

    fn number(&self, name: &str) -> Option<i64> {
        let option = self.0.options.iter().find(|option| option.name == name)?;
        match option.value {
            CommandDataOptionValue::Integer(number) => Some(number),
            _ => None,
        }
    }
}

/// Does what was typed.
pub(super) async fn typed(bot: &Arc<Bot>, asker: &Asker, data: &CommandData) {
    if let Err(words) = asker.admitted(bot).await {
        asker.tell(bot, words).await;
        return;
    }
    let typed = Typed(data);
    if data.name == "new" {
        new_thread(bot, asker, typed.text("text").unwrap_or_default()).await;
        return;
    }
    if !asker.later(bot).await {
        return;
    }
    if data.name == "auth" {
        sign_in::typed(bot, asker, &typed).await;
        return;
    }
    let answer = if let (Some(thread), Some(by)) = (thread(asker.channel), user(asker.user)) {
        let here = Here {
            bot,
            asker,
            typed,
            thread,
            by,
        };
        match here.run().await {
            Ok(answer) => answer,
            Err(error) => Outgoing::words(owner::why_not(bot, &here.thread, &error).await),
        }
    } else {
        Outgoing::words(NOT_HERE)
    };
    asker.answer(bot, answer, Late::Same).await;
}

/// It is kept before it is acknowledged.
async fn new_thread(bot: &Arc<Bot>, asker: &Asker, text: String) {
    match new::keep(bot, asker, text) {
        Kept::Asked(wanted) => {
            if asker.later(bot).await {
                new::open(bot, wanted, false).await;
            } else {
                wanted.forget(bot);
            }
        }
        Kept::Known => {}
        Kept::Not(words) => asker.tell(bot, &words).await,
    }
}

/// A command, and where and by whom it was typed.
struct Here<'a> {
    bot: &'a Arc<Bot>,
    asker: &'a Asker,
    typed: Typed<'a>,
    thread: ThreadId,
    by: UserId,
}

impl Here<'_> {
    async fn run(&self) -> Result<Outgoing, SupervisorError> {
        if self.typed.0.name == "status" && self.bot.places.is_served(self.asker.channel) {
            let standing = self.status().await?;
            return always::below(self.bot, self.asker, &self.thread, &self.by, standing).await;
        }
        let words = self.words().await?;
        Ok(Outgoing::words(names::shortened(&words, 1900)))
    }

    async fn words(&self) -> Result<String, SupervisorError> {
        let bot = self.bot;
        let name = self.typed.0.name.as_str();
        if name == "help" {
            return Ok(help(bot));
        }
        if !bot.places.is_served(self.asker.channel) {
            return Ok("There is no conversation here. Mention me in a channel, or use /new.".to_owned());
        }
        let supervisor = &bot.house.supervisor;
        match name {
            "stop" => Ok(if supervisor.stop(&self.thread, &self.by).await? {
                "Stopping."
            } else {
                "Nothing runs in this thread."
            }
            .to_owned()),
            "reset" => {
                bot.speak_in(self.asker.channel).await;
                supervisor.reset(&self.thread, &self.by).await?;
                Ok("The agent begins anew here. What was said and the files stay.".to_owned())
            }
            "queue" if self.typed.is_set("retry") => Ok(match bot.say_again(self.asker.channel).await {
                0 => "There is nothing here that could not be said.".to_owned(),
                1 => "One message is tried again.".to_owned(),
                some => format!("{some} messages are tried again."),
            }),
            "queue" => self.queue().await,
            "model" => self.model().await,
            "agent" => self.agent().await,
            _ => Ok("There is no such command here.".to_owned()),
        }
    }

    async fn status(&self) -> Result<String, SupervisorError> {
        let (now, _) = self.bot.house.supervisor.subscribe(&self.thread).await?;
        let owner = &now.thread.owner;
        let is_decider = *owner == self.by || self.bot.config.approvers.contains(&self.asker.user);
        let decider = match owner.as_str().strip_prefix("discord:") {
            // Shown as a name: an answer pings nobody.
            Some(user) if !is_decider => format!("<@{user}>’s"),
            _ => "your".to_owned(),
        };
        let mut answer = standing(&self.bot.house.supervisor, &now, &decider).await?;
        if let Some(pays) = payer::pays(self.bot, &now.thread) {
            // Writing to a String can't fail.
            let _ = write!(answer, "\n{}", pays.words());
        }
        Ok(answer)
    }

    async fn queue(&self) -> Result<String, SupervisorError> {
        let queued = self.bot.house.conversation.queued(&self.thread).await?;
        if let Some(number) = self.typed.number("skip") {
            let at = usize::try_from(number)
                .ok()
                .and_then(|number| number.checked_sub(1));
            let Some(turn) = at.and_then(|at| queued.get(at)) else {
                return Ok(format!("There is no number {number} in the queue."));
            };
            let supervisor = &self.bot.house.supervisor;
            supervisor.drop_queued(&self.thread, turn.id, &self.by).await?;
            return Ok(format!("Number {number} is out of the queue."));
        }
        if queued.is_empty() {
            return Ok("Nothing waits here.".to_owned());
        }
        let mut answer = String::from("Waiting, the next one first:");
        for (number, turn) in (1..).zip(queued.iter().take(LISTED)) {
            let name = render::escaped(&harmless::line(&turn.name, 40));
            let words = super::split::disarmed(&harmless::line(&turn.text, 80));
            let _ = write!(answer, "\n{number}. {name}: {words}");
        }
        if queued.len() > LISTED {
            let _ = write!(answer, "\nand {} more", queued.len() - LISTED);
        }
        Ok(answer)
    }

    /// Errors: the asker may not change what the whole thread works with.
    async fn may_change(&self) -> Result<(), SupervisorError> {
        let known = self.bot.house.conversation.thread(&self.thread).await?;
        if known.owner == self.by || self.asker.is_admin(self.bot).await {
            return Ok(());
        }
        Err(SupervisorError::NotAllowed(Deed::Change))
    }

    async fn model(&self) -> Result<String, SupervisorError> {
        let Some(name) = self.typed.text("name").filter(|name| !name.is_empty()) else {
            let known = self.bot.house.conversation.thread(&self.thread).await?;
            let answer = match model(&self.bot.house.supervisor, &known) {
                Model::Chosen(name) => {
                    format!("This thread uses the model `{name}`. `default` goes back to the agent's own.")
                }
                Model::OfAgent(name) => format!("This thread uses the agent's own model, `{name}`."),
                Model::Untold => "This thread uses the agent's own model.".to_owned(),
                Model::None => NO_MODEL.to_owned(),
            };
            let offered = offered(&self.bot.house.supervisor, &known);
            return Ok([Some(answer), offered]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" "));
        };
        self.may_change().await?;
        if name.len() > LONGEST_NAME || name.contains(|letter: char| letter.is_control() || letter == '`') {
            return Ok("That is no name of a model.".to_owned());
        }
        let change = ThreadChange {
            model: Some((name != "default").then_some(name)),
            ..ThreadChange::default()
        };
        let changed = self.bot.house.supervisor.change(&self.thread, change).await?;
        Ok(match model(&self.bot.house.supervisor, &changed) {
            Model::Chosen(name) => chosen(&self.bot.house.supervisor, &changed, name),
            Model::OfAgent(_) | Model::Untold => "From the next turn on: the agent's own model.".to_owned(),
            Model::None => NO_MODEL.to_owned(),
        })
    }

    async fn agent(&self) -> Result<String, SupervisorError> {
        let Some(name) = self.typed.text("name") else {
            let known = self.bot.house.conversation.thread(&self.thread).await?;
            let mut answer = format!(
                "This thread is served by {}. There are:",
                self.bot.house.supervisor.title_of(&known.agent)
            );
            for (name, title) in self.bot.house.supervisor.agents() {
                let _ = write!(answer, "\n`{name}` {title}");
            }
            return Ok(answer);
        };
        self.may_change().await?;
        let change = ThreadChange {
            agent: Some(name),
            ..ThreadChange::default()
        };
        let changed = self.bot.house.supervisor.change(&self.thread, change).await?;
        Ok(format!(
            "From the next turn on: the agent {}, with a new session.",
            self.bot.house.supervisor.title_of(&changed.agent)
        ))
    }
}

fn help(bot: &Bot) -> String {
    let name = harmless::line(&bot.identity.name, 40);
    format!(
        "Mention **@{name}** in a channel with what you want: I open a thread, and there you just write.\n\
         A message that comes while I work waits its turn, unless this channel is set otherwise.\n\
         What begins with somebody else's @name, or answers their message, is not for me. Take me out of a thread, and I am silent there until somebody mentions me.\n\n\
         `/new` opens a thread · `/stop` stops what runs · `/queue` shows what waits, and skips\n\
         `/status` how the thread stands, and what is always allowed in it · `/model` `/agent` choose who answers · `/reset` begins anew: no memory, and nothing always allowed\n\
         `/auth` signs in and out\n\n\
         👀 heard · ✋ waits for you · ✅ done · ❌ failed or stopped"
    )
}
