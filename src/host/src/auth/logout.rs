//! `auth logout`: removes a login, and says whether the vendor knows.

use credentials::{Revoked, Service, Tenant, UserId};

use crate::config::Settings;
use crate::failure::{Exit, Failure, Outcome};
use crate::{assembly, log, output};

/// Removes the user's own login, or the host's.
pub(super) fn run(service: &Service, user: Option<UserId>, settings: &Settings) -> Outcome {
    log::start(&settings.log_filter);
    let credentials = assembly::credentials(settings)?;
    let tenant = match user {
        Some(user) => Tenant::user(service.clone(), user),
        None => Tenant::host(service.clone()),
    };
    let owner = &tenant.owner;
    let done = assembly::run(async {
        credentials.logout(&tenant).await.map_err(|error| {
            let begin = crate::failure::sign_in_command(&tenant);
            Failure::sign_in(error, &begin, credentials.vendors())
        })
    })?;
    if !done.was_there {
        output::say(&format!("there was no login to {service} ({owner})"));
        return Ok(Exit::Done);
    }
    let told = match done.revoked {
        Revoked::Yes => "and the vendor has ended it".to_owned(),
        Revoked::NotPossible => "here only: the vendor offers no way to tell it".to_owned(),
        Revoked::Failed(why) => {
            format!("here only: the vendor could not be told ({why}), so it may live on there")
        }
    };
    output::say(&format!("signed out of {service} ({owner}), {told}"));
    Ok(Exit::Done)
}
