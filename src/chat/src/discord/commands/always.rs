//! What is always allowed in a thread: in `/status`, with buttons that take it back.

use std::fmt::Write as _;

use conversation::{Grant, GrantId, ThreadId};
use credentials::UserId;
use serde_json::{Value, json};
use supervisor::SupervisorError;

use super::Here;
use crate::discord::asker::Asker;
use crate::discord::bot::Bot;
use crate::discord::custom_id::Action;
use crate::discord::press::decides_for;
use crate::discord::render;
use crate::discord::split::as_code;
use crate::harmless;

/// So many are listed, those that can be taken back with a button.
const LISTED: usize = 8;
/// What is left for saying that there are more.
const MORE: usize = 120;
/// Buttons in a row.
const ROW: usize = 5;

/// What is always allowed, as lines of at most `room` letters in all, and rows of buttons for those who may decide.
pub(super) async fn listed(
    here: &Here<'_>,
    room: usize,
) -> Result<(String, Vec<Vec<Value>>), SupervisorError> {
    let Here {
        bot,
        asker,
        thread,
        by,
        ..
    } = here;
    let mut grants = bot.house.supervisor.grants(thread).await?;
    if grants.is_empty() {
        return Ok((String::new(), vec![]));
    }
    // What nobody can take back here comes last.
    grants.sort_by_key(|grant| grant.theirs);
    let mut content = "\n**Always allowed here**".to_owned();
    let mut listed = 0;
    for grant in grants.iter().take(LISTED) {
        let line = line(grant);
        if content.chars().count() + line.chars().count() + MORE > room {
            break;
        }
        // Writing to a String can't fail.
        let _ = write!(content, "\n{line}");
        listed += 1;
    }
    let (shown, more) = grants.split_at(listed);
    if !more.is_empty() {
        let _ = write!(
            content,
            "\nand {} more: `agent-host threads show {thread}`",
            more.len()
        );
    }
    let may = decides_for(bot, asker, thread, by).await?.is_some();
    let is_one_of_several = grants.iter().filter(|grant| !grant.theirs).count() > 1;
    let rows = if may {
        buttons(bot, asker, shown, is_one_of_several)
    } else {
        vec![]
    };
    Ok((content, rows))
}

fn line(grant: &Grant) -> String {
    let said = |text: &str, most| render::escaped(&harmless::line(text, most));
    let what = as_code(&harmless::line(&harmless::named(&grant.detail), 80));
    let ends = if grant.theirs {
        ": the agent remembers it itself, and `/reset` ends it if it keeps it with what was said here"
    } else {
        ""
    };
    format!(
        "`{}` {} ({}, <t:{}:R>, at {what}){ends}",
        grant.id,
        said(&grant.words, 60),
        said(&grant.by, 40),
        grant.at.millis().div_euclid(1000)
    )
}

fn buttons(bot: &Bot, asker: &Asker, shown: &[Grant], is_one_of_several: bool) -> Vec<Vec<Value>> {
    let button = |label: &str, grant: Option<GrantId>| {
        let custom_id = bot.sealer.encode(asker.channel, &Action::Forbid { grant }).ok()?;
        Some(json!({ "type": 2, "style": 2, "label": label, "custom_id": custom_id }))
    };
    let ours = shown.iter().filter(|grant| !grant.theirs);
    let mut all: Vec<Value> = ours
        .filter_map(|grant| button(&format!("Ask again: {}", grant.id), Some(grant.id)))
        .collect();
    if is_one_of_several {
        all.extend(button("Ask again: all", None));
    }
    all.chunks(ROW).map(<[Value]>::to_vec).collect()
}

/// Takes one back, or all. In words, what became of it.
pub(in crate::discord) async fn forbid(
    bot: &Bot,
    asker: &Asker,
    thread: &ThreadId,
    owner: &UserId,
    which: Option<GrantId>,
) -> Result<String, SupervisorError> {
    let taken = bot
        .house
        .supervisor
        .take_back(thread, which, owner, &asker.name)
        .await?;
    tracing::info!(%thread, user = asker.user, count = taken.len(), "what was always allowed was taken back");
    Ok(match taken.len() {
        0 => "That is no longer allowed, or the agent remembers it itself: `/status`.".to_owned(),
        1 => "Taken back: the next such call asks again.".to_owned(),
        some => format!("{some} taken back: the next such calls ask again."),
    })
}
