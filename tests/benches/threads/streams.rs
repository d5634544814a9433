//! Many threads stream at once, each watched by a page: how old is a word when its page gets it, and is any lost?

use std::time::Duration;

use chat::web;
use supervisor::Limits;
use support::{Ear, Person};

use crate::agent::{END, MARK};
use crate::moment::{milliseconds, moments, now};
use crate::table::{Limit, Table};
use crate::town;

const THREADS: usize = 200;

/// Words per answer, and the pause between two.
const WORDS: usize = 100;
const PAUSE_MS: usize = 50;

pub(crate) fn measure(table: &mut Table) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    let (mut ages, lost) = runtime.block_on(run());
    ages.sort_by(f64::total_cmp);
    let at = |share: usize| ages[(ages.len() * share / 100).min(ages.len() - 1)];
    table.add(
        "200 threads stream to 200 pages at once, age of a word when its page gets it, p99",
        format!("p50 {:.0} ms, p90 {:.0} ms, {} words", at(50), at(90), ages.len()),
        at(99),
        "ms",
        Limit::AtMost(250.0),
    );
    let all = THREADS * WORDS;
    table.add(
        "words of these answers that the pages got",
        format!("{} of {all}", all - lost),
        percent(all - lost, all),
        "%",
        Limit::AtLeast(100.0),
    );
}

fn percent(part: usize, whole: usize) -> f64 {
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    100.0 * number(part) / number(whole)
}

async fn run() -> (Vec<f64>, usize) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let limits = Limits {
        starting: 16,
        starts_per_second: 1000,
        ..Limits::default()
    };
    let supervisor = town::supervisor(folder.path(), town::smallest(), limits).await;
    let config = web::Config::new(
        "127.0.0.1:0".parse().expect("an address"),
        folder.path().to_owned(),
        town::AGENT.to_owned(),
    );
    let server = web::Server::start(config, supervisor.clone(), town::credentials(folder.path()))
        .await
        .expect("it starts");
    let link = server.links().new_link().expect("links let people in");
    let host = Person::enter(&link).await;
    // All workers and all pages, each a person's own, are there before the first word.
    let mut threads = Vec::new();
    for _ in 0..THREADS {
        let person = Person::enter(&host.invite().await).await;
        let thread = person.open("when").await;
        let mut ear = person.listen(&thread).await;
        ear.until(|heard| heard.data.to_string().contains(MARK)).await;
        threads.push((person, thread, ear));
    }
    let mut watching = tokio::task::JoinSet::new();
    for (person, thread, ear) in threads {
        // The ear is open before the question is put, as a page is.
        watching.spawn(watch(ear));
        watching.spawn(async move {
            let question = format!("stream {WORDS} {PAUSE_MS}");
            person.say(&thread, "stream", &question).await;
            (vec![], WORDS)
        });
    }
    let (mut ages, mut lost) = (Vec::new(), 0);
    while let Some(watched) = watching.join_next().await {
        let (seen, words) = watched.expect("it watches to the end");
        ages.extend(seen);
        lost += WORDS.saturating_sub(words);
    }
    supervisor.drain(Duration::ZERO).await;
    server.shutdown().await;
    (ages, lost)
}

/// The ages of all words in milliseconds, and how many different words came.
async fn watch(mut ear: Ear) -> (Vec<f64>, usize) {
    // What was said before is the answer to the question that started the worker; it may be drawn once more.
    let began = now();
    let mut ages = Vec::new();
    let mut words = std::collections::BTreeSet::new();
    while let Some(heard) = ear.next().await {
        if heard.name == "snapshot" {
            continue;
        }
        let at = now();
        let text = heard.data.to_string();
        for said in moments(&text, began) {
            // An update repeats what it changes: a word's age is that at its first appearance.
            if words.insert(said) {
                ages.push(milliseconds(said, at));
            }
        }
        if text.contains(END) {
            break;
        }
    }
    (ages, words.len())
}
