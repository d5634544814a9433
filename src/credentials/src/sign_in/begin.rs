//! First step: a link, a device code, or the request for a key.

use oauth2::{AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, RedirectUrl, Scope, basic::BasicClient};
use secrecy::SecretString;
use url::Url;

use super::pending::LINK_LIFE;
use super::{Begun, Pending, PendingKey, SignInError, Step, blocking, device};
use crate::clock::Timestamp;
use crate::credentials::Credentials;
use crate::entry::Credential;
use crate::tenant::{Tenant, UserId};
use crate::vendor::{Pkce, Vendor, Way};

pub(super) async fn begin(
    credentials: &Credentials,
    tenant: &Tenant,
    user: &UserId,
    way: Option<&str>,
    redirect: Option<&Url>,
) -> Result<(Begun, Timestamp), SignInError> {
    let vendor = credentials.vendors().get(&tenant.service)?;
    let way = vendor.way(way).ok_or_else(|| SignInError::NoSuchWay {
        service: tenant.service.clone(),
        asked: way.unwrap_or("default").to_owned(),
        known: vendor.ways.iter().map(Way::name).collect::<Vec<_>>().join(", "),
    })?;
    let (begun, step, life) = match way {
        Way::ApiKey => (
            Begun::Key {
                vendor: vendor.title.clone(),
            },
            Step::ApiKey,
            LINK_LIFE,
        ),
        Way::Pkce(pkce) => {
            let scopes = wanted_scopes(credentials, tenant, &vendor);
            let (begun, step) = link(&vendor, pkce, scopes, redirect)?;
            (begun, step, LINK_LIFE)
        }
        Way::Device(way) => {
            let scopes = wanted_scopes(credentials, tenant, &vendor);
            let asked = device::ask(&vendor.token_endpoint()?, way, &scopes).await?;
            let life = asked.life;
            (
                asked.begun,
                Step::Device {
                    details: asked.details,
                    scopes,
                },
                life,
            )
        }
    };
    let pending = Pending::begin(tenant.owner.clone(), step, life);
    let key = PendingKey {
        service: tenant.service.clone(),
        user: user.clone(),
    };
    let (store, at) = (credentials.store().clone(), pending.created_at());
    blocking(move || {
        store.update(|document| {
            document.put_pending(&key, &pending);
            Ok(())
        })
    })
    .await?;
    Ok((begun, at))
}

/// What the vendor's description asks for, and whatever this login has already: signing in again never narrows it.
fn wanted_scopes(credentials: &Credentials, tenant: &Tenant, vendor: &Vendor) -> Vec<String> {
    let mut scopes = vendor.scopes.clone();
    if let Ok(Some(entry)) = credentials.store().entry(tenant)
        && let Credential::OAuth(grant) = &entry.credential
    {
        for scope in &grant.scopes {
            if !scopes.contains(scope) {
                scopes.push(scope.clone());
            }
        }
    }
    scopes
}

/// The link of an authorization code request with PKCE (RFC 6749 §4.1.1, RFC 7636 §4.3).
fn link(
    vendor: &Vendor,
    pkce: &Pkce,
    scopes: Vec<String>,
    redirect: Option<&Url>,
) -> Result<(Begun, Step), SignInError> {
    let endpoint = vendor.token_endpoint()?;
    let redirect_uri = match redirect.or(pkce.redirect_uris.first()) {
        Some(url) => url.clone(),
        None => {
            return Err(SignInError::Refused {
                code: "no redirect_uri is described".into(),
            });
        }
    };
    let client = BasicClient::new(ClientId::new(endpoint.client_id))
        .set_auth_uri(AuthUrl::from_url(pkce.authorize_url.clone()))
        .set_redirect_uri(RedirectUrl::from_url(redirect_uri.clone()));
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    // The state is random on its own: a verifier reused as state would stand in the address bar.
    let mut request = client
        .authorize_url(CsrfToken::new_random)
        .set_pkce_challenge(challenge)
        .add_scopes(scopes.iter().map(|scope| Scope::new(scope.clone())));
    for (name, value) in &pkce.extra_params {
        request = request.add_extra_param(name, value);
    }
    if let Some(resource) = &vendor.resource {
        request = request.add_extra_param("resource", resource);
    }
    let (url, state) = request.url();
    let step = Step::Pkce {
        verifier: SecretString::from(verifier.secret().clone()),
        state: SecretString::from(state.secret().clone()),
        redirect_uri: redirect_uri.clone(),
        scopes,
    };
    Ok((Begun::Link { url, redirect_uri }, step))
}
