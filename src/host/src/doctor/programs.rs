//! The host: whether it runs, whether it could, and whether its worker fits.

use std::io;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use tokio::net::TcpSocket;

use super::Check;
use crate::config::Settings;
use crate::running::HostLock;
use crate::serve;

/// Whether the worker's program is there, starts, and is of this version.
pub(super) fn worker() -> Check {
    const NAME: &str = "worker";
    let program = match serve::worker_program() {
        Ok(program) => program,
        Err(failure) => {
            return Check::fail(NAME, failure.to_string()).hint(failure.hint_words().unwrap_or_default());
        }
    };
    let path = program.display().to_string();
    let ran = Command::new(&program)
        .arg("--version")
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    match ran {
        Err(error) => Check::fail(NAME, format!("`{path}` does not start: {error}"))
            .hint("install both programs again, into one folder"),
        Ok(output) => {
            let told = String::from_utf8_lossy(&output.stdout);
            let version = told.trim().rsplit(' ').next().unwrap_or_default();
            if version == env!("CARGO_PKG_VERSION") {
                Check::ok(NAME, format!("`{path}` starts, version {version}"))
            } else {
                Check::fail(
                    NAME,
                    format!(
                        "`{path}` is version `{version}`, this is {}",
                        env!("CARGO_PKG_VERSION")
                    ),
                )
                .hint("install both programs from the same build")
            }
        }
    }
}

/// Whether a host runs on this state folder, and if not, whether its page could be served.
pub(super) fn host(settings: &Settings) -> Check {
    const NAME: &str = "host";
    if let Some(pid) = HostLock::holder(&settings.state_folder) {
        return Check::ok(
            NAME,
            format!("runs as process {pid}; `agent-host status` tells more"),
        );
    }
    let listen = settings.web.listen;
    match may_listen(listen) {
        Ok(()) => Check::ok(NAME, format!("does not run; {listen} is free for its page")),
        Err(error) => Check::warn(
            NAME,
            format!("does not run, and could not listen on {listen}: {error}"),
        )
        .hint("set `listen` in `[web]`, or start it with --listen 127.0.0.1:0"),
    }
}

/// Takes the address and gives it back without ever listening: two doctors at one moment, or a host that starts beside
/// one, are not in each other's way, and nobody can connect to a server that isn't there.
fn may_listen(address: SocketAddr) -> io::Result<()> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)
}
