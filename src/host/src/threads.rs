//! `threads`: what threads say, and getting a stuck one going again, with or without a running host.

use conversation::{
    BacklogFilter, Conversation, Item, Permissions, ThreadFilter, ThreadId, ThreadSummary, TurnState,
    in_order,
};
use credentials::{Timestamp, words};
use serde_json::{Value, json};

use crate::arguments::Threads;
use crate::config::Settings;
use crate::control::{self, Request};
use crate::failure::{Exit, Failure, Outcome};
use crate::output::Table;
use crate::running::HostLock;
use crate::{assembly, output, status};

mod always;
mod story;
mod waiting;

pub(crate) use waiting::Skipped;

/// Entries that are read at once.
const PAGE: usize = 500;

/// Runs one of the verbs.
pub(crate) fn run(asked: Threads, settings: &Settings) -> Outcome {
    match asked {
        Threads::List { max, json } => list(settings, max, json),
        Threads::Show { thread, max, json } => show(settings, &thread, max, json),
        Threads::Stop { thread } => stop(settings, &thread),
        Threads::Reset { thread } => reset(settings, &thread),
        Threads::Forbid { thread, number, .. } => always::forbid(settings, &thread, number),
        Threads::Skip {
            all_failed: true,
            json,
            ..
        } => waiting::dismiss_all(settings, json),
        Threads::Skip {
            thread,
            max,
            only,
            json,
            ..
        } => {
            let filter = BacklogFilter {
                thread,
                only: only.map(Into::into),
                max: max.unwrap_or(1) as usize,
            };
            waiting::skip(settings, filter, only, json)
        }
    }
}

fn list(settings: &Settings, max: usize, as_json: bool) -> Outcome {
    let (threads, all) = match status::open_if_there(settings)? {
        Some(conversation) => assembly::run(async {
            let filter = ThreadFilter {
                limit: max,
                ..ThreadFilter::default()
            };
            let threads = conversation.threads(filter).await?;
            Ok((threads, conversation.counts().await?.threads))
        })?,
        None => (vec![], 0),
    };
    let more = u64::from(all).saturating_sub(threads.len() as u64);
    if more > 0 {
        output::say(&format!(
            "{} more {} left out: --max 0 shows all",
            output::count(more, "thread"),
            if more == 1 { "is" } else { "are" }
        ));
    }
    let awaiting = if threads.iter().any(|summary| summary.running) {
        status::awaiting(settings)
    } else {
        vec![]
    };
    if as_json {
        for summary in &threads {
            output::json(&object(summary, &awaiting))?;
        }
        return Ok(Exit::Done);
    }
    if threads.is_empty() {
        output::say("there are no threads yet");
        return Ok(Exit::Done);
    }
    let now = Timestamp::now();
    let mut table = Table::new(&[
        "thread",
        "state",
        "queued",
        "undelivered",
        "active",
        "agent",
        "owner",
        "title",
    ]);
    for summary in &threads {
        table.row([
            summary.thread.id.to_string(),
            state(summary, &awaiting).to_owned(),
            summary.queued.to_string(),
            summary.undelivered.to_string(),
            format!("{} ago", words::span(now.since(summary.thread.active))),
            summary.thread.agent.clone(),
            summary.thread.owner.to_string(),
            story::plain(&summary.thread.title, 60),
        ]);
    }
    for line in table.lines() {
        output::data(&line)?;
    }
    Ok(Exit::Done)
}

/// What it is at. `awaiting` are those that wait for a person.
fn state(summary: &ThreadSummary, awaiting: &[String]) -> &'static str {
    let waits = || awaiting.contains(&summary.thread.id.to_string());
    match (summary.running, summary.queued, summary.last_end) {
        (true, ..) if waits() => "waiting for somebody",
        (true, ..) => "working",
        (false, 1.., _) => "queued",
        (false, 0, Some(end)) => end_word(end),
        (false, 0, None) => "empty",
    }
}

fn end_word(end: TurnState) -> &'static str {
    match end {
        TurnState::Queued => "queued",
        TurnState::Running => "working",
        TurnState::Done => "done",
        TurnState::Failed => "failed",
        TurnState::Stopped => "stopped",
        TurnState::Cut => "cut",
    }
}

fn object(summary: &ThreadSummary, awaiting: &[String]) -> Value {
    let thread = &summary.thread;
    json!({
        "thread": thread.id,
        "state": state(summary, awaiting),
        "queued": summary.queued,
        "undelivered": summary.undelivered,
        "active": thread.active,
        "created": thread.created,
        "agent": thread.agent,
        "model": thread.model,
        "dispatch": thread.dispatch,
        "permissions": thread.permissions.map(Permissions::as_str),
        "workspaces": thread.workspaces,
        "owner": thread.owner,
        "title": thread.title,
    })
}

fn show(settings: &Settings, thread: &ThreadId, max: usize, as_json: bool) -> Outcome {
    let conversation = opened(settings)?;
    let max = if max == 0 { usize::MAX } else { max };
    let filter = BacklogFilter {
        thread: Some(thread.clone()),
        only: None,
        max,
    };
    let (summary, (items, is_all), grants, waits) = assembly::run(async {
        let known = conversation.thread(thread).await?;
        let items = newest(&conversation, thread, max, |item| as_json || story::tells(item)).await?;
        let grants = conversation.grants(thread).await?;
        Ok((known, items, grants, conversation.backlog(filter).await?))
    })?;
    if !is_all {
        output::say("older entries are left out: --max 0 shows all");
    }
    if as_json {
        for item in &items {
            output::json(&item_object(item))?;
        }
        for grant in &grants {
            output::json(&always::object(grant))?;
        }
        for one in &waits.entries {
            output::json(&waiting::object(one))?;
        }
        return Ok(Exit::Done);
    }
    output::data(&format!(
        "{} · {} · agent {} · owner {}",
        summary.id,
        story::plain(&summary.title, 80),
        summary.agent,
        summary.owner
    ))?;
    for line in story::lines(&in_order(&items))
        .into_iter()
        .chain(always::lines(&grants, thread))
        .chain(waiting::lines(&waits, thread))
    {
        output::data(&line)?;
    }
    Ok(Exit::Done)
}

/// The newest `max` entries that are shown, oldest first, and whether there are no older ones.
async fn newest(
    conversation: &Conversation,
    thread: &ThreadId,
    max: usize,
    is_shown: impl Fn(&Item) -> bool,
) -> Result<(Vec<Item>, bool), Failure> {
    let mut found = Vec::new();
    let mut before = None;
    // One more than is shown tells that there are older ones.
    while found.len() <= max {
        let page = conversation.items(thread, before, PAGE).await?;
        let Some(oldest) = page.first() else { break };
        before = Some(oldest.id);
        found.extend(page.into_iter().rev().filter(&is_shown));
    }
    let is_all = found.len() <= max;
    found.truncate(max);
    found.reverse();
    Ok((found, is_all))
}

fn item_object(item: &Item) -> Value {
    json!({ "id": item.id, "turn": item.turn, "at": item.at, "body": item.body })
}

fn stop(settings: &Settings, thread: &ThreadId) -> Outcome {
    let asked = Request::Stop {
        thread: thread.to_string(),
    };
    match control::ask(&settings.state_folder, &asked)? {
        Some(Value::Bool(true)) => output::data(&format!("stopping the running turn of {thread}"))?,
        Some(_) => output::data(&format!("nothing runs in {thread}"))?,
        None => {
            return Err(Failure::words("no host runs, so no turn does").hint(format!(
                "`agent-host threads show {thread}` tells what became of it"
            )));
        }
    }
    Ok(Exit::Done)
}

fn reset(settings: &Settings, thread: &ThreadId) -> Outcome {
    let asked = Request::Reset {
        thread: thread.to_string(),
    };
    if control::ask(&settings.state_folder, &asked)?.is_none() {
        let (conversation, _lock) = owned(settings)?;
        assembly::run(async {
            supervisor::reset_offline(&conversation, &settings.state_folder, thread).await?;
            Ok(conversation.close().await?)
        })?;
    }
    output::data(&format!("{thread} begins a new session with its next message"))?;
    Ok(Exit::Done)
}

/// The conversation, for looking.
fn opened(settings: &Settings) -> Result<Conversation, Failure> {
    status::open_if_there(settings)?.ok_or_else(|| {
        Failure::words(format!(
            "there are no threads in `{}`",
            settings.state_folder.display()
        ))
        .hint("`agent-host up` or `agent-host demo` makes some")
    })
}

/// The conversation, for changing it while no host runs: this process is the host for the moment.
fn owned(settings: &Settings) -> Result<(Conversation, HostLock), Failure> {
    opened(settings)?;
    let lock = HostLock::take(&settings.state_folder)?;
    Ok((Conversation::open_offline(&settings.state_folder)?, lock))
}
