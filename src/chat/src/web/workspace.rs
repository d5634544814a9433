//! Files of a thread's workspace, which an agent fills as it likes: no name and no link leads out of it.
//!
//! The kernel does the walking (`openat2`, `RESOLVE_BENEATH`), so nothing can be swapped between a check and its use.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{Mode, mkdirat};

/// The folder that uploads are put into.
const UPLOADS: &str = "uploads";

/// Names that are tried before a file is refused.
const MOST_NAMES: u32 = 10_000;

/// Opens a regular file of a workspace for reading.
///
/// Errors: `NotFound` also for what is no regular file and for what would lead out.
pub(crate) fn open(workspace: &Path, path: &str) -> io::Result<File> {
    let nothing = || io::Error::from(io::ErrorKind::NotFound);
    let path = PathBuf::from(path);
    // Not decided here, only told apart from what the kernel refuses for other reasons.
    let is_sound = |part: Component<'_>| matches!(part, Component::Normal(name) if !name.as_encoded_bytes().contains(&0));
    if !path.components().all(is_sound) {
        return Err(nothing());
    }
    // Opening a pipe would wait for somebody to write into it.
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let how = OpenHow::new()
        .flags(flags)
        .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let file = match openat2(folder(workspace)?, &path, how) {
        Ok(file) => File::from(file),
        Err(Errno::EXDEV | Errno::ELOOP | Errno::ENOTDIR | Errno::ENXIO | Errno::ENAMETOOLONG) => {
            return Err(nothing());
        }
        Err(error) => return Err(error.into()),
    };
    let kind = file.metadata()?.file_type();
    if kind.is_file() && !kind.is_fifo() {
        Ok(file)
    } else {
        Err(nothing())
    }
}

/// Puts a file into `uploads/` of a workspace, under this name or the next free one like it. Gives its path there.
pub(crate) fn put(workspace: &Path, name: &str, content: &mut impl io::Read) -> io::Result<String> {
    put_unless(workspace, name, content, |_| Ok(false))
}

/// The same, unless a file with this very content is there already under one of these names: then it is that one.
pub(crate) fn put_once(workspace: &Path, name: &str, content: &[u8]) -> io::Result<String> {
    let is_it = |there: &mut File| {
        let about = there.metadata()?;
        if !about.file_type().is_file() || about.len() != content.len() as u64 {
            return Ok(false);
        }
        let mut known = Vec::with_capacity(content.len());
        there.take(about.len()).read_to_end(&mut known)?;
        Ok(known == content)
    };
    put_unless(workspace, name, &mut &content[..], is_it)
}

fn put_unless(
    workspace: &Path,
    name: &str,
    content: &mut impl io::Read,
    is_it: impl Fn(&mut File) -> io::Result<bool>,
) -> io::Result<String> {
    let workspace = folder(workspace)?;
    match mkdirat(&workspace, UPLOADS, Mode::S_IRWXU) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(error) => return Err(error.into()),
    }
    // An agent may have put a link in its place.
    let inside = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS;
    let how = OpenHow::new()
        .flags(OFlag::O_DIRECTORY | OFlag::O_RDONLY | OFlag::O_CLOEXEC)
        .resolve(inside);
    let uploads = openat2(&workspace, UPLOADS, how)?;
    for count in 1..=MOST_NAMES {
        let name = numbered(name, count);
        let how = OpenHow::new()
            .flags(OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC)
            .mode(Mode::S_IRUSR | Mode::S_IWUSR)
            .resolve(inside);
        match openat2(&uploads, name.as_str(), how) {
            Ok(file) => {
                let mut file = File::from(file);
                io::copy(content, &mut file)?;
                file.sync_all()?;
                return Ok(format!("{UPLOADS}/{name}"));
            }
            Err(Errno::EEXIST) => {
                let how = OpenHow::new()
                    .flags(OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC)
                    .resolve(inside);
                // What can't be opened is another file.
                if let Ok(there) = openat2(&uploads, name.as_str(), how)
                    && is_it(&mut File::from(there))?
                {
                    return Ok(format!("{UPLOADS}/{name}"));
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn folder(path: &Path) -> io::Result<OwnedFd> {
    File::open(path).map(OwnedFd::from)
}

/// `a.txt`, `a-2.txt`, `a-3.txt`.
fn numbered(name: &str, count: u32) -> String {
    if count == 1 {
        return name.to_owned();
    }
    match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => format!("{stem}-{count}.{ending}"),
        _ => format!("{name}-{count}"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Seek as _, Write as _};
    use std::os::unix::fs::symlink;

    use super::*;

    fn workspace() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().join("workspace");
        fs::create_dir_all(workspace.join("in")).unwrap();
        fs::write(workspace.join("in/a.txt"), "inside").unwrap();
        fs::write(folder.path().join("secret"), "outside").unwrap();
        (folder, workspace)
    }

    #[test]
    fn what_is_there_already_is_not_put_twice() {
        let (folder, workspace) = workspace();
        let put = |content: &str| put_once(&workspace, "a.txt", content.as_bytes()).unwrap();
        assert_eq!(put("one"), "uploads/a.txt");
        assert_eq!(put("two"), "uploads/a-2.txt");
        assert_eq!([put("one"), put("two")], ["uploads/a.txt", "uploads/a-2.txt"]);
        fs::write(folder.path().join("secret"), "three").unwrap();
        symlink(folder.path().join("secret"), workspace.join("uploads/a-3.txt")).unwrap();
        assert_eq!(put("three"), "uploads/a-4.txt", "no link is followed");
    }

    fn text(content: &str) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        file.rewind().unwrap();
        file
    }

    #[test]
    fn only_regular_files_that_are_inside_are_opened() {
        let (folder, workspace) = workspace();
        let secret = folder.path().join("secret");
        symlink("in/a.txt", workspace.join("good")).unwrap();
        symlink(&secret, workspace.join("bad")).unwrap();
        symlink("../secret", workspace.join("up")).unwrap();
        symlink(folder.path(), workspace.join("out")).unwrap();
        symlink("loop", workspace.join("loop")).unwrap();
        nix::unistd::mkfifo(&workspace.join("pipe"), Mode::S_IRWXU).unwrap();
        for path in ["in/a.txt", "good"] {
            let mut content = String::new();
            open(&workspace, path)
                .unwrap()
                .read_to_string(&mut content)
                .unwrap();
            assert_eq!(content, "inside", "{path}");
        }
        let absolute = secret.display().to_string();
        for path in [
            "bad",
            "up",
            "out/secret",
            "../secret",
            "in/../../secret",
            "in/../in/a.txt",
            "loop",
            "pipe",
            "in",
            "",
            ".",
            "/",
            &absolute,
            "in/a.txt/x",
            "nothing",
            "a\0b",
            &"x".repeat(300),
            "/proc/self/environ",
        ] {
            let error = open(&workspace, path).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::NotFound, "{path}");
        }
    }

    #[test]
    fn uploads_never_replace_a_file_and_never_follow_a_link() {
        let (folder, workspace) = workspace();
        assert_eq!(put(&workspace, "a.txt", &mut text("1")).unwrap(), "uploads/a.txt");
        assert_eq!(
            put(&workspace, "a.txt", &mut text("2")).unwrap(),
            "uploads/a-2.txt"
        );
        symlink(folder.path().join("made"), workspace.join("uploads/b")).unwrap();
        assert_eq!(put(&workspace, "b", &mut text("3")).unwrap(), "uploads/b-2");
        assert!(!folder.path().join("made").exists());
        assert_eq!(fs::read_to_string(workspace.join("uploads/a.txt")).unwrap(), "1");

        fs::remove_dir_all(workspace.join("uploads")).unwrap();
        symlink(folder.path(), workspace.join("uploads")).unwrap();
        assert!(put(&workspace, "c.txt", &mut text("4")).is_err());
        assert!(!folder.path().join("c.txt").exists());
    }

    #[test]
    fn numbers_go_before_the_ending() {
        assert_eq!(numbered("a.tar.gz", 2), "a.tar-2.gz");
        assert_eq!(numbered(".env", 2), ".env-2");
        assert_eq!(numbered("Makefile", 3), "Makefile-3");
    }
}
