//! The names of buttons and modals. Discord gives them back when one is pressed, and so can anybody else who makes them up:
//! each is sealed for its thread with a key of this host, and names only what it is about. What somebody may do is looked at
//! when they press.

use conversation::{GrantId, ItemId, TurnId};
use thiserror::Error;

mod seal;

pub use seal::Sealer;

mod sign_in;

pub use sign_in::{SignIn, Whose};

/// Discord takes no longer one, in characters.
pub const LONGEST: usize = 100;
/// Not one alone.
const ALL: &str = "all";

/// What a button or a modal is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Allow what a permission request asks, as this answer of the agent's says.
    Allow {
        /// The request, as the supervisor named it.
        request: String,
        /// The answer's place among those that the entry offers, from 0.
        option: u8,
    },
    /// Deny it: asks for a reason in a modal.
    Deny {
        /// The request.
        request: String,
        /// The answer's place; `None` where the agent offers no denial.
        option: Option<u8>,
    },
    /// The modal with the reason.
    DenyReason {
        /// The request.
        request: String,
        /// The answer's place; `None` where the agent offers no denial.
        option: Option<u8>,
    },
    /// Run a turn again.
    Retry {
        /// The turn.
        turn: TurnId,
    },
    /// Show what a tool was given and gave back.
    Details {
        /// The first entry of the message that the button belongs to.
        item: ItemId,
    },
    /// Begin the sign-in that this entry asks for.
    SignIn {
        /// The entry.
        item: ItemId,
    },
    /// Open the modal for the code or the key of this sign-in.
    Paste(SignIn),
    /// That modal.
    Pasted(SignIn),
    /// Sign out.
    SignOut {
        /// The service.
        service: String,
    },
    /// Take back what is always allowed.
    Forbid {
        /// Which; all, if none is named.
        grant: Option<GrantId>,
    },
    /// Stop a turn, if it still runs.
    Stop {
        /// The turn.
        turn: TurnId,
    },
}

/// Why a name is not ours, or can't be one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CustomIdError {
    /// Somebody else's, made up, of another thread, or of a host that lost its key.
    #[error("this button is not one of mine, or too old")]
    Unknown,
    /// It does not fit into Discord's limit.
    #[error("the name `{0}` is too long for a button")]
    TooLong(String),
}

impl Action {
    fn words(&self) -> (&'static str, String) {
        match self {
            Self::Allow { request, option } => ("allow", answer(request, Some(*option))),
            Self::Deny { request, option } => ("deny", answer(request, *option)),
            Self::DenyReason { request, option } => ("why", answer(request, *option)),
            Self::Retry { turn } => ("retry", turn.to_string()),
            Self::Stop { turn } => ("stop", turn.to_string()),
            Self::Details { item } => ("details", item.to_string()),
            Self::SignIn { item } => ("sign-in", item.to_string()),
            // As short as the longest name of a vendor needs it.
            Self::Paste(sign_in) => ("ask", sign_in.text()),
            Self::Pasted(sign_in) => ("got", sign_in.text()),
            Self::SignOut { service } => ("sign-out", service.clone()),
            Self::Forbid { grant } => (
                "forbid",
                grant.map_or_else(|| ALL.to_owned(), |grant| grant.to_string()),
            ),
        }
    }

    fn of(verb: &str, about: &str) -> Option<Self> {
        let about = about.to_owned();
        let number = || about.parse().ok().filter(|number| *number > 0);
        let action = match verb {
            "allow" => {
                let (request, option) = answered(&about)?;
                let option = option?;
                Self::Allow { request, option }
            }
            "deny" => {
                let (request, option) = answered(&about)?;
                Self::Deny { request, option }
            }
            "why" => {
                let (request, option) = answered(&about)?;
                Self::DenyReason { request, option }
            }
            "retry" => Self::Retry {
                turn: TurnId(number()?),
            },
            "details" => Self::Details {
                item: ItemId(number()?),
            },
            "sign-in" => Self::SignIn {
                item: ItemId(number()?),
            },
            "ask" => Self::Paste(SignIn::of(&about)?),
            "got" => Self::Pasted(SignIn::of(&about)?),
            "sign-out" => Self::SignOut { service: about },
            "forbid" if about == ALL => Self::Forbid { grant: None },
            "forbid" => Self::Forbid {
                grant: Some(GrantId(number()?)),
            },
            "stop" => Self::Stop {
                turn: TurnId(number()?),
            },
            _ => return None,
        };
        Some(action)
    }
}

/// A request and an answer to it.
fn answer(request: &str, option: Option<u8>) -> String {
    match option {
        Some(option) => format!("{request}:{option}"),
        None => format!("{request}:"),
    }
}

fn answered(about: &str) -> Option<(String, Option<u8>)> {
    let (request, option) = about.rsplit_once(':')?;
    let option = match option {
        "" => None,
        number => Some(number.parse().ok()?),
    };
    Some((request.to_owned(), option))
}

#[cfg(test)]
mod tests {
    use credentials::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::discord::admission::Id;

    const CHANNEL: Id = u64::MAX;

    fn sealer() -> Sealer {
        Sealer::new([7; 32])
    }

    fn sign_in(service: String, whose: Whose) -> SignIn {
        SignIn {
            service,
            whose,
            // In the year 2500.
            begun: Timestamp::from_seconds(16_725_225_600),
        }
    }

    fn actions() -> Vec<Action> {
        let request = || "0123456789abcdef0123456789abcdef".to_owned();
        let service = || format!("mcp:{}", "s.".repeat(30));
        vec![
            Action::Allow {
                request: request(),
                option: 255,
            },
            Action::Deny {
                request: request(),
                option: None,
            },
            Action::Deny {
                request: request(),
                option: Some(0),
            },
            Action::DenyReason {
                request: request(),
                option: Some(3),
            },
            Action::Retry {
                turn: TurnId(i64::MAX),
            },
            Action::Details { item: ItemId(1) },
            Action::SignIn {
                item: ItemId(i64::MAX),
            },
            Action::Paste(sign_in(service(), Whose::Own)),
            Action::Pasted(sign_in(service(), Whose::Everyones)),
            Action::SignOut { service: service() },
            Action::Stop { turn: TurnId(1) },
            Action::Forbid { grant: None },
            Action::Forbid {
                grant: Some(GrantId(i64::MAX)),
            },
        ]
    }

    #[test]
    fn what_was_encoded_is_known_again_and_fits() {
        for action in actions() {
            let id = sealer().encode(CHANNEL, &action).unwrap();
            assert!(id.len() <= LONGEST, "{id}");
            assert_eq!(sealer().parse(CHANNEL, &id), Ok(action));
        }
    }

    #[test]
    fn buttons_of_other_threads_and_other_hosts_are_refused() {
        for action in actions() {
            let id = sealer().encode(CHANNEL, &action).unwrap();
            assert_eq!(sealer().parse(1, &id), Err(CustomIdError::Unknown));
            assert_eq!(
                Sealer::new([8; 32]).parse(CHANNEL, &id),
                Err(CustomIdError::Unknown)
            );
        }
    }

    #[test]
    fn a_service_that_does_not_fit_is_said() {
        let service = "x".repeat(65);
        let action = Action::Paste(sign_in(service, Whose::Own));
        let (_, about) = action.words();
        assert_eq!(sealer().encode(1, &action), Err(CustomIdError::TooLong(about)));
    }

    #[test]
    fn the_key_is_never_shown() {
        assert_eq!(format!("{:?}", sealer()), "Sealer { .. }");
    }

    proptest! {
        #[test]
        fn a_name_that_was_touched_is_refused(which in 0..13_usize, at in any::<prop::sample::Index>(), by in any::<char>()) {
            let id = sealer().encode(CHANNEL, &actions()[which]).unwrap();
            let mut letters: Vec<char> = id.chars().collect();
            let at = at.index(letters.len());
            prop_assume!(letters[at] != by);
            letters[at] = by;
            let touched: String = letters.into_iter().collect();
            prop_assert_eq!(sealer().parse(CHANNEL, &touched), Err(CustomIdError::Unknown));
        }

        #[test]
        fn what_somebody_made_up_is_refused(id in "(a1\\.)?(allow|retry|stop|.{0,9})\\.?.{0,90}") {
            prop_assert_eq!(sealer().parse(CHANNEL, &id), Err(CustomIdError::Unknown));
        }
    }
}
