//! A stranger on the same machine, such as a command of an agent, that takes all connections it can get.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use support::{Host, Person, agent_host, program, shell_agent};

/// Files that the host may open: fewer than the stranger has connections.
const OPEN_FILES: usize = 2048;

/// What the stranger holds at a time. Far more of them are opened.
const HELD: usize = 3000;

/// Longer than anything takes for somebody who is not shut out.
const PATIENCE: Duration = Duration::from_mins(1);

/// A request that never ends.
const HALF: &[u8] = b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n";

/// One that is answered.
const WHOLE: &[u8] = b"GET /enter HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";

/// Opens connections as fast as it can, sends the same on each, and holds the newest.
struct Stranger {
    is_over: Arc<AtomicBool>,
    opened: Arc<AtomicUsize>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Stranger {
    /// So many at once.
    fn at(port: u16, count: usize, says: &'static [u8]) -> Self {
        let (is_over, opened) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let threads = (0..count).map(|_| {
            let (is_over, opened) = (is_over.clone(), opened.clone());
            thread::spawn(move || {
                let mut held = std::collections::VecDeque::new();
                while !is_over.load(Ordering::Relaxed) {
                    if held.len() == HELD / count {
                        held.pop_front();
                    }
                    let address = SocketAddr::from(([127, 0, 0, 1], port));
                    if let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1))
                        && stream.write_all(says).is_ok()
                    {
                        held.push_back(stream);
                        opened.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        });
        let threads = threads.collect();
        Self {
            is_over,
            opened,
            threads,
        }
    }

    /// Waits until so many more were opened than now.
    async fn goes_on(&self, more: usize) {
        let goal = self.opened.load(Ordering::Relaxed) + more;
        let goes_on = async {
            while self.opened.load(Ordering::Relaxed) < goal {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, goes_on)
            .await
            .expect("it gets connections");
    }

    fn end(self) {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("it ends");
        }
    }
}

/// `agent-host up` with an agent that echoes, in a process that may open few files.
fn host_with_few_files(home: &Path) -> Host {
    let echo = r#"on_prompt() { say 'an echo'; answer '{"stopReason":"end_turn"}'; }"#;
    std::fs::write(home.join("config.toml"), shell_agent(home, echo)).expect("it can be written");
    let plain = agent_host(home);
    let mut command = Command::new("/bin/sh");
    command.env_clear();
    for (name, value) in plain.get_envs() {
        command.env(name, value.expect("it is set"));
    }
    command.args([
        "-c",
        &format!("ulimit -n {OPEN_FILES} && exec \"$0\" up --listen 127.0.0.1:0"),
    ]);
    command.arg(program("agent-host"));
    Host::run(command, home)
}

/// What `agent-host status` prints.
async fn link_by_command(home: &Path) -> url::Url {
    let mut status = agent_host(home);
    let status = tokio::task::spawn_blocking(move || status.arg("status").output().expect("it runs"));
    let status = tokio::time::timeout(PATIENCE, status)
        .await
        .expect("the host answers");
    let status = status.expect("it ends");
    let words = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(status.status.success() && words.contains("page at"), "{words}");
    let mut words_of_it = words.split_whitespace();
    let link = words_of_it.find(|word| word.contains("/enter?key="));
    let link = link.unwrap_or_else(|| panic!("no link in {words}"));
    link.parse().expect("a link is an address")
}

/// A newcomer with a link comes in by the crowd, within a few tries. A browser sends again what a reused connection lost.
async fn comes_in(home: &Path) -> Person {
    let mut tries = 0;
    loop {
        let link = link_by_command(home).await;
        let enters = tokio::spawn(async move { Person::enter(&link).await });
        match tokio::time::timeout(PATIENCE, enters)
            .await
            .expect("the door answers")
        {
            Ok(person) => return person,
            Err(error) => assert!(tries < 3, "{error}"),
        }
        tries += 1;
    }
}

/// This test holds more than it may at first.
fn may_open_many() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("there is a limit");
    setrlimit(Resource::RLIMIT_NOFILE, hard.min(20_000), hard).expect("it may be raised");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_heads_by_the_thousand_shut_out_neither_people_nor_workers_nor_commands() {
    may_open_many();
    let home = tempfile::tempdir().expect("a folder can be made");
    let host = host_with_few_files(home.path());
    let person = Person::enter(host.link()).await;
    let mut ear = {
        let thread = person.open("before").await;
        person.listen(&thread).await
    };
    ear.until(|heard| heard.data.to_string().contains("an echo"))
        .await;

    let stranger = Stranger::at(host.port(), 3, HALF);
    stranger.goes_on(2 * HELD).await;
    let looked = async {
        // A browser that was away: all its connections are new.
        let again = person.anew();
        assert!(again.page("/").await.contains("name=\"csrf\""));
        let thread = again.open("meanwhile").await;
        let mut ear = again.listen(&thread).await;
        ear.until(|heard| heard.data.to_string().contains("an echo"))
            .await;
    };
    tokio::time::timeout(PATIENCE, looked)
        .await
        .expect("the page answers");
    comes_in(home.path()).await;
    // The stream that was open before is open still.
    let (status, _) = person
        .post("/api/name", &serde_json::json!({ "name": "Alice" }))
        .await;
    assert!(status.is_success(), "{status}");
    let next = person.open("a line in the list").await;
    tokio::time::timeout(
        PATIENCE,
        ear.until(|heard| heard.data.to_string().contains(&next)),
    )
    .await
    .expect("the stream goes on");

    stranger.end();
    let told = host.told();
    assert!(
        !told.contains("Too many open files") && !told.contains("could not"),
        "{told}"
    );
    assert_eq!(host.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_comes_in_while_two_hundred_strangers_hammer_with_whole_requests() {
    may_open_many();
    let home = tempfile::tempdir().expect("a folder can be made");
    let host = host_with_few_files(home.path());
    let strangers = Stranger::at(host.port(), 200, WHOLE);
    strangers.goes_on(HELD).await;
    let mut first = comes_in(home.path()).await;
    // The page of a link lies open for as long as somebody reads it; so does the connection that it came by.
    let link = first.invite().await;
    let mut reader = tokio::net::TcpStream::connect(("127.0.0.1", host.port()))
        .await
        .expect("it can be reached");
    let target = format!("{}?{}", link.path(), link.query().expect("it has a key"));
    let asked = format!("GET {target} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
    assert!(said_on(&mut reader, &asked).await.starts_with("HTTP/1.1 200"));
    strangers.goes_on(HELD).await;
    let form = link.query().expect("it has a key");
    let pressed = format!(
        "POST /enter HTTP/1.1\r\nhost: 127.0.0.1\r\norigin: http://127.0.0.1\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    let answer = said_on(&mut reader, &pressed).await;
    assert!(answer.contains("set-cookie: "), "{answer}");
    // Whoever is in is served.
    first.again().await;
    let thread = first.open("meanwhile").await;
    let mut ear = first.listen(&thread).await;
    let served = ear.until(|heard| heard.data.to_string().contains("an echo"));
    tokio::time::timeout(PATIENCE, served)
        .await
        .expect("the page answers");
    strangers.end();
    assert_eq!(host.stop(), Some(0));
}

/// The head of what is answered to this on a connection.
async fn said_on(stream: &mut tokio::net::TcpStream, request: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    stream.write_all(request.as_bytes()).await.expect("it is open");
    let mut answer = vec![0; 64 * 1024];
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut answer));
    let length = read.await.expect("it is answered").expect("it is open");
    String::from_utf8_lossy(&answer[..length]).into_owned()
}
