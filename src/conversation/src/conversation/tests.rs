//! What the handle promises, each test on a database of its own in a temporary folder.

use std::path::Path;

use credentials::{Timestamp, UserId};
use rusqlite::Connection;
use tempfile::TempDir;

use super::Conversation;
use crate::backlog::{BacklogFilter, Waiting};
use crate::error::ConversationError;
use crate::id::{SourceId, ThreadId, TurnId};
use crate::item::{Body, Item, NoteKind};
use crate::recovery::Found;
use crate::thread::{Dispatch, NewThread};
use crate::turn::{Enqueued, NewTurn, Turn};

mod grants;
mod kills;
mod legal;
mod opening;
mod outbox;
mod plans;
mod room;
mod starts;
mod threads;
mod timeline;
mod turns;

/// A new conversation with nothing in it.
fn fresh() -> (TempDir, Conversation) {
    let folder = tempfile::tempdir().unwrap();
    let (conversation, found) = Conversation::open(folder.path()).unwrap();
    assert!(found.cut.is_empty() && found.waiting.is_empty());
    (folder, conversation)
}

/// A new conversation with the thread `web:a`.
async fn with_thread() -> (TempDir, Conversation, ThreadId) {
    let (folder, conversation) = fresh();
    let thread = open(&conversation, "web:a").await;
    (folder, conversation, thread)
}

/// Ends the host properly and starts the next.
async fn reopened(folder: &Path, conversation: Conversation) -> (Conversation, Found) {
    conversation.close().await.unwrap();
    Conversation::open(folder).unwrap()
}

async fn open(conversation: &Conversation, id: &str) -> ThreadId {
    let new = new_thread(id, "local:alice");
    conversation.open_thread(new).await.unwrap().id
}

fn new_thread(id: &str, owner: &str) -> NewThread {
    NewThread {
        id: ThreadId::parse(id).unwrap(),
        owner: UserId::parse(owner).unwrap(),
        title: String::new(),
        agent: "native".to_owned(),
        model: None,
        dispatch: Dispatch::Queue,
        workspaces: None,
        permissions: None,
    }
}

/// What waits, of one thread or of all.
fn waiting(thread: Option<&ThreadId>, max: usize) -> BacklogFilter {
    BacklogFilter {
        thread: thread.cloned(),
        only: None,
        max,
    }
}

fn message(thread: &ThreadId, source: &str, text: &str) -> NewTurn {
    NewTurn {
        thread: thread.clone(),
        source: SourceId(source.to_owned()),
        by: UserId::parse("local:alice").unwrap(),
        name: "Alice".to_owned(),
        text: text.to_owned(),
        files: Vec::new(),
    }
}

/// Accepts a message that was not there before.
async fn say(conversation: &Conversation, thread: &ThreadId, source: &str, text: &str) -> Turn {
    match conversation.enqueue(message(thread, source, text)).await.unwrap() {
        Enqueued::New(turn, _) => turn,
        Enqueued::Known(turn) => panic!("known already: {turn:?}"),
    }
}

async fn start(conversation: &Conversation, thread: &ThreadId) -> Turn {
    conversation.start_next(thread).await.unwrap().expect("one waits")
}

fn item(conversation: &Conversation, thread: &ThreadId, turn: Option<TurnId>, body: Body) -> Item {
    Item {
        id: conversation.new_item_id(),
        thread: thread.clone(),
        turn,
        at: Timestamp::now(),
        body,
    }
}

fn answer(text: &str) -> Body {
    Body::Answer {
        text: text.to_owned(),
    }
}

fn note(text: &str, retry: Option<TurnId>) -> Body {
    Body::Note {
        kind: NoteKind::Warning,
        text: text.to_owned(),
        retry,
    }
}

fn is_no_turn<T: std::fmt::Debug>(result: Result<T, ConversationError>, turn: TurnId) {
    match result {
        Err(ConversationError::NoTurn(named)) => assert_eq!(named, turn),
        other => panic!("{other:?}"),
    }
}

/// The database as another program sees it.
fn raw(folder: &Path) -> Connection {
    Connection::open(folder.join("conversation.db")).unwrap()
}
