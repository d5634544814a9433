//! From a durable message to the worker that has its prompt; and, of our own agent, to the model that has its request.

use conversation::{Body, ThreadId};
use supervisor::{AgentKind, Change, Limits, Supervisor, ThreadPhase};

use crate::moment::{milliseconds, moments, now};
use crate::table::{Limit, Table, median};
use crate::{model, town};

const RUNS: usize = 60;

pub(crate) fn measure(table: &mut Table) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    let smallest = runtime.block_on(run(town::smallest()));
    let own = runtime.block_on(async { run(town::native(&model::serve().await)).await });
    for (way, (warm, cold)) in [
        ("prompt in the smallest agent", smallest),
        ("our agent's request at its model", own),
    ] {
        for (state, figures, limit) in [("warm", warm, 5.0), ("cold", cold, 15.0)] {
            let middle = median(figures.clone());
            table.add(
                &format!("message durable to {way}, {state}, p50"),
                format!("p95 {:.2} ms of {RUNS}", p95(figures)),
                middle,
                "ms",
                Limit::AtMost(limit),
            );
        }
    }
}

/// Milliseconds, each time warm and cold, of a supervisor with this agent.
async fn run(agent: AgentKind) -> (Vec<f64>, Vec<f64>) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let supervisor = town::supervisor(folder.path(), agent, Limits::default()).await;
    let (mut warm, mut cold) = (Vec::new(), Vec::new());
    for number in 0..RUNS {
        let thread = town::thread(&supervisor, &format!("cold{number}")).await;
        cold.push(ask(&supervisor, &thread, "first").await);
        warm.push(ask(&supervisor, &thread, "second").await);
    }
    supervisor.drain(std::time::Duration::ZERO).await;
    (warm, cold)
}

/// Milliseconds from the moment when `post` has returned to the one when the agent, or its model, read the prompt. Negative, and then
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
