//! What systemd tells a service, and wants to be told: systemd.exec(5), `sd_notify(3)`. Elsewhere nothing of it is there.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;

use nix::sys::stat::fstat;

/// The configuration of the service in `deploy`.
pub(crate) const CONFIGURATION: &str = "/etc/agent-host/config.toml";

/// How root runs this program as that service, with its secrets; a verb and a parenthesis follow. A shell's `export` is in no
/// list of processes. The unit and the README say the same.
const AS_SERVICE: &str = "(cd /etc/agent-host; for one in [[:upper:]]*; do export $one=\"$(cat $one)\"; done; \
     runuser -u agent-host -- env AGENT_HOST_HOME=/var/lib/agent-host agent-host --config /etc/agent-host/config.toml";

/// The command with which root does this as the service in `deploy`, with its secrets.
pub(crate) fn command(verb: &str) -> String {
    format!("{AS_SERVICE} {verb})")
}

/// What to do where this process sees no secret of the service whose configuration this is. `None`: it is another's.
pub(crate) fn as_service(configuration: &Path, verb: &str) -> Option<String> {
    let is_its = configuration == Path::new(CONFIGURATION);
    is_its.then(|| {
        let command = command(verb);
        format!("only the service sees its secrets; root asks as the service: {command}")
    })
}

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
    fn the_unit_and_the_readme_say_how_to_be_the_service_with_its_secrets() {
        let words = |text: &str| text.replace("\n#", " ").replace('\\', " ");
        let plain = |text: &str| words(text).split_whitespace().collect::<Vec<_>>().join(" ");
        for text in [
            include_str!("../../../deploy/agent-host.service"),
            include_str!("../../../README.md"),
        ] {
            assert!(plain(text).contains(&command("doctor")), "{text}");
        }
        let unit = include_str!("../../../deploy/agent-host.service");
        let line = format!("\nExecStart=/usr/local/bin/agent-host --config {CONFIGURATION} up\n");
        assert!(unit.contains(&line), "{unit}");
        for setting in [
            "\nUser=agent-host\n",
            "\nEnvironment=AGENT_HOST_HOME=/var/lib/agent-host\n",
        ] {
            assert!(unit.contains(setting), "{setting}");
        }
    }

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
