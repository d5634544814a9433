//! Files beneath a folder, without what Git ignores. Links are not followed.
//!
//! Our own walk and not that of the crate `ignore`, whose rules it uses: that one opens whatever is named `.gitignore`,
//! and would wait for ever for a FIFO, or read an endless device, that an agent put there.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::open;
use super::place::{Place, Places};
use super::stop::Stop;

/// Our folder in the workspace: the home and the temporary files of commands.
pub(super) const OWN: &str = ".agent-host";
const GIT: &str = ".git";
const RULES: &str = ".gitignore";
/// A longer file of rules is cut off.
const RULES_BYTES: u64 = 256 * 1024;
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

/// Shows every regular file beneath a place, sorted by path within each folder. `see` says whether it wants more.
pub(super) fn files(places: &Places, place: &Place, stop: &Stop, mut see: impl FnMut(&Path) -> bool) -> End {
    if !place.path.is_dir() {
        return if see(&place.path) { End::Whole } else { End::Enough };
    }
    let mut folders = vec![(place.path.clone(), rules_above(places, &place.path))];
    let mut looked = 0;
    while let Some((folder, mut rules)) = folders.pop() {
        rules.extend(rules_of(&folder));
        let mut inner = Vec::new();
        for (path, kind) in entries(&folder) {
            looked += 1;
            if looked > ENTRIES || stop.is_due() {
                return End::GaveUp;
            }
            if is_ignored(&rules, &path, kind.is_dir()) {
                continue;
            }
            if kind.is_dir() {
                inner.push((path, rules.clone()));
            } else if kind.is_file() && !see(&path) {
                return End::Enough;
            }
        }
        folders.extend(inner.into_iter().rev());
    }
    End::Whole
}

/// Sorted; without Git's and our own folder. A folder that can't be read has none.
fn entries(folder: &Path) -> Vec<(PathBuf, fs::FileType)> {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name();
            (name != GIT && name != OWN).then_some((entry.path(), entry.file_type().ok()?))
        })
        .collect();
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    entries
}

/// The rules that hold in a folder of the workspace because of the folders above it. None if they ignore the folder
/// itself: whoever names it wants to look into it.
fn rules_above(places: &Places, folder: &Path) -> Rules {
    let Ok(workspace) = places.workspace() else {
        return Rules::new();
    };
    let Ok(way) = folder.strip_prefix(&workspace) else {
        return Rules::new();
    };
    let mut rules = Rules::new();
    let mut here = workspace.clone();
    for name in way {
        rules.extend(rules_of(&here));
        here.push(name);
        if is_ignored(&rules, &here, true) {
            return Rules::new();
        }
    }
    rules
}

fn rules_of(folder: &Path) -> Option<Arc<Gitignore>> {
    let file = open::file(&folder.join(RULES)).ok()?;
    let mut bytes = Vec::new();
    file.take(RULES_BYTES).read_to_end(&mut bytes).ok()?;
    let mut builder = GitignoreBuilder::new(folder);
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
