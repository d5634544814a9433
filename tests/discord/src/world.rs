//! Everything there is: one value behind one lock. Requests and people change it, the gateway is told at once.

mod channel;
mod interaction;
mod mentions;
mod message;
mod people;
mod posts;
mod reactions;
mod threads;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::{Value, json};

pub use channel::{Channel, Kind, Thread};
pub(crate) use channel::{Overwrite, thread_member_json};
pub(crate) use interaction::ACKNOWLEDGE_WITHIN;
pub use interaction::{Answer, Asked, Interaction};
pub use mentions::Pings;
pub use message::{Attachment, Message, Reaction};
pub(crate) use message::{EPHEMERAL, LOADING};
pub use people::{Guild, Member, Role, User};
pub(crate) use posts::{Draft, Edit, Upload};
pub(crate) use threads::{Change, Start};

use crate::Id;
use crate::clock::Clock;
use crate::gateway::{Event, Gateway, intents};
use crate::id::EPOCH;

/// The application under test and who stands behind it.
#[derive(Clone, Debug)]
pub struct Application {
    /// Its id, which is not its bot's.
    pub id: Id,
    /// The user that speaks for it.
    pub bot: Id,
    /// Who made it.
    pub owner: Id,
    /// Accepted members, when a team owns it; the first is the team's owner.
    pub team: Vec<Id>,
    /// Who was invited into the team, and has not said yes.
    pub invited: Vec<Id>,
    /// Which privileged intents are switched on for it (bits).
    pub privileged: u64,
    pub(crate) token: String,
}

/// A registered command, as sent.
#[derive(Clone, Debug)]
pub struct Command {
    /// Its id.
    pub id: Id,
    /// None for global ones.
    pub guild: Option<Id>,
    /// Name, description, options as they were registered.
    pub body: Value,
    pub(crate) version: Id,
}

/// Somebody is typing.
#[derive(Clone, Copy, Debug)]
pub struct Typing {
    /// Where.
    pub channel: Id,
    /// Who.
    pub user: Id,
    /// When, Unix milliseconds.
    pub at: u64,
}

/// What a test can look at. All is kept: deleted messages too, marked as such.
#[derive(Debug)]
pub struct World {
    pub(crate) clock: Arc<Clock>,
    pub(crate) application: Application,
    pub(crate) users: BTreeMap<Id, User>,
    pub(crate) guilds: BTreeMap<Id, Guild>,
    pub(crate) channels: BTreeMap<Id, Channel>,
    pub(crate) messages: BTreeMap<Id, Message>,
    /// Ids of all messages of a channel, in order.
    pub(crate) by_channel: HashMap<Id, Vec<Id>>,
    pub(crate) interactions: BTreeMap<Id, Interaction>,
    pub(crate) commands: Vec<Command>,
    pub(crate) typing: Vec<Typing>,
    /// What a nonce was spent on, and when.
    pub(crate) nonces: HashMap<(Id, String), (Id, u64)>,
    /// Users who take no direct messages.
    pub(crate) closed: BTreeSet<Id>,
    pub(crate) gateway: Gateway,
    /// Where files are fetched from.
    pub(crate) cdn: String,
    /// A file's limit, bytes, when it is not that of the guild's tier.
    pub(crate) file_limit: Option<usize>,
    /// Links that no message may hold.
    pub(crate) harmful: Vec<String>,
    last_id: u64,
}

impl World {
    pub(crate) fn new(clock: Arc<Clock>, token: &str) -> Self {
        let mut world = Self {
            application: Application {
                id: Id(0),
                bot: Id(0),
                owner: Id(0),
                team: Vec::new(),
                invited: Vec::new(),
                privileged: intents::PRIVILEGED,
                token: token.to_owned(),
            },
            clock,
            users: BTreeMap::new(),
            guilds: BTreeMap::new(),
            channels: BTreeMap::new(),
            messages: BTreeMap::new(),
            by_channel: HashMap::new(),
            interactions: BTreeMap::new(),
            commands: Vec::new(),
            typing: Vec::new(),
            nonces: HashMap::new(),
            closed: BTreeSet::new(),
            gateway: Gateway::default(),
            cdn: String::new(),
            file_limit: None,
            harmful: Vec::new(),
            last_id: 0,
        };
        world.application.id = world.next_id();
        world.application.owner = world.add_user("owner", false);
        world.application.bot = world.add_user("agent", true);
        world
    }

    /// Rises with time, and from call to call.
    pub(crate) fn next_id(&mut self) -> Id {
        let by_time = (self.clock.now() - EPOCH) << 22;
        self.last_id = by_time.max(self.last_id + 1);
        Id(self.last_id)
    }

    pub(crate) fn add_user(&mut self, name: &str, bot: bool) -> Id {
        let id = self.next_id();
        let name = name.to_owned();
        self.users.insert(id, User { id, name, bot });
        id
    }

    /// Unix milliseconds by the fake's clock.
    pub fn now(&self) -> u64 {
        self.clock.now()
    }

    /// The application under test.
    pub fn application(&self) -> &Application {
        &self.application
    }

    /// Everybody is known who has an id.
    pub fn user(&self, id: Id) -> &User {
        self.users.get(&id).expect("ids of users come from this world")
    }

    /// None once it was deleted.
    pub fn channel(&self, id: impl Into<Id>) -> Option<&Channel> {
        self.channels.get(&id.into())
    }

    /// None for an id that never was one.
    pub fn guild(&self, id: impl Into<Id>) -> Option<&Guild> {
        self.guilds.get(&id.into())
    }

    /// Also deleted and ephemeral ones.
    pub fn message(&self, id: impl Into<Id>) -> Option<&Message> {
        self.messages.get(&id.into())
    }

    /// What everyone sees who sees the channel, oldest first.
    pub fn messages(&self, channel: impl Into<Id>) -> Vec<&Message> {
        let open = |message: &&Message| message.only_for.is_none();
        self.in_channel(channel.into()).filter(open).collect()
    }

    /// What `user` sees, with the answers that are only for them.
    pub fn messages_seen_by(&self, user: impl Into<Id>, channel: impl Into<Id>) -> Vec<&Message> {
        let user = user.into();
        let shown = |message: &&Message| message.only_for.is_none_or(|one| one == user);
        self.in_channel(channel.into()).filter(shown).collect()
    }

    fn in_channel(&self, channel: Id) -> impl Iterator<Item = &Message> {
        let ids = self.by_channel.get(&channel).map_or(&[][..], Vec::as_slice);
        let messages = ids.iter().filter_map(|id| self.messages.get(id));
        messages.filter(|message| !message.deleted)
    }

    /// Threads of a channel, oldest first.
    pub fn threads(&self, parent: impl Into<Id>) -> Vec<&Channel> {
        let parent = parent.into();
        let ours = |channel: &&Channel| channel.thread.is_some() && channel.parent == Some(parent);
        self.channels.values().filter(ours).collect()
    }

    /// What is registered, global and per guild.
    pub fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// Every "is typing" there was, oldest first.
    pub fn typing(&self, channel: impl Into<Id>) -> Vec<Typing> {
        let channel = channel.into();
        self.typing
            .iter()
            .filter(|one| one.channel == channel)
            .copied()
            .collect()
    }

    /// Also those that ended.
    pub fn interaction(&self, id: Id) -> Option<&Interaction> {
        self.interactions.get(&id)
    }

    /// What the bot's connections did.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// The direct conversation between the bot and `user`, made when it is first wanted.
    pub(crate) fn direct(&mut self, user: Id) -> Id {
        let bot = self.application.bot;
        let found = self
            .channels
            .values()
            .find(|channel| channel.kind == Kind::Direct && channel.recipients.contains(&user));
        if let Some(channel) = found {
            return channel.id;
        }
        let id = self.next_id();
        let mut channel = Channel::new(id, Kind::Direct, None, "");
        channel.recipients = vec![bot, user];
        self.channels.insert(id, channel);
        id
    }

    /// Tells the gateway of something that happened in a channel. `needs` are the intents for guilds and for direct
    /// messages. Nothing is told of channels that the bot does not see.
    pub(crate) fn tell(&mut self, kind: &'static str, needs: (u64, u64), channel: Id, mut data: Value) {
        if !self.sees(self.application.bot, channel) {
            return;
        }
        let guild = self.channels.get(&channel).and_then(|channel| channel.guild);
        if let Some(guild) = guild {
            data["guild_id"] = json!(guild);
        }
        let needs = if guild.is_some() { needs.0 } else { needs.1 };
        self.emit(Event {
            kind,
            needs,
            guild,
            data,
            veiled: None,
        });
    }

    /// Tells the gateway of something about a guild, if the bot is in it.
    pub(crate) fn tell_guild(&mut self, kind: &'static str, needs: u64, guild: Id, data: Value) {
        let bot = self.application.bot;
        if self
            .guilds
            .get(&guild)
            .is_some_and(|guild| guild.members.contains_key(&bot))
        {
            self.emit(Event {
                kind,
                needs,
                guild: Some(guild),
                data,
                veiled: None,
            });
        }
    }

    pub(crate) fn emit(&mut self, event: Event) {
        self.gateway.deliver(event);
        self.clock.signal();
    }
}
