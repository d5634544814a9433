//! A disk that is full, or fills up: a small file system of its own, where the tests may mount one.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::geteuid;
use support::{Fifo, Report, Scene};
use tempfile::TempDir;

use super::{Complaints, ends_well, forget_the_pause, none};

// --- a disk that is really full ------------------------------------------------------------------

/// A disk of its own, gone when this is dropped.
pub(crate) struct Disk(TempDir);

impl Disk {
    /// `None`, said aloud, where this user may not mount.
    #[expect(
        clippy::print_stderr,
        reason = "a test that could not be done must not look like one that was"
    )]
    pub(crate) fn of_kib(size: u32) -> Option<Self> {
        if !geteuid().is_root() {
            eprintln!("not tested: a disk of its own needs root");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder can be made");
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}k,mode=700"), "tmpfs"])
            .arg(folder.path())
            .status()
            .expect("mount is there");
        if !status.success() {
            eprintln!("not tested: a disk of its own needs the right to mount");
            return None;
        }
        Some(Self(folder))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// A scene whose store is on this disk.
    async fn scene(&self) -> Scene {
        let folder = TempDir::new_in(self.0.path()).expect("a folder can be made");
        let scene = Scene::start_in(folder).await;
        scene.sign_in(&scene.host()).await;
        scene.expire(&scene.host());
        scene
    }

    /// Takes what room there is left, until the file is removed.
    pub(crate) fn fill(&self) -> PathBuf {
        let path = self.0.path().join("filler");
        let mut filler = File::create(&path).expect("there is room for a name");
        while filler.write_all(&[1; 4096]).is_ok() {}
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a process of a test that failed may still be there.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

fn is_full(report: &Report) -> bool {
    let told = report.error.as_deref().unwrap_or_default();
    report.kind.as_deref() == Some("try_again") && told.contains("No space left on device")
}

#[tokio::test]
async fn a_disk_without_room_for_the_answer_costs_no_request() {
    let Some(disk) = Disk::of_kib(1024) else { return };
    let scene = disk.scene().await;
    let report = scene.caller().run();
    assert!(is_full(&report), "{report:?}");
    assert_eq!(scene.refreshes(), 0);
    assert!(
        scene
            .store()
            .leftovers()
            .expect("the folder can be listed")
            .is_empty()
    );
}

#[tokio::test]
async fn a_disk_without_any_room_costs_no_request() {
    let Some(disk) = Disk::of_kib(4096) else { return };
    let scene = disk.scene().await;
    let filler = disk.fill();
    let report = scene.caller().run();
    assert!(is_full(&report), "{report:?}");
    assert_eq!(scene.refreshes(), 0);
    fs::remove_file(filler).expect("it is there");
    forget_the_pause(&scene);
    let mut complaints = Complaints::new();
    ends_well(&mut complaints, &scene, "with room again").await;
    none(&complaints);
}

#[tokio::test]
async fn a_disk_that_fills_up_during_the_request_loses_nothing() {
    let Some(disk) = Disk::of_kib(4096) else { return };
    let scene = disk.scene().await;
    let before = fs::read(scene.store_path()).expect("the file is there");
    let fifo = Fifo::new(scene.folder(), "before-post");
    let caller = scene.caller().fault(fifo.pauses("before-post")).start();
    fifo.stopped();
    // What was reserved is all that there is for the answer.
    let filler = disk.fill();
    fifo.go_on();
    let report = Report::of(caller);
    assert!(is_full(&report), "{report:?}");
    let after = fs::read(scene.store_path()).expect("the file is there");
    assert_eq!(after, before, "the file is as it was");
    fs::remove_file(filler).expect("it is there");
    let mut complaints = Complaints::new();
    ends_well(&mut complaints, &scene, "with room again").await;
    none(&complaints);
}
