//! Signing in, in two steps: `begin` gives a link or a code to a user, `complete` takes what they bring back.
//!
//! What is pending is keyed by (service, user), so two users never see each other's, and B can't finish what A began.

use secrecy::SecretString;
use thiserror::Error;
use tokio::task::JoinHandle;
use url::Url;

use crate::clock::Timestamp;
use crate::credentials::Credentials;
use crate::entry::Account;
use crate::oauth::ExchangeError;
use crate::refresh::chain;
use crate::store::StoreError;
use crate::tenant::{Owner, Service, Tenant, UserId};
use crate::vendor::VendorGap;

mod begin;
mod complete;
mod device;
mod logout;
mod pasted;
mod pending;
mod under_way;

use complete::Brought;

pub use logout::{Revoked, SignedOut};
pub use pasted::{PasteError, api_key};
pub use pending::LINK_LIFE;
pub(crate) use pending::{Pending, PendingKey, Step};
pub use under_way::LONGEST_SIGN_IN;
pub(crate) use under_way::UnderWay;

/// What the user is to do.
#[derive(Debug, Clone)]
pub enum Begun {
    /// Open this link, and bring back the code or the address of the page it ends on.
    Link {
        /// The authorization URL.
        url: Url,
        /// Where the browser ends up.
        redirect_uri: Url,
    },
    /// Type this code into this page; nothing needs to be brought back.
    Device {
        /// The page.
        page: Url,
        /// The page with the code already in it.
        page_with_code: Option<Url>,
        /// The code.
        user_code: String,
        /// When the code ends.
        expires_at: Timestamp,
    },
    /// Bring an API key.
    Key {
        /// The vendor's name for people.
        vendor: String,
    },
}

/// What a sign-in brought.
#[derive(Debug, Clone)]
pub struct Completed {
    /// Where it is stored.
    pub tenant: Tenant,
    /// Whose account, as far as the vendor said.
    pub account: Option<Account>,
    /// What was granted.
    pub scopes: Vec<String>,
    /// When the access token ends; `None` for a key.
    pub expires_at: Option<Timestamp>,
    /// Whether it is renewed by itself.
    pub refreshable: bool,
}

/// Which of the sign-ins is meant that a user began for a service; what is left out fits each.
#[derive(Debug, Clone, Default)]
pub struct Meant {
    /// The one for this login.
    pub owner: Option<Owner>,
    /// The one that was begun at this moment.
    pub begun: Option<Timestamp>,
}

/// A sign-in between its two steps.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Whose login it is for.
    pub owner: Owner,
    /// When it was begun.
    pub begun: Timestamp,
    /// What it waits for: `pkce`, `device` or `api-key`; `None` where its time is over.
    pub way: Option<&'static str>,
}

/// Why a sign-in did not work.
#[derive(Debug, Error)]
pub enum SignInError {
    /// `complete` without `begin`, or by another user.
    #[error("no sign-in to {service} is waiting for {user}")]
    NothingPending {
        /// The service.
        service: Service,
        /// The user.
        user: UserId,
    },
    /// It was begun for another login than the one that is named now. Nothing was done.
    #[error(
        "the sign-in to {service} that {user} began is for {}, not for {}",
        whose(begun),
        whose(named)
    )]
    ForAnother {
        /// The service.
        service: Service,
        /// The user.
        user: UserId,
        /// Whose login it was begun for.
        begun: Owner,
        /// Whose it would be now.
        named: Owner,
    },
    /// Whoever began it may not store it any more. Nothing was stored.
    #[error("{why}")]
    NotAllowed {
        /// Why not.
        why: String,
    },
    /// Too much time between the two steps.
    #[error("the sign-in to {service} that {user} began is over its time")]
    Over {
        /// The service.
        service: Service,
        /// The user.
        user: UserId,
    },
    /// A second `begin` or a sign-out came in between.
    #[error("this sign-in was replaced by another one, or given up, before it was complete")]
    Replaced,
    /// What was brought back is not usable.
    #[error(transparent)]
    Paste(#[from] PasteError),
    /// The vendor has no such way of signing in.
    #[error("{service} can't be signed in to by `{asked}`; it knows {known}")]
    NoSuchWay {
        /// The service.
        service: Service,
        /// What was asked for.
        asked: String,
        /// What there is.
        known: String,
    },
    /// The person (or an administrator) said no.
    #[error("the sign-in was denied at the vendor")]
    Denied,
    /// The vendor refused the code.
    #[error(
        "the vendor refused the code ({code}): it was used before, is too old, or belongs to another link"
    )]
    CodeRefused {
        /// The error code.
        code: String,
    },
    /// The vendor refused the request.
    #[error("the vendor refused the request: {code}")]
    Refused {
        /// The error code.
        code: String,
    },
    /// Somebody else completes it: another page, command or host.
    #[error("{who} is completing this sign-in already, and will store it")]
    Underway {
        /// Who.
        who: String,
    },
    /// The network or the vendor is away; the sign-in is still waiting.
    #[error("{why}")]
    TryAgain {
        /// What is in the way.
        why: String,
    },
    /// This program ends: nothing was done, neither here nor at the vendor.
    #[error("the host is stopping")]
    Stopping,
    /// The vendor is not described well enough.
    #[error(transparent)]
    Vendor(#[from] VendorGap),
    /// The store.
    #[error("the store could not be changed")]
    Store(#[from] StoreError),
}

fn whose(owner: &Owner) -> String {
    match owner {
        Owner::Host => "everyone on this host".to_owned(),
        Owner::User(user) => format!("{user} alone"),
    }
}

impl SignInError {
    fn of_exchange(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Dead { code } => Self::CodeRefused { code },
            ExchangeError::Refused { code } if code == "access_denied" => Self::Denied,
            ExchangeError::Refused { code } => Self::Refused { code },
            error => Self::TryAgain { why: chain(&error) },
        }
    }

    /// Whether the sign-in still waits, so that completing it again may do.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::TryAgain { .. } | Self::Underway { .. } | Self::Stopping
        )
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::NothingPending { .. } | Self::Over { .. } | Self::CodeRefused { .. } => {
                "run `agent-host auth begin` again, open the new link, and complete within 15 minutes as the same user"
            }
            Self::Replaced => "use the newest link",
            Self::Paste(error) => return error.hint(),
            Self::Denied => "run `agent-host auth begin` again if that was a mistake",
            Self::Underway { .. } => "wait a moment, then look: `agent-host auth list`",
            Self::Stopping => "nothing was changed: try again when it is back",
            Self::TryAgain { .. } => "the sign-in is still waiting: complete it again in a moment",
            Self::Store(StoreError::File(error)) => error.hint(),
            _ => return None,
        })
    }
}

impl Credentials {
    /// First step: notes what is needed for the second, and says what the user is to do. A sign-in that this user began
    /// for this service before is replaced.
    ///
    /// `way` is `pkce`, `device` or `api-key`, or `None` for the vendor's default. `redirect` replaces the registered
    /// redirect, for a loopback listener. With it comes when it was begun, by which it is known. Cancel safe: at worst an
    /// unused sign-in is noted for 15 minutes.
    pub async fn begin(
        &self,
        tenant: &Tenant,
        user: &UserId,
        way: Option<&str>,
        redirect: Option<&Url>,
    ) -> Result<(Begun, Timestamp), SignInError> {
        begin::begin(self, tenant, user, way, redirect).await
    }

    /// Second step: takes what the user brings back (a code, `code#state`, the whole address, or a key), exchanges it
    /// and stores the login. For a device sign-in nothing is brought; it polls until the vendor says yes, no or too late.
    ///
    /// Dropped, it goes on as a task of its own from the moment something is sent to the vendor that can't be sent twice;
    /// of a device sign-in the polling ends, and the next call goes on with it.
    pub async fn complete(
        &self,
        service: &Service,
        user: &UserId,
        pasted: Option<SecretString>,
    ) -> Result<Completed, SignInError> {
        self.complete_this((service, &Meant::default()), user, pasted)
            .await
    }

    /// The same of the sign-in that is meant: another one stays as it is.
    pub async fn complete_this(
        &self,
        (service, meant): (&Service, &Meant),
        user: &UserId,
        pasted: Option<SecretString>,
    ) -> Result<Completed, SignInError> {
        complete::complete(self, (service, meant), user, Brought::Pasted(pasted)).await
    }

    /// The same of a device sign-in, by the moment at which it was begun. `may` is asked once the vendor has said yes, and
    /// what was granted is given back where it says why the login may not be stored any more, or nothing for as long as a
    /// request may take.
    pub async fn wait_for_code(
        &self,
        (service, begun): (&Service, Timestamp),
        user: &UserId,
        may: impl Future<Output = Result<(), String>> + Send + 'static,
    ) -> Result<Completed, SignInError> {
        let meant = Meant {
            owner: None,
            begun: Some(begun),
        };
        complete::complete(self, (service, &meant), user, Brought::Leave(Box::pin(may))).await
    }

    /// The sign-in to a service that this user began, if one is known, also where its time is over. Blocking.
    pub fn waiting(&self, service: &Service, user: &UserId) -> Result<Option<Waiting>, StoreError> {
        let key = PendingKey {
            service: service.clone(),
            user: user.clone(),
        };
        let now = Timestamp::now();
        Ok(self.store().pending(&key)?.map(|pending| Waiting {
            begun: pending.created_at(),
            way: (!pending.is_over(now)).then(|| pending.way()),
            owner: pending.owner,
        }))
    }

    /// The login that is stored, as its sign-in told it, if a person brought it at this moment or later, it was not renewed
    /// since, and is not known to be dead: for whoever did not hear how a sign-in ended that was begun then. Blocking.
    pub fn stored_since(&self, tenant: &Tenant, since: Timestamp) -> Result<Option<Completed>, StoreError> {
        complete::stored_since(self.store(), tenant, since)
    }

    /// Removes a login and what is pending for it, and gives the grant back to the vendor where that is possible. Dropped,
    /// it goes on as a task of its own.
    pub async fn logout(&self, tenant: &Tenant) -> Result<SignedOut, SignInError> {
        logout::logout(self.clone(), tenant.clone()).await
    }
}

/// Runs file work off the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SignInError> + Send + 'static,
) -> Result<T, SignInError> {
    result_of(tokio::task::spawn_blocking(work)).await
}

/// Runs what must not stop half-way, whoever waits for it, as a task of its own.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, SignInError>> + Send + 'static,
) -> Result<T, SignInError> {
    result_of(tokio::spawn(work)).await
}

async fn result_of<T>(task: JoinHandle<Result<T, SignInError>>) -> Result<T, SignInError> {
    task.await.unwrap_or_else(|_| {
        Err(SignInError::TryAgain {
            why: "the work was interrupted".into(),
        })
    })
}
