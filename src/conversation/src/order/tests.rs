//! Waiting, merged, interrupted and dropped messages, and what belongs to no turn.

use credentials::{Timestamp, UserId};

use super::*;
use crate::id::{ItemId, ThreadId};
use crate::item::NoteKind;

fn entry(body: Body) -> Item {
    Item {
        id: ItemId(0),
        thread: ThreadId::parse("web:a").unwrap(),
        turn: None,
        at: Timestamp::ANCIENT,
        body,
    }
}

#[test]
fn a_message_that_waited_is_read_above_its_reply() {
    let said = |id, turn| Item {
        id: ItemId(id),
        turn: Some(TurnId(turn)),
        ..entry(Body::Said {
            by: UserId::parse("web:alice").unwrap(),
            name: String::new(),
            text: String::new(),
            files: vec![],
        })
    };
    let answer = |id, turn| Item {
        id: ItemId(id),
        turn: Some(TurnId(turn)),
        ..entry(Body::Answer { text: String::new() })
    };
    let order = |items: &[Item]| in_order(items).iter().map(|item| item.id.0).collect::<Vec<_>>();
    let note = |id, turn: Option<i64>, retry: Option<i64>| Item {
        id: ItemId(id),
        turn: turn.map(TurnId),
        ..entry(Body::Note {
            kind: NoteKind::Info,
            text: String::new(),
            retry: retry.map(TurnId),
        })
    };
    // Turn 2 was asked while turn 1 ran, and a message was merged into it while it ran itself.
    let queued = [
        said(1, 1),
        answer(2, 1),
        said(3, 2),
        answer(4, 1),
        answer(5, 2),
        said(6, 2),
        answer(7, 2),
    ];
    assert_eq!(order(&queued), [1, 2, 4, 3, 5, 6, 7]);
    // At every moment, and whatever part of it is looked at.
    assert_eq!(order(&queued[..4]), [1, 2, 4, 3]);
    assert_eq!(order(&queued[1..4]), [2, 4, 3]);
    // Turn 3 interrupts turn 1 and pushes turn 2 out; nothing is said yet of turn 3.
    let interrupted = [
        said(1, 1),
        answer(2, 1),
        said(3, 2),
        said(4, 3),
        note(5, Some(2), Some(2)),
        answer(6, 1),
        note(7, Some(1), Some(1)),
    ];
    assert_eq!(order(&interrupted), [1, 2, 6, 7, 3, 5, 4]);
    // What belongs to no turn: between turns, or about one.
    let between = [
        note(1, None, None),
        said(2, 1),
        note(3, None, Some(1)),
        said(4, 2),
        answer(5, 1),
        note(6, None, None),
        answer(7, 2),
    ];
    assert_eq!(order(&between), [1, 2, 3, 5, 6, 4, 7]);
}
