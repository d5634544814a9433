//! A question of long ago, and more said since than a snapshot holds: nothing is missing in the page's middle, and nothing
//! is there twice.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};
use support::{Browser, Flaky, Host, Person, Scene};

use super::another_link;

/// An agent that asks and speaks when it is told to, by a FIFO. Each of its messages is longer than the part that is drawn.
const TOLD: &str = r#"
answer() { printf '{"jsonrpc":"2.0","id":"%s","result":%s}\n' "$id" "$1"; }
chunk() { printf '{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s1","update":{"sessionUpdate":"agent_%s_chunk","content":{"type":"text","text":"%s"}}}}\n' "$1" "$2"; }
speak() { for _ in $(seq "$1"); do number=$((number + 1)); chunk thought 'so so'; chunk message "message $number: $long end-of-$number"; done; }
ask() {
  asked=$((asked + 1))
  printf '{"jsonrpc":"2.0","id":"ask-%s","method":"session/request_permission","params":{"sessionId":"s1","toolCall":{"toolCallId":"c%s","title":"do it","kind":"execute","rawInput":{"command":"do it"}},"options":[{"optionId":"yes","name":"Allow","kind":"allow_once"},{"optionId":"no","name":"No","kind":"reject_once"}]}}\n' "$asked" "$asked"
}
long=$(head -c 70000 /dev/zero | tr '\0' x)
while IFS= read -r line; do
  case $line in *'"method":'*) id=${line#*'"id":"'}; id=${id%%'"'*} ;; esac
  case $line in
    *'"method":"initialize"'*) answer '{"protocolVersion":1,"agentCapabilities":{}}' ;;
    *'"method":"session/new"'*) answer '{"sessionId":"s1"}' ;;
    *'"method":"session/prompt"'*)
      # Open for both: nothing is lost between two orders, and none waits for the other end.
      exec 3<> "$FIFO"
      while read -r order count <&3; do
        case $order in
          speak) speak "$count" ;;
          ask) ask ;;
          end) break ;;
        esac
      done
      for _ in $(seq "$asked"); do read -r line; case $line in *'"optionId":"yes"'*) heard="$heard yes" ;; esac; done
      chunk message "heard:$heard."
      answer '{"stopReason":"end_turn"}' ;;
  esac
done
"#;

/// All of the page's entries, in the order in which they stand.
const SHOWN: &str = r"const all = [...document.querySelectorAll('#timeline > .item')];
    const number = (one) => Number(/message (\d+):/.exec(one.textContent.slice(0, 100))?.[1] ?? 0);
    return all.map((one) => ({ id: one.id, number: number(one), asks: one.matches('.asks'), waits: !!one.querySelector('.card.wait') }));";

/// A thread with such an agent, and a browser that looks at it through a network that can fall asleep.
struct Stage {
    fifo: PathBuf,
    person: Person,
    thread: String,
    network: Flaky,
    browser: Browser,
}

impl Stage {
    async fn tell(&self, order: &str) {
        let line = format!("{order}\n");
        tokio::fs::write(&self.fifo, line).await.expect("it listens");
    }

    /// It speaks so often, and the host has heard message `upto`.
    async fn speaks(&self, times: u32, upto: u32) {
        self.tell(&format!("speak {times}")).await;
        let mut ear = self.person.listen(&self.thread).await;
        let words = format!("message {upto}:");
        ear.until(|heard| heard.data.to_string().contains(&words)).await;
    }

    /// While the page hears nothing; then it takes a new stream, as after a sleep.
    async fn meanwhile(&self, body: impl AsyncFnOnce(&Self)) {
        self.network.sleep();
        body(self).await;
        self.network.wake();
        self.browser
            .script("const now = Date.now.bind(Date); Date.now = () => now() + 3_600_000; document.dispatchEvent(new Event('visibilitychange'));")
            .await;
    }

    /// What the page shows once it has message `upto` of all: nothing missing behind what waits, nothing twice, all in its
    /// order. The number of the first message, and whether the questions wait, in order.
    async fn shows(&self, upto: u64) -> (u64, Vec<bool>) {
        let last = format!(
            "return [...document.querySelectorAll('#timeline > .answer')].some((one) => one.textContent.startsWith('Answermessage {upto}:'))"
        );
        self.browser.until(&last).await;
        // Whatever is still to be brought up to date is.
        self.browser
            .until("return !document.getElementById('older').disabled")
            .await;
        let shown = self.browser.script(SHOWN).await;
        let shown = shown.as_array().expect("a list");
        let numbers: Vec<u64> = shown
            .iter()
            .filter_map(|one| one["number"].as_u64())
            .filter(|number| *number > 0)
            .collect();
        assert!(
            numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]) && numbers.last() == Some(&upto),
            "nothing is missing, doubled or out of order: {numbers:?}"
        );
        let ids: BTreeSet<String> = shown.iter().map(|one| one["id"].to_string()).collect();
        assert_eq!(ids.len(), shown.len(), "nothing is doubled");
        let asks = shown.iter().filter(|one| one["asks"] == json!(true));
        (numbers[0], asks.map(|one| one["waits"] == json!(true)).collect())
    }

    /// Presses “Show earlier” once.
    async fn earlier(&self) {
        let first = "[...document.querySelectorAll('#timeline > .answer')][0].id";
        let before = self.browser.script(&format!("return {first}")).await;
        self.browser
            .script("document.getElementById('older').click()")
            .await;
        let before = before.as_str().expect("an id");
        self.browser
            .until(&format!(
                "return {first} !== '{before}' && !document.getElementById('older').disabled"
            ))
            .await;
    }

    /// Until there is nothing earlier.
    async fn all_of_before(&self) {
        while self
            .browser
            .script("return !document.getElementById('older').hidden")
            .await
            == json!(true)
        {
            self.earlier().await;
        }
    }

    /// Behind which message each question stands.
    async fn places(&self) -> Vec<u64> {
        let (shown, mut last, mut places) = (self.browser.script(SHOWN).await, 0, vec![]);
        for one in shown.as_array().expect("a list") {
            match one["number"].as_u64() {
                _ if one["asks"] == json!(true) => places.push(last),
                Some(number) if number > 0 => last = number,
                _ => {}
            }
        }
        places
    }
}

fn configured(folder: &Path, fifo: &Path) -> String {
    let program = folder.join("told.sh");
    let script = format!("FIFO={}\n{TOLD}", fifo.display());
    std::fs::write(&program, script).expect("a file can be written");
    format!(
        "[agents.told]\ncommand = [\"/bin/sh\", \"{}\"]\n",
        program.display()
    )
}

async fn on_a_stage(body: impl AsyncFnOnce(&Stage)) {
    let scene = Scene::signed_in().await;
    let fifo = scene.folder().join("orders");
    mkfifo(&fifo, Mode::S_IRUSR | Mode::S_IWUSR).expect("a FIFO can be made");
    let host = Host::up(&scene, 0, &configured(scene.folder(), &fifo));
    let person = Person::enter(host.link()).await;
    let first = json!({ "text": "begin", "files": [], "agent": "told" });
    let (status, answer) = person.post("/api/threads", &first).await;
    assert!(status.is_success(), "{status}: {answer}");
    let thread = answer["thread"].as_str().expect("a thread");
    let thread = thread.trim_start_matches("web:").to_owned();
    let network = Flaky::to(host.port()).await;
    let browser = Browser::start().await;
    let mut link = another_link(&person).await;
    link.set_port(Some(network.port())).expect("it has a port");
    browser.look(1280, 800, "light").await;
    browser.enter(&link).await;
    let stage = Stage {
        fifo,
        person,
        thread,
        network,
        browser,
    };
    stage.speaks(2, 2).await;
    stage.tell("ask").await;
    stage.speaks(3, 5).await;
    link.set_path(&format!("/t/{}", stage.thread));
    link.set_query(None);
    stage
        .browser
        .driver
        .goto(link.as_str())
        .await
        .expect("the page opens");
    body(&stage).await;
    stage.browser.quit().await;
    host.stop();
}

/// So many messages are more than a snapshot holds.
const MUCH: u32 = 40;

#[tokio::test]
async fn after_a_question_of_long_ago_nothing_is_missing_and_nothing_is_there_twice() {
    on_a_stage(async |stage| {
        assert_eq!(stage.shows(5).await, (1, vec![true]));
        // A lost stream.
        stage.meanwhile(async |stage| stage.speaks(MUCH, 45).await).await;
        let (first, asks) = stage.shows(45).await;
        assert!(first > 5 && asks == [true], "{first} {asks:?}");
        stage.earlier().await;
        assert_eq!(stage.shows(45).await.1, [true]);
        // Several, one after the other: some of which a snapshot holds all, and some not.
        stage.meanwhile(async |stage| stage.speaks(3, 48).await).await;
        stage.shows(48).await;
        stage.meanwhile(async |stage| stage.speaks(MUCH, 88).await).await;
        assert_eq!(stage.shows(88).await.1, [true]);
        stage.all_of_before().await;
        assert_eq!(stage.shows(88).await, (1, vec![true]));
        assert_eq!(stage.places().await, [2], "it stands in its place");
        // Who reads far up keeps that.
        stage
            .browser
            .script("document.getElementById('scroll').scrollTop = 0")
            .await;
        stage.meanwhile(async |stage| stage.speaks(2, 90).await).await;
        assert_eq!(stage.shows(90).await, (1, vec![true]));
        assert_eq!(stage.places().await, [2]);
        // It can be answered where it stands apart, and after that stands nowhere else.
        stage.meanwhile(async |stage| stage.speaks(MUCH, 130).await).await;
        assert!(stage.shows(130).await.0 > 90);
        stage.browser.press(".card.wait button[value=once]").await;
        stage
            .browser
            .until("return !document.querySelector('.card.wait')")
            .await;
        stage.meanwhile(async |stage| stage.speaks(1, 131).await).await;
        assert_eq!(
            stage.shows(131).await.1,
            [] as [bool; 0],
            "it comes with those around it"
        );
        stage.earlier().await;
        stage.shows(131).await;
    })
    .await;
}

#[tokio::test]
async fn a_new_page_shows_a_question_of_long_ago_once_and_what_others_decided_in_its_place() {
    on_a_stage(async |stage| {
        stage.speaks(MUCH, 45).await;
        stage.browser.driver.refresh().await.expect("it loads again");
        let (first, asks) = stage.shows(45).await;
        assert!(first > 5 && asks == [true], "{first} {asks:?}");
        stage.all_of_before().await;
        assert_eq!(stage.shows(45).await, (1, vec![true]));
        assert_eq!(stage.places().await, [2]);
        stage
            .browser
            .script("document.getElementById('scroll').scrollTop = 0")
            .await;
        let request = stage
            .browser
            .script("return document.querySelector('form.decide').dataset.request")
            .await;
        stage
            .meanwhile(async |stage| {
                let path = format!("/api/t/{}/decide", stage.thread);
                let (status, said) = stage
                    .person
                    .post(&path, &json!({ "request": request, "answer": "once" }))
                    .await;
                assert!(status.is_success(), "{said}");
                stage.speaks(1, 46).await;
            })
            .await;
        let decided = "return document.querySelector('#timeline > .asks .audit.yes') !== null";
        stage.browser.until(decided).await;
        assert_eq!(stage.shows(46).await, (1, vec![false]));
        assert_eq!(stage.places().await, [2]);
        // All of a long one is had, of those of before and of those of after.
        for at in ["[0]", ".at(-1)"] {
            let entry = format!("[...document.querySelectorAll('#timeline > .answer')]{at}");
            stage
                .browser
                .script(&format!("{entry}.querySelector('[data-act=whole]').click()"))
                .await;
            stage
                .browser
                .until(&format!(
                    "return {entry}.textContent.trim().match(/end-of-\\d+$/)?.[0] ?? ''"
                ))
                .await;
        }
        stage.shows(46).await;
        stage.tell("end").await;
        let heard: Value = stage
            .browser
            .until("return /heard:[^.]*/.exec(document.getElementById('timeline').textContent)?.[0] ?? ''")
            .await;
        assert_eq!(heard, json!("heard: yes"), "the answer reached the agent");
    })
    .await;
}
