//! Named points where tests stop, kill or fail this program. In a release build every call is empty.
//!
//! `AGENT_HOST_FAULT="before-post=pause:/path/of/fifo,rename=enospc"`: at a point with `pause` the process writes its id
//! into the FIFO and waits there to be killed, or until the test opens the FIFO for writing; at a step with an error name that error is returned instead of doing it. `file-system=nfs` makes the
//! store believe that it lies on one.

/// The variable that sets the faults; the refresher gets it too.
#[cfg(debug_assertions)]
pub(crate) const VARIABLE: &str = "AGENT_HOST_FAULT";

#[cfg(debug_assertions)]
mod active {
    use std::fs::OpenOptions;
    use std::io::{self, Read as _, Write as _};
    use std::sync::OnceLock;

    use super::VARIABLE;

    fn setting(name: &str) -> Option<&'static str> {
        static SETTINGS: OnceLock<Vec<(String, String)>> = OnceLock::new();
        let settings = SETTINGS.get_or_init(|| {
            let text = std::env::var(VARIABLE).unwrap_or_default();
            text.split(',')
                .filter_map(|item| item.split_once('='))
                .map(|(name, what)| (name.to_owned(), what.to_owned()))
                .collect()
        });
        settings
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, what)| what.as_str())
    }

    pub(crate) fn point(name: &str) {
        let Some(fifo) = setting(name).and_then(|what| what.strip_prefix("pause:")) else {
            return;
        };
        let told = OpenOptions::new()
            .write(true)
            .open(fifo)
            .and_then(|mut pipe| writeln!(pipe, "{}", std::process::id()));
        // A test that has removed the FIFO wants no more stops here.
        if told.is_ok() {
            // Blocks until the test opens the FIFO for writing: that is the word to go on.
            let _ = std::fs::File::open(fifo).and_then(|mut pipe| pipe.read_to_end(&mut Vec::new()));
        }
    }

    pub(crate) fn file_system() -> Option<&'static str> {
        setting("file-system")
    }

    pub(crate) fn io(name: &str) -> io::Result<()> {
        let Some(what) = setting(name) else { return Ok(()) };
        let kind = match what {
            "enospc" => io::ErrorKind::StorageFull,
            "erofs" => io::ErrorKind::ReadOnlyFilesystem,
            "eacces" => io::ErrorKind::PermissionDenied,
            "eio" => return Err(io::Error::other("input/output error")),
            _ => return Ok(()),
        };
        Err(kind.into())
    }
}

#[cfg(debug_assertions)]
pub(crate) use active::{file_system, io, point};

#[cfg(not(debug_assertions))]
#[inline(always)]
pub(crate) fn file_system() -> Option<&'static str> {
    None
}

#[cfg(not(debug_assertions))]
#[inline(always)]
pub(crate) fn point(_: &str) {}

#[cfg(not(debug_assertions))]
#[inline(always)]
pub(crate) fn io(_: &str) -> std::io::Result<()> {
    Ok(())
}
