//! From what somebody says to the worker that has its prompt: through Discord's gateway, and through the page.

use support::Person;

use crate::moment::{milliseconds, moments, now};
use crate::table::{Limit, Table, median};
use crate::town::Town;

const THREADS: usize = 10;
const ROUNDS: usize = 6;

pub(crate) async fn measure(table: &mut Table) {
    let town = Town::new().await;
    let host = town.up().await;
    let discord = through_discord(&town).await;
    let page = through_page(&Person::enter(host.link()).await, &town).await;
    host.stop();
    let (discord, page) = (median(discord), median(page));
    table.add(
        "gateway event to prompt in the worker, beyond the same through the page, p50",
        format!("{discord:.2} ms against {page:.2} ms of {}", THREADS * ROUNDS),
        discord - page,
        "ms",
        Limit::AtMost(5.0),
    );
}

async fn through_discord(town: &Town) -> Vec<f64> {
    let threads = town.threads(THREADS).await;
    let mut took = Vec::new();
    for _ in 0..ROUNDS {
        for thread in &threads {
            let asked = now();
            town.alice.says(*thread, "when");
            took.push(milliseconds(asked, town.heard(*thread, asked).await));
            town.quiet().await;
        }
    }
    took
}

async fn through_page(person: &Person, town: &Town) -> Vec<f64> {
    let mut threads = Vec::new();
    for _ in 0..THREADS {
        let thread = person.open("when").await;
        let mut ear = person.listen(&thread).await;
        ear.until(|heard| moments(&heard.data.to_string(), 0).next().is_some())
            .await;
        threads.push((thread, ear));
    }
    town.quiet().await;
    let mut took = Vec::new();
    for round in 0..ROUNDS {
        for (thread, ear) in &mut threads {
            let asked = now();
            person.say(thread, &format!("round-{round}"), "when").await;
            let mut read = None;
            ear.until(|heard| {
                read = moments(&heard.data.to_string(), asked).min();
                read.is_some()
            })
            .await;
            took.push(milliseconds(asked, read.expect("it was waited for")));
            town.quiet().await;
        }
    }
    took
}
