//! The recovery file: reserved before a refresh token is spent, so that the answer has a place even on a full disk.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock::Timestamp;
use crate::digest::{Fingerprint, hex};
use crate::fault;
use crate::file::{FileError, Location, create_private, open_own, remove_if_there, sync_folder};
use crate::oauth::MAX_BODY_BYTES;
use crate::tenant::Tenant;

/// Room for the longest answer, escaped inside JSON, and what is noted with it.
const RESERVED_BYTES: u64 = 2 * MAX_BODY_BYTES as u64 + 4096;

/// First word of the file.
const MAGIC: &str = "agent-host-recovery-1";

/// Longest first line: magic, length, digest.
const MAX_HEADER: usize = 128;

/// A vendor's answer to a refresh, safe on the disk, with what is needed to commit it.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The refresh token that was spent.
    pub(crate) spent: Fingerprint,
    /// The generation of the entry that it was read from.
    pub(crate) generation: u64,
    /// What the refresh was for: `true` after a rejection.
    pub(crate) after_rejection: bool,
    /// When the answer came.
    pub(crate) received_at: Timestamp,
    /// The answer's body as it came.
    pub(crate) body: SecretString,
}

#[derive(Serialize, Deserialize)]
struct WireAnswer {
    spent: Fingerprint,
    generation: u64,
    after_rejection: bool,
    received_at_ms: Timestamp,
    body: String,
}

/// A reserved recovery file. It is only touched by the holder of the tenant's lock.
#[derive(Debug)]
pub(crate) struct Recovery {
    file: File,
    path: PathBuf,
    folder: PathBuf,
}

impl Recovery {
    /// Creates the file at its full size, durably. Errors (a full disk) come before anything was sent.
    pub(crate) fn reserve(location: &Location, tenant: &Tenant) -> Result<Self, FileError> {
        let path = location.recovery(&tenant.file_id());
        // What is there was found empty or torn before.
        remove_if_there(&path)?;
        let file = create_private(&path, "reserve-create")?;
        let reserved = fault::io("reserve")
            .and_then(|()| reserve(&file, RESERVED_BYTES))
            .and_then(|()| file.sync_all())
            .map_err(FileError::io("reserve room in", &path))
            .and_then(|()| sync_folder(location.folder(), "reserve-folder-sync"));
        if let Err(error) = reserved {
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        Ok(Self {
            file,
            path,
            folder: location.folder().to_owned(),
        })
    }

    /// Writes the answer into the reserved room, durably.
    pub(crate) fn write(&self, answer: &Answer) -> Result<(), FileError> {
        let wire = WireAnswer {
            spent: answer.spent.clone(),
            generation: answer.generation,
            after_rejection: answer.after_rejection,
            received_at_ms: answer.received_at,
            body: answer.body.expose_secret().to_owned(),
        };
        let payload = serde_json::to_string(&wire).expect("strings and numbers always serialize");
        let digest = hex(&Sha256::digest(payload.as_bytes()));
        let bytes = format!("{MAGIC} {} {digest}\n{payload}", payload.len()).into_bytes();
        fault::io("recovery-write")
            .and_then(|()| write_all_at_start(&self.file, &bytes))
            .and_then(|()| fault::io("recovery-sync"))
            .and_then(|()| self.file.sync_data())
            .map_err(FileError::io("write", &self.path))
    }

    /// Removes the file: its content is committed, or there is none.
    pub(crate) fn remove(self) -> Result<(), FileError> {
        fault::io("recovery-remove").map_err(FileError::io("remove", &self.path))?;
        remove_if_there(&self.path)?;
        sync_folder(&self.folder, "recovery-folder-sync")
    }

    /// What a refresher left behind that was killed or could not commit: an answer, or only reserved room.
    pub(crate) fn leftover(
        location: &Location,
        tenant: &Tenant,
    ) -> Result<Option<(Self, Option<Answer>)>, FileError> {
        let path = location.recovery(&tenant.file_id());
        let Some((file, _)) = open_own(&path, OpenOptions::new().read(true).write(true))? else {
            return Ok(None);
        };
        let bytes = read_limited(&file, &path)?;
        let recovery = Self {
            file,
            path,
            folder: location.folder().to_owned(),
        };
        Ok(Some((recovery, parse(&bytes))))
    }
}

/// Whether a recovery file's bytes hold a whole answer.
fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.iter().take(MAX_HEADER).position(|byte| *byte == b'\n')?;
    let header = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut words = header.strip_prefix(MAGIC)?.split_whitespace();
    let length: usize = words.next()?.parse().ok()?;
    let digest = words.next()?;
    let payload = bytes.get(end + 1..)?.get(..length)?;
    if hex(&Sha256::digest(payload)) != digest {
        return None;
    }
    let wire: WireAnswer = serde_json::from_slice(payload).ok()?;
    Some(Answer {
        spent: wire.spent,
        generation: wire.generation,
        after_rejection: wire.after_rejection,
        received_at: wire.received_at_ms,
        body: wire.body.into(),
    })
}

fn read_limited(file: &File, path: &Path) -> Result<Vec<u8>, FileError> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    file.take(RESERVED_BYTES)
        .read_to_end(&mut bytes)
        .map_err(FileError::io("read", path))?;
    Ok(bytes)
}

#[cfg(target_os = "linux")]
fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    use nix::fcntl::{FallocateFlags, fallocate};
    match fallocate(file, FallocateFlags::empty(), 0, bytes.cast_signed()) {
        Ok(()) => Ok(()),
        // A file system without it: really write the zeros.
        Err(nix::errno::Errno::EOPNOTSUPP | nix::errno::Errno::ENOSYS) => write_zeros(file, bytes),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    write_zeros(file, bytes)
}

fn write_zeros(mut file: &File, bytes: u64) -> io::Result<()> {
    use std::io::Write as _;
    let zeros = vec![0; 64 * 1024];
    let mut left = bytes;
    while left > 0 {
        let chunk = usize::try_from(left).unwrap_or(zeros.len()).min(zeros.len());
        file.write_all(&zeros[..chunk])?;
        left -= chunk as u64;
    }
    Ok(())
}

fn write_all_at_start(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    use std::io::{Seek as _, Write as _};
    file.rewind()?;
    file.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Service;

    fn place() -> (tempfile::TempDir, Location, Tenant) {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::resolve(&folder.path().join("auth.json")).unwrap();
        (folder, location, Tenant::host(Service::parse("codex").unwrap()))
    }

    fn answer(body: &str) -> Answer {
        Answer {
            spent: Fingerprint::of(&"r".to_owned().into()),
            generation: 4,
            after_rejection: true,
            received_at: Timestamp::from_millis(5),
            body: body.to_owned().into(),
        }
    }

    #[test]
    fn reserved_room_is_no_answer_and_a_written_one_is_read_back() {
        let (_folder, location, tenant) = place();
        let recovery = Recovery::reserve(&location, &tenant).unwrap();
        assert!(
            Recovery::leftover(&location, &tenant)
                .unwrap()
                .unwrap()
                .1
                .is_none()
        );
        recovery.write(&answer(r#"{"access_token":"x"}"#)).unwrap();
        let found = Recovery::leftover(&location, &tenant)
            .unwrap()
            .unwrap()
            .1
            .unwrap();
        assert_eq!(found.body.expose_secret(), r#"{"access_token":"x"}"#);
        assert_eq!((found.generation, found.after_rejection), (4, true));
        recovery.remove().unwrap();
        assert!(Recovery::leftover(&location, &tenant).unwrap().is_none());
    }

    #[test]
    fn the_longest_answer_fits_into_the_reserved_room() {
        let (_folder, location, tenant) = place();
        let recovery = Recovery::reserve(&location, &tenant).unwrap();
        recovery.write(&answer(&"\"".repeat(MAX_BODY_BYTES))).unwrap();
        let length = std::fs::metadata(location.recovery(&tenant.file_id()))
            .unwrap()
            .len();
        assert_eq!(
            length, RESERVED_BYTES,
            "writing an answer never needs more room than was reserved"
        );
    }

    #[test]
    fn a_torn_answer_is_no_answer() {
        let (_folder, location, tenant) = place();
        let recovery = Recovery::reserve(&location, &tenant).unwrap();
        recovery.write(&answer("body")).unwrap();
        let path = location.recovery(&tenant.file_id());
        let bytes = std::fs::read(&path).unwrap();
        for cut in [10, 60, 120, 150] {
            let mut torn = bytes.clone();
            torn[cut..].fill(0);
            std::fs::write(&path, torn).unwrap();
            assert!(
                Recovery::leftover(&location, &tenant)
                    .unwrap()
                    .unwrap()
                    .1
                    .is_none(),
                "cut at {cut}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
            let _ = parse(&[format!("{MAGIC} 5 x\n").into_bytes(), bytes].concat());
        }
    }
}
