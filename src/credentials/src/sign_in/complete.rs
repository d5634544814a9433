//! Second step: what the user brought is exchanged, and the login stored in the same write that ends the pending one.

use std::pin::Pin;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::pasted::{self, PasteError};
use super::{Completed, Meant, Pending, PendingKey, SignInError, Step, blocking, device, to_its_end};
use crate::clock::Timestamp;
use crate::credentials::Credentials;
use crate::entry::{ApiKey, Credential, Entry, Grant, ObtainedBy, same};
use crate::oauth::{self, CodeExchange, Http, TokenAnswer, account_of};
use crate::refresh::REQUEST_LIMIT;
use crate::store::{Store, StoreError};
use crate::tenant::{Service, Tenant, UserId};
use crate::vendor::{Renewal, TokenEndpoint, Vendor, Way};

/// Whether the login may still be stored; why not, in words.
pub(super) type May = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// What there is for the second step.
pub(super) enum Brought {
    /// What the user pasted; nothing, for a device sign-in.
    Pasted(Option<SecretString>),
    /// Nothing but the leave to store what a device sign-in brings, to be asked for then.
    Leave(May),
}

pub(super) async fn complete(
    credentials: &Credentials,
    (service, meant): (&Service, &Meant),
    user: &UserId,
    brought: Brought,
) -> Result<Completed, SignInError> {
    // Refused before anything is sent: what was brought stays good.
    let mut under_way = Some(credentials.under_way().begin()?);
    let vendor = credentials.vendors().get(service)?;
    let key = PendingKey {
        service: service.clone(),
        user: user.clone(),
    };
    let (store, wanted) = (credentials.store().clone(), key.clone());
    let Some(pending) = blocking(move || Ok(store.pending(&wanted)?)).await? else {
        return Err(SignInError::NothingPending {
            service: service.clone(),
            user: user.clone(),
        });
    };
    if pending.is_over(Timestamp::now()) {
        return Err(SignInError::Over {
            service: service.clone(),
            user: user.clone(),
        });
    }
    if let Some(named) = &meant.owner
        && *named != pending.owner
    {
        return Err(SignInError::ForAnother {
            service: service.clone(),
            user: user.clone(),
            begun: pending.owner,
            named: named.clone(),
        });
    }
    if meant.begun.is_some_and(|begun| begun != pending.created_at()) {
        return Err(SignInError::Replaced);
    }
    let (pasted, may) = match brought {
        Brought::Pasted(Some(_)) if matches!(pending.step, Step::Device { .. }) => {
            return Err(PasteError::NothingWanted.into());
        }
        Brought::Pasted(pasted) => (pasted, None),
        Brought::Leave(may) => (None, Some(may)),
    };
    let one_completer = match &pending.step {
        Step::ApiKey => None,
        Step::Pkce { .. } | Step::Device { .. } => Some(device::one_completer(credentials.store(), &key)?),
    };
    let granted = match &pending.step {
        Step::Device { details, .. } => {
            let endpoint = vendor.token_endpoint()?;
            // Nobody waits for a person.
            drop(under_way.take());
            let answer = device::poll(credentials, &vendor, &endpoint, &key, &pending, details).await?;
            under_way = credentials.under_way().begin().ok();
            Some(answer)
        }
        Step::ApiKey | Step::Pkce { .. } => None,
    };
    let credentials = credentials.clone();
    to_its_end(async move {
        let (_one_completer, _under_way) = (one_completer, under_way);
        let credential = credential(&vendor, &pending, granted, pasted.as_ref()).await?;
        keep(&credentials, key, pending, credential, may).await
    })
    .await
}

/// What is to be stored. `granted` is what a device sign-in brought.
async fn credential(
    vendor: &Vendor,
    pending: &Pending,
    granted: Option<TokenAnswer>,
    pasted: Option<&SecretString>,
) -> Result<Credential, SignInError> {
    let grant = match (&pending.step, granted) {
        (Step::ApiKey, _) => {
            let pasted = pasted.map_or("", |pasted| pasted.expose_secret());
            return Ok(Credential::ApiKey(ApiKey {
                key: pasted::api_key(vendor, pasted)?.to_owned().into(),
                obtained_at: Timestamp::now(),
            }));
        }
        (Step::Device { scopes, .. }, Some(answer)) => {
            signed_in(vendor, &vendor.token_endpoint()?, &answer, scopes.clone())?
        }
        _ => exchange(vendor, pending, pasted.ok_or(PasteError::Empty)?).await?,
    };
    Ok(Credential::OAuth(Box::new(grant)))
}

/// Stores it, if that may still be; a grant that is not stored is given back.
async fn keep(
    credentials: &Credentials,
    key: PendingKey,
    pending: Pending,
    credential: Credential,
    may: Option<May>,
) -> Result<Completed, SignInError> {
    let service = key.service.clone();
    let grant = match &credential {
        Credential::OAuth(grant) => Some((**grant).clone()),
        Credential::ApiKey(_) => None,
    };
    let stored = match leave(may).await {
        Ok(()) => store(credentials, key, pending, credential).await,
        Err(why) => give_up(credentials, key, pending, why).await,
    };
    if let (Err(error), Some(grant)) = (&stored, &grant) {
        // Nobody will ever use it.
        let given_back = super::logout::give_back(credentials, &service, grant).await;
        tracing::warn!(%error, ?given_back, "a sign-in could not be stored");
    }
    stored
}

/// Asks for the leave to store what was granted, no longer than a request may take.
async fn leave(may: Option<May>) -> Result<(), String> {
    let Some(may) = may else { return Ok(()) };
    let asked = tokio::time::timeout(REQUEST_LIMIT, may).await;
    asked.unwrap_or_else(|_| {
        Err("nobody said in time whether this login may be stored, so it was not".to_owned())
    })
}

/// Ends the pending sign-in, of which nothing may be stored.
async fn give_up(
    credentials: &Credentials,
    key: PendingKey,
    pending: Pending,
    why: String,
) -> Result<Completed, SignInError> {
    let store = credentials.store().clone();
    let ended = blocking(move || {
        store.update(|document| {
            if document.pending(&key).is_some_and(|now| now.is_same(&pending)) {
                document.remove_pending(&key);
            }
            Ok(())
        })
    });
    ended.await?;
    Err(SignInError::NotAllowed { why })
}

/// Exchanges what was pasted, after checking that it belongs to this very sign-in.
async fn exchange(vendor: &Vendor, pending: &Pending, pasted: &SecretString) -> Result<Grant, SignInError> {
    let Step::Pkce {
        verifier,
        state,
        redirect_uri,
        scopes,
    } = &pending.step
    else {
        return Err(SignInError::Replaced);
    };
    let pasted = pasted::parse(pasted)?;
    if pasted.state.as_ref().is_some_and(|pasted| !same(pasted, state)) {
        return Err(PasteError::OtherState.into());
    }
    if let (Some(expected), Some(found)) = (&vendor.issuer, &pasted.issuer)
        && expected != found
    {
        return Err(PasteError::OtherIssuer.into());
    }
    // Whatever was answered, it is an answer to this sign-in.
    let code = pasted.code?;
    let endpoint = vendor.token_endpoint()?;
    let sends_state = vendor
        .ways
        .iter()
        .any(|way| matches!(way, Way::Pkce(pkce) if pkce.sends_state));
    let http = Http::new(REQUEST_LIMIT).map_err(SignInError::of_exchange)?;
    let exchanged = CodeExchange {
        code: &code,
        verifier,
        redirect_uri,
        resource: vendor.resource.as_deref(),
        state: sends_state.then(|| state.expose_secret()),
    };
    let answer = oauth::exchange_code(&http, &endpoint, &exchanged)
        .await
        .map_err(SignInError::of_exchange)?;
    signed_in(vendor, &endpoint, &answer, scopes.clone())
}

/// The grant that a sign-in's answer makes. Granted scopes are the answer's, else what was asked for.
fn signed_in(
    vendor: &Vendor,
    endpoint: &TokenEndpoint,
    answer: &TokenAnswer,
    asked: Vec<String>,
) -> Result<Grant, SignInError> {
    let now = Timestamp::now();
    let access = answer.access().ok_or_else(|| SignInError::Refused {
        code: "the answer holds no access token".into(),
    })?;
    let (access_token, refresh_token, expires_at) = match &endpoint.renewal {
        Renewal::Refresh => (access, answer.refresh(), answer.expires_at(now)),
        // The sign-in's token only mints others; the first use mints one.
        Renewal::Mint { .. } => (SecretString::default(), Some(access), now),
    };
    Ok(Grant {
        access_token,
        refresh_token,
        account: answer
            .id_token()
            .and_then(|token| account_of(token, &endpoint.account_pointer)),
        scopes: answer.granted().unwrap_or(asked),
        obtained_at: now,
        expires_at,
        obtained_by: ObtainedBy::SignIn,
        client_id: endpoint.client_id.clone(),
        resource: vendor.resource.clone(),
        api_base: answer.api_base(),
        invalidated: None,
    })
}

/// Stores the login and ends the pending sign-in in one write, unless the pending one is not this one any more.
async fn store(
    credentials: &Credentials,
    key: PendingKey,
    pending: Pending,
    credential: Credential,
) -> Result<Completed, SignInError> {
    let tenant = Tenant {
        service: key.service.clone(),
        owner: pending.owner.clone(),
    };
    let completed = completed_of(&tenant, &credential);
    let store = credentials.store().clone();
    blocking(move || {
        store.update(|document| {
            if !document.pending(&key).is_some_and(|now| now.is_same(&pending)) {
                return Err(SignInError::Replaced);
            }
            // An unreadable entry before is replaced: signing in again is its cure.
            let before = document.entry(&tenant).ok().flatten();
            document.put(&tenant, credential, before.as_ref());
            document.remove_pending(&key);
            Ok(())
        })
    })
    .await?;
    Ok(completed)
}

/// What a sign-in brought that stored this.
fn completed_of(tenant: &Tenant, credential: &Credential) -> Completed {
    let tenant = tenant.clone();
    match credential {
        Credential::ApiKey(_) => Completed {
            tenant,
            account: None,
            scopes: vec![],
            expires_at: None,
            refreshable: false,
        },
        Credential::OAuth(grant) => Completed {
            tenant,
            account: grant.account.clone(),
            scopes: grant.scopes.clone(),
            expires_at: Some(grant.expires_at),
            refreshable: grant.refresh_token.is_some(),
        },
    }
}

/// What is stored, if a person brought it at this moment or later, and it is not known to be dead. (What was renewed may be
/// a login of long before.)
pub(super) fn stored_since(
    store: &Store,
    tenant: &Tenant,
    since: Timestamp,
) -> Result<Option<Completed>, StoreError> {
    let entry = store.entry(tenant)?;
    let is_it = |entry: &Arc<Entry>| match &entry.credential {
        Credential::ApiKey(key) => key.obtained_at >= since,
        Credential::OAuth(grant) => {
            let is_new = grant.obtained_by == ObtainedBy::SignIn && grant.obtained_at >= since;
            is_new && grant.dead().is_none()
        }
    };
    Ok(entry
        .filter(is_it)
        .map(|entry| completed_of(tenant, &entry.credential)))
}
