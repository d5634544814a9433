//! What Discord tells: messages become turns, and everything else is learnt or handed on.

use std::collections::BTreeSet;
use std::sync::Arc;

use serenity::all::{
    Event, Guild, GuildChannel, GuildId, Message, MessageId, MessageUpdateEvent, Ready, Timestamp,
};

use super::admission::Id;
use super::bot::Bot;
use super::catch_up::{self, OF_DIRECT};
use super::press;
use super::seen::{DIRECT, Shard};

mod absence;
mod another;
mod answer;
mod before;
mod deal;
mod facts;
mod failed;
mod now;
mod thrown_out;
mod trying;
mod turn;
mod unkept;
mod waiting;
mod weigh;

pub(super) use absence::is_missing;
pub(super) use answer::no_thread;
pub(super) use deal::{behind, came, hear};
pub(super) use facts::place;
pub(super) use failed::Failed;
pub(super) use thrown_out::GONE;
pub(super) use trying::Trying;
pub(super) use turn::obey_channel;
pub(super) use unkept::{Unkept, wait_behind};
pub(super) use waiting::{Unsettled, look_again, look_at_message_of};
pub(super) use weigh::decided;

use another::notice_another;
use waiting::News;

/// Deals with an event. Returns at once: what takes time is done in a task.
pub(super) fn event(bot: &Arc<Bot>, shard: Shard, event: Event) {
    match event {
        Event::MessageCreate(event) => {
            let guild = event.message.guild_id.map(GuildId::get);
            heard(bot, event.message, guild);
        }
        Event::MessageUpdate(event) => {
            if let Some(at) = reworded(&event, bot.identity.user) {
                bot.trying.changed(event.id.get(), at);
                waiting::told(bot, event.channel_id.get(), event.id.get(), News::Changed);
            }
        }
        Event::MessageDelete(event) => deleted(bot, event.channel_id.get(), &[event.message_id]),
        Event::MessageDeleteBulk(event) => deleted(bot, event.channel_id.get(), &event.ids),
        Event::InteractionCreate(event) => {
            let bot = Arc::clone(bot);
            tokio::spawn(async move { press::interaction(&bot, event.interaction).await });
        }
        Event::GuildCreate(event) => guild(bot, &event.guild),
        Event::GuildUpdate(_)
        | Event::ChannelCreate(_)
        | Event::ChannelUpdate(_)
        | Event::GuildRoleCreate(_)
        | Event::GuildRoleUpdate(_)
        | Event::GuildRoleDelete(_) => allowed(bot, &event),
        // Of itself the bot is told without the intent for members.
        Event::GuildMemberUpdate(ref of) if of.user.id.get() == bot.identity.user => allowed(bot, &event),
        // One that has trouble comes back; from another the bot was thrown out.
        Event::GuildDelete(event) if event.guild.unavailable => {
            bot.seen().away(event.guild.id.get());
        }
        Event::GuildDelete(event) => {
            bot.seen().left(event.guild.id.get());
            bot.sight.left(event.guild.id.get());
            thrown_out::is_out_of(bot, event.guild.id.get());
        }
        Event::ChannelDelete(event) => {
            let channel = event.channel.id.get();
            bot.sight.gone(event.channel.guild_id.get(), channel);
            bot.gone_with_threads(channel);
        }
        Event::ThreadCreate(event) => {
            let thread = &event.thread;
            bot.places.learn_of(thread);
            bot.searches.made(thread.guild_id.get(), thread.id.get());
        }
        Event::ThreadUpdate(event) => {
            bot.places.learn_of(&event.thread);
            catch_up::woke(bot, &event.thread);
            unlocked(bot, &[event.thread]);
        }
        Event::ThreadDelete(event) => bot.gone(event.thread.id.get()),
        Event::ThreadMembersUpdate(event) => absence::changed(bot, &event),
        Event::ThreadListSync(event) => {
            for thread in &event.threads {
                bot.places.learn_of(thread);
            }
            unlocked(bot, &event.threads);
            absence::told_by_list(bot, &event);
            catch_up::came_into_sight(bot, &event);
        }
        Event::Ready(event) => begin(bot, shard, &event.ready),
        Event::Resumed(_) => tracing::info!("connected to Discord again"),
        _ => {}
    }
}

/// Permissions are others now, perhaps, in a channel or everywhere in a guild.
fn allowed(bot: &Arc<Bot>, event: &Event) {
    let of_channel = |channel: &GuildChannel| {
        bot.places.learn_of(channel);
        (channel.guild_id, Some(channel.id.get()))
    };
    let (guild, channel) = match event {
        Event::GuildUpdate(event) => {
            let tier = event.guild.premium_tier.into();
            bot.places.learn_tier(event.guild.id.get(), tier);
            (event.guild.id, None)
        }
        Event::ChannelCreate(event) => of_channel(&event.channel),
        Event::ChannelUpdate(event) => of_channel(&event.channel),
        Event::GuildRoleCreate(event) => (event.role.guild_id, None),
        Event::GuildRoleUpdate(event) => (event.role.guild_id, None),
        Event::GuildRoleDelete(event) => (event.guild_id, None),
        Event::GuildMemberUpdate(event) => (event.guild_id, None),
        _ => return,
    };
    let guild = guild.get();
    catch_up::permissions_changed(bot, guild, event);
    bot.say_again_in(guild, channel);
    catch_up::again_in(bot, guild, channel);
}

/// When its author changed a message. `None`: nobody did, or the bot itself, to which that is no news; while it answers it edits
/// all the time.
fn reworded(event: &MessageUpdateEvent, us: Id) -> Option<Timestamp> {
    let is_ours = event.author.as_ref().is_some_and(|author| author.id.get() == us);
    event.edited_timestamp.filter(|_| !is_ours)
}

/// Messages were deleted, people's or the bot's own: of one that is being dealt with that is known from now on.
fn deleted(bot: &Arc<Bot>, channel: Id, messages: &[MessageId]) {
    let messages: Vec<Id> = messages.iter().map(|message| message.get()).collect();
    bot.deleted(channel, &messages);
    for message in messages {
        bot.trying.deleted(message);
        waiting::told(bot, channel, message, News::Deleted);
    }
}

/// A session begins.
fn begin(bot: &Arc<Bot>, shard: Shard, ready: &Ready) {
    let total = ready.shard.map_or(1, |told| told.total);
    tracing::info!(bot = %bot.identity.name, shard, total, "connected to Discord");
    bot.link.has_servers(shard, ready.guilds.len());
    bot.trying.begins_anew();
    let ours = bot
        .config
        .shards
        .map_or(0..=total.saturating_sub(1), |ours| ours.first..=ours.last);
    let guilds: BTreeSet<Id> = ready.guilds.iter().map(|guild| guild.id.get()).collect();
    thrown_out::told_by_session(bot, (shard, total), &guilds);
    let direct = (shard == OF_DIRECT).then_some(DIRECT);
    let session = bot
        .seen()
        .begin(shard, (ours, total), guilds.into_iter().chain(direct));
    // At once: a host that is killed in its first second must not begin anew.
    bot.remember_seen();
    if direct.is_some() {
        catch_up::direct(bot, session);
    }
}

fn guild(bot: &Arc<Bot>, guild: &Guild) {
    bot.places.set_gone(guild.id.get(), false);
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
    absence::told_by_guild(bot, guild);
    catch_up::guild(bot, guild);
    unlocked(bot, &guild.threads);
    // Nobody told of permissions that were given between two sessions.
    let (bot, guild) = (Arc::clone(bot), guild.id.get());
    tokio::spawn(async move {
        bot.sign_again(|place| bot.may_reach(place, guild, None)).await;
    });
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
        for thread in &open {
            bot.say_again(*thread).await;
        }
        bot.sign_again(|channel| open.contains(&channel)).await;
    });
}

/// A message has just come.
fn heard(bot: &Arc<Bot>, message: Message, guild: Option<Id>) {
    notice_another(bot, &message);
    if guild.is_none() {
        catch_up::direct_first(bot, message.channel_id.get());
    }
    if let Some(guild) = guild {
        catch_up::woken(bot, guild, message.channel_id.get(), message.id.get());
    }
    let late = false;
    let Some(came) = came(bot, message, guild, late) else {
        return;
    };
    let (channel, came) = (came.message.channel_id.get(), Arc::new(came));
    let (waiting, again) = ((Arc::clone(bot), Arc::clone(&came)), Arc::clone(bot));
    let meanwhile = async move { wait_behind(&waiting.0, &[waiting.1]).await };
    bot.in_order_while(channel, meanwhile, async move { hear(&again, came).await });
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_people_change_is_news_and_what_the_bot_edits_or_discord_adds_is_none() {
        let told = |author: &str, edited: Option<&str>| {
            let event = json!({
                "id": "3", "channel_id": "1", "edited_timestamp": edited,
                "author": { "id": author, "username": "someone", "discriminator": "0000", "avatar": null },
            });
            reworded(&serde_json::from_value(event).unwrap(), 7)
        };
        let edited = Some("2026-11-22T00:00:00Z");
        assert_eq!(told("8", edited), edited.and_then(|at| at.parse().ok()));
        assert_eq!(told("7", edited), None, "the bot's own");
        assert_eq!(told("8", None), None, "a preview of a link");
    }
}
