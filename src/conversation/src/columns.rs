//! How our types are written in columns.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use credentials::{Timestamp, UserId};
use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Type, ValueRef};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::delivery::DeliveryState;
use crate::id::{DeliveryId, GrantId, ItemId, SourceId, ThreadId, TurnId};
use crate::thread::{Dispatch, Permissions};
use crate::turn::TurnState;

macro_rules! numbers {
    ($($name:ident),*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                self.0.to_sql()
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                i64::column_result(value).map(Self)
            }
        }
    )*};
}

numbers!(TurnId, ItemId, DeliveryId, GrantId);

macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        impl $name {
            /// The word in the database, and in logs.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                self.as_str().to_sql()
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                match value.as_str()? {
                    $($word => Ok(Self::$variant),)*
                    other => Err(FromSqlError::Other(format!("unknown word `{other}`").into())),
                }
            }
        }
    };
}

words!(TurnState {
    Queued = "queued",
    Running = "running",
    Done = "done",
    Failed = "failed",
    Stopped = "stopped",
    Cut = "cut",
});
words!(Dispatch {
    Queue = "queue",
    Steer = "steer",
    Interrupt = "interrupt",
});
words!(Permissions {
    Ask = "ask",
    Allow = "allow",
    Deny = "deny",
});
words!(DeliveryState {
    Pending = "pending",
    Sent = "sent",
    Uncertain = "uncertain",
    Delivered = "delivered",
    NeedsAttention = "needs_attention",
    GivenUp = "given_up",
});

impl ToSql for ThreadId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.as_str().to_sql()
    }
}

impl FromSql for ThreadId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::parse(value.as_str()?).map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

impl ToSql for SourceId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl FromSql for SourceId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        String::column_result(value).map(Self)
    }
}

/// A moment, kept as milliseconds.
pub(crate) fn moment(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_millis)
}

/// A moment that may not have come.
pub(crate) fn maybe_moment(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
}

/// A user, kept in the canonical spelling.
pub(crate) fn user(row: &Row<'_>, column: &str) -> rusqlite::Result<UserId> {
    UserId::parse(row.get_ref(column)?.as_str()?).map_err(|error| unreadable(Box::new(error)))
}

/// A path that may not be set.
pub(crate) fn maybe_path(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<PathBuf>> {
    let bytes = row.get::<_, Option<Vec<u8>>>(column)?;
    Ok(bytes.map(|bytes| PathBuf::from(OsString::from_vec(bytes))))
}

/// Something kept as JSON.
pub(crate) fn json<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    serde_json::from_str(row.get_ref(column)?.as_str()?).map_err(|error| unreadable(Box::new(error)))
}

/// Something to be kept as JSON.
pub(crate) fn to_json<T: Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// The names between which the threads of one front-end lie: `web:` and `web;`, its successor.
pub(crate) fn front_end_range(front_end: Option<&str>) -> (Option<String>, Option<String>) {
    (
        front_end.map(|name| format!("{name}:")),
        front_end.map(|name| format!("{name};")),
    )
}

fn unreadable(error: Box<dyn std::error::Error + Send + Sync>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, error)
}
