//! Small values and measures that several tests want.

use std::time::Duration;

use conversation::{Body, Dispatch, Item, ItemId, Thread, ThreadId, TurnId};
use credentials::{Timestamp, UserId};
use nix::sys::resource::{UsageWho, getrusage};

pub(crate) fn thread(id: &str, owner: &UserId) -> Thread {
    Thread {
        id: ThreadId::parse(id).unwrap(),
        owner: owner.clone(),
        title: "a title".into(),
        agent: "native".into(),
        model: None,
        mode: None,
        own_model: None,
        own_mode: None,
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

/// Does it on this thread, and gives the time that a processor worked for it: what others do meanwhile does not count.
pub(crate) fn effort<T>(act: impl FnOnce() -> T) -> (T, Duration) {
    let now = || {
        let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
        let [user, system] = [usage.user_time(), usage.system_time()];
        let seconds = u64::try_from(user.tv_sec() + system.tv_sec()).unwrap();
        let rest = u64::try_from(user.tv_usec() + system.tv_usec()).unwrap();
        Duration::from_secs(seconds) + Duration::from_micros(rest)
    };
    let before = now();
    let done = act();
    (done, now().saturating_sub(before))
}
