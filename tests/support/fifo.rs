//! A FIFO through which a program at a named point and a test meet.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};

/// The meeting place of one named point.
pub struct Fifo {
    path: PathBuf,
}

impl Fifo {
    /// Makes one in this folder.
    pub fn new(folder: &Path, name: &str) -> Self {
        let path = folder.join(format!("{name}.fifo"));
        mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).expect("a FIFO can be made");
        Self { path }
    }

    /// The setting that makes a program stop at `point`.
    pub fn pauses(&self, point: &str) -> String {
        format!("{point}=pause:{}", self.path.display())
    }

    /// Blocks until a program has stopped at the point; its id.
    pub fn stopped(&self) -> Pid {
        let mut text = String::new();
        File::open(&self.path)
            .and_then(|mut pipe| pipe.read_to_string(&mut text))
            .expect("the FIFO can be read");
        Pid::from_raw(text.trim().parse().expect("a process id"))
    }

    /// Lets the program that stopped go on.
    pub fn go_on(&self) {
        drop(
            OpenOptions::new()
                .write(true)
                .open(&self.path)
                .expect("the FIFO can be opened"),
        );
    }

    /// Nobody stops here any more.
    pub fn remove(self) {
        std::fs::remove_file(&self.path).expect("the FIFO can be removed");
    }
}
