//! IDENTIFY and RESUME: who may begin or go on, and what they are told first.

use serde_json::{Value, json};

use super::{Out, Session, intents};
use crate::Id;
use crate::world::World;

/// Why a connection ends: Discord's close codes.
pub(crate) type Refusal = (u16, &'static str);

/// Discord's answer to "too fast" and to "not this session": try again with a new one.
const INVALID_SESSION: &str = r#"{"op":9,"d":false,"s":null,"t":null}"#;

impl World {
    pub(crate) fn identify(&mut self, connection: u64, data: &Value) -> Result<(), Refusal> {
        self.check_token(data)?;
        let is_kept_out = match (self.gateway.shut_for, &data["shard"]) {
            (Some(shard), asked) => asked[0] == shard,
            (None, _) => true,
        };
        if let Some(waiting) = self.gateway.at_the_door.as_mut().filter(|_| is_kept_out) {
            waiting.push((connection, data.clone()));
            self.clock.signal();
            return Ok(());
        }
        if !data["properties"].is_object() {
            return Err((4002, "IDENTIFY without properties"));
        }
        let Some(wanted) = data["intents"]
            .as_u64()
            .filter(|bits| bits & !intents::KNOWN == 0)
        else {
            return Err((4013, "Invalid intent(s)."));
        };
        if wanted & intents::PRIVILEGED & !self.application.privileged != 0 {
            return Err((4014, "Disallowed intent(s)."));
        }
        let shard = match &data["shard"] {
            Value::Null => (0, 1),
            pair => (pair[0].as_u64().unwrap_or(1), pair[1].as_u64().unwrap_or(0)),
        };
        if shard.0 >= shard.1 {
            return Err((4010, "Invalid shard."));
        }
        let now = self.clock.now();
        self.gateway.forget_old(now);
        let (left, _) = self.gateway.starts_left(now);
        if left == 0 {
            return Err((4004, "session starts are used up, the token was reset"));
        }
        let recent = self
            .gateway
            .starts
            .iter()
            .filter(|start| **start + 5_000 > now)
            .count();
        if recent >= self.gateway.concurrency {
            self.answer(connection, INVALID_SESSION.to_owned());
            return Ok(());
        }
        self.gateway.starts.push_back(now);
        self.gateway.identified += 1;
        let id = format!("{:032x}", self.next_id().0);
        let session = Session {
            intents: wanted,
            shard,
            compress: data["compress"] == true,
            sequence: 0,
            sent: Vec::new(),
            connection: Some(connection),
            left: None,
        };
        self.gateway.sessions.insert(id.clone(), session);
        self.gateway.lagging.clear();
        self.greet(&id, shard);
        self.clock.signal();
        Ok(())
    }

    fn greet(&mut self, session: &str, shard: (u64, u64)) {
        let bot = self.application.bot;
        let ours: Vec<_> = self
            .guilds
            .values()
            .filter(|guild| guild.members.contains_key(&bot) && (guild.id.0 >> 22) % shard.1 == shard.0)
            .map(|guild| (guild.id, self.guild_create(guild)))
            .collect();
        let mut user = self.user(bot).json();
        user["mfa_enabled"] = json!(false);
        user["verified"] = json!(true);
        user["email"] = Value::Null;
        let flags = self.application_flags();
        let guilds = ours
            .iter()
            .map(|(id, _)| json!({ "id": id, "unavailable": true }));
        let ready = json!({
            "v": 10, "user": user, "guilds": guilds.collect::<Vec<_>>(), "session_id": session,
            "resume_gateway_url": self.gateway.url, "shard": [shard.0, shard.1],
            "application": { "id": self.application.id, "flags": flags },
            "user_settings": {}, "relationships": [], "private_channels": [], "presences": [], "guild_join_requests": [],
            "session_type": "normal", "geo_ordered_rtc_regions": [], "_trace": ["fake"],
        });
        self.gateway.push(session, "READY", &ready);
        let wants = self
            .gateway
            .sessions
            .get(session)
            .map_or(0, |session| session.intents);
        for (id, guild) in ours.iter().filter(|_| wants & intents::GUILDS != 0) {
            if !self.gateway.away.contains(id) {
                self.gateway.push(session, "GUILD_CREATE", guild);
            }
        }
    }

    /// A guild that was out of order is told of as it is now.
    pub(crate) fn guild_is_back(&mut self, id: Id) {
        self.gateway.away.remove(&id);
        if let Some(data) = self.guilds.get(&id).map(|guild| self.guild_create(guild)) {
            self.tell_guild("GUILD_CREATE", intents::GUILDS, id, data);
        }
    }

    pub(crate) fn resume(&mut self, connection: u64, data: &Value) -> Result<(), Refusal> {
        self.check_token(data)?;
        let (Some(id), Some(seen)) = (data["session_id"].as_str(), data["seq"].as_u64()) else {
            return Err((4002, "RESUME without session_id or seq"));
        };
        self.gateway.forget_old(self.clock.now());
        let Some(session) = self.gateway.sessions.get_mut(id) else {
            self.answer(connection, INVALID_SESSION.to_owned());
            return Ok(());
        };
        if seen > session.sequence {
            return Err((4007, "Invalid seq."));
        }
        session.connection = Some(connection);
        session.left = None;
        let missed: Vec<String> = session
            .sent
            .iter()
            .filter(|(sequence, _)| *sequence > seen)
            .map(|(_, text)| text.clone())
            .collect();
        let id = id.to_owned();
        for text in missed {
            self.answer(connection, text);
        }
        self.gateway.resumed += 1;
        self.gateway.push(&id, "RESUMED", &json!({ "_trace": ["fake"] }));
        self.clock.signal();
        Ok(())
    }

    fn check_token(&self, data: &Value) -> Result<(), Refusal> {
        let token = data["token"].as_str().unwrap_or_default();
        if token.strip_prefix("Bot ").unwrap_or(token) == self.application.token {
            Ok(())
        } else {
            Err((4004, "Authentication failed."))
        }
    }

    pub(crate) fn answer(&self, connection: u64, text: String) {
        if let Some(connection) = self.gateway.open.get(&connection) {
            // It ended meanwhile; the session, if any, keeps what matters.
            let _ = connection.send(Out::Text(text));
        }
    }

    /// The limited flavours: an application in fewer than 100 guilds switches its intents on by itself.
    pub(crate) fn application_flags(&self) -> u64 {
        let on = |intent: u64, flag: u64| {
            if self.application.privileged & intent == 0 {
                0
            } else {
                flag
            }
        };
        on(intents::GUILD_PRESENCES, 1 << 13)
            | on(intents::GUILD_MEMBERS, 1 << 15)
            | on(intents::MESSAGE_CONTENT, 1 << 19)
    }
}
