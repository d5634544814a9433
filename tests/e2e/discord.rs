//! Conversations in Discord: the real programs, serenity, and a strict Discord of our own.

use std::convert::Infallible;
use std::time::Duration;

use conversation::{Body, Conversation, ThreadId};
use support::discord::{Fake, GuildScene, Id, Message, Person, World};
use support::{Host, Scene};

mod admitted;
mod again;
mod always;
mod amended;
mod apart;
mod asking;
mod attachments;
mod by_hand;
mod callback;
mod cards;
mod controls;
mod conversations;
mod deleted;
mod direct;
mod files;
mod foreign;
mod hostile;
mod hosts;
mod intruders;
mod joined;
mod joining;
mod lacking;
mod lagging;
mod late;
mod live;
mod missed;
mod models;
mod no_room;
mod once;
mod opening;
mod outbox;
mod output;
mod payers;
mod places;
mod promptly;
mod settled;
mod sight;
mod signing_in;
mod signs;
mod speakers;
mod standing;
mod stopping;
mod taken_out;
mod thrown_out;
mod tightened;
mod tls;
mod tools;
mod trouble;
mod turns;
mod waiting;
mod watching;
mod workers;

/// A command that runs until the test lets it end.
const UNTIL_GO: &str = "run: until [ -e go ]; do sleep 0.05; done";

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
    /// More of the host's environment.
    environment: Vec<(&'static str, String)>,
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
        Self::built(Fake::start().await, Scene::signed_in().await, settings, agent)
    }

    /// The same in this scene's folder.
    async fn ready_in(scene: Scene, settings: &str, agent: &str) -> Self {
        Self::built(Fake::start().await, scene, settings, agent)
    }

    /// The same with this Discord.
    pub(crate) async fn of(fake: Fake, settings: &str, agent: &str) -> Self {
        Self::built(fake, Scene::signed_in().await, settings, agent)
    }

    fn built(fake: Fake, scene: Scene, settings: &str, agent: &str) -> Self {
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
            environment: vec![],
            host: None,
        }
    }

    /// Starts the host, and waits until it is connected, and its commands can be typed.
    pub(crate) async fn up(&mut self) {
        let before = self.fake.look(|world| world.gateway().identified);
        self.host = Some(self.start_only());
        self.fake
            .until("an identify", |world| {
                (world.gateway().identified > before).then_some(())
            })
            .await;
        self.fake
            .until("the commands", |world| {
                (world.commands().len() == 9).then_some(())
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
        let environment = std::iter::once(&self.token).chain(&self.environment);
        let environment: Vec<(&str, &str)> = environment.map(|(name, is)| (*name, is.as_str())).collect();
        Host::with_discord(&self.scene, &self.agent, &settings, &environment)
    }

    /// The host's login goes, with which everybody works who has none of their own.
    async fn is_signed_out(&self) {
        let out = self.scene.credentials().logout(&self.scene.host()).await;
        assert!(out.is_ok_and(|out| out.was_there));
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

    /// SIGTERM, while the fake goes on to answer.
    async fn leaves(&mut self) -> Option<i32> {
        let host = self.host.take().expect("it runs");
        let end = tokio::task::spawn_blocking(move || host.stop());
        end.await.expect("it ends")
    }

    /// Somebody mentions the bot in the channel: the message, and the thread that opens from it.
    pub(crate) async fn mention(&self, who: &Person, text: &str) -> (Id, Id) {
        self.mention_in(self.channel, who, text).await
    }

    /// The same in another channel.
    async fn mention_in(&self, channel: Id, who: &Person, text: &str) -> (Id, Id) {
        let message = who.says(channel, &format!("{} {text}", self.fake.bot().mention()));
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

    /// Waits for something, and lets the model go on meanwhile wherever it holds. A request is counted a moment before it
    /// is held.
    async fn going<T>(&self, until: impl Future<Output = T>) -> T {
        let goes = async {
            loop {
                self.scene.control().release();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            found = until => found,
            never = goes => { let never: Infallible = never; match never {} }
        }
    }

    /// Somebody mentions the bot, and it runs a command that ends when the test lets it, and says something then. Returns
    /// when the command is shown.
    async fn runs_until_go(&self, who: &Person, then: &str) -> (Id, Id) {
        let (message, thread) = self.mention(who, &format!("{UNTIL_GO}\n{then}")).await;
        self.said(thread, "the command", with("▶️ `until")).await;
        (message, thread)
    }

    /// Lets that command end.
    fn lets_end(&self, thread: Id) {
        std::fs::write(self.workspace(thread).join("go"), "").expect("it can be written");
    }

    /// The workspace of a thread.
    fn workspace(&self, thread: Id) -> std::path::PathBuf {
        self.scene.folder().join(format!("workspaces/discord.{thread}"))
    }

    /// Threads of the channel are served by a shell script with these functions.
    fn serve_by_script(&mut self, functions: &str) {
        let table = support::shell_agent(self.scene.folder(), functions);
        let (_, table) = table.split_once('\n').expect("the default agent, and its table");
        table.clone_into(&mut self.agent);
        self.settings = format!("[discord.channels.{}]\nagent = \"shell\"", self.channel);
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
