//! How stored logins are shown: one table and one JSON shape for `auth list`, `doctor` and `demo`.

use std::time::Duration;

use credentials::{Account, State, TenantHealth, words};
use serde::Serialize;

use crate::output::{Colour, Paint, Table};

/// A stored login as JSON. Holds no part of a token.
#[derive(Debug, Serialize)]
pub(crate) struct TenantObject<'a> {
    tenant: &'a str,
    owner: &'a str,
    state: State,
    expires_in_s: Option<i64>,
    scopes: &'a [String],
    refreshable: bool,
    kind: Option<&'static str>,
    account: Option<AccountObject<'a>>,
    detail: Option<&'a str>,
    held_by: Option<HolderObject>,
}

/// An account as JSON.
#[derive(Debug, Serialize)]
pub(crate) struct AccountObject<'a> {
    id: &'a str,
    label: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct HolderObject {
    pid: u32,
    held_s: u64,
}

impl<'a> AccountObject<'a> {
    /// Of an account.
    pub(crate) fn of(account: &'a Account) -> Self {
        Self {
            id: &account.id,
            label: account.label.as_deref(),
        }
    }
}

/// The JSON objects of these logins.
pub(crate) fn objects<'a>(tenants: &'a [TenantHealth]) -> Vec<TenantObject<'a>> {
    let object = |health: &'a TenantHealth| TenantObject {
        tenant: &health.service,
        owner: &health.owner,
        state: health.state,
        expires_in_s: health.expires_in_s,
        scopes: &health.scopes,
        refreshable: health.refreshable,
        kind: health.kind,
        account: health.account.as_ref().map(AccountObject::of),
        detail: health.detail.as_deref(),
        held_by: health.held_by.map(|(pid, held)| HolderObject {
            pid,
            held_s: held.as_secs(),
        }),
    };
    tenants.iter().map(object).collect()
}

/// The table of these logins.
pub(crate) fn table(tenants: &[TenantHealth], paint: Paint) -> Vec<String> {
    let mut table = Table::new(&["tenant", "owner", "state", "expires", "account", "scopes"]);
    for health in tenants {
        let account = health
            .account
            .as_ref()
            .map_or("-", |account| account.label.as_deref().unwrap_or(&account.id));
        table.row([
            shown(&health.service),
            shown(&health.owner),
            health.state.as_str().to_owned(),
            expires(health),
            shown(account),
            health.scopes.len().to_string(),
        ]);
    }
    // Coloured afterwards: what can't be seen has no width.
    let colour = |(line, health): (String, &TenantHealth)| {
        let word = health.state.as_str();
        line.replacen(
            &format!("  {word}"),
            &format!("  {}", paint.paint(colour(health.state), word)),
            1,
        )
    };
    let mut lines = table.lines().into_iter();
    let heading = lines.next();
    heading
        .into_iter()
        .chain(lines.zip(tenants).map(colour))
        .collect()
}

/// When the access token ends, for people.
fn expires(health: &TenantHealth) -> String {
    match (health.expires_in_s, health.kind) {
        (None, Some("api-key")) if health.state != State::Refused => "never".to_owned(),
        (None, _) => "-".to_owned(),
        (Some(seconds), _) => distance(seconds),
    }
}

/// `in 5 min` or `3 h ago`.
pub(crate) fn distance(seconds: i64) -> String {
    let span = words::span(Duration::from_secs(seconds.unsigned_abs()));
    if seconds < 0 {
        format!("{span} ago")
    } else {
        format!("in {span}")
    }
}

fn colour(state: State) -> Colour {
    match state {
        State::Valid => Colour::Green,
        State::Expiring | State::Expired | State::Uncertain => Colour::Yellow,
        State::Invalidated | State::Refused | State::Unreadable => Colour::Red,
    }
}

/// Text from outside, without anything a terminal would obey.
pub(crate) fn shown(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_people_tell_them() {
        assert_eq!(distance(300), "in 5 min");
        assert_eq!(distance(-7200), "2 h ago");
    }

    #[test]
    fn an_account_name_can_not_write_to_the_terminal() {
        assert_eq!(shown("a\u{1b}[2Jb\n"), "a?[2Jb?");
    }
}
