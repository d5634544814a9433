//! How a refresh ends, but for a commit: what is taken back, stamped or noted, and for how long nobody tries again.

use std::time::Duration;

use super::Refresher;
use crate::clock::Timestamp;
use crate::digest::Fingerprint;
use crate::entry::{Credential, Entry, Grant, Invalidated};
use crate::fault;
use crate::file::FileError;
use crate::lock::{Dead, Failed, Record, Sent};
use crate::refresh::plan::{LONGEST_PAUSE, pause_after};
use crate::refresh::{Recovery, steps::Outcome};
use crate::store::StoreError;

impl Refresher<'_> {
    /// Nobody knows what became of the request. The mark stays: it keeps everybody from sending this token blindly.
    pub(super) fn unanswered(&mut self, recovery: Recovery, reason: String) -> Outcome {
        let _ = recovery.remove();
        // The pause that counts is the mark's own.
        self.note(reason, Duration::ZERO)
    }

    /// Step 7. Failing here harms nobody: the next one finds the entry committed already.
    pub(super) fn finish(&mut self, recovery: Recovery) {
        let cleared = self.lock.update(|record| {
            record.sent = None;
            record.failed = None;
            record.dead = None;
        });
        fault::point("cleared");
        let removed = recovery.remove();
        if let (Err(error), _) | (_, Err(FileError::Io { source: error, .. })) = (cleared, removed) {
            tracing::warn!(tenant = %self.job.tenant, %error, "a refresh could not tidy up");
        }
    }

    /// The request failed in a way that left the refresh token unspent.
    pub(super) fn unspent(
        &mut self,
        recovery: Recovery,
        uncertain: Option<Sent>,
        reason: String,
        retry_after: Option<Duration>,
    ) -> Outcome {
        // What an earlier request may have done is as unknown as before.
        let _ = self.lock.update(|record| record.sent = uncertain);
        let _ = recovery.remove();
        self.note_failure(reason, retry_after)
    }

    /// The vendor says that the refresh token is dead.
    pub(super) fn dead(
        &mut self,
        grant: &Grant,
        recovery: Recovery,
        uncertain: Option<&Sent>,
        code: &str,
    ) -> Outcome {
        let spent = grant.fingerprint();
        let reason = match uncertain {
            None => code.to_owned(),
            Some(Sent { pid: 0, .. }) => {
                format!("{code}, after the note about an earlier refresh was damaged")
            }
            Some(before) => format!(
                "{code}, after a refresh by pid {} was interrupted at {} before its answer was stored",
                before.pid,
                crate::words::moment(before.at)
            ),
        };
        let fingerprint = spent
            .clone()
            .unwrap_or_else(|| Fingerprint::of(&grant.access_token));
        let stamp = Invalidated {
            at: Timestamp::now(),
            fingerprint,
            reason,
        };
        let noted = Dead {
            fingerprint: stamp.fingerprint.clone(),
            at: stamp.at,
            reason: stamp.reason.clone(),
        };
        let stamped = self.store.update(|document| {
            let entry = document.entry(&self.job.tenant)?;
            let Some(Entry {
                credential: Credential::OAuth(stored),
                ..
            }) = &entry
            else {
                return Ok(false);
            };
            // Somebody signed in meanwhile: their login is not the dead one.
            if stored.fingerprint() != spent {
                return Ok(false);
            }
            let mut stored = stored.clone();
            stored.invalidated = Some(stamp);
            document.put(&self.job.tenant, Credential::OAuth(stored), entry.as_ref());
            Ok::<_, StoreError>(true)
        });
        if stamped.is_ok() {
            self.finish(recovery);
        } else {
            // The lock file has its room already, also on a full disk: there the others find it.
            let _ = self.lock.update(|record| {
                record.sent = None;
                record.dead = Some(noted);
            });
            let _ = recovery.remove();
        }
        if matches!(stamped, Ok(false)) {
            Outcome::Done
        } else {
            Outcome::Dead
        }
    }

    /// Tells everybody who waits, and whoever comes next, what happened and until when nobody tries again.
    pub(super) fn note_failure(&mut self, reason: String, retry_after: Option<Duration>) -> Outcome {
        let failures = self
            .lock
            .record()
            .failed
            .as_ref()
            .map_or(0, |failed| failed.count);
        let pause = pause_after(failures.saturating_add(1));
        // A little more each, so that hosts that failed together do not come back together.
        let spread = pause / 4 * u32::try_from(Timestamp::now().millis() % 100).unwrap_or(0) / 100;
        self.note(
            reason,
            retry_after
                .unwrap_or_default()
                .max(pause + spread)
                .min(LONGEST_PAUSE),
        )
    }

    fn note(&mut self, reason: String, pause: Duration) -> Outcome {
        let Ok(Some((_, grant))) = self.stored() else {
            return Outcome::TryAgain;
        };
        let Some(fingerprint) = grant.fingerprint() else {
            return Outcome::TryAgain;
        };
        let before = self
            .lock
            .record()
            .failed
            .as_ref()
            .filter(|failed| failed.fingerprint == fingerprint);
        let count = before.map_or(0, |failed| failed.count).saturating_add(1);
        let at = Timestamp::now();
        let failed = Failed {
            fingerprint,
            at,
            retry_at: at.plus(pause),
            count,
            reason,
        };
        // Without the note the others find out by themselves.
        let _ = self
            .lock
            .update(|record: &mut Record| record.failed = Some(failed));
        Outcome::TryAgain
    }
}
