//! Statements on threads.

use std::os::unix::ffi::OsStrExt as _;

use credentials::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};

use super::grants::{self, Ends};
use super::{Work, rows};
use crate::columns::{front_end_range, maybe_path, moment, user};
use crate::error::ConversationError;
use crate::harmless;
use crate::id::ThreadId;
use crate::thread::{Counts, NewThread, Thread, ThreadChange, ThreadFilter, ThreadSummary};

/// Titles in characters; longer first messages end in an ellipsis.
const TITLE: usize = 60;

pub(crate) const LIST: &str = "
    SELECT t.*,
        (SELECT count(*) FROM turns q WHERE q.thread = t.id AND q.state = 'queued') AS queued,
        (SELECT count(*) FROM deliveries d WHERE d.thread = t.id AND d.state = 'needs_attention') AS undelivered,
        EXISTS (SELECT 1 FROM turns r WHERE r.thread = t.id AND r.state = 'running') AS running,
        (SELECT e.state FROM turns e WHERE e.thread = t.id AND e.ended IS NOT NULL
            ORDER BY e.ended DESC, e.id DESC LIMIT 1) AS last_end
    FROM threads t
    WHERE (:owner IS NULL OR t.owner = :owner) AND (:from IS NULL OR (t.id >= :from AND t.id < :to))
        AND (:only IS NULL OR t.id = :only)
    ORDER BY t.active DESC, t.id LIMIT :limit";

const COUNTS: &str = "
    WITH ends (state) AS (
        SELECT (SELECT e.state FROM turns e WHERE e.thread = t.id AND e.ended IS NOT NULL
            ORDER BY e.ended DESC, e.id DESC LIMIT 1)
        FROM threads t)
    SELECT
        (SELECT count(*) FROM threads) AS threads,
        (SELECT count(*) FROM turns WHERE state = 'queued') AS queued,
        (SELECT count(*) FROM turns WHERE state = 'running') AS running,
        (SELECT count(*) FROM ends WHERE state = 'failed') AS failed,
        (SELECT count(*) FROM ends WHERE state = 'cut') AS cut,
        (SELECT count(*) FROM deliveries WHERE state IN ('pending', 'sent', 'uncertain')) AS deliveries,
        (SELECT count(*) FROM deliveries WHERE state = 'needs_attention') AS stuck";

pub(crate) fn open(database: &Connection, new: &NewThread, now: Timestamp) -> Work<Thread> {
    database
        .prepare_cached(
            "INSERT INTO threads (id, owner, title, agent, model, dispatch, workspaces, permissions, created, active)
             VALUES (:id, :owner, :title, :agent, :model, :dispatch, :workspaces, :permissions, :now, :now) ON CONFLICT DO NOTHING",
        )?
        .execute(named_params! {
            ":id": new.id, ":owner": new.owner.as_str(), ":title": new.title, ":agent": new.agent,
            ":model": new.model, ":dispatch": new.dispatch,
            ":workspaces": new.workspaces.as_deref().map(|path| path.as_os_str().as_bytes()),
            ":permissions": new.permissions, ":now": now.millis(),
        })?;
    get(database, &new.id)
}

pub(crate) fn get(database: &Connection, id: &ThreadId) -> Work<Thread> {
    database
        .prepare_cached("SELECT * FROM threads WHERE id = ?1")?
        .query_row([id], thread)
        .optional()?
        .ok_or_else(|| ConversationError::NoThread(id.clone()).into())
}

pub(crate) fn expect(database: &Connection, id: &ThreadId) -> Work<()> {
    let found = database
        .prepare_cached("SELECT 1 FROM threads WHERE id = ?1")?
        .exists([id])?;
    if found {
        Ok(())
    } else {
        Err(ConversationError::NoThread(id.clone()).into())
    }
}

pub(crate) fn list(database: &Connection, filter: &ThreadFilter) -> Work<Vec<ThreadSummary>> {
    let (from, to) = front_end_range(filter.front_end.as_deref());
    // SQLite reads a negative number as "all".
    let limit = if filter.limit == 0 { -1 } else { rows(filter.limit) };
    let mut statement = database.prepare_cached(LIST)?;
    let found = statement.query_map(
        named_params! {
            ":owner": filter.owner.as_ref().map(credentials::UserId::as_str),
            ":from": from, ":to": to, ":limit": limit, ":only": filter.only,
        },
        |row| {
            Ok(ThreadSummary {
                thread: thread(row)?,
                queued: row.get("queued")?,
                undelivered: row.get("undelivered")?,
                running: row.get("running")?,
                last_end: row.get("last_end")?,
            })
        },
    )?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn change(database: &Connection, id: &ThreadId, change: &ThreadChange) -> Work<Thread> {
    let ThreadChange {
        title,
        agent,
        model,
        mode,
        own_model,
        own_mode,
        dispatch,
        permissions,
        session,
    } = change;
    database
        .prepare_cached(
            "UPDATE threads SET
                title = coalesce(:title, title), agent = coalesce(:agent, agent),
                dispatch = coalesce(:dispatch, dispatch),
                model = iif(:other_model, :model, model), mode = iif(:other_mode, :mode, mode),
                own_model = iif(:other_own_model, :own_model, iif(:other_session, NULL, own_model)),
                own_mode = iif(:other_own_mode, :own_mode, iif(:other_session, NULL, own_mode)),
                permissions = iif(:other_permissions, :permissions, permissions), session = iif(:other_session, :session, session)
             WHERE id = :id",
        )?
        .execute(named_params! {
            ":id": id, ":title": title, ":agent": agent, ":dispatch": dispatch,
            ":other_model": model.is_some(), ":model": model.as_ref().and_then(Option::as_ref),
            ":other_mode": mode.is_some(), ":mode": mode.as_ref().and_then(Option::as_ref),
            ":other_own_model": own_model.is_some(), ":own_model": own_model.as_ref().and_then(Option::as_ref),
            ":other_own_mode": own_mode.is_some(), ":own_mode": own_mode.as_ref().and_then(Option::as_ref),
            ":other_permissions": permissions.is_some(), ":permissions": permissions.flatten(),
            ":other_session": session.is_some(), ":session": session.as_ref().and_then(Option::as_ref),
        })?;
    if session.is_some() {
        // One that was not asked anything yet may be forgotten, too: what the host remembers is not its.
        let what = if agent.is_some() { Ends::All } else { Ends::Theirs };
        grants::end(database, id, what)?;
    }
    get(database, id)
}

/// Something happened in a thread that a person would call new. A clock that went back does not take it down in the list.
pub(crate) fn touch(database: &Connection, id: &ThreadId, now: Timestamp) -> Work<()> {
    database
        .prepare_cached("UPDATE threads SET active = max(active, ?2) WHERE id = ?1")?
        .execute((id, now.millis()))?;
    Ok(())
}

/// A thread without a title takes the first words of this message.
pub(crate) fn title_from(database: &Connection, id: &ThreadId, text: &str) -> Work<()> {
    database
        .prepare_cached("UPDATE threads SET title = ?2 WHERE id = ?1 AND title = ''")?
        .execute((id, title_of(text)))?;
    Ok(())
}

pub(crate) fn counts(database: &Connection) -> Work<Counts> {
    let counts = database.prepare_cached(COUNTS)?.query_row([], |row| {
        Ok(Counts {
            threads: row.get("threads")?,
            queued: row.get("queued")?,
            running: row.get("running")?,
            failed: row.get("failed")?,
            cut: row.get("cut")?,
            deliveries: row.get("deliveries")?,
            stuck_deliveries: row.get("stuck")?,
        })
    })?;
    Ok(counts)
}

/// The first line that says something, without what could disturb a list.
fn title_of(text: &str) -> String {
    let line = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    // Only what can be needed is looked at: a line may be a megabyte long.
    let start: String = line.trim_start().chars().take(10 * TITLE).collect();
    harmless::line(&harmless::printed(&start), TITLE)
}

fn thread(row: &Row<'_>) -> rusqlite::Result<Thread> {
    Ok(Thread {
        id: row.get("id")?,
        owner: user(row, "owner")?,
        title: row.get("title")?,
        agent: row.get("agent")?,
        model: row.get("model")?,
        mode: row.get("mode")?,
        own_model: row.get("own_model")?,
        own_mode: row.get("own_mode")?,
        dispatch: row.get("dispatch")?,
        workspaces: maybe_path(row, "workspaces")?,
        permissions: row.get("permissions")?,
        session: row.get("session")?,
        created: moment(row, "created")?,
        active: moment(row, "active")?,
    })
}

#[cfg(test)]
mod tests {
    use super::title_of;

    #[test]
    fn a_title_is_one_short_line_of_the_message() {
        assert_eq!(
            title_of("  \n\n  fix\tthe\u{1b}[31m \u{0}build \nsecond line"),
            "fix the build"
        );
        assert_eq!(title_of("see \u{202e}txt.exe\u{200b} now"), "see txt.exe now");
        assert_eq!(title_of("\n \n"), "");
        let long = "é".repeat(61);
        assert_eq!(title_of(&long), format!("{}…", "é".repeat(60)));
        assert_eq!(title_of(&"é".repeat(60)), "é".repeat(60));
    }
}
