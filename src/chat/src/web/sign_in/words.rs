//! Why a sign-in did not work, for somebody who has a page and no command line.

use axum::http::StatusCode;
use credentials::{Owner, PasteError, Service, SignInError, StoreError};

use crate::web::refusal::{Refused, chain};

/// After an answer that came a second time.
pub(super) const DONE_BEFORE: &str =
    "This was done already; nothing more is needed. You can close this page.";

fn unfit(error: &str, hint: &str) -> Refused {
    Refused::bad(error).hint(hint)
}

/// An address without a state, or with two.
pub(super) fn no_state() -> Refused {
    unfit(
        "this address answers no sign-in that was begun here",
        "it may have come from another program or person: sign in by the button in your thread",
    )
}

/// An answer to a link that the same person replaced.
pub(super) fn older() -> Refused {
    unfit(
        "this is the answer to an older link; you have begun again since",
        "go on in the page that the newest link opened, or begin again here",
    )
}

/// What was brought is for another login than the one that was begun.
fn for_another(service: &Service, begun: &Owner) -> Refused {
    let (begun, named) = match begun {
        Owner::Host => ("for everyone on this host", "for you alone"),
        Owner::User(_) => ("for you alone", "for everyone on this host"),
    };
    Refused::new(
        StatusCode::CONFLICT,
        format!(
            "you have begun a sign-in to {service} {begun}, and this would be {named}: nothing was stored"
        ),
    )
    .hint("begin anew for whom it is meant")
}

/// An answer to a link whose time is over.
pub(super) fn over(service: &Service) -> Refused {
    unfit(
        &format!("the sign-in to {service} is over its 15 minutes"),
        "begin again, and use the new link",
    )
}

/// A sign-in that is waited for no longer, or by nobody.
pub(super) fn not_waited_for(title: &str) -> Refused {
    Refused::new(
        StatusCode::CONFLICT,
        format!("no sign-in to {title} is waited for any more"),
    )
    .hint("if you had begun one, look above whether you are signed in, and else begin again")
}

/// Why a sign-in with a code did not work.
pub(crate) fn of_code(error: &SignInError, title: &str) -> Refused {
    match error {
        SignInError::Over { .. } | SignInError::CodeRefused { .. } => unfit(
            &format!("your sign-in to {title} with a code was not finished in time, so nothing was stored"),
            "begin again, with `/auth` or the button, and use the new code; what waits for a login goes on waiting",
        ),
        error => refused(error),
    }
}

/// An answer to another person's link.
pub(super) fn somebody_elses() -> Refused {
    unfit(
        "this answers a sign-in that somebody else began",
        "nothing was stored: begin your own, by the button in your thread",
    )
}

/// An answer to a link of another service.
pub(super) fn other_service(title: &str) -> Refused {
    unfit(
        &format!("this answers your sign-in to {title}, not this one"),
        "paste it there, and here what the page of this one shows",
    )
}

/// Whether the person said no at the vendor's page: that is no fault.
pub(super) fn is_a_no(error: &SignInError) -> bool {
    matches!(
        error,
        SignInError::Denied | SignInError::Paste(PasteError::Denied)
    )
}

/// Why a sign-in did not begin.
pub(crate) fn not_begun(error: &SignInError) -> Refused {
    let mut refused = refused(error);
    if let SignInError::TryAgain { .. } = error {
        refused = refused.hint("nothing was begun: try once more in a moment");
    }
    refused
}

/// Says which of them it was: rubbish, an old code, somebody else's link, or something that is not the person's doing.
pub(crate) fn refused(error: &SignInError) -> Refused {
    let (status, hint) = match error {
        SignInError::NothingPending { service, .. } => {
            return Refused::new(
                StatusCode::CONFLICT,
                format!("no sign-in of yours to {service} waits for this"),
            )
            .hint("begin one, and bring what it gives you: each works only for the person who began it");
        }
        SignInError::ForAnother { service, begun, .. } => {
            return for_another(service, begun);
        }
        SignInError::NotAllowed { .. } => (
            StatusCode::FORBIDDEN,
            "sign in for yourself, or ask whoever runs this host",
        ),
        SignInError::Over { service, .. } => {
            return over(service);
        }
        SignInError::Replaced => (StatusCode::CONFLICT, "use the newest link"),
        SignInError::CodeRefused { .. } => (
            StatusCode::BAD_REQUEST,
            "begin again, use the new link, and paste its code once",
        ),
        SignInError::Denied | SignInError::Paste(PasteError::Denied) => {
            return unfit(
                "you said no at the vendor’s page, so nothing was stored",
                "what waits for a login goes on waiting: if it was a mistake, begin again",
            );
        }
        SignInError::Paste(error) => (StatusCode::BAD_REQUEST, of_paste(error)),
        SignInError::NoSuchWay { .. } => (StatusCode::BAD_REQUEST, "choose another way to sign in"),
        SignInError::Refused { .. } | SignInError::Vendor(_) => (
            StatusCode::BAD_GATEWAY,
            "whoever runs this host can look at how this vendor is described",
        ),
        SignInError::Underway { .. } => {
            return Refused::new(
                StatusCode::CONFLICT,
                "this sign-in is being completed already".to_owned(),
            )
            .hint("wait a moment: it is stored as soon as the vendor says yes");
        }
        SignInError::Stopping => (
            StatusCode::SERVICE_UNAVAILABLE,
            "nothing was changed: try again when it is back",
        ),
        SignInError::TryAgain { why } => {
            return Refused::new(
                StatusCode::BAD_GATEWAY,
                format!("the vendor could not be asked: {why}"),
            )
            .hint("you are not signed in yet, and the sign-in still waits: try once more in a moment");
        }
        SignInError::Store(StoreError::Lock(lock)) if lock.is_busy() => (
            StatusCode::CONFLICT,
            "another sign-in is being stored: try once more in a moment",
        ),
        SignInError::Store(_) => return Refused::broken("store the sign-in", error),
    };
    Refused::new(status, chain(error)).hint(hint)
}

fn of_paste(error: &PasteError) -> &'static str {
    match error {
        PasteError::Failed { .. } => "that came from the vendor: begin again, and if it stays, ask there",
        PasteError::OtherState => {
            "it may be from before this host was started, or somebody else’s: begin again, and use the new link"
        }
        PasteError::IsAKey => "begin again with an API key, where the vendor offers it",
        error => error.hint().unwrap_or("begin again"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use credentials::{Service, UserId};

    use super::*;

    #[test]
    fn every_way_to_fail_has_its_own_words_and_names_no_command() {
        let service = || Service::parse("codex").unwrap();
        let user = || UserId::parse("web:a").unwrap();
        let all = [
            SignInError::NothingPending {
                service: service(),
                user: user(),
            },
            SignInError::Over {
                service: service(),
                user: user(),
            },
            SignInError::ForAnother {
                service: service(),
                user: user(),
                begun: Owner::Host,
                named: Owner::User(user()),
            },
            SignInError::Replaced,
            SignInError::NotAllowed {
                why: "only administrators do".into(),
            },
            SignInError::CodeRefused {
                code: "invalid_grant".into(),
            },
            SignInError::Paste(PasteError::Empty),
            SignInError::Paste(PasteError::NotACode),
            SignInError::Paste(PasteError::OtherState),
            SignInError::Paste(PasteError::IsTheLink),
            SignInError::Paste(PasteError::IsAKey),
            SignInError::Paste(PasteError::NotAKey),
            SignInError::Paste(PasteError::ShortKey),
            SignInError::Paste(PasteError::NothingWanted),
            SignInError::Paste(PasteError::Failed {
                code: "server_error".into(),
            }),
            SignInError::Denied,
            SignInError::Refused {
                code: "unauthorized_client".into(),
            },
            SignInError::TryAgain {
                why: "no route".into(),
            },
            SignInError::Stopping,
            SignInError::Underway {
                who: "pid 4711".into(),
            },
        ];
        let ours = [no_state(), older(), somebody_elses(), other_service("Codex")];
        let mut told = HashSet::new();
        for refused in all.iter().map(refused).chain(ours) {
            let hint = refused.hint.unwrap();
            assert!(
                !hint.contains("agent-host auth") && !refused.error.contains("web:a"),
                "{hint}"
            );
            assert!(told.insert(refused.error.clone()), "{}", refused.error);
            assert!(refused.status.is_client_error() || refused.status.is_server_error());
        }
    }
}
