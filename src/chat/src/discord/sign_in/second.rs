//! The second step of a sign-in: what somebody brings is for the login that they name, or that their button names.

use std::sync::Arc;

use credentials::{Meant, Owner, Service, SignInError, Tenant, Timestamp, UserId, Way, api_key};

use super::{Done, OVER, Said, TOO_LATE, done, tenant, told};
use crate::discord::asker::Asker;
use crate::discord::bot::{Bot, user};
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
    let Done { alone, openly } = complete(bot, user, tenant, None, pasted).await?;
    Ok(Said {
        answer: Outgoing::words(alone),
        late: Some(openly),
    })
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

/// Whether an API key is what the sign-in of a button wants.
pub(super) fn is_for_a_key(bot: &Bot, asker: &Asker, sign_in: &SignIn) -> bool {
    let (Ok(service), Some(user)) = (Service::parse(&sign_in.service), user(asker.user)) else {
        return false;
    };
    let credentials = &bot.house.credentials;
    let begun = credentials.waiting(&service, &user).ok().flatten();
    let begun = begun.filter(|waits| waits.begun == sign_in.begun);
    if let Some(way) = begun.and_then(|waits| waits.way) {
        return way == Way::ApiKey.name();
    }
    // Over, or done: then another key may be brought to put it right.
    let vendor = credentials.vendors().get(&service);
    vendor.is_ok_and(|vendor| matches!(vendor.way(None), Some(Way::ApiKey)))
}

/// What was pasted into the form of a button. The form is still of use where it did not work; and for a key, which may come
/// after another one was stored, to put it right.
pub(super) async fn pasted(
    bot: &Arc<Bot>,
    asker: &Asker,
    user: &UserId,
    sign_in: &SignIn,
    pasted: Option<String>,
) {
    match stored(bot, asker, user, sign_in, pasted).await {
        Ok(Done { alone, openly }) => {
            asker.add_or(bot, &alone, &openly).await;
            if !is_for_a_key(bot, asker, sign_in) {
                asker.put_away(bot, OVER).await;
            }
        }
        Err(words) => asker.add_or(bot, &words, TOO_LATE).await,
    }
}

async fn stored(
    bot: &Bot,
    asker: &Asker,
    user: &UserId,
    sign_in: &SignIn,
    pasted: Option<String>,
) -> Result<Done, String> {
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
) -> Result<Done, String> {
    let meant = Meant {
        owner: Some(tenant.owner.clone()),
        begun,
    };
    let completed = bot
        .house
        .credentials
        .complete_this((&tenant.service, &meant), user, Some(pasted.into()));
    match completed.await {
        Ok(completed) => Ok(done(bot, user, &completed).await),
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
