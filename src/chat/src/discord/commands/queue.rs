//! `/queue`: what waits in a thread for its turn, and what could not be said in it.

use std::fmt::Write as _;

use conversation::Turn;
use supervisor::SupervisorError;

use super::Here;
use crate::discord::{render, split};
use crate::harmless;
use crate::notes::sentence;

/// Turns that are listed.
const LISTED: usize = 15;
/// So many messages that could not be said are counted.
const COUNTED: usize = 100;
/// Letters of why.
const REASON: usize = 200;

/// Lists, or does what was typed: `skip` takes a number out, `retry` tries again to say what could not be said.
pub(super) async fn queue(here: &Here<'_>) -> Result<String, SupervisorError> {
    if here.typed.is_set("retry") {
        return Ok(match here.bot.say_again(here.asker.channel).await {
            0 => "There is nothing here that could not be said.".to_owned(),
            1 => "One message is tried again.".to_owned(),
            some => format!("{some} messages are tried again."),
        });
    }
    let queued = here.bot.house.conversation.queued(&here.thread).await?;
    if let Some(number) = here.typed.number("skip") {
        let at = usize::try_from(number)
            .ok()
            .and_then(|number| number.checked_sub(1));
        let Some(turn) = at.and_then(|at| queued.get(at)) else {
            return Ok(match queued.len() {
                0 => "Nothing waits here, so there is nothing to skip.".to_owned(),
                1 => format!("There is no number {number} in the queue: one message waits."),
                some => format!("There is no number {number} in the queue: {some} messages wait."),
            });
        };
        let supervisor = &here.bot.house.supervisor;
        supervisor.drop_queued(&here.thread, turn.id, &here.by).await?;
        return Ok(format!("Out of the queue: {}", shown(turn)));
    }
    let unsaid = unsaid(here).await? + here.taken_out();
    if queued.is_empty() {
        return Ok(format!("Nothing waits here.{unsaid}"));
    }
    let mut answer = String::from("Waiting, the next one first (`/queue skip:` and a number take one out):");
    for (number, turn) in (1..).zip(queued.iter().take(LISTED)) {
        // Writing to a String can't fail.
        let _ = write!(answer, "\n{number}. {}", shown(turn));
    }
    if queued.len() > LISTED {
        let _ = write!(answer, "\nand {} more", queued.len() - LISTED);
    }
    Ok(answer + &unsaid)
}

/// A message that waits: whose it is, and its first words.
fn shown(turn: &Turn) -> String {
    let name = render::escaped(&harmless::line(&turn.name, 40));
    let words = split::disarmed(&harmless::line(&turn.text, 80));
    format!("{name}: {words}")
}

/// How many of the bot's messages Discord does not take, as a paragraph of its own; empty: none.
async fn unsaid(here: &Here<'_>) -> Result<String, SupervisorError> {
    let conversation = &here.bot.house.conversation;
    let stuck = conversation.stuck_deliveries(Some(&here.thread), COUNTED).await?;
    let Some(last) = stuck.last() else {
        return Ok(String::new());
    };
    let count = match stuck.len() {
        1 => "One message of mine".to_owned(),
        COUNTED => format!("{COUNTED} or more messages of mine"),
        some => format!("{some} messages of mine"),
    };
    let why = last.reason.as_deref().unwrap_or("no reason is known");
    let why = split::disarmed(&harmless::line(why, REASON));
    Ok(format!(
        "\n\n{count} could not be said here: {} `/queue retry:True` tries again.",
        sentence(&why)
    ))
}
