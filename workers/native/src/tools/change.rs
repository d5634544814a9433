//! A change to one file: planned with what is there, carried out only if that is still there, in one step.

use std::fs::{File, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::arguments::in_short;
use super::open::{self, Missing};
use super::place::Place;
use super::{Action, Always, Change, Kind, Prepared, Work, read, spec};

/// The largest file that is changed, and the largest that is written: both go into a diff that people look at, and
/// through one frame with it.
pub(super) const LIMIT: u64 = super::CHANGE_LIMIT as u64;

/// Bits of a mode that a new version of a file keeps.
const MODE: u32 = 0o777;
/// A new file's, before the umask.
const NEW_MODE: u32 = 0o666;

/// A change that was looked at.
#[derive(Debug)]
pub(super) struct Planned {
    place: Place,
    old: Option<String>,
    new: String,
    /// What is said when it is done.
    done: String,
}

/// The call as it is shown and asked for.
pub(super) fn prepared(verb: &str, place: Place, old: Option<String>, new: String, done: String) -> Prepared {
    Prepared {
        kind: Kind::Edit,
        title: format!("{verb} {}", in_short(&place.shown)),
        input: place.shown.clone(),
        changes: vec![Change {
            path: place.path.clone(),
            old: old.clone(),
            new: new.clone(),
        }],
        asks: true,
        always: (!place.is_powerful).then(|| Always {
            key: "change files in the workspace".to_owned(),
            scope: "Always change files in this workspace",
        }),
        action: Action(Work::Change(Planned {
            place,
            old,
            new,
            done,
        })),
    }
}

/// The text of a file that is to be changed; `None` if there is no such file.
pub(super) fn text_of(place: &Place) -> Result<Option<String>, String> {
    if !place.exists() {
        return Ok(None);
    }
    let shown = &place.shown;
    let failed = |error: io::Error| format!("could not read `{shown}`: {error}");
    let file = open::file(&place.path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LIMIT {
        return Err(format!(
            "`{shown}` is larger than {LIMIT} bytes, the limit for a change that people can look at; use `{}`",
            spec::BASH
        ));
    }
    if let Some(format) = read::format_of(&bytes) {
        return Err(format!("`{shown}` is {format}, not text"));
    }
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|_| format!("`{shown}` is not UTF-8 text; use `{}` to change it", spec::BASH))
}

impl Planned {
    pub(super) fn perform(self) -> Result<String, String> {
        self.carry_out()?;
        Ok(self.done)
    }

    fn carry_out(&self) -> Result<(), String> {
        let shown = &self.place.shown;
        let failed = |error: io::Error| format!("could not write `{shown}`, which is as it was: {error}");
        let (Some(parent), Some(name)) = (self.place.path.parent(), self.place.path.file_name()) else {
            return Err(format!("`{shown}` is not a file"));
        };
        let folder = open::folder(parent, Missing::Make).map_err(failed)?;
        let name = Path::new(name);
        let mode = match (open::file_in(&folder, name), &self.old) {
            (Ok(file), Some(old)) if is_still(&file, old).map_err(failed)? => {
                Some(file.metadata().map_err(failed)?.mode() & MODE)
            }
            (Ok(_), Some(_)) => {
                return Err(format!(
                    "`{shown}` was changed in the meantime, and was left alone: read it again"
                ));
            }
            (Ok(_), None) => {
                return Err(format!(
                    "`{shown}` was made by somebody else in the meantime, and was left alone"
                ));
            }
            (Err(error), None) if error.kind() == io::ErrorKind::NotFound => None,
            (Err(error), Some(_)) if error.kind() == io::ErrorKind::NotFound => {
                return Err(format!(
                    "`{shown}` was removed in the meantime, and was not made again"
                ));
            }
            (Err(error), _) => return Err(failed(error)),
        };
        replace(&folder, name, self.new.as_bytes(), mode).map_err(failed)
    }
}

fn is_still(file: &File, old: &str) -> io::Result<bool> {
    let mut bytes = Vec::with_capacity(old.len());
    file.take(LIMIT + 1).read_to_end(&mut bytes)?;
    Ok(bytes == old.as_bytes())
}

/// Whoever reads sees the old file or the new one, and a crash leaves one of them.
fn replace(folder: &OwnedFd, name: &Path, bytes: &[u8], mode: Option<u32>) -> io::Result<()> {
    let (temporary, mut file) = temporary(folder)?;
    let written = (|| {
        file.write_all(bytes)?;
        if let Some(mode) = mode {
            file.set_permissions(Permissions::from_mode(mode))?;
        }
        file.sync_all()?;
        Ok(renameat(folder, &temporary, folder, name)?)
    })();
    if written.is_err() {
        // Best effort: what counts is that the old file is untouched.
        let _ = unlinkat(folder, &temporary, UnlinkatFlags::NoRemoveDir);
    }
    written
}

fn temporary(folder: &OwnedFd) -> io::Result<(PathBuf, File)> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = PathBuf::from(format!(".agent-host-{}-{number}", std::process::id()));
        match openat(folder, &name, flags, Mode::from_bits_truncate(NEW_MODE)) {
            Ok(file) => return Ok((name, file.into())),
            // Left by a worker that died, with the number of this one.
            Err(Errno::EEXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}
