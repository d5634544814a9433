//! What the page shows: HTML from timelines, and the shapes that its script is sent.
//!
//! Everything that people, models and tools wrote goes through here before it reaches a browser. The rules: no raw HTML,
//! no style, no script, no handler; links to the web open outside; control and bidi characters can't hide or reorder
//! anything; whatever comes in, the time it takes is linear in its size.

use conversation::{Item, ItemId, ThreadId};
use credentials::{Timestamp, UserId};
use supervisor::{Snapshot, ThreadStatus};

use crate::harmless;
use crate::origins::Origin;

mod always;
mod ansi;
mod assets;
mod composer;
mod credentials_page;
mod diff;
mod html;
mod icon;
mod item;
mod list;
mod markdown;
mod pages;
mod phase;
mod shell;
mod sign_in;
mod stream;
mod wire;
mod words;
mod workers_page;

#[cfg(test)]
mod gallery;

pub(crate) use always::always;
#[cfg(test)]
use assets::ASSETS;
pub(crate) use assets::{asset, forget, version};
pub(crate) use composer::{COMMANDS, queue};
pub(crate) use credentials_page::{Login, LoginState, Pays, Purse, Whose, credentials};
pub(crate) use html::escape;
pub(crate) use item::{head, item, whole};
pub(crate) use list::thread_line;
pub(crate) use pages::{message_page, problem_page};
pub(crate) use phase::{PhaseView, phase};
pub(crate) use shell::{browser_of, shell};
pub(crate) use sign_in::{sign_in_before, sign_in_done, sign_in_step};
pub(crate) use stream::{Patch, TextStream};
pub(crate) use wire::{
    CommandAnswer, ItemEvent, LineEvent, PatchEvent, QueueEvent, Refusal, SnapshotEvent, ThreadView, Uploaded,
};
pub(crate) use workers_page::{Worker, workers};

/// Who looks.
#[derive(Debug, Clone)]
pub(crate) struct Viewer {
    /// Their id; what decides.
    pub(crate) user: UserId,
    /// Whether they own the thread: only then buttons that decide, retry or sign in are drawn.
    pub(crate) owner: bool,
    /// When the page is drawn.
    pub(crate) now: Timestamp,
}

/// A page as a whole.
#[derive(Debug, Clone)]
pub(crate) struct Shell<'a> {
    /// What it is about.
    pub(crate) content: Content<'a>,
    /// Who looks.
    pub(crate) viewer: &'a Viewer,
    /// The name they show; may be empty.
    pub(crate) name: &'a str,
    /// Sent back in the header `x-csrf-token` with every POST.
    pub(crate) csrf: &'a str,
    /// The life of this host; another one makes the script take a new snapshot.
    pub(crate) boot: &'a str,
    /// Whom they may make a link for.
    pub(crate) invites: MayInvite,
    /// Their threads, most recently active first.
    pub(crate) threads: &'a [Line],
    /// Names and titles of the agents.
    pub(crate) agents: &'a [(String, String)],
    /// The agent of new threads, by name.
    pub(crate) default_agent: &'a str,
    /// The largest upload in bytes.
    pub(crate) upload_limit: u64,
    /// What the empty page offers to try, and what each is for.
    pub(crate) trials: &'a [(String, String)],
    /// A line above everything, such as that this is a rehearsal.
    pub(crate) notice: Option<&'a str>,
}

/// Whom somebody may make a link for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MayInvite {
    /// A proxy signs people in: links let nobody in.
    Nobody,
    /// Another browser of their own.
    OwnBrowser,
    /// Somebody else as well.
    Anybody,
}

/// What a page is about.
#[derive(Debug, Clone)]
pub(crate) enum Content<'a> {
    /// No thread yet.
    Home,
    /// A thread.
    Thread(&'a Snapshot),
    /// A thread that is somewhere else, and can only be watched here.
    Elsewhere(&'a Snapshot, &'a Origin),
    /// A page of its own, from [`credentials()`] or [`workers()`].
    Page {
        /// Its title, in words.
        title: &'a str,
        /// Its body.
        html: &'a str,
    },
}

/// A thread in the list.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// How it stands.
    pub(crate) status: ThreadStatus,
    /// Whether something in it was not seen yet by this reader.
    pub(crate) unread: bool,
    /// Where it is, if it is not here.
    pub(crate) origin: Option<Origin>,
}

/// How pages name a thread: by the part of its id after the colon; one of another front-end by `discord.123`.
pub(crate) fn thread_name(thread: &ThreadId) -> String {
    match thread.front_end() {
        "web" => thread.local().to_owned(),
        front_end => format!("{front_end}.{}", thread.local()),
    }
}

/// Where a thread's page is: `/t/` and its name.
pub(crate) fn thread_path(thread: &ThreadId) -> String {
    format!("/t/{}", html::path(&thread_name(thread)))
}

/// Where a file of a thread's workspace is served: `/t/<id>/files/<path>`, each part percent-encoded.
pub(crate) fn file_path(thread: &ThreadId, path: &str) -> String {
    format!("{}/files/{}", thread_path(thread), html::path(path))
}

/// Bytes of changed files above which entries are drawn beside the tasks that serve people.
const HEAVY: usize = 64 * 1024;

/// Whether drawing these entries takes long.
pub(crate) fn is_heavy(items: &[Item]) -> bool {
    items.iter().map(item::weight).sum::<usize>() > HEAVY
}

/// Draws: what is heavy on a thread where it holds up nobody.
pub(crate) async fn drawing<T: Send + 'static>(heavy: bool, draw: impl FnOnce() -> T + Send + 'static) -> T {
    if !heavy {
        return draw();
    }
    match tokio::task::spawn_blocking(draw).await {
        Ok(drawn) => drawn,
        // It panicked there, so it does here; nothing cancels it.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Bytes of HTML that one look at a timeline has room for, besides what waits for an answer.
const ROOM: usize = 2 * 1024 * 1024;

/// The newest of these entries (in order of ids) that there is room for, drawn; what waits for an answer in any case, and
/// the newest. And the one from which on none is missing, where that is `from` of the entries themselves.
pub(crate) fn fitting<'a>(
    items: &'a [Item],
    from: Option<ItemId>,
    viewer: &Viewer,
) -> (Vec<(&'a Item, String)>, Option<ItemId>) {
    let (mut drawn, mut from) = (Vec::with_capacity(items.len()), from);
    let (mut room, mut is_full) = (ROOM, false);
    for one in items.iter().rev() {
        let waits = one.body.waits();
        if is_full && !waits {
            continue;
        }
        let html = item(one, viewer);
        if !waits {
            is_full = html.len() > room && room < ROOM;
            room = room.saturating_sub(html.len());
            if is_full {
                from = drawn.last().map(|(one, _): &(&Item, String)| one.id);
                continue;
            }
        }
        drawn.push((one, html));
    }
    drawn.reverse();
    (drawn, from)
}

/// The same, for the script: 0 where nothing is missing.
pub(crate) fn item_events(
    items: &[Item],
    from: Option<ItemId>,
    viewer: &Viewer,
    revision: u64,
) -> (Vec<ItemEvent>, i64) {
    let (drawn, from) = fitting(items, from, viewer);
    let events = drawn.into_iter().map(|(one, html)| ItemEvent {
        id: one.id.0,
        turn: one.turn.map(|turn| turn.0),
        html,
        revision,
    });
    (events.collect(), from.map_or(0, |from| from.0))
}

/// A whole thread for the event `snapshot`.
pub(crate) fn snapshot(snapshot: &Snapshot, viewer: &Viewer) -> SnapshotEvent {
    let (items, from) = item_events(&snapshot.items, snapshot.from, viewer, snapshot.revision);
    SnapshotEvent {
        revision: snapshot.revision,
        items,
        from,
        queue: queue(&snapshot.queued, viewer),
        phase: phase(snapshot.phase, snapshot.doing.as_ref()),
        thread: ThreadView::of(&snapshot.thread),
    }
}

/// One entry for the event `item`.
pub(crate) fn item_event(one: &Item, viewer: &Viewer, revision: u64) -> ItemEvent {
    ItemEvent {
        id: one.id.0,
        turn: one.turn.map(|turn| turn.0),
        html: item(one, viewer),
        revision,
    }
}

#[cfg(test)]
mod tests {
    use conversation::{Body, Decision};

    use super::*;
    use crate::web::testing::item;

    fn asks(decision: Option<Decision>) -> Body {
        Body::Permission {
            request: "r".into(),
            call: "c".into(),
            title: "run a command".into(),
            detail: "<&>".repeat(1_000_000),
            diffs: vec![],
            options: vec![],
            until: Timestamp::from_seconds(9),
            decision,
        }
    }

    #[test]
    fn a_look_at_a_timeline_has_room_for_so_much_and_for_every_question() {
        let viewer = Viewer {
            user: UserId::parse("web:a").unwrap(),
            owner: true,
            now: Timestamp::from_seconds(1),
        };
        let by = || Some(Decision::Once { by: "Alice".into() });
        let mut items = vec![item(1, 1, asks(None))];
        items.extend((2..100).map(|id| item(id, 1, asks(by()))));
        let text = "<&> ".repeat(10_000);
        items.extend((100..200).map(|id| item(id, 1, Body::Answer { text: text.clone() })));
        let (drawn, from) = fitting(&items, None, &viewer);
        let ids: Vec<i64> = drawn.iter().map(|(one, _)| one.id.0).collect();
        assert!(ids[0] == 1 && ids[1] > 100, "{ids:?}");
        assert_eq!(from, Some(ItemId(ids[1])), "behind what waits");
        assert!(ids[1..].is_sorted() && ids.last() == Some(&199));
        let bytes = drawn[1..].iter().map(|(_, html)| html.len()).sum::<usize>();
        assert!(bytes <= ROOM && bytes > ROOM / 2, "{bytes}");
        assert!(drawn[0].1.len() > 3_000_000, "the question is whole");
        let few = |from| fitting(&items[..50], from, &viewer).1;
        assert_eq!(few(None), None, "what is decided takes little");
        assert_eq!(few(Some(ItemId(2))), Some(ItemId(2)), "as far as they go");
    }

    /// On one thread, as here, what draws would keep what it waits for from happening.
    #[tokio::test]
    async fn what_is_heavy_is_drawn_while_others_are_served() {
        let (done, others) = std::sync::mpsc::channel();
        let drawn = drawing(true, move || others.recv().expect("somebody else was served"));
        let served = async move { done.send("served").expect("it is waited for") };
        assert_eq!(tokio::join!(drawn, served).0, "served");
    }
}
