//! Where the rehearsal server is: told, noted by the one that runs, or at its default place.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

use super::document::Document;
use super::{Places, Problem, Variables};

/// Where the server listens unless it is told otherwise.
pub(crate) const DEFAULT_LISTEN: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 7879));

/// Names the server's base URL.
const VARIABLE: &str = "AGENT_HOST_REHEARSAL_URL";

/// What is wrong with an address of another machine.
pub(super) const ELSEWHERE: &str = "must be an http address of this machine";

/// Longest note that is read.
const MAX_NOTICE: u64 = 4096;

/// What a running server notes in the state folder. A note that outlived its server does no harm: nobody answers there.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Notice {
    url: Url,
    pid: u32,
}

/// The base URL that the built-in vendor `rehearsal` uses.
pub(super) fn base(
    variables: &Variables,
    document: &Document,
    places: &Places,
    problems: &mut Vec<Problem>,
) -> Url {
    if let Some(text) = variables.text(VARIABLE) {
        match Url::parse(&text) {
            Ok(url) if is_of_this_machine(&url) => return url,
            _ => {
                let hint = format!("as in {}", default_base());
                problems.push(Problem::of_variable(VARIABLE, ELSEWHERE).hint(hint));
            }
        }
    }
    if let Some(url) = &document.rehearsal.url {
        return url.clone();
    }
    Notice::read(&places.state).map_or_else(default_base, |notice| notice.url)
}

pub(super) fn is_of_this_machine(url: &Url) -> bool {
    url.scheme() == "http" && credentials::is_loopback(url)
}

fn default_base() -> Url {
    Url::parse(&format!("http://{DEFAULT_LISTEN}/")).expect("a socket address makes a valid http address")
}

impl Notice {
    /// Notes that this process serves at `url`: a private file, replaced whole.
    pub(crate) fn leave(state: &Path, url: &Url) -> io::Result<()> {
        let notice = Self {
            url: url.clone(),
            pid: std::process::id(),
        };
        create_private(state)?;
        let mut file = tempfile::NamedTempFile::new_in(state)?;
        file.write_all(&serde_json::to_vec(&notice)?)?;
        file.persist(path(state))?;
        Ok(())
    }

    /// Removes the note of this process; one that another server left meanwhile stays.
    pub(crate) fn take_back(state: &Path) {
        if Self::read(state).is_some_and(|notice| notice.pid == std::process::id()) {
            // A stale note is harmless.
            let _ = fs::remove_file(path(state));
        }
    }

    /// The port that was noted.
    pub(crate) fn port(&self) -> Option<u16> {
        self.url.port()
    }

    /// What was noted last.
    pub(crate) fn read(state: &Path) -> Option<Self> {
        let mut text = String::new();
        let file = File::open(path(state)).ok()?;
        file.take(MAX_NOTICE).read_to_string(&mut text).ok()?;
        let notice: Self = serde_json::from_str(&text).ok()?;
        is_of_this_machine(&notice.url).then_some(notice)
    }
}

fn path(state: &Path) -> PathBuf {
    state.join("rehearsal.json")
}

fn create_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
