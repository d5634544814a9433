//! Logins, as the page of credentials shows them: the person's own, and the host's, and which of them pays for what.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use credentials::{
    Owner, Payer, PendingHealth, Service, Situation, State, StoreError, TenantHealth, Timestamp, Vendor,
    whose_login_pays,
};
use supervisor::AgentKind;

use crate::payers;
use crate::web::people::Person;
use crate::web::refusal::Refused;
use crate::web::shared::Web;
use crate::web::view::{Login, LoginState, Pays, Purse, Whose};

/// What is stored and begun, of everybody.
struct Found {
    stored: Vec<TenantHealth>,
    pending: Vec<PendingHealth>,
    /// Of this person, for each service.
    situations: BTreeMap<Service, Situation>,
    /// Keys and tokens of the environment that were refused, and when.
    refused: BTreeMap<Service, Timestamp>,
}

impl Web {
    /// How this person's logins stand, and the host's, and which of them pays. Other people's are nobody's business.
    pub(super) async fn purse(&self, person: &Person) -> Result<Purse, Refused> {
        let found = self.look_at_logins(person).await?;
        let agents = self.agents_of_services();
        let mut logins = vec![];
        for vendor in self.credentials.vendors().iter() {
            let Some(situation) = found.situations.get(&vendor.service) else {
                continue;
            };
            let find = |owner: &Owner| {
                found
                    .stored
                    .iter()
                    .find(|one| one.service == vendor.service.as_str() && one.owner == owner.as_str())
            };
            let own = find(&Owner::User(person.user.clone()));
            let host = find(&Owner::Host);
            let begun = found.pending.iter().any(|one| is_begun(one, vendor, person));
            let used_by = agents.get(&vendor.service);
            if used_by.is_none() && own.is_none() && host.is_none() && !begun {
                continue;
            }
            let of = OfService {
                vendor,
                agents: used_by.map(|agents| agents.join(", ")).unwrap_or_default(),
                situation: *situation,
                payer: whose_login_pays(*situation),
                refused: found.refused.get(&vendor.service).copied(),
            };
            let mut mine = of.login(Whose::Mine, own, begun, true);
            if own.is_none() && !begun {
                // Nobody may have looked when it ended.
                mine.detail = self.failed_code(&person.user, &vendor.service).or(mine.detail);
            }
            logins.push(mine);
            logins.extend(of.environment());
            if host.is_some() || person.admin {
                logins.push(of.login(Whose::Host, host, false, person.admin));
            }
        }
        Ok(Purse {
            pays: self.pays(&found, person.admin),
            logins,
        })
    }

    async fn look_at_logins(&self, person: &Person) -> Result<Found, Refused> {
        let (credentials, user) = (self.credentials.clone(), person.user.clone());
        let look = tokio::task::spawn_blocking(move || {
            let store = credentials.store();
            let mut situations = BTreeMap::new();
            for vendor in credentials.vendors().iter() {
                let situation = store.situation(&vendor.service, Some(&vendor.environment), Some(&user))?;
                situations.insert(vendor.service.clone(), situation);
            }
            Ok::<_, StoreError>(Found {
                stored: store.tenants()?,
                pending: store.pending_sign_ins()?,
                situations,
                refused: credentials
                    .refused_variables()
                    .into_iter()
                    .map(|one| (one.service, one.at))
                    .collect(),
            })
        });
        match look.await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(Refused::broken("read the logins", &error)),
            Err(error) => Err(Refused::broken("read the logins", &error)),
        }
    }

    /// Which agents work with which service, by their titles.
    fn agents_of_services(&self) -> BTreeMap<Service, Vec<&str>> {
        let mut found: BTreeMap<Service, Vec<&str>> = BTreeMap::new();
        for agent in self.supervisor.declared().values() {
            if let AgentKind::Native(profile) = &agent.kind
                && let Some(account) = &profile.account
            {
                found
                    .entry(account.service.clone())
                    .or_default()
                    .push(&agent.title);
            }
        }
        found
    }

    /// Services that an agent of this host works with.
    pub(in crate::web) fn services_in_use(&self) -> BTreeSet<Service> {
        self.agents_of_services().into_keys().collect()
    }

    fn pays(&self, found: &Found, may_sign_in_host: bool) -> Vec<Pays> {
        let one = |agent: &supervisor::Agent| {
            let pays = |with: &str, why: &str| Pays {
                agent: agent.title.clone(),
                service: None,
                with: with.to_owned(),
                why: why.to_owned(),
                works: true,
            };
            let AgentKind::Native(profile) = &agent.kind else {
                return pays(
                    "a login of its own",
                    "This program brings its own model and login; none of those below is used for it.",
                );
            };
            let account = profile.account.as_ref();
            let vendor = account.and_then(|account| self.credentials.vendors().get(&account.service).ok());
            let Some((vendor, situation)) =
                vendor.and_then(|vendor| Some((vendor.clone(), *found.situations.get(&vendor.service)?)))
            else {
                return pays("no login", "Its server wants none.");
            };
            let payer = whose_login_pays(situation);
            let words = payers::words(payer, situation, &vendor.environment, may_sign_in_host);
            let refused = found.refused.get(&vendor.service);
            let refused = refused.filter(|_| matches!(payer, Payer::HostKey | Payer::HostToken));
            let why = match refused {
                Some(at) => format!("{} {}", refused_words(*at), words.why),
                None => words.why,
            };
            Pays {
                service: Some(vendor.title.clone()),
                works: refused.is_none() && payers::is_paid(payer),
                ..pays(&words.with, &why)
            }
        };
        self.supervisor.declared().values().map(one).collect()
    }
}

/// Of a key or token of the environment.
fn refused_words(at: Timestamp) -> String {
    format!(
        "The vendor refused it at {}. Whoever runs this host can set one that works, and start it again.",
        credentials::words::moment(at)
    )
}

fn is_begun(one: &PendingHealth, vendor: &Vendor, person: &Person) -> bool {
    one.service == vendor.service.as_str() && one.user == person.user.as_str() && !one.is_over
}

/// A service, as one person meets it.
struct OfService<'a> {
    vendor: &'a Vendor,
    /// The agents that work with it, in words; may be none.
    agents: String,
    situation: Situation,
    payer: Payer,
    /// When the key or token of the environment was refused, if it was.
    refused: Option<Timestamp>,
}

impl OfService<'_> {
    fn login(&self, whose: Whose, stored: Option<&TenantHealth>, begun: bool, may_change: bool) -> Login {
        let absent = if begun {
            LoginState::Pending
        } else {
            LoginState::Absent
        };
        let gives_way = (whose == Whose::Host && stored.is_some())
            .then(|| payers::passed_over(self.payer, &self.vendor.environment, Payer::Host))
            .flatten();
        Login {
            detail: stored
                .and_then(|stored| stored.detail.clone())
                .or_else(|| self.vendor.warning.clone()),
            gives_way,
            account: stored
                .and_then(|stored| stored.account.as_ref())
                .map(|account| account.label.clone().unwrap_or_else(|| account.id.clone())),
            valid_until: stored.and_then(|stored| stored.expires_in_s).map(from_now),
            renewed: stored.is_some_and(|stored| stored.refreshable),
            may_change,
            stops: self.stops(whose),
            ..self.bare(whose, stored.map_or(absent, state))
        }
    }

    /// What the host has in its environment: it is changed there alone.
    fn environment(&self) -> Vec<Login> {
        let environment = &self.vendor.environment;
        let of = |what: &str, name: &Option<String>, which: Payer| Login {
            variable: Some(format!(
                "{what} {}",
                name.as_deref().unwrap_or("of the environment")
            )),
            gives_way: payers::passed_over(self.payer, environment, which),
            detail: self.refused.map(refused_words),
            ..self.bare(
                Whose::Environment,
                self.refused.map_or(LoginState::Set, |_| LoginState::Dead),
            )
        };
        let mut found = vec![];
        if environment.key.is_some() {
            found.push(of("API key in", &environment.key_name, Payer::HostKey));
        } else if environment.token.is_some() {
            found.push(of("token in", &environment.token_name, Payer::HostToken));
        }
        found
    }

    fn bare(&self, whose: Whose, state: LoginState) -> Login {
        Login {
            service: self.vendor.service.to_string(),
            title: self.vendor.title.clone(),
            whose,
            used_for: match (state, self.agents.as_str()) {
                (LoginState::Absent | LoginState::Pending, _) => String::new(),
                (_, "") => "no agent of this host".to_owned(),
                (_, agents) => agents.to_owned(),
            },
            variable: None,
            state,
            detail: None,
            gives_way: None,
            account: None,
            valid_until: None,
            renewed: false,
            may_change: false,
            stops: String::new(),
        }
    }

    /// What a sign-out stops.
    fn stops(&self, whose: Whose) -> String {
        let title = &self.vendor.title;
        match (
            whose,
            payers::without_own(self.situation, &self.vendor.environment),
        ) {
            (Whose::Mine, Some(other)) => {
                format!("In threads that you opened, {other} then pays for {title}.")
            }
            (Whose::Mine, None) => {
                format!("Threads that you opened can no longer use {title} until you sign in again.")
            }
            _ => format!(
                "Everybody’s threads without a login of their own can no longer use {title}, unless the host has a key for it."
            ),
        }
    }
}

fn state(stored: &TenantHealth) -> LoginState {
    match stored.state {
        _ if stored.held_by.is_some() => LoginState::Renewing,
        State::Invalidated | State::Refused | State::Unreadable => LoginState::Dead,
        // What is over is renewed at its next use, where that is possible.
        State::Expired if !stored.refreshable => LoginState::Dead,
        State::Valid | State::Uncertain | State::Expiring | State::Expired => LoginState::SignedIn,
    }
}

fn from_now(seconds: i64) -> Timestamp {
    let now = Timestamp::now();
    match u64::try_from(seconds) {
        Ok(ahead) => now.plus(Duration::from_secs(ahead)),
        Err(_) => Timestamp::from_millis(now.millis().saturating_add(seconds.saturating_mul(1000))),
    }
}
