//! Keys and tokens in the environment: those that were refused, and those that come before a stored login.

use credentials::{Credentials, RefusedVariable, Service, Tenant, TenantHealth, words};

use super::Check;
use crate::auth::shadow;

const NAME: &str = "environment";

/// What to do about one that was refused.
pub(crate) const ANOTHER: &str = "set one that works, and start the host again";

/// Of one that was refused, in words.
pub(crate) fn refused(found: &RefusedVariable) -> String {
    let (service, variable) = (&found.service, &found.variable);
    format!(
        "{service} refused the key in {variable} at {}",
        words::moment(found.at)
    )
}

/// Which of them were refused, and which stored logins of the host are not used, and why.
pub(super) fn check(credentials: &Credentials, tenants: &[TenantHealth]) -> Check {
    let rejected = credentials.refused_variables();
    let rejected = rejected
        .iter()
        .map(|one| Check::fail(NAME, refused(one)).hint(ANOTHER));
    let shadowed = tenants
        .iter()
        .filter(|health| health.owner == "host")
        .filter_map(|health| {
            let tenant = Tenant::host(Service::parse(&health.service).ok()?);
            let words = shadow(credentials, &tenant, None)?;
            Some(Check::warn(NAME, words).hint("unset it if the stored login is meant to be used"))
        });
    Check::worst(
        NAME,
        rejected.chain(shadowed).collect(),
        "nothing in it was refused, or comes before a stored login",
    )
}
