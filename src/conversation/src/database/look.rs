//! Opening for a look, which changes nothing on the disk: whoever looks may have no right to write, or be of a newer version
//! than the last host.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::backup::Backup;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use url::Url;

use super::{Place, schema};
use crate::error::{ConversationError, Result, database};

impl Place {
    /// Opens for reading a file that must be there. One of an older format is copied into memory and brought up to date
    /// there.
    pub(crate) fn open_to_read(&self) -> Result<Connection> {
        if matches!(fs::metadata(&self.file), Err(error) if error.kind() == ErrorKind::NotFound) {
            return Err(ConversationError::Missing(self.file.display().to_string()));
        }
        self.expect_file()?;
        let connection = self.connect_to_read()?;
        if schema::is_older(&connection, self)? {
            return self.in_memory(&connection);
        }
        Ok(connection)
    }

    /// SQLite reads a database with a write-ahead log only where it may make the log's files, or finds them. Where it may
    /// not, and nothing was left in a log, the file alone is all there is.
    fn connect_to_read(&self) -> Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = self.connect(flags)?;
        match connection.query_row("PRAGMA user_version", [], |_| Ok(())) {
            Err(error) if is_about_files(&error) => {}
            // Every other error comes again, where it gets its words.
            _ => return Ok(connection),
        }
        let log = self.log();
        if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
            return Err(ConversationError::Database {
                what: "look into the conversation",
                path: self.file.display().to_string(),
                cause: format!(
                    "what was written last stands in `{}`, and SQLite can't read that where it may not write",
                    log.display()
                ),
            });
        }
        self.connect_to(&unchanging(&self.file)?, flags | OpenFlags::SQLITE_OPEN_URI)
    }

    fn log(&self) -> PathBuf {
        let mut log = self.file.clone().into_os_string();
        log.push("-wal");
        log.into()
    }

    fn in_memory(&self, older: &Connection) -> Result<Connection> {
        let said = |error: rusqlite::Error| database("read the older format", &self.file, &error);
        let mut copy = Connection::open_in_memory().map_err(said)?;
        Backup::new(older, &mut copy)
            .and_then(|backup| backup.step(-1))
            .map_err(said)?;
        schema::migrate(&mut copy, self)?;
        Ok(copy)
    }
}

/// Whether SQLite could not make or use the files that it needs beside the database.
fn is_about_files(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)
    )
}

/// The file's name for SQLite with the promise that nobody writes to it meanwhile.
fn unchanging(file: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(file).map_err(|error| crate::error::file("find", file, &error))?;
    let mut url = Url::from_file_path(&absolute).map_err(|()| ConversationError::Database {
        what: "name the file",
        path: file.display().to_string(),
        cause: "its path is not absolute".to_owned(),
    })?;
    url.set_query(Some("immutable=1"));
    Ok(url.as_str().into())
}
