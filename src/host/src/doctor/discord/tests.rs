//! What is said of a bot that could not do its work, though its token is good.

use std::collections::BTreeSet;

use chat::discord::admission::Rules;
use chat::discord::config::{Server, Token};
use chat::discord::inspect::Owners;

use super::*;
use crate::doctor::check::Status;

const WELL: Health = Health {
    gateway: Gateway::Connected,
    limited_1h: 0,
    invalid_10min: 0,
    shared: false,
    deliveries_waiting: 0,
    held: 0,
    held_because: None,
    stale: vec![],
    down_s: None,
    no_token: false,
    without_files: vec![],
};

#[test]
fn how_the_running_host_stands_with_discord_is_told_with_what_to_do() {
    let rest = Rest::new(&"a-token".into(), &Server::default()).unwrap();
    let why = || "it says why".to_owned();
    for (health, status, hint) in [
        (WELL, Status::Ok, ""),
        (Health { shared: true, ..WELL }, Status::Warn, "answered twice"),
        (
            Health {
                gateway: Gateway::Refused { why: why() },
                ..WELL
            },
            Status::Fail,
            "start the host again",
        ),
        (
            Health {
                gateway: Gateway::Waiting { why: why() },
                ..WELL
            },
            Status::Fail,
            "connects over and over",
        ),
        (
            Health {
                invalid_10min: INVALID_MANY,
                ..WELL
            },
            Status::Warn,
            "bans who goes on",
        ),
        (
            Health {
                invalid_10min: INVALID_MOST,
                ..WELL
            },
            Status::Fail,
            "goes on by itself",
        ),
    ] {
        let check = limits(&rest, Some(&health));
        assert_eq!(check.status, status, "{check:?}");
        assert!(check.hint.unwrap_or_default().contains(hint), "{}", check.message);
    }
    assert_eq!(limits(&rest, None).status, Status::Ok);
}

#[test]
fn a_bot_that_nobody_may_speak_to_is_told() {
    let owned_by = |ids: BTreeSet<u64>| Application {
        id: 1,
        name: "bot".to_owned(),
        owners: Owners {
            ids,
            words: "a team".to_owned(),
        },
        reads_messages: true,
    };
    let nobody = Config {
        token: Token::Command(vec![]),
        rules: Rules::default(),
        channels: [].into(),
        approvers: [].into(),
        admins: [].into(),
        shards: None,
        server: Server::default(),
    };
    let mut listed = nobody.clone();
    listed.rules.roles = [7].into();
    for (config, owners, status) in [
        (&nobody, [].into(), Status::Fail),
        (&nobody, [5].into(), Status::Ok),
        (&listed, [].into(), Status::Ok),
    ] {
        let check = people(config, &owned_by(owners));
        assert_eq!(check.status, status, "{check:?}");
    }
}
