//! How old an agent's first word is when people can see it in Discord.

use crate::agent::END;
use crate::moment::{milliseconds, now};
use crate::table::{Limit, Table, median};
use crate::town::Town;

const THREADS: usize = 4;
const ROUNDS: usize = 4;

/// An edit a second: so long may the first word wait.
const EDIT_INTERVAL_MS: f64 = 1000.0;

pub(crate) async fn measure(table: &mut Table) {
    let town = Town::new().await;
    let host = town.up().await;
    let threads = town.threads(THREADS).await;
    let mut ages = Vec::new();
    for _ in 0..ROUNDS {
        for thread in &threads {
            let asked = now();
            town.alice.says(*thread, "stream 20 50");
            let first = town.heard(*thread, asked).await;
            ages.push(milliseconds(first, now()));
            all_said(&town, *thread).await;
        }
    }
    host.stop();
    let worst = ages.iter().copied().fold(0.0, f64::max);
    table.add(
        "an agent's first word to text in Discord, worst",
        format!("p50 {:.0} ms of {}", median(ages), THREADS * ROUNDS),
        worst,
        "ms",
        Limit::AtMost(EDIT_INTERVAL_MS),
    );
}

/// Until the newest answer is complete and its turn over.
async fn all_said(town: &Town, thread: support::discord::Id) {
    let bot = town.fake.bot();
    let said = town.fake.until("the end of the answer", |world| {
        let messages = world.messages(thread);
        let newest = messages.iter().rfind(|message| message.author == bot)?;
        newest.content.contains(END).then_some(())
    });
    said.await;
    town.quiet().await;
}
