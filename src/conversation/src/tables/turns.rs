//! Statements on turns: the inbox.

use credentials::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Params, Row, named_params};

use super::{Work, rows, threads};
use crate::columns::{json, maybe_moment, moment, to_json, user};
use crate::conversation::Spoke;
use crate::error::ConversationError;
use crate::id::{SourceId, ThreadId, TurnId};
use crate::item::Attachment;
use crate::turn::{MERGED, NewTurn, Turn, TurnEnd, TurnEvent, TurnState};

/// The largest text of one turn in bytes.
pub(crate) const MAX_TEXT: usize = 1 << 20;

pub(crate) const QUEUED: &str = "SELECT * FROM turns WHERE thread = ?1 AND state = 'queued' ORDER BY id";
pub(crate) const NEXT: &str = "
    SELECT * FROM turns WHERE thread = ?1 AND state = 'queued'
        AND NOT EXISTS (SELECT 1 FROM turns WHERE thread = ?1 AND state = 'running')
    ORDER BY id LIMIT 1";
/// The message itself before the retries that share its name.
pub(crate) const BY_SOURCE: &str =
    "SELECT * FROM turns WHERE thread = ?1 AND source = ?2 ORDER BY retry_of LIMIT 1";
// Of the few that are queued, whatever the planner thinks of a scan in the order of ids.
pub(crate) const WAITING: &str = "
    SELECT thread FROM turns INDEXED BY turns_queued WHERE state = 'queued' GROUP BY thread ORDER BY min(id)";
pub(crate) const OLDEST: &str = "
    SELECT * FROM turns INDEXED BY turns_queued
    WHERE state = 'queued' AND (?1 IS NULL OR thread = ?1) ORDER BY id LIMIT ?2";
pub(crate) const RUNNING: &str = "SELECT * FROM turns WHERE state = 'running'";

/// Whether a turn repeats another.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Origin {
    Message,
    RetryOf(TurnId),
}

/// A new queued turn. Its key must be free.
pub(crate) fn insert(database: &Connection, new: &NewTurn, origin: Origin, now: Timestamp) -> Work<Turn> {
    let retry_of = match origin {
        Origin::Message => 0,
        Origin::RetryOf(turn) => turn.0,
    };
    let turn = database
        .prepare_cached(
            "INSERT INTO turns (thread, source, retry_of, author, name, text, files, state, created)
             VALUES (:thread, :source, :retry_of, :author, :name, :text, :files, 'queued', :now) RETURNING *",
        )?
        .query_row(
            named_params! {
                ":thread": new.thread, ":source": new.source, ":retry_of": retry_of, ":author": new.by.as_str(),
                ":name": new.name, ":text": new.text, ":files": to_json(&new.files)?, ":now": now.millis(),
            },
            turn,
        )?;
    threads::touch(database, &new.thread, now)?;
    Ok(turn)
}

pub(crate) fn get(database: &Connection, id: TurnId) -> Work<Turn> {
    one(database, "SELECT * FROM turns WHERE id = ?1", [id])?
        .ok_or_else(|| ConversationError::NoTurn(id).into())
}

pub(crate) fn by_source(database: &Connection, thread: &ThreadId, source: &SourceId) -> Work<Option<Turn>> {
    one(database, BY_SOURCE, (thread, source))
}

/// The turn of a message itself, never that of a retry.
pub(crate) fn of_message(database: &Connection, thread: &ThreadId, source: &SourceId) -> Work<Option<Turn>> {
    let sql = "SELECT * FROM turns WHERE thread = ?1 AND source = ?2 AND retry_of = 0";
    one(database, sql, (thread, source))
}

pub(crate) fn retry_of(database: &Connection, id: TurnId) -> Work<Option<Turn>> {
    // The second condition is what lets SQLite use the index.
    one(
        database,
        "SELECT * FROM turns WHERE retry_of = ?1 AND retry_of <> 0",
        [id],
    )
}

/// The turn that this one repeats, if it does.
pub(crate) fn repeated(database: &Connection, id: TurnId) -> Work<Option<Turn>> {
    one(
        database,
        "SELECT * FROM turns WHERE id = (SELECT retry_of FROM turns WHERE id = ?1)",
        [id],
    )
}

/// Who wrote what of a turn, if its messages were looked at again while it waited.
pub(crate) fn spoken(database: &Connection, id: TurnId) -> Work<Option<Vec<Spoke>>> {
    let mut found =
        database.prepare_cached("SELECT spoken FROM turns WHERE id = ?1 AND spoken IS NOT NULL")?;
    let spoken = found.query_row([id], |row| json(row, "spoken"));
    Ok(spoken.optional()?)
}

/// Whether anybody but its owner has ever written into a thread.
pub(crate) fn has_guests(database: &Connection, thread: &ThreadId) -> Work<bool> {
    let mut found = database.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM turns t JOIN threads o ON o.id = t.thread WHERE t.thread = ?1 AND t.author <> o.owner)",
    )?;
    Ok(found.query_row([thread], |row| row.get(0))?)
}

/// Turns that were merged into this one.
pub(crate) fn merged_into(database: &Connection, into: &Turn) -> Work<Vec<Turn>> {
    let sql = "SELECT * FROM turns WHERE thread = ?1 AND ended IS NOT NULL AND reason = ?2 ORDER BY id";
    many(database, sql, (&into.thread, format!("{MERGED}{}", into.id)))
}

/// The oldest queued turn, unless one runs.
pub(crate) fn next(database: &Connection, thread: &ThreadId) -> Work<Option<Turn>> {
    one(database, NEXT, [thread])
}

pub(crate) fn queued(database: &Connection, thread: &ThreadId) -> Work<Vec<Turn>> {
    many(database, QUEUED, [thread])
}

/// Queued turns of one thread or of all, oldest first.
pub(crate) fn oldest(database: &Connection, thread: Option<&ThreadId>, limit: usize) -> Work<Vec<Turn>> {
    many(database, OLDEST, (thread, rows(limit)))
}

pub(crate) fn count_queued(database: &Connection, thread: Option<&ThreadId>) -> Work<usize> {
    let sql = "SELECT count(*) FROM turns WHERE state = 'queued' AND (?1 IS NULL OR thread = ?1)";
    Ok(database
        .prepare_cached(sql)?
        .query_row([thread], |row| row.get::<_, u32>(0))? as usize)
}

pub(crate) fn running(database: &Connection) -> Work<Vec<Turn>> {
    many(database, RUNNING, [])
}

/// Threads with queued turns, the one that waits longest first.
pub(crate) fn waiting(database: &Connection) -> Work<Vec<ThreadId>> {
    let mut statement = database.prepare_cached(WAITING)?;
    let found = statement.query_map([], |row| row.get(0))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// Starts a turn.
pub(crate) fn start(database: &Connection, found: Turn, now: Timestamp) -> Work<Turn> {
    let state = after(&found, TurnEvent::Start)?;
    let changed = Turn {
        state,
        attempts: found.attempts.saturating_add(1),
        started: Some(now),
        ..found
    };
    store(database, changed)
}

/// A turn that waits says something else.
pub(crate) fn reword(
    database: &Connection,
    found: Turn,
    (text, files): (String, Vec<Attachment>),
    spoken: &[Spoke],
) -> Work<Turn> {
    if found.state != TurnState::Queued {
        return Err(ConversationError::NoTurn(found.id).into());
    }
    database
        .prepare_cached("UPDATE turns SET spoken = ?2 WHERE id = ?1")?
        .execute((found.id, to_json(&spoken)?))?;
    store(database, Turn { text, files, ..found })
}

/// Ends a turn.
pub(crate) fn end(
    database: &Connection,
    found: Turn,
    how: TurnEnd,
    reason: Option<&str>,
    now: Timestamp,
) -> Work<Turn> {
    let state = after(&found, TurnEvent::End(how))?;
    // What ended last in a thread is asked for by this time: a clock that was set back changes no order.
    let last: Option<i64> = database
        .prepare_cached("SELECT max(ended) FROM turns WHERE thread = ?1")?
        .query_row([&found.thread], |row| row.get(0))?;
    let last = last.map_or(Timestamp::from_millis(0), |millis| {
        Timestamp::from_millis(millis.saturating_add(1))
    });
    let changed = Turn {
        state,
        reason: reason.map(str::to_owned),
        ended: Some(now.max(last)),
        ..found
    };
    let ended = store(database, changed)?;
    threads::touch(database, &ended.thread, now)?;
    Ok(ended)
}

/// The newest ended turn of a thread is stopped, if it failed or was cut. Whether it was.
pub(crate) fn dismiss(database: &Connection, thread: &ThreadId) -> Work<bool> {
    let dismissed = database
        .prepare_cached(
            "UPDATE turns SET state = 'stopped' WHERE state IN ('failed', 'cut') AND id =
                (SELECT e.id FROM turns e WHERE e.thread = ?1 AND e.ended IS NOT NULL ORDER BY e.ended DESC, e.id DESC LIMIT 1)",
        )?
        .execute([thread])?;
    Ok(dismissed > 0)
}

/// As [`dismiss`], of each thread that does nothing now. Gives those in which there was such a turn.
pub(crate) fn dismiss_all(database: &Connection) -> Work<Vec<ThreadId>> {
    let mut dismissed = Vec::new();
    let mut found = database.prepare_cached(
        "SELECT DISTINCT t.thread FROM turns t WHERE t.state IN ('failed', 'cut') AND NOT EXISTS
            (SELECT 1 FROM turns o WHERE o.thread = t.thread AND o.state IN ('queued', 'running'))",
    )?;
    let threads = found.query_map([], |row| row.get(0))?;
    for thread in threads.collect::<Result<Vec<ThreadId>, _>>()? {
        if dismiss(database, &thread)? {
            dismissed.push(thread);
        }
    }
    Ok(dismissed)
}

/// Merges a queued turn into a running one.
pub(crate) fn merge(database: &Connection, from: Turn, into: Turn, now: Timestamp) -> Work<Turn> {
    if into.state != TurnState::Running {
        return Err(ConversationError::NoTurn(into.id).into());
    }
    if from.state != TurnState::Queued || from.thread != into.thread {
        return Err(ConversationError::NoTurn(from.id).into());
    }
    let bytes = into.text.len() + 2 + from.text.len();
    if bytes > MAX_TEXT {
        return Err(ConversationError::TooLarge {
            what: "merged message",
            bytes,
            limit: MAX_TEXT,
        }
        .into());
    }
    let reason = format!("{MERGED}{}", into.id);
    let changed = Turn {
        text: joined(&into.text, &from.text),
        files: into.files.iter().chain(&from.files).cloned().collect(),
        attempts: into.attempts.saturating_add(1),
        ..into
    };
    end(database, from, TurnEnd::Stopped, Some(&reason), now)?;
    store(database, changed)
}

/// A message may consist of files alone.
fn joined(first: &str, second: &str) -> String {
    if first.is_empty() || second.is_empty() {
        return format!("{first}{second}");
    }
    format!("{first}\n\n{second}")
}

/// The text of all these merged.
pub(crate) fn joined_all<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.fold(String::new(), |whole, text| joined(&whole, text))
}

fn after(found: &Turn, event: TurnEvent) -> Work<TurnState> {
    let state = found.state.after(event);
    state.ok_or_else(|| ConversationError::NoTurn(found.id).into())
}

/// Writes what may change in a turn.
fn store(database: &Connection, turn: Turn) -> Work<Turn> {
    database
        .prepare_cached(
            "UPDATE turns SET text = :text, files = :files, state = :state, reason = :reason, attempts = :attempts,
                started = :started, ended = :ended, model = :model WHERE id = :id",
        )?
        .execute(named_params! {
            ":id": turn.id, ":text": turn.text, ":files": to_json(&turn.files)?, ":state": turn.state,
            ":reason": turn.reason, ":attempts": turn.attempts,
            ":started": turn.started.map(Timestamp::millis), ":ended": turn.ended.map(Timestamp::millis),
            ":model": turn.model,
        })?;
    Ok(turn)
}

/// Marks a cut turn as one whose thread has not been told.
pub(crate) fn not_told(database: &Connection, id: TurnId) -> Work<()> {
    database
        .prepare_cached("UPDATE turns SET untold = 1 WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}

/// The thread has been told of a turn; said again, it changes nothing.
pub(crate) fn told(database: &Connection, id: TurnId) -> Work<()> {
    database
        .prepare_cached("UPDATE turns SET untold = 0 WHERE id = ?1 AND untold = 1")?
        .execute([id])?;
    Ok(())
}

pub(crate) fn untold(database: &Connection) -> Work<Vec<Turn>> {
    many(database, "SELECT * FROM turns WHERE untold = 1 ORDER BY id", [])
}

fn one(database: &Connection, sql: &str, params: impl Params) -> Work<Option<Turn>> {
    Ok(database.prepare_cached(sql)?.query_row(params, turn).optional()?)
}

fn many(database: &Connection, sql: &str, params: impl Params) -> Work<Vec<Turn>> {
    let mut statement = database.prepare_cached(sql)?;
    let found = statement.query_map(params, turn)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

fn turn(row: &Row<'_>) -> rusqlite::Result<Turn> {
    Ok(Turn {
        id: row.get("id")?,
        thread: row.get("thread")?,
        source: row.get("source")?,
        by: user(row, "author")?,
        name: row.get("name")?,
        text: row.get("text")?,
        files: json(row, "files")?,
        state: row.get("state")?,
        reason: row.get("reason")?,
        attempts: row.get("attempts")?,
        created: moment(row, "created")?,
        started: maybe_moment(row, "started")?,
        ended: maybe_moment(row, "ended")?,
        model: row.get("model")?,
    })
}
