//! How often the bot may still connect today, and whether somebody else does.
//!
//! Discord does not tell who is connected with a token. What it tells is how many sessions were begun since the last
//! midnight of its own; whether those were this host's is known only where none ever ran.

use std::path::Path;

use chat::discord::inspect::Sessions;

use crate::doctor::check::Check;
use crate::running::HostLock;

const NAME: &str = "bot-sessions";

/// What is left, and what the used ones say of others.
pub(super) fn check(sessions: Sessions, state: &Path) -> Check {
    let again = credentials::words::span(sessions.reset_after);
    let used = sessions.total.saturating_sub(sessions.left);
    let left = format!(
        "{} of {} session starts left, all again in {again}",
        sessions.left, sessions.total
    );
    if sessions.left == 0 {
        return Check::fail(NAME, format!("no session start is left; all {} come back in {again}", sessions.total))
            .hint("something connects over and over: look at the log of every program that uses this token, and stop it");
    }
    if sessions.left.saturating_mul(10) < sessions.total {
        return Check::warn(NAME, left)
            .hint("something connects over and over: look at the log of what uses this token");
    }
    if used == 0 {
        return Check::ok(
            NAME,
            format!("{left}: nobody has connected with this token today"),
        );
    }
    match HostLock::holder(state) {
        Some(pid) => Check::ok(NAME, format!("{left}; the host that runs as process {pid} may have used the others")),
        None if HostLock::was_ever_taken(state) => Check::ok(
            NAME,
            format!("{left}; no host runs here now: if none did today, something else connects with this token"),
        ),
        None => Check::warn(
            NAME,
            format!("{left}, and no host ever ran on this state folder: something else connects with this token"),
        )
        .hint(
            "each message is answered by everything that is connected: stop the other, or make an application for each; Reset \
             Token locks the other one out",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::doctor::check::Status;

    fn told(left: u64, state: &Path) -> Check {
        let sessions = Sessions {
            total: 1000,
            left,
            reset_after: Duration::from_hours(2),
            shards: 1,
        };
        check(sessions, state)
    }

    #[test]
    fn what_the_counter_says_of_others_is_told_and_no_more() {
        let state = tempfile::tempdir().unwrap();
        let state = state.path();
        for (left, status, words) in [
            (1000, Status::Ok, "nobody has connected"),
            (998, Status::Warn, "something else connects"),
            (50, Status::Warn, "50 of 1000"),
            (0, Status::Fail, "no session start is left"),
        ] {
            let check = told(left, state);
            assert_eq!(check.status, status, "{check:?}");
            assert!(check.message.contains(words), "{check:?}");
            assert_eq!(check.hint.is_some(), status != Status::Ok, "{check:?}");
        }
        let host = HostLock::take(state).unwrap();
        let pid = std::process::id();
        assert!(
            told(998, state)
                .message
                .contains(&format!("runs as process {pid}"))
        );
        drop(host);
        let check = told(998, state);
        assert_eq!(check.status, Status::Ok);
        assert!(check.message.contains("no host runs here now"), "{check:?}");
    }
}
