//! What the gateway does to a connection, and what is done about it.

use std::net::SocketAddr;

use discord_fake::{Fake, World};
use futures_util::future::join_all;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, accept_async};

use super::*;
use crate::discord::health;

const LONG: Duration = Duration::from_secs(30);

/// A gateway's client that runs.
struct Running {
    link: Link,
    events: UnboundedReceiver<Heard>,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Running {
    /// The next event of this kind.
    async fn hears(&mut self, kind: &str) -> Event {
        let heard = async {
            loop {
                let (_, event) = self.events.recv().await.expect("it goes on");
                if event.name().as_deref() == Some(kind) {
                    return event;
                }
            }
        };
        timeout(LONG, heard).await.unwrap_or_else(|_| panic!("no {kind}"))
    }

    async fn stands(&self, fits: impl Fn(&health::Gateway) -> bool) -> health::Gateway {
        let stood = async {
            loop {
                let state = self.link.state();
                if fits(&state) {
                    return state;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(LONG, stood)
            .await
            .unwrap_or_else(|_| panic!("it stands like this: {:?}", self.link.state()))
    }

    async fn is_refused(&self) -> String {
        match self
            .stands(|state| matches!(state, health::Gateway::Refused { .. }))
            .await
        {
            health::Gateway::Refused { why } => why,
            _ => unreachable!("it was waited for"),
        }
    }
}

fn rest(token: &SecretString, base: &Url) -> Arc<Rest> {
    let server = Server {
        api_base: Some(base.clone()),
        ..Server::default()
    };
    Arc::new(Rest::new(token, &server).unwrap())
}

fn gateway(fake: &Fake) -> Gateway {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let token: SecretString = fake.token().into();
    let base: Url = fake.api_base().parse().unwrap();
    Gateway {
        rest: rest(&token, &base),
        token,
        server: Server {
            api_base: Some(base),
            ..Server::default()
        },
        shards: None,
        link: Link::default(),
    }
}

fn run(gateway: Gateway) -> Running {
    let link = gateway.link.clone();
    let (tell, events) = mpsc::unbounded_channel();
    let task = tokio::spawn(gateway.run(tell));
    Running { link, events, task }
}

/// How often the fake was connected to, and how often sessions were begun and gone on with.
fn counted(fake: &Fake) -> (u64, u64, u64) {
    fake.look(|world| {
        let gateway = world.gateway();
        (gateway.connections, gateway.identified, gateway.resumed)
    })
}

async fn until(fake: &Fake, what: &str, is_so: impl Fn(&World) -> bool) {
    fake.until(what, |world| is_so(world).then_some(())).await;
}

#[tokio::test]
async fn a_code_that_passes_is_followed_by_the_session_or_by_another_and_never_by_the_end() {
    let codes = [
        (1000, true),
        (1001, true),
        (4000, true),
        (4001, true),
        (4002, true),
        (4003, false),
        (4005, true),
        (4006, false),
        (4007, false),
        (4008, true),
        (4009, false),
        (4011, false),
    ];
    join_all(codes.map(|(code, goes_on)| async move {
        let fake = Fake::start().await;
        let mut bot = run(gateway(&fake));
        bot.hears("READY").await;
        fake.gateway().close_connections(code);
        bot.hears(if goes_on { "RESUMED" } else { "READY" }).await;
        let expected = if goes_on { (2, 1, 1) } else { (2, 2, 0) };
        assert_eq!(counted(&fake), expected, "{code}");
        bot.stands(|state| *state == health::Gateway::Connected).await;
    }))
    .await;
}

#[tokio::test]
async fn after_a_code_that_does_not_pass_nothing_is_tried_again_and_it_is_told_what_to_do() {
    let codes = [
        (4004, "Reset Token"),
        (4010, "`shards` in [discord]"),
        (4011, "Set a larger `total`"),
        (4012, "newer version"),
        (4013, "newer version"),
        (4014, "Message Content Intent"),
    ];
    join_all(codes.map(|(code, words)| async move {
        let fake = Fake::start().await;
        let shards = Some(Shards {
            first: 0,
            last: 0,
            total: 1,
        });
        let mut bot = run(Gateway {
            shards,
            ..gateway(&fake)
        });
        bot.hears("READY").await;
        fake.gateway().close_connections(code);
        let why = bot.is_refused().await;
        assert!(why.contains(words) && why.contains(&code.to_string()), "{why}");
        timeout(LONG, &mut bot.task).await.expect("it has ended").unwrap();
        assert_eq!(counted(&fake), (1, 1, 0), "{code}");
    }))
    .await;
}

#[tokio::test]
async fn what_discord_says_at_the_door_is_told() {
    let fake = Fake::start().await;
    fake.set_privileged(0);
    assert!(run(gateway(&fake)).is_refused().await.contains("4014"));
    let token = SecretString::from("MTE1aaaaaaaaaaaaaaaaaaaa.Gabcde.aaaaaaaaaaaaaaaaaaaaaaaaaaa");
    let base: Url = fake.api_base().parse().unwrap();
    let stranger = Gateway {
        rest: rest(&token, &base),
        token,
        ..gateway(&fake)
    };
    assert!(run(stranger).is_refused().await.contains("4004"));
    let unfit = Shards {
        first: 3,
        last: 3,
        total: 3,
    };
    fake.set_privileged(discord_fake::intents::MESSAGE_CONTENT);
    let unfit = Gateway {
        shards: Some(unfit),
        ..gateway(&fake)
    };
    let why = run(unfit).is_refused().await;
    assert!(why.contains("4010"), "{why}");
}

#[tokio::test]
async fn a_connection_that_only_looks_alive_is_left_and_the_session_gone_on_with() {
    let fake = Fake::start().await;
    let beat = Duration::from_millis(600);
    fake.gateway().beat_every(beat);
    let mut bot = run(gateway(&fake));
    bot.hears("READY").await;
    // Answered, it lives.
    sleep(3 * beat).await;
    assert_eq!(counted(&fake), (1, 1, 0));
    fake.gateway().be_silent(true);
    bot.hears("RESUMED").await;
    assert_eq!(
        fake.look(|world| world.gateway().closed_with.clone()),
        Vec::<u16>::new()
    );
    assert_eq!(fake.look(|world| world.gateway().identified), 1);
}

#[tokio::test]
async fn sessions_are_gone_on_with_or_begun_anew_as_discord_asks() {
    let fake = Fake::start().await;
    let mut bot = run(gateway(&fake));
    bot.hears("READY").await;
    fake.gateway().ask_to_reconnect();
    bot.hears("RESUMED").await;
    fake.gateway().invalidate_sessions(true);
    bot.hears("RESUMED").await;
    assert_eq!(counted(&fake), (3, 1, 2));
    fake.gateway().invalidate_sessions(false);
    bot.hears("READY").await;
    assert_eq!(counted(&fake), (4, 2, 2));
}

#[tokio::test]
async fn what_was_missed_while_nobody_was_connected_comes_in_order_and_once() {
    let fake = Fake::start().await;
    let guild = fake.guild("g");
    let channel = guild.channel("c");
    let mut bot = run(gateway(&fake));
    bot.hears("READY").await;
    fake.gateway().refuse_connections(2);
    fake.gateway().drop_connections();
    until(&fake, "it is gone", |world| world.gateway().connected() == 0).await;
    let alice = guild.member("alice");
    for number in 0..20 {
        alice.says(channel, &number.to_string());
    }
    for number in 0..20 {
        let Event::MessageCreate(event) = bot.hears("MESSAGE_CREATE").await else {
            unreachable!("it was waited for")
        };
        assert_eq!(event.message.content, number.to_string());
    }
    bot.hears("RESUMED").await;
    assert_eq!(fake.look(|world| world.gateway().identified), 1);
}

#[tokio::test]
async fn the_last_session_starts_of_a_day_are_not_taken_and_it_is_told_when_there_are_more() {
    let fake = Fake::start().await;
    fake.gateway().set_start_limits(1, 16);
    let mut bot = run(gateway(&fake));
    bot.hears("READY").await;
    fake.gateway().invalidate_sessions(false);
    let state = bot
        .stands(|state| matches!(state, health::Gateway::Waiting { .. }))
        .await;
    let health::Gateway::Waiting { why } = state else {
        unreachable!("it was waited for")
    };
    assert!(
        why.starts_with("only 0 of 1 session starts") && why.contains("in 23 h"),
        "{why}"
    );
    assert_eq!(counted(&fake), (1, 1, 0));
    assert!(!bot.task.is_finished(), "it goes on by itself");
}

#[tokio::test]
async fn shards_begin_one_after_the_other_and_each_hears_its_own() {
    let fake = Fake::start().await;
    fake.gateway().set_start_limits(1000, 1);
    let guilds: Vec<_> = (0..8)
        .map(|number| fake.guild(&format!("town {number}")))
        .collect();
    let shards = Shards {
        first: 1,
        last: 2,
        total: 3,
    };
    let mut bot = run(Gateway {
        shards: Some(shards),
        ..gateway(&fake)
    });
    bot.hears("READY").await;
    assert_eq!(bot.link.state(), health::Gateway::Connecting, "one of two");
    bot.hears("READY").await;
    bot.stands(|state| *state == health::Gateway::Connected).await;
    for guild in &guilds {
        guild.member("alice").says(guild.channel("c"), "hello");
    }
    let mut ours = guilds.iter().filter(|guild| (guild.id.0 >> 22) % 3 != 0).count();
    assert!(ours > 0);
    while ours > 0 {
        let (shard, event) = timeout(LONG, bot.events.recv()).await.unwrap().unwrap();
        if let Event::MessageCreate(event) = event {
            let guild = event.message.guild_id.unwrap().get();
            assert_eq!(u64::from(shard), (guild >> 22) % 3);
            ours -= 1;
        }
    }
    assert_eq!(counted(&fake), (2, 2, 0), "nobody was too fast");
}

/// A gateway on this machine that says and hears what a test wants.
struct Puppet(WebSocketStream<TcpStream>);

impl Puppet {
    async fn accepts(listener: &TcpListener) -> Self {
        let (stream, _) = timeout(LONG, listener.accept()).await.expect("it comes").unwrap();
        let mut puppet = Self(accept_async(stream).await.unwrap());
        puppet
            .says(&json!({ "op": 10, "d": { "heartbeat_interval": 60_000 } }))
            .await;
        puppet
    }

    async fn says(&mut self, what: &Value) {
        self.0.send(Message::Text(what.to_string())).await.unwrap();
    }

    /// The next that is no heartbeat.
    async fn hears(&mut self) -> Value {
        loop {
            let message = timeout(LONG, self.0.next())
                .await
                .expect("it speaks")
                .unwrap()
                .unwrap();
            let said: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
            if said["op"] != 1 {
                return said;
            }
        }
    }
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test]
async fn a_session_is_gone_on_with_where_discord_says_from_the_last_event_even_if_that_could_not_be_read() {
    let fake = Fake::start().await;
    let ((first, at), (second, again)) = (listener().await, listener().await);
    let app = axum::Router::new().route(
        "/api/v10/gateway/bot",
        axum::routing::get(move || async move {
            axum::Json(json!({
                "url": format!("ws://{at}"), "shards": 1,
                "session_start_limit": { "total": 1000, "remaining": 999, "reset_after": 1, "max_concurrency": 1 },
            }))
        }),
    );
    let (http, base) = listener().await;
    let server = tokio::spawn(async move { axum::serve(http, app).await });
    let base: Url = format!("http://{base}").parse().unwrap();
    let mut of_puppet = gateway(&fake);
    of_puppet.rest = rest(&of_puppet.token, &base);
    of_puppet.server.api_base = Some(base);
    let _bot = run(of_puppet);

    let mut puppet = Puppet::accepts(&first).await;
    let said = puppet.hears().await;
    assert_eq!((&said["op"], &said["d"]["shard"]), (&2.into(), &json!([0, 1])));
    let user = json!({ "id": "5", "username": "bot", "discriminator": "0000", "avatar": null, "mfa_enabled": false });
    puppet
        .says(&json!({ "op": 0, "s": 1, "t": "READY", "d": {
            "v": 10, "user": user, "guilds": [], "session_id": "s1", "resume_gateway_url": format!("ws://{again}"),
            "application": { "id": "6", "flags": 0 },
        } }))
        .await;
    puppet
        .says(&json!({ "op": 0, "s": 2, "t": "MESSAGE_CREATE", "d": { "id": "odd" } }))
        .await;
    puppet.says(&json!({ "op": 99 })).await;
    // Without a code.
    puppet.0.close(None).await.unwrap();
    let mut puppet = Puppet::accepts(&second).await;
    let said = puppet.hears().await;
    assert_eq!(
        (&said["op"], &said["d"]["session_id"], &said["d"]["seq"]),
        (&6.into(), &"s1".into(), &2.into())
    );
    server.abort();
}

#[tokio::test]
async fn a_host_at_a_local_server_never_goes_to_the_real_gateway() {
    let fake = Fake::start().await;
    let near = gateway(&fake);
    let refused = near.address("wss://gateway.discord.gg").unwrap_err().to_string();
    assert!(
        refused.contains("is on this machine, and the gateway"),
        "{refused}"
    );
    assert_eq!(near.again("wss://gateway-us-east1-b.discord.gg"), None);
    assert!(near.again("ws://127.0.0.1:5").is_some());

    let far = Gateway {
        server: Server::default(),
        ..gateway(&fake)
    };
    assert!(far.address("wss://gateway.discord.gg").is_ok());
    assert!(far.again("wss://gateway-us-east1-b.discord.gg").is_some());
    assert_eq!(
        far.again("ws://gateway-us-east1-b.discord.gg"),
        None,
        "the token goes there"
    );
    let told = Gateway {
        server: Server {
            api_base: None,
            ca_file: None,
            gateway_url: Some("wss://between.example".parse().unwrap()),
        },
        ..gateway(&fake)
    };
    assert_eq!(
        told.address("wss://gateway.discord.gg").unwrap().host_str(),
        Some("between.example")
    );
    assert_eq!(told.again("wss://gateway-us-east1-b.discord.gg"), None);
}
