//! A message from when it comes to when it is a turn, or nothing: tried until it is done.

use std::sync::Arc;
use std::time::Duration;

use conversation::TurnState;
use serenity::all::Message;
use supervisor::SupervisorError;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::another::{self, is_left, told_of_another, was_opened_by_us};
use super::answer::{answer, unopened};
use super::facts::{Said, answers, author, mentions, names_another, place, said, shown};
use super::now::{Now, now};
use super::trying::Try;
use super::turn::{obey_channel, open, turn};
use super::waiting::{News, source};
use super::{Failed, unkept, waiting};
use crate::discord::admission::{Author, AuthorKind, Facts, Id, Known, Mode, Refusal, Say, Verdict, decide};
use crate::discord::bot::Bot;
use crate::discord::memory::Call;
use crate::discord::persist::{Behind, Tried, persist};
use crate::discord::places::{Kind, Spot, thread};
use crate::discord::rest::{Trouble, UNKNOWN_MESSAGE};
use crate::discord::seen::{DIRECT, Hold};

/// A message that is to be [`hear`]d.
pub(in crate::discord) struct Came {
    pub(super) message: Message,
    pub(super) guild: Option<Id>,
    /// It was missed, and read afterwards.
    pub(super) late: bool,
    /// Now.
    pub(super) at: Instant,
    hold: Hold,
    /// Whoever deletes it until this is gone is heard.
    _trying: Try,
}

impl Came {
    /// It is a turn, or nothing for good.
    pub(super) fn is_done(&self, bot: &Bot) {
        bot.seen().done(self.hold);
    }
}

/// The guild that a message counts in.
fn of(guild: Option<Id>) -> Id {
    guild.unwrap_or(DIRECT)
}

/// A message has come, now or `late`; twice does no harm. `None`: it is nothing, and that is all. Most of what a bot hears is not
/// meant for it: that costs next to nothing.
pub(in crate::discord) fn came(bot: &Bot, message: Message, guild: Option<Id>, late: bool) -> Option<Came> {
    let (id, channel) = (message.id.get(), message.channel_id.get());
    if let Some(guild) = guild {
        bot.seen().heard_in(guild, channel, id);
    }
    let is_listening = bot.config.rules.modes.values().any(|mode| *mode == Mode::All);
    let is_own = message.author.id.get() == bot.identity.user;
    let calls = guild.is_some() && !is_own && (is_listening || mentions(bot, &message));
    // What is dealt with there just now may make the thread one of the bot's.
    let is_ours = || {
        let places = &bot.places;
        places.listens(channel) || places.is_opening(channel, id) || bot.is_busy(channel)
    };
    if is_own || (guild.is_some() && !calls && !is_ours()) {
        if !late {
            bot.seen().passed(of(guild), id);
        }
        return None;
    }
    let hold = if late {
        bot.seen().holds(of(guild), channel, id)
    } else {
        bot.seen().came(of(guild), id)
    };
    if calls {
        bot.places.calls(channel, id);
    }
    Some(Came {
        message,
        guild,
        late,
        at: Instant::now(),
        hold,
        _trying: bot.trying.begin(id),
    })
}

/// How long what comes next in a channel waits for what is dealt with there.
pub(in crate::discord) fn behind(bot: &Bot, channel: Id, guild: Option<Id>) -> Behind {
    let spot = bot.places.spot(channel);
    let is_channel = guild.is_some() && spot.is_some_and(|spot| spot.parent.is_none());
    if is_channel {
        Behind::Waits
    } else {
        Behind::WaitsLonger
    }
}

/// Deals with a message that [`came`]. Ends when what comes after it in its channel may be dealt with. It counts as seen
/// when it is a turn, or nothing for good; a host that stops before leaves it to the next one.
pub(in crate::discord) async fn hear(bot: &Arc<Bot>, came: Came) {
    let (id, channel) = (came.message.id.get(), came.message.channel_id.get());
    let behind = behind(bot, channel, came.guild);
    if unkept::was_shown(&came.message) {
        bot.signs.waited(id);
    }
    let (came, again) = (Arc::new(came), Arc::clone(bot));
    let attempt = move |tries| {
        let (bot, came) = (Arc::clone(&again), Arc::clone(&came));
        async move {
            let is_deleted = || bot.trying.is_deleted(id);
            let ended = match listen(&bot, &came, tries).await {
                // Nobody asks any more.
                _ if is_deleted() => Ok(()),
                Ok(Dealt::With) => Ok(()),
                Ok(Dealt::Left(pause)) => return Tried::Aside(another::LEFT.to_owned(), pause),
                Err(Failed::Later(why)) => return Tried::Again(why),
                Err(Failed::Unkept { why, told }) => {
                    unkept::show(&bot, &came, &told, tries).await;
                    return Tried::Again(why);
                }
                Err(failed) => Err(failed),
            };
            bot.signs.waits_no_longer(channel, id);
            if is_deleted() {
                // It may have become a turn at the same moment.
                waiting::told(&bot, channel, id, News::Deleted);
            }
            if came.guild.is_some() {
                bot.places.dealt_with(channel, id);
            }
            match ended {
                Ok(()) => came.is_done(&bot),
                Err(Failed::Here(words)) => answer(&bot, came, words, tries > 0),
                Err(_) => {}
            }
            Tried::Done
        }
    };
    persist(&bot.held, id, behind, attempt).await;
}

/// What became of a message.
pub(super) enum Dealt {
    /// It is a turn, or nothing for good.
    With,
    /// Another program has so long to take it.
    Left(Duration),
}

/// `tries`: so often it was tried before.
async fn listen(bot: &Arc<Bot>, came: &Came, tries: u32) -> Result<Dealt, Failed> {
    let (id, guild) = (came.message.id.get(), came.guild);
    let channel = came.message.channel_id.get();
    if bot.trying.is_deleted(id) || (came.late && is_turn(bot, channel, id).await?) {
        return Ok(Dealt::With);
    }
    let changed = match now(bot, &came.message, tries > 0).await? {
        Now::Same => None,
        Now::Changed(message) => Some(message),
        Now::Deleted => return Ok(Dealt::With),
    };
    let message = changed.as_deref().unwrap_or(&came.message);
    if bot.places.is_opening(channel, message.id.get()) {
        return Err(Failed::Later("its thread is not open yet".to_owned()));
    }
    let author = author(bot, message);
    let spot = match guild {
        None => {
            bot.knows_direct(channel, author.id);
            Spot::DIRECT
        }
        Some(_) => match bot.spot(channel).await {
            Ok(spot) => spot,
            // Nobody can be answered where the bot sees nothing.
            Err(Trouble::Refused { .. }) => {
                bot.leaves_unread(guild, channel, id - 1);
                return Ok(Dealt::With);
            }
            Err(trouble) => return Err(trouble.into()),
        },
    };
    let place = place(channel, guild, spot);
    let said = said(bot, message);
    let mut facts = Facts {
        author,
        place,
        mentioned: mentions(bot, message),
        elsewhere: names_another(bot, message),
        answers: answers(message),
        empty: said.is_empty() && shown(bot, message).next().is_none(),
        known: bot.places.known(channel),
        bot_turns: bot.places.bot_turns(channel),
    };
    if !facts.mentioned && bot.places.is_before_call(channel, id) {
        facts.known = Known::TakenOut;
    }
    // What was missed comes without roles.
    match decided(bot, guild, &mut facts, message.member.is_some()).await? {
        Verdict::Ignore => {}
        Verdict::Refuse { why, say } => {
            let (author, once) = (facts.author.id, say == Say::Once);
            let speaks = say != Say::Nothing
                && (!once || bot.places.tell_once(channel, author))
                && (why == Refusal::NothingSaid || bot.tell_refusal(channel, author));
            if speaks {
                return Err(Failed::Here(why.words().to_owned()));
            }
        }
        Verdict::Turn => {
            if facts.mentioned && bot.places.is_before_call(channel, id) {
                // A later call was heard first: what follows this one counts, too.
                was_called(bot, guild, channel, id)?;
            }
            obey_channel(bot, channel, spot.parent).await?;
            turn(bot, message, channel, said.text(), &facts.author).await?;
        }
        Verdict::Join => {
            let is_unknown = spot.kind == Kind::Thread && !bot.places.is_served(channel);
            // Opened by another program, or before this host lost its state: then nobody takes it, and this one does.
            let is_likely = bot.places.said_by_another(channel).is_some()
                || (is_unknown && was_opened_by_us(bot, channel).await?);
            if let Some(left) = is_left(bot, came, tries, channel, is_likely).await? {
                return Ok(left);
            }
            if spot.kind == Kind::Thread {
                join(bot, channel).await?;
                is_called(bot, guild, channel, id, &facts)?;
            }
            let title = said.title();
            bot.is_no_longer_taken_out_of(channel);
            open(bot, message, channel, spot.parent, title).await?;
            turn(bot, message, channel, said.text(), &facts.author).await?;
        }
        Verdict::OpenThread => {
            return open_from(bot, (came, message), tries, &said, &facts.author).await;
        }
    }
    Ok(Dealt::With)
}

/// Whether a message has become a turn that has begun: of its thread, or of the one that was opened from it. Of one that waits not
/// all may have been told.
async fn is_turn(bot: &Bot, channel: Id, message: Id) -> Result<bool, Failed> {
    let source = source(channel, message);
    for of in [channel, message] {
        let Some(thread) = thread(of) else { continue };
        let known = bot.house.conversation.by_source(&thread, &source).await;
        if let Some(turn) = known.map_err(SupervisorError::from)? {
            return Ok(turn.state != TurnState::Queued);
        }
    }
    Ok(false)
}

/// Writes down that the bot was called into a thread in which it does not listen uncalled, before it does: what was said there
/// before stays among people, though it be heard once more.
///
/// Errors: it can't be written down now.
fn is_called(bot: &Bot, guild: Option<Id>, thread: Id, message: Id, facts: &Facts) -> Result<(), Failed> {
    let uncalled = Facts {
        mentioned: false,
        elsewhere: false,
        answers: None,
        ..facts.clone()
    };
    // What comes after an earlier call that is still tried counts, too.
    let message = bot.places.first_call(thread, message);
    if decide(&bot.config.rules, &uncalled) != Verdict::Ignore || !bot.places.is_new_call(thread, message) {
        return Ok(());
    }
    was_called(bot, guild, thread, message)
}

fn was_called(bot: &Bot, guild: Option<Id>, thread: Id, message: Id) -> Result<(), Failed> {
    let guild = of(guild);
    let written = bot.memory.add_called(thread, Call { message, guild });
    written.map_err(|error| Failed::unkept(&error))?;
    bot.places.is_called(thread, message);
    Ok(())
}

/// Becomes a member of a thread. One that the bot is no member of though it has spoken there is taken for one that it was taken
/// out of, by each session: it would not say what it is asked now.
///
/// Errors: not now.
async fn join(bot: &Bot, thread: Id) -> Result<(), Trouble> {
    match bot.rest.join(thread).await {
        Err(trouble @ Trouble::Refused { .. }) => {
            // Whoever writes in a thread is made a member of it anyway.
            tracing::debug!(thread, %trouble, "may not join a thread");
            Ok(())
        }
        joined => joined,
    }
}

/// A thread is opened from a message, or was by an earlier try.
async fn open_from(
    bot: &Arc<Bot>,
    (came, message): (&Came, &Message),
    tries: u32,
    said: &Said,
    author: &Author,
) -> Result<Dealt, Failed> {
    let guild = came.guild;
    let channel = message.channel_id.get();
    // Discord names a thread like the message it begins with.
    let (title, opened) = (said.title(), message.id.get());
    // What is said in the thread, which people see before the bot knows of it, comes after this.
    let (_holds, ended) = oneshot::channel::<()>();
    bot.in_order(opened, async move {
        // Nothing is ever sent: it ends.
        let _ = ended.await;
    });
    // Heard again after a kill, it is there; and Discord lets few be opened.
    let is_new = if bot.places.is_served(opened) {
        false
    } else {
        match bot.rest.start_thread(channel, opened, &title).await {
            Ok(is_new) => is_new,
            // It was deleted: nobody asks any more.
            Err(Trouble::Refused {
                code: UNKNOWN_MESSAGE,
                ..
            }) => return Ok(Dealt::With),
            Err(trouble) => return Err(unopened(bot, message, trouble).await),
        }
    };
    if !is_new && !bot.places.is_served(opened) {
        let is_first = tries == 0 && !came.late && bot.places.is_called_once(opened);
        let is_likely = is_first && was_opened_by_us(bot, opened).await?;
        if is_likely {
            // Not by this host.
            told_of_another(bot, opened, 0);
        }
        if let Some(left) = is_left(bot, came, tries, opened, is_likely).await? {
            return Ok(left);
        }
    }
    bot.places.learn(
        opened,
        Spot {
            guild,
            parent: Some(channel),
            kind: Kind::Thread,
        },
    );
    open(bot, message, opened, Some(channel), title).await?;
    turn(bot, message, opened, said.text(), author).await?;
    Ok(Dealt::With)
}

/// What a message asks for. What only Discord knows, and not by heart, is asked when nothing else lets its author in.
/// `has_roles`: the author's roles are known.
///
/// Errors: Discord does not say it.
pub(in crate::discord) async fn decided(
    bot: &Bot,
    guild: Option<Id>,
    facts: &mut Facts,
    has_roles: bool,
) -> Result<Verdict, Trouble> {
    let is_unlisted = |verdict: &Verdict| {
        let why = Refusal::NotListed;
        matches!(verdict, Verdict::Refuse { why: told, .. } if *told == why)
    };
    let verdict = decide(&bot.config.rules, facts);
    if !is_unlisted(&verdict) {
        return Ok(verdict);
    }
    let rules = bot.rules().await?;
    let verdict = decide(&rules, facts);
    let is_person = facts.author.kind == AuthorKind::Person;
    let (Some(guild), false) = (guild, has_roles || rules.roles.is_empty()) else {
        return Ok(verdict);
    };
    if !is_unlisted(&verdict) || !is_person {
        return Ok(verdict);
    }
    facts.author.roles = match bot.rest.roles(guild, facts.author.id).await {
        Ok(held) => held,
        // Who has left has none.
        Err(Trouble::Refused { .. }) => return Ok(verdict),
        Err(trouble) => return Err(trouble),
    };
    Ok(decide(&rules, facts))
}
