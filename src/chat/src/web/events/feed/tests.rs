//! What a page is sent, and when.

use conversation::{Body, Dispatch, NoteKind, ThreadId, TurnId};
use credentials::{Timestamp, UserId};

use super::*;
use crate::web::testing::{item, thread};

struct Desk {
    feed: Feed,
    revision: u64,
    now: Instant,
}

fn snapshot(items: Vec<Item>, running: Option<i64>) -> Snapshot {
    let owner = UserId::parse("web:a").unwrap();
    Snapshot {
        thread: thread("web:t", &owner),
        items,
        from: None,
        queued: vec![],
        phase: ThreadPhase::Working,
        doing: running.map(doing),
        revision: 7,
    }
}

fn doing(turn: i64) -> Doing {
    Doing {
        turn: TurnId(turn),
        what: "writing".into(),
        since: Timestamp::from_seconds(1),
        dispatch: Dispatch::Queue,
    }
}

fn answer(id: i64, text: &str) -> Item {
    item(id, 1, Body::Answer { text: text.into() })
}

fn note(id: i64, text: &str) -> Item {
    item(
        id,
        1,
        Body::Note {
            kind: NoteKind::Info,
            text: text.into(),
            retry: None,
        },
    )
}

impl Desk {
    fn new(items: Vec<Item>) -> Self {
        let viewer = Viewer {
            user: UserId::parse("web:a").unwrap(),
            owner: true,
            now: Timestamp::from_seconds(1),
        };
        Self {
            feed: Feed::new(viewer, &snapshot(items, Some(1))),
            revision: 7,
            now: Instant::now(),
        }
    }

    fn take(&mut self, change: Change) -> Taken {
        self.revision += 1;
        let thread = ThreadId::parse("web:t").unwrap();
        self.feed.take(Update {
            thread,
            revision: self.revision,
            change,
        })
    }

    fn fine(&mut self, change: Change) {
        assert_eq!(self.take(change), Taken::Fine);
    }

    fn append(&mut self, id: i64, at: usize, text: &str) -> Taken {
        self.take(Change::Append {
            item: ItemId(id),
            at,
            text: text.into(),
        })
    }

    fn flush(&mut self) -> Vec<Sent> {
        self.feed.flush(self.now)
    }

    fn later(&mut self, millis: u64) {
        self.now += Duration::from_millis(millis);
    }
}

fn ids(sent: &[Sent]) -> Vec<(char, i64)> {
    sent.iter()
        .map(|sent| match sent {
            Sent::Item(item) => ('i', item.id),
            Sent::Patch(patch) => ('p', patch.id),
            Sent::Queue(_) => ('q', 0),
            Sent::Phase(_) => ('f', 0),
            Sent::Thread(_) => ('t', 0),
        })
        .collect()
}

#[tokio::test]
async fn many_changes_become_one_look_at_the_newest_state() {
    let mut desk = Desk::new(vec![answer(1, "a")]);
    for at in 1..200 {
        assert_eq!(desk.append(1, at, "b"), Taken::Fine);
    }
    desk.fine(Change::Item(note(2, "The first.")));
    desk.fine(Change::Item(note(2, "The second.")));
    desk.fine(Change::Phase {
        phase: ThreadPhase::Working,
        doing: Some(doing(1)),
    });
    let sent = desk.flush();
    assert_eq!(ids(&sent), [('p', 1), ('i', 2), ('f', 0)]);
    let Sent::Patch(patch) = &sent[0] else { panic!() };
    assert!(
        patch.patch.tail.contains(&format!("a{}", "b".repeat(199))),
        "{patch:?}"
    );
    let Sent::Item(item) = &sent[1] else { panic!() };
    assert!(item.html.contains("The second.") && !item.html.contains("first"));
    assert_eq!(desk.feed.proven(), Some(desk.revision));
    assert!(desk.flush().is_empty());
}

#[tokio::test]
async fn a_page_is_brought_up_to_date_at_most_a_dozen_times_a_second() {
    let mut desk = Desk::new(vec![answer(1, "")]);
    let (mut sent, began) = (0, desk.now);
    for at in 0..1000 {
        assert_eq!(desk.append(1, at, "x"), Taken::Fine);
        if desk.feed.due().is_some_and(|due| due <= desk.now) {
            sent += desk.flush().len();
        }
        desk.later(1);
    }
    assert_eq!(desk.now - began, Duration::from_secs(1));
    assert!((5..=13).contains(&sent), "{sent}");
    // And the last word is not forgotten.
    let due = desk.feed.due().unwrap();
    desk.now = due;
    assert_eq!(desk.flush().len(), 1);
    assert!(desk.feed.due().is_none());
}

#[tokio::test]
async fn what_rests_keeps_the_page_from_claiming_to_have_it() {
    let mut desk = Desk::new(vec![]);
    desk.fine(Change::Item(note(1, &"long ".repeat(20_000))));
    assert_eq!(desk.flush().len(), 1);
    desk.later(100);
    desk.fine(Change::Item(note(1, "short")));
    desk.fine(Change::Item(note(2, "other")));
    assert_eq!(ids(&desk.flush()), [('i', 2)], "the long one rests");
    assert_eq!(desk.feed.proven(), None);
    desk.later(2000);
    assert_eq!(ids(&desk.flush()), [('i', 1)]);
    assert_eq!(desk.feed.proven(), Some(desk.revision));
}

#[tokio::test]
async fn words_that_came_twice_count_once_and_missing_ones_are_noticed() {
    let mut desk = Desk::new(vec![answer(1, "äb")]);
    assert_eq!(desk.append(1, 3, "cd"), Taken::Fine);
    assert_eq!(desk.append(1, 3, "cde"), Taken::Fine);
    let sent = desk.flush();
    let Sent::Patch(patch) = &sent[0] else { panic!() };
    assert!(patch.patch.tail.contains("äbcde"), "{patch:?}");
    assert_eq!(desk.append(1, 99, "x"), Taken::Resync, "a gap");
    assert_eq!(desk.append(1, 1, "x"), Taken::Resync, "in the middle of a letter");
    assert_eq!(
        desk.append(5, 0, "x"),
        Taken::Resync,
        "of an entry that is not known"
    );
    assert_eq!(desk.take(Change::Resync), Taken::Resync);
}

#[tokio::test]
async fn what_the_snapshot_had_is_not_sent_again() {
    let mut desk = Desk::new(vec![answer(1, "abc")]);
    desk.revision = 5;
    assert_eq!(desk.append(1, 2, "c"), Taken::Fine);
    desk.fine(Change::Queue(vec![]));
    assert!(desk.feed.is_clean() && desk.feed.due().is_none());
}

#[tokio::test]
async fn an_answer_that_is_drawn_whole_grows_on_from_there() {
    let mut desk = Desk::new(vec![]);
    desk.fine(Change::Item(answer(1, "one ")));
    assert_eq!(desk.append(1, 4, "two "), Taken::Fine);
    let sent = desk.flush();
    let Sent::Item(item) = &sent[0] else { panic!() };
    assert!(item.html.contains("one two"), "{}", item.html);
    desk.later(1000);
    assert_eq!(desk.append(1, 8, "three"), Taken::Fine);
    let sent = desk.flush();
    let Sent::Patch(patch) = &sent[0] else { panic!() };
    assert!(patch.patch.tail.contains("one two three"));
}

#[tokio::test]
async fn what_the_page_has_of_a_long_answer_is_not_sent_again() {
    let long = "A paragraph.\n\n".repeat(500);
    let mut desk = Desk::new(vec![answer(1, &long)]);
    assert_eq!(desk.append(1, long.len(), "The end."), Taken::Fine);
    let sent = desk.flush();
    let Sent::Patch(patch) = &sent[0] else { panic!() };
    assert!(
        patch.patch.from > 0 && patch.patch.append.len() + patch.patch.tail.len() < 200,
        "{patch:?}"
    );
}

#[tokio::test]
async fn a_page_that_was_quiet_is_brought_up_to_date_at_once() {
    let mut desk = Desk::new(vec![answer(1, "")]);
    assert_eq!(desk.append(1, 0, "x"), Taken::Fine);
    assert!(desk.feed.due().unwrap() <= Instant::now());
}

#[tokio::test]
async fn the_last_words_come_before_the_news_that_it_is_over() {
    let mut desk = Desk::new(vec![answer(1, "")]);
    assert_eq!(desk.append(1, 0, "first"), Taken::Fine);
    desk.flush();
    desk.later(1);
    assert_eq!(desk.append(1, 5, " last"), Taken::Fine);
    assert!(desk.flush().is_empty(), "it rests");
    desk.fine(Change::Phase {
        phase: ThreadPhase::Idle,
        doing: None,
    });
    assert_eq!(ids(&desk.flush()), [('p', 1), ('f', 0)]);
    assert!(desk.feed.is_clean());
}

#[tokio::test]
async fn between_turns_nothing_is_kept() {
    let mut desk = Desk::new(vec![answer(1, "abc")]);
    assert_eq!(desk.append(1, 3, "d"), Taken::Fine);
    desk.fine(Change::Phase {
        phase: ThreadPhase::Idle,
        doing: None,
    });
    assert_eq!(ids(&desk.flush()), [('p', 1), ('f', 0)]);
    assert!(desk.feed.texts.is_empty() && desk.feed.rests.is_empty());
}

#[tokio::test]
async fn a_long_answer_that_a_page_has_by_its_head_grows_on_from_there() {
    let long = "A paragraph.\n\n".repeat(8_000);
    let mut desk = Desk::new(vec![answer(1, &long)]);
    let (drawn, _) = view::item_events(&[answer(1, &long)], None, &desk.feed.viewer, 7);
    let stable = drawn[0].html.split("data-stable=\"").nth(1).unwrap();
    let stable: u64 = stable.split('"').next().unwrap().parse().unwrap();
    assert_eq!(desk.append(1, long.len(), "The end."), Taken::Fine);
    let sent = desk.flush();
    let Sent::Patch(patch) = &sent[0] else { panic!() };
    assert_eq!(patch.patch.from, stable, "it fits to what the page has");
    let rest = format!("{}{}", patch.patch.append, patch.patch.tail);
    assert!(rest.contains("The end.") && rest.len() > 40_000, "{}", rest.len());
}

#[tokio::test]
async fn more_than_a_snapshot_has_room_for_is_had_with_a_snapshot() {
    let mut desk = Desk::new(vec![]);
    let text = "x".repeat(500_000);
    let taken: Vec<_> = (1..20)
        .map(|id| desk.take(Change::Item(note(id, &text))))
        .collect();
    assert!(taken.contains(&Taken::Resync) && taken[0] == Taken::Fine);
    let mut desk = Desk::new(vec![]);
    for id in 1..20 {
        desk.fine(Change::Item(note(id, &text)));
        desk.flush();
        desk.later(5000);
    }
}

#[tokio::test]
async fn of_a_turn_with_many_words_few_are_remembered() {
    let mut desk = Desk::new(vec![]);
    for id in 1..100 {
        desk.fine(Change::Item(answer(id, "words")));
        assert_eq!(desk.append(id, 5, " and more"), Taken::Fine);
        desk.flush();
        desk.later(5000);
    }
    assert!(desk.feed.texts.len() <= MOST_TEXTS, "{}", desk.feed.texts.len());
}
