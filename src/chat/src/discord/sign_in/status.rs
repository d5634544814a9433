//! `/auth` without a vendor: how somebody's logins stand.

use std::time::Duration;

use credentials::{Owner, Service, State, TenantHealth, Timestamp, UserId, whose_login_pays, words};
use serde_json::json;
use supervisor::AgentKind;

use super::title;
use crate::discord::asker::Asker;
use crate::discord::bot::Bot;
use crate::discord::custom_id::Action;
use crate::discord::names;
use crate::discord::press::sentence;
use crate::discord::rest::Outgoing;
use crate::discord::split::disarmed;
use crate::{harmless, payers};

/// How somebody's logins stand, and the host's.
pub(super) async fn status(bot: &Bot, asker: &Asker, user: &UserId) -> Result<Outgoing, String> {
    let store = bot.house.credentials.store().clone();
    let look = tokio::task::spawn_blocking(move || store.tenants()).await;
    let stored = match look {
        Ok(Ok(stored)) => stored,
        Ok(Err(error)) => return Err(sentence(&format!("the logins can't be read: {error}"))),
        Err(_) => return Err("The logins can't be read.".to_owned()),
    };
    let mut lines = vec![];
    let mut buttons = vec![];
    for one in &stored {
        let own = one.owner == user.as_str();
        if !own && one.owner != Owner::Host.as_str() {
            continue;
        }
        lines.push(line(bot, one, own));
        let action = Action::SignOut {
            service: one.service.clone(),
        };
        if own
            && buttons.len() < 5
            && let Ok(custom_id) = bot.sealer.encode(asker.channel, &action)
        {
            let label = names::label(&format!("Sign out of {}", one.service), names::LONGEST_BUTTON);
            buttons.push(json!({ "type": 2, "style": 2, "label": label, "custom_id": custom_id }));
        }
    }
    if lines.is_empty() {
        lines
            .push("Nobody is signed in, neither you nor this host. `/auth vendor:` signs you in.".to_owned());
    }
    // Where Discord does not say it they read who can help; that is true of an administrator, too.
    let may_sign_in_host = asker.is_admin(bot).await == Ok(true);
    lines.extend(pays(bot, user, may_sign_in_host));
    Ok(Outgoing {
        content: names::shortened(&lines.join("\n"), 1900),
        rows: vec![buttons],
        ..Outgoing::default()
    })
}

/// Which login pays in threads that somebody opens, and why: a line for each agent that works with one.
fn pays(bot: &Bot, user: &UserId, may_sign_in_host: bool) -> Vec<String> {
    let credentials = &bot.house.credentials;
    let one = |agent: &supervisor::Agent| {
        let AgentKind::Native(profile) = &agent.kind else {
            return None;
        };
        let vendor = credentials
            .vendors()
            .get(&profile.account.as_ref()?.service)
            .ok()?;
        let environment = &vendor.environment;
        let situation = credentials
            .store()
            .situation(&vendor.service, Some(environment), Some(user));
        let situation = situation.ok()?;
        let payer = whose_login_pays(situation);
        let words = payers::words(payer, situation, environment, may_sign_in_host);
        let title = disarmed(&harmless::line(&agent.title, 80));
        let how = if payers::is_paid(payer) {
            format!("works with {}", words.with)
        } else {
            "has no login to work with".to_owned()
        };
        Some(format!(
            "-# In threads that you open {title} {how}. {}",
            words.why
        ))
    };
    bot.house.supervisor.declared().values().filter_map(one).collect()
}

fn line(bot: &Bot, one: &TenantHealth, own: bool) -> String {
    let title =
        Service::parse(&one.service).map_or_else(|_| one.service.clone(), |service| title(bot, &service));
    let whose = if own { "yours" } else { "everyone's" };
    let account = one.account.as_ref();
    let account = account.map(|account| account.label.as_deref().unwrap_or(&account.id));
    let account = account.map(|account| format!(", {}", disarmed(&harmless::line(account, 80))));
    let state = match one.state {
        State::Invalidated | State::Unreadable => "no longer valid: sign in again".to_owned(),
        State::Refused => one.detail.clone().map_or_else(
            || "refused by the vendor: store another key".to_owned(),
            |detail| format!("{detail}: store another one"),
        ),
        State::Expired if !one.refreshable => "over: sign in again".to_owned(),
        _ if one.refreshable => "valid, renewed by itself".to_owned(),
        _ => match one.expires_in_s.and_then(|seconds| u64::try_from(seconds).ok()) {
            Some(seconds) => {
                let at = Timestamp::now().plus(Duration::from_secs(seconds));
                format!("valid until {}", words::moment(at))
            }
            None => "valid".to_owned(),
        },
    };
    format!("**{title}** ({whose}{}): {state}", account.unwrap_or_default())
}
