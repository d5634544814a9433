//! Whose login pays for a turn: one pure function, one table.

use crate::clock::Timestamp;
use crate::entry::{Credential, Entry, Need};
use crate::store::{Store, StoreError};
use crate::tenant::{Service, Tenant, UserId};
use crate::vendor::Environment;

/// How somebody's stored credential stands for this purpose. One that is merely expired is alive: it is refreshed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is stored.
    Absent,
    /// There is one, and it works or can be renewed.
    Alive,
    /// There is one, and only a new sign-in helps.
    Dead,
}

impl Standing {
    /// How an entry stands.
    pub fn of(entry: Option<&Entry>, now: Timestamp) -> Self {
        match entry.map(|entry| &entry.credential) {
            None => Self::Absent,
            Some(Credential::ApiKey(_)) => Self::Alive,
            Some(Credential::OAuth(grant)) => {
                let is_over = !grant.is_live(&Need::default(), now);
                if grant.dead().is_some() || (is_over && grant.refresh_token.is_none()) {
                    Self::Dead
                } else {
                    Self::Alive
                }
            }
        }
    }
}

impl Store {
    /// How a tenant's credential stands. One that can't be read is dead: only a new sign-in helps.
    pub fn standing(&self, tenant: &Tenant) -> Result<Standing, StoreError> {
        match self.entry(tenant) {
            Ok(entry) => Ok(Standing::of(entry.as_deref(), Timestamp::now())),
            Err(StoreError::Unreadable(_)) => Ok(Standing::Dead),
            Err(error) => Err(error),
        }
    }
}

impl Store {
    /// What there is to choose from for a service in this user's threads. Without a user nobody's own login counts.
    pub fn situation(
        &self,
        service: &Service,
        environment: Option<&Environment>,
        user: Option<&UserId>,
    ) -> Result<Situation, StoreError> {
        let own = match user {
            Some(user) => self.standing(&Tenant::user(service.clone(), user.clone()))?,
            None => Standing::Absent,
        };
        Ok(Situation {
            own,
            host_key: environment.is_some_and(|environment| environment.key.is_some()),
            host_token: environment.is_some_and(|environment| environment.token.is_some()),
            host: self.standing(&Tenant::host(service.clone()))?,
        })
    }
}

/// What there is to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Situation {
    /// The thread owner's own tenant.
    pub own: Standing,
    /// An API key in the host's environment.
    pub host_key: bool,
    /// A long-lived token in the host's environment.
    pub host_token: bool,
    /// The host's tenant.
    pub host: Standing,
}

/// Whose login pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payer {
    /// The thread owner's own tenant.
    Own,
    /// The API key in the host's environment.
    HostKey,
    /// The long-lived token in the host's environment.
    HostToken,
    /// The host's tenant.
    Host,
    /// Nobody: the owner must sign in.
    LoginRequired,
    /// Nobody: the owner's own login is dead, and nobody else's is used silently.
    OwnLoginDead,
    /// Nobody: the host's login is dead.
    HostLoginDead,
}

/// Decides whose login pays. The owner's own tenant always comes first; only its absence leads further.
pub fn whose_login_pays(situation: Situation) -> Payer {
    match situation {
        Situation {
            own: Standing::Alive, ..
        } => Payer::Own,
        Situation {
            own: Standing::Dead, ..
        } => Payer::OwnLoginDead,
        Situation { host_key: true, .. } => Payer::HostKey,
        Situation { host_token: true, .. } => Payer::HostToken,
        Situation {
            host: Standing::Alive,
            ..
        } => Payer::Host,
        Situation {
            host: Standing::Dead, ..
        } => Payer::HostLoginDead,
        Situation {
            host: Standing::Absent,
            ..
        } => Payer::LoginRequired,
    }
}

#[cfg(test)]
mod tests {
    use super::Payer::*;
    use super::Standing::*;
    use super::*;
    use crate::digest::Fingerprint;
    use crate::entry::tests::grant;
    use crate::entry::{ApiKey, Invalidated, Unknown};

    #[test]
    fn a_login_is_dead_only_if_nothing_but_a_new_sign_in_helps() {
        let at = Timestamp::from_seconds;
        let standing = |credential| {
            let entry = Entry {
                generation: 1,
                credential,
                unknown: Unknown::default(),
            };
            Standing::of(Some(&entry), at(50))
        };
        let oauth = |grant| Credential::OAuth(Box::new(grant));
        let refused = |token: &str| {
            let mut grant = grant("a", Some("r"), 0, 100);
            grant.invalidated = Some(Invalidated {
                at: at(1),
                fingerprint: Fingerprint::of(&token.to_owned().into()),
                reason: "invalid_grant".into(),
            });
            oauth(grant)
        };
        let key = ApiKey {
            key: "k".to_owned().into(),
            obtained_at: at(0),
        };
        assert_eq!(Standing::of(None, at(50)), Absent);
        assert_eq!(standing(Credential::ApiKey(key)), Alive);
        assert_eq!(standing(oauth(grant("a", None, 0, 100))), Alive);
        assert_eq!(
            standing(oauth(grant("a", Some("r"), 0, 10))),
            Alive,
            "it is refreshed"
        );
        assert_eq!(standing(oauth(grant("a", None, 0, 10))), Dead);
        assert_eq!(standing(refused("r")), Dead);
        assert_eq!(standing(refused("another")), Alive);
    }

    #[test]
    fn whose_login_pays_is_this_table() {
        for (own, host_key, host_token, host, payer) in [
            (Alive, true, true, Alive, Own),
            (Alive, false, false, Absent, Own),
            (Dead, true, true, Alive, OwnLoginDead),
            (Dead, false, false, Alive, OwnLoginDead),
            (Absent, true, true, Alive, HostKey),
            (Absent, true, false, Dead, HostKey),
            (Absent, false, true, Alive, HostToken),
            (Absent, false, false, Alive, Host),
            (Absent, false, false, Dead, HostLoginDead),
            (Absent, false, false, Absent, LoginRequired),
        ] {
            assert_eq!(
                whose_login_pays(Situation {
                    own,
                    host_key,
                    host_token,
                    host
                }),
                payer
            );
        }
    }
}
