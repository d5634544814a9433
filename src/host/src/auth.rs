//! `auth`: sign-ins, sign-outs and tokens.

use chrono::SecondsFormat;
use credentials::{Credentials, Owner, Service, Tenant, Timestamp, UserId, Vendor, VendorGap};

use crate::arguments::{Auth, OwnerChoice};
use crate::config::Settings;
use crate::failure::{Failure, Outcome};
use crate::owner;

mod begin;
mod complete;
mod list;
mod login;
mod logout;
mod payer;
mod rehearsal;
mod repair;
mod token;

pub(crate) use payer::shadow;

/// Runs one of them. All mean the configured store, also beside a demo: its logins are for its page.
pub(crate) fn run(verb: Auth, settings: &Settings) -> Outcome {
    match verb {
        Auth::Begin(asked) => begin::run(&asked, settings),
        Auth::Complete(asked) => complete::run(asked, settings),
        Auth::Login(asked) => login::run(&asked, settings),
        Auth::Token(asked) => token::run(&asked, settings),
        Auth::List { json } => list::run(json, settings),
        Auth::Logout { tenant, user } => logout::run(&tenant, user, settings),
        Auth::Repair => repair::run(settings),
    }
}

/// Who signs in where nobody says and the system does not tell.
const SOMEBODY: &str = "me";

/// Who signs in: who was named, or who is at the terminal.
fn user(named: Option<&UserId>, settings: &Settings) -> Result<UserId, Failure> {
    if let Some(user) = named {
        return Ok(user.clone());
    }
    let own = || owner::name(nix::unistd::geteuid().as_raw());
    let name = settings.user.clone().or_else(own);
    let name = name.as_deref().unwrap_or(SOMEBODY);
    UserId::parse(&format!("local:{name}"))
        .or_else(|_| UserId::parse(SOMEBODY))
        .map_err(Into::into)
}

/// The tenant that a sign-in is for.
fn tenant(service: &Service, user: &UserId, owner: OwnerChoice) -> Tenant {
    match owner {
        OwnerChoice::Host => Tenant::host(service.clone()),
        OwnerChoice::User => Tenant::user(service.clone(), user.clone()),
    }
}

/// The vendor of a service that the user named.
fn vendor(credentials: &Credentials, service: &Service) -> Result<std::sync::Arc<Vendor>, Failure> {
    credentials.vendors().get(service).map_err(|gap| match gap {
        VendorGap::Unknown { service } => Failure::unknown_tenant(&service, credentials.vendors()),
        gap => gap.into(),
    })
}

/// The owner, as in `codex (host)`.
fn owner_word(owner: &Owner) -> &str {
    owner.as_str()
}

/// A moment as RFC 3339 writes it, in UTC.
fn rfc3339(at: Timestamp) -> Option<String> {
    let at = chrono::DateTime::from_timestamp_millis(at.millis())?;
    Some(at.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// Whole seconds from now.
fn seconds_left(at: Timestamp) -> i64 {
    at.seconds_from(Timestamp::now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_rfc_3339() {
        assert_eq!(
            rfc3339(Timestamp::from_seconds(1_795_269_787)).unwrap(),
            "2026-11-21T14:03:07Z"
        );
    }
}
