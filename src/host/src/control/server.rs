//! The side of the host.

use std::collections::VecDeque;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use cage::Mark;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use super::{Answer, MAX_LINE, Request, address, path};

/// A command that has not sent its request by then has no request; one that has not read its answer by then is gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// Commands that have not sent their request yet. The oldest gives way: an honest one sends it at once.
const MOST_SILENT: usize = 64;

/// Commands in all; later ones wait.
const MOST: usize = 128;

/// Answers requests.
pub(crate) type Answerer = Arc<dyn Fn(Request) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync>;

/// The open socket. It is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Control {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Control {
    /// Listens. Only the holder of the host lock may call this: a socket that is there is a leftover.
    pub(crate) fn open(state: &Path, answerer: Answerer) -> io::Result<Self> {
        let path = path(state);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let (address, _folder) = address(state)?;
        // The folder is 0700, so that nobody else gets in between these two.
        let listener = UnixListener::bind(&address)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        let task = tokio::spawn(serve(listener, answerer));
        Ok(Self { path, task })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.task.abort();
        // A leftover is recognised as one.
        let _ = fs::remove_file(&self.path);
    }
}

async fn serve(listener: UnixListener, answerer: Answerer) {
    let mut talks = JoinSet::new();
    // Each ends a silent command when it is dropped.
    let mut silent: VecDeque<oneshot::Sender<()>> = VecDeque::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if talks.len() < MOST => match accepted {
                Ok((stream, _)) if is_a_persons(&stream) => {
                    silent.retain(|silent| !silent.is_closed());
                    if silent.len() == MOST_SILENT {
                        silent.pop_front();
                    }
                    let (end, ended) = oneshot::channel();
                    silent.push_back(end);
                    talks.spawn(talk(stream, Arc::clone(&answerer), ended));
                }
                Ok(_) => tracing::warn!("something that an agent runs tried to give the host a command"),
                Err(error) => {
                    tracing::warn!(%error, "could not accept a command");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = talks.join_next() => {}
        }
    }
}

/// Whether this may be a person's command. The socket's mode keeps other users out, but not what an agent runs: Landlock
/// does not stop a connection to a socket, so that the mark that all of it carries is looked for.
fn is_a_persons(stream: &UnixStream) -> bool {
    let pid = stream.peer_cred().ok().and_then(|peer| peer.pid());
    // One that is gone can't be told from one that hides.
    pid.is_some_and(|pid| matches!(Mark::of(pid), Ok(None)))
}

async fn talk(mut stream: UnixStream, answerer: Answerer, ended: oneshot::Receiver<()>) {
    let (read, mut write) = stream.split();
    let mut line = Vec::new();
    let mut reader = BufReader::new(read.take(MAX_LINE));
    let got = tokio::select! {
        got = tokio::time::timeout(PATIENCE, reader.read_until(b'\n', &mut line)) => got,
        _ = ended => return,
    };
    if !matches!(got, Ok(Ok(length)) if length > 0) {
        return;
    }
    let answer = match serde_json::from_slice(&line) {
        Ok(request) => answerer(request).await,
        Err(error) => Answer::Failed {
            words: format!("the running host does not understand this command: {error}"),
        },
    };
    let mut text = serde_json::to_vec(&answer)
        .unwrap_or_else(|_| br#"{"answer":"failed","words":"the answer could not be written"}"#.to_vec());
    text.push(b'\n');
    let written = tokio::time::timeout(PATIENCE, write.write_all(&text)).await;
    if !matches!(written, Ok(Ok(()))) {
        tracing::debug!("a command went away before its answer");
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream as Talker;

    use super::super::ask;
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn commands_that_say_nothing_keep_nobody_from_being_answered() {
        let folder = tempfile::tempdir().unwrap();
        let answerer: Answerer = Arc::new(|_| {
            Box::pin(async {
                Answer::Done {
                    value: serde_json::json!("here"),
                }
            })
        });
        let control = Control::open(folder.path(), answerer).unwrap();
        let state = folder.path().to_owned();
        let asking = tokio::task::spawn_blocking(move || {
            let socket = path(&state);
            let silent: Vec<Talker> = (0..400).map(|_| Talker::connect(&socket).unwrap()).collect();
            let began = std::time::Instant::now();
            let answer = ask(&state, &Request::Status).unwrap();
            // Far below what the silent ones are given.
            assert!(began.elapsed() < PATIENCE / 2, "{:?}", began.elapsed());
            drop(silent);
            answer
        });
        assert_eq!(asking.await.unwrap(), Some(serde_json::json!("here")));
        drop(control);
    }
}
