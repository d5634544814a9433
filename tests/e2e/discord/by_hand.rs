//! The Discord that somebody drives by hand.

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use support::{Host, Scene, program};

/// `fake-discord`, and the lines that go in and out.
struct Driven {
    child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    token: String,
    settings: String,
}

impl Driven {
    fn start() -> Self {
        let mut child = Command::new(program("fake-discord"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let orders = child.stdin.take().expect("it is piped");
        let mut answers = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut told = answers.by_ref().map(|line| line.expect("text"));
        let token = told.find_map(|line| Some(line.strip_prefix("# export DISCORD_TOKEN=")?.to_owned()));
        let settings: Vec<String> = told.take_while(|line| !line.starts_with("# now")).collect();
        Self {
            child,
            orders,
            answers,
            token: token.expect("it tells its token"),
            settings: settings[1..].join("\n"),
        }
    }

    fn order(&mut self, order: &Value) -> Value {
        writeln!(self.orders, "{order}").expect("it reads");
        let answer = self.answers.next().expect("it answers").expect("text");
        serde_json::from_str(&answer).expect("in JSON")
    }

    /// Asks again and again, a minute long at most.
    async fn until<T>(&mut self, look: &Value, found: impl Fn(&Value) -> Option<T>) -> T {
        for _ in 0..600 {
            let answer = self.order(look);
            if let Some(found) = found(&answer["ok"]) {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        panic!("waited in vain for {look}")
    }
}

#[tokio::test]
async fn a_person_at_a_terminal_can_play_a_whole_discord() {
    let mut discord = Driven::start();
    let scene = Scene::signed_in().await;
    let host = Host::with_discord(
        &scene,
        "",
        &discord.settings,
        &[("DISCORD_TOKEN", &discord.token)],
    );
    discord
        .until(&json!({ "do": "commands" }), |known| known.get(0).map(|_| ()))
        .await;
    let said = json!({ "do": "say", "who": "owner", "at": "general", "text": "{bot} say: good morning" });
    let message = discord.order(&said)["ok"].clone();
    assert!(message.is_string(), "{message}");
    // A thread that was opened from a message has its id.
    let answered = |messages: &Value| {
        let mut texts = messages.as_array()?.iter().filter_map(|one| one["text"].as_str());
        texts.any(|text| text.contains("good morning")).then_some(())
    };
    discord
        .until(&json!({ "do": "messages", "at": message }), answered)
        .await;
    let wrong = discord.order(&json!({ "do": "press", "who": "bob", "message": message, "button": "Stop" }));
    assert!(
        wrong["error"]
            .as_str()
            .is_some_and(|words| words.contains("Stop")),
        "{wrong}"
    );
    let unknown = discord.order(&json!({ "do": "sing" }));
    assert!(
        unknown["error"]
            .as_str()
            .is_some_and(|words| words.contains("sing")),
        "{unknown}"
    );
    assert_eq!(discord.order(&json!({ "do": "complaints" })), json!({ "ok": [] }));
    assert_eq!(host.stop(), Some(0));
    drop(discord.orders);
    assert!(discord.child.wait().expect("it ends").success());
}
