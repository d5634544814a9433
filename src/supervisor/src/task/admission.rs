//! The next turn is admitted anew if it has waited. What was accepted a moment ago begins at once.

use std::collections::BTreeMap;
use std::time::Duration;

use conversation::TurnId;
use tokio::time::Instant;

use super::{Task, never};
use crate::admission::Admission;
use crate::process::Waited;

/// What was accepted or admitted no longer ago needs no other look.
const FRESH: Duration = Duration::from_secs(2);

/// Who may begin.
#[derive(Default)]
pub(super) struct Admitting {
    granted: BTreeMap<TurnId, Instant>,
    asking: Option<(TurnId, Waited<Admission>)>,
}

impl Admitting {
    /// A turn was accepted or admitted just now.
    pub(super) fn grant(&mut self, turn: TurnId) {
        self.granted.insert(turn, Instant::now());
    }

    fn is_fresh(&self, turn: TurnId) -> bool {
        self.granted
            .get(&turn)
            .is_some_and(|granted| granted.elapsed() < FRESH)
    }
}

/// What was decided about a turn. Cancel safe.
pub(super) async fn decided(admitting: &mut Admitting) -> (TurnId, Admission) {
    let Some((turn, answer)) = &mut admitting.asking else {
        return never().await;
    };
    let decided = (*turn, answer.await);
    admitting.asking = None;
    decided
}

impl Task {
    /// Whether the next turn, and what is to be merged into it, may begin. If that is not known, it is asked.
    pub(super) fn may_begin(&mut self) -> bool {
        let merging = |id: &TurnId| self.merging.contains(id);
        let next = self.queued.iter().enumerate();
        let next = next.filter(|(at, turn)| *at == 0 || merging(&turn.id));
        for (_, turn) in next {
            if self.admitting.is_fresh(turn.id) {
                continue;
            }
            if self
                .admitting
                .asking
                .as_ref()
                .is_some_and(|(asked, _)| *asked == turn.id)
            {
                return false;
            }
            if let Some(answer) = self.shared.admissions.ask(&self.thread.id, turn) {
                self.admitting.asking = Some((turn.id, answer));
                return false;
            }
        }
        // Those that wait on have waited when they begin.
        self.admitting.granted.clear();
        true
    }

    /// A turn that has waited may begin, or not.
    pub(super) async fn admitted(&mut self, turn: TurnId, admission: Admission) {
        match admission {
            Admission::Granted => self.admitting.grant(turn),
            Admission::Refused { reason } => {
                tracing::info!(%turn, %reason, "a turn that waited is not admitted any more");
                if let Err(error) = self.drop_waiting(move |queued| queued.id == turn, &reason).await {
                    self.could_not_write(&error);
                }
            }
        }
    }
}
