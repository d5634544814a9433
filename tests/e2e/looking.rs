//! Looking changes nothing: where the state folder can't be written, where there is none, and after an upgrade.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nix::unistd::geteuid;
use rusqlite::Connection;
use serde_json::Value;
use support::{Scene, agent_host, program};
use tempfile::TempDir;

const NOBODY: u32 = 65534;

/// What every file of ours says, and its format.
const OURS: &str = "PRAGMA journal_mode = WAL; PRAGMA application_id = 0x61674843;";

const FORMATS: [&str; 3] = [
    include_str!("../../src/conversation/src/schema/0001.sql"),
    include_str!("../../src/conversation/src/schema/0002.sql"),
    include_str!("../../src/conversation/src/schema/0003.sql"),
];

/// One thread with one turn and its answer, as a host of any format has written them.
const STORY: &str = r#"
INSERT INTO threads (id, owner, title, agent, dispatch, created, active) VALUES ('web:old', 'web:alice', 'Old words', 'native', 'queue', 1, 2);
INSERT INTO turns (thread, source, author, name, text, files, state, created, started, ended)
    VALUES ('web:old', 'm1', 'web:alice', 'alice', 'hello', '[]', 'failed', 1, 1, 2);
INSERT INTO items (thread, turn, at, unfinished, body) VALUES ('web:old', 1, 2, 0, '{"item":"answer","text":"said long ago"}');
"#;

/// A conversation of this format (from 1) in a state folder.
fn kept(home: &Path, format: u8) -> Connection {
    let database = Connection::open(home.join("conversation.db")).expect("it can be made");
    for script in FORMATS[..usize::from(format)].iter().chain([&STORY, &OURS]) {
        database.execute_batch(script).expect("it is SQL");
    }
    database
        .pragma_update(None, "user_version", format)
        .expect("it has a format");
    database
}

/// Everything in a folder, with its content. (In `-shm` SQLite notes who reads, where somebody has the file open.)
fn all_of(home: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(home).expect("it can be listed");
    let paths = entries.map(|entry| entry.expect("it is there").path());
    paths
        .map(|path| {
            let is_shared = path.to_string_lossy().ends_with("-shm");
            let bytes = if is_shared {
                vec![]
            } else {
                fs::read(&path).unwrap_or_default()
            };
            (path, bytes)
        })
        .collect()
}

/// Somebody who owns the state folder and may not write to it. (Root may write everywhere, so it becomes somebody else.)
struct Reader {
    home: PathBuf,
    programs: TempDir,
}

impl Reader {
    fn of(home: &Path) -> Self {
        let programs = tempfile::tempdir().expect("a folder can be made");
        fs::set_permissions(programs.path(), Permissions::from_mode(0o755)).expect("it is ours");
        for name in ["agent-host", "agent-host-worker"] {
            let (from, to) = (program(name), programs.path().join(name));
            // The build may lie where nobody else may go, or on another disk.
            fs::hard_link(&from, &to)
                .or_else(|_| fs::copy(&from, &to).map(drop))
                .expect("a program can be linked or copied");
        }
        for path in all_of(home).keys().map(PathBuf::as_path).chain([home]) {
            if geteuid().is_root() {
                chown(path, Some(NOBODY), Some(NOBODY)).expect("root gives files away");
            }
        }
        fs::set_permissions(home, Permissions::from_mode(0o500)).expect("it was ours");
        Self {
            home: home.to_owned(),
            programs,
        }
    }

    fn runs(&self, scene: &Scene, line: &str) -> Output {
        let mut command = Command::new(self.programs.path().join("agent-host"));
        command
            .args(line.split_whitespace())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("AGENT_HOST_HOME", &self.home)
            .env("AGENT_HOST_REHEARSAL_URL", scene.url().as_str());
        if geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.output().expect("it runs")
    }

    /// What a run printed, which ended with this code.
    #[track_caller]
    fn sees(&self, scene: &Scene, line: &str, code: i32) -> String {
        let output = self.runs(scene, line);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let told = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{line}: {told}");
        told
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // Else the folder of an ordinary user could not be cleared away.
        let _ = fs::set_permissions(&self.home, Permissions::from_mode(0o700));
    }
}

#[tokio::test]
async fn what_can_only_be_read_is_shown_and_stays_as_it_is() {
    for (format, runs) in [(3, false), (2, false), (3, true), (2, true)] {
        let scene = Scene::signed_in().await;
        let database = kept(scene.folder(), format);
        // One that has it open leaves what it wrote last in a log beside it.
        let _running = runs.then_some(database);
        let reader = Reader::of(scene.folder());
        let before = all_of(scene.folder());
        let about = format!("format {format}, open elsewhere: {runs}");
        for (line, code, words) in [
            ("threads list", 0, "Old words"),
            ("threads show web:old", 0, "said long ago"),
            ("status", 1, "the last turn failed"),
            ("auth list", 0, "valid"),
            ("auth token rehearsal", 0, ""),
        ] {
            let told = reader.sees(&scene, line, code);
            assert!(told.contains(words), "{about}: {line}: {told}");
            assert!(!told.contains("error"), "{about}: {line}: {told}");
        }
        let report = reader.sees(&scene, "doctor --json", 1);
        let report: Value = serde_json::from_str(&report).expect("one line of JSON");
        let checks = report["checks"].as_array().expect("a list").iter();
        let failed: Vec<_> = checks.filter(|check| check["status"] == "fail").collect();
        let [folder] = failed[..] else {
            panic!("{about}: {failed:#?}")
        };
        assert_eq!(folder["name"], "folder", "{about}: {folder}");
        let message = folder["message"].as_str().expect("words");
        assert!(message.contains("what is kept there is shown, but no host can start"));
        assert!(all_of(scene.folder()) == before, "{about}: something changed");
    }
}

#[tokio::test]
async fn where_writing_is_needed_and_impossible_it_is_said() {
    let scene = Scene::signed_in().await;
    drop(kept(scene.folder(), 3));
    scene.expire(&scene.host());
    let reader = Reader::of(scene.folder());
    for (line, code, words) in [
        ("threads skip web:old", 1, "must be able to write there"),
        ("up --listen 127.0.0.1:0", 1, "must be able to write there"),
        ("auth begin rehearsal", 1, "this user may not"),
        ("auth logout rehearsal", 1, "this user may not"),
        ("auth token rehearsal", 4, "Permission denied"),
    ] {
        let told = reader.sees(&scene, line, code);
        assert!(told.contains(words) && told.contains("hint: "), "{line}: {told}");
    }
}

#[tokio::test]
async fn a_copy_whose_log_can_not_be_read_there_says_so() {
    let (scene, elsewhere) = (Scene::signed_in().await, Scene::signed_in().await);
    // Not merged while somebody has it open, and without what SQLite shares between those who do.
    let _running = kept(elsewhere.folder(), 3);
    for name in ["conversation.db", "conversation.db-wal"] {
        fs::copy(elsewhere.folder().join(name), scene.folder().join(name)).expect("it can be copied");
    }
    let reader = Reader::of(scene.folder());
    let told = reader.sees(&scene, "threads list", 1);
    assert!(
        told.contains("conversation.db-wal`, and SQLite can't read that where it may not write"),
        "{told}"
    );
}

#[test]
fn where_there_is_no_state_folder_none_is_made() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let home = folder.path().join("new").join("state");
    for (line, code) in [
        ("status", 1),
        ("threads list", 0),
        ("auth list", 0),
        ("auth token openai", 3),
        ("doctor", 0),
        ("doctor --probe", 0),
    ] {
        let output = agent_host(&home).args(line.split_whitespace()).output();
        let output = output.expect("it runs");
        assert_eq!(output.status.code(), Some(code), "{line}: {output:?}");
        assert!(!folder.path().join("new").exists(), "{line} made it");
    }
    let begun = agent_host(&home).args(["auth", "begin", "openai"]).status();
    assert!(begun.expect("it runs").success());
    let mode = fs::metadata(&home).expect("it was needed").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn after_an_upgrade_what_an_older_host_wrote_is_shown_and_left_to_the_next_host() {
    let home = tempfile::tempdir().expect("a folder can be made");
    drop(kept(home.path(), 2));
    let format = || {
        let database = Connection::open(home.path().join("conversation.db")).expect("it is there");
        let format = database.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0));
        format.expect("it has one")
    };
    let before = fs::read(home.path().join("conversation.db")).expect("it is there");
    let old = format();
    for (line, words) in [
        ("threads list", "Old words"),
        ("threads show web:old", "said long ago"),
        ("status", "the last turn failed"),
    ] {
        let output = agent_host(home.path()).args(line.split_whitespace()).output();
        let told = String::from_utf8_lossy(&output.expect("it runs").stdout).into_owned();
        assert!(told.contains(words) && !told.contains("format"), "{line}: {told}");
    }
    assert!(fs::read(home.path().join("conversation.db")).expect("it is there") == before);
    // Whoever changes something brings it up to date.
    let skipped = agent_host(home.path())
        .args(["threads", "skip", "web:old"])
        .status();
    assert!(skipped.expect("it runs").success());
    assert!(format() > old, "{} from {old}", format());
}

#[tokio::test]
async fn a_state_folder_that_nobody_can_look_into_is_told_as_that() {
    let scene = Scene::signed_in().await;
    let reader = Reader::of(scene.folder());
    if geteuid().is_root() {
        chown(scene.folder(), Some(0), Some(0)).expect("root takes it back");
        fs::set_permissions(scene.folder(), Permissions::from_mode(0o700)).expect("it is ours");
    } else {
        fs::set_permissions(scene.folder(), Permissions::from_mode(0o000)).expect("it is ours");
    }
    let inside = format!("could not look into `{}`", scene.folder().display());
    for line in ["status", "threads list"] {
        let told = reader.sees(&scene, line, 1);
        assert!(
            told.contains(&inside) && told.contains("point AGENT_HOST_HOME at a folder of your own"),
            "{line}: {told}"
        );
        assert!(!told.contains("reach the running host"), "{told}");
    }
    let told = reader.sees(&scene, "doctor", 1);
    let denied = "Permission denied (os error 13)";
    assert!(
        told.contains("could not look at the conversation in")
            && !told.contains(&format!("{denied}: {denied}")),
        "{told}"
    );
}
