//! How soon the last of 32 processes has the token that another one fetched, and how soon a killed holder is followed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::json;

use crate::roles::{now, write_private};
use crate::table::{Limit, Table, median};

const WAITERS: usize = 32;
const ROUNDS: usize = 7;

/// Long enough for 32 processes to start on two cores before the first of them begins.
const START: u128 = 400_000_000;

/// The poller's period in nanoseconds, over which staggered starts are spread.
const PERIOD: u128 = 100_000_000;

#[derive(Clone, Copy)]
enum Starts {
    Aligned,
    Staggered,
}

struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Process {
    fn start(role: &str, store: &Path, moment: u128) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("the system tells"))
            .args([role, &store.display().to_string(), &moment.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, output }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("it says something");
        line.trim().to_owned()
    }

    fn moment(mut self) -> u128 {
        let moment = self.line().parse().expect("a moment");
        self.child.wait().expect("it ends");
        moment
    }

    fn go(&mut self) {
        self.child
            .stdin
            .take()
            .expect("it is piped")
            .write_all(b"!")
            .expect("it listens");
    }
}

pub(crate) fn measure(table: &mut Table) {
    for (name, starts, limit) in [
        (
            "last of 32 staggered processes adopts, against a 100 ms poller",
            Starts::Staggered,
            20.0,
        ),
        (
            "last of 32 aligned processes adopts, against a 100 ms poller",
            Starts::Aligned,
            25.0,
        ),
    ] {
        let (mut ours, mut pollers) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(last_adopts("wait", starts));
            pollers.push(last_adopts("poll", starts));
        }
        let (ours, poller) = (median(ours), median(pollers));
        let detail = format!("{ours:.1} ms against {poller:.1} ms");
        table.add(name, detail, poller / ours, "× sooner", Limit::AtLeast(limit));
    }
    let takeover = median((0..3 * ROUNDS).map(|_| takeover()).collect());
    table.add(
        "takeover after SIGKILL of the holder",
        String::new(),
        takeover,
        "ms",
        Limit::AtMost(5.0),
    );
}

/// A store whose token is over, with the renewed one beside it, ready to be renamed.
fn store(refresh_token: Option<&str>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("auth.json");
    let at = i64::try_from(now() / 1_000_000).expect("milliseconds fit");
    for (name, generation, expires) in [("auth.json", 1, at - 1000), ("renewed.json", 2, at + 3_600_000)] {
        let entry = json!({
            "type": "oauth", "generation": generation, "access_token": "x", "refresh_token": refresh_token,
            "scopes": [], "obtained_at_ms": at - 3_600_000, "expires_at_ms": expires, "obtained_by": "sign_in",
            "client_id": "c",
        });
        let file =
            json!({ "version": 1, "generation": generation, "tenants": { "codex": { "host": entry } } });
        write_private(&folder.path().join(name), &file.to_string());
    }
    (folder, path)
}

/// Milliseconds from the renewed file to the last process that has its token.
fn last_adopts(role: &str, starts: Starts) -> f64 {
    let (_folder, store) = store(Some("r"));
    let mut holder = Process::start("hold", &store, 0);
    assert_eq!(holder.line(), "ready");
    let begin = now() + START;
    let waiters: Vec<_> = (0..WAITERS)
        .map(|index| {
            let offset = match starts {
                Starts::Aligned => 0,
                Starts::Staggered => PERIOD * index as u128 / WAITERS as u128,
            };
            Process::start(role, &store, begin + offset)
        })
        .collect();
    // All are in their waits by now, whatever their phase.
    park_until(begin + 2 * PERIOD + PERIOD / 3);
    holder.go();
    let renewed = holder.moment();
    let last = waiters
        .into_iter()
        .map(Process::moment)
        .max()
        .expect("there are some");
    milliseconds(last.saturating_sub(renewed))
}

/// Milliseconds from the kill of a holder to the answer of one who waited, with nothing to send in between.
fn takeover() -> f64 {
    let (_folder, store) = store(None);
    let mut holder = Process::start("hold", &store, 0);
    assert_eq!(holder.line(), "ready");
    let begin = now() + 50_000_000;
    let waiter = Process::start("wait", &store, begin);
    park_until(begin + PERIOD);
    let killed = now();
    holder.child.kill().expect("it is there");
    let followed = waiter.moment();
    holder.child.wait().expect("it was killed");
    milliseconds(followed.saturating_sub(killed))
}

fn park_until(moment: u128) {
    while now() < moment {
        let left = u64::try_from(moment.saturating_sub(now())).unwrap_or(0);
        std::thread::park_timeout(std::time::Duration::from_nanos(left));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn milliseconds(nanoseconds: u128) -> f64 {
    nanoseconds as f64 / 1e6
}
