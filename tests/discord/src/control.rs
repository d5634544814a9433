//! What a test does to the gateway.

use std::time::Duration;

use serde_json::json;

use crate::Id;
use crate::clock::millis;
use crate::fake::Shared;
use crate::gateway::Out;
use crate::gateway::intents::GUILDS;

/// Makes the gateway misbehave. Each call holds from now on, or once, as it says.
#[derive(Debug)]
pub struct GatewayControl<'a> {
    shared: &'a Shared,
}

impl<'a> GatewayControl<'a> {
    pub(crate) fn new(shared: &'a Shared) -> Self {
        Self { shared }
    }

    /// All connections break without a word. Sessions can be resumed.
    pub fn drop_connections(&self) {
        self.shared.world().gateway.to_all(|| Out::Cut);
    }

    /// All connections are closed with this code.
    pub fn close_connections(&self, code: u16) {
        self.shared
            .world()
            .gateway
            .to_all(|| Out::Close(code, "the test wants it"));
    }

    /// Op 7: please connect again and resume.
    pub fn ask_to_reconnect(&self) {
        let text = r#"{"op":7,"d":null,"s":null,"t":null}"#;
        self.shared.world().gateway.to_all(|| Out::Text(text.to_owned()));
    }

    /// Op 9. Not resumable: all sessions are forgotten, and what happens until the next IDENTIFY is told nobody.
    pub fn invalidate_sessions(&self, resumable: bool) {
        let mut world = self.shared.world();
        if !resumable {
            world.gateway.sessions.clear();
        }
        let text = format!(r#"{{"op":9,"d":{resumable},"s":null,"t":null}}"#);
        world.gateway.to_all(|| Out::Text(text.clone()));
    }

    /// So many of the next connections are broken before they begin.
    pub fn refuse_connections(&self, count: usize) {
        self.shared.world().gateway.refuse = count;
    }

    /// Heartbeats are no longer answered.
    pub fn be_silent(&self, silent: bool) {
        self.shared.world().gateway.silent = silent;
    }

    /// For connections from now on, real time.
    pub fn beat_every(&self, interval: Duration) {
        self.shared.world().gateway.heartbeat_millis = millis(interval);
    }

    /// The next event of this kind comes twice.
    pub fn duplicate_next(&self, kind: &str) {
        self.shared.world().gateway.duplicate = Some(kind.to_owned());
    }

    /// The next event of this kind comes after the one that follows it.
    pub fn delay_next(&self, kind: &str) {
        self.shared.world().gateway.swap = Some(kind.to_owned());
    }

    /// Whoever identifies from now on waits for READY, and their session has not begun.
    pub fn hold_ready(&self) {
        let mut world = self.shared.world();
        world.gateway.at_the_door.get_or_insert_default();
    }

    /// The same of one shard alone.
    pub fn hold_ready_of(&self, shard: u64) {
        self.hold_ready();
        self.shared.world().gateway.shut_for = Some(shard);
    }

    /// Whoever waits for READY gets it.
    pub fn release_ready(&self) {
        let mut world = self.shared.world();
        world.gateway.shut_for = None;
        for (connection, data) in world.gateway.at_the_door.take().unwrap_or_default() {
            if let Err((code, reason)) = world.identify(connection, &data)
                && let Some(out) = world.gateway.open.get(&connection)
            {
                // One that has gone meanwhile needs no reason.
                let _ = out.send(Out::Close(code, reason));
            }
        }
    }

    /// A guild is out of order: nothing of it is told, and sessions begin without it.
    pub fn guild_is_away(&self, guild: Id) {
        self.shared.world().gateway.away.insert(guild);
    }

    /// What a guild tells is on its way from now on, and reaches nobody before the session is lost. The next one hears all.
    pub fn guild_lags(&self, guild: Id) {
        self.shared.world().gateway.lagging.insert(guild);
    }

    /// The same of one that sessions have been told of: it is said that it breaks.
    pub fn guild_breaks(&self, guild: Id) {
        let mut world = self.shared.world();
        world.tell_guild(
            "GUILD_DELETE",
            GUILDS,
            guild,
            json!({ "id": guild, "unavailable": true }),
        );
        world.gateway.away.insert(guild);
    }

    /// It is there again.
    pub fn guild_is_back(&self, guild: Id) {
        self.shared.world().guild_is_back(guild);
    }

    /// Session starts per day, and per five seconds: 1000 and 16 unless set. Discord gives most bots 1 per five seconds,
    /// and a test that starts its bot anew would wait for that.
    pub fn set_start_limits(&self, per_day: usize, per_five_seconds: usize) {
        let mut world = self.shared.world();
        world.gateway.start_limit = per_day;
        world.gateway.concurrency = per_five_seconds;
    }
}
