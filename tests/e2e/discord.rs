//! Conversations in Discord: the real programs, serenity, and a strict Discord of our own.

use conversation::{Body, Conversation, ThreadId};
use support::discord::{Fake, GuildScene, Id, Message, Person, World};
use support::{Host, Scene};

mod again;
mod asking;
mod conversations;
mod files;
mod hostile;
mod joining;
mod live;
mod places;
mod signing_in;
mod standing;
mod stopping;
mod tightened;
mod trouble;
mod watching;

/// A host that is connected to a Discord, and somebody there whom it listens to.
pub(crate) struct Stage {
    pub(crate) fake: Fake,
    pub(crate) scene: Scene,
    pub(crate) guild: GuildScene,
    pub(crate) channel: Id,
    /// The owner of the application: on no list, and always let in.
    pub(crate) alice: Person,
    settings: String,
    agent: String,
    /// The variable that the token is in, and the token.
    token: (&'static str, String),
    host: Option<Host>,
}

impl Stage {
    /// Connected. `settings`: lines of `[discord]`; `agent`: lines of the agent.
    pub(crate) async fn start(settings: &str, agent: &str) -> Self {
        let mut stage = Self::ready(settings, agent).await;
        stage.up().await;
        stage
    }

    /// Not started yet.
    pub(crate) async fn ready(settings: &str, agent: &str) -> Self {
        let scene = Scene::signed_in().await;
        let fake = Fake::start().await;
        let guild = fake.guild("g");
        let channel = guild.channel("general");
        let alice = guild.member("alice");
        fake.set_team(&[&alice]);
        let token = ("DISCORD_TOKEN", fake.token().to_owned());
        Self {
            fake,
            scene,
            token,
            guild,
            channel,
            alice,
            settings: settings.to_owned(),
            agent: agent.to_owned(),
            host: None,
        }
    }

    /// Starts the host, and waits until it is connected.
    pub(crate) async fn up(&mut self) {
        let before = self.fake.look(|world| world.gateway().identified);
        self.host = Some(self.start_only());
        self.fake
            .until("an identify", |world| {
                (world.gateway().identified > before).then_some(())
            })
            .await;
    }

    /// Starts a host, whether or not it can connect.
    pub(crate) fn start_only(&self) -> Host {
        let settings = format!(
            "api_base = \"{}\"\ngateway_url = \"{}\"\n{}",
            self.fake.api_base(),
            self.fake.gateway_url(),
            self.settings,
        );
        let token = (self.token.0, self.token.1.as_str());
        Host::with_discord(&self.scene, &self.agent, &settings, token)
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(host) = self.host.take() {
            host.kill();
        }
    }

    /// SIGTERM.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        self.host.take().and_then(Host::stop)
    }

    /// Somebody mentions the bot in the channel: the message, and the thread that opens from it.
    pub(crate) async fn mention(&self, who: &Person, text: &str) -> (Id, Id) {
        let message = who.says(self.channel, &format!("{} {text}", self.fake.bot().mention()));
        let thread = self
            .fake
            .until("a thread", |world| {
                world.message(message).and_then(|one| one.thread)
            })
            .await;
        (message, thread)
    }

    /// Waits for a message of the bot's in a channel.
    pub(crate) async fn said(&self, channel: Id, what: &str, fits: impl Fn(&Message) -> bool) -> Message {
        let bot = self.fake.bot();
        self.fake
            .until(what, |world| {
                let messages = world.messages(channel);
                messages
                    .into_iter()
                    .find(|message| message.author == bot && !message.is_note() && fits(message))
                    .cloned()
            })
            .await
    }

    /// The file in which the host keeps how far it has told a thread.
    pub(crate) fn told_file(&self, thread: Id) -> std::path::PathBuf {
        self.scene.folder().join(format!("discord/threads/{thread}"))
    }

    /// What the agent answered in a thread, as the host keeps it.
    pub(crate) async fn answers(&self, thread: Id) -> String {
        let conversation =
            Conversation::open_without_recovery(self.scene.folder()).expect("it can be looked at");
        let id = ThreadId::parse(&format!("discord:{thread}")).expect("a thread");
        let items = conversation.items(&id, None, usize::MAX).await;
        let items = items.expect("it can be read");
        let answers = items.iter().filter_map(|item| match &item.body {
            Body::Answer { text } => Some(text.as_str()),
            _ => None,
        });
        answers.collect::<Vec<_>>().join("\n")
    }

    /// Waits until a message has this sign of the bot's.
    pub(crate) async fn sign(&self, message: Id, sign: &str) {
        let bot = self.fake.bot();
        self.fake
            .until(sign, |world: &World| {
                world.message(message)?.has_reaction(sign, bot).then_some(())
            })
            .await;
    }
}

/// A message that carries this text.
pub(crate) fn with(text: &str) -> impl Fn(&Message) -> bool {
    move |message| message.content.contains(text)
}
