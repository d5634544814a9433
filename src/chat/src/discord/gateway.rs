//! The gateway: serenity's client, whose events go into one queue, in the order in which Discord sent them.
//!
//! serenity hands each event to a task of its own, so where several threads run tasks their order is lost: a message could be
//! dealt with before the beginning of its session, which says what was missed before it. So it runs in a thread of its own,
//! whose tasks run in the order in which they were spawned.

use std::sync::Arc;
use std::time::Duration;
use std::{io, thread};

use secrecy::SecretString;
use serenity::all::{ClientBuilder, Context, Event, GatewayIntents, RawEventHandler};
use serenity::async_trait;
use serenity::gateway::GatewayError;
use serenity::http::Http;
use tokio::sync::{mpsc, oneshot};
use url::Url;

use super::config::{Server, Shards};
use super::health::Link;
use super::rest::{Rest, Trouble};
use super::seen::Shard;

/// After a connection that failed, and twice as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_mins(2);

/// What the bot is told of. Reactions and typing are nothing to it.
const INTENTS: GatewayIntents = GatewayIntents::GUILDS
    .union(GatewayIntents::GUILD_MESSAGES)
    .union(GatewayIntents::DIRECT_MESSAGES)
    .union(GatewayIntents::MESSAGE_CONTENT);

/// Something that happened, and the shard that told it.
pub(super) type Heard = (Shard, Event);

struct Ears(mpsc::UnboundedSender<Heard>);

#[async_trait]
impl RawEventHandler for Ears {
    async fn raw_event(&self, context: Context, event: Event) {
        if let Event::Unknown(unknown) = &event {
            tracing::warn!(event = %unknown.kind, "an event of Discord's could not be read");
        }
        // Nobody listens any more: the host is stopping.
        let _ = self.0.send((context.shard_id.0, event));
    }
}

/// Where to connect, and as whom.
pub(super) struct Gateway {
    pub(super) rest: Arc<Rest>,
    pub(super) token: SecretString,
    pub(super) server: Server,
    pub(super) shards: Option<Shards>,
    /// Where it is told how the connection stands.
    pub(super) link: Link,
}

/// How a connection ended.
enum End {
    /// It makes no sense to try again.
    ForGood(&'static str),
    Failed(String),
}

impl Gateway {
    /// Connects, and goes on connecting. Ends when Discord says that it makes no sense, or with its task.
    pub(super) async fn run(self, events: mpsc::UnboundedSender<Heard>) {
        let mut pause = FIRST_PAUSE;
        loop {
            let began = tokio::time::Instant::now();
            match self.connect(&events).await {
                End::ForGood(words) => {
                    tracing::error!("Discord does not let the bot in: {words}");
                    self.link.refused(words);
                    return;
                }
                End::Failed(why) => tracing::warn!(%why, "the connection to Discord's gateway ended"),
            }
            if began.elapsed() > LONGEST_PAUSE {
                pause = FIRST_PAUSE;
            }
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
    }

    async fn connect(&self, events: &mpsc::UnboundedSender<Heard>) -> End {
        let address = match self.address().await {
            Ok(address) => address,
            Err(trouble) => return End::Failed(trouble.to_string()),
        };
        let http = match self.rest.of_gateway(&self.token) {
            Ok(http) => http,
            Err(error) => return End::Failed(error.to_string()),
        };
        let ears = Ears(events.clone());
        let work = client(http, ears, address, self.shards, self.link.clone());
        let ended = in_one_thread(work).await;
        self.link.ended();
        match ended {
            Ok(Ok(())) => End::Failed("it was closed".to_owned()),
            Ok(Err(serenity::Error::Gateway(error))) => end(&error),
            Ok(Err(error)) => End::Failed(error.to_string()),
            Err(error) => End::Failed(error.to_string()),
        }
    }

    /// Errors: the server can't say it, or names a real service where everything else is on this machine.
    async fn address(&self) -> Result<String, Trouble> {
        let address = match &self.server.gateway_url {
            Some(url) => url.to_string(),
            None => self.rest.gateway().await?,
        };
        let is_local = |url: &Url| credentials::is_loopback(url);
        let local_api = self.server.api_base.as_ref().is_some_and(is_local);
        if local_api && !Url::parse(&address).is_ok_and(|url| is_local(&url)) {
            return Err(Trouble::Failed(
                "`api_base` is on this machine, and the gateway that it names is not".to_owned(),
            ));
        }
        Ok(address)
    }
}

/// Runs serenity's client until it ends.
async fn client(
    http: Http,
    ears: Ears,
    address: String,
    shards: Option<Shards>,
    link: Link,
) -> serenity::Result<()> {
    let mut client = ClientBuilder::new_with_http(http, INTENTS)
        .raw_event_handler(ears)
        .await?;
    // Where serenity did not learn it, it would go to the real service.
    *client.ws_url.lock().await = address;
    link.begins(Arc::clone(&client.shard_manager));
    match shards {
        // serenity counts the last one in.
        Some(shards) => {
            client
                .start_shard_range(shards.first..shards.last, shards.total)
                .await
        }
        None => client.start_autosharded().await,
    }
}

/// Does something in a thread of its own, in which no two tasks run at once, and those that are spawned first begin first.
/// Cancelled, it ends there with all that it spawned. Errors: there is no thread or runtime to be had.
async fn in_one_thread<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> io::Result<T> {
    let (mut tell, told) = oneshot::channel();
    thread::Builder::new().name("gateway".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let done = runtime.map(|runtime| {
            runtime.block_on(async {
                tokio::select! {
                    done = work => Some(done),
                    () = tell.closed() => None,
                }
            })
        });
        if let Some(done) = done.transpose() {
            // Whoever waited may just have gone.
            let _ = tell.send(done);
        }
    })?;
    told.await
        .unwrap_or_else(|_| Err(io::Error::other("the gateway's thread broke")))
}

fn end(error: &GatewayError) -> End {
    match error {
        GatewayError::InvalidAuthentication | GatewayError::NoAuthentication => End::ForGood(
            "the token is not valid (4004). Make a new one at discord.com/developers/applications, your application, Bot, Reset Token, and start again with it",
        ),
        GatewayError::DisallowedGatewayIntents => End::ForGood(
            "it may not read messages (4014). Switch on Message Content Intent at discord.com/developers/applications, your application, Bot, and start again",
        ),
        GatewayError::InvalidGatewayIntents => {
            End::ForGood("it asked for intents that there are not (4013). This program is too old")
        }
        GatewayError::InvalidShardData => End::ForGood("`shards` in [discord] does not fit this bot (4010)"),
        GatewayError::OverloadedShard => {
            End::ForGood("it is in too many servers for so few shards (4011). Set `shards` in [discord]")
        }
        error => End::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use axum::{Json, Router};
    use serde_json::json;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_spawned_one_after_the_other_is_done_in_that_order() {
        const MANY: u32 = 10_000;
        let (tell, mut told) = mpsc::unbounded_channel();
        // As serenity does it: a task that spawns one for each event.
        let work = async move {
            let spawning = tokio::spawn(async move {
                let mut tasks = vec![];
                for number in 0..MANY {
                    let tell = tell.clone();
                    tasks.push(tokio::spawn(async move { tell.send(number).unwrap() }));
                    if number % 100 == 0 {
                        tokio::task::yield_now().await;
                    }
                }
                for task in tasks {
                    task.await.unwrap();
                }
            });
            spawning.await.unwrap();
        };
        in_one_thread(work).await.unwrap();
        let mut order = vec![];
        while let Ok(number) = told.try_recv() {
            order.push(number);
        }
        assert_eq!(order, (0..MANY).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn who_no_longer_waits_ends_the_work_and_all_that_it_spawned() {
        let (tell, mut told) = mpsc::unbounded_channel::<()>();
        let work = in_one_thread(async move {
            tokio::spawn(async move {
                let _held = tell;
                std::future::pending::<()>().await;
            });
            std::future::pending::<()>().await;
        });
        assert!(
            tokio::time::timeout(Duration::from_millis(10), work)
                .await
                .is_err()
        );
        assert_eq!(told.recv().await, None);
    }

    /// A server on this machine that names the real gateway.
    #[tokio::test]
    async fn a_host_at_a_local_server_never_goes_to_the_real_gateway() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let answer = || async { Json(json!({ "url": "wss://gateway.discord.gg" })) };
        let app = Router::new().route("/api/v10/gateway", get(answer));
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        let base: Url = base.parse().unwrap();
        let token: SecretString = "a.b.c".into();
        let gateway = Gateway {
            rest: Arc::new(Rest::new(&token, Some(&base)).unwrap()),
            token,
            server: Server {
                api_base: Some(base),
                gateway_url: None,
            },
            shards: None,
            link: Link::default(),
        };
        let refused = gateway.address().await.unwrap_err().to_string();
        assert!(
            refused.contains("is on this machine, and the gateway"),
            "{refused}"
        );
        server.abort();
    }
}
