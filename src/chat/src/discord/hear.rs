//! What Discord tells: messages become turns, and everything else is learnt or handed on.

use std::sync::Arc;
use std::time::Duration;

use serenity::all::{Event, Guild, GuildChannel, GuildId, Message, Ready};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::admission::{AuthorKind, Facts, Id, Mode, Refusal, Say, Verdict, decide};
use super::bot::Bot;
use super::persist::{Behind, Tried, persist};
use super::places::{Kind, Spot};
use super::rest::{Trouble, UNKNOWN_MESSAGE};
use super::seen::{DIRECT, Shard};
use super::{catch_up, press};

mod another;
mod answer;
mod before;
mod facts;
mod failed;
mod turn;
mod waiting;

pub(super) use answer::no_thread;
pub(super) use facts::place;
pub(super) use failed::Failed;

use another::{is_left, notice_another, told_of_another, was_opened_by_us};
use answer::{answer, unopened};
use facts::{author, mentions, names_another, said, shown};
pub(super) use turn::obey_channel;
use turn::{open, turn};
pub(super) use waiting::look_again;

/// The shard that tells of direct conversations.
pub(super) const OF_DIRECT: Shard = 0;

/// Deals with an event. Returns at once: what takes time is done in a task.
pub(super) fn event(bot: &Arc<Bot>, shard: Shard, event: Event) {
    match event {
        Event::MessageCreate(event) => {
            let guild = event.message.guild_id.map(GuildId::get);
            heard(bot, shard, event.message, guild);
        }
        Event::MessageUpdate(event) if event.edited_timestamp.is_some() => {
            waiting::changed(bot, event.channel_id.get(), event.id.get());
        }
        Event::MessageDelete(event) => waiting::deleted(bot, event.channel_id.get(), &[event.message_id]),
        Event::MessageDeleteBulk(event) => waiting::deleted(bot, event.channel_id.get(), &event.ids),
        Event::InteractionCreate(event) => {
            let bot = Arc::clone(bot);
            tokio::spawn(async move { press::interaction(&bot, event.interaction).await });
        }
        Event::GuildCreate(event) => guild(bot, shard, &event.guild),
        Event::GuildUpdate(event) => {
            let tier = event.guild.premium_tier.into();
            bot.places.learn_tier(event.guild.id.get(), tier);
        }
        Event::ChannelCreate(event) => bot.places.learn_of(&event.channel),
        Event::ChannelUpdate(event) => {
            let channel = &event.channel;
            bot.places.learn_of(channel);
            bot.say_again_in(channel.guild_id.get(), Some(channel.id.get()));
        }
        Event::GuildRoleUpdate(event) => bot.say_again_in(event.role.guild_id.get(), None),
        // Of itself the bot is told without the intent for members.
        Event::GuildMemberUpdate(event) if event.user.id.get() == bot.identity.user => {
            bot.say_again_in(event.guild_id.get(), None);
        }
        // One that has trouble comes back; from another the bot was thrown out.
        Event::GuildDelete(event) if event.guild.unavailable => {
            bot.seen().away(shard, event.guild.id.get());
        }
        Event::GuildDelete(event) => {
            bot.seen().heard(shard, event.guild.id.get());
            bot.sight.left(event.guild.id.get());
        }
        Event::ChannelDelete(event) => bot.gone_with_threads(event.channel.id.get()),
        Event::ThreadCreate(event) => bot.places.learn_of(&event.thread),
        Event::ThreadUpdate(event) => {
            bot.places.learn_of(&event.thread);
            unlocked(bot, &[event.thread]);
        }
        Event::ThreadDelete(event) => bot.gone(event.thread.id.get()),
        Event::ThreadListSync(event) => {
            for thread in &event.threads {
                bot.places.learn_of(thread);
            }
            unlocked(bot, &event.threads);
            catch_up::came_into_sight(bot, shard, &event);
        }
        Event::Ready(event) => begin(bot, shard, &event.ready),
        Event::Resumed(_) => tracing::info!("connected to Discord again"),
        _ => {}
    }
}

/// A session begins.
fn begin(bot: &Arc<Bot>, shard: Shard, ready: &Ready) {
    let total = ready.shard.map_or(1, |told| told.total);
    tracing::info!(bot = %bot.identity.name, shard, total, "connected to Discord");
    bot.link.has_servers(shard, ready.guilds.len());
    let ours = bot
        .config
        .shards
        .map_or(0..=total.saturating_sub(1), |ours| ours.first..=ours.last);
    let guilds = ready.guilds.iter().map(|guild| guild.id.get());
    let direct = (shard == OF_DIRECT).then_some(DIRECT);
    let session = bot.seen().begin(shard, (ours, total), guilds.chain(direct));
    // At once: a host that is killed in its first second must not begin anew.
    bot.remember_seen();
    if direct.is_some() {
        let bot = Arc::clone(bot);
        tokio::spawn(async move { catch_up::direct(&bot, session).await });
    }
}

fn guild(bot: &Arc<Bot>, shard: Shard, guild: &Guild) {
    bot.places.learn_tier(guild.id.get(), guild.premium_tier.into());
    for channel in guild.channels.values().chain(&guild.threads) {
        bot.places.learn_of(channel);
    }
    for role in guild.roles.values() {
        if role
            .tags
            .bot_id
            .is_some_and(|bot_id| bot_id.get() == bot.identity.user)
        {
            bot.places.learn_our_role(role.id.get());
        }
    }
    catch_up::guild(bot, shard, guild);
    unlocked(bot, &guild.threads);
}

/// What could not be said in these threads is tried again where it may be said now.
fn unlocked(bot: &Arc<Bot>, threads: &[GuildChannel]) {
    let is_open = |thread: &GuildChannel| {
        let state = thread.thread_metadata;
        let is_shut = state.is_some_and(|state| state.archived || state.locked);
        !is_shut && bot.places.is_served(thread.id.get())
    };
    let open: Vec<Id> = threads
        .iter()
        .filter(|thread| is_open(thread))
        .map(|thread| thread.id.get())
        .collect();
    if open.is_empty() {
        return;
    }
    let bot = Arc::clone(bot);
    tokio::spawn(async move {
        for thread in open {
            bot.say_again(thread).await;
        }
    });
}

/// A message has just come.
fn heard(bot: &Arc<Bot>, shard: Shard, message: Message, guild: Option<Id>) {
    notice_another(bot, &message);
    let late = false;
    let Some(came) = came(bot, shard, message, guild, late) else {
        return;
    };
    let (bot, channel) = (Arc::clone(bot), came.message.channel_id.get());
    let again = Arc::clone(&bot);
    again.in_order(channel, async move { hear(&bot, came).await });
}

/// A message that is to be [`hear`]d.
pub(super) struct Came {
    shard: Shard,
    message: Message,
    guild: Option<Id>,
    /// It was missed, and read afterwards.
    late: bool,
    /// Now.
    at: Instant,
}

/// A message has come, now or `late`; twice does no harm. `None`: it is nothing, and that is all. Most of what a bot hears is not
/// meant for it: that costs next to nothing.
pub(super) fn came(bot: &Bot, shard: Shard, message: Message, guild: Option<Id>, late: bool) -> Option<Came> {
    let (id, channel) = (message.id.get(), message.channel_id.get());
    bot.sight.heard(channel, id);
    let is_listening = bot.config.rules.modes.values().any(|mode| *mode == Mode::All);
    let is_own = message.author.id.get() == bot.identity.user;
    let calls = guild.is_some() && !is_own && (is_listening || mentions(bot, &message));
    // What is dealt with there just now may make the thread one of the bot's.
    let is_ours = || {
        let places = &bot.places;
        places.is_served(channel) || places.is_opening(channel, id) || bot.is_busy(channel)
    };
    if is_own || (guild.is_some() && !calls && !is_ours()) {
        bot.seen().passed(shard, id);
        return None;
    }
    bot.seen().came(shard, id);
    if calls {
        bot.places.calls(channel, id);
    }
    let at = Instant::now();
    Some(Came {
        shard,
        message,
        guild,
        late,
        at,
    })
}

/// How long what comes next in a channel waits for what is dealt with there.
pub(super) fn behind(bot: &Bot, channel: Id, guild: Option<Id>) -> Behind {
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
pub(super) async fn hear(bot: &Arc<Bot>, came: Came) {
    let (id, channel) = (came.message.id.get(), came.message.channel_id.get());
    let behind = behind(bot, channel, came.guild);
    let (came, again) = (Arc::new(came), Arc::clone(bot));
    let attempt = move |tries| {
        let (bot, came) = (Arc::clone(&again), Arc::clone(&came));
        async move {
            let ended = match listen(&bot, &came, tries).await {
                Ok(Dealt::With) => Ok(()),
                Ok(Dealt::Left(pause)) => return Tried::Aside(another::LEFT.to_owned(), pause),
                Err(Failed::Later(why)) => return Tried::Again(why),
                Err(failed) => Err(failed),
            };
            if came.guild.is_some() {
                bot.places.dealt_with(channel, id);
            }
            match ended {
                Ok(()) => bot.seen().done(came.shard, id),
                Err(Failed::Here(words)) => answer(&bot, came, words, tries > 0),
                Err(_) => {}
            }
            Tried::Done
        }
    };
    persist(&bot.held, id, behind, attempt).await;
}

/// What became of a message.
enum Dealt {
    /// It is a turn, or nothing for good.
    With,
    /// Another program has so long to take it.
    Left(Duration),
}

/// `tries`: so often it was tried before.
async fn listen(bot: &Arc<Bot>, came: &Came, tries: u32) -> Result<Dealt, Failed> {
    let (message, guild) = (&came.message, came.guild);
    let channel = message.channel_id.get();
    if bot.places.is_opening(channel, message.id.get()) {
        return Err(Failed::Later("its thread is not open yet".to_owned()));
    }
    let spot = match guild {
        None => Spot {
            guild: None,
            parent: None,
            kind: Kind::Direct,
        },
        Some(_) => match bot.spot(channel).await {
            Ok(spot) => spot,
            // Nobody can be answered where the bot sees nothing.
            Err(Trouble::Refused { .. }) => return Ok(Dealt::With),
            Err(trouble) => return Err(trouble.into()),
        },
    };
    let place = place(channel, guild, spot);
    let said = said(bot, message);
    let mut facts = Facts {
        author: author(bot, message),
        place,
        mentioned: mentions(bot, message),
        elsewhere: names_another(bot, message),
        empty: said.is_empty() && shown(bot, message).next().is_none(),
        known: bot.places.is_served(channel),
        bot_turns: bot.places.bot_turns(channel),
    };
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
            obey_channel(bot, channel, spot.parent).await?;
            turn(bot, message, channel, said.text(), &facts.author).await?;
        }
        Verdict::Join => {
            let is_likely = bot.places.said_by_another(channel).is_some();
            if let Some(left) = is_left(bot, came, tries, channel, is_likely).await? {
                return Ok(left);
            }
            if spot.kind == Kind::Thread
                && let Err(trouble) = bot.rest.join(channel).await
            {
                // Whoever writes in a thread is made a member of it anyway.
                tracing::debug!(channel, %trouble, "could not join a thread");
            }
            let title = said.title();
            open(bot, message, channel, spot.parent, title).await?;
            turn(bot, message, channel, said.text(), &facts.author).await?;
        }
        Verdict::OpenThread => {
            // Discord names a thread like the message it begins with.
            let (title, opened) = (said.title(), message.id.get());
            // What is said in the thread, which people see before the bot knows of it, comes after this.
            let (_holds, ended) = oneshot::channel::<()>();
            bot.in_order(opened, async move {
                // Nothing is ever sent: it ends.
                let _ = ended.await;
            });
            let is_new = match bot.rest.start_thread(channel, opened, &title).await {
                Ok(is_new) => is_new,
                // It was deleted: nobody asks any more.
                Err(Trouble::Refused {
                    code: UNKNOWN_MESSAGE,
                    ..
                }) => return Ok(Dealt::With),
                Err(trouble) => return Err(unopened(bot, message, trouble).await),
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
            turn(bot, message, opened, said.text(), &facts.author).await?;
        }
    }
    Ok(Dealt::With)
}

/// What a message asks for. What only Discord knows, and not by heart, is asked when nothing else lets its author in.
/// `has_roles`: the author's roles are known.
///
/// Errors: Discord does not say it.
pub(super) async fn decided(
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
