//! A short conversation with a bot in whatever Discord it is connected to, watched over REST as any other program would:
//! the fake one of the tests, another compatible server, or the real one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{Host, Scene, client};

/// A person may have to type.
const PATIENCE: Duration = Duration::from_mins(5);
/// Between two looks: far inside anybody's limits.
const PAUSE: Duration = Duration::from_secs(1);

/// A Discord, and the bot there.
pub struct Live {
    /// Without a path, as in `https://discord.com`.
    pub api_base: String,
    /// Further lines of `[discord]`.
    pub settings: String,
    /// The bot's token.
    pub token: String,
    /// A channel that the bot sees and may write to.
    pub channel: u64,
}

impl Live {
    /// Starts a host whose model is a rehearsal; a mention opens a thread, a second message goes on in it, each is answered
    /// once, and the host ends well. `speak` says something in a channel as somebody to whom the host listens. Gives back
    /// the thread. Panics at whatever is not as it should be.
    pub async fn converse(&self, speak: impl AsyncFn(u64, &str)) -> u64 {
        let scene = Scene::signed_in().await;
        let settings = format!("api_base = \"{}\"\n{}", self.api_base, self.settings);
        let host = Host::with_discord(&scene, "", &settings, &[("DISCORD_TOKEN", &self.token)]);
        let bot = self.id_of(&self.token).await.to_string();
        let word = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970")
            .as_millis();
        let (first, second) = (format!("first-{word}"), format!("second-{word}"));
        speak(self.channel, &format!("<@{bot}> say: {first}")).await;
        let said = |message: &Value| message["author"]["id"] != bot;
        let question = self.until(self.channel, &first, said).await;
        // A thread that was opened from a message has its id.
        let thread = id(&question["id"]);
        let answer = |message: &Value| message["author"]["id"] == bot;
        self.until(thread, &first, answer).await;
        speak(thread, &format!("say: {second}")).await;
        self.until(thread, &second, answer).await;
        assert_eq!(host.stop(), Some(0), "the host ends well");
        let messages = self.messages(thread).await.expect("the thread is there");
        for word in [first, second] {
            let times = messages.iter().filter(|one| answer(one) && contains(one, &word));
            assert_eq!(times.count(), 1, "{word} is answered once");
        }
        thread
    }

    /// Whose token it is.
    pub async fn id_of(&self, token: &str) -> u64 {
        let (status, user) = self.call(Method::GET, "users/@me", token, None).await;
        assert!(status.is_success(), "who a token is: {status} {user}");
        id(&user["id"])
    }

    /// Says something with another bot's token.
    pub async fn speak_as(&self, token: &str, channel: u64, text: &str) {
        let path = format!("channels/{channel}/messages");
        let body = json!({ "content": text });
        let (status, answer) = self.call(Method::POST, &path, token, Some(body)).await;
        assert!(status.is_success(), "to speak in {channel}: {status} {answer}");
    }

    async fn until(&self, channel: u64, word: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let messages = self.messages(channel).await.unwrap_or_default();
            let mut found = messages
                .into_iter()
                .filter(|one| contains(one, word) && fits(one));
            if let Some(found) = found.next() {
                return found;
            }
            assert!(Instant::now() < deadline, "nobody said {word} in {channel}");
            sleep(PAUSE).await;
        }
    }

    /// The newest of a channel; `None` if it is not there (yet).
    async fn messages(&self, channel: u64) -> Option<Vec<Value>> {
        let path = format!("channels/{channel}/messages?limit=50");
        let (status, answer) = self.call(Method::GET, &path, &self.token, None).await;
        let is_there = status.is_success();
        assert!(
            is_there || status == 404,
            "to read channel {channel}: {status} {answer}"
        );
        is_there.then(|| answer.as_array().cloned().unwrap_or_default())
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> (reqwest::StatusCode, Value) {
        let mut request = client()
            .request(method, format!("{}/api/v10/{path}", self.api_base))
            .header("authorization", format!("Bot {token}"))
            .header("user-agent", "DiscordBot (agent-host, tests)");
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.expect("Discord answers");
        (answer.status(), answer.json().await.unwrap_or_default())
    }
}

fn contains(message: &Value, word: &str) -> bool {
    message["content"]
        .as_str()
        .is_some_and(|text| text.contains(word))
}

fn id(value: &Value) -> u64 {
    let id = value.as_str().and_then(|id| id.parse().ok());
    id.unwrap_or_else(|| panic!("no id: {value}"))
}
