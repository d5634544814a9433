//! How the bot stands: what `status` and the doctor tell, and what stands below an answer.

use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use support::discord::Fault;

use super::trouble::said_in_log;
use super::{Stage, with};

impl Stage {
    /// What a command prints.
    pub(super) async fn prints(&self, arguments: &[&str]) -> String {
        let output = self.command_ends(arguments).await;
        String::from_utf8(output.stdout).expect("it prints text")
    }

    async fn command_ends(&self, arguments: &[&str]) -> Output {
        let mut command = support::agent_host(self.scene.folder());
        command.args(arguments).env(self.token.0, &self.token.1);
        // The fake answers it in this very thread.
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        output.expect("nothing breaks").expect("the program runs")
    }

    /// How the running host says that its bot stands, once that fits.
    async fn stands(&self, fits: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..600 {
            let status: Value =
                serde_json::from_str(&self.prints(&["status", "--json"]).await).expect("it is JSON");
            if fits(&status["discord"]) {
                return status["discord"].clone();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("it never stands so: {}", self.prints(&["status", "--json"]).await);
    }
}

#[tokio::test]
async fn status_and_doctor_tell_limits_refusals_the_gateway_and_what_waits() {
    let mut stage = Stage::start("", "").await;
    let is_up = |health: &Value| health["gateway"]["state"] == "connected";
    let before = stage.stands(is_up).await;
    assert_eq!(
        (&before["limited_1h"], &before["deliveries_waiting"]),
        (&0.into(), &0.into())
    );
    let sends = ("POST", "/channels/*/messages");
    let limit = Fault::too_many(Duration::from_millis(300));
    stage.fake.inject(limit.on(sends.0, sends.1));
    let (message, thread) = stage.mention(&stage.alice, "say: hello").await;
    stage.sign(message, "✅").await;
    let after = stage.stands(|health| health["deliveries_waiting"] == 0).await;
    assert_eq!(
        (&after["limited_1h"], &after["invalid_10min"]),
        (&1.into(), &1.into())
    );
    let told = stage.prints(&["status"]).await;
    assert!(
        told.contains(
            "Discord: connected; 1 limit met in the last hour; 1 of 10000 invalid requests in ten minutes; 0 messages to be said"
        ),
        "{told}"
    );
    let doctor: Value = serde_json::from_str(&stage.prints(&["doctor", "--json"]).await).expect("it is JSON");
    let told = doctor.to_string();
    assert!(
        told.contains("the running host: Discord: connected; 1 limit met"),
        "{told}"
    );

    stage
        .fake
        .inject(Fault::status(503).times(1000).on(sends.0, sends.1));
    stage.alice.says(thread, "say: this waits");
    stage.stands(|health| health["deliveries_waiting"] == 1).await;
    assert_eq!(stage.stop(), Some(0));
    let told: Value = serde_json::from_str(&stage.prints(&["status", "--json"]).await).expect("it is JSON");
    assert_eq!(told["discord"], Value::Null, "no host, no connection");
}

#[tokio::test]
async fn a_host_that_discord_does_not_let_in_says_so_in_its_status() {
    let mut stage = Stage::ready("", "").await;
    stage.fake.set_privileged(0);
    stage.host = Some(stage.start_only());
    let is_refused = |health: &Value| health["gateway"]["state"] == "refused";
    let health = stage.stands(is_refused).await;
    let why = health["gateway"]["why"].as_str().expect("words");
    assert!(
        why.contains("4014") && why.contains("discord.com/developers"),
        "{why}"
    );
}

impl Stage {
    /// What `status` says once these words are among it, and how it ends.
    async fn status_ends(&self, words: &str) -> (String, Option<i32>) {
        for _ in 0..600 {
            let output = self.command_ends(&["status"]).await;
            let told = String::from_utf8(output.stdout).expect("it prints text");
            if told.contains(words) {
                return (told, output.status.code());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{words}: {}", self.prints(&["status"]).await);
    }
}

#[tokio::test]
async fn whoever_is_shut_out_while_it_runs_needs_attention_with_what_to_do_and_an_exit_code() {
    for (code, what, hint) in [
        (
            4004,
            "the token is not valid (4004)",
            "hint: make a new one at discord.com/developers",
        ),
        (4013, "intents that there are not (4013)", "hint: "),
        (
            4014,
            "it may not read messages (4014)",
            "hint: switch on Message Content Intent",
        ),
    ] {
        let mut stage = Stage::start("", "").await;
        let (told, exit) = stage.status_ends("Discord: connected; ").await;
        assert!(
            told.contains("nothing needs attention") && exit == Some(0),
            "{told}"
        );
        stage.fake.gateway().close_connections(code);
        let (told, exit) = stage.status_ends("! Discord does not let the bot in").await;
        assert_eq!(exit, Some(1), "{code}: {told}");
        assert!(told.contains(what) && told.contains(hint), "{code}: {told}");
        assert!(!told.contains("nothing needs attention"), "{told}");
        let json: Value =
            serde_json::from_str(&stage.prints(&["status", "--json"]).await).expect("it is JSON");
        let first = &json["attention"][0];
        assert!(
            first["what"].as_str().is_some_and(|told| told.contains(what)),
            "{first}"
        );
        assert!(first["hint"].is_string(), "{first}");
        let log = stage.host.as_ref().expect("it runs").told();
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(" ERROR ")).collect();
        assert_eq!(lines.len(), 1, "it is told once: {log}");
        assert_eq!(stage.stop(), Some(0));
    }
}

#[tokio::test]
async fn a_token_that_discord_does_not_know_needs_attention() {
    let mut stage = Stage::ready("", "").await;
    stage.token.1 = "MTAx.wrong0.this-token-is-not-valid-anywhere".to_owned();
    stage.host = Some(stage.start_only());
    let (told, exit) = stage.status_ends("! Discord does not let the bot in").await;
    assert!(
        told.contains("does not know the token from DISCORD_TOKEN") && exit == Some(1),
        "{told}"
    );
}

#[tokio::test]
async fn a_host_says_once_that_it_is_connected_and_when_that_is_over_for_a_while() {
    let mut stage = Stage::ready("", "").await;
    let host = stage.start_only();
    let told = said_in_log(&host, "connected to Discord as ").await;
    let line = "in 1 server: mention it in a channel";
    assert_eq!(told.matches(line).count(), 1, "{told}");
    // A moment is not worth a word.
    let before = stage
        .fake
        .look(|world| world.gateway().identified + world.gateway().resumed);
    stage.fake.gateway().drop_connections();
    stage
        .fake
        .until("another session", |world| {
            let gateway = world.gateway();
            (gateway.identified + gateway.resumed > before).then_some(())
        })
        .await;
    stage.fake.gateway().refuse_connections(3);
    stage.fake.gateway().drop_connections();
    let told = said_in_log(&host, "connected to Discord again").await;
    assert_eq!(
        told.matches("the connection to Discord is gone; trying again")
            .count(),
        1,
        "{told}"
    );
    assert!(!told.contains(line) && !told.contains("serenity"), "{told}");
    stage.host = Some(host);
    assert_eq!(stage.stop(), Some(0));
}

#[tokio::test]
async fn a_stop_that_goes_well_warns_of_nothing() {
    let stage = Stage::start("", "permissions = \"allow\"").await;
    let (message, thread) = stage.mention(&stage.alice, "say: hello").await;
    stage.sign(message, "✅").await;
    stage.alice.says(thread, "run: sleep 60");
    stage.said(thread, "the tool", with("sleep 60")).await;
    let mut stage = stage;
    let host = stage.host.take().expect("it runs");
    let (end, told) = tokio::task::spawn_blocking(move || host.stop_and_tell())
        .await
        .expect("it ends");
    assert_eq!(end, Some(0));
    assert!(told.contains("stopped"), "{told}");
    assert!(!told.contains(" WARN ") && !told.contains(" ERROR "), "{told}");
}

#[tokio::test]
async fn below_an_answer_stands_the_model_that_gave_it() {
    let stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "say: hello").await;
    stage.sign(message, "✅").await;
    let said = stage.said(thread, "the answer", with("hello")).await;
    assert!(said.content.contains(" · rehearsal · "), "{}", said.content);
}
