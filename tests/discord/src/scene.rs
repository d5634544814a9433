//! Guilds as a test builds and changes them; the bot is told of every change.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::Id;
use crate::fake::Shared;
use crate::gateway::intents::{GUILD_MEMBERS, GUILDS};
use crate::people::Person;
use crate::permissions::EVERYDAY;
use crate::world::{Channel, Guild, Kind, Member, Overwrite, Role, World, thread_member_json};

/// A handle to one guild.
#[derive(Clone, Debug)]
pub struct GuildScene {
    shared: Arc<Shared>,
    /// The guild's id, and that of everyone's role.
    pub id: Id,
}

impl GuildScene {
    pub(crate) fn named(shared: Arc<Shared>, name: &str) -> Self {
        let mut world = shared.world();
        let known = world
            .guilds
            .values()
            .find(|guild| guild.name == name)
            .map(|guild| guild.id);
        let id = known.unwrap_or_else(|| found(&mut world, name));
        drop(world);
        Self { shared, id }
    }

    /// The text channel of this name, made when it is first named.
    pub fn channel(&self, name: &str) -> Id {
        self.place(name, Kind::Text)
    }

    /// The forum of this name, made when it is first named.
    pub fn forum(&self, name: &str) -> Id {
        self.place(name, Kind::Forum)
    }

    /// The channel of this name and kind, made when it is first named.
    pub fn place(&self, name: &str, kind: Kind) -> Id {
        let mut world = self.shared.world();
        let ours = |channel: &&Channel| {
            channel.guild == Some(self.id) && channel.name == name && channel.kind == kind
        };
        if let Some(channel) = world.channels.values().find(ours) {
            return channel.id;
        }
        let id = world.next_id();
        world
            .channels
            .insert(id, Channel::new(id, kind, Some(self.id), name));
        world.tell_channel("CHANNEL_CREATE", id);
        id
    }

    /// The member of this name, who comes in when first named.
    pub fn member(&self, name: &str) -> Person {
        self.joined(name, false)
    }

    /// Another bot.
    pub fn other_bot(&self, name: &str) -> Person {
        self.joined(name, true)
    }

    fn joined(&self, name: &str, bot: bool) -> Person {
        let mut world = self.shared.world();
        let member = self
            .guild(&world)
            .members
            .keys()
            .find(|id| world.user(**id).name == name);
        let id = member.copied().unwrap_or_else(|| world.add_user(name, bot));
        drop(world);
        let person = Person::new(Arc::clone(&self.shared), id);
        self.admit(&person);
        person
    }

    /// Somebody from elsewhere comes in.
    pub fn admit(&self, person: &Person) {
        let mut world = self.shared.world();
        if self.guild(&world).members.contains_key(&person.id) {
            return;
        }
        let member = Member {
            user: person.id,
            roles: Vec::new(),
            nick: None,
            joined: world.clock.now(),
        };
        self.guild_mut(&mut world).members.insert(person.id, member);
        let mut data = world
            .member_json(self.guild(&world), person.id)
            .unwrap_or_default();
        data["guild_id"] = json!(self.id);
        world.tell_guild("GUILD_MEMBER_ADD", GUILD_MEMBERS, self.id, data);
    }

    /// Out of the guild, and of its threads.
    pub fn kick(&self, person: &Person) {
        let mut world = self.shared.world();
        self.guild_mut(&mut world).members.remove(&person.id);
        for thread in world
            .channels
            .values_mut()
            .filter_map(|channel| channel.thread.as_mut())
        {
            thread.members.remove(&person.id);
        }
        let data = json!({ "guild_id": self.id, "user": world.user(person.id).json() });
        world.tell_guild("GUILD_MEMBER_REMOVE", GUILD_MEMBERS, self.id, data);
    }

    /// So many boosts are given that the guild is of this tier, from 0 to 3.
    pub fn boosts(&self, tier: u8) {
        let mut world = self.shared.world();
        let guild = self.guild_mut(&mut world);
        guild.tier = tier;
        let data = guild.json();
        world.tell_guild("GUILD_UPDATE", GUILDS, self.id, data);
    }

    /// The bot is thrown out of the guild.
    pub fn expel_bot(&self) {
        let mut world = self.shared.world();
        let bot = world.application.bot;
        // Told as the last thing that the bot hears of this guild, also of one that is away.
        world.gateway.away.remove(&self.id);
        world.tell_guild("GUILD_DELETE", GUILDS, self.id, json!({ "id": self.id }));
        self.guild_mut(&mut world).members.remove(&bot);
    }

    /// The face of a webhook of this channel.
    pub fn webhook(&self, name: &str) -> Person {
        let id = self.shared.world().add_user(name, true);
        Person::webhook(Arc::clone(&self.shared), id)
    }

    /// A new role.
    pub fn role(&self, name: &str, permissions: u64) -> Id {
        self.new_role(name, permissions, None)
    }

    /// The role that comes with the bot when it is invited with permissions, and that no other member has.
    pub fn role_of_bot(&self, name: &str) -> Id {
        let bot = self.shared.world().application.bot;
        let role = self.new_role(name, 0, Some(bot));
        self.set_roles(bot, &[role]);
        role
    }

    fn new_role(&self, name: &str, permissions: u64, of_bot: Option<Id>) -> Id {
        let mut world = self.shared.world();
        let id = world.next_id();
        let guild = self.guild_mut(&mut world);
        let role = Role {
            id,
            name: name.to_owned(),
            permissions,
            mentionable: true,
            position: guild.roles.len(),
            of_bot,
        };
        let data = json!({ "guild_id": self.id, "role": role.json() });
        guild.roles.insert(id, role);
        world.tell_guild("GUILD_ROLE_CREATE", GUILDS, self.id, data);
        id
    }

    /// What a role allows from now on; everyone's has the guild's own id.
    pub fn set_role(&self, role: Id, permissions: u64) {
        let mut world = self.shared.world();
        let hidden = self.hidden(&world);
        let role = self
            .guild_mut(&mut world)
            .roles
            .get_mut(&role)
            .expect("a role of this guild");
        role.permissions = permissions;
        let data = json!({ "guild_id": self.id, "role": role.json() });
        world.tell_guild("GUILD_ROLE_UPDATE", GUILDS, self.id, data);
        self.sync_seen(&mut world, &hidden);
    }

    /// Whoever had it has it no more.
    pub fn delete_role(&self, role: Id) {
        let mut world = self.shared.world();
        let guild = self.guild_mut(&mut world);
        guild.roles.remove(&role);
        for member in guild.members.values_mut() {
            member.roles.retain(|id| *id != role);
        }
        let data = json!({ "guild_id": self.id, "role_id": role });
        world.tell_guild("GUILD_ROLE_DELETE", GUILDS, self.id, data);
    }

    /// The member's roles from now on.
    pub fn set_roles(&self, member: impl Into<Id>, roles: &[Id]) {
        let mut world = self.shared.world();
        let hidden = self.hidden(&world);
        self.change(&mut world, member.into(), |member| member.roles = roles.to_vec());
        self.sync_seen(&mut world, &hidden);
    }

    /// What the member is called here from now on.
    pub fn set_nick(&self, member: impl Into<Id>, nick: &str) {
        let mut world = self.shared.world();
        let nick = Some(nick.to_owned());
        self.change(&mut world, member.into(), |member| member.nick = nick);
    }

    fn change(&self, world: &mut World, member: Id, change: impl FnOnce(&mut Member)) {
        let bot = world.application.bot;
        let entry = self.guild_mut(world).members.get_mut(&member);
        change(entry.expect("a member of this guild"));
        let mut data = world.member_json(self.guild(world), member).unwrap_or_default();
        data["guild_id"] = json!(self.id);
        // Of its own roles a bot hears in any case.
        let needs = if member == bot { 0 } else { GUILD_MEMBERS };
        world.tell_guild("GUILD_MEMBER_UPDATE", needs, self.id, data);
    }

    /// What a role (or everyone, or one user) may more and less in one channel. Replaces what was said before.
    pub fn overwrite(&self, channel: Id, who: impl Into<Id>, allow: u64, deny: u64) {
        let who = who.into();
        let mut world = self.shared.world();
        let hidden = self.hidden(&world);
        let is_role = self.guild(&world).roles.contains_key(&who);
        let overwrites = &mut world
            .channels
            .get_mut(&channel)
            .expect("a channel of this guild")
            .overwrites;
        overwrites.retain(|overwrite| overwrite.id != who);
        overwrites.push(Overwrite {
            id: who,
            is_role,
            allow,
            deny,
        });
        let data = world
            .channels
            .get(&channel)
            .map(|channel| world.channel_json(channel));
        world.tell_guild("CHANNEL_UPDATE", GUILDS, self.id, data.unwrap_or(Value::Null));
        self.sync_seen(&mut world, &hidden);
    }

    /// Channels that the bot does not see.
    fn hidden(&self, world: &World) -> Vec<Id> {
        let bot = world.application.bot;
        let ours = world
            .channels
            .values()
            .filter(|channel| channel.guild == Some(self.id));
        let ours = ours.filter(|channel| channel.thread.is_none() && !world.sees(bot, channel.id));
        ours.map(|channel| channel.id).collect()
    }

    fn sync_seen(&self, world: &mut World, hidden: &[Id]) {
        let bot = world.application.bot;
        for channel in hidden {
            if world.sees(bot, *channel) {
                self.sync_threads(world, *channel);
            }
        }
    }

    /// Whoever comes to see a channel is told of the threads that are open there.
    fn sync_threads(&self, world: &mut World, channel: Id) {
        let bot = world.application.bot;
        let open = |thread: &&&Channel| !thread.is_archived() && world.sees(bot, thread.id);
        let threads = world.threads(channel);
        let threads: Vec<&&Channel> = threads.iter().filter(open).collect();
        let members = threads
            .iter()
            .filter_map(|thread| thread_member_json(thread, bot));
        let data = json!({
            "guild_id": self.id, "channel_ids": [channel], "members": members.collect::<Vec<_>>(),
            "threads": threads.iter().map(|thread| world.channel_json(thread)).collect::<Vec<_>>(),
        });
        world.tell_guild("THREAD_LIST_SYNC", GUILDS, self.id, data);
    }

    fn guild<'a>(&self, world: &'a World) -> &'a Guild {
        world
            .guilds
            .get(&self.id)
            .expect("a handle of a guild that was founded")
    }

    fn guild_mut<'a>(&self, world: &'a mut World) -> &'a mut Guild {
        world
            .guilds
            .get_mut(&self.id)
            .expect("a handle of a guild that was founded")
    }
}

fn found(world: &mut World, name: &str) -> Id {
    let id = world.next_id();
    let owner = world.add_user(&format!("{name}-owner"), false);
    let joined = world.clock.now();
    let everyone = Role {
        id,
        name: "@everyone".to_owned(),
        permissions: EVERYDAY,
        mentionable: false,
        position: 0,
        of_bot: None,
    };
    let member = |user| {
        let roles = Vec::new();
        let nick = None;
        (
            user,
            Member {
                user,
                roles,
                nick,
                joined,
            },
        )
    };
    let guild = Guild {
        id,
        name: name.to_owned(),
        owner,
        roles: BTreeMap::from([(id, everyone)]),
        members: BTreeMap::from([member(owner), member(world.application.bot)]),
        tier: 0,
    };
    world.guilds.insert(id, guild);
    let data = world.guilds.get(&id).map(|guild| world.guild_create(guild));
    world.tell_guild("GUILD_CREATE", GUILDS, id, data.unwrap_or_default());
    id
}
