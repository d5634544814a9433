//! The statements, by table. They run inside a transaction that somebody else has begun.

pub(crate) mod deliveries;
pub(crate) mod grants;
pub(crate) mod items;
pub(crate) mod threads;
pub(crate) mod turns;

/// What a piece of work on the database gives back.
pub(crate) type Work<T> = std::result::Result<T, crate::error::Trouble>;

/// A number of rows as SQLite wants it; too many means all.
pub(crate) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
