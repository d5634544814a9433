//! Which processes are refreshes in flight: killing one would lose a login, so they are left alone for as long as they may
//! legally run.
//!
//! A worker starts a refresher, which makes itself a session and signs the lock file that it holds. For the moment between
//! the two its verb and its program are all there is to know it by. Both can be imitated, so they buy only that moment.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use credentials::{REFRESHER_LIMIT, Store};

use super::process::{Process, ProgramFile};

/// The refresher's verb, an agreement with `credentials`.
const VERB: &[u8] = b"refresh-tenant";

/// A refresher has signed its lock by then, also on a machine under load.
const YOUNG: Duration = Duration::from_secs(2);

/// A refresher ends itself at its limit.
const OLD: Duration = REFRESHER_LIMIT.saturating_add(Duration::from_secs(2));

/// Knows refreshers.
#[derive(Debug)]
pub(super) struct Refreshers {
    store: Option<Store>,
    programs: Mutex<HashSet<ProgramFile>>,
}

/// What there is to know a refresher by.
#[derive(Debug, Clone, Copy)]
struct Signs {
    has_verb: bool,
    program: Program,
    holds_lock: bool,
    age: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Program {
    Ours,
    Another,
    /// A process that protects its memory does not show its program, unless to root.
    Hidden,
}

impl Refreshers {
    pub(super) fn new(store: Option<Store>) -> Self {
        let programs = ProgramFile::at("/proc/self/exe".as_ref()).into_iter().collect();
        Self {
            store,
            programs: Mutex::new(programs),
        }
    }

    /// A program of ours, which may refresh.
    pub(super) fn add_program(&self, path: &Path) {
        if let Some(program) = ProgramFile::at(path) {
            self.programs
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(program);
        }
    }

    /// Whether this process is to be left alone.
    pub(super) fn spare(&self, process: &Process) -> bool {
        let has_verb = process.arguments().get(1).is_some_and(|verb| verb == VERB);
        // The rest costs more.
        has_verb
            && is_spared(Signs {
                has_verb,
                program: self.program(process),
                holds_lock: self.holds_lock(process),
                age: process.age(),
            })
    }

    /// Whether its time is over.
    pub(super) fn is_overdue(process: &Process) -> bool {
        process.age() > OLD
    }

    fn program(&self, process: &Process) -> Program {
        let programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        match process.program() {
            None => Program::Hidden,
            Some(program) if programs.contains(&program) => Program::Ours,
            Some(_) => Program::Another,
        }
    }

    fn holds_lock(&self, process: &Process) -> bool {
        let Some(store) = &self.store else {
            return false;
        };
        let holds = |tenant: &credentials::TenantHealth| {
            tenant
                .held_by
                .is_some_and(|(pid, _)| i32::try_from(pid) == Ok(process.pid))
        };
        match store.tenants() {
            Ok(tenants) => tenants.iter().any(holds),
            // A store that can't be read is not a reason to kill what may be saving a login.
            Err(error) => {
                tracing::warn!(%error, pid = process.pid, "could not look who refreshes; it is left alone");
                true
            }
        }
    }
}

fn is_spared(signs: Signs) -> bool {
    let is_new = signs.age <= YOUNG && signs.program != Program::Another;
    signs.has_verb && signs.age <= OLD && (signs.holds_lock || is_new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_holds_a_lock_or_was_just_started_is_spared_and_never_for_long() {
        use Program::{Another, Hidden, Ours};
        for (has_verb, program, holds_lock, seconds, spared) in [
            (true, Ours, true, 0, true),
            (true, Ours, true, 21, true),
            (true, Ours, true, 23, false),
            (true, Hidden, true, 10, true),
            (true, Another, true, 10, true),
            (true, Ours, false, 1, true),
            (true, Hidden, false, 1, true),
            (true, Another, false, 1, false),
            (true, Ours, false, 3, false),
            (true, Hidden, false, 3, false),
            (false, Ours, true, 1, false),
            (false, Ours, false, 0, false),
        ] {
            let signs = Signs {
                has_verb,
                program,
                holds_lock,
                age: Duration::from_secs(seconds),
            };
            assert_eq!(is_spared(signs), spared, "{signs:?}");
        }
    }
}
