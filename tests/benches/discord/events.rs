//! What a busy guild costs a host that nobody there speaks to.

use std::time::{Duration, Instant};

use support::discord::Person;

use crate::table::{Limit, Table};
use crate::town::Town;

const PER_SECOND: u32 = 1000;
const SECONDS: u32 = 10;
/// Of the processor's time as the kernel counts it.
const TICKS_PER_SECOND: f64 = 100.0;

pub(crate) async fn measure(table: &mut Table) {
    let town = Town::new().await;
    let (lobby, stranger) = (town.guild.channel("lobby"), town.guild.member("stranger"));
    let host = town.up().await;
    town.quiet().await;
    let pid = host.pid().as_raw().unsigned_abs();
    let before = ticks(pid);
    let began = Instant::now();
    let batches = 100 * SECONDS;
    for batch in 0..batches {
        speak(&stranger, lobby, PER_SECOND / 100);
        let next = began + Duration::from_millis(10) * (batch + 1);
        tokio::time::sleep_until(next.into()).await;
    }
    let rate = f64::from(PER_SECOND * SECONDS) / began.elapsed().as_secs_f64();
    // It has read the last of them when it does what was asked after it.
    town.threads(1).await;
    let took = began.elapsed().as_secs_f64();
    let used = (ticks(pid) - before) / TICKS_PER_SECOND;
    host.stop();
    table.add(
        "events that are not for the host, of one core",
        format!("{used:.2} s of {took:.1} s"),
        100.0 * used / took,
        "%",
        Limit::AtMost(10.0),
    );
    table.add(
        "these events",
        format!("{} in all", PER_SECOND * SECONDS),
        rate,
        "a second",
        Limit::AtLeast(950.0),
    );
}

/// What goes on between others: mostly they talk, now and then one edits or reacts.
fn speak(stranger: &Person, lobby: support::discord::Id, events: u32) {
    let mut last = None;
    for number in 0..events {
        match (number % 5, last) {
            (3, Some(message)) => stranger.edits(message, "nothing that concerns a bot, after all"),
            (4, Some(message)) => stranger.reacts(message, "👍"),
            _ => last = Some(stranger.says(lobby, "nothing that concerns a bot")),
        }
    }
}

/// Time that a process has used, in the kernel's ticks, its threads' included.
fn ticks(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it lives");
    let (_, fields) = stat.rsplit_once(") ").expect("the name stands in brackets");
    let fields: Vec<&str> = fields.split(' ').collect();
    // Fields 14 and 15 of proc_pid_stat(5); the third is the first here.
    [fields[11], fields[12]]
        .iter()
        .map(|field| f64::from(field.parse::<u32>().expect("a number")))
        .sum()
}
