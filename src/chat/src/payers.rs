//! Which login pays for which agent in somebody's own threads, and why, in words. Decided where everything decides it.

use credentials::{Environment, Payer, Situation, Standing};

/// Who pays, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) with: String,
    pub(crate) why: String,
}

/// What a key or token of the environment is called: `the host's API key (OPENAI_API_KEY)`.
fn named(what: &str, variable: Option<&str>) -> String {
    match variable {
        Some(variable) => format!("the host’s {what} ({variable})"),
        None => format!("the host’s {what}"),
    }
}

fn key(environment: &Environment) -> String {
    named("API key", environment.key_name.as_deref())
}

fn token(environment: &Environment) -> String {
    named("long-lived token", environment.token_name.as_deref())
}

/// What would pay if there were no login of one's own.
pub(crate) fn without_own(situation: Situation, environment: &Environment) -> Option<String> {
    match credentials::whose_login_pays(Situation {
        own: Standing::Absent,
        ..situation
    }) {
        Payer::HostKey => Some(key(environment)),
        Payer::HostToken => Some(token(environment)),
        Payer::Host => Some("the host’s login".to_owned()),
        _ => None,
    }
}

/// Who pays, and why. `may_sign_in_host`: whether the reader may sign in for the host.
pub(crate) fn words(
    payer: Payer,
    situation: Situation,
    environment: &Environment,
    may_sign_in_host: bool,
) -> Words {
    let fallback = without_own(situation, environment);
    let (with, why) = match (payer, fallback) {
        (Payer::Own, Some(other)) => (
            "your login".to_owned(),
            format!("Your own comes first. Without it {other} would pay."),
        ),
        (Payer::Own, None) => ("your login".to_owned(), "Your own comes first.".to_owned()),
        (Payer::OwnLoginDead, Some(other)) => (
            "nobody".to_owned(),
            format!(
                "Your own login no longer works, and no other takes its place unasked: sign in again, or sign out, and {other} \
                 pays."
            ),
        ),
        (Payer::OwnLoginDead, None) => (
            "nobody".to_owned(),
            "Your own login no longer works: sign in again.".to_owned(),
        ),
        (Payer::HostKey, _) => (
            key(environment),
            "You have no login of your own, and the host’s key comes next.".to_owned(),
        ),
        (Payer::HostToken, _) => (
            token(environment),
            "You have no login of your own, and the host has no API key: its token comes next.".to_owned(),
        ),
        (Payer::Host, _) => (
            "the host’s login".to_owned(),
            "You have none of your own, and the host has no key in its environment.".to_owned(),
        ),
        (Payer::HostLoginDead, _) if may_sign_in_host => (
            "nobody".to_owned(),
            "The host’s login no longer works: sign in again for the host, or for yourself.".to_owned(),
        ),
        (Payer::HostLoginDead, _) => (
            "nobody".to_owned(),
            "The host’s login no longer works: sign in for yourself, or ask whoever runs this host."
                .to_owned(),
        ),
        (Payer::LoginRequired, _) => (
            "nobody yet".to_owned(),
            "Neither you nor the host has a login: sign in.".to_owned(),
        ),
    };
    Words { with, why }
}

/// Whether any login pays.
pub(crate) fn is_paid(payer: Payer) -> bool {
    !matches!(
        payer,
        Payer::LoginRequired | Payer::OwnLoginDead | Payer::HostLoginDead
    )
}

/// Why a credential of the host's is not used in the reader's threads, if it is not.
pub(crate) fn passed_over(payer: Payer, environment: &Environment, which: Payer) -> Option<String> {
    let before = match payer {
        _ if payer == which => return None,
        Payer::Own | Payer::OwnLoginDead => "your own login".to_owned(),
        Payer::HostKey => key(environment),
        Payer::HostToken => token(environment),
        _ => return None,
    };
    Some(format!("Not used in your threads: {before} comes first."))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use credentials::Standing::{Absent, Alive, Dead};
    use credentials::whose_login_pays;

    use super::*;

    #[test]
    fn every_row_of_the_table_is_told_in_its_own_words() {
        let environment = Environment {
            key_name: Some("SOME_KEY".into()),
            token_name: Some("SOME_TOKEN".into()),
            ..Environment::default()
        };
        let mut told = HashSet::new();
        for (own, host_key, host_token, host, with, why) in [
            (Alive, true, false, Alive, "your login", "(SOME_KEY) would pay"),
            (Alive, false, false, Absent, "your login", "comes first"),
            (
                Dead,
                true,
                false,
                Alive,
                "nobody",
                "sign out, and the host’s API key",
            ),
            (Dead, false, false, Absent, "nobody", "sign in again"),
            (
                Absent,
                true,
                true,
                Alive,
                "(SOME_KEY)",
                "the host’s key comes next",
            ),
            (Absent, false, true, Alive, "(SOME_TOKEN)", "token comes next"),
            (Absent, false, false, Alive, "the host’s login", "no key"),
            (Absent, false, false, Dead, "nobody", "ask whoever runs"),
            (Absent, false, false, Absent, "nobody yet", "sign in"),
        ] {
            let situation = Situation {
                own,
                host_key,
                host_token,
                host,
            };
            let words = words(whose_login_pays(situation), situation, &environment, false);
            assert!(words.with.contains(with) && words.why.contains(why), "{words:?}");
            assert!(told.insert(words.why.clone()), "{words:?}");
        }
    }

    #[test]
    fn what_gives_way_says_to_what() {
        let environment = Environment {
            key_name: Some("SOME_KEY".into()),
            ..Environment::default()
        };
        for (payer, which, words) in [
            (Payer::Own, Payer::Host, Some("your own login comes first")),
            (Payer::OwnLoginDead, Payer::HostKey, Some("your own login")),
            (Payer::HostKey, Payer::Host, Some("(SOME_KEY) comes first")),
            (Payer::HostKey, Payer::HostKey, None),
            (Payer::LoginRequired, Payer::Host, None),
        ] {
            let told = passed_over(payer, &environment, which);
            match words {
                Some(words) => assert!(told.unwrap_or_default().contains(words), "{payer:?}"),
                None => assert_eq!(told, None, "{payer:?}"),
            }
        }
    }
}
