//! The file: where it lies, who may have it open, how it is opened.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::error::{ConversationError, Result, database, file};

mod claim;
mod look;
mod schema;

pub(crate) use claim::Claimed;

const FILE: &str = "conversation.db";
const LOCK: &str = "conversation.lock";
/// For tools that look while the host writes. Our own connections never wait for each other: WAL, and one writer.
const BUSY: Duration = Duration::from_secs(5);
/// More than the number of different statements in this crate.
const STATEMENTS: usize = 64;

/// Where a conversation is kept.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    folder: PathBuf,
    file: PathBuf,
}

impl Place {
    pub(crate) fn new(state_folder: &Path) -> Self {
        Self {
            folder: state_folder.to_owned(),
            file: state_folder.join(FILE),
        }
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Takes the right to write. Makes the folder (0700) if there is none.
    pub(crate) fn claim(&self) -> Result<Claimed> {
        let mut folders = DirBuilder::new();
        folders.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folders, 0o700);
        folders
            .create(&self.folder)
            .map_err(|error| file("make the folder", &self.folder, &error))?;
        Claimed::take(&self.folder.join(LOCK), &self.file)
    }

    /// Opens for writing, creates or migrates. The claim proves that nobody else does.
    pub(crate) fn open(&self, _claimed: &Claimed) -> Result<Connection> {
        self.create_private()?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = self.connect(flags)?;
        // First of all, because everything later may write to a file that is not ours.
        let before = schema::recognize(&connection, self)?;
        let said = |error: rusqlite::Error| database("prepare", &self.file, &error);
        let mode: String = connection
            .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
            .map_err(said)?;
        if !mode.eq_ignore_ascii_case("wal") {
            return Err(ConversationError::Database {
                what: "switch on the write-ahead log",
                path: self.file.display().to_string(),
                cause: format!(
                    "the journal mode stays `{mode}`; does this file system support shared memory?"
                ),
            });
        }
        // In WAL, NORMAL may lose the last commits at a loss of power, and an accepted message must not be lost.
        connection
            .pragma_update(None, "synchronous", "FULL")
            .map_err(said)?;
        connection
            .pragma_update(None, "foreign_keys", true)
            .map_err(said)?;
        schema::migrate(&mut connection, self)?;
        if (1..schema::KNOWN).contains(&before) {
            tracing::info!(file = %self.file.display(), before, now = schema::KNOWN, "the conversation has a new format");
        }
        Ok(connection)
    }

    fn connect(&self, flags: OpenFlags) -> Result<Connection> {
        self.connect_to(&self.file, flags)
    }

    /// `file` is this one, in any spelling that SQLite knows.
    fn connect_to(&self, file: &Path, flags: OpenFlags) -> Result<Connection> {
        let said = |error: rusqlite::Error| database("open the conversation", &self.file, &error);
        let connection = Connection::open_with_flags(file, flags).map_err(said)?;
        connection.busy_timeout(BUSY).map_err(said)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    }

    /// Sees to it that the file is there and only this user may read it; SQLite gives its side files the same mode.
    ///
    /// An existing file is never opened here: closing any descriptor of it would free the locks that SQLite holds on
    /// it in this process (POSIX record locks).
    fn create_private(&self) -> Result<()> {
        match private().create_new(true).open(&self.file) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                self.expect_file()?;
                self.narrow()
            }
            Err(error) => Err(file("create the conversation", &self.file, &error)),
        }
    }

    /// A folder, or whatever else stands there, is not to be touched.
    fn expect_file(&self) -> Result<()> {
        let found =
            fs::metadata(&self.file).map_err(|error| file("look at the conversation", &self.file, &error))?;
        if found.is_file() {
            return Ok(());
        }
        Err(ConversationError::Damaged {
            path: self.file.display().to_string(),
            cause: "it is no file".to_owned(),
        })
    }

    #[cfg(unix)]
    fn narrow(&self) -> Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        let said = |error: std::io::Error| file("look at the conversation", &self.file, &error);
        let mode = fs::metadata(&self.file).map_err(said)?.permissions().mode();
        if mode & 0o077 != 0 {
            tracing::warn!(file = %self.file.display(), mode = format!("{:o}", mode & 0o777), "others could read the conversation; narrowed to 600");
            fs::set_permissions(&self.file, fs::Permissions::from_mode(0o600)).map_err(said)?;
        }
        Ok(())
    }

    #[cfg(not(unix))]
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "the same shape on every platform"
    )]
    fn narrow(&self) -> Result<()> {
        Ok(())
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
