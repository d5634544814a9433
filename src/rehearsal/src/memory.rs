//! What a rehearsal vendor remembers over a restart: logins and their tokens, as a real vendor would. Sign-ins that
//! were under way, registered clients and counts are forgotten.

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::ledger::{Ledger, Logins};

/// A file with the logins of a ledger; written only when they changed.
#[derive(Debug)]
pub(crate) struct Memory {
    path: PathBuf,
    written: u64,
}

impl Memory {
    /// At this path. What is there is put into the ledger; what can't be read is forgotten, with a warning.
    pub(crate) fn recall(path: &Path, ledger: &mut Ledger) -> Self {
        match fs::read(path) {
            Ok(bytes) => match serde_json::from_slice::<Logins>(&bytes) {
                Ok(logins) => ledger.recall(logins),
                Err(error) => {
                    tracing::warn!(%error, path = %path.display(), "the rehearsal vendor forgot its logins");
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "the rehearsal vendor forgot its logins");
            }
        }
        Self {
            path: path.to_owned(),
            written: ledger.changes(),
        }
    }

    /// Writes the logins if they changed. A vendor that can't write goes on, and forgets at its end.
    pub(crate) fn keep(&mut self, ledger: &Ledger) {
        if ledger.changes() == self.written {
            return;
        }
        self.written = ledger.changes();
        if let Err(error) = self.write(ledger) {
            tracing::warn!(%error, path = %self.path.display(), "the rehearsal vendor could not note its logins");
        }
    }

    fn write(&self, ledger: &Ledger) -> io::Result<()> {
        let beside = self.path.with_extension("new");
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)?;
        serde_json::to_writer(&mut file, &ledger.logins())?;
        fs::rename(&beside, &self.path)
    }
}
