//! What is to be on a message, and when.

use discord_fake::{Fake, permissions};

use super::*;
use crate::discord::config::Server;
use crate::discord::places::{Kind, Spot};

fn signs() -> Signs {
    let rest = Rest::new(&"token".into(), &Server::default()).unwrap();
    Signs::new(Arc::new(rest), Arc::default())
}

#[tokio::test]
async fn that_a_message_was_heard_takes_nothing_back_that_its_turn_has_shown() {
    let signs = signs();
    let wanted = || signs.state().wanted.get(&1).cloned().unwrap_or_default();
    signs.show(1, 2, "✋");
    signs.heard(1, 2);
    signs.heard(1, 3);
    assert_eq!(wanted(), [(2, "✋"), (3, HEARD)]);
    let (message, sign, _) = signs.next(1).unwrap();
    signs.heard(1, 2);
    signs.state().remember(message, sign);
    signs.state().end(message);
    signs.heard(1, 2);
    assert_eq!(wanted(), [(3, HEARD)]);
}

#[test]
fn how_a_turn_ended_is_shown_also_after_an_outage() {
    let failed = Trouble::Failed("no connection".to_owned());
    let all: Duration = (0..TRIES).map(|tries| pause(tries, &failed)).sum();
    assert_eq!(all.as_secs() / 60, 60, "minutes");
    let (after, global) = (Duration::from_mins(5), false);
    assert_eq!(pause(0, &Trouble::Limited { after, global }), after);
}

#[tokio::test]
async fn how_a_turn_ended_is_shown_before_that_other_messages_were_heard() {
    let signs = signs();
    for message in 2..5 {
        signs.heard(1, message);
    }
    signs.show(1, 3, "✅");
    signs.show(1, 9, "❌");
    let order: Vec<Id> = std::iter::from_fn(|| signs.next(1).map(|(message, ..)| message)).collect();
    assert_eq!(order, [3, 9, 2, 4]);
}

#[tokio::test]
async fn that_a_message_waits_is_said_until_more_is_known_of_it_and_takes_nothing_back() {
    let signs = signs();
    let wanted = |message| {
        let state = signs.state();
        let wanted = state.wanted.get(&1);
        wanted.and_then(|all| {
            all.iter()
                .find(|(known, _)| *known == message)
                .map(|(_, sign)| *sign)
        })
    };
    signs.show(1, 2, "✅");
    signs.waits(1, 2);
    signs.waits_no_longer(1, 2);
    assert_eq!(wanted(2), Some("✅"));
    signs.waits(1, 3);
    assert_eq!(wanted(3), Some(WAITS));
    signs.heard(1, 3);
    signs.waits_no_longer(1, 3);
    assert_eq!(wanted(3), Some(HEARD));
    signs.waits(1, 4);
    signs.waits_no_longer(1, 4);
    assert_eq!(wanted(4), Some(NONE), "it became nothing");
    signs.waited(5);
    signs.heard(1, 5);
    assert_eq!((wanted(5), signs.state().shown[&5]), (Some(HEARD), WAITS));
}

/// Waits until a message has one sign, or none, and nothing more is to be done about it.
async fn has(signs: &Signs, fake: &Fake, message: u64, wanted: Option<&str>) {
    let is_there = |sign: &str| {
        fake.look(|world| {
            let bot = world.application().bot;
            let message = world.message(discord_fake::Id(message)).expect("it stands");
            message.has_reaction(sign, bot)
        })
    };
    for _ in 0..500 {
        let there: Vec<_> = SIGNS.into_iter().filter(|sign| is_there(sign)).collect();
        if there == Vec::from_iter(wanted) && signs.is_shown(message) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{wanted:?} is not the one sign of {message}");
}

#[tokio::test]
async fn where_signs_are_refused_one_is_tried_with_each_turn_and_the_first_that_is_taken_brings_the_others() {
    let fake = Fake::start().await;
    let guild = fake.guild("g");
    let (channel, alice) = (guild.channel("c"), guild.member("alice"));
    let deny = |what| guild.overwrite(channel, fake.bot(), 0, what);
    let server = Server {
        api_base: Some(fake.api_base().parse().unwrap()),
        ..Server::default()
    };
    let rest = Rest::new(&fake.token().into(), &server).unwrap();
    let places = Arc::new(Places::default());
    let spot = |parent| Spot {
        guild: Some(guild.id.0),
        parent,
        kind: Kind::Text,
    };
    let thread = alice.starts_thread(channel, "t", None);
    places.learn(channel.0, spot(None));
    places.learn(thread.0, spot(Some(channel.0)));
    let signs = Signs::new(Arc::new(rest), places);
    let says = |place| alice.says(place, "hi").0;
    let (first, second, third, fourth) = (says(channel), says(thread), says(thread), says(channel));
    let refused = || fake.requests().iter().filter(|seen| seen.status == 403).count();

    deny(permissions::ADD_REACTIONS);
    signs.heard(channel.0, first);
    has(&signs, &fake, first, None).await;
    signs.show(channel.0, first, "✅");
    signs.show(thread.0, second, "❌");
    for message in [first, second] {
        has(&signs, &fake, message, None).await;
        assert!(signs.is_shut_off(message));
    }
    assert_eq!(refused(), 1, "a thread of the channel is as the channel");
    signs.heard(thread.0, third);
    has(&signs, &fake, third, None).await;
    assert_eq!(refused(), 2);

    // Nobody tells it.
    deny(0);
    signs.heard(channel.0, fourth);
    for (message, sign) in [(fourth, HEARD), (third, HEARD), (second, "❌"), (first, "✅")] {
        has(&signs, &fake, message, Some(sign)).await;
        assert!(!signs.is_shut_off(message));
    }
    assert_eq!(refused(), 2);

    // What was lost meanwhile is told, and is wrong: it is tried once, and then nothing is.
    deny(permissions::READ_MESSAGE_HISTORY);
    for message in [first, fourth] {
        signs.show(channel.0, message, "⚠️");
    }
    // What was there is not true any more: taking it off needs no permission.
    for message in [fourth, first] {
        has(&signs, &fake, message, None).await;
        assert!(signs.is_shut_off(message));
    }
    assert_eq!(refused(), 3);
    assert_eq!(signs.again(|_| true).await, []);
    assert_eq!(refused(), 4);
    deny(0);
    let set = [(channel.0, fourth), (channel.0, first)];
    assert_eq!(signs.again(|_| true).await, set);
    for message in [first, fourth] {
        has(&signs, &fake, message, Some("⚠️")).await;
    }
    assert_eq!(refused(), 4);
    fake.assert_clean();
}
