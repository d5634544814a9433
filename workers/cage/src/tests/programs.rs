//! Ordinary programs work inside. One that is not installed is not tried.

use super::{Scene, scenes};
use crate::Cage;

/// Runs a script for every user if all these programs are there.
fn works(programs: &[&str], script: &str, prints: &str) {
    for scene in scenes() {
        let cage = Cage::prepare(&scene.policy(&[])).unwrap();
        if !programs.iter().all(|program| cage.find(program).is_some()) {
            eprintln!("not tested: not all of these are installed: {programs:?}");
            return;
        }
        let seen = scene.shell(&[], script);
        assert!(
            seen.success && seen.text.contains(prints),
            "user {:?}: {seen:?}",
            scene.user
        );
    }
}

#[test]
fn git_commits_and_does_not_see_our_folder() {
    let git = "git -c user.name=a -c user.email=a@example.org";
    works(
        &["git"],
        &format!(
            "git init -q . && echo x > file && git add . && {git} commit -qm first && git ls-files && git status --short"
        ),
        "file\n",
    );
    let scene = Scene::new(None);
    let seen = scene.shell(&[], "git init -q . && git status --short");
    assert!(!seen.text.contains(".agent-host"), "{seen:?}");
}

#[test]
fn python_starts_processes_and_makes_temporary_files() {
    works(
        &["python3"],
        "python3 -c 'import subprocess,tempfile,ssl,os; f=tempfile.NamedTemporaryFile(); print(subprocess.check_output([\"echo\",\"ran\"]), os.cpu_count())'",
        "ran",
    );
}

#[test]
fn node_runs() {
    works(
        &["node"],
        "node -e 'console.log(require(\"child_process\").execSync(\"echo ran\")+\"\", require(\"os\").cpus().length > 0, require(\"os\").totalmem() > 0)'",
        "ran\n true true",
    );
}

#[test]
fn a_c_program_is_compiled_and_run() {
    works(
        &["gcc"],
        "printf 'int puts(const char*);int main(){puts(\"ran\");}' > a.c && gcc -o a a.c && ./a",
        "ran",
    );
}

#[test]
fn shells_have_process_substitution_and_devices() {
    works(
        &["bash"],
        "bash -c 'cat <(echo ran); dd if=/dev/zero of=/dev/null count=1'",
        "ran\n1+0",
    );
    // Its pipe belongs to the user of the tests, so only that one may open it a second time.
    let scene = Scene::new(None);
    assert_eq!(scene.shell(&[], "echo error > /dev/stderr").text, "error\n");
}
