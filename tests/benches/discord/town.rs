//! A Discord with one guild, and a host that is connected to it. Its agent is this program in its role as the smallest
//! agent.

use support::Host;
use support::discord::{Fake, GuildScene, Id, Person};
use tempfile::TempDir;

use crate::moment::moments;

pub(crate) struct Town {
    pub(crate) fake: Fake,
    pub(crate) guild: GuildScene,
    pub(crate) channel: Id,
    /// The host listens to her.
    pub(crate) alice: Person,
    pub(crate) folder: TempDir,
}

impl Town {
    pub(crate) async fn new() -> Self {
        let fake = Fake::start().await;
        let guild = fake.guild("guild");
        let channel = guild.channel("general");
        let alice = guild.member("alice");
        fake.set_team(&[&alice]);
        Self {
            guild,
            channel,
            alice,
            folder: tempfile::tempdir().expect("a folder can be made"),
            fake,
        }
    }

    /// Starts the host, and waits until it is connected.
    pub(crate) async fn up(&self) -> Host {
        let own = std::env::current_exe().expect("the system tells");
        let config = format!(
            "default_agent = \"bench\"\n[agents.bench]\ncommand = [{:?}, \"agent\"]\n\
             [discord]\napi_base = \"{}\"\ngateway_url = \"{}\"\n",
            own.display().to_string(),
            self.fake.api_base(),
            self.fake.gateway_url(),
        );
        let environment = [("DISCORD_TOKEN", self.fake.token())];
        let host = Host::configured(self.folder.path(), &config, &environment);
        self.fake
            .until("an identify", |world| {
                (world.gateway().identified > 0).then_some(())
            })
            .await;
        host
    }

    /// Opens threads whose workers have answered once.
    pub(crate) async fn threads(&self, count: usize) -> Vec<Id> {
        let mut threads = Vec::new();
        for _ in 0..count {
            let mention = format!("{} when", self.fake.bot().mention());
            let message = self.alice.says(self.channel, &mention);
            let thread = self
                .fake
                .until("a thread", |world| world.message(message)?.thread);
            let thread = thread.await;
            self.heard(thread, 0).await;
            threads.push(thread);
        }
        self.quiet().await;
        threads
    }

    /// Waits for the agent's words in a thread that were said since `began`: when the first of them was said.
    pub(crate) async fn heard(&self, thread: Id, began: u128) -> u128 {
        let first = self.fake.until("an answer", |world| {
            let messages = world.messages(thread);
            messages
                .iter()
                .flat_map(|message| moments(&message.content, began))
                .min()
        });
        first.await
    }

    /// Until the turn that has answered has ended, too, and Discord's limits are no longer near.
    pub(crate) async fn quiet(&self) {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
}
