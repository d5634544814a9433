//! What the running host answers to the commands of other processes.

use std::sync::Arc;

use chat::{discord, web};
use conversation::{BacklogFilter, GrantId, ThreadId};
use credentials::{Credentials, Timestamp, UserId};
use serde_json::{Value, json};
use supervisor::Supervisor;

use crate::control::{Answer, Answerer, Request};
use crate::failure::Failure;
use crate::status;
use crate::threads::Skipped;

/// Answers the commands of other processes.
pub(super) fn answerer(
    supervisor: Supervisor,
    credentials: Credentials,
    links: web::Links,
    discord: Option<discord::Doctor>,
) -> Answerer {
    let since = Timestamp::now();
    Arc::new(move |request| {
        let (supervisor, links, discord) = (supervisor.clone(), links.clone(), discord.clone());
        let credentials = credentials.clone();
        Box::pin(async move {
            match answer(
                &supervisor,
                &credentials,
                &links,
                discord.as_ref(),
                since,
                request,
            )
            .await
            {
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
    credentials: &Credentials,
    links: &web::Links,
    discord: Option<&discord::Doctor>,
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
            let refused = credentials.clone();
            let refused = tokio::task::spawn_blocking(move || refused.refused_variables()).await;
            let refused = refused.unwrap_or_default();
            report.attention.extend(refused.iter().map(status::of_refused));
            if let Some(doctor) = discord {
                let health = doctor.health().await?.unwrap_or_else(status::not_yet_known);
                report.attention.extend(status::of_discord(&health));
                report.discord = Some(health);
            }
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
        Request::Forbid { thread, number } => {
            let (thread, which) = (ThreadId::parse(&thread)?, number.map(GrantId));
            let taken = supervisor.take_back(&thread, which, &operator, "").await?;
            Ok(serde_json::to_value(taken)?)
        }
        Request::DismissAll => Ok(json!(supervisor.dismiss_all().await?)),
        Request::Skip { thread, max, only } => {
            let filter = BacklogFilter {
                thread: thread.as_deref().map(ThreadId::parse).transpose()?,
                only: only.map(Into::into),
                max,
            };
            let skipped = supervisor.skip(filter, &operator).await?;
            Ok(serde_json::to_value(Skipped::from(skipped))?)
        }
    }
}
