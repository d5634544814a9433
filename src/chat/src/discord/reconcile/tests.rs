//! What is asked of Discord, and when; and a minute of many threads against limits like Discord's.

use conversation::{ItemId, TurnId};

use super::*;
use crate::discord::custom_id::Action;
use crate::discord::render::{Button, Press, Style};

mod storm;

fn thread(number: usize) -> ThreadId {
    ThreadId::parse(&format!("discord:{number}")).unwrap()
}

fn key(item: i64) -> Key {
    Key {
        turn: Some(TurnId(1)),
        item: ItemId(item),
        part: 0,
    }
}

fn message(item: i64, content: &str) -> DesiredMessage {
    DesiredMessage {
        key: key(item),
        content: content.to_owned(),
        buttons: vec![],
        files: vec![],
    }
}

fn at(millis: u64) -> Clock {
    Duration::from_millis(millis)
}

fn done(remote: Id) -> Outcome {
    Outcome::Done { remote }
}

/// One thread, and what is asked of Discord for it.
struct Desk {
    reconciler: Reconciler,
    /// The request that was begun last.
    number: u64,
}

impl Desk {
    fn new() -> Self {
        Self {
            reconciler: Reconciler::new(Pace::default()),
            number: 0,
        }
    }

    fn want(&mut self, messages: &[(i64, &str)]) {
        let messages = messages
            .iter()
            .map(|(item, content)| message(*item, content))
            .collect();
        self.reconciler.want(&thread(1), messages, true);
    }

    fn asks(&mut self, millis: u64) -> String {
        match self.reconciler.next(at(millis)) {
            Step::Ask(request) => {
                self.number = request.number;
                match request.kind {
                    RequestKind::Send(message) => format!("send {}", message.content),
                    RequestKind::Edit { remote, message } => format!("edit {remote} {}", message.content),
                    RequestKind::Delete { remote } => format!("delete {remote}"),
                }
            }
            Step::Wait(until) => format!("wait {}", until.as_millis()),
            Step::Idle => "idle".to_owned(),
        }
    }

    fn ended(&mut self, outcome: Outcome, millis: u64) {
        let request = (&thread(1), self.number);
        self.reconciler.ended(request, outcome, None, at(millis));
    }
}

#[test]
fn messages_are_sent_in_order_one_at_a_time() {
    let mut desk = Desk::new();
    assert_eq!(desk.asks(0), "idle");
    desk.want(&[(1, "a"), (2, "b")]);
    assert_eq!(desk.asks(0), "send a");
    assert_eq!(desk.asks(0), "idle", "one is under way");
    desk.ended(done(11), 100);
    assert_eq!(desk.asks(100), "send b");
    desk.ended(done(12), 200);
    assert_eq!(desk.asks(200), "idle");
    assert!(desk.reconciler.is_done(&thread(1)));
}

#[test]
fn a_turn_is_said_when_each_of_its_messages_says_the_newest() {
    let mut desk = Desk::new();
    let is_said = |desk: &Desk| desk.reconciler.has_said(&thread(1), TurnId(1));
    desk.want(&[(1, "a"), (2, "b")]);
    assert!(!is_said(&desk), "nothing is there");
    assert_eq!(desk.asks(0), "send a");
    assert!(!is_said(&desk), "one is under way");
    desk.ended(done(11), 100);
    assert!(!is_said(&desk), "one is missing");
    assert_eq!(desk.asks(100), "send b");
    desk.ended(Outcome::Unknown, 200);
    assert!(!is_said(&desk), "one may be missing");
    assert_eq!(desk.asks(2000), "send b");
    desk.ended(done(12), 2100);
    desk.reconciler.found(&thread(1), key(2), 12, None);
    assert!(!is_said(&desk), "one may say something older");
    assert_eq!(desk.asks(4000), "edit 12 b");
    desk.ended(done(12), 4100);
    assert!(is_said(&desk));
    desk.want(&[(1, "a"), (2, "b and a footer")]);
    assert!(!is_said(&desk), "one says something older");
    assert!(
        desk.reconciler.has_said(&thread(1), TurnId(2)),
        "another turn does not wait"
    );
    assert_eq!(desk.asks(9000), "edit 12 b and a footer");
    desk.ended(Outcome::Refused, 9100);
    assert!(!is_said(&desk), "one says something older for longer");
}

#[test]
fn the_newest_text_wins_and_the_last_one_arrives() {
    let mut desk = Desk::new();
    desk.want(&[(1, "a")]);
    assert_eq!(desk.asks(0), "send a");
    desk.want(&[(1, "ab")]);
    desk.ended(done(11), 100);
    assert_eq!(desk.asks(100), "edit 11 ab");
    desk.want(&[(1, "abc")]);
    desk.want(&[(1, "abcd")]);
    desk.ended(done(11), 200);
    assert_eq!(desk.asks(200), "wait 1200", "about one edit a second");
    assert_eq!(desk.asks(1200), "edit 11 abcd");
    desk.ended(done(11), 1300);
    assert_eq!(desk.asks(9000), "idle");
}

#[test]
fn a_new_message_does_not_wait_for_the_pause_between_edits() {
    let mut desk = Desk::new();
    desk.reconciler.found(&thread(1), key(1), 11, None);
    desk.want(&[(1, "a")]);
    assert_eq!(desk.asks(0), "edit 11 a");
    desk.ended(done(11), 100);
    desk.want(&[(1, "ab"), (2, "card")]);
    assert_eq!(desk.asks(200), "send card");
    desk.ended(done(12), 300);
    assert_eq!(desk.asks(1100), "edit 11 ab");
}

fn face(content: &str) -> Face {
    Face {
        content: content.to_owned(),
        buttons: vec![],
        files: vec![],
    }
}

#[test]
fn only_what_stands_there_otherwise_than_it_should_is_edited() {
    let mut desk = Desk::new();
    desk.reconciler.found(&thread(1), key(1), 11, Some(face("a")));
    desk.reconciler
        .found(&thread(1), key(2), 12, Some(face("b, begun")));
    desk.reconciler.found(&thread(1), key(3), 13, Some(face("c")));
    desk.want(&[(1, "a"), (2, "b, ended"), (3, "c\n")]);
    assert_eq!(desk.asks(0), "edit 12 b, ended");
    desk.ended(done(12), 100);
    assert_eq!(desk.asks(9000), "idle");
    desk.want(&[(1, "a, and more"), (2, "b, ended"), (3, "c\n")]);
    assert_eq!(desk.asks(9000), "edit 11 a, and more");
    desk.ended(Outcome::Unknown, 9100);
    desk.want(&[(1, "a"), (2, "b, ended"), (3, "c\n")]);
    assert_eq!(
        desk.asks(20_000),
        "edit 11 a",
        "how it looks now is not known any more"
    );
}

#[test]
fn what_discord_does_not_let_be_changed_is_known() {
    let mut desk = Desk::new();
    for (item, remote) in [(1, 11), (2, 12)] {
        desk.reconciler
            .found(&thread(1), key(item), remote, Some(face("begun")));
    }
    desk.want(&[(1, "begun"), (2, "ended")]);
    assert_eq!(desk.asks(0), "edit 12 ended");
    assert_eq!(desk.reconciler.stale(&thread(1)), None);
    desk.ended(Outcome::Refused, 100);
    for (next, waits) in [(2100, "wait 2100"), (6200, "wait 6200")] {
        assert_eq!(desk.asks(next - 1), waits);
        assert_eq!(desk.reconciler.stale(&thread(1)), Some(ItemId(2)));
        assert_eq!(desk.asks(next), "edit 12 ended", "it may have been for a moment");
        desk.ended(Outcome::Refused, next + 100);
    }
    assert_eq!(desk.asks(90_000), "idle");
    assert_eq!(desk.reconciler.stale(&thread(1)), Some(ItemId(2)));
    assert!(
        !desk.reconciler.has_said(&thread(1), TurnId(1)),
        "half of it is there"
    );
    desk.want(&[(1, "begun"), (2, "begun")]);
    assert_eq!(
        desk.reconciler.stale(&thread(1)),
        None,
        "nobody wants it otherwise any more"
    );
}

#[test]
fn a_busy_message_does_not_starve_another() {
    let mut desk = Desk::new();
    desk.reconciler.found(&thread(1), key(1), 11, None);
    desk.reconciler.found(&thread(1), key(2), 12, None);
    let mut edited = vec![];
    for second in 0..6 {
        desk.want(&[(1, &format!("a{second}")), (2, &format!("b{second}"))]);
        edited.push(desk.asks(second * 1500));
        desk.ended(done(11 + second % 2), second * 1500 + 50);
    }
    assert_eq!(
        edited,
        [
            "edit 11 a0",
            "edit 12 b1",
            "edit 11 a2",
            "edit 12 b3",
            "edit 11 a4",
            "edit 12 b5"
        ]
    );
}

#[test]
fn what_may_have_been_sent_is_asked_for_again_before_anything_else_and_ever_less_often() {
    let mut desk = Desk::new();
    desk.want(&[(1, "a"), (2, "b")]);
    assert_eq!(desk.asks(0), "send a");
    desk.ended(Outcome::Unknown, 100);
    assert_eq!(desk.asks(100), "wait 1100");
    assert_eq!(desk.asks(1100), "send a");
    desk.ended(Outcome::Unknown, 1200);
    assert_eq!(desk.asks(1200), "wait 3200");
    assert_eq!(desk.asks(3200), "send a");
    desk.ended(done(11), 3300);
    assert_eq!(desk.asks(3300), "send b");
}

#[test]
fn what_the_outbox_does_not_give_out_yet_is_asked_for_when_it_does_and_costs_no_patience() {
    let mut desk = Desk::new();
    desk.want(&[(1, "one")]);
    let after = Duration::from_secs(5);
    for begin in [0, 5000, 10_000] {
        assert_eq!(desk.asks(begin), "send one");
        desk.ended(Outcome::NotYet { after }, begin);
        assert_eq!(desk.asks(begin + 4999), format!("wait {}", begin + 5000));
    }
    assert_eq!(desk.asks(15_000), "send one");
}

#[test]
fn limits_that_discord_names_are_kept() {
    let mut desk = Desk::new();
    desk.want(&[(1, "a")]);
    assert_eq!(desk.asks(0), "send a");
    let after = Duration::from_secs(3);
    desk.ended(Outcome::Limited { after, global: false }, 100);
    assert_eq!(desk.asks(100), "wait 3350");
    assert_eq!(desk.asks(3350), "send a");
    let empty = Bucket {
        remaining: 0,
        reset_after: Duration::from_secs(4),
    };
    let request = (&thread(1), desk.number);
    desk.reconciler.ended(request, done(11), Some(empty), at(3400));
    desk.want(&[(1, "a"), (2, "b")]);
    assert_eq!(desk.asks(3400), "wait 7650");
    desk.reconciler.want(&thread(2), vec![message(3, "other")], true);
    assert_eq!(desk.asks(3400), "send other", "other threads have other buckets");
    let after = Duration::from_secs(10);
    desk.reconciler.ended(
        (&thread(2), desk.number),
        Outcome::Limited { after, global: true },
        None,
        at(3500),
    );
    assert_eq!(desk.asks(7650), "wait 13750", "a global limit holds for all");
}

#[test]
fn after_failures_the_pauses_grow_and_the_text_is_kept() {
    let mut desk = Desk::new();
    desk.want(&[(1, "a")]);
    let mut now = 0;
    for pause in [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000] {
        assert_eq!(desk.asks(now), "send a");
        desk.ended(Outcome::Failed, now);
        now += pause;
        assert_eq!(desk.asks(now - 1), format!("wait {now}"));
    }
}

#[test]
fn what_somebody_deleted_stays_deleted_and_what_discord_refuses_is_not_sent_again() {
    let mut desk = Desk::new();
    desk.reconciler.found(&thread(1), key(1), 11, None);
    desk.want(&[(1, "a"), (2, "b")]);
    assert_eq!(desk.asks(0), "send b");
    desk.ended(Outcome::Refused, 100);
    assert_eq!(desk.asks(100), "edit 11 a");
    desk.ended(Outcome::Gone, 200);
    desk.want(&[(1, "ab"), (2, "b")]);
    assert_eq!(desk.asks(9000), "idle");
    desk.want(&[(1, "ab"), (2, "other words")]);
    assert_eq!(desk.asks(9000), "send other words");
}

#[test]
fn what_is_no_longer_wanted_is_deleted() {
    let mut desk = Desk::new();
    desk.want(&[(1, "a"), (2, "b")]);
    assert_eq!(desk.asks(0), "send a");
    desk.ended(done(11), 10);
    assert_eq!(desk.asks(10), "send b");
    desk.ended(done(12), 20);
    desk.reconciler.want(&thread(1), vec![message(1, "a")], false);
    assert_eq!(desk.asks(1500), "idle", "it may only not be written far enough");
    desk.want(&[(1, "a")]);
    assert_eq!(desk.asks(2000), "delete 12");
    desk.ended(done(12), 2100);
    assert_eq!(desk.asks(9000), "idle");
}

#[test]
fn what_was_under_way_when_a_thread_was_forgotten_is_waited_for_and_teaches_nothing() {
    let mut desk = Desk::new();
    desk.want(&[(1, "a"), (2, "b")]);
    assert_eq!(desk.asks(0), "send a");
    desk.ended(done(11), 100);
    assert_eq!(desk.asks(100), "send b");
    let old = desk.number;
    desk.reconciler.forget(&thread(1));
    desk.reconciler.found(&thread(1), key(1), 11, None);
    desk.want(&[(1, "a, changed"), (2, "b")]);
    assert_eq!(
        desk.asks(5000),
        "idle",
        "an older text must not come after a newer one"
    );
    assert!(!desk.reconciler.is_done(&thread(1)) && !desk.reconciler.has_said(&thread(1), TurnId(1)));
    let request = (&thread(1), old);
    assert!(!desk.reconciler.ended(request, done(12), None, at(5100)));
    assert_eq!(desk.asks(5100), "send b", "the outbox knows that it is there");
    assert!(
        !desk.reconciler.ended(request, done(11), None, at(5200)),
        "an end is told once"
    );
    desk.ended(done(12), 5200);
    assert_eq!(desk.asks(5200), "edit 11 a, changed");
    desk.reconciler.forget(&thread(1));
    desk.ended(done(11), 5300);
    assert!(desk.reconciler.lanes.is_empty(), "nothing is left of a thread");
}

#[test]
fn what_something_in_between_stops_again_and_again_is_as_good_as_refused() {
    let mut desk = Desk::new();
    for (item, remote) in [(1, 11), (2, 12)] {
        desk.reconciler
            .found(&thread(1), key(item), remote, Some(face("begun")));
    }
    desk.want(&[(1, "ended"), (2, "begun")]);
    let (mut now, mut tries) = (0, 0);
    while !desk.reconciler.is_done(&thread(1)) {
        let asked = desk.asks(now);
        if let Some(until) = asked.strip_prefix("wait ") {
            now = until.parse().unwrap();
            continue;
        }
        assert_eq!(asked, "edit 11 ended");
        desk.ended(Outcome::Barred, now);
        tries += 1;
        assert!(tries < 20, "it is tried for ever");
    }
    assert!(tries >= 10, "it may end by itself: {tries}");
    assert_eq!(desk.reconciler.stale(&thread(1)), Some(ItemId(1)), "and is told");
    // An outage is something else: it ends.
    desk.want(&[(1, "ended otherwise"), (2, "begun")]);
    for _ in 0..100 {
        while let Some(until) = desk.asks(now).strip_prefix("wait ") {
            now = until.parse().unwrap();
        }
        desk.ended(Outcome::Failed, now);
    }
    assert!(!desk.reconciler.is_done(&thread(1)));
}

#[test]
fn what_should_go_and_may_not_is_known_and_goes_when_it_may() {
    let mut desk = Desk::new();
    desk.reconciler.found(&thread(1), key(1), 11, Some(face("a")));
    desk.reconciler.found(&thread(1), key(2), 12, Some(face("b")));
    desk.want(&[(1, "a")]);
    let mut now = 0;
    for _ in 0..3 {
        while let Some(until) = desk.asks(now).strip_prefix("wait ") {
            now = until.parse().unwrap();
        }
        desk.ended(Outcome::Refused, now);
    }
    assert_eq!(desk.asks(now + 90_000), "idle");
    assert_eq!(desk.reconciler.stale(&thread(1)), Some(ItemId(2)), "it is told");
    desk.reconciler.forget(&thread(1));
    desk.reconciler.found(&thread(1), key(2), 12, Some(face("b")));
    desk.want(&[]);
    assert_eq!(desk.asks(now + 90_000), "delete 12");
    desk.ended(Outcome::Gone, now + 90_000);
    assert_eq!(desk.reconciler.stale(&thread(1)), None);
}

#[test]
fn a_card_that_was_deleted_is_not_touched_and_what_is_left_of_it_goes_while_the_turn_goes_on() {
    let mut desk = Desk::new();
    let want = |desk: &mut Desk, posting: u16, parts: &[u16]| {
        let part = |part: &u16| DesiredMessage {
            key: Key {
                part: *part,
                ..key(1)
            }
            .posted(posting),
            ..message(1, &format!("{posting}.{part}"))
        };
        let messages = parts.iter().map(part).collect();
        desk.reconciler.want(&thread(1), messages, false);
    };
    want(&mut desk, 0, &[0, 1]);
    for (asked, remote) in [("send 0.0", 10), ("send 0.1", 11)] {
        assert_eq!(desk.asks(0), asked);
        desk.ended(done(remote), 0);
    }
    desk.reconciler.deleted(&thread(1), &[11]);
    want(&mut desk, 1, &[0, 1]);
    for (asked, remote) in [("send 1.0", 20), ("send 1.1", 21)] {
        assert_eq!(desk.asks(2000), asked);
        desk.ended(done(remote), 2000);
    }
    assert_eq!(desk.asks(4000), "delete 10", "and 11 is gone already");
    desk.ended(done(10), 4000);
    assert_eq!(desk.asks(9000), "idle");
}

#[test]
fn what_lets_something_be_done_waits_until_all_of_it_can_be_read() {
    let part = |part: u16, content: &str| DesiredMessage {
        key: Key { part, ..key(1) },
        ..message(1, content)
    };
    let allow = Button {
        label: "Allow once".to_owned(),
        press: Press::Action(Action::Allow {
            request: "r".to_owned(),
            option: 0,
        }),
        style: Style::Success,
    };
    let card = || DesiredMessage {
        buttons: vec![allow.clone()],
        ..part(2, "card")
    };
    let mut desk = Desk::new();
    let want = |desk: &mut Desk, card: DesiredMessage| {
        let messages = vec![part(0, "a"), part(1, "b"), card, message(2, "behind it")];
        desk.reconciler.want(&thread(1), messages, true);
    };
    want(&mut desk, card());
    assert_eq!(desk.asks(0), "send a");
    desk.ended(Outcome::Refused, 0);
    assert_eq!(desk.asks(0), "send b");
    desk.ended(done(12), 0);
    assert_eq!(
        desk.asks(1000),
        "idle",
        "not before the card says so, nor what is behind it"
    );
    assert_eq!(desk.reconciler.unsaid(&thread(1)), [ItemId(1)].into());
    want(&mut desk, part(2, "it can't be allowed"));
    assert_eq!(desk.asks(1000), "send it can't be allowed");
    desk.ended(done(13), 1000);
    assert_eq!(desk.asks(1000), "send behind it");
    desk.ended(done(14), 1000);

    // The next voice does not know what was refused, and asks for it first.
    desk.reconciler.forget(&thread(1));
    for (part, remote) in [(1, 12), (2, 13)] {
        let key = Key { part, ..key(1) };
        desk.reconciler.found(&thread(1), key, remote, Some(face("b")));
    }
    want(&mut desk, card());
    assert_eq!(desk.asks(2000), "send a");
    desk.ended(Outcome::NotYet { after: at(60_000) }, 2000);
    assert_eq!(desk.asks(9000), "wait 62000", "no buttons meanwhile");
    assert_eq!(desk.asks(62_000), "send a");
    desk.ended(done(11), 62_000);
    assert_eq!(desk.asks(62_000), "edit 13 card", "all of it is there");
    desk.ended(done(13), 62_000);
    assert_eq!(desk.asks(62_000), "send behind it");
}

#[test]
fn a_message_that_can_not_be_sent_yet_holds_up_no_change() {
    let mut desk = Desk::new();
    desk.want(&[(1, "a"), (2, "b")]);
    assert_eq!(desk.asks(0), "send a");
    desk.ended(done(11), 0);
    assert_eq!(desk.asks(0), "send b");
    desk.ended(Outcome::NotYet { after: at(300_000) }, 0);
    desk.want(&[(1, "ab"), (2, "b")]);
    assert_eq!(desk.asks(1000), "edit 11 ab");
    desk.ended(Outcome::NotYet { after: at(200) }, 1000);
    assert_eq!(
        desk.asks(1000),
        "wait 2000",
        "what is not changed yet is tried soon"
    );
    assert_eq!(desk.asks(2000), "edit 11 ab");
    desk.ended(done(11), 2000);
    assert_eq!(desk.asks(3000), "wait 300000");
    assert_eq!(desk.asks(300_000), "send b");
}
