//! What the running host answers to the commands of other processes.

use std::sync::Arc;

use chat::web;
use conversation::{ThreadFilter, ThreadId, TurnId};
use credentials::{Timestamp, UserId};
use serde_json::{Value, json};
use supervisor::{Supervisor, SupervisorError};

use crate::control::{Answer, Answerer, Request};
use crate::failure::Failure;
use crate::status;

/// Answers the commands of other processes.
pub(super) fn answerer(supervisor: Supervisor, links: web::Links) -> Answerer {
    let since = Timestamp::now();
    Arc::new(move |request| {
        let (supervisor, links) = (supervisor.clone(), links.clone());
        Box::pin(async move {
            match answer(&supervisor, &links, since, request).await {
                Ok(value) => Answer::Done { value },
                Err(failure) => Answer::Failed {
                    words: failure.to_string(),
                },
            }
        })
    })
}

async fn answer(
    supervisor: &Supervisor,
    links: &web::Links,
    since: Timestamp,
    request: Request,
) -> Result<Value, Failure> {
    let operator = UserId::parse("operator")?;
    match request {
        Request::Status => {
            let mut report = status::of_supervisor(supervisor).await?;
            report.host = Some(status::Host {
                pid: std::process::id(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                since,
                page: links.base().to_string(),
            });
            Ok(serde_json::to_value(report)?)
        }
        Request::Link => Ok(json!(links.new_link().map(String::from))),
        Request::Stop { thread } => Ok(json!(
            supervisor.stop(&ThreadId::parse(&thread)?, &operator).await?
        )),
        Request::Reset { thread } => {
            supervisor.reset(&ThreadId::parse(&thread)?, &operator).await?;
            Ok(Value::Null)
        }
        Request::Skip { thread, max } => {
            let thread = thread.as_deref().map(ThreadId::parse).transpose()?;
            skip(supervisor, thread, max, &operator).await
        }
    }
}

/// Takes the oldest queued turns out of the way, of one thread or of all.
async fn skip(
    supervisor: &Supervisor,
    thread: Option<ThreadId>,
    max: usize,
    operator: &UserId,
) -> Result<Value, Failure> {
    let threads = match thread {
        Some(thread) => vec![thread],
        None => supervisor
            .threads(ThreadFilter::default())
            .await?
            .into_iter()
            .filter(|status| status.summary.queued > 0)
            .map(|status| status.summary.thread.id)
            .collect(),
    };
    let mut waiting: Vec<(TurnId, ThreadId)> = Vec::new();
    for thread in threads {
        let queued = supervisor.subscribe(&thread).await?.0.queued;
        waiting.extend(queued.into_iter().map(|turn| (turn.id, thread.clone())));
    }
    waiting.sort_unstable();
    let mut skipped = 0;
    for (turn, thread) in waiting.iter().take(max) {
        match supervisor.drop_queued(thread, *turn, operator).await {
            Ok(()) => skipped += 1,
            // It has begun, or somebody else was faster.
            Err(SupervisorError::Gone(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(json!({ "turns": skipped, "left": waiting.len().saturating_sub(max) }))
}
