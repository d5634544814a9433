//! `auth complete`: the second step of a sign-in.

use std::time::{Duration, Instant};

use credentials::{Begun, Completed, Credentials, Tenant, UserId, words};
use secrecy::SecretString;
use serde::Serialize;

use super::{begin, owner_word, rfc3339, seconds_left};
use crate::arguments::Complete;
use crate::config::Settings;
use crate::failure::{Exit, Failure, Outcome, begin_command};
use crate::tenant_view::{AccountObject, shown};
use crate::{assembly, log, output, terminal};

/// How often a person who waits is told that it goes on.
const PROGRESS: Duration = Duration::from_secs(5);

#[derive(Serialize)]
struct CompletedObject<'a> {
    tenant: &'a str,
    owner: &'a str,
    account: Option<AccountObject<'a>>,
    scopes: &'a [String],
    expires_at: Option<String>,
    expires_in_s: Option<i64>,
    refreshable: bool,
}

/// Completes what was begun, with what is pasted where something is needed.
pub(super) fn run(asked: Complete, settings: &Settings) -> Outcome {
    log::start(&settings.log_filter);
    let credentials = assembly::credentials(settings)?;
    super::vendor(&credentials, &asked.tenant)?;
    let user = super::user(asked.user.as_ref(), settings)?;
    // Should it have to begin again: as it was begun, or as it would be by default for whom was named.
    let waiting = credentials.waiting(&asked.tenant, &user)?;
    let waits_for = waiting.as_ref().and_then(|waiting| waiting.way);
    let tenant = match (waiting, asked.user) {
        (Some(waiting), _) => Tenant {
            service: asked.tenant,
            owner: waiting.owner,
        },
        (None, Some(_)) => Tenant::user(asked.tenant, user.clone()),
        (None, None) => Tenant::host(asked.tenant),
    };
    let completed = assembly::run(async {
        let pasted = match waits_for {
            Some("device") | None => None,
            Some(way) => Some(take(asked.pasted, way).await?),
        };
        if waits_for == Some("device") {
            return wait(&credentials, &tenant, &user, None).await;
        }
        finish(&credentials, &tenant, &user, pasted).await
    })?;
    report(&completed, asked.json)
}

/// What was pasted: from the command line, a prompt or standard input.
async fn take(argument: Option<String>, way: &str) -> Result<SecretString, Failure> {
    match argument {
        Some(pasted) if pasted != "-" => {
            output::say("warning: other users of this machine can see what stands on a command line");
            output::hint("leave it out and paste it when asked, or pipe it in");
            Ok(pasted.into())
        }
        _ if way == "api-key" => terminal::prompt("API key (not shown): ", true).await,
        _ => {
            terminal::prompt(
                "paste the code, or the address that the browser ended on: ",
                false,
            )
            .await
        }
    }
}

/// Exchanges what was pasted. `tenant` is whose login it was begun for, as far as that is known.
pub(super) async fn finish(
    credentials: &Credentials,
    tenant: &Tenant,
    user: &UserId,
    pasted: Option<SecretString>,
) -> Result<Completed, Failure> {
    credentials
        .complete(&tenant.service, user, pasted)
        .await
        .map_err(|error| {
            let begin = begin_command(tenant, user);
            Failure::sign_in(error, &begin, credentials.vendors())
        })
}

/// Waits until the code was typed in, and says from time to time that it does.
pub(super) async fn wait(
    credentials: &Credentials,
    tenant: &Tenant,
    user: &UserId,
    begun: Option<&Begun>,
) -> Result<Completed, Failure> {
    output::say("waiting until the code is typed in; Ctrl-C ends only the waiting");
    let start = Instant::now();
    let finished = finish(credentials, tenant, user, None);
    tokio::pin!(finished);
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + PROGRESS, PROGRESS);
    loop {
        tokio::select! {
            completed = &mut finished => return completed,
            _ = ticks.tick(), if terminal::reads_stderr() => {
                let reminder = begun.map(begin::device_words).unwrap_or_default();
                let so_far = words::span(start.elapsed());
                let line = [format!("still waiting, {so_far} so far")].into_iter().chain(reminder);
                output::say(&line.collect::<Vec<_>>().join("; "));
            }
        }
    }
}

/// Tells that it is done: words to the person, JSON to whoever asked for it.
pub(super) fn report(completed: &Completed, as_json: bool) -> Outcome {
    output::say(&success(completed));
    if as_json {
        output::json(&CompletedObject {
            tenant: completed.tenant.service.as_str(),
            owner: owner_word(&completed.tenant.owner),
            account: completed.account.as_ref().map(AccountObject::of),
            scopes: &completed.scopes,
            expires_at: completed.expires_at.and_then(rfc3339),
            expires_in_s: completed.expires_at.map(seconds_left),
            refreshable: completed.refreshable,
        })?;
    }
    Ok(Exit::Done)
}

/// `signed in to codex as alice@example.org (host), valid until …, renewed by itself`.
fn success(completed: &Completed) -> String {
    let account = completed.account.as_ref().map_or_else(String::new, |account| {
        format!(" as {}", shown(account.label.as_deref().unwrap_or(&account.id)))
    });
    let life = match (completed.expires_at, completed.refreshable) {
        (None, _) => ", valid until it is removed".to_owned(),
        (Some(at), true) => format!(", valid until {}, renewed by itself", words::moment(at)),
        (Some(at), false) => format!(", valid until {}, then sign in again", words::moment(at)),
    };
    format!(
        "signed in to {}{account} ({}){life}",
        completed.tenant.service,
        owner_word(&completed.tenant.owner)
    )
}
