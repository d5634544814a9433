//! What the bot sees, by what Discord tells of permissions. From where a channel goes out of sight nobody tells what is said there;
//! when it comes into sight again it is read from there.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use serenity::all::{
    ChannelId, Event, Guild, GuildChannel, MessageId, PermissionOverwrite, PermissionOverwriteType,
    Permissions, Role, RoleId, ThreadListSyncEvent,
};

use super::{Gap, READING, given, is_heard, may_not_read, missed, read_anew};
use crate::discord::admission::{Id, hears};
use crate::discord::bot::Bot;
use crate::discord::hear;
use crate::discord::places::{Places, Spot, lock};
use crate::discord::seen::Unread;

/// What decides what the bot sees, of each guild that has told of itself.
#[derive(Debug, Default)]
pub(in crate::discord) struct Sight(Mutex<HashMap<Id, View>>);

/// The same of one guild.
#[derive(Debug)]
struct View {
    guild: Id,
    us: Id,
    owner: Id,
    roles: HashMap<Id, Permissions>,
    /// The roles that the bot has; `None`: nobody has told.
    ours: Option<Vec<Id>>,
    channels: HashMap<Id, Vec<PermissionOverwrite>>,
}

/// A channel that the bot does not see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hidden {
    channel: Id,
    /// It did until now.
    was_seen: bool,
}

impl View {
    fn of(guild: &Guild, us: Id) -> Self {
        let roles = guild.roles.values();
        let channels = guild.channels.values();
        let ours = guild.members.values().find(|member| member.user.id.get() == us);
        Self {
            guild: guild.id.get(),
            us,
            owner: guild.owner_id.get(),
            roles: roles.map(|role| (role.id.get(), role.permissions)).collect(),
            ours: ours.map(|member| ids(&member.roles)),
            channels: channels
                .map(|channel| (channel.id.get(), channel.permission_overwrites.clone()))
                .collect(),
        }
    }

    /// What the bot may do in a channel: all, if nobody has told; then Discord says what it refuses.
    /// <https://docs.discord.com/developers/topics/permissions#permission-overwrites>
    fn given(&self, channel: Id) -> Permissions {
        let (Some(ours), Some(own)) = (&self.ours, self.channels.get(&channel)) else {
            return Permissions::all();
        };
        let roles = ours.iter().chain([&self.guild]);
        let given = roles.filter_map(|role| self.roles.get(role).copied());
        let given = given.fold(Permissions::empty(), Permissions::union);
        if self.owner == self.us || given.contains(Permissions::ADMINISTRATOR) {
            return Permissions::all();
        }
        // What is said of everyone, then of the bot's roles together, then of itself.
        let steps: [&dyn Fn(&PermissionOverwriteType) -> bool; 3] = [
            &|kind| matches!(kind, PermissionOverwriteType::Role(role) if role.get() == self.guild),
            &|kind| matches!(kind, PermissionOverwriteType::Role(role) if ours.contains(&role.get())),
            &|kind| matches!(kind, PermissionOverwriteType::Member(user) if user.get() == self.us),
        ];
        steps.iter().fold(given, |given, is_meant| {
            let meant = || own.iter().filter(|overwrite| is_meant(&overwrite.kind));
            let denied = meant().map(|overwrite| overwrite.deny);
            let allowed = meant().map(|overwrite| overwrite.allow);
            let given = given - denied.fold(Permissions::empty(), Permissions::union);
            given | allowed.fold(Permissions::empty(), Permissions::union)
        })
    }

    fn is_seen(&self, channel: Id) -> bool {
        self.given(channel).contains(Permissions::VIEW_CHANNEL)
    }

    /// Channels that this hides, and it did not: those that are new are among them.
    fn hides(&self, seen_before: &HashMap<Id, bool>) -> Vec<Hidden> {
        let hidden = self.channels.keys().filter(|channel| !self.is_seen(**channel));
        let news = hidden.filter_map(|channel| {
            let was_seen = seen_before.get(channel).copied();
            (was_seen != Some(false)).then_some(Hidden {
                channel: *channel,
                was_seen: was_seen == Some(true),
            })
        });
        news.collect()
    }

    fn all_seen(&self) -> HashMap<Id, bool> {
        let channels = self.channels.keys();
        channels
            .map(|channel| (*channel, self.is_seen(*channel)))
            .collect()
    }

    /// What Discord tells of permissions. Of itself the bot is told without the intent for members.
    fn learn(&mut self, event: &Event) {
        match event {
            Event::GuildUpdate(event) => self.owner = event.guild.owner_id.get(),
            Event::ChannelCreate(event) => self.learn_of(&event.channel),
            Event::ChannelUpdate(event) => self.learn_of(&event.channel),
            Event::GuildRoleCreate(event) => self.learn_role(&event.role),
            Event::GuildRoleUpdate(event) => self.learn_role(&event.role),
            Event::GuildRoleDelete(event) => {
                self.roles.remove(&event.role_id.get());
            }
            Event::GuildMemberUpdate(event) => self.ours = Some(ids(&event.roles)),
            _ => {}
        }
    }

    fn learn_of(&mut self, channel: &GuildChannel) {
        let overwrites = channel.permission_overwrites.clone();
        self.channels.insert(channel.id.get(), overwrites);
    }

    fn learn_role(&mut self, role: &Role) {
        self.roles.insert(role.id.get(), role.permissions);
    }
}

fn ids(roles: &[RoleId]) -> Vec<Id> {
    roles.iter().map(|role| role.get()).collect()
}

impl Sight {
    /// A guild tells of itself. What is hidden there, as far as that is news.
    fn met(&self, guild: &Guild, us: Id) -> Vec<Hidden> {
        let view = View::of(guild, us);
        let mut all = lock(&self.0);
        let before = all.get(&view.guild).map(View::all_seen).unwrap_or_default();
        let hidden = view.hides(&before);
        all.insert(view.guild, view);
        hidden
    }

    /// It is nothing to the bot any more.
    pub(in crate::discord) fn left(&self, guild: Id) {
        lock(&self.0).remove(&guild);
    }

    /// A channel is not there any more.
    pub(in crate::discord) fn gone(&self, guild: Id, channel: Id) {
        if let Some(view) = lock(&self.0).get_mut(&guild) {
            view.channels.remove(&channel);
        }
    }

    /// Discord tells something of a guild, perhaps of permissions. What it hides from now on.
    fn told(&self, guild: Id, event: &Event) -> Vec<Hidden> {
        let mut all = lock(&self.0);
        let Some(view) = all.get_mut(&guild) else {
            return vec![];
        };
        let before = view.all_seen();
        view.learn(event);
        view.hides(&before)
    }

    /// What the bot may do in a channel of a guild.
    pub(in crate::discord) fn given(&self, guild: Id, channel: Id) -> Permissions {
        let all = lock(&self.0);
        all.get(&guild)
            .map_or(Permissions::all(), |view| view.given(channel))
    }

    /// Whether a guild has told of itself.
    fn knows(&self, guild: Id) -> bool {
        lock(&self.0).contains_key(&guild)
    }
}

/// Discord tells of permissions in a guild.
pub(in crate::discord) fn permissions_changed(bot: &Bot, guild: Id, event: &Event) {
    let hidden = bot.sight.told(guild, event);
    if !hidden.is_empty() {
        let upto = bot.seen().before(guild);
        out_of_sight(bot, guild, upto, &hidden);
    }
}

/// A guild tells of itself, and was heard up to this message.
pub(super) fn met(bot: &Bot, guild: &Guild, upto: Id) {
    let hidden = bot.sight.met(guild, bot.identity.user);
    out_of_sight(bot, guild.id.get(), upto, &hidden);
}

/// What is said in these channels after this message nobody tells. Where it was listened until now the next host is to read it,
/// too; where it never was, it is read from where this one began.
fn out_of_sight(bot: &Bot, guild: Id, upto: Id, hidden: &[Hidden]) {
    for Hidden { channel, was_seen } in hidden.iter().copied() {
        let place = |spot| hear::place(channel, Some(guild), spot);
        let is_heard = |spot: Spot| {
            (spot.kind.has_messages() || spot.kind.has_threads()) && hears(&bot.config.rules, place(spot))
        };
        if bot.places.spot(channel).is_some_and(is_heard) {
            let unread = Unread {
                after: upto,
                is_hidden: true,
                is_kept: was_seen,
            };
            bot.seen().leaves(guild, channel, unread);
        }
    }
}

/// Discord tells which threads are open in channels that the bot has come to see: they, those that were put away, and the
/// channels themselves are read from where they went out of sight.
pub(in crate::discord) fn came_into_sight(bot: &Arc<Bot>, event: &ThreadListSyncEvent) {
    let guild = event.guild_id.get();
    // A guild that has not told of itself will tell of all that is new in it.
    if !bot.sight.knows(guild) {
        return;
    }
    let (unread, upto) = {
        let mut seen = bot.seen();
        (seen.unread(guild), seen.before(guild))
    };
    let threads = || event.threads.iter().map(|thread| thread.id.get());
    let after = |place| unread.get(&place).map_or(upto, |unread| unread.after);
    let missed_there = event.threads.iter().filter(|thread| is_heard(bot, thread));
    let missed_there = missed_there.map(|thread| {
        let (of, parent) = (thread.id.get(), thread.parent_id.map_or(0, ChannelId::get));
        let since = bot.seen().since(guild, of, after(parent));
        let is_missed = thread.last_message_id.map_or(0, MessageId::get) > since;
        (is_missed, Gap::all(of, Some(guild), since), given(bot, thread))
    });
    let missed_there: Vec<_> = missed_there.collect();
    for channel in told_of(&bot.places, event) {
        let Some(spot) = bot.places.spot(channel).filter(|_| unread.contains_key(&channel)) else {
            continue;
        };
        tracing::info!(channel, "a channel has come into sight");
        bot.seen().shows(channel);
        if bot.sight.given(guild, channel).contains(READING) {
            read_anew(bot, (channel, guild), spot.kind, after(channel), threads());
        } else {
            may_not_read(bot, Gap::all(channel, Some(guild), after(channel)));
        }
    }
    for (is_missed, gap, given) in missed_there {
        match (is_missed, given.contains(READING)) {
            (true, true) => missed(bot, gap),
            (true, false) => may_not_read(bot, gap),
            (false, _) => {}
        }
    }
}

/// The channels that a list of open threads is about. Where it names none it is about all of the guild.
/// <https://docs.discord.com/developers/events/gateway-events#thread-list-sync>
fn told_of(places: &Places, event: &ThreadListSyncEvent) -> BTreeSet<Id> {
    let named = event.channel_ids.as_ref();
    let named = named.map(|named| named.iter().copied().map(ChannelId::get).collect());
    let named: Vec<Id> = named.unwrap_or_else(|| places.channels_of(event.guild_id.get()));
    let of_threads = event.threads.iter().filter_map(|thread| thread.parent_id);
    named.into_iter().chain(of_threads.map(ChannelId::get)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::discord::places::Kind;

    #[test]
    fn a_list_of_open_threads_that_names_no_channels_is_about_all_of_its_guild() {
        let places = Places::default();
        let learn = |channel, guild, parent, kind| {
            let guild = Some(guild);
            places.learn(channel, Spot { guild, parent, kind });
        };
        learn(10, 1, None, Kind::Text);
        learn(11, 1, None, Kind::Forum);
        learn(12, 1, Some(10), Kind::Thread);
        learn(20, 2, None, Kind::Text);
        let about = |named: serde_json::Value| {
            let mut event = json!({ "guild_id": "1", "threads": [], "members": [] });
            if !named.is_null() {
                event["channel_ids"] = named;
            }
            let event = serde_json::from_value(event).unwrap();
            Vec::from_iter(told_of(&places, &event))
        };
        assert_eq!(about(json!(null)), [10, 11]);
        assert_eq!(about(json!(["10"])), [10]);
        assert_eq!(about(json!([])), [0; 0], "it is about no channel");
    }

    const VIEW: u64 = Permissions::VIEW_CHANNEL.bits();
    const READ: u64 = Permissions::READ_MESSAGE_HISTORY.bits();
    const ADMIN: u64 = Permissions::ADMINISTRATOR.bits();

    fn channel(overwrites: &serde_json::Value) -> GuildChannel {
        let channel = json!({
            "id": "10", "guild_id": "1", "type": 0, "name": "c", "position": 0, "permission_overwrites": overwrites,
        });
        serde_json::from_value(channel).unwrap()
    }

    fn overwrite(id: &str, kind: u8, allow: u64, deny: u64) -> serde_json::Value {
        json!({ "id": id, "type": kind, "allow": allow.to_string(), "deny": deny.to_string() })
    }

    /// Guild 1 of user 2, where the bot, 7, has the role 3; there is another one, 4.
    fn view(everyone: u64, ours: u64, overwrites: &serde_json::Value) -> View {
        let given = |bits| Permissions::from_bits_truncate(bits);
        let mut view = View {
            guild: 1,
            us: 7,
            owner: 2,
            roles: [(1, given(everyone)), (3, given(ours)), (4, given(ADMIN))].into(),
            ours: Some(vec![3]),
            channels: HashMap::new(),
        };
        view.learn_of(&channel(overwrites));
        view
    }

    #[test]
    fn what_the_bot_may_do_follows_from_its_roles_and_the_overwrites_of_the_channel_in_discords_order() {
        let cases = [
            (VIEW, 0, json!([]), VIEW),
            (VIEW, READ, json!([]), VIEW | READ),
            (0, ADMIN, json!([overwrite("7", 1, 0, VIEW)]), u64::MAX),
            (VIEW | READ, 0, json!([overwrite("1", 0, 0, READ)]), VIEW),
            (
                VIEW,
                0,
                json!([overwrite("3", 0, VIEW, 0), overwrite("1", 0, READ, VIEW)]),
                VIEW | READ,
            ),
            (
                VIEW,
                0,
                json!([overwrite("7", 1, 0, VIEW), overwrite("3", 0, VIEW, 0)]),
                0,
            ),
            (
                VIEW,
                0,
                json!([overwrite("7", 1, VIEW, 0), overwrite("3", 0, 0, VIEW)]),
                VIEW,
            ),
            (
                VIEW,
                0,
                json!([overwrite("4", 0, 0, VIEW), overwrite("9", 1, 0, VIEW)]),
                VIEW,
            ),
        ];
        for (everyone, ours, overwrites, expected) in cases {
            let given = view(everyone, ours, &overwrites).given(10);
            assert_eq!(given, Permissions::from_bits_truncate(expected), "{overwrites}");
        }
        let mut view = view(0, 0, &json!([]));
        assert_eq!(view.given(11), Permissions::all(), "nobody has told of it");
        view.owner = 7;
        assert_eq!(view.given(10), Permissions::all());
    }

    #[test]
    fn what_goes_out_of_sight_is_told_once_and_whether_it_was_in_sight() {
        let mut view = view(VIEW, 0, &json!([]));
        let before = view.all_seen();
        view.learn_of(&channel(&json!([overwrite("7", 1, 0, VIEW)])));
        let hidden = |was_seen| Hidden {
            channel: 10,
            was_seen,
        };
        assert_eq!(view.hides(&before), [hidden(true)]);
        assert_eq!(view.hides(&view.all_seen()), []);
        assert_eq!(view.hides(&HashMap::new()), [hidden(false)], "it is new");
    }
}
