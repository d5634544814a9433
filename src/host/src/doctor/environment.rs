//! Keys and tokens in the environment that come before a stored login.

use credentials::{Credentials, Service, Tenant, TenantHealth};

use super::Check;
use crate::auth::shadow;

const NAME: &str = "environment";

/// Which stored logins of the host are not used, and why.
pub(super) fn check(credentials: &Credentials, tenants: &[TenantHealth]) -> Check {
    let findings = tenants
        .iter()
        .filter(|health| health.owner == "host")
        .filter_map(|health| {
            let tenant = Tenant::host(Service::parse(&health.service).ok()?);
            let words = shadow(credentials, &tenant, None)?;
            Some(Check::warn(NAME, words).hint("unset it if the stored login is meant to be used"))
        });
    Check::worst(
        NAME,
        findings.collect(),
        "nothing in it comes before a stored login",
    )
}
