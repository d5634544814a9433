//! What is to be done with a stored grant, decided without I/O. The caller asks before it starts a refresher, and the
//! refresher asks again inside the lock; only the second answer counts.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::entry::{Grant, Need, ObtainedBy};
use crate::lock::{Record, Sent};

/// Longest time that a failed refresh keeps others from trying again.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// A token that was itself fetched because a server refused the one before is not replaced again within this time
/// (or a fifth of its life): a server that refuses every token would otherwise cost a rotation for each request.
const REJECTION_PAUSE: Duration = Duration::from_secs(5);

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Plan {
    /// The stored access token serves.
    Use,
    /// Send the refresh token. `uncertain` is set when an earlier request with it was never answered.
    Send { uncertain: Option<Sent> },
    /// Not now: use the token if it still lives, else say when.
    Wait { until: Timestamp, why: Why },
    /// Only a person can help.
    SignIn(Gone),
}

/// Why nothing is sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    /// The last refresh failed a moment ago.
    Failed(String),
    /// A request was not answered, and the old access token still lives (or the pause after a second try is not over).
    Uncertain,
    /// The token that was fetched a moment ago because of a rejection is rejected too.
    RejectedAgain,
}

/// Why a new sign-in is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Gone {
    Invalidated { at: Timestamp, reason: String },
    NoRefreshToken,
}

/// Decides. `record` is what the tenant's lock file says, `now` the wall clock.
pub(crate) fn plan(grant: &Grant, record: &Record, need: &Need, now: Timestamp) -> Plan {
    if let Some(stamp) = grant.dead() {
        return Plan::SignIn(Gone::Invalidated {
            at: stamp.at,
            reason: stamp.reason.clone(),
        });
    }
    let token = grant.refresh_token.as_ref();
    if let Some(dead) = token.and_then(|token| record.dead(token)) {
        return Plan::SignIn(Gone::Invalidated {
            at: dead.at,
            reason: dead.reason.clone(),
        });
    }
    if grant.is_fresh(need, now) {
        return Plan::Use;
    }
    let live = grant.is_live(need, now);
    let Some(fingerprint) = grant.fingerprint() else {
        return if live {
            Plan::Use
        } else {
            Plan::SignIn(Gone::NoRefreshToken)
        };
    };
    let pause = REJECTION_PAUSE.min(grant.lifetime() / 5);
    let rejected_again = need.rejected.is_some() && !live && grant.expires_at > now;
    // A moment in the future was written by a clock that has been set back since.
    let is_recent = grant.obtained_at <= now && now.since(grant.obtained_at) < pause;
    if rejected_again && grant.obtained_by == ObtainedBy::Rejection && is_recent {
        return Plan::Wait {
            until: grant.obtained_at.plus(pause),
            why: Why::RejectedAgain,
        };
    }
    let sent = record.sent.as_ref().filter(|sent| sent.is_about(&fingerprint));
    if sent.is_some() && live {
        // If the server did rotate, sending again makes it revoke the family, and with it the access token that lives.
        return Plan::Wait {
            until: grant.expires_at,
            why: Why::Uncertain,
        };
    }
    let pauses = [
        // Then the new tokens are lost anyway, and if it did not rotate, sending again brings them: nothing to lose.
        sent.map(|sent| (sent.at.plus(uncertain_pause(sent.attempt)), Why::Uncertain)),
        record
            .failed
            .as_ref()
            .filter(|failed| failed.fingerprint == fingerprint)
            .map(|failed| (failed.retry_at, Why::Failed(failed.reason.clone()))),
    ];
    let longest = pauses
        .into_iter()
        .flatten()
        .filter(|(until, _)| *until > now && is_plausible(*until, now));
    match longest.max_by_key(|(until, _)| *until) {
        Some((until, why)) => Plan::Wait { until, why },
        None => Plan::Send {
            uncertain: sent.cloned(),
        },
    }
}

/// How long nobody tries again after the `count`-th failure in a row, if the server did not say.
pub(crate) fn pause_after(count: u32) -> Duration {
    Duration::from_secs(1 << count.saturating_sub(1).min(6)).min(LONGEST_PAUSE)
}

/// The first unanswered request may be repeated at once, each later one after a longer pause.
fn uncertain_pause(attempt: u32) -> Duration {
    match attempt {
        0 | 1 => Duration::ZERO,
        more => Duration::from_secs(30 << (more - 2).min(3)),
    }
}

/// A moment further away than any pause was written by a clock that has been set back since.
fn is_plausible(until: Timestamp, now: Timestamp) -> bool {
    until.since(now) <= LONGEST_PAUSE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Fingerprint;
    use crate::entry::Invalidated;
    use crate::entry::tests::grant;
    use crate::lock::{Dead, Failed};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn fingerprint(token: &str) -> Fingerprint {
        Fingerprint::of(&token.to_owned().into())
    }

    fn sent(token: &str, attempt: u32) -> Record {
        let sent = Sent {
            fingerprint: Some(fingerprint(token)),
            at: at(90),
            pid: 7,
            attempt,
        };
        Record {
            sent: Some(sent),
            ..Record::default()
        }
    }

    fn failed(token: &str, retry_at: i64) -> Record {
        let failed = Failed {
            fingerprint: fingerprint(token),
            at: at(90),
            retry_at: at(retry_at),
            count: 1,
            reason: "status 503".into(),
        };
        Record {
            failed: Some(failed),
            ..Record::default()
        }
    }

    /// A grant with a life of 100 s from 0, so that it is due at 80 and over at 100.
    fn hundred() -> Grant {
        grant("a", Some("r"), 0, 100)
    }

    #[test]
    fn a_fresh_token_is_used_and_a_stale_one_sent() {
        let (need, none) = (Need::default(), Record::default());
        assert_eq!(plan(&hundred(), &none, &need, at(79)), Plan::Use);
        assert_eq!(
            plan(&hundred(), &none, &need, at(81)),
            Plan::Send { uncertain: None }
        );
        assert_eq!(
            plan(&hundred(), &none, &need, at(101)),
            Plan::Send { uncertain: None }
        );
    }

    #[test]
    fn an_unanswered_token_is_not_sent_again_while_the_old_access_token_lives() {
        let need = Need::default();
        assert_eq!(
            plan(&hundred(), &sent("r", 1), &need, at(95)),
            Plan::Wait {
                until: at(100),
                why: Why::Uncertain
            }
        );
        assert!(matches!(
            plan(&hundred(), &sent("r", 1), &need, at(100)),
            Plan::Send { uncertain: Some(_) }
        ));
        // Another refresh token's mark says nothing.
        assert_eq!(
            plan(&hundred(), &sent("other", 1), &need, at(95)),
            Plan::Send { uncertain: None }
        );
    }

    #[test]
    fn a_second_unanswered_request_is_followed_by_growing_pauses() {
        let need = Need::default();
        assert_eq!(
            plan(&hundred(), &sent("r", 2), &need, at(110)),
            Plan::Wait {
                until: at(120),
                why: Why::Uncertain
            }
        );
        assert!(matches!(
            plan(&hundred(), &sent("r", 2), &need, at(121)),
            Plan::Send { .. }
        ));
        assert!(
            matches!(plan(&hundred(), &sent("r", 9), &need, at(120)), Plan::Wait { until, .. } if until == at(330))
        );
    }

    #[test]
    fn a_failure_pauses_everybody_until_it_said() {
        let need = Need::default();
        let wait = Plan::Wait {
            until: at(130),
            why: Why::Failed("status 503".into()),
        };
        assert_eq!(plan(&hundred(), &failed("r", 130), &need, at(110)), wait);
        assert_eq!(
            plan(&hundred(), &failed("r", 130), &need, at(130)),
            Plan::Send { uncertain: None }
        );
        assert_eq!(
            plan(&hundred(), &failed("other", 130), &need, at(110)),
            Plan::Send { uncertain: None }
        );
        // A pause that no server was allowed to ask for comes from a clock that was set back.
        assert_eq!(
            plan(&hundred(), &failed("r", 9000), &need, at(110)),
            Plan::Send { uncertain: None }
        );
    }

    #[test]
    fn an_outage_after_an_unanswered_request_is_paused_like_any_other() {
        let mut record = sent("r", 1);
        record.failed = failed("r", 130).failed;
        let wait = Plan::Wait {
            until: at(130),
            why: Why::Failed("status 503".into()),
        };
        assert_eq!(plan(&hundred(), &record, &Need::default(), at(110)), wait);
        assert!(matches!(
            plan(&hundred(), &record, &Need::default(), at(131)),
            Plan::Send { uncertain: Some(_) }
        ));
    }

    #[test]
    fn a_death_that_could_only_be_noted_is_one() {
        let dead = Dead {
            fingerprint: fingerprint("r"),
            at: at(5),
            reason: "invalid_grant".into(),
        };
        let record = Record {
            dead: Some(dead),
            ..Record::default()
        };
        assert!(matches!(
            plan(&hundred(), &record, &Need::default(), at(110)),
            Plan::SignIn(_)
        ));
        // Somebody signed in since: the note is about another refresh token.
        let later = grant("a", Some("another"), 0, 100);
        assert_eq!(plan(&later, &record, &Need::default(), at(10)), Plan::Use);
    }

    #[test]
    fn a_dead_grant_is_never_sent_and_a_later_login_is_not_dead() {
        let mut dead = hundred();
        dead.invalidated = Some(Invalidated {
            at: at(5),
            fingerprint: fingerprint("r"),
            reason: "invalid_grant".into(),
        });
        assert!(matches!(
            plan(&dead, &Record::default(), &Need::default(), at(10)),
            Plan::SignIn(_)
        ));
        dead.refresh_token = Some("another".to_owned().into());
        assert_eq!(
            plan(&dead, &Record::default(), &Need::default(), at(10)),
            Plan::Use
        );
    }

    #[test]
    fn without_a_refresh_token_the_access_token_is_used_to_its_end() {
        let grant = grant("a", None, 0, 100);
        assert_eq!(
            plan(&grant, &Record::default(), &Need::default(), at(99)),
            Plan::Use
        );
        assert_eq!(
            plan(&grant, &Record::default(), &Need::default(), at(100)),
            Plan::SignIn(Gone::NoRefreshToken)
        );
    }

    #[test]
    fn a_second_rejection_after_a_refresh_does_not_loop() {
        let need = Need {
            min_ttl: None,
            rejected: Some("a".to_owned().into()),
            scopes: vec![],
        };
        let mut grant = grant("a", Some("r"), 0, 3600);
        assert_eq!(
            plan(&grant, &Record::default(), &need, at(1)),
            Plan::Send { uncertain: None }
        );
        grant.obtained_by = ObtainedBy::Rejection;
        assert!(matches!(
            plan(&grant, &Record::default(), &need, at(1)),
            Plan::Wait {
                why: Why::RejectedAgain,
                ..
            }
        ));
        assert_eq!(
            plan(&grant, &Record::default(), &need, at(6)),
            Plan::Send { uncertain: None }
        );
    }
}
