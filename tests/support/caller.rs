//! A program that uses the library as any other program would: it asks for a token and prints one line of JSON.
//!
//! `--hold PATH` makes it lock a file and nothing else, `--move-aside STORE` repair a store: what tests need a process for.

use std::error::Error as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use credentials::{
    Credential, Credentials, Fingerprint, Need, Owner, Refresher, Service, Store, Tenant, Token, TokenError,
    Vendors,
};
use secrecy::{ExposeSecret, SecretString};
use support::Report;
use tracing::span;
use url::Url;

struct Arguments {
    store: PathBuf,
    server: Url,
    owner: Owner,
    report: Option<String>,
    tries_first: bool,
    in_process: bool,
    tasks: u32,
    child: bool,
}

fn main() {
    credentials::refresh_child_main();
    credentials::protect_memory();
    // Nothing was installed before: this is the first statement that could.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let rounds = Arc::new(AtomicU32::new(0));
    // The only subscriber of this process.
    let _ = tracing::subscriber::set_global_default(Rounds(Arc::clone(&rounds)));
    let mut words = std::env::args_os().skip(1);
    match (
        words.next().as_deref().and_then(|word| word.to_str()),
        words.next(),
    ) {
        (Some("--hold"), Some(path)) => return hold(path.as_ref()),
        (Some("--move-aside"), Some(path)) => return move_aside(path.as_ref()),
        _ => {}
    }
    let arguments = arguments();
    if arguments.child {
        std::thread::spawn(start_a_child);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    let result = runtime.block_on(call(&arguments));
    let kind = result.as_ref().err().map(|error| match error {
        TokenError::LoginRequired { .. } => "login",
        TokenError::TryAgain { .. } => "try_again",
        TokenError::Cancelled { .. } => "cancelled",
        _ => "other",
    });
    let report = Report {
        token: result.as_ref().ok().map(|token| fingerprint(&token.secret)),
        error: result.as_ref().err().map(ToString::to_string),
        kind: kind.map(str::to_owned),
        rounds: rounds.load(Ordering::Relaxed),
    };
    say(&serde_json::to_string(&report).expect("a report serializes"));
}

#[expect(clippy::print_stdout, reason = "what it says is what this program is for")]
fn say(line: &str) {
    println!("{line}");
}

/// Blocks until somebody closes our standard input.
fn wait_for_the_end() {
    std::io::stdin()
        .read_to_end(&mut Vec::new())
        .expect("standard input can be read");
}

fn hold(path: &Path) {
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .expect("the lock file opens");
    file.lock().expect("it can be locked");
    say("held");
    wait_for_the_end();
}

fn move_aside(path: &Path) {
    let store = Store::open(path, false).expect("the store opens");
    match store.move_aside_if_corrupt() {
        Ok(aside) => say(&format!("{aside:?}")),
        Err(error) => say(&format!(
            "{error}: {}",
            error.source().map(ToString::to_string).unwrap_or_default()
        )),
    }
}

/// As a program does that starts an MCP server while a refresh is under way. It may outlive us.
fn start_a_child() {
    wait_for_the_end();
    Command::new("/bin/sleep")
        .arg("600")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("the child starts");
}

async fn call(arguments: &Arguments) -> Result<Token, TokenError> {
    let store = Store::open(&arguments.store, false).expect("the store opens");
    let tenant = Tenant {
        service: Service::parse("rehearsal").expect("a valid name"),
        owner: arguments.owner.clone(),
    };
    let stored = match store.entry(&tenant).ok().flatten().as_deref() {
        Some(credentials::Entry {
            credential: Credential::OAuth(grant),
            ..
        }) => Some(grant.access_token.clone()),
        _ => None,
    };
    let mut need = Need::default();
    if arguments.tries_first
        && let Some(stored) = &stored
        && !accepted(&arguments.server, stored).await
    {
        need.rejected = Some(stored.clone());
    }
    if let Some(name) = &arguments.report {
        let url = arguments.server.join("control/report").expect("a valid path");
        let body = serde_json::json!({ "caller": name });
        reqwest::Client::new()
            .post(url)
            .json(&body)
            .send()
            .await
            .expect("the server takes the report");
    }
    let refresher = if arguments.in_process {
        Refresher::InProcess
    } else {
        Refresher::this_program().expect("a program")
    };
    let credentials = Credentials::new(store, Vendors::builtin(Some(&arguments.server)), refresher);
    let calls: Vec<_> = (0..arguments.tasks)
        .map(|_| {
            let (credentials, tenant, need) = (credentials.clone(), tenant.clone(), need.clone());
            tokio::spawn(async move { credentials.token(&tenant, &need).await })
        })
        .collect();
    let mut first: Option<Token> = None;
    for call in calls {
        let token = call.await.expect("a task ends")?;
        let same = first
            .as_ref()
            .is_none_or(|first| fingerprint(&first.secret) == fingerprint(&token.secret));
        assert!(same, "two tasks of one process got different tokens");
        first = Some(token);
    }
    Ok(first.expect("at least one task"))
}

async fn accepted(server: &Url, token: &SecretString) -> bool {
    let url = server.join("resource").expect("a valid path");
    let answer = reqwest::Client::new()
        .get(url)
        .bearer_auth(token.expose_secret())
        .send()
        .await;
    answer.expect("the server answers").status().is_success()
}

fn fingerprint(token: &SecretString) -> String {
    serde_json::to_value(Fingerprint::of(token))
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .expect("text")
}

fn arguments() -> Arguments {
    let mut found = Arguments {
        store: PathBuf::new(),
        server: Url::parse("http://127.0.0.1/").expect("a valid URL"),
        owner: Owner::Host,
        report: None,
        tries_first: false,
        in_process: false,
        tasks: 1,
        child: false,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let mut value = || arguments.next().expect("an argument has a value");
        match name.as_str() {
            "--store" => found.store = value().into(),
            "--server" => found.server = value().parse().expect("a URL"),
            "--owner" => found.owner = Owner::parse(&value()).expect("an owner"),
            "--report" => found.report = Some(value()),
            "--try" => found.tries_first = true,
            "--child" => found.child = true,
            "--in-process" => found.in_process = true,
            "--tasks" => found.tasks = value().parse().expect("a number"),
            other => panic!("unknown argument {other}"),
        }
    }
    found
}

/// Counts the rounds that the library says it goes.
struct Rounds(Arc<AtomicU32>);

impl tracing::Subscriber for Rounds {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("credentials")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        if event.metadata().fields().field("fruitless").is_some() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}
