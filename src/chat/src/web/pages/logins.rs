//! Logins, as the page of credentials shows them: the person's own, and the host's.

use std::time::Duration;

use credentials::{Owner, PendingHealth, State, StoreError, TenantHealth, Timestamp, Vendor};

use crate::web::people::Person;
use crate::web::refusal::Refused;
use crate::web::shared::Web;
use crate::web::view::{Login, LoginState, Whose};

impl Web {
    /// How this person's logins stand, and the host's. Other people's are nobody's business.
    pub(super) async fn logins(&self, person: &Person) -> Result<Vec<Login>, Refused> {
        let store = self.credentials.store().clone();
        let look = tokio::task::spawn_blocking(move || {
            Ok::<_, StoreError>((store.tenants()?, store.pending_sign_ins()?))
        });
        let (stored, pending) = match look.await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return Err(Refused::broken("read the logins", &error)),
            Err(error) => return Err(Refused::broken("read the logins", &error)),
        };
        let mut logins = vec![];
        for vendor in self.credentials.vendors().iter() {
            let find = |owner: &Owner| {
                stored
                    .iter()
                    .find(|one| one.service == vendor.service.as_str() && one.owner == owner.as_str())
            };
            let begun = pending.iter().any(|one| is_begun(one, vendor, person));
            let own = find(&Owner::User(person.user.clone()));
            logins.push(login(vendor, Whose::Mine, own, begun, true));
            let host = find(&Owner::Host);
            if host.is_some() || person.admin {
                logins.push(login(vendor, Whose::Host, host, false, person.admin));
            }
        }
        Ok(logins)
    }
}

fn is_begun(one: &PendingHealth, vendor: &Vendor, person: &Person) -> bool {
    one.service == vendor.service.as_str() && one.user == person.user.as_str() && !one.is_over
}

fn login(
    vendor: &Vendor,
    whose: Whose,
    stored: Option<&TenantHealth>,
    begun: bool,
    may_change: bool,
) -> Login {
    let who = match whose {
        Whose::Mine => "Threads that you opened",
        Whose::Host => "Everybody's threads without a login of their own",
    };
    Login {
        service: vendor.service.to_string(),
        title: vendor.title.clone(),
        whose,
        used_for: stored.map(|stored| used_for(vendor, stored)).unwrap_or_default(),
        state: stored.map_or(
            if begun {
                LoginState::Pending
            } else {
                LoginState::Absent
            },
            state,
        ),
        detail: stored
            .and_then(|stored| stored.detail.clone())
            .or_else(|| vendor.warning.clone()),
        account: stored
            .and_then(|stored| stored.account.as_ref())
            .map(|account| account.label.clone().unwrap_or_else(|| account.id.clone())),
        valid_until: stored.and_then(|stored| stored.expires_in_s).map(from_now),
        renewed: stored.is_some_and(|stored| stored.refreshable),
        may_change,
        stops: format!(
            "{who} can no longer use {}, unless another login is there.",
            vendor.title
        ),
    }
}

fn used_for(vendor: &Vendor, stored: &TenantHealth) -> String {
    match stored.scopes.len() {
        0 => vendor.title.clone(),
        _ => format!("{} ({})", vendor.title, stored.scopes.join(", ")),
    }
}

fn state(stored: &TenantHealth) -> LoginState {
    match stored.state {
        _ if stored.held_by.is_some() => LoginState::Renewing,
        State::Valid | State::Uncertain => LoginState::SignedIn,
        State::Expiring | State::Expired if stored.refreshable => LoginState::SignedIn,
        // Still good, for a moment.
        State::Expiring => LoginState::SignedIn,
        State::Expired | State::Invalidated | State::Unreadable => LoginState::Dead,
    }
}

fn from_now(seconds: i64) -> Timestamp {
    let now = Timestamp::now();
    match u64::try_from(seconds) {
        Ok(ahead) => now.plus(Duration::from_secs(ahead)),
        Err(_) => Timestamp::from_millis(now.millis().saturating_add(seconds.saturating_mul(1000))),
    }
}
