//! Files beneath a folder, without what Git ignores. Links are not followed.
//!
//! Our own walk and not that of the crate `ignore`, whose rules it uses: that one opens whatever is named `.gitignore`,
//! and would wait for ever for a FIFO, or read an endless device, that an agent put there.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::open::{self, Entry, EntryKind, Missing};
use super::place::{Place, Places};
use super::stop::Stop;

/// Our folder in the workspace: the home and the temporary files of commands.
pub(super) const OWN: &str = ".agent-host";
const GIT: &str = ".git";
const RULES: &str = ".gitignore";
/// A longer file of rules is cut off.
const FILE_BYTES: u64 = 32 * 1024;
/// Bytes of rules that a walk reads in all; what comes after that is passed over. In memory they take up to two hundred
/// times as much.
const ALL_BYTES: u64 = 128 * 1024;
/// Entries that are looked at before a search gives up.
const ENTRIES: usize = 500_000;

/// How a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Everything was seen.
    Whole,
    /// Whoever looks had enough.
    Enough,
    /// It took too long, or there were too many files.
    GaveUp,
}

impl End {
    /// What the model has to know about an answer that is not the whole.
    pub(super) fn words(self, enough: &str) -> Option<String> {
        match self {
            Self::Whole => None,
            Self::Enough => Some(format!("[{enough}: make the pattern or the path narrower]")),
            Self::GaveUp => {
                Some("[there are too many files to look at all of them: name a path further down]".to_owned())
            }
        }
    }
}

/// Rules from the outermost folder inwards.
type Rules = Vec<Arc<Gitignore>>;

/// A regular file that was met.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) path: &'a Path,
    folder: &'a OwnedFd,
    name: &'a OsStr,
}

impl Found<'_> {
    /// Opens it where it was met, wherever its path leads by now.
    pub(super) fn open(&self) -> io::Result<File> {
        open::file_in(self.folder, self.name.as_ref())
    }
}

/// Shows every regular file beneath a place, sorted by path within each folder. `see` says whether it wants more.
///
/// Each folder is opened anew from the root on, without following any link: one that took a folder's place in the meantime
/// leads nowhere.
///
/// Errors: the place itself can't be opened.
pub(super) fn files(
    places: &Places,
    place: &Place,
    stop: &Stop,
    mut see: impl FnMut(Found<'_>) -> bool,
) -> io::Result<End> {
    let path = &place.path;
    if let (true, Some(parent), Some(name)) = (open::look(path)?.is_file(), path.parent(), path.file_name()) {
        let folder = &open::folder(parent, Missing::Refuse)?;
        let more = see(Found { path, folder, name });
        return Ok(if more { whole(stop) } else { End::Enough });
    }
    open::folder(path, Missing::Refuse)?;
    let mut budget = ALL_BYTES;
    let mut folders = vec![(path.clone(), rules_above(places, path, &mut budget))];
    let mut looked = 0;
    while let Some((way, mut rules)) = folders.pop() {
        // One that can't be read, or is not there any more, has no files.
        let Ok(folder) = open::folder(&way, Missing::Refuse) else {
            continue;
        };
        rules.extend(rules_of(&folder, &way, &mut budget));
        let mut inner = Vec::new();
        for Entry { name, kind } in open::entries(&folder, stop).unwrap_or_default() {
            looked += 1;
            if looked > ENTRIES || stop.is_due() {
                return Ok(End::GaveUp);
            }
            // Git's own folder, and ours.
            if name == GIT || name == OWN {
                continue;
            }
            let path = way.join(&name);
            if is_ignored(&rules, &path, kind == EntryKind::Folder) {
                continue;
            }
            let found = Found {
                path: &path,
                folder: &folder,
                name: &name,
            };
            match kind {
                EntryKind::Folder => inner.push((path, rules.clone())),
                EntryKind::File if !see(found) => return Ok(End::Enough),
                EntryKind::File | EntryKind::Other => {}
            }
        }
        folders.extend(inner.into_iter().rev());
    }
    Ok(whole(stop))
}

/// Everything was seen, unless the time was over in the last of it.
fn whole(stop: &Stop) -> End {
    if stop.is_due() { End::GaveUp } else { End::Whole }
}

/// The rules that hold in a folder of the workspace because of the folders above it. None if they ignore the folder
/// itself: whoever names it wants to look into it.
fn rules_above(places: &Places, folder: &Path, budget: &mut u64) -> Rules {
    let Ok(workspace) = places.workspace() else {
        return Rules::new();
    };
    let Ok(way) = folder.strip_prefix(&workspace) else {
        return Rules::new();
    };
    let mut rules = Rules::new();
    let mut here = workspace.clone();
    for name in way {
        if let Ok(folder) = open::folder(&here, Missing::Refuse) {
            rules.extend(rules_of(&folder, &here, budget));
        }
        here.push(name);
        if is_ignored(&rules, &here, true) {
            return Rules::new();
        }
    }
    rules
}

fn rules_of(folder: &OwnedFd, path: &Path, budget: &mut u64) -> Option<Arc<Gitignore>> {
    let file = open::file_in(folder, RULES.as_ref()).ok()?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES.min(*budget)).read_to_end(&mut bytes).ok()?;
    *budget -= bytes.len() as u64;
    let mut builder = GitignoreBuilder::new(path);
    for line in String::from_utf8_lossy(&bytes)
        .trim_start_matches('\u{feff}')
        .lines()
    {
        // Git passes over a line that makes no sense, too.
        let _ = builder.add_line(None, line);
    }
    builder.build().ok().map(Arc::new)
}

fn is_ignored(rules: &Rules, path: &Path, is_folder: bool) -> bool {
    rules
        .iter()
        .rev()
        .map(|rules| rules.matched(path, is_folder))
        .find(|found| !found.is_none())
        .is_some_and(|found| found.is_ignore())
}
