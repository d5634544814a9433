//! Whose login pays, in the words of the command line.

use credentials::{Credentials, Payer, Situation, Standing, Tenant, UserId, whose_login_pays};

/// What comes before this login once it works, in words; `None` if it will be used.
pub(crate) fn shadow(credentials: &Credentials, tenant: &Tenant, user: Option<&UserId>) -> Option<String> {
    if tenant.owner != credentials::Owner::Host {
        return None;
    }
    let vendor = credentials.vendors().get(&tenant.service).ok()?;
    let found = credentials
        .store()
        .situation(&tenant.service, Some(&vendor.environment), user);
    let before = match whose_login_pays(Situation {
        host: Standing::Alive,
        ..found.ok()?
    }) {
        Payer::Own | Payer::OwnLoginDead => format!("{}'s own login exists", user?),
        Payer::HostKey => format!("{} is set", vendor.environment.key_name.as_ref()?),
        Payer::HostToken => format!("{} is set", vendor.environment.token_name.as_ref()?),
        _ => return None,
    };
    Some(format!(
        "{before} and comes before the host's login to {}",
        tenant.service
    ))
}
