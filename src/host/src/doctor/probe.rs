//! `--probe`: refreshes what is stale, under its lock, as the next use would.

use credentials::{Credentials, Need, Owner, Service, State, Tenant, TenantHealth, TokenError};

use super::{Check, report};

const NAME: &str = "probe";

/// Refreshes stale logins and says how it went. A login that turns out dead is told by the check of the tenants.
pub(super) fn check(credentials: &Credentials, tenants: &[TenantHealth]) -> Check {
    let mut refreshed = Vec::new();
    let mut findings = Vec::new();
    for tenant in tenants
        .iter()
        .filter(|health| is_stale(health))
        .filter_map(tenant)
    {
        match credentials.token_blocking(&tenant, &Need::default()) {
            Ok(_) => refreshed.push(tenant.to_string()),
            Err(error @ TokenError::TryAgain { .. }) => {
                findings.push(Check::warn(NAME, report::chain(&error)).hint("try again in a moment"));
            }
            Err(error) => findings.push(Check::warn(NAME, report::chain(&error))),
        }
    }
    let fine = if refreshed.is_empty() {
        "nothing was stale".to_owned()
    } else {
        format!("refreshed {}", refreshed.join(", "))
    };
    Check::worst(NAME, findings, fine)
}

fn is_stale(health: &TenantHealth) -> bool {
    health.refreshable && matches!(health.state, State::Expiring | State::Expired | State::Uncertain)
}

fn tenant(health: &TenantHealth) -> Option<Tenant> {
    Some(Tenant {
        service: Service::parse(&health.service).ok()?,
        owner: Owner::parse(&health.owner).ok()?,
    })
}
