//! Whose login pays, found out from the store and the environment.

use credentials::{
    Credential, Credentials, Need, Payer, Situation, Standing, Store, StoreError, Tenant, Timestamp, UserId,
    Vendor, whose_login_pays,
};

/// What there is to choose from. Without a user nobody's own login counts.
pub(super) fn situation(
    store: &Store,
    vendor: Option<&Vendor>,
    host: &Tenant,
    user: Option<&UserId>,
) -> Result<Situation, StoreError> {
    let own = match user {
        Some(user) => standing(store, &Tenant::user(host.service.clone(), user.clone()))?,
        None => Standing::Absent,
    };
    let environment = vendor.map(|vendor| &vendor.environment);
    Ok(Situation {
        own,
        host_key: environment.is_some_and(|environment| environment.key.is_some()),
        host_token: environment.is_some_and(|environment| environment.token.is_some()),
        host: standing(store, host)?,
    })
}

fn standing(store: &Store, tenant: &Tenant) -> Result<Standing, StoreError> {
    let entry = match store.entry(tenant) {
        Ok(entry) => entry,
        Err(StoreError::Unreadable(_)) => return Ok(Standing::Dead),
        Err(error) => return Err(error),
    };
    Ok(match entry.as_ref().map(|entry| &entry.credential) {
        None => Standing::Absent,
        Some(Credential::ApiKey(_)) => Standing::Alive,
        Some(Credential::OAuth(grant)) => {
            let is_over = !grant.is_live(&Need::default(), Timestamp::now());
            if grant.dead().is_some() || (is_over && grant.refresh_token.is_none()) {
                Standing::Dead
            } else {
                Standing::Alive
            }
        }
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
