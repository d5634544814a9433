//! Files written whole: into a new one beside the old, then put in its place. Whatever interrupts it, one of the two is there.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, eaccess};
use secrecy::{ExposeSecret as _, SecretString};

use super::document::{self, Plan};
use crate::config::{self, Problem};
use crate::failure::Failure;

/// The configuration's text; nothing, if there is none.
pub(super) fn text(path: &Path) -> Result<String, Failure> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read.map_err(|error| Failure::during(error, format!("could not read `{}`", path.display()))),
    }
}

/// Before anything is asked. Errors: whatever is answered could not be written.
pub(super) fn may_write(path: &Path) -> Result<(), Failure> {
    let target = real(path).unwrap_or_else(|_| path.to_owned());
    // The nearest folder that is there: what is missing below it is made.
    let folder = target.ancestors().skip(1).find(|folder| folder.exists());
    let folder = folder.unwrap_or(Path::new("/"));
    eaccess(folder, AccessFlags::W_OK | AccessFlags::X_OK).map_err(|error| {
        let what = format!("the configuration `{}` could not be written: `{}`", path.display(), folder.display());
        Failure::during(io::Error::from(error), what)
            .hint("run this as the user whose folder it is, or name another configuration with --config; nothing was asked yet")
    })
}

/// Merges the plan into the file as it is now, checks what comes out as `config check` does, and puts it in place. A link
/// stays one; modes stay.
pub(super) fn write(path: &Path, plan: &Plan) -> Result<(), Failure> {
    let failed = |error| Failure::during(error, format!("could not write `{}`", path.display()));
    let target = real(path).map_err(failed)?;
    let folder = target.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder).map_err(failed)?;
    let mode = fs::metadata(&target).map_or(0o600, |found| found.permissions().mode() & 0o7777);
    let merged = document::merged(&text(&target)?, plan)?;
    let draft = drafted(folder, merged.as_bytes(), mode).map_err(failed)?;
    let loaded = config::load(Some(draft.path()))?;
    if let Some(problem) = loaded.problems.iter().find(|problem| problem.concerns_all()) {
        return Err(Failure::words(format!(
            "the new configuration would be wrong, and the old one is left as it is: {}",
            Problem::to_string(problem)
        )));
    }
    put(draft, &target).map_err(failed)
}

/// Writes a secret that only this user may read.
pub(super) fn write_secret(path: &Path, secret: &SecretString) -> Result<(), Failure> {
    let failed = |error| Failure::during(error, format!("could not write `{}`", path.display()));
    let folder = path.parent().unwrap_or(Path::new("/"));
    let line = SecretString::from(format!("{}\n", secret.expose_secret()));
    let draft = drafted(folder, line.expose_secret().as_bytes(), 0o600).map_err(failed)?;
    put(draft, path).map_err(failed)
}

fn real(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path.to_owned()),
        found => found,
    }
}

fn drafted(folder: &Path, bytes: &[u8], mode: u32) -> io::Result<tempfile::NamedTempFile> {
    let mut draft = tempfile::Builder::new()
        .prefix(".agent-host-")
        .tempfile_in(folder)?;
    draft.write_all(bytes)?;
    draft.as_file().set_permissions(Permissions::from_mode(mode))?;
    draft.as_file().sync_all()?;
    Ok(draft)
}

fn put(draft: tempfile::NamedTempFile, target: &Path) -> io::Result<()> {
    draft.persist(target).map_err(|error| error.error)?;
    File::open(target.parent().unwrap_or(Path::new("/")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::super::document::{Channels, People};
    use super::*;
    use crate::config::Source;

    #[test]
    fn a_file_that_is_not_there_is_made_for_this_user_alone_and_nothing_is_left_beside_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("new/agent-host/config.toml");
        let plan = Plan {
            source: Some(Source::Command(vec!["pass".to_owned()])),
            channels: Channels::All,
            people: People::none(),
        };
        write(&path, &plan).unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "[discord]\ntoken_command = [\"pass\"]\n"
        );
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);

        // What would come out wrong is not put there.
        let plan = Plan {
            source: Some(Source::Command(vec![])),
            ..plan
        };
        let told = write(&path, &plan).unwrap_err().to_string();
        assert!(told.contains("the old one is left as it is"), "{told}");
        assert!(fs::read_to_string(&path).unwrap().contains("pass"));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
