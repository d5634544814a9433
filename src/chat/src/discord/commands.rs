//! Slash commands: registered when they have changed, answered for the eyes of the one who typed them.

use std::sync::Arc;

use conversation::{ConversationError, ThreadId};
use credentials::UserId;
use serde_json::{Value, json};
use serenity::all::{CommandData, CommandDataOptionValue};
use supervisor::SupervisorError;

use super::admission::Refusal;
use super::asker::{Asker, First, Late, May};
use super::bot::{Bot, user};
use super::places::thread;
use super::rest::Outgoing;
use super::{names, owner, sign_in};
use crate::harmless;

mod always;
mod choose;
mod new;
mod propose;
mod queue;
mod register;
mod status;
mod waiting;

pub(super) use always::forbid;
pub(super) use new::{begun, take_up};
pub(super) use propose::{complete, vendor};
pub(super) use register::register;

use new::Kept;

const NOT_HERE: &str = "Not here.";

pub(super) fn text(name: &str, description: &str, required: bool) -> Value {
    json!({ "type": 3, "name": name, "description": description, "required": required })
}

fn command(name: &str, description: &str, options: &[Value]) -> Value {
    json!({ "type": 1, "name": name, "description": description, "options": options })
}

/// Text that is proposed while somebody types: Discord takes no more than 25 fixed choices.
pub(super) fn completed(name: &str, description: &str) -> Value {
    let mut option = text(name, description, false);
    option["autocomplete"] = json!(true);
    option
}

/// All of them, as Discord wants them.
fn all() -> Value {
    json!([
        sign_in::command(),
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
            &[completed("name", "The model, or default; left out: which it is")],
        ),
        command(
            "agent",
            "Choose the agent of this thread",
            &[
                completed("name", "The agent; left out: which there are"),
                completed(
                    "mode",
                    "The mode in which it works, of an agent that has modes; or default"
                )
            ],
        ),
        command(
            "status",
            "How this thread stands, and what waits for an answer",
            &[]
        ),
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
    let typed = Typed(data);
    if data.name == "new" {
        new_thread(bot, asker, typed.text("text").unwrap_or_default()).await;
        return;
    }
    if !asker.enters(bot, First::Later).await {
        return;
    }
    if data.name == "auth" {
        sign_in::typed(bot, asker, &typed).await;
        return;
    }
    let reply = if let (Some(thread), Some(by)) = (thread(asker.channel), user(asker.user)) {
        let here = Here {
            bot,
            asker,
            typed,
            thread,
            by,
        };
        match here.run().await {
            Ok(reply) => reply,
            Err(NotDone::Failed(error)) => owner::why_not(bot, &here.thread, &error).await.into(),
            Err(NotDone::Told(words)) => words.into(),
        }
    } else {
        NOT_HERE.to_owned().into()
    };
    asker.answer(bot, reply.answer, Late::Same).await;
    for card in &reply.cards {
        asker.show(bot, card).await;
    }
}

/// It is kept before it is acknowledged. (The next host, too, asks who may before it opens anything.)
async fn new_thread(bot: &Arc<Bot>, asker: &Asker, text: String) {
    let may = asker.may(bot).await;
    if let May::No(words) = may {
        asker.tell(bot, words).await;
        return;
    }
    if harmless::line(&text, 1).is_empty() {
        asker.tell(bot, Refusal::NothingSaid.words()).await;
        return;
    }
    match new::keep(bot, asker, text) {
        Kept::Asked(wanted) => {
            if asker.enters_if(bot, First::Later, may).await {
                new::open(bot, wanted, false).await;
            } else {
                wanted.forget(bot);
            }
        }
        Kept::Known => {}
        Kept::Not(words) => asker.tell(bot, &words).await,
    }
}

/// What is answered, and cards behind it.
struct Reply {
    answer: Outgoing,
    cards: Vec<Outgoing>,
}

impl From<String> for Reply {
    fn from(words: String) -> Self {
        Self {
            answer: Outgoing::words(names::shortened(&words, 1900)),
            cards: vec![],
        }
    }
}

/// Why nothing was done.
enum NotDone {
    /// It did not work, or is not theirs to do.
    Failed(SupervisorError),
    /// In words.
    Told(String),
}

impl From<SupervisorError> for NotDone {
    fn from(error: SupervisorError) -> Self {
        Self::Failed(error)
    }
}

impl From<ConversationError> for NotDone {
    fn from(error: ConversationError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<&str> for NotDone {
    fn from(words: &str) -> Self {
        Self::Told(words.to_owned())
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
    async fn run(&self) -> Result<Reply, NotDone> {
        if self.typed.0.name == "status" && self.bot.places.is_served(self.asker.channel) {
            return Ok(Box::pin(status::status(self)).await?);
        }
        self.words().await.map(Reply::from)
    }

    /// That the bot is out of the thread, as a line of its own, if it is.
    fn taken_out(&self) -> &'static str {
        if self.bot.places.is_taken_out(self.asker.channel) {
            status::TAKEN_OUT
        } else {
            ""
        }
    }

    /// That none is here, and how there will be one.
    fn no_conversation(&self) -> &'static str {
        match (self.asker.guild(), self.asker.parent) {
            (None, _) => "There is no conversation here yet: just write.",
            (Some(_), Some(_)) => "There is no conversation of mine here. Mention me here, and I join.",
            (Some(_), None) => "There is no conversation here. Mention me in a channel, or use /new.",
        }
    }

    async fn words(&self) -> Result<String, NotDone> {
        let bot = self.bot;
        let name = self.typed.0.name.as_str();
        if name == "help" {
            return Ok(help(bot));
        }
        if !bot.places.is_served(self.asker.channel) {
            return Ok(self.no_conversation().to_owned());
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
            "queue" => Ok(queue::queue(self).await?),
            "model" => choose::model(self).await,
            "agent" => choose::agent(self).await,
            _ => Ok("There is no such command here.".to_owned()),
        }
    }
}

fn help(bot: &Bot) -> String {
    let name = harmless::line(&bot.identity.name, 40);
    format!(
        "Mention **@{name}** in a channel with what you want: I open a thread, and there you just write.\n\
         A message that comes while I work waits its turn; where the configuration's `dispatch` says `steer` I begin again with both, where it says `interrupt` I stop, drop what waits, and take up the new one.\n\
         What begins with somebody else's @name, or answers their message, is not for me. Take me out of a thread, and I am silent there until somebody mentions me.\n\n\
         `/new` opens a thread · `/stop` stops what runs · `/queue` shows what waits, and skips\n\
         `/status` how the thread stands, what waits for an answer, and what is always allowed in it · `/model` `/agent` choose who answers, and how · `/reset` begins anew: no memory, and nothing always allowed\n\
         `/auth` signs in and out\n\n\
         👀 heard · ⏳ can’t be written down yet · ✋ waits for you · ✅ done · ❌ failed or stopped · \
         ⚠️ done, but not all of it could be shown"
    )
}
