//! The cage as attacks and ordinary programs meet it: real processes, as the user who runs the tests and, where that is
//! root, as an unprivileged one too. Every attack is shown to succeed with its layer off.

mod attacks;
mod calls;
mod processes;
mod programs;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::{Uid, chown};
use tempfile::TempDir;

use crate::{Cage, Layer, Policy};

/// `nobody`, as most systems number it.
const UNPRIVILEGED: u32 = 65_534;

/// A state folder as a host has it, with two threads' workspaces, owned by the user that the commands run as.
struct Scene {
    folder: TempDir,
    user: Option<u32>,
}

/// What a command printed, and whether it ended well.
#[derive(Debug)]
struct Seen {
    text: String,
    success: bool,
}

/// A scene per user: ourselves, and an unprivileged one where that can be.
fn scenes() -> Vec<Scene> {
    let other = Uid::effective().is_root().then_some(Some(UNPRIVILEGED));
    [None].into_iter().chain(other).map(Scene::new).collect()
}

impl Scene {
    fn new(user: Option<u32>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scene = Self { folder, user };
        fs::set_permissions(scene.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir_all(scene.workspace()).unwrap();
        fs::create_dir_all(scene.state().join("threads/two")).unwrap();
        fs::write(scene.secret(), "planted-secret").unwrap();
        fs::set_permissions(scene.secret(), fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(scene.state().join("threads/two/notes"), "planted-secret").unwrap();
        for path in [
            scene.state(),
            scene.secret(),
            scene.state().join("threads"),
            scene.workspace(),
            scene.state().join("threads/two"),
            scene.state().join("threads/two/notes"),
        ] {
            scene.give(&path);
        }
        scene
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The credentials.
    fn secret(&self) -> PathBuf {
        self.state().join("auth.json")
    }

    fn workspace(&self) -> PathBuf {
        self.state().join("threads/one")
    }

    fn give(&self, path: &Path) {
        if let Some(user) = self.user {
            chown(path, Some(user.into()), Some(user.into())).unwrap();
        }
    }

    fn policy(&self, without: &[Layer]) -> Policy {
        Policy {
            workspace: self.workspace(),
            readable: Vec::new(),
            without: without.into(),
        }
    }

    fn command(&self, without: &[Layer], program: &str, arguments: &[&str]) -> Command {
        let cage = Cage::prepare(&self.policy(without)).unwrap();
        for inner in ["", "home", "tmp"] {
            self.give(&self.workspace().join(".agent-host").join(inner));
        }
        let mut command = cage.command(program, arguments);
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, without: &[Layer], program: &str, arguments: &[&str]) -> Seen {
        let output = self.command(without, program, arguments).output().unwrap();
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        Seen {
            text,
            success: output.status.success(),
        }
    }

    fn shell(&self, without: &[Layer], script: &str) -> Seen {
        self.run(without, "sh", &["-c", script])
    }
}
