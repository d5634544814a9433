//! The gateway: one connection per shard, kept for ever, whose events go into one queue in the order in which they came.
//!
//! The protocol is Discord's (<https://discord.com/developers/docs/events/gateway>). A session is gone on with as long as Discord
//! lets it be; a new one costs one of the starts that Discord counts, and more of those than it allows cost the token.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serenity::all::Event;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;
use url::Url;

use super::config::{Server, Shards};
use super::health::Link;
use super::rest::{Rest, Trouble};
use super::seen::Shard;

mod closing;
mod connection;
mod dial;
mod patience;
mod starts;

use closing::Then;
use connection::{Connection, Session};
use patience::Patience;
use starts::Starts;

/// Before Discord is asked again what it did not say.
const PAUSE: Duration = Duration::from_secs(5);

/// Something that happened, and the shard that told it.
pub(super) type Heard = (Shard, Event);

/// Where to connect, and as whom.
pub(super) struct Gateway {
    pub(super) rest: Arc<Rest>,
    pub(super) token: SecretString,
    pub(super) server: Server,
    pub(super) shards: Option<Shards>,
    /// Where it is told how the connection stands.
    pub(super) link: Link,
}

/// Why a shard is kept no longer.
enum Over {
    /// It makes no sense to try again, and what to do.
    ForGood(&'static str),
    /// All begin anew, and why.
    Again(&'static str),
}

/// What all shards share.
struct Door {
    gateway: Gateway,
    events: mpsc::UnboundedSender<Heard>,
    starts: Starts,
}

impl Gateway {
    /// Connects, and goes on connecting. Ends when Discord says that it makes no sense, or with its task.
    pub(super) async fn run(self, events: mpsc::UnboundedSender<Heard>) {
        let link = self.link.clone();
        let door = Arc::new(Door {
            starts: Starts::new(Arc::clone(&self.rest), self.link.clone()),
            gateway: self,
            events,
        });
        loop {
            match door.keep_all().await {
                Over::ForGood(words) => {
                    tracing::error!("Discord does not let the bot in: {words}");
                    link.refused(words);
                    return;
                }
                Over::Again(why) => tracing::warn!("all connections to Discord's gateway begin anew: {why}"),
            }
            sleep(PAUSE).await;
        }
    }

    /// Where events come from, as Discord or the configuration says.
    ///
    /// Errors: it is a real service, and everything else is on this machine.
    fn address(&self, told: &str) -> Result<Url, Trouble> {
        let url = match &self.server.gateway_url {
            Some(url) => Ok(url.clone()),
            None => Url::parse(told),
        };
        let url =
            url.map_err(|error| Trouble::Failed(format!("the gateway's address can't be read: {error}")))?;
        if !self.is_near(&url) {
            return Err(Trouble::Failed(
                "`api_base` is on this machine, and the gateway that it names is not".to_owned(),
            ));
        }
        Ok(url)
    }

    /// Where a session is gone on with: where Discord says, unless that is somewhere else than the configuration means.
    fn again(&self, told: &str) -> Option<Url> {
        let url = Url::parse(told).ok()?;
        let is_safe = url.scheme() == "wss" || credentials::is_loopback(&url);
        (self.server.gateway_url.is_none() && is_safe && self.is_near(&url)).then_some(url)
    }

    /// What happens on this machine stays there.
    fn is_near(&self, url: &Url) -> bool {
        let local_api = self
            .server
            .api_base
            .as_ref()
            .is_some_and(credentials::is_loopback);
        !local_api || credentials::is_loopback(url)
    }
}

impl Door {
    /// All shards of this host, until one of them is over.
    async fn keep_all(self: &Arc<Self>) -> Over {
        let shards = match self.gateway.shards {
            Some(shards) => shards,
            None => match self.starts.told().await {
                Ok(told) => Shards {
                    first: 0,
                    last: told.shards - 1,
                    total: told.shards,
                },
                Err(over) => return over,
            },
        };
        self.gateway.link.begins(shards.first..=shards.last);
        let mut kept = JoinSet::new();
        for shard in shards.first..=shards.last {
            kept.spawn(Arc::clone(self).keep(shard, shards.total));
        }
        match kept.join_next().await {
            Some(Ok(over)) => over,
            Some(Err(_)) | None => Over::Again("one of them broke"),
        }
    }

    /// One shard, whatever happens to its connections.
    async fn keep(self: Arc<Self>, shard: Shard, total: Shard) -> Over {
        let gateway = &self.gateway;
        let mut patience = Patience::default();
        let mut session: Option<Session> = None;
        loop {
            if patience.is_over() {
                session = None;
            }
            sleep(patience.pause(session.is_none())).await;
            let mut turn = None;
            let address = if let Some(session) = &session {
                session.address.clone()
            } else {
                let (begun, told) = match self.starts.turn().await {
                    Ok(turn) => turn,
                    Err(over) => return over,
                };
                turn = Some(begun);
                match gateway.address(&told) {
                    Ok(address) => address,
                    Err(trouble) => {
                        tracing::warn!(%trouble, "could not connect to Discord's gateway");
                        continue;
                    }
                }
            };
            let mut connection = Connection {
                door: &self,
                shard: (shard, total),
                session: &mut session,
                turn,
                up: None,
            };
            let (why, then) = connection.run(address).await;
            patience.lived(connection.up.map(|up| up.elapsed()));
            gateway.link.is_up(shard, false);
            match then {
                Then::MoreShards if gateway.shards.is_none() => {
                    return Over::Again("there have to be more by now");
                }
                Then::Never | Then::MoreShards => return Over::ForGood(why.words()),
                Then::Anew => session = None,
                Then::Again => {}
            }
            tracing::warn!(shard, %why, "the connection to Discord's gateway ended");
        }
    }
}

#[cfg(test)]
mod tests;
