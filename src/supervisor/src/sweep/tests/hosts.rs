//! What a killed host left behind, and the next one finds.

use super::*;

#[test]
fn nothing_outlives_a_host_that_was_killed_once_the_next_one_starts() {
    let folder = tempfile::tempdir().unwrap();
    ended_well(play("world", folder.path()));
}

#[test]
fn a_moved_folder_keeps_what_is_its_own_and_one_in_its_place_touches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    ended_well(play("world with a moved folder", folder.path()));
}

/// A host with one worker of each kind, which never ends by itself.
pub(super) async fn first_host(folder: &Path) {
    let reaper = Reaper::new(folder, None).unwrap();
    let (sender, _events) = mpsc_channel();
    let mut workers = Vec::new();
    for (name, is_ours) in [("ours", true), ("other", false)] {
        let mut spec = spec(&folder.join(name), STUBBORN);
        if is_ours {
            worker::fake::native(&mut spec);
        }
        let worker = worker::start(spec, &reaper, sender.clone()).await.unwrap();
        worker.prompt(vec!["go".into()], Chosen::default()).await.unwrap();
        fs::write(
            folder.join(name).join("workspace/worker"),
            format!("{}\n", worker.pid()),
        )
        .unwrap();
        workers.push(worker);
    }
    std::future::pending::<()>().await;
}

fn mpsc_channel() -> (
    tokio::sync::mpsc::Sender<Event>,
    tokio::sync::mpsc::Receiver<Event>,
) {
    tokio::sync::mpsc::channel(8)
}

pub(super) async fn next_host(folder: &Path) {
    let reaper = Reaper::new(folder, None).unwrap();
    let swept = reaper.sweep_leftovers().await;
    assert!(swept.killed >= 9, "{swept:?}");
    assert_eq!(reaper.sweep_leftovers().await, Swept::default());
}

/// Everything happens below this process, which plays the part of init: it adopts and does nothing.
pub(super) async fn world(folder: &Path) {
    let (processes, mut bystander) = after_a_kill(folder).await;
    ended_well(play("next host", folder));
    // Also those that have left their session, their environment and their parent behind.
    assert_eq!(alive(&processes), NOBODY);
    assert!(bystander.try_wait().unwrap().is_none());
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

/// A folder's path says nothing: another folder comes to stand there, as in another container.
pub(super) async fn world_with_a_moved_folder(folder: &Path) {
    let (here, moved) = (folder.join("here"), folder.join("moved"));
    fs::create_dir(&here).unwrap();
    let (processes, mut bystander) = after_a_kill(&here).await;
    fs::rename(&here, &moved).unwrap();
    fs::create_dir(&here).unwrap();
    ended_well(play("host of another folder", &here));
    assert_eq!(alive(&processes).len(), 9);
    ended_well(play("next host", &moved));
    assert_eq!(alive(&processes), NOBODY);
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

pub(super) async fn host_of_another_folder(folder: &Path) {
    let reaper = Reaper::new(folder, None).unwrap();
    assert_eq!(reaper.sweep_leftovers().await, Swept::default());
}

/// What a killed host leaves, and a bystander of the same user, who looks a little alike.
async fn after_a_kill(folder: &Path) -> (Vec<Process>, Child) {
    nix::sys::prctl::set_child_subreaper(true).unwrap();
    let mut host = play("first host", folder);
    let mut processes = Vec::new();
    for name in ["ours", "other"] {
        for file in ["worker"].iter().chain(&FILES) {
            processes.push(process_in(&folder.join(name).join("workspace").join(file)).await);
        }
    }
    assert_eq!(alive(&processes).len(), 10);
    let bystander = Command::new("setsid")
        .args(["sleep", "1000"])
        .env(contract::STATE_MARKER, "/another/state/folder")
        .spawn()
        .unwrap();
    host.kill().unwrap();
    host.wait().unwrap();
    // The other agent dies with its host; what it started, and our own (this one is deaf), is still there.
    while processes[5].is_alive() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(alive(&processes).len(), 9);
    (processes, bystander)
}

#[test]
fn a_refresh_of_an_earlier_host_is_left_alone_by_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    ended_well(play("host after a refresh", folder.path()));
}

pub(super) async fn host_after_a_refresh(folder: &Path) -> io::Result<()> {
    let store = refresher(folder);
    // As a worker of an earlier host would: marked, with a refresh below it.
    let mut worker = Command::new("sh")
        .args(["-c", "echo $$ > worker; setsid sh refresh-tenant & wait"])
        .current_dir(folder.join("workspace"))
        .env(contract::STATE_MARKER, Identity::of(folder)?.as_str())
        .spawn()?;
    let workspace = folder.join("workspace");
    let leader = process_in(&workspace.join("worker")).await;
    let refresh = process_in(&workspace.join("refresher")).await;
    let reaper = Reaper::new(folder, Some(store))?;
    let swept = reaper.sweep_leftovers().await;
    assert!(swept.killed >= 1 && swept.spared >= 1, "{swept:?}");
    worker.wait()?;
    assert!(!leader.is_alive() && refresh.is_alive());
    fs::write(workspace.join("finish"), "")?;
    reaper.refreshes_ended().await;
    assert!(!refresh.is_alive());
    Ok(())
}
