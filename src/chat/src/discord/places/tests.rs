//! Which messages wait for which, and where.

use super::*;

fn places(spots: &[(Id, Option<Id>)]) -> Places {
    let places = Places::default();
    for (channel, parent) in spots {
        let kind = if parent.is_some() {
            Kind::Thread
        } else {
            Kind::Text
        };
        let (guild, parent) = (Some(1), *parent);
        places.learn(*channel, Spot { guild, parent, kind });
    }
    places
}

#[test]
fn what_comes_in_a_thread_after_a_call_waits_until_it_is_dealt_with_as_often_as_it_came() {
    let places = places(&[(20, Some(10))]);
    places.calls(20, 100);
    places.calls(20, 100);
    assert!(places.is_opening(20, 101));
    assert!(!places.is_opening(20, 100), "it does not wait for itself");
    assert!(!places.is_opening(20, 99), "nor what came before it");
    assert!(!places.is_opening(21, 101), "nor what is said elsewhere");
    places.dealt_with(20, 100);
    assert!(places.is_opening(20, 101));
    places.dealt_with(20, 100);
    assert!(!places.is_opening(20, 101));
    assert!(places.calls.lock().unwrap().is_empty());
}

#[test]
fn a_thread_that_is_served_waits_only_for_the_message_that_it_was_opened_from() {
    let places = places(&[(20, Some(10)), (30, Some(10))]);
    places.calls(20, 100);
    places.calls(10, 30);
    places.serve(20);
    places.serve(30);
    assert!(!places.is_opening(20, 101));
    assert!(places.is_opening(30, 101));
    assert!(places.is_called_once(30));
    places.dealt_with(10, 30);
    assert!(!places.is_opening(30, 101));
}

#[test]
fn a_channel_waits_for_no_call_and_what_nobody_has_told_of_may_be_a_thread() {
    let places = places(&[(10, None)]);
    places.calls(10, 100);
    places.calls(40, 100);
    assert!(!places.is_opening(10, 101));
    assert!(places.is_opening(40, 101));
}

#[test]
fn in_a_category_nothing_is_said_and_no_thread_opened() {
    let spot = Spot::of_json(&serde_json::json!({ "type": 4, "guild_id": "1" }));
    assert!(!spot.kind.has_messages() && !spot.kind.has_threads());
}
