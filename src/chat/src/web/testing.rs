//! Small values that several tests want.

use conversation::{Body, Dispatch, Item, ItemId, Thread, ThreadId, TurnId};
use credentials::{Timestamp, UserId};

pub(crate) fn thread(id: &str, owner: &UserId) -> Thread {
    Thread {
        id: ThreadId::parse(id).unwrap(),
        owner: owner.clone(),
        title: "a title".into(),
        agent: "native".into(),
        model: None,
        dispatch: Dispatch::Queue,
        workspaces: None,
        permissions: None,
        session: None,
        created: Timestamp::from_seconds(1),
        active: Timestamp::from_seconds(2),
    }
}

pub(crate) fn item(id: i64, turn: i64, body: Body) -> Item {
    Item {
        id: ItemId(id),
        thread: ThreadId::parse("web:t").unwrap(),
        turn: Some(TurnId(turn)),
        at: Timestamp::from_seconds(3),
        body,
    }
}
