//! When memory ends, a command goes before its worker and the host: what it is started with makes the kernel prefer it.
//!
//! The score is inherited, and nobody can set it for a child before its program begins: its files in `/proc` are root's
//! until then, as ours are, because our memory is kept from others. So our own file is opened before that, and the child
//! gets what is ours for the moment of its birth.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// How much sooner than others a command is taken, of 1000: `proc_pid_oom_score_adj(5)`.
const VICTIM: i32 = 500;

static SCORE: LazyLock<Option<Mutex<Score>>> = LazyLock::new(|| Score::open().ok().map(Mutex::new));

struct Score {
    file: File,
    ours: i32,
}

impl Score {
    fn open() -> io::Result<Self> {
        let path = "/proc/self/oom_score_adj";
        let file = OpenOptions::new().write(true).open(path)?;
        let ours = std::fs::read_to_string(path)?;
        let ours = ours.trim().parse().map_err(io::Error::other)?;
        Ok(Self { file, ours })
    }

    /// A preference: where it can't be, nothing is lost but that.
    fn set(&self, score: i32) {
        let _ = self.file.write_at(score.to_string().as_bytes(), 0);
    }
}

/// Opens what [`spawn_victim`] needs. To be called in `main` before the process's memory is kept from others; later only
/// root can.
pub fn open_score() {
    LazyLock::force(&SCORE);
}

/// Spawns a process that the kernel takes before us when memory ends, with all that it starts, from their first moment on.
/// `spawn` returns when the new process is there, and starts nothing else. Without rights to the score it only spawns.
pub fn spawn_victim<T>(spawn: impl FnOnce() -> T) -> T {
    let _raised = SCORE.as_ref().map(Raised::new);
    spawn()
}

/// Our score is a victim's until this is dropped.
struct Raised<'a>(MutexGuard<'a, Score>);

impl<'a> Raised<'a> {
    fn new(score: &'a Mutex<Score>) -> Self {
        let score = score.lock().unwrap_or_else(PoisonError::into_inner);
        score.set(VICTIM.max(score.ours));
        Self(score)
    }
}

impl Drop for Raised<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.ours);
    }
}
