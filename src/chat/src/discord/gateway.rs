//! The gateway: serenity's client, whose events go into one queue, in order.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serenity::all::{ClientBuilder, Context, Event, GatewayIntents, RawEventHandler, ShardManager};
use serenity::async_trait;
use serenity::gateway::GatewayError;
use tokio::sync::mpsc;
use url::Url;

use super::config::{Server, Shards};
use super::rest::{Rest, Trouble};

/// After a connection that failed, and twice as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_mins(2);

/// What the bot is told of. Reactions and typing are nothing to it.
const INTENTS: GatewayIntents = GatewayIntents::GUILDS
    .union(GatewayIntents::GUILD_MESSAGES)
    .union(GatewayIntents::DIRECT_MESSAGES)
    .union(GatewayIntents::MESSAGE_CONTENT);

struct Ears(mpsc::UnboundedSender<Event>);

#[async_trait]
impl RawEventHandler for Ears {
    async fn raw_event(&self, _: Context, event: Event) {
        if let Event::Unknown(unknown) = &event {
            tracing::warn!(event = %unknown.kind, "an event of Discord's could not be read");
        }
        // Nobody listens any more: the host is stopping.
        let _ = self.0.send(event);
    }
}

/// Where to connect, and as whom.
pub(super) struct Gateway {
    pub(super) rest: Arc<Rest>,
    pub(super) token: SecretString,
    pub(super) server: Server,
    pub(super) shards: Option<Shards>,
}

/// How a connection ended.
enum End {
    /// It makes no sense to try again.
    ForGood(&'static str),
    Failed(String),
}

impl Gateway {
    /// Connects, and goes on connecting. Ends when Discord says that it makes no sense, or with its task.
    pub(super) async fn run(self, events: mpsc::UnboundedSender<Event>) {
        let mut pause = FIRST_PAUSE;
        loop {
            let began = tokio::time::Instant::now();
            match self.connect(&events).await {
                End::ForGood(words) => {
                    tracing::error!("Discord does not let the bot in: {words}");
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

    async fn connect(&self, events: &mpsc::UnboundedSender<Event>) -> End {
        let address = match self.address().await {
            Ok(address) => address,
            Err(trouble) => return End::Failed(trouble.to_string()),
        };
        let http = self.rest.of_gateway(&self.token);
        let ears = Ears(events.clone());
        let client = ClientBuilder::new_with_http(http, INTENTS)
            .raw_event_handler(ears)
            .await;
        let mut client = match client {
            Ok(client) => client,
            Err(error) => return End::Failed(error.to_string()),
        };
        // Where serenity did not learn it, it would go to the real service.
        *client.ws_url.lock().await = address;
        let _shards = Shutdown(Arc::clone(&client.shard_manager));
        let ended = match self.shards {
            // serenity counts the last one in.
            Some(shards) => {
                client
                    .start_shard_range(shards.first..shards.last, shards.total)
                    .await
            }
            None => client.start_autosharded().await,
        };
        match ended {
            Ok(()) => End::Failed("it was closed".to_owned()),
            Err(serenity::Error::Gateway(error)) => end(&error),
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

/// Ends the shards with the task that runs them.
struct Shutdown(Arc<ShardManager>);

impl Drop for Shutdown {
    fn drop(&mut self) {
        let shards = Arc::clone(&self.0);
        tokio::spawn(async move { shards.shutdown_all().await });
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use axum::{Json, Router};
    use serde_json::json;

    use super::*;

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
        };
        let refused = gateway.address().await.unwrap_err().to_string();
        assert!(
            refused.contains("is on this machine, and the gateway"),
            "{refused}"
        );
        server.abort();
    }
}
