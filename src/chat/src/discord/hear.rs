//! What Discord tells: messages become turns, and everything else is learnt or handed on.

use std::sync::Arc;
use std::time::Duration;

use serenity::all::{Event, Guild, GuildChannel, GuildId, Message, Ready};
use supervisor::SupervisorError;

use super::admission::{Facts, Id, Mode, Say, Verdict, decide};
use super::bot::Bot;
use super::places::{Kind, Spot};
use super::rest::Trouble;
use super::seen::{DIRECT, Shard};
use super::{catch_up, names, press};

mod answer;
mod facts;
mod turn;

pub(super) use answer::no_thread;
pub(super) use facts::place;

use answer::say;
use facts::{author, mentions, said};
pub(super) use turn::obey_channel;
use turn::{open, turn};

/// After a message that could not be kept, and twice as long after each further try.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(1);
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(32);

/// The shard that tells of direct conversations.
pub(super) const OF_DIRECT: Shard = 0;

/// Deals with an event. Returns at once: what takes time is done in a task.
pub(super) fn event(bot: &Arc<Bot>, shard: Shard, event: Event) {
    match event {
        Event::MessageCreate(event) => {
            let guild = event.message.guild_id.map(GuildId::get);
            heard(bot, shard, event.message, guild);
        }
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
        Event::ChannelUpdate(event) => bot.places.learn_of(&event.channel),
        Event::ChannelDelete(event) => bot.places.forget(event.channel.id.get()),
        Event::ThreadCreate(event) => bot.places.learn_of(&event.thread),
        Event::ThreadUpdate(event) => {
            bot.places.learn_of(&event.thread);
            unlocked(bot, &[event.thread]);
        }
        Event::ThreadDelete(event) => {
            let channel = event.thread.id.get();
            bot.places.forget(channel);
            bot.gone(channel);
        }
        Event::ThreadListSync(event) => {
            for thread in &event.threads {
                bot.places.learn_of(thread);
            }
        }
        Event::Ready(event) => begin(bot, shard, &event.ready),
        Event::Resumed(_) => tracing::info!("connected to Discord again"),
        _ => {}
    }
}

/// The id that a message would have that is written now.
pub(super) fn now() -> Id {
    /// When Discord's time begins, in Unix milliseconds.
    const EPOCH: u64 = 1_420_070_400_000;
    let millis = u64::try_from(credentials::Timestamp::now().millis()).unwrap_or_default();
    millis.saturating_sub(EPOCH) << 22
}

/// A session begins.
fn begin(bot: &Arc<Bot>, shard: Shard, ready: &Ready) {
    let total = ready.shard.map_or(1, |told| told.total);
    tracing::info!(bot = %bot.identity.name, shard, total, "connected to Discord");
    let ours = bot
        .config
        .shards
        .map_or(0..=total.saturating_sub(1), |ours| ours.first..=ours.last);
    let guilds = ready.guilds.iter().map(|guild| guild.id.get());
    let direct = (shard == OF_DIRECT).then_some(DIRECT);
    bot.seen().begin(shard, (ours, total), guilds.chain(direct));
    // At once: a host that is killed in its first second must not begin anew.
    bot.remember_seen();
    if direct.is_some() {
        let bot = Arc::clone(bot);
        tokio::spawn(async move { catch_up::direct(&bot).await });
    }
}

fn guild(bot: &Arc<Bot>, shard: Shard, guild: &Guild) {
    bot.places.learn_tier(guild.id.get(), guild.premium_tier.into());
    let channels = || guild.channels.values().chain(&guild.threads);
    for channel in channels() {
        bot.places.learn_of(channel);
    }
    catch_up::guild(bot, shard, guild.id.get(), channels());
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
    bot.seen().came(shard, message.id.get());
    if is_plainly_nothing(bot, &message, guild) {
        bot.seen().done(shard, message.id.get());
        return;
    }
    let (bot, channel) = (Arc::clone(bot), message.channel_id.get());
    let again = Arc::clone(&bot);
    again.in_order(channel, async move {
        if hear(&bot, &message, guild, false).await.is_kept() {
            bot.seen().done(shard, message.id.get());
        }
    });
}

/// Most of what a bot hears is not meant for it: that costs next to nothing.
fn is_plainly_nothing(bot: &Bot, message: &Message, guild: Option<Id>) -> bool {
    let channel = message.channel_id.get();
    if message.author.id.get() == bot.identity.user {
        return true;
    }
    let is_listening = bot.rules.modes.values().any(|mode| *mode == Mode::All);
    guild.is_some() && !is_listening && !bot.places.is_served(channel) && !mentions(bot, message)
}

/// Whether a message was dealt with, or is to be asked for again after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Kept,
    AskAgain,
}

impl Ended {
    pub(super) fn is_kept(self) -> bool {
        self == Self::Kept
    }
}

/// Deals with a message, now or (`late`) after it was missed; twice does no harm.
pub(super) async fn hear(bot: &Arc<Bot>, message: &Message, guild: Option<Id>, late: bool) -> Ended {
    let id = message.id.get();
    let mut pause = FIRST_PAUSE;
    loop {
        match listen(bot, message, guild).await {
            Ok(()) => return Ended::Kept,
            Err(Failed::Here(words)) => {
                say(bot, message, &words, late).await;
                return Ended::Kept;
            }
            Err(Failed::Later(why)) if pause <= LONGEST_PAUSE => {
                tracing::warn!(message = id, %why, "a message could not be kept; trying again");
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            Err(Failed::Later(why)) => {
                tracing::error!(message = id, %why, "a message could not be kept; it is asked for again after a restart");
                return Ended::AskAgain;
            }
            Err(Failed::Stopping) => return Ended::AskAgain,
        }
    }
}

/// Why a message became nothing.
pub(super) enum Failed {
    /// To be told where it was said.
    Here(String),
    /// It may work in a moment.
    Later(String),
    /// The host is stopping; the next one asks for it again.
    Stopping,
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Here(words) | Self::Later(words) => f.write_str(words),
            Self::Stopping => f.write_str("the host is stopping"),
        }
    }
}

impl From<SupervisorError> for Failed {
    fn from(error: SupervisorError) -> Self {
        match error {
            SupervisorError::Draining => Self::Stopping,
            SupervisorError::Conversation(conversation::ConversationError::TooLarge { .. })
            | SupervisorError::TooMuch(_)
            | SupervisorError::NoAgent(_)
            | SupervisorError::NotAllowed(_)
            | SupervisorError::Gone(_) => Self::Here(error.to_string()),
            SupervisorError::Conversation(_) | SupervisorError::System { .. } => {
                Self::Later(error.to_string())
            }
        }
    }
}

impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Refused { .. } => Self::Here(trouble.to_string()),
            _ => Self::Later(trouble.to_string()),
        }
    }
}

async fn listen(bot: &Arc<Bot>, message: &Message, guild: Option<Id>) -> Result<(), Failed> {
    let channel = message.channel_id.get();
    let spot = match guild {
        None => Spot {
            guild: None,
            parent: None,
            kind: Kind::Direct,
        },
        Some(_) => match bot.spot(channel).await {
            Ok(spot) => spot,
            // Nobody can be answered where the bot sees nothing.
            Err(Trouble::Refused { .. }) => return Ok(()),
            Err(trouble) => return Err(trouble.into()),
        },
    };
    let place = place(channel, guild, spot);
    let text = said(bot, message);
    let facts = Facts {
        author: author(bot, message, guild).await,
        place,
        mentioned: mentions(bot, message),
        empty: text.is_empty() && message.attachments.is_empty(),
        known: bot.places.is_served(channel),
        bot_turns: bot.places.bot_turns(channel),
    };
    match decide(&bot.rules, &facts) {
        Verdict::Ignore => Ok(()),
        Verdict::Refuse { why, say } => {
            let speaks = match say {
                Say::Reply => true,
                Say::Once => bot.places.tell_once(channel, facts.author.id),
                Say::Nothing => false,
            };
            if speaks {
                return Err(Failed::Here(why.words().to_owned()));
            }
            Ok(())
        }
        Verdict::Turn => {
            obey_channel(bot, channel, spot.parent).await?;
            turn(bot, message, channel, text, &facts.author).await
        }
        Verdict::Join => {
            if spot.kind == Kind::Thread
                && let Err(trouble) = bot.rest.join(channel).await
            {
                // Whoever writes in a thread is made a member of it anyway.
                tracing::debug!(channel, %trouble, "could not join a thread");
            }
            let title = names::thread_title(&text);
            open(bot, message, channel, spot.parent, title).await?;
            turn(bot, message, channel, text, &facts.author).await
        }
        Verdict::OpenThread => {
            let title = names::thread_title(&text);
            let opened = bot.rest.start_thread(channel, message.id.get(), &title).await;
            let opened = opened.map_err(|trouble| match no_thread(&trouble) {
                Some(words) => Failed::Here(words.to_owned()),
                None => trouble.into(),
            })?;
            bot.places.learn(
                opened,
                Spot {
                    guild,
                    parent: Some(channel),
                    kind: Kind::Thread,
                },
            );
            open(bot, message, opened, Some(channel), title).await?;
            turn(bot, message, opened, text, &facts.author).await
        }
    }
}
