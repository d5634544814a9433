//! From a message to a turn of its thread.

use std::sync::Arc;

use conversation::{Attachment, NewThread, Thread, ThreadChange, ThreadId};
use serenity::all::Message;
use supervisor::SupervisorError;

use super::Failed;
use super::before::before;
use super::facts::{name_of, said, shown};
use super::now::{Now, now};
use super::waiting::source;
use crate::discord::admission::{Author, AuthorKind, Id};
use crate::discord::bot::{Bot, user};
use crate::discord::places::thread;
use crate::discord::{files, payer, render};

fn named(channel: Id) -> Result<ThreadId, Failed> {
    thread(channel).ok_or_else(|| Failed::Later(format!("{channel} is no thread")))
}

/// Opens the conversation of a thread. `parent`: the channel that its settings come from.
pub(super) async fn open(
    bot: &Bot,
    message: &Message,
    channel: Id,
    parent: Option<Id>,
    title: String,
) -> Result<(), Failed> {
    let owner = user(message.author.id.get());
    let owner = owner.ok_or_else(|| Failed::Later("a user without an id".to_owned()))?;
    bot.open_thread(channel, parent, owner, title).await?;
    Ok(())
}

impl Bot {
    /// Opens the conversation of a thread of Discord's, with what is set for its channel.
    pub(in crate::discord) async fn open_thread(
        &self,
        channel: Id,
        parent: Option<Id>,
        owner: credentials::UserId,
        title: String,
    ) -> Result<(), SupervisorError> {
        let Some(id) = thread(channel) else {
            return Err(SupervisorError::Gone(format!("{channel} is no thread")));
        };
        let special = parent.and_then(|parent| self.config.channels.get(&parent));
        let special = special.cloned().unwrap_or_default();
        let new = NewThread {
            id,
            owner,
            title,
            agent: special.agent.unwrap_or_else(|| self.house.agent.clone()),
            model: special.model,
            dispatch: special.dispatch.unwrap_or(self.house.dispatch),
            workspaces: special.workspace,
            permissions: special.permissions,
        };
        self.house.supervisor.open_thread(new).await?;
        self.places.serve(channel);
        Ok(())
    }
}

/// What a channel permits holds for its older threads, too: from the next message on, or what only it lets somebody choose. The
/// thread as it is then.
pub(in crate::discord) async fn obey_channel(
    bot: &Bot,
    channel: Id,
    parent: Option<Id>,
) -> Result<Thread, SupervisorError> {
    let Some(thread) = thread(channel) else {
        return Err(SupervisorError::Gone(format!("{channel} is no thread")));
    };
    let settings = parent.and_then(|parent| bot.config.channels.get(&parent));
    let permissions = settings.and_then(|settings| settings.permissions);
    let known = bot.house.conversation.thread(&thread).await?;
    if known.permissions == permissions {
        return Ok(known);
    }
    let change = ThreadChange {
        permissions: Some(permissions),
        ..ThreadChange::default()
    };
    bot.house.supervisor.change(&thread, change).await
}

/// Makes a message a turn.
pub(super) async fn turn(
    bot: &Arc<Bot>,
    message: &Message,
    channel: Id,
    text: String,
    author: &Author,
) -> Result<(), Failed> {
    let thread = named(channel)?;
    let (files, mut missing) = attached(bot, message, &thread).await;
    if text.is_empty() && files.is_empty() && !missing.is_empty() {
        return Err(Failed::Here(missing.join("\n")));
    }
    let (id, place) = (message.id.get(), message.channel_id.get());
    let mut text = text;
    let mut quoted = String::new();
    if place == channel && is_joined_by(bot, &thread, channel).await? {
        let before = before(bot, message, channel).await;
        quoted = before.text;
        missing.extend(before.trouble);
    }
    let by = user(author.id).ok_or_else(|| Failed::Later("a user without an id".to_owned()))?;
    // While its files came.
    match now(bot, message, false).await? {
        Now::Same => {}
        Now::Changed(now) => text = said(bot, &now).text(),
        Now::Deleted => return Ok(()),
    }
    if text.is_empty() && files.is_empty() {
        return Ok(());
    }
    text.insert_str(0, &quoted);
    let opened = bot.open(channel).await;
    opened.map_err(|error| Failed::unkept(&error))?;
    let posted = bot
        .house
        .supervisor
        .post(supervisor::Message {
            thread: thread.clone(),
            source: source(place, id),
            by,
            name: name_of(message),
            text,
            files,
            dispatch: None,
        })
        .await?;
    let is_machine = author.kind == AuthorKind::Machine;
    bot.places.learn_machine(author.id, is_machine);
    if posted.happened != supervisor::Happened::Known {
        // Where a thread was opened for it, the channel's row is as long as if it had stayed there.
        bot.began(&[channel, place], is_machine);
        bot.signs.heard(place, id);
    }
    bot.speak_in(channel).await;
    let told = render::happened(posted.happened);
    let pays = payer::news(bot, &thread, author).await;
    let paid = pays.map(|pays| format!("-# {}", pays.words()));
    let words: Vec<String> = told.into_iter().chain(paid).chain(missing).collect();
    if !words.is_empty() {
        bot.note(channel, id, words.join("\n")).await;
    }
    if let Some(pays) = pays {
        payer::told(bot, channel, author, pays);
    }
    Ok(())
}

/// Whether what is said in a thread now is the first of it that the agent is told.
async fn is_joined_by(bot: &Bot, thread: &ThreadId, channel: Id) -> Result<bool, Failed> {
    if bot.places.spot(channel).is_none_or(|spot| spot.parent.is_none()) {
        return Ok(false);
    }
    let told = bot.house.conversation.items(thread, None, 1).await;
    Ok(told.map_err(SupervisorError::from)?.is_empty())
}

/// Brings the files of a message into the workspace; those that could not be are told.
async fn attached(bot: &Bot, message: &Message, thread: &ThreadId) -> (Vec<Attachment>, Vec<String>) {
    let mut files = vec![];
    let mut missing = vec![];
    for file in shown(bot, message) {
        match files::take(bot, thread, file).await {
            Ok(file) => files.push(file),
            Err(words) => missing.push(words),
        }
    }
    (files, missing)
}
