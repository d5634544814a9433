//! What waits in threads: told, and taken out of the way.

use conversation::{Backlog, BacklogFilter, ThreadId, Waiting, WaitingKind};
use credentials::{Timestamp, words};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{owned, story};
use crate::arguments::Only;
use crate::config::Settings;
use crate::control::{self, Request};
use crate::failure::{Exit, Failure, Outcome};
use crate::{assembly, output, status};

/// What was taken out of the way, and what is left; the shape of `--json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Skipped {
    #[serde(rename = "skipped")]
    taken: Numbers,
    left: Numbers,
    /// Whether the last turn of the thread that was named, which failed or was cut, counts as seen now.
    #[serde(default)]
    dismissed: bool,
    /// Threads whose last turn failed or was cut, and that are left; counted only where none was named.
    #[serde(default)]
    unanswered: u64,
    /// Whether what is left goes away by itself.
    drains: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Numbers {
    turns: u64,
    deliveries: u64,
}

impl From<supervisor::Skipped> for Skipped {
    fn from(skipped: supervisor::Skipped) -> Self {
        Self {
            taken: Numbers {
                turns: skipped.turns as u64,
                deliveries: skipped.deliveries as u64,
            },
            left: Numbers {
                turns: skipped.turns_left as u64,
                deliveries: skipped.deliveries_left as u64,
            },
            dismissed: skipped.dismissed,
            unanswered: skipped.unanswered as u64,
            drains: skipped.drains,
        }
    }
}

impl Skipped {
    /// What was taken out of the way, if anything was.
    fn words(&self) -> Option<String> {
        let last = self
            .dismissed
            .then(|| "the last turn, which was not answered".to_owned());
        match (last, self.taken.words()) {
            (Some(last), Some(others)) => Some(format!("{last}, and {others}")),
            (last, others) => last.or(others),
        }
    }
}

impl Numbers {
    fn words(self) -> Option<String> {
        let turns = (self.turns > 0).then(|| output::count(self.turns, "queued turn"));
        let deliveries = (self.deliveries > 0).then(|| output::count(self.deliveries, "undelivered message"));
        let both: Vec<String> = turns.into_iter().chain(deliveries).collect();
        (!both.is_empty()).then(|| both.join(" and "))
    }
}

/// Takes what waits out of the way.
pub(super) fn skip(settings: &Settings, filter: BacklogFilter, only: Option<Only>, as_json: bool) -> Outcome {
    let asked = Request::Skip {
        thread: filter.thread.as_ref().map(ToString::to_string),
        max: filter.max,
        only,
    };
    let thread = filter.thread.clone();
    let answer = control::ask(&settings.state_folder, &asked)?;
    let a_host_runs = answer.is_some();
    let skipped = match answer {
        Some(value) => serde_json::from_value(value)
            .map_err(|error| Failure::during(error, "the running host answered something else"))?,
        None => offline(settings, filter)?,
    };
    if as_json {
        output::json(&skipped)?;
    } else {
        output::data(&line(&skipped, a_host_runs))?;
        // Only a host that runs has a turn that does, and only one thread can be named.
        if let (None, true, Some(thread)) = (skipped.words(), a_host_runs, thread) {
            output::hint(&format!(
                "a turn that runs is ended by `agent-host threads stop {thread}`"
            ));
        }
    }
    Ok(Exit::Done)
}

/// What failed or was cut needs no attention any more.
pub(super) fn dismiss_all(settings: &Settings, as_json: bool) -> Outcome {
    let count = if let Some(value) = control::ask(&settings.state_folder, &Request::DismissAll)? {
        serde_json::from_value(value)
            .map_err(|error| Failure::during(error, "the running host answered something else"))?
    } else if status::open_if_there(settings)?.is_none() {
        0
    } else {
        let (conversation, _lock) = owned(settings)?;
        assembly::run(async {
            let dismissed = conversation.dismiss_all().await?;
            conversation.close().await?;
            Ok(dismissed.len() as u64)
        })?
    };
    if as_json {
        output::json(&json!({ "dismissed_threads": count }))?;
    } else if count == 0 {
        output::data("no last turn of a thread failed or was cut")?;
    } else {
        let threads = output::count(count, "thread");
        output::data(&format!(
            "dismissed the last turn of {threads}, which failed or was cut: `agent-host status` no longer tells of it"
        ))?;
    }
    Ok(Exit::Done)
}

fn offline(settings: &Settings, filter: BacklogFilter) -> Result<Skipped, Failure> {
    let (conversation, _lock) = owned(settings)?;
    let is_of_all = filter.thread.is_none();
    let (taken, unanswered) = assembly::run(async {
        let taken = conversation.skip(filter).await?;
        let unanswered = if is_of_all {
            supervisor::unanswered(&conversation).await?
        } else {
            0
        };
        conversation.close().await?;
        Ok((taken, unanswered))
    })?;
    let of = |kind: WaitingKind| taken.entries.iter().filter(|one| kind_of(one) == kind).count() as u64;
    Ok(Skipped {
        taken: Numbers {
            turns: of(WaitingKind::Turns),
            deliveries: of(WaitingKind::Deliveries),
        },
        left: Numbers {
            turns: taken.turns as u64,
            deliveries: taken.deliveries as u64,
        },
        dismissed: taken.dismissed,
        unanswered: unanswered as u64,
        drains: taken.turns + taken.deliveries == 0,
    })
}

fn line(skipped: &Skipped, a_host_runs: bool) -> String {
    let line = of_what_waits(skipped, a_host_runs);
    if skipped.unanswered == 0 {
        return line;
    }
    let threads = output::count(skipped.unanswered, "thread");
    format!(
        "{line}; the last turn of {threads} failed or was cut: `agent-host threads skip --all-failed` dismisses that"
    )
}

fn of_what_waits(skipped: &Skipped, a_host_runs: bool) -> String {
    let taken = skipped.words().unwrap_or_else(|| "nothing".to_owned());
    let Some(left) = skipped.left.words() else {
        let rest = if skipped.unanswered == 0 {
            "nothing is left"
        } else {
            "nothing waits"
        };
        return format!("skipped {taken}, {rest}");
    };
    let future = match (skipped.drains, skipped.left) {
        (true, _) => "the host goes on with that",
        (false, Numbers { turns: 0, .. }) => "an undelivered message stays until it is skipped",
        (false, Numbers { deliveries: 0, .. }) if !a_host_runs => "that waits for a host",
        (false, Numbers { deliveries: 0, .. }) => {
            "a thread stands still until somebody presses Retry in it, or sends it a message"
        }
        (false, _) if !a_host_runs => {
            "turns wait for a host, an undelivered message stays until it is skipped"
        }
        (false, _) => "an undelivered message stays until it is skipped; `agent-host status` tells more",
    };
    format!("skipped {taken}, left: {left} ({future})")
}

fn kind_of(waiting: &Waiting) -> WaitingKind {
    match waiting {
        Waiting::Turn(_) => WaitingKind::Turns,
        Waiting::Delivery(_) => WaitingKind::Deliveries,
    }
}

/// One thing that waits, for `--json`.
pub(super) fn object(waiting: &Waiting) -> Value {
    match waiting {
        Waiting::Turn(turn) => json!({
            "waits": "turn",
            "turn": turn.id,
            "at": turn.created,
            "by": turn.by,
            "text": turn.text,
        }),
        Waiting::Delivery(delivery) => json!({
            "waits": "delivery",
            "delivery": delivery.id,
            "turn": delivery.turn,
            "part": delivery.part,
            "at": delivery.created,
            "tries": delivery.tries,
            "reason": delivery.reason,
            "text": delivery.text,
        }),
    }
}

/// What waits in a thread, as lines of text.
pub(super) fn lines(waits: &Backlog, thread: &ThreadId) -> Vec<String> {
    let now = Timestamp::now();
    let told = |waiting: &Waiting| {
        let (what, text) = match waiting {
            Waiting::Turn(turn) => ("queued".to_owned(), turn.text.as_str()),
            Waiting::Delivery(delivery) => {
                let why = delivery.reason.as_deref().unwrap_or("no reason is known");
                let attempts = output::count(u64::from(delivery.tries), "attempt");
                let what = format!("not delivered after {attempts}: {}", story::plain(why, 160));
                (what, delivery.text.as_deref().unwrap_or_default())
            }
        };
        let first = text
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default();
        [
            format!("{what}, for {}", words::span(now.since(waiting.since()))),
            format!("    {}", story::plain(first, 160)),
        ]
    };
    let mut lines: Vec<String> = waits.entries.iter().flat_map(told).collect();
    if let Some(all) = (Numbers {
        turns: waits.turns as u64,
        deliveries: waits.deliveries as u64,
    })
    .words()
    {
        lines.push(format!(
            "{all}; `agent-host threads skip {thread}` takes the oldest out of the way"
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_with_what_becomes_of_it() {
        let skipped = |turns, deliveries, drains| Skipped {
            taken: Numbers {
                turns: 1,
                deliveries: 2,
            },
            left: Numbers { turns, deliveries },
            dismissed: false,
            unanswered: 0,
            drains,
        };
        for (found, a_host_runs, future) in [
            (skipped(0, 0, true), true, ", nothing is left"),
            (
                skipped(2, 0, true),
                true,
                ", left: 2 queued turns (the host goes on with that)",
            ),
            (
                skipped(2, 0, false),
                false,
                ", left: 2 queued turns (that waits for a host)",
            ),
            (
                skipped(0, 1, false),
                true,
                ", left: 1 undelivered message (an undelivered message stays until it is skipped)",
            ),
        ] {
            let taken = "skipped 1 queued turn and 2 undelivered messages";
            assert_eq!(line(&found, a_host_runs), format!("{taken}{future}"));
        }
        let last = Skipped {
            taken: Numbers {
                turns: 0,
                deliveries: 0,
            },
            dismissed: true,
            ..skipped(0, 0, true)
        };
        assert_eq!(
            line(&last, true),
            "skipped the last turn, which was not answered, nothing is left"
        );
        let failed = Skipped {
            taken: Numbers {
                turns: 0,
                deliveries: 0,
            },
            unanswered: 24,
            ..skipped(0, 0, true)
        };
        assert_eq!(
            line(&failed, true),
            "skipped nothing, nothing waits; the last turn of 24 threads failed or was cut: `agent-host threads skip \
             --all-failed` dismisses that"
        );
    }
}
