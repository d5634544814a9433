//! Whose login pays, found out from the store and the environment.

use credentials::{
    Credentials, Payer, Situation, Standing, Store, StoreError, Tenant, UserId, Vendor, whose_login_pays,
};

/// What there is to choose from. Without a user nobody's own login counts.
pub(super) fn situation(
    store: &Store,
    vendor: Option<&Vendor>,
    host: &Tenant,
    user: Option<&UserId>,
) -> Result<Situation, StoreError> {
    let own = match user {
        Some(user) => store.standing(&Tenant::user(host.service.clone(), user.clone()))?,
        None => Standing::Absent,
    };
    let environment = vendor.map(|vendor| &vendor.environment);
    Ok(Situation {
        own,
        host_key: environment.is_some_and(|environment| environment.key.is_some()),
        host_token: environment.is_some_and(|environment| environment.token.is_some()),
        host: store.standing(host)?,
    })
}

/// What comes before this login once it works, in words; `None` if it will be used.
pub(crate) fn shadow(credentials: &Credentials, tenant: &Tenant, user: Option<&UserId>) -> Option<String> {
    if tenant.owner != credentials::Owner::Host {
        return None;
    }
    let vendor = credentials.vendors().get(&tenant.service).ok()?;
    let found = situation(credentials.store(), Some(&vendor), tenant, user).ok()?;
    let before = match whose_login_pays(Situation {
        host: Standing::Alive,
        ..found
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
