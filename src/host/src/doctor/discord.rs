//! Discord: whether the bot could serve threads there. Nothing is asked where no token is configured.

use std::time::Duration;

use chat::discord::config::Config;
use chat::discord::inspect::{Application, Bot, COMMANDS, Rest, Trouble};
use chat::discord::{Gateway, Health, INVALID_MANY, INVALID_MOST};

use super::Check;
use crate::config::Settings;
use crate::control::{self, Request};
use crate::failure::Failure;
use crate::status::Report;
use crate::{assembly, bot_token};

mod places;
mod sessions;

#[cfg(test)]
mod tests;

/// All of it together takes no longer.
const PATIENCE: Duration = Duration::from_mins(1);

const TOKEN: &str = "bot-token";

/// All checks, or as many as the first ones allow.
pub(super) fn checks(settings: &Settings) -> Result<Vec<Check>, Failure> {
    let Some(config) = &settings.discord else {
        return Ok(vec![]);
    };
    let host = of_host(settings);
    assembly::run(async {
        let mut checks = Vec::new();
        let looked = tokio::time::timeout(PATIENCE, look(config, settings, host, &mut checks)).await;
        if looked.is_err() {
            let what = "not everything was looked at: Discord took longer than a minute";
            checks.push(Check::warn("bot-limits", what).hint("try again later"));
        }
        Ok(checks)
    })
}

async fn look(config: &Config, settings: &Settings, host: Option<Health>, checks: &mut Vec<Check>) {
    let source = config.token.source();
    let secret = match bot_token::read(&config.token).await {
        Ok(secret) => secret,
        Err(what) => {
            checks.push(
                Check::fail(TOKEN, what).hint("mend it, or say where else the token is, in `[discord]`"),
            );
            return;
        }
    };
    let rest = match Rest::new(&secret, &config.server) {
        Ok(rest) => rest,
        Err(what) => {
            checks.push(Check::fail(TOKEN, what));
            return;
        }
    };
    let bot = match rest.bot().await {
        Ok(bot) => bot,
        Err(trouble) => {
            checks.push(no_bot(&trouble, &source));
            return;
        }
    };
    checks.push(token(config, &bot, &source));
    let application = match rest.application().await {
        Ok(application) => application,
        Err(trouble) => {
            checks.push(unanswered("bot-intents", "the application", &trouble));
            return;
        }
    };
    checks.extend([intents(&application), people(config, &application)]);
    checks.push(places::check(config, &rest, &bot, &application).await);
    checks.push(match rest.commands(application.id).await {
        Ok(names) => commands(&names),
        Err(trouble) => unanswered("bot-commands", "its commands", &trouble),
    });
    checks.push(match rest.sessions().await {
        Ok(left) => sessions::check(left, &settings.state_folder),
        Err(trouble) => unanswered("bot-sessions", "its sessions", &trouble),
    });
    checks.push(limits(&rest, host.as_ref()));
}

/// What a running host says of its bot. One that says nothing, or that does not run, is told elsewhere.
fn of_host(settings: &Settings) -> Option<Health> {
    let answer = control::ask(&settings.state_folder, &Request::Status).ok()??;
    serde_json::from_value::<Report>(answer).ok()?.discord
}

/// What was not told, and why.
fn unanswered(name: &'static str, what: &str, trouble: &Trouble) -> Check {
    let message = format!("could not ask about {what}: {trouble}");
    if trouble.may_pass() {
        Check::warn(name, message).hint("try again in a moment")
    } else {
        Check::fail(name, message).hint("check that the token is the right bot's")
    }
}

fn no_bot(trouble: &Trouble, source: &str) -> Check {
    let check = Check::fail(
        TOKEN,
        format!("the token from {source} was not accepted: {trouble}"),
    );
    match trouble {
        Trouble::Unauthorized => check.hint(format!(
            "make a new one (discord.com/developers/applications → your application → Bot → Reset Token) and put it where \
             the old one is: {source}"
        )),
        Trouble::Unreachable { .. } => {
            Check::fail(TOKEN, format!("the token from {source} could not be tried: {trouble}"))
                .hint("check the network, and `api_base` in `[discord]` if it is set")
        }
        _ => Check::warn(TOKEN, format!("the token from {source} could not be tried: {trouble}"))
            .hint("try again in a moment"),
    }
}

fn token(config: &Config, bot: &Bot, source: &str) -> Check {
    let fine = format!("{source} holds the token of the bot {} ({})", bot.name, bot.id);
    match bot_token::exposure(&config.token) {
        Some(exposure) => Check::warn(TOKEN, format!("{fine}, and {exposure}"))
            .hint("let only the user of this host read it: chmod 600"),
        None => Check::ok(TOKEN, fine),
    }
}

fn intents(application: &Application) -> Check {
    const NAME: &str = "bot-intents";
    if application.reads_messages {
        return Check::ok(NAME, "Message Content Intent is on");
    }
    let what = "Message Content Intent is off: Discord would refuse the connection (4014)";
    Check::fail(NAME, what).hint(intent_steps(application.id))
}

/// Where the intent is switched on.
pub(crate) fn intent_steps(application: u64) -> String {
    format!(
        "open https://discord.com/developers/applications/{application}/bot → Privileged Gateway Intents → Message Content \
         Intent → on → Save Changes"
    )
}

fn people(config: &Config, application: &Application) -> Check {
    const NAME: &str = "bot-people";
    let rules = &config.rules;
    if rules.everyone {
        return Check::ok(
            NAME,
            "everyone may speak to it in the places below (`everyone = true`)",
        );
    }
    let mut who = vec![application.owners.words.clone()];
    for (count, what) in [
        (rules.users.len(), "listed user"),
        (rules.roles.len(), "listed role"),
    ] {
        if count > 0 {
            who.push(crate::output::count(count as u64, what));
        }
    }
    let words = format!("may speak to it: {}", who.join(", "));
    if application.owners.ids.is_empty() && who.len() == 1 {
        return Check::fail(NAME, words).hint("list people in `users` or `roles` of `[discord]`");
    }
    Check::ok(NAME, words)
}

fn commands(names: &[String]) -> Check {
    const NAME: &str = "bot-commands";
    if names.is_empty() {
        return Check::ok(
            NAME,
            "none is registered yet; a host registers them when it connects",
        );
    }
    let list = |names: &[String]| {
        names
            .iter()
            .map(|name| format!("/{name}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let is_known = |name: &&str| names.iter().any(|registered| registered == name);
    let missing: Vec<String> = COMMANDS
        .iter()
        .filter(|name| !is_known(name))
        .map(ToString::to_string)
        .collect();
    let mut registered = format!("registered: {}", list(names));
    let others: Vec<String> = names
        .iter()
        .filter(|name| !COMMANDS.contains(&name.as_str()))
        .cloned()
        .collect();
    if !others.is_empty() {
        registered = format!("{registered} (not of this version: {})", list(&others));
    }
    if missing.is_empty() {
        return Check::ok(NAME, registered);
    }
    Check::warn(NAME, format!("{registered}; missing: {}", list(&missing))).hint(
        "a host of this version registers them when it starts; if they go missing again, something else registers commands \
         with this token: stop it",
    )
}

/// What the answers said, and what a host that runs says of its own requests.
fn limits(rest: &Rest, host: Option<&Health>) -> Check {
    const NAME: &str = "bot-limits";
    let standing = rest.standing();
    let asked = crate::output::count(standing.requests.into(), "question");
    let of_host = host.map_or(String::new(), |health| {
        format!("; the running host: {}", crate::status::discord::line(health))
    });
    if standing.refused > 0 {
        let whole = if standing.global {
            " for everything that this bot does"
        } else {
            ""
        };
        let wait = standing.retry_after.unwrap_or_default();
        let words = format!(
            "{asked}, {} refused as too many{whole}, for {}{of_host}",
            standing.refused,
            credentials::words::span(wait.max(Duration::from_secs(1)))
        );
        return Check::warn(NAME, words).hint(
            "something sends much with this token, or from this address: look at the log of what runs with it, and wait",
        );
    }
    let words = format!("{asked}, none refused as too many{of_host}");
    match host {
        Some(health) if health.invalid_10min >= INVALID_MOST => {
            Check::fail(NAME, words).hint(crate::status::discord::HELD_BACK)
        }
        Some(health) if health.invalid_10min >= INVALID_MANY => Check::warn(NAME, words).hint(
            "Discord refuses much of what the host asks for, and bans who goes on: look at the permissions above and at its log",
        ),
        Some(Health { shared: true, .. }) => Check::warn(NAME, words)
            .hint("some people are answered twice, others by the other one: stop it, or give it a bot of its own"),
        Some(Health {
            gateway: Gateway::Refused { .. },
            ..
        }) => Check::fail(NAME, words).hint("mend that, and start the host again"),
        Some(Health {
            gateway: Gateway::Waiting { .. },
            ..
        }) => Check::fail(NAME, words).hint("find what connects over and over, and stop it; the host goes on by itself"),
        _ => Check::ok(NAME, words),
    }
}
