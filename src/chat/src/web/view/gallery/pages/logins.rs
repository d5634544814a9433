//! The page of credentials with a login in every state, and one that is begun.

use credentials::{Begun, Service};

use super::{soon, viewer};
use crate::web::view::{Login, LoginState, Pays, Purse, Whose, credentials, sign_in_step};

fn login(service: &str, whose: Whose, state: LoginState) -> Login {
    Login {
        service: service.into(),
        title: service.into(),
        whose,
        used_for: if state == LoginState::Absent {
            String::new()
        } else {
            "built-in agent, codex".into()
        },
        variable: (state == LoginState::Set).then(|| "API key in OPENAI_API_KEY".into()),
        state,
        detail: (state == LoginState::Dead)
            .then(|| "The vendor ended this login on Friday (refresh token revoked).".into()),
        gives_way: (whose == Whose::Host)
            .then(|| "Not used in your threads: the host’s API key (OPENAI_API_KEY) comes first.".into()),
        account: (!matches!(state, LoginState::Absent | LoginState::Set)).then(|| "alice@example.org".into()),
        valid_until: (state != LoginState::Set).then(|| soon(3541)),
        renewed: true,
        may_change: whose == Whose::Mine,
        stops: "3 threads of yours work on this login and will wait for a new one.".into(),
    }
}

pub(super) fn credentials_page() -> String {
    let logins = vec![
        login("rehearsal", Whose::Mine, LoginState::SignedIn),
        login("codex", Whose::Mine, LoginState::Dead),
        login("anthropic", Whose::Mine, LoginState::Absent),
        login("openai", Whose::Environment, LoginState::Set),
        login("openai", Whose::Host, LoginState::SignedIn),
    ];
    let pays = |agent: &str, service: Option<&str>, with: &str, why: &str, works| Pays {
        agent: agent.into(),
        service: service.map(str::to_owned),
        with: with.into(),
        why: why.into(),
        works,
    };
    let pays = vec![
        pays(
            "built-in agent",
            Some("OpenAI"),
            "the host’s API key (OPENAI_API_KEY)",
            "You have no login of your own, and the host’s key comes next.",
            true,
        ),
        pays(
            "codex",
            Some("Codex"),
            "nobody",
            "Your own login no longer works, and no other takes its place unasked: sign in again, or sign out, and the host’s \
             login pays.",
            false,
        ),
        pays("local", None, "no login", "Its server wants none.", true),
    ];
    let html = credentials(&Purse { pays, logins }, &viewer());
    // As it looks after a click on "Sign in".
    let begun = Begun::Link {
        url: "https://login.example.org/authorize?x=1".parse().unwrap(),
        redirect_uri: "http://127.0.0.1:1/".parse().unwrap(),
    };
    let step = sign_in_step(&Service::parse("anthropic").unwrap(), "mine", &begun);
    let at = html.find("login-mine-anthropic").unwrap();
    let (before, after) = html.split_at(at);
    let empty = "data-step=\"\" aria-live=\"polite\">";
    format!("{before}{}", after.replacen(empty, &format!("{empty}{step}"), 1))
}
