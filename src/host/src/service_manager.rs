//! What systemd tells a service, and wants to be told: systemd.exec(5), `sd_notify(3)`. Elsewhere nothing of it is there.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use nix::sys::stat::fstat;

/// Device and inode of the stream that leads to the journal.
const JOURNAL: &str = "JOURNAL_STREAM";

/// The socket that hears how the service stands: a path, or `@` and a name that no file has.
const NOTIFY: &str = "NOTIFY_SOCKET";

/// Whether standard output goes to the journal, where others may read it. A variable that an earlier service left behind is
/// not believed.
pub(crate) fn keeps_output() -> bool {
    let Ok(stream) = std::env::var(JOURNAL) else {
        return false;
    };
    fstat(io::stdout()).is_ok_and(|found| stream == format!("{}:{}", found.st_dev, found.st_ino))
}

/// Says that the service serves; whoever started it waits for that. Told to nobody where nobody wants to know.
pub(crate) fn tell_ready() {
    let told = std::env::var_os(NOTIFY).map_or(Ok(()), |socket| tell(&socket, b"READY=1"));
    if let Err(error) = told {
        tracing::error!(%error, "could not tell the service manager that the host serves: it may end it after a time");
    }
}

fn tell(socket: &OsStr, words: &[u8]) -> io::Result<()> {
    let address = match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(words, &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_manager_is_told_at_a_path_and_at_a_name_without_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let name = format!("agent-host-test-{}", std::process::id());
        let at_name = SocketAddr::from_abstract_name(&name).unwrap();
        for (heard, socket) in [
            (UnixDatagram::bind(&path).unwrap(), path.into_os_string()),
            (
                UnixDatagram::bind_addr(&at_name).unwrap(),
                format!("@{name}").into(),
            ),
        ] {
            tell(&socket, b"READY=1").unwrap();
            let mut words = [0; 16];
            let length = heard.recv(&mut words).unwrap();
            assert_eq!(&words[..length], b"READY=1");
        }
        assert!(tell(OsStr::new("/nowhere/notify"), b"READY=1").is_err());
    }
}
