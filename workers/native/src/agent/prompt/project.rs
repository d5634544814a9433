//! Instructions of the project: `AGENTS.md` in the workspace's root, and where folders have their own.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use crate::tools::{folders_inside, read_inside};

const FILE: &str = "AGENTS.md";

/// Bytes of it that are read.
const LIMIT: usize = 32 * 1024;

/// Folders that are looked at.
const FOLDERS: usize = 500;

/// Files that are named.
const NAMED: usize = 20;

/// The part of the system prompt about them; empty if there are none. What can't be read is told to the model, and logged.
pub(super) fn section(workspace: &Path) -> String {
    let mut section = String::new();
    // Writing into a string can't fail.
    if let Some(words) = root(workspace) {
        let _ = write!(section, "\n# Instructions of this project ({FILE})\n\n{words}\n");
    }
    let folders = with_their_own(workspace);
    if !folders.is_empty() {
        let _ = write!(
            section,
            "\n# Folders with instructions of their own\n\nRead the file before you work in its folder, or below it:\n\n"
        );
        for folder in folders {
            let _ = writeln!(section, "- {}", folder.join(FILE).display());
        }
    }
    section
}

fn root(workspace: &Path) -> Option<String> {
    let mut bytes = match read_inside(workspace, FILE, LIMIT as u64 + 1) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::warn!(%error, "could not read the project's {FILE}");
            return Some(format!(
                "(There is a file with instructions, but it could not be read: {error}. Say so in your answer.)"
            ));
        }
    };
    let is_cut = bytes.len() > LIMIT;
    bytes.truncate(LIMIT);
    let mut text = String::from_utf8_lossy(&bytes).trim().to_owned();
    if is_cut {
        let kibibytes = LIMIT / 1024;
        tracing::warn!(kibibytes, "the project's {FILE} is too long, and is cut");
        // Writing into a string can't fail.
        let _ = write!(
            text,
            "\n\n(cut after {kibibytes} KiB: read the file for the rest)"
        );
    }
    (!text.is_empty()).then_some(text)
}

/// Folders below the workspace with such a file, by path. Further down than they are looked for the model looks by itself.
fn with_their_own(workspace: &Path) -> Vec<PathBuf> {
    let mut found = folders_inside(workspace, FOLDERS).found;
    found.retain(|folder| workspace.join(folder).join(FILE).symlink_metadata().is_ok());
    found.sort();
    found.truncate(NAMED);
    found
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use nix::sys::stat::Mode;
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_link_is_followed_as_long_as_it_stays_inside() {
        let (workspace, outside) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let file = workspace.path().join(FILE);
        fs::write(workspace.path().join("CLAUDE.md"), "use tabs").unwrap();
        symlink("CLAUDE.md", &file).unwrap();
        assert!(section(workspace.path()).contains("use tabs"));

        let secret = outside.path().join("auth.json");
        fs::write(&secret, "planted").unwrap();
        for target in [secret.as_path(), Path::new("nowhere")] {
            fs::remove_file(&file).unwrap();
            symlink(target, &file).unwrap();
            let told = section(workspace.path());
            assert!(
                !told.contains("planted") && told.contains("could not be read"),
                "{told}"
            );
        }
    }

    #[test]
    fn what_is_no_file_or_holds_nothing_is_not_waited_for() {
        let workspace = TempDir::new().unwrap();
        let file = workspace.path().join(FILE);
        assert_eq!(section(workspace.path()), "");
        nix::unistd::mkfifo(&file, Mode::S_IRWXU).unwrap();
        assert!(section(workspace.path()).contains("it is a FIFO"));
        fs::remove_file(&file).unwrap();
        fs::write(&file, " \n").unwrap();
        assert_eq!(section(workspace.path()), "");
    }

    #[test]
    fn only_what_is_longer_than_the_limit_is_cut() {
        let workspace = TempDir::new().unwrap();
        for (length, is_cut) in [(LIMIT, false), (LIMIT + 1, true)] {
            fs::write(workspace.path().join(FILE), "x".repeat(length)).unwrap();
            let told = section(workspace.path());
            assert_eq!(told.contains("cut after 32 KiB"), is_cut, "{length}");
            assert_eq!(told.matches('x').count(), LIMIT, "{length}");
        }
    }

    #[test]
    fn folders_with_instructions_are_named_down_to_the_second_level() {
        let workspace = TempDir::new().unwrap();
        for folder in ["b", "a/inner", "a/inner/deep", ".hidden", "b\n# x"] {
            let folder = workspace.path().join(folder);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(FILE), "words").unwrap();
        }
        let told = section(workspace.path());
        let (_, list) = told.split_once("below it:\n\n").unwrap();
        assert_eq!(list, "- a/inner/AGENTS.md\n- b/AGENTS.md\n");
    }
}
