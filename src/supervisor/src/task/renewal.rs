//! A new session: after a reset, or when another agent takes over. The old transcript is moved aside, never deleted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use conversation::{NoteKind, Thread};

use super::Task;
use crate::command::Promise;
use crate::state::Step;
use crate::status::WorkerState;
use crate::supervisor::SupervisorError;

/// What the agent keeps of a session, in the thread's own folder.
const TRANSCRIPT: &str = "transcript.jsonl";

/// What a thread is told after a reset.
pub(crate) const RESET: &str =
    "The thread was reset: the agent begins anew and remembers nothing. Files stay as they are.";

/// Why turns ended that a reset took away.
pub(crate) const WAS_RESET: &str = "the thread was reset";

/// A new session is to begin, once no turn runs and the worker has ended. That it is to, is written and told already.
#[derive(Debug, Default)]
pub(super) struct Renewal {
    /// The thread as it was before another agent was chosen, while a turn runs that the former one goes on with.
    pub(super) former: Option<Thread>,
    /// Who waits for it.
    pub(super) promises: Vec<Promise<()>>,
}

impl Task {
    /// The thread as its worker has it: agent, model and session are the former ones in a turn after which another agent
    /// takes over.
    pub(super) fn served(&self) -> &Thread {
        let former = self.renewal.as_ref().and_then(|renewal| renewal.former.as_ref());
        former.filter(|_| self.turn.is_some()).unwrap_or(&self.thread)
    }

    /// The same, where it is not what the thread is from the next turn on.
    pub(super) fn former(&mut self) -> Option<&mut Thread> {
        self.turn.as_ref()?;
        self.renewal.as_mut()?.former.as_mut()
    }

    /// Clears away what is left of the session. No turn runs, and there is no worker.
    pub(super) async fn renew(&mut self) {
        let Some(renewal) = self.renewal.take() else {
            return;
        };
        let result = clear_session(self.shared.session_folder(&self.thread.id)).await;
        let result = match result {
            Ok(()) => {
                // What failed was the former session's, or the former agent's: what waits goes on.
                self.failures = 0;
                self.again = None;
                self.board().failure = None;
                if matches!(self.state, WorkerState::Failed { .. }) {
                    self.step(Step::Forgiven);
                }
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%error, "could not clear what is left of the session");
                self.note(NoteKind::Error, crate::ending::sentence(&error.to_string()), None)
                    .await;
                Err(error.to_string())
            }
        };
        for promise in renewal.promises {
            let answer = result.clone().map_err(|cause| SupervisorError::System {
                what: "begin a new session".to_owned(),
                cause,
            });
            // An asker that has left is not an error.
            let _ = promise.send(answer);
        }
        self.rest();
    }
}

/// Clears the session's folder of a thread that has no worker. Left as it is by a host that died, nothing of it is taken up:
/// the agent that begins a new session there moves the transcript aside itself.
pub(crate) async fn clear_session(folder: PathBuf) -> Result<(), SupervisorError> {
    let what = format!("clear the session folder `{}`", folder.display());
    let failed = |cause: String| SupervisorError::System {
        what: what.clone(),
        cause,
    };
    tokio::task::spawn_blocking(move || clear(&folder))
        .await
        .map_err(|error| failed(error.to_string()))?
        .map_err(|error| failed(error.to_string()))
}

/// Empties a session folder, but for transcripts, of which the newest gets a number.
fn clear(folder: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    let mut highest = 0;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| {
            let rest = name.strip_prefix("transcript-")?;
            rest.strip_suffix(".jsonl")?.parse::<u32>().ok()
        });
        match number {
            Some(number) => highest = highest.max(number),
            None if name == TRANSCRIPT => {}
            // `file_type` does not follow links: a link to a folder is removed, not what it leads to.
            None if entry.file_type()?.is_dir() => fs::remove_dir_all(entry.path())?,
            None => fs::remove_file(entry.path())?,
        }
    }
    let transcript = folder.join(TRANSCRIPT);
    if transcript.symlink_metadata().is_ok() {
        fs::rename(
            &transcript,
            folder.join(format!("transcript-{}.jsonl", highest + 1)),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cleared_folder_holds_all_transcripts_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("session");
        clear(&folder).unwrap();
        fs::create_dir_all(folder.join("spill")).unwrap();
        fs::write(root.path().join("outside"), "x").unwrap();
        std::os::unix::fs::symlink(root.path(), folder.join("link")).unwrap();
        for round in 1..=3 {
            fs::write(folder.join("other"), "x").unwrap();
            fs::write(folder.join(TRANSCRIPT), format!("round {round}")).unwrap();
            clear(&folder).unwrap();
        }
        let mut names: Vec<_> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(
            names,
            ["transcript-1.jsonl", "transcript-2.jsonl", "transcript-3.jsonl"]
        );
        assert_eq!(
            fs::read_to_string(folder.join("transcript-2.jsonl")).unwrap(),
            "round 2"
        );
        assert!(root.path().join("outside").exists());
    }
}
