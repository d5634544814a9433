//! Why a sign-in did not work, for somebody who has a page and no command line.

use axum::http::StatusCode;
use credentials::{PasteError, SignInError, StoreError};

use crate::web::refusal::{Refused, chain};

/// Says which of them it was: rubbish, an old code, somebody else's link, or something that is not the person's doing.
pub(crate) fn refused(error: &SignInError) -> Refused {
    let (status, hint) = match error {
        SignInError::NothingPending { service, .. } => {
            return Refused::new(
                StatusCode::CONFLICT,
                format!("you have begun no sign-in to {service}"),
            )
            .hint("begin one here; a link works only for the person who began it");
        }
        SignInError::Over { service, .. } => {
            return Refused::new(
                StatusCode::CONFLICT,
                format!("the sign-in to {service} is over its 15 minutes"),
            )
            .hint("begin again, and use the new link");
        }
        SignInError::Replaced => (StatusCode::CONFLICT, "use the newest link"),
        SignInError::CodeRefused { .. } => (
            StatusCode::BAD_REQUEST,
            "begin again, use the new link, and paste its code once",
        ),
        SignInError::Paste(error) => (StatusCode::BAD_REQUEST, of_paste(error)),
        SignInError::Denied => (StatusCode::BAD_REQUEST, "begin again if that was a mistake"),
        SignInError::NoSuchWay { .. } => (StatusCode::BAD_REQUEST, "choose another way to sign in"),
        SignInError::Refused { .. } | SignInError::Vendor(_) => (
            StatusCode::BAD_GATEWAY,
            "whoever runs this host can look at how this vendor is described",
        ),
        SignInError::TryAgain { .. } => (
            StatusCode::BAD_GATEWAY,
            "the sign-in is still waiting: try once more in a moment",
        ),
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
        PasteError::Denied { .. } => "begin again if that was a mistake",
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
            SignInError::Replaced,
            SignInError::CodeRefused {
                code: "invalid_grant".into(),
            },
            SignInError::Paste(PasteError::Empty),
            SignInError::Paste(PasteError::NotACode),
            SignInError::Paste(PasteError::OtherState),
            SignInError::Paste(PasteError::IsTheLink),
            SignInError::Paste(PasteError::IsAKey),
            SignInError::Paste(PasteError::Denied {
                code: "access_denied".into(),
            }),
            SignInError::Denied,
            SignInError::TryAgain {
                why: "no route".into(),
            },
        ];
        let mut told = HashSet::new();
        for error in &all {
            let refused = refused(error);
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
