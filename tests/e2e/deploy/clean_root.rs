//! A start where there is nothing but the two programs and a shell: as nobody, and without a home.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::{Host, Person, Scene, program};
use tempfile::TempDir;

use super::{answer, left_out};

/// What the dynamic linker loads for a program, and the linker.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let output = Command::new("ldd")
        .arg(program)
        .output()
        .expect("ldd comes with the C library");
    let text = String::from_utf8(output.stdout).expect("text");
    let words = text
        .lines()
        .filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')));
    words.map(PathBuf::from).collect()
}

/// Nobody in particular.
const NOBODY: u32 = 65534;

/// A root with the two programs, a shell, what they load, and one folder that can be written, which is this user's.
fn clean_root(root: &Path, user: u32) {
    let put = |from: &Path, to: &Path| {
        let to = root.join(to.strip_prefix("/").expect("absolute"));
        fs::create_dir_all(to.parent().expect("it is in a folder")).expect("a folder can be made");
        fs::copy(from, to).expect("a file can be copied");
    };
    for name in ["agent-host", "agent-host-worker"] {
        let built = program(name);
        put(&built, &Path::new("/bin").join(name));
        for library in libraries(&built) {
            put(&library, &library);
        }
    }
    let shell = Path::new("/bin/sh");
    put(shell, shell);
    for library in libraries(shell) {
        put(&library, &library);
    }
    for folder in ["proc", "state", "tmp"] {
        fs::create_dir(root.join(folder)).expect("a folder can be made");
    }
    fs::create_dir(root.join("dev")).expect("a folder can be made");
    for device in ["null", "urandom"] {
        fs::write(root.join("dev").join(device), "").expect("a file can be made");
    }
    fs::set_permissions(root, fs::Permissions::from_mode(0o755)).expect("a mode can be set");
    fs::set_permissions(root.join("state"), fs::Permissions::from_mode(0o700)).expect("a mode can be set");
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777)).expect("a mode can be set");
    chown(root.join("state"), Some(user), Some(user)).expect("root may, and so may a folder's owner");
}

/// Everything read-only but the state and `/tmp`, then the program.
const ENTER: &str = "set -e
mount --rbind \"$1\" \"$1\"
mount --rbind /proc \"$1/proc\"
mount --bind /dev/null \"$1/dev/null\"
mount --bind /dev/urandom \"$1/dev/urandom\"
mount --bind \"$1/state\" \"$1/state\"
mount --bind \"$1/tmp\" \"$1/tmp\"
mount -o remount,bind,ro \"$1\"
root=$1 user=$2
shift 2
if [ \"$user\" = 0 ]; then exec chroot \"$root\" \"$@\"; fi
exec chroot --groups= --userspec=\"$user:$user\" \"$root\" \"$@\"";

/// Runs something in a clean root: as nobody where root does it, else as the test's own user, who is called 0 in there.
/// There is no home folder, and no variable says where one would be.
struct Clean {
    root: TempDir,
    user: u32,
}

impl Clean {
    /// `None` where this machine lets nobody make one, which is told.
    fn new() -> Option<Self> {
        let root = tempfile::tempdir().expect("a folder can be made");
        let is_root = nix::unistd::geteuid().is_root();
        let owner = if is_root {
            NOBODY
        } else {
            nix::unistd::getuid().as_raw()
        };
        clean_root(root.path(), owner);
        let clean = Self {
            root,
            user: if is_root { NOBODY } else { 0 },
        };
        let tried = clean.command(&["/bin/agent-host", "--version"]).output();
        if tried.is_ok_and(|output| output.status.success()) {
            return Some(clean);
        }
        left_out("this machine lets nobody make a root of their own");
        None
    }

    fn path(&self) -> &Path {
        self.root.path()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        if self.user == 0 {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--mount", "sh", "-c", ENTER, "sh"]);
        command.arg(self.path()).arg(self.user.to_string()).args(words);
        command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("AGENT_HOST_HOME", "/state")
            .stdin(Stdio::null());
        command
    }

    /// Puts a file into the state, as if it had been made there.
    fn keep(&self, name: &str, bytes: &[u8]) {
        let path = self.path().join("state").join(name);
        fs::write(&path, bytes).expect("a file can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode can be set");
        if self.user != 0 {
            chown(&path, Some(self.user), Some(self.user)).expect("root may");
        }
    }
}

#[tokio::test]
async fn with_nothing_but_the_two_programs_and_one_folder_to_write_a_host_serves_a_turn() {
    let scene = Scene::signed_in().await;
    let Some(clean) = Clean::new() else { return };
    let config = format!(
        "[agents.native]\ntenant = \"rehearsal\"\nbase_url = \"{}v1\"\nmodel = \"rehearsal\"\npermissions = \"allow\"\n",
        scene.url()
    );
    clean.keep("config.toml", config.as_bytes());
    clean.keep("auth.json", &fs::read(scene.store_path()).expect("it is there"));
    let doctor = || {
        let mut command = clean.command(&["/bin/agent-host", "doctor"]);
        let output = command.output().expect("it starts");
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success(), told)
    };
    let (is_well, told) = doctor();
    assert!(is_well && told.contains("ok   cage"), "{told}");
    let mut up = clean.command(&["/bin/agent-host", "up", "--listen", "127.0.0.1:0"]);
    up.env("AGENT_HOST_REHEARSAL_URL", scene.url().as_str());
    let host = Host::run(up, clean.path());
    let person = Person::enter(host.link()).await;
    let page = answer(
        &person,
        "run: echo from $((6 * 7)) roots; echo closed < /state/host.id",
    )
    .await;
    assert!(
        page.contains("from 42 roots")
            && page.contains("Permission denied")
            && page.contains("class=\"item answer\""),
        "{page}"
    );
    assert_eq!(host.stop(), Some(0));
    let left = fs::read_dir(clean.path().join("tmp")).expect("a folder").count();
    assert_eq!(left, 0, "something was left in /tmp");
    assert!(clean.path().join("state/conversation.db").is_file());
    // A layer that is not to blame is not to be given up.
    fs::remove_file(clean.path().join("bin/sh")).expect("it is there");
    let (is_well, told) = doctor();
    assert!(
        !is_well && told.contains("there is no `/bin/sh` here") && !told.contains("without ="),
        "{told}"
    );
}

#[tokio::test]
async fn with_nothing_but_the_two_programs_and_one_folder_to_write_the_demo_serves_a_turn() {
    let Some(clean) = Clean::new() else { return };
    let demo = clean.command(&["/bin/agent-host", "demo", "--listen", "127.0.0.1:0"]);
    let host = Host::run(demo, clean.path());
    let person = Person::enter(host.link()).await;
    person.sign_in("rehearsal", "somebody").await;
    let page = answer(&person, "say: from a clean root").await;
    assert!(
        page.contains("from a clean root") && page.contains("class=\"item answer\""),
        "{page}"
    );
    assert_eq!(host.stop(), Some(0));
}
