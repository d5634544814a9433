//! Who a state folder is: a name that goes with it when it is moved, and that no other folder has.
//!
//! A path does not tell: two containers may have different folders at the same one. So the folder keeps a random name in a
//! file of its own. A copy of the folder has a copy of that, and is told apart by the file's number.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

/// The file, in the state folder.
const FILE: &str = "host.id";

/// Random bytes of a name.
const RANDOM: usize = 16;

/// The name of a state folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity(String);

impl Identity {
    /// The name of this folder, which is made and durable if it has none. To be called by the one host of the folder.
    pub(super) fn of(folder: &Path) -> io::Result<Self> {
        let path = folder.join(FILE);
        let kept = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            read => Some(read?),
        };
        let kept = kept.filter(|kept| is_random(kept.trim()));
        let random = match kept {
            Some(kept) => kept.trim().to_owned(),
            None => make(folder, &path)?,
        };
        let file = fs::metadata(&path)?;
        Ok(Self(format!("{random}.{}.{}", file.dev(), file.ino())))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_random(text: &str) -> bool {
    text.len() == 2 * RANDOM && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn make(folder: &Path, path: &Path) -> io::Result<String> {
    let mut bytes = [0_u8; RANDOM];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    let random = format!("{:032x}", u128::from_ne_bytes(bytes));
    let new = folder.join(format!("{FILE}.new"));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    writeln!(file, "{random}")?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(folder)?.sync_all()?;
    Ok(random)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_name_goes_with_its_folder_and_not_with_a_copy_or_the_path() {
        let root = tempfile::tempdir().unwrap();
        let (here, there) = (root.path().join("here"), root.path().join("there"));
        fs::create_dir(&here).unwrap();
        let first = Identity::of(&here).unwrap();
        assert_eq!(Identity::of(&here).unwrap(), first);
        let mode = fs::metadata(here.join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::rename(&here, &there).unwrap();
        assert_eq!(Identity::of(&there).unwrap(), first);
        fs::create_dir(&here).unwrap();
        let second = Identity::of(&here).unwrap();
        assert_ne!(second, first);
        fs::copy(there.join(FILE), here.join("copy")).unwrap();
        fs::rename(here.join("copy"), here.join(FILE)).unwrap();
        let copied = Identity::of(&here).unwrap();
        assert!(copied != first && copied != second);
    }

    #[test]
    fn a_name_that_was_torn_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "0123").unwrap();
        let made = Identity::of(folder.path()).unwrap();
        assert_eq!(Identity::of(folder.path()).unwrap(), made);
    }
}
