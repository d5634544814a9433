//! One connection: from HELLO to its end, with a session that is begun on it or gone on with.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};
use serenity::all::{Event, GatewayEvent, GatewayIntents};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{Error, Message};
use url::Url;

use super::closing::{self, Then, Why};
use super::dial::{Socket, dial};
use super::starts::Turn;
use super::{Door, Shard};
use crate::discord::adorned::undress;

/// What the bot is told of. Reactions and typing are nothing to it.
const INTENTS: GatewayIntents = GatewayIntents::GUILDS
    .union(GatewayIntents::GUILD_MESSAGES)
    .union(GatewayIntents::DIRECT_MESSAGES)
    .union(GatewayIntents::MESSAGE_CONTENT);

/// For the connection, and for HELLO.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a connection ended, and what follows.
pub(super) type End = (Why, Then);

/// What can be gone on with.
pub(super) struct Session {
    id: String,
    /// The last event.
    sequence: u64,
    /// Where Discord goes on with it.
    pub(super) address: Url,
}

/// One connection of a shard.
pub(super) struct Connection<'a> {
    pub(super) door: &'a Door,
    /// Its number, and how many there are.
    pub(super) shard: (Shard, Shard),
    pub(super) session: &'a mut Option<Session>,
    /// The right to begin a session, where there is none.
    pub(super) turn: Option<Turn>,
    /// Since when it is a session's.
    pub(super) up: Option<Instant>,
}

/// When the next heartbeat is due, and whether the last one was answered.
struct Heart {
    interval: Duration,
    next: Instant,
    is_answered: bool,
}

/// What can be said of any event, also one that can't be read.
#[derive(Deserialize)]
struct Envelope {
    s: Option<u64>,
    t: Option<String>,
}

fn lost(what: impl Into<String>) -> End {
    (Why::Seen(what.into()), Then::Again)
}

fn broken(error: &Error) -> End {
    lost(error.to_string())
}

impl Connection<'_> {
    /// Connects, and hands on what happens until it ends.
    pub(super) async fn run(&mut self, address: Url) -> End {
        match self.live(address).await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn live(&mut self, mut address: Url) -> Result<std::convert::Infallible, End> {
        let place = address.host_str().unwrap_or_default().to_owned();
        address.set_query(Some("v=10&encoding=json"));
        let slow = |_| lost(format!("{place} did not answer within {} s", PATIENCE.as_secs()));
        let connecting = timeout(PATIENCE, dial(&address, self.door.gateway.rest.tls()));
        let mut socket = connecting
            .await
            .map_err(slow)?
            .map_err(|why| lost(format!("could not reach {place}: {why}")))?;
        let interval = timeout(PATIENCE, hello(&mut socket)).await.map_err(slow)??;
        let mut heart = Heart::begins(interval);
        self.enter(&mut socket).await?;
        address.set_query(None);
        loop {
            tokio::select! {
                message = socket.next() => self.take(message, &mut socket, &mut heart, &address).await?,
                () = sleep_until(heart.next) => {
                    if !heart.is_answered {
                        return Err(lost("it answers no heartbeat"));
                    }
                    heart.beats();
                    self.beat(&mut socket).await?;
                }
            }
        }
    }

    /// Goes on with the session, or begins one.
    async fn enter(&mut self, socket: &mut Socket) -> Result<(), End> {
        let token = self.door.gateway.token.expose_secret();
        let (op, data) = if let Some(Session { id, sequence, .. }) = self.session {
            (6, json!({ "token": token, "session_id": id, "seq": sequence }))
        } else {
            let name = "agent-host";
            let properties = json!({ "os": std::env::consts::OS, "browser": name, "device": name });
            let (shard, total) = self.shard;
            let data = json!({ "token": token, "intents": INTENTS.bits(), "shard": [shard, total], "properties": properties });
            (2, data)
        };
        if let Some(turn) = self.turn.take() {
            turn.taken();
        }
        send(socket, op, &data).await
    }

    async fn beat(&self, socket: &mut Socket) -> Result<(), End> {
        let sequence = self.session.as_ref().map(|session| session.sequence);
        send(socket, 1, &json!(sequence)).await
    }

    /// Cancelled nowhere: it ends with what it began.
    async fn take(
        &mut self,
        message: Option<Result<Message, Error>>,
        socket: &mut Socket,
        heart: &mut Heart,
        address: &Url,
    ) -> Result<(), End> {
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(frame))) => {
                return Err(closing::of(frame.map(|frame| frame.code.into())));
            }
            Some(Ok(_)) => return Ok(()),
            Some(Err(error)) => return Err(broken(&error)),
            None => return Err(lost("it ended")),
        };
        match event(&text) {
            Ok(GatewayEvent::Dispatch(sequence, event)) => self.hand_on(sequence, event, address),
            Ok(GatewayEvent::Heartbeat(..)) => self.beat(socket).await?,
            Ok(GatewayEvent::HeartbeatAck) => heart.is_answered = true,
            Ok(GatewayEvent::Reconnect) => return Err(lost("Discord asks for another connection")),
            Ok(GatewayEvent::InvalidateSession(true)) => {
                return Err(lost("Discord asks for the session to be gone on with"));
            }
            Ok(GatewayEvent::InvalidateSession(false)) => {
                let why = "Discord does not go on with the session, or begins none yet";
                return Err((Why::Seen(why.to_owned()), Then::Anew));
            }
            Ok(_) => {}
            // Its words may be somebody's.
            Err(_) => self.skip(&text),
        }
        Ok(())
    }

    fn hand_on(&mut self, sequence: u64, event: Event, address: &Url) {
        match &event {
            Event::Ready(event) => {
                let ready = &event.ready;
                let again = self.door.gateway.again(&ready.resume_gateway_url);
                *self.session = Some(Session {
                    id: ready.session_id.clone(),
                    sequence,
                    address: again.unwrap_or_else(|| address.clone()),
                });
                self.is_up();
            }
            Event::Resumed(_) => self.is_up(),
            Event::Unknown(unknown) => {
                tracing::warn!(event = %unknown.kind, "an event of Discord's could not be read");
            }
            _ => {}
        }
        self.is_at(sequence);
        // Nobody listens any more: the host is stopping.
        let _ = self.door.events.send((self.shard.0, event));
    }

    /// One that can't be read is not asked for again.
    fn skip(&mut self, text: &str) {
        let Ok(Envelope { s, t }) = serde_json::from_str(text) else {
            tracing::warn!("Discord's gateway sent something that can't be read");
            return;
        };
        tracing::warn!(
            event = t.as_deref().unwrap_or("none"),
            "an event of Discord's could not be read"
        );
        if let Some(sequence) = s {
            self.is_at(sequence);
        }
    }

    fn is_at(&mut self, sequence: u64) {
        if let Some(session) = self.session {
            session.sequence = sequence;
        }
    }

    fn is_up(&mut self) {
        self.up = Some(Instant::now());
        self.door.gateway.link.is_up(self.shard.0, true);
    }
}

impl Heart {
    /// The first beat comes at any moment of its interval, so that not all clients beat at once.
    fn begins(interval: Duration) -> Self {
        let any = getrandom::u32().map_or(0.5, |any| f64::from(any) / f64::from(u32::MAX));
        Self {
            interval,
            next: Instant::now() + interval.mul_f64(any),
            is_answered: true,
        }
    }

    fn beats(&mut self) {
        self.next = Instant::now() + self.interval;
        self.is_answered = false;
    }
}

/// What was sent. A message with something in it that is not known yet is read without what only adorns it: skipped, nobody
/// would ever hear it, as the next one moves the mark of what was seen past it.
fn event(text: &str) -> Result<GatewayEvent, serde_json::Error> {
    let read = serde_json::from_str(text);
    if !matches!(&read, Err(_) | Ok(GatewayEvent::Dispatch(_, Event::Unknown(_)))) {
        return read;
    }
    let mut plain: Value = serde_json::from_str(text)?;
    if !matches!(plain["t"].as_str(), Some("MESSAGE_CREATE" | "MESSAGE_UPDATE")) {
        return read;
    }
    undress(&mut plain["d"]);
    match GatewayEvent::deserialize(plain) {
        Ok(GatewayEvent::Dispatch(_, Event::Unknown(_))) | Err(_) => read,
        event => event,
    }
}

async fn hello(socket: &mut Socket) -> Result<Duration, End> {
    let text = match socket.next().await {
        Some(Ok(Message::Text(text))) => text,
        Some(Ok(Message::Close(frame))) => return Err(closing::of(frame.map(|frame| frame.code.into()))),
        Some(Err(error)) => return Err(broken(&error)),
        Some(Ok(_)) | None => return Err(lost("it ended before it began")),
    };
    match serde_json::from_str(&text) {
        Ok(GatewayEvent::Hello(millis)) => Ok(Duration::from_millis(millis.max(1))),
        _ => Err(lost("it did not begin as Discord's gateway does")),
    }
}

async fn send(socket: &mut Socket, op: u8, data: &Value) -> Result<(), End> {
    let text = json!({ "op": op, "d": data }).to_string();
    socket
        .send(Message::Text(text))
        .await
        .map_err(|error| broken(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_with_something_in_it_that_nobody_knows_yet_is_heard() {
        let message = json!({
            "id": "4", "channel_id": "1", "type": 0, "content": "say: hi", "timestamp": "2026-11-22T00:00:00Z",
            "author": { "id": "2", "username": "ann", "discriminator": "0000", "avatar": null }, "edited_timestamp": null,
            "tts": false, "mention_everyone": false, "mentions": [], "mention_roles": [], "attachments": [], "embeds": [],
            "pinned": false, "guild_id": "3",
            "components": [{ "type": 1, "components": [{ "type": 99, "what": "nobody knows yet" }] }],
        });
        let text = json!({ "op": 0, "s": 7, "t": "MESSAGE_CREATE", "d": message }).to_string();
        let Ok(GatewayEvent::Dispatch(7, Event::MessageCreate(heard))) = event(&text) else {
            panic!("it is not heard");
        };
        assert_eq!(
            (heard.message.id.get(), heard.message.content.as_str()),
            (4, "say: hi")
        );
        assert_eq!(heard.message.guild_id.map(serenity::all::GuildId::get), Some(3));
    }
}
