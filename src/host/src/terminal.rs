//! What a person types: lines from standard input, one of them without showing it.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _};

use nix::sys::termios::{FlushArg, LocalFlags, SetArg, Termios, tcflush, tcgetattr, tcsetattr};
use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::failure::Failure;
use crate::output;

/// Longest line that is read, in bytes.
const MAX_LINE: u64 = 64 * 1024;

/// Whether a person sits at standard input.
pub(crate) fn is_at_stdin() -> bool {
    io::stdin().is_terminal()
}

/// Whether a person reads standard error.
pub(crate) fn reads_stderr() -> bool {
    io::stderr().is_terminal()
}

/// The lines of standard input, read on a thread of their own so that nothing waits for them to end.
#[derive(Debug)]
pub(crate) struct Lines(mpsc::Receiver<io::Result<SecretString>>);

impl Lines {
    /// Begins to read.
    pub(crate) fn start() -> Self {
        let (sender, receiver) = mpsc::channel(1);
        std::thread::spawn(move || {
            while let Some(line) = read_line().transpose() {
                let failed = line.is_err();
                if sender.blocking_send(line).is_err() || failed {
                    return;
                }
            }
        });
        Self(receiver)
    }

    /// The next line without its end; `None` when there is no more. Cancel safe.
    pub(crate) async fn next(&mut self) -> Result<Option<SecretString>, Failure> {
        self.0
            .recv()
            .await
            .transpose()
            .map_err(|error| Failure::during(error, "could not read standard input"))
    }

    /// Drops what was typed so far, if at a terminal: who answers early answers something else.
    pub(crate) fn forget(&mut self) {
        if is_at_stdin() {
            // A terminal that went away is told by the next line.
            let _ = tcflush(io::stdin(), FlushArg::TCIFLUSH);
            while self.0.try_recv().is_ok() {}
        }
    }

    /// Asks a person, as [`prompt`] does, and waits for the next line. Cancel safe: the terminal is put right.
    pub(crate) async fn ask(
        &mut self,
        question: &str,
        hidden: bool,
    ) -> Result<Option<SecretString>, Failure> {
        // First: who answers at once must not be shown either.
        let echo = hidden.then(EchoOff::now).flatten();
        if is_at_stdin() {
            output::ask(question);
        }
        let line = self.next().await;
        if echo.is_some() {
            drop(echo);
            output::say("");
        }
        line
    }
}

/// Reads one line from standard input; nothing at all reads as an empty line.
pub(crate) fn one_line() -> Result<SecretString, Failure> {
    let line = read_line().map_err(|error| Failure::during(error, "could not read standard input"))?;
    Ok(line.unwrap_or_default())
}

/// Asks a person for a line. A hidden one is not shown while it is typed. Without a terminal it is just read.
pub(crate) async fn prompt(question: &str, hidden: bool) -> Result<SecretString, Failure> {
    let mut lines = Lines::start();
    tokio::select! {
        // Signals first: whoever reads the question may press Ctrl-C at once.
        biased;
        () = ended_from_outside() => Err(Failure::words("interrupted; nothing was stored")),
        line = lines.ask(question, hidden) => Ok(line?.unwrap_or_default()),
    }
}

/// Ends with a signal that would end this process, so that the terminal is put right first. It listens from its first
/// poll on.
pub(crate) async fn ended_from_outside() {
    let of = |kind| async move {
        match signal(kind) {
            Ok(mut signals) => {
                signals.recv().await;
            }
            // It ends the process as ever.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = of(SignalKind::interrupt()) => {}
        () = of(SignalKind::terminate()) => {}
        () = of(SignalKind::hangup()) => {}
    }
}

fn read_line() -> io::Result<Option<SecretString>> {
    let mut bytes = Vec::new();
    let read = io::stdin().lock().take(MAX_LINE).read_until(b'\n', &mut bytes)?;
    if read == 0 {
        return Ok(None);
    }
    let text = String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8 text"))?;
    Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned().into()))
}

/// While it lives, the terminal does not show what is typed.
struct EchoOff(Termios);

impl EchoOff {
    fn now() -> Option<Self> {
        let before = tcgetattr(io::stdin()).ok()?;
        let mut hidden = before.clone();
        hidden.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &hidden).ok()?;
        Some(Self(before))
    }
}

impl Drop for EchoOff {
    fn drop(&mut self) {
        // The terminal went away: nothing to put back.
        let _ = tcsetattr(io::stdin(), SetArg::TCSANOW, &self.0);
    }
}
