//! How other commands speak with the running host: one line of JSON each way, over a unix socket that only this user
//! may open.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::arguments::Only;

mod client;
mod server;

pub(crate) use client::ask;
pub(crate) use server::{Answerer, Control};

/// Longest request or answer in bytes.
const MAX_LINE: u64 = 16 * 1024 * 1024;

/// The longest path that a socket's address takes (`sockaddr_un`), its end mark included.
const MAX_SOCKET_PATH: usize = 107;

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub(crate) enum Request {
    /// How everything stands.
    Status,
    /// A one-time link to the web chat; null where a proxy signs people in.
    Link,
    /// Stop the running turn of a thread.
    Stop {
        /// The thread.
        thread: String,
    },
    /// Begin a thread's session anew.
    Reset {
        /// The thread.
        thread: String,
    },
    /// Take back what is always allowed in a thread.
    Forbid {
        /// The thread.
        thread: String,
        /// Its number; all, if none is named.
        number: Option<i64>,
    },
    /// The last turns of all threads that failed or were cut need no attention any more.
    DismissAll,
    /// Take what waits out of the way.
    Skip {
        /// The thread; all, if none is named.
        thread: Option<String>,
        /// At most so many.
        max: usize,
        /// Only this part of it.
        #[serde(default)]
        only: Option<Only>,
    },
}

/// What is answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub(crate) enum Answer {
    /// It is done, with what was asked for.
    Done {
        /// Depends on the request.
        value: serde_json::Value,
    },
    /// It could not be done.
    Failed {
        /// Why.
        words: String,
    },
}

fn path(state: &Path) -> PathBuf {
    state.join("control.sock")
}

/// An address for the socket that is short enough. The folder stays open as long as the second value lives.
///
/// Errors: the folder can't be opened.
fn address(state: &Path) -> std::io::Result<(PathBuf, Option<std::fs::File>)> {
    use std::os::fd::AsRawFd as _;
    let plain = path(state);
    if plain.as_os_str().len() <= MAX_SOCKET_PATH {
        return Ok((plain, None));
    }
    let folder = std::fs::File::open(state)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join("control.sock");
    Ok((short, Some(folder)))
}
