//! One connection: HELLO, heartbeats, what comes in, what goes out, and how it ends.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::Out;
use super::hello::Refusal;
use crate::fake::Shared;

/// Sends per minute, heartbeats included; one more and the connection is closed.
const SENDS: usize = 120;
/// Smaller frames are not worth compressing, so that a client sees both kinds.
const COMPRESS_FROM: usize = 512;

pub(crate) struct Connection {
    id: u64,
    shared: Arc<Shared>,
    socket: WebSocketStream<TcpStream>,
    out: UnboundedReceiver<Out>,
    sends: VecDeque<u64>,
    compress: bool,
    identified: bool,
}

impl Connection {
    /// Runs until either side ends it.
    pub(crate) async fn run(shared: Arc<Shared>, socket: WebSocketStream<TcpStream>) {
        let (sender, out) = unbounded_channel();
        let (id, beat) = {
            let mut world = shared.world();
            world.gateway.connections += 1;
            let id = world.gateway.connections;
            world.gateway.open.insert(id, sender);
            (id, world.gateway.heartbeat_millis)
        };
        shared.clock.signal();
        let mut connection = Self {
            id,
            shared: Arc::clone(&shared),
            socket,
            out,
            sends: VecDeque::new(),
            compress: false,
            identified: false,
        };
        let ended = connection.serve(beat).await;
        if let Err(Some((code, reason))) = ended {
            connection.close(code, reason).await;
        }
        let mut world = shared.world();
        world.gateway.open.remove(&id);
        for session in world.gateway.sessions.values_mut() {
            if session.connection == Some(id) {
                session.connection = None;
                session.left = Some(shared.clock.now());
            }
        }
        drop(world);
        shared.clock.signal();
    }

    /// `Err(None)`: ended by the other side, or without a word.
    async fn serve(&mut self, beat: u64) -> Result<(), Option<Refusal>> {
        let hello = json!({ "op": 10, "d": { "heartbeat_interval": beat, "_trace": ["fake"] }, "s": null, "t": null });
        self.text(hello.to_string()).await.map_err(|_| None)?;
        // Discord waits a little longer than it says.
        let patience = Duration::from_millis(beat + beat / 4);
        let mut deadline = Instant::now() + patience;
        loop {
            tokio::select! {
                out = self.out.recv() => self.send_out(out).await?,
                message = self.socket.next() => {
                    if self.take(message).await? {
                        deadline = Instant::now() + patience;
                    }
                }
                () = sleep_until(deadline) => return Err(Some((4009, "Session timed out."))),
            }
        }
    }

    async fn send_out(&mut self, out: Option<Out>) -> Result<(), Option<Refusal>> {
        match out {
            Some(Out::Text(text)) => self.text(text).await.map_err(|_| None),
            Some(Out::Close(code, reason)) => Err(Some((code, reason))),
            Some(Out::Cut) | None => Err(None),
        }
    }

    /// Whether it was a heartbeat.
    async fn take(&mut self, message: Option<Result<Message, Error>>) -> Result<bool, Option<Refusal>> {
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Binary(_))) => return Err(Some((4002, "binary frames are not JSON"))),
            Some(Ok(Message::Close(frame))) => {
                self.forget_session_if_done(frame.as_ref());
                return Err(None);
            }
            Some(Ok(_)) => return Ok(false),
            Some(Err(_)) | None => return Err(None),
        };
        let now = self.shared.clock.now();
        self.sends.retain(|at| at + 60_000 > now);
        self.sends.push_back(now);
        if self.sends.len() > SENDS {
            return Err(Some((4008, "Rate limited.")));
        }
        let Ok(payload) = serde_json::from_str::<Value>(&text) else {
            return Err(Some((4002, "Error while decoding payload.")));
        };
        let data = &payload["d"];
        match payload["op"].as_u64() {
            Some(1) => {
                if !self.shared.world().gateway.silent {
                    self.text(r#"{"op":11,"d":null,"s":null,"t":null}"#.to_owned())
                        .await
                        .map_err(|_| None)?;
                }
                return Ok(true);
            }
            Some(2 | 6) if self.identified => return Err(Some((4005, "Already authenticated."))),
            Some(2) => {
                self.compress = data["compress"] == true;
                self.shared.world().identify(self.id, data).map_err(Some)?;
                self.identified = self.has_session();
            }
            Some(6) => {
                self.shared.world().resume(self.id, data).map_err(Some)?;
                self.identified = self.has_session();
            }
            Some(3 | 4 | 8 | 31) if !self.identified => return Err(Some((4003, "Not authenticated."))),
            // Presence and voice change nothing here.
            Some(3 | 4 | 31) => {}
            Some(8) => self.members(data),
            _ => return Err(Some((4001, "Unknown opcode."))),
        }
        Ok(false)
    }

    fn has_session(&mut self) -> bool {
        let world = self.shared.world();
        let ours = world
            .gateway
            .sessions
            .values()
            .find(|session| session.connection == Some(self.id));
        self.compress = ours.map_or(self.compress, |session| session.compress);
        ours.is_some()
    }

    /// 1000 and 1001 say that nobody will come back for the session.
    fn forget_session_if_done(&self, frame: Option<&CloseFrame<'_>>) {
        let code = frame.map(|frame| u16::from(frame.code));
        if matches!(code, Some(1000 | 1001)) {
            let mut world = self.shared.world();
            world
                .gateway
                .sessions
                .retain(|_, session| session.connection != Some(self.id));
        }
    }

    fn members(&self, data: &Value) {
        let mut world = self.shared.world();
        let wanted = data["guild_id"].as_str().and_then(|id| id.parse().ok());
        let Some(guild) = wanted.and_then(|id| world.guilds.get(&id)) else {
            return;
        };
        let asked = |user: &crate::Id| match data["user_ids"].as_array() {
            Some(list) => list.iter().any(|one| one == &user.to_string()),
            None => true,
        };
        let members: Vec<Value> = guild
            .members
            .keys()
            .filter(|user| asked(user))
            .filter_map(|user| world.member_json(guild, *user))
            .collect();
        let chunk = json!({
            "guild_id": guild.id, "members": members, "chunk_index": 0, "chunk_count": 1, "not_found": [],
            "nonce": data["nonce"],
        });
        let ours = world
            .gateway
            .sessions
            .iter()
            .find(|(_, session)| session.connection == Some(self.id));
        if let Some(id) = ours.map(|(id, _)| id.clone()) {
            world.gateway.push(&id, "GUILD_MEMBERS_CHUNK", &chunk);
        }
    }

    async fn text(&mut self, text: String) -> Result<(), Error> {
        if !self.compress || text.len() < COMPRESS_FROM {
            return self.socket.send(Message::Text(text)).await;
        }
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(text.as_bytes()).map_err(Error::Io)?;
        let bytes = zlib.finish().map_err(Error::Io)?;
        self.socket.send(Message::Binary(bytes)).await
    }

    async fn close(&mut self, code: u16, reason: &'static str) {
        self.shared.world().gateway.closed_with.push(code);
        let frame = CloseFrame {
            code: CloseCode::from(code),
            reason: reason.into(),
        };
        // Whether it still listens is its own business.
        let _ = self.socket.close(Some(frame)).await;
        let drain = async { while let Some(Ok(_)) = self.socket.next().await {} };
        let _ = tokio::time::timeout(Duration::from_millis(500), drain).await;
    }
}
