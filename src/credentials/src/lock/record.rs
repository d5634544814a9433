//! What a lock file says: who holds the lock, and what is known of the last refresh.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::digest::Fingerprint;

/// The content of a tenant's lock file. It holds no part of a token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The last process that took the lock; it holds it only while the lock is really held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// A refresh request that was sent and whose answer is not known. Set before sending, cleared by the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Sent>,
    /// The last refresh that failed and may be tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failed>,
    /// What the vendor called dead: a refresh token where that could not be stored in `auth.json`, or a pasted key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead: Option<Dead>,
    /// A key or token of the host's environment that the vendor refused when it was last used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedSecret>,
}

/// A key or token that is not stored, and was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedSecret {
    /// Which one.
    pub fingerprint: Fingerprint,
    /// When the vendor said so.
    pub at: Timestamp,
}

/// A dead refresh token or key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dead {
    /// Which one.
    pub fingerprint: Fingerprint,
    /// When the vendor said so.
    pub at: Timestamp,
    /// Its error code, and what led to it.
    pub reason: String,
}

/// A process that took a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its id.
    pub pid: u32,
    /// Its start time in clock ticks since boot (proc(5), stat field 22), so that a reused id is told apart; 0 if unknown.
    pub started: u64,
    /// When it took the lock.
    pub since: Timestamp,
}

/// A refresh request on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Which refresh token; `None` where the record itself was damaged, which stands for any.
    pub fingerprint: Option<Fingerprint>,
    /// When it was sent last.
    pub at: Timestamp,
    /// The process that sent it.
    pub pid: u32,
    /// How often this refresh token was sent without an answer, this time included.
    pub attempt: u32,
}

/// A refresh that failed without harm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// Which refresh token.
    pub fingerprint: Fingerprint,
    /// When.
    pub at: Timestamp,
    /// Nobody sends it again before this moment.
    pub retry_at: Timestamp,
    /// How often in a row.
    pub count: u32,
    /// What went wrong, in words of our own.
    pub reason: String,
}

impl Sent {
    /// Whether this is (or may be) about the refresh token with this fingerprint.
    pub fn is_about(&self, stored: &Fingerprint) -> bool {
        self.fingerprint.as_ref().is_none_or(|sent| sent == stored)
    }
}

impl Holder {
    /// This process, now.
    pub(crate) fn this_process() -> Self {
        Self {
            pid: std::process::id(),
            started: start_time(std::process::id()).unwrap_or(0),
            since: Timestamp::now(),
        }
    }

    /// Whether the process that took the lock still runs; a system that does not tell is taken to say yes.
    pub fn is_alive(&self) -> bool {
        if cfg!(not(target_os = "linux")) {
            return true;
        }
        start_time(self.pid).is_some_and(|started| self.started == 0 || started == self.started)
    }
}

/// A process's start time in clock ticks since boot; `None` if there is no such process or the system does not tell.
#[cfg(target_os = "linux")]
fn start_time(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything, so count from its end: state is field 3, start time field 22.
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(not(target_os = "linux"))]
fn start_time(_: u32) -> Option<u64> {
    None
}

/// The bytes of a record in its file: JSON, blanks, a line feed.
pub(super) const RECORD_BYTES: usize = 4096;

/// A reason that fits, also where every character of it has to be escaped.
fn plain(reason: &str) -> String {
    let mut plain: String = reason.chars().filter(|c| !c.is_control()).collect();
    while plain.len() > MAX_REASON {
        plain.pop();
    }
    plain
}

/// Longest reason that is kept, in bytes.
const MAX_REASON: usize = 800;

impl Record {
    /// What is noted of this very secret, if the vendor called it dead.
    pub fn dead(&self, secret: &SecretString) -> Option<&Dead> {
        let dead = self.dead.as_ref()?;
        (dead.fingerprint == Fingerprint::of(secret)).then_some(dead)
    }

    /// When the vendor refused this very key or token of the environment, if it did.
    pub fn refused(&self, secret: &SecretString) -> Option<Timestamp> {
        let refused = self.refused.as_ref()?;
        (refused.fingerprint == Fingerprint::of(secret)).then_some(refused.at)
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut record = self.clone();
        if let Some(failed) = &mut record.failed {
            failed.reason = plain(&failed.reason);
        }
        if let Some(dead) = &mut record.dead {
            dead.reason = plain(&dead.reason);
        }
        let mut bytes = serde_json::to_vec(&record).expect("strings and numbers always serialize");
        debug_assert!(bytes.len() < RECORD_BYTES, "every field is bounded");
        bytes.resize(RECORD_BYTES - 1, b' ');
        bytes.push(b'\n');
        bytes
    }

    /// Reads a record. An empty or zeroed file is an empty record. A damaged one reads as "something may have been sent":
    /// the careful side.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        if bytes.iter().all(|byte| *byte == 0 || byte.is_ascii_whitespace()) {
            return Self::default();
        }
        serde_json::from_slice(bytes).unwrap_or_else(|_| Self {
            sent: Some(Sent {
                fingerprint: None,
                at: Timestamp::ANCIENT,
                pid: 0,
                attempt: 1,
            }),
            ..Self::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_damaged_record_counts_as_sent() {
        let any = Fingerprint::of(&"x".to_owned().into());
        assert!(Record::parse(b"{\"holder\":{\"pi").sent.unwrap().is_about(&any));
        assert_eq!(Record::parse(&[0; 64]), Record::default());
        assert_eq!(Record::parse(b""), Record::default());
    }

    #[test]
    fn this_process_is_alive_and_a_reused_id_is_not() {
        let mut holder = Holder::this_process();
        assert!(holder.is_alive());
        holder.started += 1;
        assert!(!holder.is_alive());
    }

    proptest! {
        #[test]
        fn every_record_fits_and_is_read_back(reason in "(\\PC{0,2000}|[\"\\\\]{0,2000})", at in any::<i64>(), count in any::<u32>()) {
            let fingerprint = Fingerprint::of(&"x".to_owned().into());
            let at = Timestamp::from_millis(at);
            let record = Record {
                holder: Some(Holder { pid: u32::MAX, started: u64::MAX, since: at }),
                sent: Some(Sent { fingerprint: Some(fingerprint.clone()), at, pid: u32::MAX, attempt: count }),
                failed: Some(Failed { fingerprint: fingerprint.clone(), at, retry_at: at, count, reason: reason.clone() }),
                dead: Some(Dead { fingerprint: fingerprint.clone(), at, reason }),
                refused: Some(RefusedSecret { fingerprint, at }),
            };
            let bytes = record.to_bytes();
            prop_assert_eq!(bytes.len(), RECORD_BYTES);
            let again = Record::parse(&bytes);
            prop_assert_eq!(&again.sent, &record.sent);
            prop_assert_eq!(again.to_bytes(), bytes);
        }

        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Record::parse(&bytes);
        }
    }
}
