//! A command that starts processes faster than they are killed, and is dropped.

use std::fs;
use std::time::Duration;

use super::*;

/// Living processes with this in their command line.
fn named(name: &str) -> usize {
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .filter(|line| String::from_utf8_lossy(line).contains(name))
        .count()
}

#[tokio::test]
async fn what_outlives_the_drop_of_its_command_is_hunted_until_nothing_is_left() {
    credentials::protect_memory();
    nix::sys::prctl::set_child_subreaper(true).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let policy = Policy {
        workspace: folder.path().canonicalize().unwrap(),
        readable: Vec::new(),
        without: Vec::new(),
    };
    let name = format!("drop-bomb-{}", std::process::id());
    // Each of the loops starts processes in sessions of their own, for longer than the drop takes; bounded, as a test that
    // fails must not take the machine with it.
    let script = "breed() { for i in {1..200}; do ( setsid bash -c 'exec -a NAME sleep 200' & ); done; }\n\
                  export -f breed\n\
                  for i in 1 2 3; do setsid bash -c 'breed # NAME' & done; echo ready; breed"
        .replace("NAME", &name);
    let (mut running, mut reader) = start(&policy, &script).unwrap();
    let mut chunk = [0; 16];
    assert!(reader.read(&mut chunk).await.unwrap() > 0);
    while named(&name) < 20 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // As if no time were enough: whatever a single round leaves has to be ended by the task.
    running.tree.set_chase(Duration::ZERO);
    drop(running);
    let gone = async {
        while named(&name) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // Its pipe ends with the last process that holds it, so nothing of it is hidden either.
        while reader.read(&mut chunk).await.unwrap() > 0 {}
    };
    let gone = timeout(Duration::from_secs(20), gone).await;
    assert!(gone.is_ok(), "{} processes are left", named(&name));
}
