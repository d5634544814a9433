//! Discord's front-end as the host sees it: started with its parts, ended in order.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use conversation::{Conversation, Dispatch};
use credentials::Credentials;
use secrecy::SecretString;
use supervisor::Supervisor;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::bot::{Bot, Parts};
use super::config::Config;
use super::gateway::{Gateway, Heard};
use super::health::{self, Health, Link, Standing};
use super::memory::Memory;
use super::rest::{Rest, Trouble};
use super::{anew, clock, commands, hear, mouth, sign_in};
use crate::origins::Origins;

/// What to do about a token that is not known.
pub const NEW_TOKEN: &str = "Make a new one at discord.com/developers/applications, your application, Bot, Reset Token, and start again with it";
/// Between two tries to learn who we are.
const PAUSE: Duration = Duration::from_secs(5);
/// What still has to be said gets so long at the end.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What this front-end shares with the rest of the host.
#[derive(Debug, Clone)]
pub struct House {
    /// The state folder.
    pub state_folder: PathBuf,
    /// Who runs the threads.
    pub supervisor: Supervisor,
    /// What was said, and the outbox.
    pub conversation: Conversation,
    /// Logins.
    pub credentials: Credentials,
    /// The agent of new threads.
    pub agent: String,
    /// The mode of new threads.
    pub dispatch: Dispatch,
    /// Where it is told where threads are.
    pub origins: Origins,
}

/// Why Discord's front-end can't start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Its own folder.
    #[error("could not use `{folder}`: {cause}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The client for HTTP.
    #[error("could not set up TLS for Discord: {0}")]
    Client(String),
}

/// A running front-end.
#[derive(Debug)]
pub struct Server {
    tasks: JoinSet<()>,
    doctor: Doctor,
}

impl Server {
    /// The longest time that `shutdown` takes.
    pub const LONGEST_SHUTDOWN: Duration = LAST_WORDS;

    /// Starts, in a runtime. It connects in the background, and goes on trying; what is wrong is told in the log.
    ///
    /// `token` is what was read at the place that `config` names. Errors: the state folder can't be used.
    pub fn start(config: Config, token: SecretString, house: House) -> Result<Self, StartError> {
        let memory = Memory::open(&house.state_folder);
        let folder = |cause| StartError::Folder {
            folder: house.state_folder.join("discord"),
            cause,
        };
        let memory = memory.map_err(folder)?;
        let sealer = memory.sealer().map_err(folder)?;
        let rest = Rest::new(&token, &config.server).map_err(StartError::Client)?;
        let rest = Arc::new(rest);
        let (tell, bot) = tokio::sync::watch::channel(None);
        // The supervisor lives in the bot, and must not keep it.
        let (tell_weakly, weakly) = tokio::sync::watch::channel(None);
        anew::admit(&house.supervisor, weakly);
        let link = Link::default();
        let parts = Parts {
            config,
            house,
            memory,
            sealer,
            rest,
            link: link.clone(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let Some(bot) = recognized(parts).await else {
                return;
            };
            let (origins, known) = (bot.house.origins.clone(), Arc::downgrade(&bot));
            origins.learn(move |thread| known.upgrade()?.places.origin(thread));
            let _ = tell_weakly.send(Some(Arc::downgrade(&bot)));
            let _ = tell.send(Some(Arc::clone(&bot)));
            Box::pin(run(bot, token)).await;
        });
        let doctor = Doctor { bot, link };
        Ok(Self { tasks, doctor })
    }

    /// How the bot stands, whenever it is asked.
    pub fn doctor(&self) -> Doctor {
        self.doctor.clone()
    }

    /// Says what is left to say, and ends. Turns must have ended before.
    pub async fn shutdown(mut self) {
        let bot = self.doctor.bot();
        if let Some(bot) = bot {
            // What is not said by then is said after the next start.
            let _ = timeout(LAST_WORDS, bot.all_said()).await;
            bot.remember_seen();
        }
        self.tasks.shutdown().await;
    }
}

/// Looks at a running front-end. Cloned, it is the same.
#[derive(Debug, Clone)]
pub struct Doctor {
    bot: tokio::sync::watch::Receiver<Option<Arc<Bot>>>,
    link: Link,
}

impl Doctor {
    fn bot(&self) -> Option<Arc<Bot>> {
        self.bot.borrow().clone()
    }

    /// How the bot stands.
    ///
    /// Errors: the outbox can't be read.
    pub async fn health(&self) -> Result<Health, conversation::ConversationError> {
        match self.bot() {
            Some(bot) => bot.health().await,
            None => Ok(Health::of_nobody(&self.link)),
        }
    }

    /// How its connection stands. Whoever looks often knows when it began to be away.
    pub fn standing(&self) -> Standing {
        health::standing(&self.link, self.bot().as_deref())
    }
}

/// Asks Discord who we are, until it says so. `None`: it never will.
async fn recognized(parts: Parts) -> Option<Arc<Bot>> {
    loop {
        match who(&parts.rest).await {
            Ok(identity) => return Some(Bot::new(parts, identity)),
            Err(Trouble::NoToken) => {
                let from = parts.config.token.source();
                let words = format!("Discord does not know the token from {from}. {NEW_TOKEN}");
                tracing::error!("{words}");
                parts.link.refused(&words);
                return None;
            }
            Err(trouble) => {
                tracing::warn!(%trouble, "Discord does not say who we are; trying again");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Who the bot is.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    pub(super) user: super::admission::Id,
    pub(super) name: String,
    pub(super) application: super::admission::Id,
    pub(super) owners: std::collections::BTreeSet<super::admission::Id>,
    /// The id that a message would have had that was written when this was asked.
    pub(super) came: super::admission::Id,
}

async fn who(rest: &Rest) -> Result<Identity, Trouble> {
    let (user, name, said) = rest.me().await?;
    let (application, owners) = rest.application().await?;
    rest.set_application(application);
    Ok(Identity {
        user,
        name,
        application,
        owners,
        came: clock::moment(credentials::Timestamp::now(), said),
    })
}

async fn run(bot: Arc<Bot>, token: SecretString) {
    tracing::info!(bot = %bot.identity.name, "connecting to Discord");
    let gateway = Gateway {
        rest: Arc::clone(&bot.rest),
        token,
        server: bot.config.server.clone(),
        shards: bot.config.shards,
        link: bot.link.clone(),
    };
    bot.know_threads().await;
    let begun = commands::begun(&bot);
    let (tell, events) = mpsc::unbounded_channel();
    tokio::join!(
        gateway.run(tell),
        listen(&bot, events),
        mouth::serve(&bot),
        mouth::begin(&bot),
        commands::register(&bot),
        commands::take_up(&bot, begun),
        sign_in::take_up(&bot),
        bot.keep_seen(),
    );
}

/// Takes events one after the other.
async fn listen(bot: &Arc<Bot>, mut events: mpsc::UnboundedReceiver<Heard>) {
    while let Some((shard, event)) = events.recv().await {
        hear::event(bot, shard, event);
    }
}
