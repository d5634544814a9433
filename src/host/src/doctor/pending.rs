//! Sign-ins between their two steps.

use credentials::{PendingHealth, words};

use super::Check;
use crate::tenant_view::shown;

const NAME: &str = "pending";

/// What waits, and what can't be understood.
pub(super) fn check(waiting: &[PendingHealth]) -> Check {
    let unreadable = waiting
        .iter()
        .filter(|pending| pending.age.is_none())
        .map(|pending| {
            Check::warn(
                NAME,
                format!(
                    "the sign-in of {} to {} can't be read",
                    shown(&pending.user),
                    shown(&pending.service)
                ),
            )
            .hint("it was written by another version, or damaged; begin it again")
        });
    let live: Vec<String> = waiting
        .iter()
        .filter(|pending| !pending.is_over)
        .filter_map(|pending| {
            let age = words::span(pending.age?);
            Some(format!(
                "{} to {}, begun {age} ago",
                shown(&pending.user),
                shown(&pending.service)
            ))
        })
        .collect();
    let fine = if live.is_empty() {
        "no sign-in waits for its second step".to_owned()
    } else {
        format!("waiting for the second step: {}", live.join("; "))
    };
    Check::worst(NAME, unreadable.collect(), fine)
}
