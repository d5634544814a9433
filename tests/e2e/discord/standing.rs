//! How the bot stands: what `status` and the doctor tell, and what stands below an answer.

use std::time::Duration;

use serde_json::Value;
use support::discord::Fault;

use super::{Stage, with};

impl Stage {
    /// What a command prints.
    pub(super) async fn prints(&self, arguments: &[&str]) -> String {
        let mut command = support::agent_host(self.scene.folder());
        command.args(arguments).env(self.token.0, &self.token.1);
        // The fake answers it in this very thread.
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        let output = output.expect("nothing breaks").expect("the program runs");
        String::from_utf8(output.stdout).expect("it prints text")
    }

    /// How the running host says that its bot stands, once that fits.
    async fn stands(&self, fits: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..200 {
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
            "Discord: connected; 1 limit met in the last hour, 1 of 10000 invalid requests in ten minutes"
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

#[tokio::test]
async fn below_an_answer_stands_the_model_that_gave_it() {
    let stage = Stage::start("", "").await;
    let (message, thread) = stage.mention(&stage.alice, "say: hello").await;
    stage.sign(message, "✅").await;
    let said = stage.said(thread, "the answer", with("hello")).await;
    assert!(said.content.contains(" · rehearsal · "), "{}", said.content);
}
