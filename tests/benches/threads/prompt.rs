//! From a durable message to the worker that has its prompt.

use conversation::{Body, ThreadId};
use supervisor::{Change, Limits, Supervisor, ThreadPhase};

use crate::moment::{milliseconds, moments, now};
use crate::table::{Limit, Table, median};
use crate::town;

const RUNS: usize = 60;

pub(crate) fn measure(table: &mut Table) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    let (warm, cold) = runtime.block_on(run());
    for (what, figures, limit) in [("warm", warm, 5.0), ("cold", cold, 15.0)] {
        let (middle, detail) = (
            median(figures.clone()),
            format!("p95 {:.2} ms of {RUNS}", p95(figures)),
        );
        table.add(
            &format!("message durable to prompt in the smallest agent, {what}, p50"),
            detail,
            middle,
            "ms",
            Limit::AtMost(limit),
        );
    }
}

async fn run() -> (Vec<f64>, Vec<f64>) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let supervisor = town::supervisor(folder.path(), Limits::default()).await;
    let (mut warm, mut cold) = (Vec::new(), Vec::new());
    for number in 0..RUNS {
        let thread = town::thread(&supervisor, &format!("cold{number}")).await;
        cold.push(ask(&supervisor, &thread, "first").await);
        warm.push(ask(&supervisor, &thread, "second").await);
    }
    supervisor.drain(std::time::Duration::ZERO).await;
    (warm, cold)
}

/// Milliseconds from the moment when `post` has returned to the one when the agent read the prompt. Negative, and then
/// zero, if the agent was faster than the answer to the poster.
async fn ask(supervisor: &Supervisor, thread: &ThreadId, name: &str) -> f64 {
    let (_, mut updates) = supervisor.subscribe(thread).await.expect("it is there");
    supervisor
        .post(town::message(thread, name.to_owned(), "when"))
        .await
        .expect("it is accepted");
    let durable = now();
    let mut read = None;
    while let Some(update) = updates.next().await {
        match update.change {
            Change::Item(item) => {
                if let Body::Answer { text } = item.body {
                    read = moments(&text, 0).next();
                }
            }
            Change::Phase {
                phase: ThreadPhase::Idle,
                ..
            } if read.is_some() => break,
            _ => {}
        }
    }
    milliseconds(durable, read.expect("it answers"))
}

fn p95(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() * 95 / 100]
}
