//! The format of the file: which version it has, and how an older one is brought up to date.

use rusqlite::{Connection, TransactionBehavior};

use super::Place;
use crate::error::{ConversationError, Result, database};

/// One file each; the version of a database is the number of those that were run on it. Never change one that was released.
const MIGRATIONS: [&str; 9] = [
    include_str!("../schema/0001.sql"),
    include_str!("../schema/0002.sql"),
    include_str!("../schema/0003.sql"),
    include_str!("../schema/0004.sql"),
    include_str!("../schema/0005.sql"),
    include_str!("../schema/0006.sql"),
    include_str!("../schema/0007.sql"),
    include_str!("../schema/0008.sql"),
    include_str!("../schema/0009.sql"),
];
/// Marks the file as ours ("agHC").
const APPLICATION: i64 = 0x6167_4843;

/// The version that this program writes.
#[expect(clippy::cast_possible_wrap, reason = "a handful")]
pub(super) const KNOWN: i64 = MIGRATIONS.len() as i64;

/// The version of a file of ours; 0 for an empty one.
///
/// Errors: it is not ours, not a database at all, or newer than this program. Only reads.
pub(super) fn recognize(connection: &Connection, place: &Place) -> Result<i64> {
    let said = |error: rusqlite::Error| database("read the format", place.file(), &error);
    let number = |sql: &str| {
        connection
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .map_err(said)
    };
    let found = number("PRAGMA user_version")?;
    let application = number("PRAGMA application_id")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    match (application, found) {
        (0, 0) if tables == 0 => Ok(0),
        (APPLICATION, 1..=KNOWN) if tables > 0 => Ok(found),
        (APPLICATION, _) if found > KNOWN => Err(ConversationError::Version {
            path: place.file().display().to_string(),
            found,
            known: KNOWN,
        }),
        _ => Err(ConversationError::Damaged {
            path: place.file().display().to_string(),
            cause: format!("application {application:#x}, format {found}, {tables} tables and indexes"),
        }),
    }
}

/// Whether it has an older format. An empty file has none yet: that is a `Version` error.
pub(super) fn is_older(connection: &Connection, place: &Place) -> Result<bool> {
    match recognize(connection, place)? {
        0 => Err(ConversationError::Version {
            path: place.file().display().to_string(),
            found: 0,
            known: KNOWN,
        }),
        found => Ok(found < KNOWN),
    }
}

/// Brings the file, or a copy of it, to the version of this program. Each step is one transaction with its version number.
pub(super) fn migrate(connection: &mut Connection, place: &Place) -> Result<()> {
    let said = |error: rusqlite::Error| database("bring the format up to date", place.file(), &error);
    let found = recognize(connection, place)?;
    for (version, script) in (1_i64..).zip(MIGRATIONS).filter(|(version, _)| *version > found) {
        let step = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(said)?;
        step.execute_batch(script).map_err(said)?;
        step.pragma_update(None, "application_id", APPLICATION)
            .map_err(said)?;
        step.pragma_update(None, "user_version", version).map_err(said)?;
        step.commit().map_err(said)?;
        tracing::debug!(file = %place.file().display(), version, "brought up to date");
    }
    Ok(())
}
