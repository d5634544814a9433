//! A process that looks dead, and works on.

use super::*;

/// A turn that leaves a process behind whose first thread has ended: it looks dead, and works on. It ends by itself after
/// a while.
const HEADLESS: &str = r#"
on_prompt() {
  env -i /usr/bin/python3 -c '
import ctypes, os, threading, time
os.setsid()
def work():
    time.sleep(0.2)
    open("headless", "w").write(str(os.getpid()) + "\n")
    time.sleep(30)
    os._exit(0)
threading.Thread(target=work).start()
ctypes.CDLL(None).syscall(SYS_exit, 0)
' &
  while [ ! -s headless ]; do sleep 0.02; done
  answer '{"stopReason":"end_turn"}'
}"#;

fn headless() -> Option<String> {
    let there = Path::new("/usr/bin/python3").exists();
    if !there {
        eprintln!("not tested: there is no /usr/bin/python3");
    }
    there.then(|| HEADLESS.replace("SYS_exit", &nix::libc::SYS_exit.to_string()))
}

/// Whether any thread of it works.
fn works(process: &Process) -> bool {
    let threads = fs::read_dir(format!("/proc/{}/task", process.pid))
        .into_iter()
        .flatten();
    threads
        .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("stat")).ok())
        .any(|stat| !stat.rsplit_once(") ").unwrap().1.starts_with('Z'))
}

#[tokio::test]
async fn what_only_looks_dead_does_not_outlive_its_worker() {
    let Some(headless) = headless() else { return };
    let scene = Scene::new();
    let worker = scene.start(&headless).await.unwrap();
    worker.prompt(vec!["go".into()], Chosen::default()).await.unwrap();
    let process = scene.process("headless").await;
    assert!(works(&process));
    worker.end(Duration::from_secs(5)).await;
    assert!(!works(&process));
}

#[test]
fn what_only_looks_dead_does_not_outlive_a_host_that_was_killed() {
    if headless().is_some() {
        let folder = tempfile::tempdir().unwrap();
        ended_well(play("world of the headless", folder.path()));
    }
}

pub(super) async fn world_of_the_headless(folder: &Path) {
    nix::sys::prctl::set_child_subreaper(true).unwrap();
    let mut host = play("host of the headless", folder);
    let process = process_in(&folder.join("one/workspace/headless")).await;
    host.kill().unwrap();
    host.wait().unwrap();
    assert!(works(&process));
    ended_well(play("host after the headless", folder));
    assert!(!works(&process));
}

pub(super) async fn host_of_the_headless(folder: &Path) {
    let reaper = Reaper::new(folder, None).unwrap();
    let (sender, _events) = tokio::sync::mpsc::channel(8);
    let spec = spec(&folder.join("one"), &headless().unwrap());
    let worker = worker::start(spec, &reaper, sender).await.unwrap();
    worker.prompt(vec!["go".into()], Chosen::default()).await.unwrap();
    std::future::pending::<()>().await;
}

pub(super) async fn host_after_the_headless(folder: &Path) {
    let reaper = Reaper::new(folder, None).unwrap();
    assert!(reaper.sweep_leftovers().await.killed >= 1);
}
