//! Statements on items: the timeline.

use credentials::Timestamp;
use rusqlite::{Connection, Row, named_params};

use super::{Work, rows, threads, turns};
use crate::columns::{json, moment, to_json};
use crate::error::{ConversationError, Trouble};
use crate::id::{ItemId, ThreadId, TurnId};
use crate::item::{Body, Item, NoteKind, Window};

pub(crate) const NEWEST: &str = "SELECT * FROM items WHERE thread = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
pub(crate) const OF_TURN: &str = "SELECT * FROM items WHERE thread = ?1 AND turn = ?2 ORDER BY id";

/// Of the turn that began last before another: those that waited in between and never ran do not count.
pub(crate) const REQUESTS_BEFORE: &str = "
    SELECT * FROM items WHERE thread = ?1 AND body LIKE '{\"item\":\"permission\",%'
        AND turn = (SELECT max(id) FROM turns WHERE thread = ?1 AND id < ?2 AND started IS NOT NULL)
    ORDER BY id";

/// Writes an entry, or what has become of it. An id never moves to another thread.
pub(crate) fn put(database: &Connection, item: &Item) -> Work<()> {
    let changed = database
        .prepare_cached(
            "INSERT INTO items (id, thread, turn, at, unfinished, body)
             VALUES (:id, :thread, :turn, :at, :unfinished, :body)
             ON CONFLICT (id) DO UPDATE SET
                turn = excluded.turn, at = excluded.at, unfinished = excluded.unfinished, body = excluded.body
             WHERE thread = excluded.thread",
        )?
        .execute(named_params! {
            ":id": item.id, ":thread": item.thread, ":turn": item.turn, ":at": item.at.millis(),
            ":unfinished": item.body.is_unfinished(), ":body": to_json(&item.body)?,
        });
    match changed {
        Ok(0) => Err(mistake(format!("item {} belongs to another thread", item.id))),
        Ok(_) => Ok(()),
        Err(error) => Err(unknown_owner(database, item, error)),
    }
}

/// A broken reference as the error that names what is not there.
fn unknown_owner(database: &Connection, item: &Item, error: rusqlite::Error) -> Trouble {
    if error.sqlite_error().map(|error| error.extended_code)
        != Some(rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY)
    {
        return error.into();
    }
    match (threads::expect(database, &item.thread), item.turn) {
        (Err(trouble), _) => trouble,
        (Ok(()), Some(turn)) => ConversationError::NoTurn(turn).into(),
        (Ok(()), None) => error.into(),
    }
}

fn mistake(words: String) -> Trouble {
    rusqlite::Error::ToSqlConversionFailure(words.into()).into()
}

/// Writes entries, new ones and changed ones. News moves their threads up in lists; an answer that grows is none, or a list
/// would never stand still.
pub(crate) fn write(database: &Connection, items: &[Item]) -> Work<()> {
    for item in items {
        put(database, item)?;
        note_told(database, item)?;
    }
    items
        .iter()
        .filter(|item| item.body.is_news())
        .try_for_each(|item| threads::touch(database, &item.thread, item.at))
}

/// If this entry tells a thread that a turn was cut, the thread has been told.
fn note_told(database: &Connection, item: &Item) -> Work<()> {
    let Body::Note { retry, .. } = &item.body else {
        return Ok(());
    };
    [*retry, item.turn]
        .into_iter()
        .flatten()
        .try_for_each(|turn| turns::told(database, turn))
}

/// The newest entries before `before`, oldest first.
pub(crate) fn newest(
    database: &Connection,
    thread: &ThreadId,
    before: Option<ItemId>,
    limit: usize,
) -> Work<Vec<Item>> {
    let before = before.unwrap_or(ItemId(i64::MAX));
    let mut statement = database.prepare_cached(NEWEST)?;
    let found = statement.query_map((thread, before, rows(limit)), item)?;
    let mut found = found.collect::<rusqlite::Result<Vec<_>>>()?;
    found.reverse();
    Ok(found)
}

/// The newest entries before `before` that there is room for, oldest first; and whether there are older ones.
pub(crate) fn window(
    database: &Connection,
    thread: &ThreadId,
    before: Option<ItemId>,
    window: &Window,
) -> Work<(Vec<Item>, bool)> {
    let before = before.unwrap_or(ItemId(i64::MAX));
    let mut statement = database.prepare_cached(NEWEST)?;
    let mut newest = statement.query((thread, before, rows(window.entries.saturating_add(1))))?;
    let (mut found, mut bytes, mut more) = (Vec::new(), 0, false);
    while let Some(row) = newest.next()? {
        if !window.free.contains(&row.get("id")?) {
            bytes += row.get_ref("body")?.as_bytes().map_or(0, <[u8]>::len);
        }
        more = found.len() >= window.entries || (bytes > window.bytes && !found.is_empty());
        if more {
            break;
        }
        found.push(item(row)?);
    }
    found.reverse();
    Ok((found, more))
}

/// The entries of one turn, oldest first.
pub(crate) fn of_turn(database: &Connection, thread: &ThreadId, turn: TurnId) -> Work<Vec<Item>> {
    let mut statement = database.prepare_cached(OF_TURN)?;
    let found = statement.query_map((thread, turn), item)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// What was asked for in the turn that began last before this one, oldest first.
pub(crate) fn requests_before(database: &Connection, thread: &ThreadId, turn: TurnId) -> Work<Vec<Item>> {
    let mut statement = database.prepare_cached(REQUESTS_BEFORE)?;
    let found = statement.query_map((thread, turn), item)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// Ends entries that wait for something that is gone, of one thread or of all.
pub(crate) fn cut_unfinished(database: &Connection, thread: Option<&ThreadId>, now: Timestamp) -> Work<()> {
    let sql = "SELECT * FROM items WHERE unfinished = 1 AND (?1 IS NULL OR thread = ?1) ORDER BY id";
    let mut statement = database.prepare_cached(sql)?;
    let found = statement.query_map([thread], item)?;
    for mut item in found.collect::<rusqlite::Result<Vec<_>>>()? {
        // One that can't be read looks finished, and is left for somebody who can read it.
        if item.body.is_unfinished() {
            item.body.cut(now);
            put(database, &item)?;
        }
    }
    Ok(())
}

/// Ids that one opening of the file may give out unwritten. More than any will, and yet so few that after thirty million
/// openings an id is still a number that a script can hold.
const BLOCK: i64 = 1 << 28;

/// Above which ids nobody has seen any, written or only shown; those of a block from there on are the caller's.
pub(crate) fn take_block(database: &Connection) -> Work<i64> {
    let sql = "UPDATE item_ids SET used = max(used, (SELECT coalesce(max(id), 0) FROM items)) + ?1
               RETURNING used - ?1";
    Ok(database.query_row(sql, [BLOCK], |row| row.get(0))?)
}

fn item(row: &Row<'_>) -> rusqlite::Result<Item> {
    let id: ItemId = row.get("id")?;
    Ok(Item {
        id,
        thread: row.get("thread")?,
        turn: row.get("turn")?,
        at: moment(row, "at")?,
        body: json(row, "body").unwrap_or_else(|error| unreadable(id, &error)),
    })
}

/// One entry that can't be read must not hide a whole timeline.
fn unreadable(id: ItemId, error: &rusqlite::Error) -> Body {
    tracing::error!(item = id.0, %error, "an entry of a timeline can't be read");
    Body::Note {
        kind: NoteKind::Error,
        text: "This entry can't be read; it may have been written by another version.".to_owned(),
        retry: None,
    }
}
