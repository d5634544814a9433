//! The next turn is admitted anew if it has waited. What was accepted a moment ago begins at once.

use std::collections::BTreeMap;
use std::time::Duration;

use conversation::{Turn, TurnId};
use tokio::time::Instant;

use super::slot::Slot;
use super::{Task, never};
use crate::admission::Admission;
use crate::process::Waited;

/// What was accepted or admitted no longer ago needs no other look.
const FRESH: Duration = Duration::from_secs(2);

/// So long a worker that has served nothing yet keeps its place while it is not known whether its turn may begin. (If it gave
/// way at once, threads could take turns at starting workers.)
const PATIENCE: Duration = Duration::from_secs(10);

/// Who may begin.
#[derive(Default)]
pub(super) struct Admitting {
    granted: BTreeMap<TurnId, Instant>,
    asking: Option<Question>,
}

struct Question {
    turn: TurnId,
    since: Instant,
    answer: Waited<Admission>,
}

impl Admitting {
    /// A turn was accepted or admitted just now.
    pub(super) fn grant(&mut self, turn: TurnId) {
        self.granted.insert(turn, Instant::now());
    }

    fn is_granted(&self, turn: TurnId) -> bool {
        self.granted.get(&turn).is_some_and(is_fresh)
    }

    fn ask(&mut self, turn: TurnId, answer: Waited<Admission>) {
        self.granted.retain(|_, granted| is_fresh(granted));
        let since = Instant::now();
        self.asking = Some(Question { turn, since, answer });
    }

    /// A question of this age is answered with yes. For what was granted before it the time stood still: else those that begin
    /// together could be asked about by turns, without end. What was granted meanwhile has waited since.
    fn settled(&mut self, since: Instant) {
        for granted in self.granted.values_mut().filter(|granted| **granted <= since) {
            *granted += since.elapsed();
        }
    }

    /// When a worker has kept its place for long enough.
    fn overdue(&self) -> Option<Instant> {
        self.asking.as_ref().map(|asking| asking.since + PATIENCE)
    }
}

fn is_fresh(granted: &Instant) -> bool {
    granted.elapsed() < FRESH
}

/// What was decided about a turn. Cancel safe.
pub(super) async fn decided(admitting: &mut Admitting) -> (TurnId, Admission) {
    let Some(Question { turn, since, answer }) = &mut admitting.asking else {
        return never().await;
    };
    let (turn, since, decided) = (*turn, *since, answer.await);
    admitting.asking = None;
    if decided == Admission::Granted {
        admitting.settled(since);
    }
    (turn, decided)
}

impl Task {
    /// Whether the next turn, and what is to be merged into it, may begin. If that is not known, it is asked.
    pub(super) fn may_begin(&mut self) -> bool {
        let merging = |turn: &Turn| self.merging.contains(&turn.id);
        let queued = self.queued.iter().enumerate();
        let batch = queued.filter(|(at, turn)| *at == 0 || merging(turn));
        let batch: Vec<&Turn> = batch.map(|(_, turn)| turn).collect();
        let belongs = |id: TurnId| batch.iter().any(|turn| turn.id == id);
        match &self.admitting.asking {
            Some(asking) if belongs(asking.turn) => return false,
            // Nobody needs to know any more.
            Some(_) => self.admitting.asking = None,
            None => {}
        }
        for turn in &batch {
            if !self.admitting.is_granted(turn.id)
                && let Some(answer) = self.shared.admissions.ask(&self.thread.id, turn)
            {
                self.admitting.ask(turn.id, answer);
                return false;
            }
        }
        // Those that wait on have waited when they begin.
        self.admitting.granted.retain(|id, _| belongs(*id));
        true
    }

    /// When a worker that waits for a decision gives way to whoever needs its place.
    pub(super) fn admission_deadline(&self) -> Option<Instant> {
        let waits = matches!(&self.slot, Slot::Alive(alive) if alive.idle().is_none()) && self.turn.is_none();
        self.admitting.overdue().filter(|_| waits)
    }

    /// A turn that has waited may begin, or not.
    pub(super) async fn admitted(&mut self, turn: TurnId, admission: Admission) {
        match admission {
            Admission::Granted => self.admitting.grant(turn),
            Admission::Refused { reason } => {
                tracing::info!(%turn, %reason, "a turn that waited is not admitted any more");
                if let Err(error) = self.withdraw(turn, &reason).await {
                    self.could_not_write(&error);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep};

    use super::*;

    /// Asks about it, and is answered three seconds later.
    async fn asked(admitting: &mut Admitting, turn: TurnId) {
        let answer = async {
            sleep(Duration::from_secs(3)).await;
            Admission::Granted
        };
        admitting.ask(turn, Box::pin(answer));
        assert_eq!(decided(admitting).await, (turn, Admission::Granted));
        admitting.grant(turn);
    }

    #[tokio::test(start_paused = true)]
    async fn what_begins_together_is_asked_about_once_each_however_slow_the_answers_are() {
        let mut admitting = Admitting::default();
        let accepted = TurnId(9);
        admitting.grant(accepted);
        let batch = [1, 2, 3, 4].map(TurnId);
        for turn in batch {
            assert!(!admitting.is_granted(turn));
            asked(&mut admitting, turn).await;
        }
        for turn in batch.into_iter().chain([accepted]) {
            assert!(admitting.is_granted(turn), "{turn}");
        }
        // What does not begin then has waited.
        advance(FRESH).await;
        for turn in batch.into_iter().chain([accepted]) {
            assert!(!admitting.is_granted(turn), "{turn}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_accepted_while_a_question_is_open_has_waited_since_then() {
        let mut admitting = Admitting::default();
        let (before, asked_about, early, late) = (TurnId(1), TurnId(2), TurnId(3), TurnId(4));
        admitting.grant(before);
        advance(FRESH / 2).await;
        let asking = Instant::now();
        let answer = async {
            sleep(Duration::from_mins(10)).await;
            Admission::Granted
        };
        admitting.ask(asked_about, Box::pin(answer));
        for (turn, ago) in [(early, FRESH), (late, FRESH / 2)] {
            let at = asking + Duration::from_mins(10) - ago;
            let none = tokio::time::timeout_at(at, decided(&mut admitting)).await;
            assert!(none.is_err(), "it is open still");
            admitting.grant(turn);
        }
        assert_eq!(decided(&mut admitting).await, (asked_about, Admission::Granted));
        admitting.grant(asked_about);
        let granted = |turn| admitting.is_granted(turn);
        assert_eq!(
            [before, asked_about, early, late].map(granted),
            [true, true, false, true]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_granted_too_long_before_a_question_is_not_granted_by_it() {
        let mut admitting = Admitting::default();
        let (old, new) = (TurnId(1), TurnId(2));
        admitting.grant(old);
        advance(FRESH).await;
        asked(&mut admitting, new).await;
        assert!(admitting.is_granted(new) && !admitting.is_granted(old));
    }
}
