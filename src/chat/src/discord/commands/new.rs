//! `/new`: what was typed is kept before it is acknowledged, and becomes the first turn of a thread of its own, whatever
//! happens in between.

use std::io;
use std::sync::Arc;

use conversation::SourceId;
use serde::{Deserialize, Serialize};
use supervisor::SupervisorError;
use tokio::sync::Mutex;

use crate::discord::admission::{Id, Refusal};
use crate::discord::asker::{Asker, Late, Line};
use crate::discord::bot::{Bot, user};
use crate::discord::hear::{Failed, no_thread};
use crate::discord::persist::{Behind, Tried, persist};
use crate::discord::places::{Kind, Spot, thread};
use crate::discord::press::sentence;
use crate::discord::rest::{Outgoing, Trouble};
use crate::discord::{anew, names, render, split};
use crate::harmless;

const IN_A_FORUM: &str =
    "In a forum each post is a conversation of its own: make a new post, and mention me in it.";

/// A thread that was asked for, as it is kept.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::discord) struct Asked {
    /// The interaction.
    id: Id,
    /// How the asker is answered; it has a token in it.
    line: String,
    user: Id,
    name: String,
    guild: Id,
    /// Where the thread is to be.
    channel: Id,
    text: String,
    /// It is there.
    thread: Option<Id>,
}

/// What became of keeping it.
pub(super) enum Kept {
    /// It is to be opened once it is acknowledged.
    Asked(Asked),
    /// It came before.
    Known,
    /// It can't be done; why not.
    Not(String),
}

/// Keeps what was asked for.
pub(super) fn keep(bot: &Bot, asker: &Asker, text: String) -> Kept {
    let Some(guild) = asker.guild() else {
        let words = "A direct conversation is one thread: just write. /reset begins anew.";
        return Kept::Not(words.to_owned());
    };
    let wanted = Asked {
        id: asker.id,
        line: asker.line().to_text(),
        user: asker.user,
        name: asker.name.clone(),
        guild,
        channel: asker.parent.unwrap_or(asker.channel),
        text,
        thread: None,
    };
    match bot.memory.claim_new_thread(asker.id).and_then(|is_first| {
        if is_first {
            wanted.write(bot)?;
        }
        Ok(is_first)
    }) {
        Ok(true) => {
            bot.places.awaits(wanted.id, wanted.channel);
            Kept::Asked(wanted)
        }
        Ok(false) => Kept::Known,
        Err(error) if error.kind() == io::ErrorKind::StorageFull => {
            Kept::Not(sentence("the host’s disk is full, so it could not be kept"))
        }
        Err(error) => Kept::Not(sentence(&format!("it could not be kept: {error}"))),
    }
}

/// Opens it, sooner or later, and says so.
pub(super) async fn open(bot: &Arc<Bot>, asked: Asked, again: bool) {
    let id = asked.id;
    let asked = Arc::new(Mutex::new(asked));
    let opening = Arc::clone(bot);
    let attempt = move |tries| {
        let (bot, asked) = (Arc::clone(&opening), Arc::clone(&asked));
        async move {
            let mut asked = asked.lock().await;
            let words = match asked.open(&bot, again || tries > 0).await {
                Ok(thread) => format!("Here it goes on: <#{thread}>"),
                Err(Failed::Here(words)) => names::shortened(&words, 1900),
                Err(Failed::Later(why)) => return Tried::Again(why),
                Err(Failed::Unkept { why, .. }) => {
                    // Who speaks there meanwhile sees that it waits. What passes before the second try needs none.
                    if let Some(thread) = asked.thread.filter(|_| tries > 0) {
                        bot.unkept.begins(thread, id);
                    }
                    return Tried::Again(why);
                }
                // The next host does it.
                Err(Failed::Stopping) => return Tried::Done,
            };
            if let Some(line) = Line::of_text(&asked.line) {
                line.answer(&bot, Outgoing::words(words), Late::Same, asked.user)
                    .await;
            }
            asked.forget(&bot);
            Tried::Done
        }
    };
    persist(&bot.held, id, Behind::Waits, attempt).await;
}

/// What an earlier host was asked for. To be looked up before anything is heard.
pub(in crate::discord) fn begun(bot: &Bot) -> Vec<Asked> {
    let all = bot.memory.new_threads().unwrap_or_else(|error| {
        tracing::warn!(%error, "could not list which threads were asked for");
        vec![]
    });
    let mut begun = vec![];
    for (id, asked) in all {
        match serde_json::from_str::<Asked>(&asked) {
            Ok(asked) => {
                bot.places.awaits(asked.id, asked.channel);
                begun.push(asked);
            }
            // Killed before it was acknowledged: whoever asked saw that it failed.
            Err(_) => forget(bot, id),
        }
    }
    begun
}

/// Goes on with it.
pub(in crate::discord) async fn take_up(bot: &Arc<Bot>, begun: Vec<Asked>) {
    for asked in begun {
        open(bot, asked, true).await;
    }
}

fn forget(bot: &Bot, id: Id) {
    bot.places.came(id);
    if let Err(error) = bot.memory.set_new_thread(id, None) {
        tracing::warn!(%error, "a thread that was asked for could not be forgotten");
    }
}

impl Asked {
    fn write(&self, bot: &Bot) -> io::Result<()> {
        bot.memory
            .set_new_thread(self.id, Some(&serde_json::to_string(self)?))
    }

    pub(super) fn forget(&self, bot: &Bot) {
        if let Some(thread) = self.thread {
            bot.unkept.ends(thread, self.id);
        }
        forget(bot, self.id);
    }

    /// The thread, in which the first turn is durable. `again`: some of it may have been done.
    async fn open(&mut self, bot: &Arc<Bot>, again: bool) -> Result<Id, Failed> {
        // Hours may have passed, and a host.
        if again && let Some(reason) = anew::refusal(bot, self.channel, self.user).await? {
            return match self.found(bot).await? {
                None => Err(Failed::Here(format!("I don't open a thread for this: {reason}."))),
                // What it waits for is told there.
                Some(opened) if self.is_begun(bot, opened).await? => Ok(opened),
                Some(opened) => Err(Failed::Here(format!(
                    "I had opened <#{opened}> for this, but nothing goes on there: {reason}."
                ))),
            };
        }
        let title = names::thread_title(&self.text);
        let opened = self.thread(bot, &title, again).await?;
        let spot = Spot {
            guild: Some(self.guild),
            parent: Some(self.channel),
            kind: Kind::Thread,
        };
        bot.places.learn(opened, spot);
        let lost = || Failed::Here("Not here.".to_owned());
        let (thread, by) = (
            thread(opened).ok_or_else(lost)?,
            user(self.user).ok_or_else(lost)?,
        );
        bot.open_thread(opened, Some(self.channel), by.clone(), title)
            .await?;
        let kept = bot.open(opened).await;
        kept.map_err(|error| Failed::unkept(&error))?;
        // What was asked for stands where it is answered.
        match self.show(bot, opened, again).await {
            Err(trouble @ Trouble::Refused { .. }) => {
                tracing::warn!(%thread, %trouble, "the first message of a thread could not be shown");
            }
            shown => shown?,
        }
        let message = supervisor::Message {
            thread,
            source: SourceId(format!("new:{}", self.id)),
            by,
            name: self.name.clone(),
            text: self.text.clone(),
            files: vec![],
            dispatch: None,
        };
        bot.house.supervisor.post(message).await?;
        bot.speak_in(opened).await;
        Ok(opened)
    }

    /// The thread in Discord, opened once.
    async fn thread(&mut self, bot: &Bot, title: &str, again: bool) -> Result<Id, Failed> {
        if let Some(thread) = self.thread {
            return Ok(thread);
        }
        // Its opening may not have been answered.
        let found = if again { self.found(bot).await? } else { None };
        let opened = match found {
            Some(opened) => opened,
            None => self.start(bot, title).await?,
        };
        self.thread = Some(opened);
        self.write(bot).map_err(|error| Failed::unkept(&error))?;
        Ok(opened)
    }

    /// The thread, if it was opened already.
    async fn found(&self, bot: &Bot) -> Result<Option<Id>, Failed> {
        if self.thread.is_some() {
            return Ok(self.thread);
        }
        let title = names::thread_title(&self.text);
        let (place, us) = ((self.channel, title.as_str()), bot.identity.user);
        let ours = bot.rest.opened(self.guild, place, self.id, us).await?;
        Ok(ours.into_iter().find(|thread| !bot.places.is_served(*thread)))
    }

    /// Whether what was asked for is a turn of this thread already.
    async fn is_begun(&self, bot: &Bot, opened: Id) -> Result<bool, Failed> {
        let Some(thread) = thread(opened).filter(|_| bot.places.is_served(opened)) else {
            return Ok(false);
        };
        let said = bot.house.conversation.items(&thread, None, 1).await;
        Ok(!said.map_err(SupervisorError::from)?.is_empty())
    }

    async fn start(&self, bot: &Bot, title: &str) -> Result<Id, Failed> {
        let kind = bot.spot(self.channel).await.map_or(Kind::Text, |spot| spot.kind);
        match kind {
            Kind::Forum => return Err(Failed::Here(IN_A_FORUM.to_owned())),
            Kind::Voice => return Err(Failed::Here(Refusal::NoThreads.words().to_owned())),
            _ => {}
        }
        let opened = bot.rest.start_empty_thread(self.channel, kind, title).await;
        opened.map_err(|trouble| match (no_thread(&trouble), &trouble) {
            (Some(words), _) => Failed::Here(words.to_owned()),
            (None, Trouble::Refused { .. }) => Failed::Here(format!("I could not open a thread: {trouble}.")),
            _ => trouble.into(),
        })
    }

    async fn show(&self, bot: &Bot, thread: Id, again: bool) -> Result<(), Trouble> {
        let is_ours = |said: &serenity::all::Message| said.author.id.get() == bot.identity.user;
        if again && bot.rest.after(thread, thread).await?.iter().any(is_ours) {
            return Ok(());
        }
        let mut first = Outgoing::words(format!(
            "💬 **{}**: {}",
            render::escaped(&harmless::line(&self.name, 60)),
            split::disarmed(&names::shortened(harmless::printed(&self.text).trim(), 1500))
        ));
        first.nonce = Some(bot.nonces.named(&format!("n{}", self.id)));
        bot.rest.send(thread, first, true).await.map(drop)
    }
}
