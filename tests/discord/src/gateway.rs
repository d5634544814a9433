//! The gateway's memory: who is connected, which sessions can be resumed, what each was sent.

mod connection;
mod hello;
mod listener;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

pub(crate) use listener::Listener;

use crate::Id;

/// The intents that the fake knows. Unknown bits are refused.
pub mod intents {
    /// Guilds, roles, channels, threads.
    pub const GUILDS: u64 = 1;
    /// Privileged: who comes and goes.
    pub const GUILD_MEMBERS: u64 = 1 << 1;
    /// Privileged: who is online.
    pub const GUILD_PRESENCES: u64 = 1 << 8;
    /// Messages in guilds.
    pub const GUILD_MESSAGES: u64 = 1 << 9;
    /// Reactions in guilds.
    pub const GUILD_REACTIONS: u64 = 1 << 10;
    /// Typing in guilds.
    pub const GUILD_TYPING: u64 = 1 << 11;
    /// Direct messages.
    pub const DIRECT_MESSAGES: u64 = 1 << 12;
    /// Reactions there.
    pub const DIRECT_REACTIONS: u64 = 1 << 13;
    /// Typing there.
    pub const DIRECT_TYPING: u64 = 1 << 14;
    /// Privileged: what messages say.
    pub const MESSAGE_CONTENT: u64 = 1 << 15;

    /// Those that have to be switched on for the application.
    pub const PRIVILEGED: u64 = GUILD_MEMBERS | GUILD_PRESENCES | MESSAGE_CONTENT;
    /// Up to polls in direct messages; 17, 18, 19, 22 and 23 never were any.
    pub(crate) const KNOWN: u64 = ((1 << 17) - 1) | (1 << 20) | (1 << 21) | (1 << 24) | (1 << 25);
}

/// How long a session waits for its bot to come back, milliseconds: near what Discord grants.
const RESUMABLE: u64 = 3 * 60 * 1000;

/// Something that happened, before it is addressed to anyone.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) kind: &'static str,
    /// Any of these intents; 0 reaches every session.
    pub(crate) needs: u64,
    pub(crate) guild: Option<Id>,
    pub(crate) data: Value,
    /// For sessions without the intent to read, when it differs.
    pub(crate) veiled: Option<Value>,
}

/// What goes out on a connection.
#[derive(Debug)]
pub(crate) enum Out {
    Text(String),
    Close(u16, &'static str),
    /// Gone without a word.
    Cut,
}

/// One session: it outlives its connection.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) intents: u64,
    pub(crate) shard: (u64, u64),
    pub(crate) compress: bool,
    pub(crate) sequence: u64,
    pub(crate) sent: Vec<(u64, String)>,
    pub(crate) connection: Option<u64>,
    /// When its connection ended, Unix milliseconds.
    pub(crate) left: Option<u64>,
}

/// What the bot's connections did, and how the next ones will be treated.
#[derive(Debug)]
pub struct Gateway {
    pub(crate) sessions: BTreeMap<String, Session>,
    pub(crate) open: BTreeMap<u64, UnboundedSender<Out>>,
    /// Connections accepted so far.
    pub connections: u64,
    /// Sessions begun so far.
    pub identified: u64,
    /// Sessions gone on with so far.
    pub resumed: u64,
    /// Codes with which the fake closed connections, oldest first.
    pub closed_with: Vec<u16>,
    /// When sessions were begun, Unix milliseconds: for the limits.
    pub(crate) starts: VecDeque<u64>,
    pub(crate) start_limit: usize,
    /// Identifies per 5 s.
    pub(crate) concurrency: usize,
    pub(crate) heartbeat_millis: u64,
    /// Heartbeats are not answered: a connection that looks alive and is not.
    pub(crate) silent: bool,
    pub(crate) refuse: usize,
    pub(crate) duplicate: Option<String>,
    pub(crate) swap: Option<String>,
    pub(crate) held: Option<Event>,
    /// Who identified while nobody is let in: the connection, and what it said.
    pub(crate) at_the_door: Option<Vec<(u64, Value)>>,
    /// Only this shard is not let in.
    pub(crate) shut_for: Option<u64>,
    /// Guilds that are out of order: a session is told that there are such, and nothing of them.
    pub(crate) away: BTreeSet<Id>,
    /// Guilds of which nothing more reaches the sessions that there are.
    pub(crate) lagging: BTreeSet<Id>,
    pub(crate) url: String,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            sessions: BTreeMap::new(),
            open: BTreeMap::new(),
            connections: 0,
            identified: 0,
            resumed: 0,
            closed_with: Vec::new(),
            starts: VecDeque::new(),
            start_limit: 1000,
            concurrency: 16,
            heartbeat_millis: 41_250,
            silent: false,
            refuse: 0,
            duplicate: None,
            swap: None,
            held: None,
            at_the_door: None,
            shut_for: None,
            away: BTreeSet::new(),
            lagging: BTreeSet::new(),
            url: String::new(),
        }
    }
}

impl Gateway {
    /// Sessions with a living connection.
    pub fn connected(&self) -> usize {
        let alive = |session: &&Session| session.connection.is_some();
        self.sessions.values().filter(alive).count()
    }

    /// How many wait for READY.
    pub fn waiting(&self) -> usize {
        self.at_the_door.as_ref().map_or(0, Vec::len)
    }

    pub(crate) fn deliver(&mut self, event: Event) {
        let is_untold = |guild| self.away.contains(&guild) || self.lagging.contains(&guild);
        if event.guild.is_some_and(is_untold) {
            return;
        }
        if self.swap.as_deref() == Some(event.kind) {
            self.swap = None;
            self.held = Some(event);
            return;
        }
        if self.duplicate.as_deref() == Some(event.kind) {
            self.duplicate = None;
            self.spread(&event);
        }
        self.spread(&event);
        if let Some(late) = self.held.take() {
            self.spread(&late);
        }
    }

    fn spread(&mut self, event: &Event) {
        let Self { sessions, open, .. } = self;
        // Written once, however many sessions there are: a test that kills its bot often leaves many behind.
        let data = event.data.to_string();
        let veiled = event.veiled.as_ref().map(Value::to_string);
        for session in sessions.values_mut().filter(|session| session.wants(event)) {
            let reads = session.intents & intents::MESSAGE_CONTENT != 0;
            let data = veiled.as_ref().filter(|_| !reads).unwrap_or(&data);
            session.push(open, event.kind, data);
        }
    }

    /// To one session, whatever its intents.
    pub(crate) fn push(&mut self, session: &str, kind: &str, data: &Value) {
        let Self { sessions, open, .. } = self;
        if let Some(session) = sessions.get_mut(session) {
            session.push(open, kind, &data.to_string());
        }
    }

    /// Sessions to which nobody came back for too long can't be resumed.
    pub(crate) fn forget_old(&mut self, now: u64) {
        let kept = |session: &Session| session.left.is_none_or(|left| now < left + RESUMABLE);
        self.sessions.retain(|_, session| kept(session));
    }

    /// To all connections, identified or not.
    pub(crate) fn to_all(&self, out: impl Fn() -> Out) {
        for connection in self.open.values() {
            // One that is closing does not listen any more.
            let _ = connection.send(out());
        }
    }

    /// Session starts that are left today, and milliseconds until one comes back.
    pub(crate) fn starts_left(&mut self, now: u64) -> (usize, u64) {
        const DAY: u64 = 24 * 60 * 60 * 1000;
        while self.starts.front().is_some_and(|start| start + DAY <= now) {
            self.starts.pop_front();
        }
        let reset = self.starts.front().map_or(0, |start| start + DAY - now);
        (self.start_limit.saturating_sub(self.starts.len()), reset)
    }
}

impl Session {
    fn wants(&self, event: &Event) -> bool {
        let (shard, of) = self.shard;
        // Direct messages have no guild and come to shard 0.
        let ours = event.guild.map_or(0, |guild| (guild.0 >> 22) % of) == shard;
        ours && (event.needs == 0 || event.needs & self.intents != 0)
    }

    fn push(&mut self, open: &BTreeMap<u64, UnboundedSender<Out>>, kind: &str, data: &str) {
        self.sequence += 1;
        let sequence = self.sequence;
        let text = format!(r#"{{"op":0,"s":{sequence},"t":"{kind}","d":{data}}}"#);
        if let Some(connection) = self.connection.and_then(|id| open.get(&id)) {
            // A connection that just ended: the session keeps it for a resume.
            let _ = connection.send(Out::Text(text.clone()));
        }
        self.sent.push((self.sequence, text));
    }
}
