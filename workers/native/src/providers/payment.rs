//! Whose login pays for a call, found out anew each time, and what its refusal means.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use contract::{Account, HostSecret};
use credentials::{
    Credentials, Environment, LoginReason, Need, Owner, Payer, Refresher, Situation, Standing, Store, Tenant,
    TokenError, Vendor, Vendors, whose_login_pays,
};
use secrecy::SecretString;

use super::ProviderError;

/// An account with the store in which its logins are.
#[derive(Debug)]
pub(super) struct Purse {
    account: Account,
    credentials: Credentials,
    vendor: Arc<Vendor>,
}

/// What one try is paid with.
#[derive(Debug, Clone)]
pub(super) struct Payment {
    /// The key or token.
    pub(super) secret: SecretString,
    source: Source,
}

/// Where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// The host's API key.
    HostKey,
    /// The host's long-lived token.
    HostToken,
    /// The store: whose it is, and the write that stored it.
    Login(Tenant, u64),
}

/// Why there is nothing to pay with.
#[derive(Debug)]
pub(super) enum NoPayment {
    /// The same question may be answered later.
    Later {
        /// What is in the way.
        why: String,
        /// How long to wait at least.
        after: Option<Duration>,
    },
    /// A person must act.
    Never(ProviderError),
}

impl Purse {
    /// Opens the store's path and nothing else.
    ///
    /// Errors: the store can't be used, in words.
    pub(super) fn open(account: &Account, refresher: Refresher) -> Result<Self, String> {
        let store =
            Store::open(&account.store, account.allow_network_filesystem).map_err(|error| chain(&error))?;
        let mut vendors = Vendors::default();
        vendors.insert(vendor(account));
        let vendor = vendors.get(&account.service).map_err(|error| error.to_string())?;
        Ok(Self {
            account: account.clone(),
            credentials: Credentials::new(store, vendors, refresher),
            vendor,
        })
    }

    /// Whether an answer refuses the key or token, so that another one may help.
    pub(super) fn is_rejection(&self, status: u16, body: &[u8]) -> bool {
        self.vendor.is_rejection(status, body)
    }

    /// What to pay with: anything but `rejected`. Cancel safe.
    pub(super) async fn payment(&self, rejected: Option<&Payment>) -> Result<Payment, NoPayment> {
        if let Some(rejected) = rejected {
            return match &rejected.source {
                Source::Login(tenant, _) => self.login(tenant, Some(&rejected.secret)).await,
                source => {
                    let service = &self.account.service;
                    self.credentials
                        .refused_of_environment(service, &rejected.secret)
                        .await;
                    Err(NoPayment::Never(self.refused(source)))
                }
            };
        }
        let own = Tenant::user(self.account.service.clone(), self.account.owner.clone());
        let host = Tenant::host(self.account.service.clone());
        let situation = Situation {
            own: self.standing(&own)?,
            host_key: self.account.host_key.is_some(),
            host_token: self.account.host_token.is_some(),
            host: self.standing(&host)?,
        };
        match whose_login_pays(situation) {
            // The store itself says best why a login is dead.
            Payer::Own | Payer::OwnLoginDead => self.login(&own, None).await,
            Payer::Host | Payer::HostLoginDead => self.login(&host, None).await,
            Payer::HostKey => self.of_environment(self.account.host_key.as_ref(), Source::HostKey),
            Payer::HostToken => self.of_environment(self.account.host_token.as_ref(), Source::HostToken),
            Payer::LoginRequired => Err(Self::login_required(
                &own,
                &LoginReason::NoEntry.to_string(),
                None,
            )),
        }
    }

    /// The provider took this. Cancel safe.
    pub(super) async fn accepted(&self, payment: &Payment) {
        match &payment.source {
            Source::Login(tenant, _) => self.credentials.accepted(tenant, &payment.secret).await,
            Source::HostKey | Source::HostToken => {
                let service = &self.account.service;
                self.credentials
                    .accepted_of_environment(service, &payment.secret)
                    .await;
            }
        }
    }

    /// What it means that this was refused although nothing newer is to be had.
    pub(super) fn refused_again(&self, payment: &Payment) -> ProviderError {
        self.refused(&payment.source)
    }

    fn refused(&self, source: &Source) -> ProviderError {
        let title = &self.account.title;
        let variable = |secret: &Option<HostSecret>| {
            secret
                .as_ref()
                .map_or_else(|| "the environment".to_owned(), |secret| secret.variable.clone())
        };
        match source {
            Source::HostKey => ProviderError::WrongKey(format!(
                "{title} refused the API key in {} (401)\nhint: set a key that works, and start the host again",
                variable(&self.account.host_key)
            )),
            Source::HostToken => ProviderError::WrongKey(format!(
                "{title} refused the token in {} (401)\nhint: set a token that works, and start the host again",
                variable(&self.account.host_token)
            )),
            Source::Login(tenant, write) => ProviderError::LoginRequired {
                owner: tenant.owner.as_str().to_owned(),
                reason: format!("{title} refused {} (401), and so its replacement", whose(tenant)),
                useless: Some(*write),
            },
        }
    }

    fn of_environment(&self, secret: Option<&HostSecret>, source: Source) -> Result<Payment, NoPayment> {
        let Some(secret) = secret else {
            // The decision was made from the same field.
            return Err(NoPayment::Never(self.refused(&source)));
        };
        if let Some(what) = credentials::unsendable(&secret.value) {
            let variable = &secret.variable;
            return Err(NoPayment::Never(ProviderError::WrongKey(format!(
                "{variable} of the host's environment holds {what}, which no HTTP header can carry\nhint: set it to the key alone, \
                 and start the host again"
            ))));
        }
        Ok(Payment {
            secret: secret.value.clone(),
            source,
        })
    }

    async fn login(&self, tenant: &Tenant, rejected: Option<&SecretString>) -> Result<Payment, NoPayment> {
        let need = Need {
            rejected: rejected.cloned(),
            ..Need::default()
        };
        // Looked at before: what is stored meanwhile may help.
        let before = self.credentials.store().entry(tenant).ok().flatten();
        let before = before.map(|entry| entry.generation);
        match self.credentials.token(tenant, &need).await {
            Ok(token) => Ok(Payment {
                secret: token.secret,
                source: Source::Login(tenant.clone(), token.generation),
            }),
            Err(TokenError::TryAgain { why, after, .. }) => Err(NoPayment::Later {
                why: format!("{} can't be renewed now: {why}", whose(tenant)),
                after,
            }),
            Err(TokenError::LoginRequired { tenant, reason }) => {
                Err(Self::login_required(&tenant, &reason.to_string(), before))
            }
            Err(TokenError::Store { tenant, source }) => Err(Self::of_store(&tenant, &source)),
            Err(error @ (TokenError::Vendor(_) | TokenError::Cancelled { .. })) => {
                Err(NoPayment::Never(ProviderError::Unavailable(chain(&error))))
            }
        }
    }

    fn standing(&self, tenant: &Tenant) -> Result<Standing, NoPayment> {
        let standing = self.credentials.store().standing(tenant);
        standing.map_err(|error| Self::of_store(tenant, &error))
    }

    fn login_required(tenant: &Tenant, reason: &str, useless: Option<u64>) -> NoPayment {
        NoPayment::Never(ProviderError::LoginRequired {
            owner: tenant.owner.as_str().to_owned(),
            reason: reason.to_owned(),
            useless,
        })
    }

    fn of_store(tenant: &Tenant, error: &credentials::StoreError) -> NoPayment {
        match error {
            // A new sign-in replaces what can't be read.
            credentials::StoreError::Unreadable(error) => {
                Self::login_required(tenant, &error.to_string(), None)
            }
            // Busy: over in a moment.
            credentials::StoreError::Lock(error) if error.is_busy() => NoPayment::Later {
                why: chain(error),
                after: None,
            },
            // Everybody in the thread reads this: where the file is, is for the host's operator.
            credentials::StoreError::Lock(_) | credentials::StoreError::File(_) => {
                tracing::error!(error = chain(error), "the logins can't be used");
                NoPayment::Never(ProviderError::Unavailable(
                    "the host can't use the logins that it keeps\nhint: `agent-host doctor` says what to do"
                        .to_owned(),
                ))
            }
        }
    }
}

fn vendor(account: &Account) -> Vendor {
    Vendor {
        service: account.service.clone(),
        title: account.title.clone(),
        ways: vec![],
        endpoint: account.endpoint.clone(),
        scopes: vec![],
        resource: None,
        issuer: None,
        environment: Environment::default(),
        shortest_key: 0,
        rejection_codes: account.rejection_codes.clone(),
        warning: None,
    }
}

fn whose(tenant: &Tenant) -> impl fmt::Display {
    match &tenant.owner {
        Owner::Host => "the host's login".to_owned(),
        Owner::User(user) => format!("the login of {user}"),
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
