//! The page of workers: one row per living process.

use supervisor::{WorkerState, WorkerStatus};

use super::html::{escape, push};
use super::{Viewer, harmless, thread_path, words};

/// A worker, as the page shows it.
#[derive(Debug, Clone)]
pub(crate) struct Worker<'a> {
    /// How it stands.
    pub(crate) status: &'a WorkerStatus,
    /// The thread's title, where the reader may see it; else the row is only counted and weighed.
    pub(crate) title: Option<&'a str>,
}

/// The body of the page.
pub(crate) fn workers(workers: &[Worker<'_>], viewer: &Viewer) -> String {
    let mut out = String::from(
        "<p class=\"lead\">One process per thread that is awake. Idle ones end by themselves, and come back with their memory \
         when spoken to.</p>",
    );
    if workers.is_empty() {
        return out
            + "<div class=\"blank\"><p>No worker runs. Write in a thread, and one is started for it.</p></div>";
    }
    let memory: u64 = workers.iter().filter_map(|worker| worker.status.memory).sum();
    push!(
        out,
        "<p class=\"quiet\">{} {}, {} in all</p>",
        workers.len(),
        if workers.len() == 1 { "worker" } else { "workers" },
        words::bytes(memory)
    );
    out.push_str(
        "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Workers\"><table class=\"workers\"><thead><tr>\
         <th scope=\"col\">Thread</th><th scope=\"col\">State</th><th scope=\"col\">Agent</th><th scope=\"col\" class=\"num\">Memory</th>\
         <th scope=\"col\" class=\"num\">Age</th><th scope=\"col\" class=\"num\">Queue</th><th scope=\"col\" class=\"num\">Process</th>\
         <th><span class=\"hear\">Stop</span></th></tr></thead><tbody>",
    );
    for worker in workers {
        out.push_str(&row(worker, viewer));
    }
    out + "</tbody></table></div>"
}

fn row(worker: &Worker<'_>, viewer: &Viewer) -> String {
    let status = worker.status;
    let (tone, state) = match status.state {
        WorkerState::Cold => ("quiet", "ended".to_owned()),
        WorkerState::Starting => ("working", "starting".to_owned()),
        WorkerState::Ready => ("quiet", "ready".to_owned()),
        WorkerState::Busy => ("working", "busy".to_owned()),
        WorkerState::Idle => ("quiet", "idle".to_owned()),
        WorkerState::Failed { until: None } => ("failed", "failed".to_owned()),
        WorkerState::Failed { until: Some(at) } => (
            "failed",
            format!("failed, again in {}", words::until(at, viewer.now)),
        ),
    };
    let (thread, stop) = match worker.title {
        Some(title) => {
            let title = harmless::line(title, 80);
            let title = escape(if title.is_empty() { "New thread" } else { &title });
            let id = escape(status.thread.local());
            let stop = match status.turn {
                Some(turn) if status.state == WorkerState::Busy => format!(
                    "<button data-act=\"stop\" data-thread=\"{id}\" data-turn=\"{turn}\" aria-label=\"Stop {title}\">Stop</button>"
                ),
                _ => String::new(),
            };
            (
                format!("<a href=\"{}\">{title}</a>", thread_path(&status.thread)),
                stop,
            )
        }
        None => (
            "<span class=\"quiet\">somebody else’s</span>".to_owned(),
            String::new(),
        ),
    };
    let memory = status.memory.map_or_else(|| "–".to_owned(), words::bytes);
    format!(
        "<tr><td class=\"wide\">{thread}</td><td><span class=\"dot {tone}\"></span> {state}</td><td>{}</td><td class=\"num\">{memory}</td>\
         <td class=\"num\">{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td><td class=\"num\">{stop}</td></tr>",
        escape(&status.agent),
        words::span(std::time::Duration::from_secs(status.age.as_secs())),
        status.queued,
        status.pid.map_or_else(|| "–".to_owned(), |pid| pid.to_string()),
    )
}
