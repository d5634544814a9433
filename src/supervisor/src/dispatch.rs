//! What a message does, by what the thread is at and the mode that holds. Pure.

use conversation::Dispatch;

/// What a thread is at when a message comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Now {
    /// Nothing runs and nothing waits.
    Free,
    /// Nothing runs yet: so many wait for a worker.
    Waiting {
        /// How many.
        queued: usize,
    },
    /// A turn runs.
    Running {
        /// Turns that wait behind it.
        queued: usize,
    },
    /// The running turn was cancelled, to be sent again with more text.
    Steering {
        /// Turns that wait behind it.
        queued: usize,
    },
    /// The running turn was cancelled for good.
    Stopping {
        /// Turns that wait behind it.
        queued: usize,
    },
}

/// What is done with a message that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Its turn is next.
    Run,
    /// It waits behind so many.
    Wait {
        /// How many.
        ahead: usize,
    },
    /// Cancel what runs, merge, send again.
    Steer,
    /// It is merged into the turn that will begin, or that is being cancelled to be sent again.
    Merge,
    /// Cancel what runs, drop what waits, run this.
    Interrupt,
    /// Drop what waits, run this as soon as what is being cancelled has ended.
    Replace,
}

/// Decides. A thread whose running turn is being stopped takes a steering message as the next turn: whoever stopped it
/// did not want it sent again.
pub(crate) fn decide(now: Now, mode: Dispatch) -> Action {
    match (now, mode) {
        (Now::Waiting { queued } | Now::Stopping { queued }, Dispatch::Interrupt) if queued > 0 => {
            Action::Replace
        }
        (Now::Free | Now::Waiting { queued: 0 }, _) => Action::Run,
        (Now::Waiting { .. } | Now::Steering { .. }, Dispatch::Steer) => Action::Merge,
        (Now::Waiting { queued }, _) => Action::Wait { ahead: queued },
        (Now::Running { .. }, Dispatch::Steer) => Action::Steer,
        (Now::Running { .. } | Now::Steering { .. }, Dispatch::Interrupt) => Action::Interrupt,
        (Now::Running { queued } | Now::Steering { queued } | Now::Stopping { queued }, _) => {
            Action::Wait { ahead: queued + 1 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_message_does_is_this_table() {
        use Action::{Interrupt, Merge, Replace, Run, Steer, Wait};
        for (now, queue, steer, interrupt) in [
            (Now::Free, Run, Run, Run),
            (Now::Waiting { queued: 0 }, Run, Run, Run),
            (Now::Waiting { queued: 2 }, Wait { ahead: 2 }, Merge, Replace),
            (Now::Running { queued: 0 }, Wait { ahead: 1 }, Steer, Interrupt),
            (Now::Running { queued: 2 }, Wait { ahead: 3 }, Steer, Interrupt),
            (Now::Steering { queued: 1 }, Wait { ahead: 2 }, Merge, Interrupt),
            (
                Now::Stopping { queued: 0 },
                Wait { ahead: 1 },
                Wait { ahead: 1 },
                Wait { ahead: 1 },
            ),
            (
                Now::Stopping { queued: 2 },
                Wait { ahead: 3 },
                Wait { ahead: 3 },
                Replace,
            ),
        ] {
            assert_eq!(decide(now, Dispatch::Queue), queue, "{now:?} queue");
            assert_eq!(decide(now, Dispatch::Steer), steer, "{now:?} steer");
            assert_eq!(decide(now, Dispatch::Interrupt), interrupt, "{now:?} interrupt");
        }
    }
}
