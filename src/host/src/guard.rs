//! State that stays closed. A caged command runs as the same user, and the kernel's fence has no rule for modes, so it can
//! open a file of ours to other users of this machine, if not read it. What was opened is closed again at once, and told.
//!
//! Whoever else is on this machine and waits for that moment may be faster: this is an alarm and a bound, not a fence.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat};
use tracing::{error, warn};

/// One path is told of so often at most: a command may open it in a loop.
const QUIET: Duration = Duration::from_secs(1);

/// Watches, on a thread of its own, until it is dropped.
#[derive(Debug)]
pub(crate) struct Guard {
    inotify: Arc<Inotify>,
    /// One that is taken away to wake the thread.
    bell: WatchDescriptor,
    is_over: Arc<AtomicBool>,
}

/// What is watched.
struct Watch {
    folder: PathBuf,
    /// Files with this beginning; without one, the folder and all that is directly in it.
    prefix: Option<String>,
}

struct Keeper {
    watches: Vec<(WatchDescriptor, Watch)>,
    /// What was there at the start may stay as open as its owner had it.
    at_start: HashMap<PathBuf, u32>,
    /// When a path was told of, and how often it was opened since.
    told: HashMap<PathBuf, (Instant, u32)>,
}

impl Guard {
    /// Watches the state folder with what is directly in it, the logins, and files with secrets. What lies deeper in the
    /// state folder is closed as long as that is. From when this returns no change is missed.
    ///
    /// `None` where the system offers no watching; it is told of, and no reason not to run.
    pub(crate) fn start(state: &Path, store: &Path, secrets: &[PathBuf]) -> Option<Self> {
        let watching = watch(state, store, secrets);
        watching
            .inspect_err(|error| {
                warn!(
                    %error,
                    "the modes of the state folder can't be watched: a command that opens it to other users is not noticed"
                );
            })
            .ok()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        // A folder that is gone took its watch along, and woke the thread.
        let _ = self.inotify.rm_watch(self.bell);
    }
}

fn watch(state: &Path, store: &Path, secrets: &[PathBuf]) -> io::Result<Guard> {
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC)?;
    let mut keeper = Keeper {
        watches: vec![],
        at_start: HashMap::new(),
        told: HashMap::new(),
    };
    let folder = fs::canonicalize(state)?;
    let bell = keeper.add(&inotify, Watch { folder, prefix: None })?;
    for secret in secrets.iter().filter_map(|file| Watch::of_file(file)) {
        keeper.add(&inotify, secret)?;
    }
    keeper.remember();
    if let Some(logins) = Watch::of_file(store) {
        // Nobody else's business, however they were found.
        for path in logins.paths() {
            keeper.at_start.remove(&path);
        }
        keeper.add(&inotify, logins)?;
    }
    let guard = Guard {
        inotify: Arc::new(inotify),
        bell,
        is_over: Arc::default(),
    };
    let (inotify, is_over) = (guard.inotify.clone(), guard.is_over.clone());
    thread::Builder::new()
        .name("guard".to_owned())
        .spawn(move || keeper.keep(&inotify, &is_over))?;
    Ok(guard)
}

impl Keeper {
    fn add(&mut self, inotify: &Inotify, watch: Watch) -> io::Result<WatchDescriptor> {
        let flags = AddWatchFlags::IN_ATTRIB | AddWatchFlags::IN_ONLYDIR;
        let descriptor = inotify.add_watch(&watch.folder, flags)?;
        self.watches.push((descriptor, watch));
        Ok(descriptor)
    }

    fn remember(&mut self) {
        for path in self.watches.iter().flat_map(|(_, watch)| watch.paths()) {
            if let Ok(found) = fs::symlink_metadata(&path) {
                self.at_start.insert(path, found.mode() & 0o777);
            }
        }
    }

    fn keep(mut self, inotify: &Inotify, is_over: &AtomicBool) {
        loop {
            let events = inotify.read_events();
            if is_over.load(Ordering::Acquire) {
                return;
            }
            match events {
                Ok(events) => events.iter().for_each(|event| self.see(event)),
                Err(Errno::EINTR) => {}
                Err(error) => {
                    return error!(%error, "the modes of the state folder are not watched any more");
                }
            }
        }
    }

    fn see(&mut self, event: &InotifyEvent) {
        let is_lost = event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW);
        let mut paths = vec![];
        for (descriptor, watch) in &self.watches {
            if is_lost {
                paths.extend(watch.paths());
            } else if *descriptor == event.wd {
                paths.extend(watch.path(event.name.as_deref()));
            }
        }
        for path in paths {
            match self.close(&path) {
                Ok(None) => {}
                Ok(Some((found, left))) => self.tell(path, found, left),
                // It was there for a moment only, as many files are.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => error!(path = %path.display(), %error, "could not close a file to other users"),
            }
        }
    }

    /// Takes away what others may not do, and gives back what its owner may. The modes before and after, if they differ.
    fn close(&self, path: &Path) -> io::Result<Option<(u32, u32)>> {
        let found = fs::symlink_metadata(path)?;
        let is_ours = found.uid() == nix::unistd::geteuid().as_raw();
        if found.is_symlink() || !is_ours {
            return Ok(None);
        }
        let usual = if found.is_dir() { 0o700 } else { 0o600 };
        let allowed = self.at_start.get(path).copied().unwrap_or(usual);
        let mode = found.permissions().mode() & 0o7777;
        let wanted = (mode | allowed & 0o700) & (0o7700 | allowed);
        if wanted == mode {
            return Ok(None);
        }
        let bits = Mode::from_bits_truncate(wanted);
        fchmodat(AT_FDCWD, path, bits, FchmodatFlags::NoFollowSymlink)?;
        Ok(Some((mode, wanted)))
    }

    fn tell(&mut self, path: PathBuf, found: u32, left: u32) {
        let now = Instant::now();
        let told = self.told.get_mut(&path);
        let times = match told {
            Some((at, more)) if now.duration_since(*at) < QUIET => {
                *more += 1;
                return;
            }
            Some((_, more)) => *more + 1,
            None => 1,
        };
        error!(
            path = %path.display(),
            found = format_args!("{found:o}"),
            left = format_args!("{left:o}"),
            times,
            "something that runs as this user changed the mode of the host's own state; it was changed back. Look at what the \
             agents ran: other users of this machine may have read it meanwhile"
        );
        self.told.insert(path, (now, 0));
    }
}

impl Watch {
    /// Of a file, and of those beside it that begin with its name; links resolved. `None` if its folder is not there.
    fn of_file(file: &Path) -> Option<Self> {
        let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
        let prefix = Some(file.file_name()?.to_string_lossy().into_owned());
        let folder = fs::canonicalize(file.parent()?).ok()?;
        Some(Self { folder, prefix })
    }

    /// The path that an event with this name is about, if that is watched.
    fn path(&self, name: Option<&OsStr>) -> Option<PathBuf> {
        match (name, &self.prefix) {
            (None, None) => Some(self.folder.clone()),
            (None, Some(_)) => None,
            (Some(name), prefix) => {
                let is_it = prefix
                    .as_ref()
                    .is_none_or(|prefix| name.to_string_lossy().starts_with(prefix.as_str()));
                is_it.then(|| self.folder.join(name))
            }
        }
    }

    /// Everything that is watched and there now.
    fn paths(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names = entries.map(|entry| Some(entry.file_name())).chain([None]);
        names.filter_map(|name| self.path(name.as_deref())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// For modes, of which nobody is told when they were set back.
    fn becomes(path: &Path, wanted: u32) {
        let until = Instant::now() + Duration::from_secs(1);
        while mode(path) != wanted {
            assert!(
                Instant::now() < until,
                "{} stays {:o}",
                path.display(),
                mode(path)
            );
            thread::yield_now();
        }
    }

    #[test]
    fn what_is_opened_is_closed_again_as_its_owner_had_it() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let elsewhere = folder.path().join("elsewhere");
        for made in [&state, &elsewhere] {
            fs::create_dir(made).unwrap();
            set(made, 0o700);
        }
        let (config, inside) = (state.join("config.toml"), state.join("workers"));
        let (store, other) = (elsewhere.join("auth.json"), elsewhere.join("notes"));
        let secret = elsewhere.join("password");
        for (path, mode) in [
            (&config, 0o644),
            (&store, 0o600),
            (&other, 0o600),
            (&secret, 0o400),
        ] {
            fs::write(path, "").unwrap();
            set(path, mode);
        }
        fs::create_dir(&inside).unwrap();
        set(&inside, 0o700);
        let guard = Guard::start(&state, &store, std::slice::from_ref(&secret)).unwrap();
        let late = state.join("late");
        fs::write(&late, "").unwrap();
        set(&late, 0o600);
        for (path, opened, left) in [
            (&state, 0o777, 0o700),
            (&state, 0o000, 0o700),
            (&inside, 0o755, 0o700),
            (&late, 0o666, 0o600),
            (&config, 0o666, 0o644),
            (&store, 0o644, 0o600),
            (&store, 0o000, 0o600),
            (&secret, 0o444, 0o400),
        ] {
            set(path, opened);
            becomes(path, left);
        }
        // Closing is what anybody may do; and what is not ours is not our business.
        set(&config, 0o600);
        set(&other, 0o644);
        set(&store, 0o640);
        becomes(&store, 0o600);
        assert_eq!((mode(&config), mode(&other)), (0o600, 0o644));

        let inotify = Arc::downgrade(&guard.inotify);
        drop(guard);
        let until = Instant::now() + Duration::from_secs(10);
        while inotify.strong_count() > 0 {
            assert!(Instant::now() < until, "the thread goes on");
            thread::yield_now();
        }
    }
}
