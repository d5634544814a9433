//! Whether what this program prints is kept for others to read: by systemd's journal (systemd.exec(5), `JOURNAL_STREAM`).

use std::io;

use nix::sys::stat::fstat;

/// Device and inode of the stream that leads there.
const STREAM: &str = "JOURNAL_STREAM";

/// Whether standard output goes to the journal. A variable that an earlier service left behind is not believed.
pub(crate) fn keeps_output() -> bool {
    let Ok(stream) = std::env::var(STREAM) else {
        return false;
    };
    fstat(io::stdout()).is_ok_and(|found| stream == format!("{}:{}", found.st_dev, found.st_ino))
}
