//! `auth token`: a valid access token on standard output, of whoever pays.

use std::time::Duration;

use credentials::{Credentials, Need, Owner, Payer, Tenant, Token, Vendor, whose_login_pays};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::{owner_word, rfc3339, seconds_left};
use crate::arguments::TokenRequest;
use crate::config::Settings;
use crate::failure::{Exit, Failure, Outcome};
use crate::tenant_view::AccountObject;
use crate::{assembly, log, output, terminal};

#[derive(Serialize)]
struct TokenObject<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_at: Option<String>,
    expires_in_s: Option<i64>,
    scopes: &'a [String],
    account: Option<AccountObject<'a>>,
    tenant: &'a str,
    owner: &'a str,
    source: String,
}

/// What is printed.
struct Found {
    secret: SecretString,
    /// What the store knows of it; nothing if it comes from the environment.
    stored: Option<Token>,
    owner: Owner,
    /// Where it comes from: `own`, `host` or `env:NAME`.
    source: String,
}

/// Prints a token.
pub(super) fn run(asked: &TokenRequest, settings: &Settings) -> Outcome {
    log::start(&settings.log_filter);
    let credentials = assembly::credentials(settings)?;
    let found = find(&credentials, asked, &need(asked)?)?;
    let secret = found.secret.expose_secret();
    if !asked.json {
        output::data(secret)?;
        return Ok(Exit::Done);
    }
    let stored = found.stored.as_ref();
    let expires_at = stored.and_then(|token| token.expires_at);
    output::json(&TokenObject {
        access_token: secret,
        token_type: "Bearer",
        expires_at: expires_at.and_then(rfc3339),
        expires_in_s: expires_at.map(seconds_left),
        scopes: stored.map_or(&[], |token| token.scopes.as_slice()),
        account: stored
            .and_then(|token| token.account.as_ref())
            .map(AccountObject::of),
        tenant: asked.tenant.as_str(),
        owner: owner_word(&found.owner),
        source: found.source,
    })?;
    Ok(Exit::Done)
}

fn need(asked: &TokenRequest) -> Result<Need, Failure> {
    let rejected = if asked.rejected_stdin {
        let line = terminal::one_line()?;
        let text = line.expose_secret().trim();
        if text.is_empty() {
            return Err(Failure::words("there is no token on standard input")
                .exit(Exit::Usage)
                .hint("--rejected-stdin reads the token that was refused"));
        }
        Some(SecretString::from(text.to_owned()))
    } else {
        None
    };
    Ok(Need {
        min_ttl: asked.min_ttl.map(Duration::from_secs),
        rejected,
        scopes: asked.scopes.clone(),
    })
}

fn find(credentials: &Credentials, asked: &TokenRequest, need: &Need) -> Result<Found, Failure> {
    let host = Tenant::host(asked.tenant.clone());
    let user = asked.user.as_ref();
    let vendor = credentials.vendors().get(&asked.tenant).ok();
    let situation = credentials.store().situation(
        &asked.tenant,
        vendor.as_deref().map(|vendor| &vendor.environment),
        user,
    )?;
    let payer = whose_login_pays(situation);
    let stored = |tenant: Tenant, source: &str| {
        let token = credentials
            .token_blocking(&tenant, need)
            .map_err(|error| Failure::token(error, user, credentials.vendors()))?;
        Ok(Found {
            secret: token.secret.clone(),
            stored: Some(token),
            owner: tenant.owner,
            source: source.to_owned(),
        })
    };
    match (payer, vendor, user) {
        (Payer::HostKey | Payer::HostToken, Some(vendor), _) => from_environment(&vendor, payer, need),
        // A dead login is asked all the same: it tells why it is dead.
        (Payer::Own | Payer::OwnLoginDead, _, Some(user)) => {
            stored(Tenant::user(asked.tenant.clone(), user.clone()), "own")
        }
        (Payer::LoginRequired, None, _) => Err(Failure::unknown_tenant(&asked.tenant, credentials.vendors())),
        _ => stored(host, "host"),
    }
}

/// What the host has in its environment. Nothing renews it, so a refused one is the end.
fn from_environment(vendor: &Vendor, payer: Payer, need: &Need) -> Result<Found, Failure> {
    let environment = &vendor.environment;
    let (name, secret) = match payer {
        Payer::HostKey => (&environment.key_name, &environment.key),
        _ => (&environment.token_name, &environment.token),
    };
    let (Some(name), Some(secret)) = (name, secret) else {
        return Err(Failure::words(format!(
            "what the environment holds for {} has no name",
            vendor.service
        )));
    };
    let is_refused = |rejected: &SecretString| rejected.expose_secret() == secret.expose_secret();
    if need.rejected.as_ref().is_some_and(is_refused) {
        return Err(Failure::words(format!(
            "login required for {}: the server refused what {name} holds",
            vendor.service
        ))
        .exit(Exit::LoginRequired)
        .hint(format!(
            "put a valid one into {name}, or unset it to use the stored login"
        )));
    }
    Ok(Found {
        secret: secret.clone(),
        stored: None,
        owner: Owner::Host,
        source: format!("env:{name}"),
    })
}
