//! What has waited is admitted anew: who may speak, and where, may have changed since a message was accepted. The front-end
//! that it came through decides.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use conversation::{ThreadId, Turn};

use crate::process::Waited;

/// Whether a turn that has waited may begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It may.
    Granted,
    /// It is dropped, and its thread is told.
    Refused {
        /// Why, in words that stand behind a colon, without a full stop.
        reason: String,
    },
}

type Admit = dyn Fn(Turn) -> Waited<Admission> + Send + Sync;

/// Who is asked, by front-end.
#[derive(Default)]
pub(crate) struct Admissions(RwLock<BTreeMap<&'static str, Arc<Admit>>>);

impl Admissions {
    pub(crate) fn learn(&self, front_end: &'static str, admit: Arc<Admit>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(front_end, admit);
    }

    /// What is waited for; `None`: nobody is to be asked about this thread.
    pub(crate) fn ask(&self, thread: &ThreadId, turn: &Turn) -> Option<Waited<Admission>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let admit = known.get(thread.front_end())?;
        Some(admit(turn.clone()))
    }
}

impl fmt::Debug for Admissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Admissions")
    }
}
