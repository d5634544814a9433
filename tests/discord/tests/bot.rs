//! The bot as the product would run it: serenity's own client, every event kept, none of them unknown.

use std::sync::Arc;

use discord_fake::Fake;
use serenity::all::{
    ClientBuilder, Context, Event, EventHandler, GatewayIntents, Http, HttpBuilder, Interaction, Message,
    RawEventHandler,
};
use serenity::async_trait;
use serenity::gateway::ShardManager;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

/// A running client, and all that it heard.
pub(crate) struct Bot {
    pub(crate) http: Arc<Http>,
    pub(crate) heard: UnboundedReceiver<Heard>,
    shards: Arc<ShardManager>,
    task: JoinHandle<serenity::Result<()>>,
}

#[derive(Debug)]
pub(crate) enum Heard {
    Raw(Box<Event>),
    Message(Box<Message>),
    Interaction(Box<Interaction>),
}

struct Ears(UnboundedSender<Heard>);

#[async_trait]
impl RawEventHandler for Ears {
    async fn raw_event(&self, _: Context, event: Event) {
        // The test may have ended.
        let _ = self.0.send(Heard::Raw(Box::new(event)));
    }
}

#[async_trait]
impl EventHandler for Ears {
    async fn message(&self, _: Context, message: Message) {
        let _ = self.0.send(Heard::Message(Box::new(message)));
    }

    async fn interaction_create(&self, _: Context, interaction: Interaction) {
        let _ = self.0.send(Heard::Interaction(Box::new(interaction)));
    }
}

/// REST as the product does it: through the proxy setting, without serenity's own rate limiter.
pub(crate) fn http(fake: &Fake) -> Http {
    // Only the first of a process has an effect, and one is enough.
    let _ = rustls::crypto::ring::default_provider().install_default();
    HttpBuilder::new(fake.token())
        .proxy(fake.api_base())
        .ratelimiter_disabled(true)
        .build()
}

impl Bot {
    pub(crate) async fn start(fake: &Fake, intents: GatewayIntents) -> Self {
        let (sender, heard) = unbounded_channel();
        let mut client = ClientBuilder::new_with_http(http(fake), intents)
            .raw_event_handler(Ears(sender.clone()))
            .event_handler(Ears(sender))
            .await
            .expect("a client");
        *client.ws_url.lock().await = fake.gateway_url().to_owned();
        let (http, shards) = (Arc::clone(&client.http), Arc::clone(&client.shard_manager));
        let task = tokio::spawn(async move { client.start().await });
        Self {
            http,
            heard,
            shards,
            task,
        }
    }

    /// The next thing that `pick` takes. Whatever serenity could not read ends the test.
    pub(crate) async fn hears<T>(&mut self, what: &str, mut pick: impl FnMut(&Heard) -> Option<T>) -> T {
        let heard = async {
            loop {
                let heard = self.heard.recv().await.expect("a client that runs");
                if let Heard::Raw(event) = &heard
                    && let Event::Unknown(unknown) = &**event
                {
                    panic!("serenity can't read {}: {:?}", unknown.kind, unknown.value);
                }
                if let Some(found) = pick(&heard) {
                    return found;
                }
            }
        };
        let found = tokio::time::timeout(std::time::Duration::from_secs(30), heard).await;
        found.unwrap_or_else(|_| panic!("waited in vain for {what}"))
    }

    pub(crate) async fn hears_event(&mut self, kind: &str) -> Event {
        self.hears(kind, |heard| match heard {
            Heard::Raw(event) if event.name().as_deref() == Some(kind) => Some((**event).clone()),
            _ => None,
        })
        .await
    }

    pub(crate) async fn hears_message(&mut self, text: &str) -> Message {
        self.hears(text, |heard| match heard {
            Heard::Message(message) if message.content.contains(text) => Some((**message).clone()),
            _ => None,
        })
        .await
    }

    pub(crate) async fn hears_interaction(&mut self) -> Interaction {
        self.hears("an interaction", |heard| match heard {
            Heard::Interaction(interaction) => Some((**interaction).clone()),
            _ => None,
        })
        .await
    }

    pub(crate) async fn stop(self) {
        self.shards.shutdown_all().await;
        self.task.await.expect("no panic").expect("an orderly end");
    }

    /// How the client ended by itself.
    pub(crate) async fn ended(self) -> serenity::Error {
        self.task
            .await
            .expect("no panic")
            .expect_err("a client that gave up")
    }
}
