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
fn make_builds_and_installs_with_modes_and_times() {
    works(
        &["make", "gcc", "tar", "install"],
        "printf 'int puts(const char*);int main(){puts(\"ran\");}' > a.c
printf 'all: a\na: a.c\n\tgcc -o a a.c\ninstall: a\n\tinstall -m 755 a out/a\n' > Makefile
make -s -j2 && mkdir out && make -s install && touch -d yesterday out/a && tar cf o.tar out && rm -r out && tar xpf o.tar && cp -a out b && ./b/a",
        "ran",
    );
}

/// The toolchain that runs the tests, from folders that the policy shows.
#[test]
fn cargo_builds_and_runs_with_its_folder_readable() {
    let toolchain = std::env::var_os("CARGO").map(std::path::PathBuf::from);
    let bin = toolchain.as_deref().and_then(std::path::Path::parent);
    let Some((bin, root)) = bin.and_then(|bin| Some((bin, bin.parent()?))) else {
        eprintln!("not tested: cargo did not start this");
        return;
    };
    let scene = Scene::new(None);
    let mut policy = scene.policy(&[]);
    policy.readable.push(root.to_owned());
    let script = format!(
        "export PATH={}:$PATH CARGO_HOME=$PWD/home && cargo init -q --vcs none --name a && cargo run -q --offline",
        bin.display()
    );
    let mut command = Cage::prepare(&policy).unwrap().command("sh", ["-c", &script]);
    let output = command.stdin(std::process::Stdio::null()).output().unwrap();
    let (text, errors) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success() && text == "Hello, world!\n",
        "{text}{errors}"
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
