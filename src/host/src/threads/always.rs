//! What is always allowed in a thread: told, and taken back.

use conversation::{Grant, GrantId, ThreadId};
use credentials::words;
use serde_json::{Value, json};

use super::{owned, story};
use crate::config::Settings;
use crate::control::{self, Request};
use crate::failure::{Exit, Failure, Outcome};
use crate::{assembly, output};

/// Takes back what has this number, or all.
pub(super) fn forbid(settings: &Settings, thread: &ThreadId, number: Option<i64>) -> Outcome {
    let asked = Request::Forbid {
        thread: thread.to_string(),
        number,
    };
    let taken: Vec<Grant> = if let Some(value) = control::ask(&settings.state_folder, &asked)? {
        serde_json::from_value(value)
            .map_err(|error| Failure::during(error, "the running host answered something else"))?
    } else {
        let (conversation, _lock) = owned(settings)?;
        assembly::run(async {
            let taken = supervisor::take_back_offline(&conversation, thread, number.map(GrantId)).await?;
            conversation.close().await?;
            Ok(taken)
        })?
    };
    match number {
        Some(number) if taken.is_empty() => {
            return Err(
                Failure::words(format!("{number} is nothing that can be taken back in {thread}"))
                    .hint(format!("`agent-host threads show {thread}` lists what is always allowed, and what only a reset ends")),
            );
        }
        None if taken.is_empty() => {
            output::data(&format!(
                "nothing is always allowed in {thread} that could be taken back"
            ))?;
        }
        _ => {}
    }
    for grant in &taken {
        output::data(&format!("asks again: {}", told(grant)))?;
    }
    Ok(Exit::Done)
}

/// As a line of JSON.
pub(super) fn object(grant: &Grant) -> Value {
    json!({
        "always": grant.id,
        "at": grant.at,
        "by": grant.by,
        "words": grant.words,
        "title": grant.title,
        "detail": grant.detail,
        "item": grant.item,
        "kept_by": if grant.theirs { "agent" } else { "host" },
    })
}

/// All of them, as lines of text.
pub(super) fn lines(grants: &[Grant], thread: &ThreadId) -> Vec<String> {
    let Some(first) = grants.iter().find(|grant| !grant.theirs).or(grants.first()) else {
        return vec![];
    };
    let mut lines = vec!["always allowed here".to_owned()];
    lines.extend(grants.iter().map(|grant| {
        let number = if grant.theirs {
            "remembered by the agent itself".to_owned()
        } else {
            grant.id.to_string()
        };
        let by = story::plain(&grant.by, 40);
        format!(
            "    {number}  {}, by {by}, {}",
            told(grant),
            words::moment(grant.at)
        )
    }));
    lines.push(if first.theirs {
        format!("`agent-host threads reset {thread}` ends it, as far as the agent keeps it in its session")
    } else {
        format!("`agent-host threads forbid {thread} {}` takes it back", first.id)
    });
    lines
}

/// What is allowed, and what was asked for when it was.
fn told(grant: &Grant) -> String {
    format!(
        "{} (given for: {}, {})",
        story::plain(&grant.words, 80),
        story::plain(&grant.title, 60),
        story::plain(&grant.detail, 120)
    )
}
