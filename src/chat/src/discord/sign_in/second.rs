//! The second step of a sign-in: what somebody brings is for the login that they name, or that their button names.

use credentials::{Meant, Owner, Service, SignInError, Tenant, Timestamp, UserId, Way, api_key};

use super::{Done, Said, done, tenant, told};
use crate::discord::asker::Asker;
use crate::discord::bot::Bot;
use crate::discord::custom_id::{SignIn, Whose};
use crate::discord::press::sentence;
use crate::discord::rest::Outgoing;

pub(super) fn whose(tenant: &Tenant) -> Whose {
    match tenant.owner {
        Owner::Host => Whose::Everyones,
        Owner::User(_) => Whose::Own,
    }
}

/// What was typed with the command. An API key needs no first step.
pub(super) async fn typed(
    bot: &Bot,
    user: &UserId,
    tenant: &Tenant,
    way: Option<&str>,
    pasted: String,
) -> Result<Said, String> {
    // An address answers a link, perhaps one of another vendor's: that none was begun here says more.
    if !pasted.contains("://") {
        begin_with_key(bot, user, tenant, way, &pasted).await?;
    }
    complete(bot, user, tenant, None, pasted).await
}

/// An API key needs no first step: where nothing waits for it, a sign-in is begun. Whether one was.
async fn begin_with_key(
    bot: &Bot,
    user: &UserId,
    tenant: &Tenant,
    way: Option<&str>,
    pasted: &str,
) -> Result<bool, String> {
    let credentials = &bot.house.credentials;
    let vendor = credentials.vendors().get(&tenant.service).ok();
    let Some(vendor) = vendor.filter(|vendor| matches!(vendor.way(way), Some(Way::ApiKey))) else {
        return Ok(false);
    };
    let waits = credentials.waiting(&tenant.service, user);
    let waits = waits.map_err(|error| sentence(&error.to_string()))?;
    if waits.and_then(|waits| waits.way).is_some() {
        return Ok(false);
    }
    // Begun for what is none, it would take the place of the one that the form is for.
    api_key(&vendor, pasted).map_err(|error| told(&error.into()))?;
    let begun = credentials.begin(tenant, user, way, None).await;
    begun.map(|_| true).map_err(|error| told(&error))
}

/// What was pasted into the form of a button. Its key may come after another one was stored: to put it right.
pub(super) async fn pasted(
    bot: &Bot,
    asker: &Asker,
    user: &UserId,
    sign_in: &SignIn,
    pasted: Option<String>,
) -> Result<Said, String> {
    let service = Service::parse(&sign_in.service).map_err(|error| sentence(&error.to_string()))?;
    let scope = match sign_in.whose {
        Whose::Own => None,
        Whose::Everyones => Some("everyone"),
    };
    // They may no longer be an administrator.
    let tenant = tenant(bot, asker, user, &service, scope).await?;
    let pasted = pasted.unwrap_or_default();
    let is_new = begin_with_key(bot, user, &tenant, None, &pasted).await?;
    let begun = (!is_new).then_some(sign_in.begun);
    complete(bot, user, &tenant, begun, pasted).await
}

/// Completes the sign-in for this login: the one that was `begun` then, where that is known.
async fn complete(
    bot: &Bot,
    user: &UserId,
    tenant: &Tenant,
    begun: Option<Timestamp>,
    pasted: String,
) -> Result<Said, String> {
    let meant = Meant {
        owner: Some(tenant.owner.clone()),
        begun,
    };
    let completed = bot
        .house
        .credentials
        .complete_this((&tenant.service, &meant), user, Some(pasted.into()));
    match completed.await {
        Ok(completed) => {
            let Done { alone, openly } = done(bot, user, &completed).await;
            Ok(Said {
                answer: Outgoing::words(alone),
                late: Some(openly),
            })
        }
        Err(SignInError::ForAnother { service, begun, .. }) => Err(for_another(&service, &begun)),
        Err(error) => Err(told(&error)),
    }
}

fn for_another(service: &Service, begun: &Owner) -> String {
    let everyone = (" scope:everyone", "for everyone on this host");
    let own = ("", "for you alone");
    let ((begun_scope, begun), (scope, named)) = match begun {
        Owner::Host => (everyone, own),
        Owner::User(_) => (own, everyone),
    };
    format!(
        "⚠️ You have begun a sign-in to {service} {begun}, and this would be {named}: nothing was stored. \
         Go on with `/auth vendor:{service}{begun_scope} code:…`, or begin {named} with `/auth vendor:{service}{scope}`."
    )
}
