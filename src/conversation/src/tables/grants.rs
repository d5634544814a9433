//! Statements on grants.

use credentials::Timestamp;
use rusqlite::{Connection, Row};
use sha2::{Digest as _, Sha256};

use super::Work;
use crate::columns::{json, moment};
use crate::grant::{Grant, Keeper};
use crate::id::{GrantId, ThreadId};
use crate::item::{Body, Item};

pub(crate) const LIST: &str =
    "SELECT g.id, g.item, g.at, g.theirs, i.body FROM grants g JOIN items i ON i.id = g.item
    WHERE g.thread = ?1 ORDER BY g.id";
pub(crate) const HOLDS: &str = "SELECT 1 FROM grants WHERE thread = ?1 AND theirs = 0 AND likeness = ?2";

/// What this entry asked for is always allowed from now on. Given again, it is the newer one that counts.
pub(crate) fn give(database: &Connection, item: &Item, keeper: &Keeper, now: Timestamp) -> Work<()> {
    let (likeness, theirs) = match keeper {
        Keeper::Host { likeness } => (hash(&[likeness]), false),
        Keeper::Agent => (of_agent(&item.body), true),
    };
    database
        .prepare_cached("DELETE FROM grants WHERE thread = ?1 AND theirs = ?2 AND likeness = ?3")?
        .execute((&item.thread, theirs, &likeness))?;
    database
        .prepare_cached(
            "INSERT INTO grants (thread, theirs, likeness, item, at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((&item.thread, theirs, &likeness, item.id, now.millis()))?;
    Ok(())
}

/// Whether the host was told that calls like this are allowed.
pub(crate) fn holds(database: &Connection, thread: &ThreadId, likeness: &str) -> Work<bool> {
    Ok(database
        .prepare_cached(HOLDS)?
        .exists((thread, hash(&[likeness])))?)
}

pub(crate) fn list(database: &Connection, thread: &ThreadId) -> Work<Vec<Grant>> {
    let mut statement = database.prepare_cached(LIST)?;
    let found = statement.query_map([thread], grant)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// Ends one, or all that the host keeps. Gives back which.
pub(crate) fn take_back(
    database: &Connection,
    thread: &ThreadId,
    which: Option<GrantId>,
) -> Work<Vec<Grant>> {
    let mut taken = list(database, thread)?;
    taken.retain(|grant| !grant.theirs && which.is_none_or(|which| which == grant.id));
    let mut delete = database.prepare_cached("DELETE FROM grants WHERE id = ?1")?;
    for grant in &taken {
        delete.execute([grant.id])?;
    }
    Ok(taken)
}

/// What ends with a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// What the agent kept in it.
    Theirs,
    /// Everything.
    All,
}

/// A thread has another session, or none.
pub(crate) fn end(database: &Connection, thread: &ThreadId, what: Ends) -> Work<()> {
    database
        .prepare_cached("DELETE FROM grants WHERE thread = ?1 AND (theirs = 1 OR ?2)")?
        .execute((thread, what == Ends::All))?;
    Ok(())
}

fn grant(row: &Row<'_>) -> rusqlite::Result<Grant> {
    let bare = Grant {
        id: row.get("id")?,
        item: row.get("item")?,
        words: String::new(),
        title: String::new(),
        detail: String::new(),
        by: String::new(),
        at: moment(row, "at")?,
        theirs: row.get("theirs")?,
    };
    // One whose entry can't be read holds all the same, so it is listed, and can be taken back.
    Ok(match json::<Body>(row, "body") {
        Ok(body) => bare.told(body),
        Err(_) => bare,
    })
}

/// What an agent remembers that names nothing itself.
fn of_agent(body: &Body) -> Vec<u8> {
    match body {
        Body::Permission {
            title,
            detail,
            decision,
            ..
        } => hash(&[title, detail, &format!("{decision:?}")]),
        _ => hash(&[]),
    }
}

fn hash(parts: &[&str]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}
