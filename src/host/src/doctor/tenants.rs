//! The stored logins: which of them need a person.

use credentials::{Owner, Service, State, Tenant, TenantHealth};

use super::Check;
use crate::failure::sign_in_command;
use crate::tenant_view::shown;

const NAME: &str = "tenants";

/// What is wrong with the logins.
pub(super) fn check(tenants: &[TenantHealth]) -> Check {
    let fine = match tenants.len() {
        0 => "nobody has signed in".to_owned(),
        1 => "1 login, and it works".to_owned(),
        count => format!("{count} logins, and all work"),
    };
    Check::worst(NAME, tenants.iter().filter_map(finding).collect(), fine)
}

/// What needs a person, in words, and what that person can do.
pub(crate) fn troubles(tenants: &[TenantHealth]) -> impl Iterator<Item = (String, Option<String>)> {
    let found = tenants.iter().filter_map(finding);
    found.map(|check| (check.message, check.hint))
}

fn finding(health: &TenantHealth) -> Option<Check> {
    let detail = health
        .detail
        .as_deref()
        .map(|detail| format!(": {}", shown(detail)))
        .unwrap_or_default();
    let name = format!("{} ({})", shown(&health.service), shown(&health.owner));
    let words = format!("{name} is {}{detail}", health.state);
    match health.state {
        State::Valid | State::Expiring => None,
        State::Expired if health.refreshable => None,
        State::Expired => {
            Some(Check::fail(NAME, format!("{words} and has no refresh token")).hint(again(health)))
        }
        State::Refused => Some(Check::fail(NAME, words).hint(the_way("store another one", health))),
        State::Invalidated | State::Unreadable => Some(Check::fail(NAME, words).hint(again(health))),
        State::Uncertain => Some(Check::warn(NAME, words).hint(format!(
            "nothing to do: it is settled when the token is next needed; if that fails, {}",
            again(health)
        ))),
    }
}

/// The exact command that signs in again.
fn again(health: &TenantHealth) -> String {
    the_way("sign in again", health)
}

fn the_way(what: &str, health: &TenantHealth) -> String {
    let tenant = Service::parse(&health.service)
        .and_then(|service| Owner::parse(&health.owner).map(|owner| Tenant { service, owner }));
    match tenant {
        Ok(tenant) => format!("{what}: `{}`", sign_in_command(&tenant)),
        Err(_) => "use the version of agent-host that wrote it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    fn health(state: State, refreshable: bool) -> TenantHealth {
        TenantHealth {
            service: "codex".into(),
            owner: "local:alice".into(),
            state,
            detail: None,
            kind: Some("oauth"),
            expires_in_s: Some(-5),
            scopes: vec![],
            refreshable,
            account: None,
            held_by: None,
        }
    }

    #[test]
    fn only_what_needs_a_person_fails() {
        for (state, refreshable, status) in [
            (State::Valid, true, Status::Ok),
            (State::Expiring, true, Status::Ok),
            (State::Expired, true, Status::Ok),
            (State::Expired, false, Status::Fail),
            (State::Uncertain, true, Status::Warn),
            (State::Invalidated, false, Status::Fail),
            (State::Refused, false, Status::Fail),
            (State::Unreadable, false, Status::Fail),
        ] {
            let check = check(&[health(state, refreshable)]);
            assert_eq!(check.status, status, "{state} {refreshable}");
            let told = check.hint.unwrap_or_default();
            assert_eq!(
                status != Status::Ok,
                told.contains("agent-host auth begin codex --user local:alice"),
                "{state}: {told}"
            );
        }
    }
}
