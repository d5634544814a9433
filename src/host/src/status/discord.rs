//! What `status` tells of the bot: how it stands, and what of it needs somebody.

use std::time::Duration;

use chat::discord::{Gateway, Health, INVALID_BAN, INVALID_MOST, NEW_TOKEN};
use credentials::words;

use super::Attention;
use crate::output;

/// Connections break and are made again; one that is away for longer needs somebody.
const AWAY: Duration = Duration::from_mins(1);

/// What to do about a host that asks for nothing, since too much was refused.
pub(crate) const HELD_BACK: &str = "it goes on by itself within ten minutes; look for what is refused in its log, and under the \
    permissions that `agent-host doctor` tells";

/// What of Discord needs somebody, the worst first.
pub(crate) fn attention(health: &Health) -> impl Iterator<Item = Attention> {
    let stale = health.stale.iter().map(|thread| Attention {
        thread: Some(thread.to_string()),
        what: "it shows less than was said: Discord does not let a message be changed".to_owned(),
        hint: Some(
            "let the bot write there again (unlock the thread, or look at its permissions); then it is changed by itself"
                .to_owned(),
        ),
    });
    let without_files = health.without_files.iter().map(|channel| {
        about(
            format!(
                "the bot lacks the permission Attach Files in the channel {channel} of Discord: it says as text what would be in files"
            ),
            "give it that in the channel's settings; `agent-host doctor` names each channel and what is missing there",
        )
    });
    let all = connection(health).into_iter().chain(held(health));
    all.chain(without_files).chain(stale)
}

fn about(what: String, hint: impl Into<String>) -> Attention {
    Attention {
        thread: None,
        what,
        hint: Some(hint.into()),
    }
}

/// A bot that hears nothing, or says nothing.
fn connection(health: &Health) -> Option<Attention> {
    if let Gateway::Refused { why } = &health.gateway {
        let (what, hint) = parts(why);
        return Some(about(format!("Discord does not let the bot in: {what}"), hint));
    }
    if health.no_token {
        return Some(about(
            "Discord does not know the bot's token any more".to_owned(),
            lower(NEW_TOKEN),
        ));
    }
    if health.invalid_10min >= INVALID_MOST {
        return Some(about(
            format!(
                "Discord has refused {} requests in ten minutes, and bans who goes on: nothing is said there for now",
                health.invalid_10min
            ),
            HELD_BACK,
        ));
    }
    let away = away(health).filter(|away| *away > AWAY)?;
    if let Gateway::Waiting { why } = &health.gateway {
        return Some(about(
            format!("the bot is not connected to Discord: {why}"),
            "nothing is heard there until then; it connects by itself",
        ));
    }
    Some(about(
        format!(
            "the bot is not connected to Discord since {}: nothing is heard there",
            words::span(away)
        ),
        "it goes on trying; look whether this machine reaches discord.com, at discordstatus.com, and at the log",
    ))
}

fn away(health: &Health) -> Option<Duration> {
    health.down_s.map(Duration::from_secs)
}

/// What is wrong, and what to do about it.
fn parts(why: &str) -> (&str, String) {
    let (what, hint) = why
        .split_once(". ")
        .unwrap_or((why, "look at the log, and start again"));
    (what, lower(hint))
}

fn lower(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first = letters.next().map(|letter| letter.to_lowercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

/// Messages that could not be dealt with yet.
fn held(health: &Health) -> Option<Attention> {
    let why = health.held_because.as_deref()?;
    Some(about(
        format!(
            "{} of Discord could not be dealt with yet: {why}",
            output::count(health.held as u64, "message")
        ),
        "it is tried again until it can be; look whether Discord has trouble, or the disk is full",
    ))
}

/// How the bot stands, in one line.
pub(crate) fn line(health: &Health) -> String {
    let mut facts = vec![match &health.gateway {
        Gateway::Connected => "connected".to_owned(),
        Gateway::Connecting => match away(health).filter(|away| *away > AWAY) {
            Some(away) => format!("not connected since {}", words::span(away)),
            None => "connecting".to_owned(),
        },
        Gateway::Waiting { why } => why.clone(),
        Gateway::Refused { why } => format!("shut out, {}", parts(why).0),
    }];
    if health.shared {
        facts.push("another program uses its token".to_owned());
    }
    facts.push(format!(
        "{} met in the last hour",
        output::count(health.limited_1h as u64, "limit")
    ));
    facts.push(format!(
        "{} of {INVALID_BAN} invalid requests in ten minutes",
        health.invalid_10min
    ));
    facts.push(format!(
        "{} to be said",
        output::count(health.deliveries_waiting as u64, "message")
    ));
    format!("Discord: {}", facts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(gateway: Gateway, down_s: Option<u64>) -> Health {
        Health {
            gateway,
            limited_1h: 1,
            invalid_10min: 2,
            shared: false,
            deliveries_waiting: 0,
            held: 0,
            held_because: None,
            stale: vec![],
            down_s,
            no_token: false,
            without_files: vec![],
        }
    }

    #[test]
    fn who_is_shut_out_or_away_needs_somebody_and_who_is_connected_does_not() {
        let refused = || Gateway::Refused {
            why: "it may not read messages (4014). Switch something on, and start again".to_owned(),
        };
        let unknown = Health {
            no_token: true,
            ..health(Gateway::Connecting, Some(1))
        };
        let held_back = Health {
            invalid_10min: INVALID_MOST,
            ..health(Gateway::Connected, None)
        };
        for (health, what, hint) in [
            (
                held_back,
                "has refused 500 requests in ten minutes",
                "it goes on by itself within ten minutes",
            ),
            (
                health(refused(), Some(1)),
                "does not let the bot in: it may not read messages (4014)",
                "switch something on",
            ),
            (
                health(Gateway::Connecting, Some(61)),
                "not connected to Discord since 1m",
                "discordstatus.com",
            ),
            (
                unknown,
                "does not know the bot's token any more",
                "make a new one",
            ),
        ] {
            let told: Vec<Attention> = attention(&health).collect();
            let [told] = &told[..] else { panic!("{told:?}") };
            let told_hint = told.hint.as_deref().unwrap_or_default();
            assert!(
                told.what.contains(what) && told_hint.starts_with(hint) || told_hint.contains(hint),
                "{told:?}"
            );
        }
        for well in [
            health(Gateway::Connected, None),
            health(Gateway::Connecting, Some(60)),
        ] {
            assert_eq!(attention(&well).count(), 0);
        }
        assert_eq!(
            line(&health(refused(), Some(1))),
            "Discord: shut out, it may not read messages (4014); 1 limit met in the last hour; \
             2 of 10000 invalid requests in ten minutes; 0 messages to be said"
        );
    }
}
