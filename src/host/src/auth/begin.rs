//! `auth begin`: the first step of a sign-in, and what the user is to do then.

use credentials::{Begun, Credentials, Service, Tenant, Timestamp, UserId};
use serde::Serialize;

use super::{rehearsal, shadow, tenant, user, vendor};
use crate::arguments::{Begin, GrantChoice};
use crate::config::Settings;
use crate::failure::{Exit, Failure, Outcome, begin_command};
use crate::{assembly, log, output, shell};

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum BegunObject<'a> {
    Link {
        url: &'a str,
        redirect_uri: &'a str,
        expires_in_s: i64,
    },
    Device {
        page: &'a str,
        page_with_code: Option<&'a str>,
        user_code: &'a str,
        expires_in_s: i64,
    },
    Key {
        vendor: &'a str,
    },
}

/// Begins, and says what to do next.
pub(super) fn run(asked: &Begin, settings: &Settings) -> Outcome {
    log::start(&settings.log_filter);
    let credentials = assembly::credentials(settings)?;
    let user = user(asked.signer.user.as_ref(), settings)?;
    let tenant = tenant(&asked.tenant, &user, asked.signer.owner());
    let begun = assembly::run(start(&credentials, &tenant, &user, asked.grant, None))?;
    if asked.json {
        output::json(&object(&begun))?;
        return Ok(Exit::Done);
    }
    let complete = complete_command(&asked.tenant, &user);
    match &begun {
        Begun::Link { url, .. } => {
            output::say("open this link and sign in there:");
            output::data(url.as_str())?;
            output::say(&format!(
                "then bring back what the page shows, within 15 minutes:\n  {complete}"
            ));
        }
        Begun::Device { expires_at, .. } => {
            for line in device_words(&begun) {
                output::data(&line)?;
            }
            let left = credentials::words::span(expires_at.since(Timestamp::now()));
            output::say(&format!("then, within {left}:\n  {complete}"));
        }
        Begun::Key { vendor } => {
            output::say(&format!(
                "now hand over the API key of {vendor}, within 15 minutes:\n  {complete}"
            ));
        }
    }
    Ok(Exit::Done)
}

/// Begins, after telling what a person must know before.
pub(super) async fn start(
    credentials: &Credentials,
    tenant: &Tenant,
    user: &UserId,
    grant: Option<GrantChoice>,
    redirect: Option<&url::Url>,
) -> Result<Begun, Failure> {
    let vendor = vendor(credentials, &tenant.service)?;
    if let Some(warning) = &vendor.warning {
        output::say(&format!("warning: {warning}"));
    }
    if let Some(words) = shadow(credentials, tenant, Some(user)) {
        output::say(&format!("note: {words}"));
    }
    let way = grant.map(GrantChoice::name);
    rehearsal::must_run(&vendor, way).await?;
    credentials
        .begin(tenant, user, way, redirect)
        .await
        .map(|(begun, _)| begun)
        .map_err(|error| {
            let begin = begin_command(tenant, user);
            let failure = Failure::sign_in(error, &begin, credentials.vendors());
            match failure.exit {
                Exit::TryAgain => failure.hint("nothing was begun: the same command may work in a moment"),
                _ => failure,
            }
        })
}

/// What to do with a code, one thing per line.
pub(super) fn device_words(begun: &Begun) -> Vec<String> {
    let Begun::Device {
        page,
        page_with_code,
        user_code,
        ..
    } = begun
    else {
        return vec![];
    };
    let mut lines = vec![format!("open {page} and type {user_code}")];
    lines.extend(page_with_code.iter().map(|page| format!("or open {page}")));
    lines
}

/// The second step, which has to know a vendor of the same configuration.
fn complete_command(service: &Service, user: &UserId) -> String {
    let user = shell::word(user.as_str());
    format!("{} auth complete {service} --user {user}", shell::program())
}

fn object(begun: &Begun) -> BegunObject<'_> {
    match begun {
        Begun::Link { url, redirect_uri } => BegunObject::Link {
            url: url.as_str(),
            redirect_uri: redirect_uri.as_str(),
            expires_in_s: credentials::LINK_LIFE.as_secs().cast_signed(),
        },
        Begun::Device {
            page,
            page_with_code,
            user_code,
            expires_at,
        } => BegunObject::Device {
            page: page.as_str(),
            page_with_code: page_with_code.as_ref().map(url::Url::as_str),
            user_code,
            expires_in_s: super::seconds_left(*expires_at),
        },
        Begun::Key { vendor } => BegunObject::Key { vendor },
    }
}
