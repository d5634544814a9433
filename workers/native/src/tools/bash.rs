//! `bash`: a command in the cage. Whatever way it ends, nothing of it goes on running.

mod capture;
mod live;
mod process;
mod spill;
mod tree;

use std::io;
use std::num::NonZeroU32;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use cage::{Cage, CageError, Layer, Policy};
use nix::sys::signal::Signal;
use serde::Deserialize;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};
use tokio::time::{Instant as Moment, sleep_until, timeout};

use super::arguments::parse;
use super::place::Places;
use super::{Action, Always, Kind, Outcome, Prepared, Work, spec};
use capture::Capture;
use live::Live;
use tree::{TooMany, Tree};

/// How long a command runs that does not say how long it may.
pub(super) const DEFAULT_LIMIT: Duration = Duration::from_mins(2);
/// The longest that it may ask for.
pub(super) const MOST_LIMIT: Duration = contract::LONGEST_TOOL;

/// The kernel's limit for one argument is 128 KiB.
const COMMAND_BYTES: usize = 100 * 1024;
/// Bytes read at once.
const CHUNK: usize = 64 * 1024;
/// After everything that could write is dead, its pipe ends at once.
const DRAIN: Duration = Duration::from_secs(2);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    command: String,
    timeout: Option<u64>,
}

/// A command that was checked.
#[derive(Debug)]
pub(super) struct Bash {
    command: String,
    limit: Duration,
}

pub(super) fn prepare(arguments: &str) -> Result<Prepared, String> {
    let Arguments { command, timeout } = parse(spec::BASH, arguments)?;
    if command.trim().is_empty() {
        return Err("the command is empty".to_owned());
    }
    if command.contains('\0') {
        return Err("the command contains a NUL character".to_owned());
    }
    if command.len() > COMMAND_BYTES {
        return Err(format!(
            "the command has {} bytes, and {COMMAND_BYTES} is the limit: put it into a file with `{}` and run that",
            command.len(),
            spec::WRITE
        ));
    }
    let limit = timeout.map_or(DEFAULT_LIMIT, Duration::from_secs);
    if limit.is_zero() || limit > MOST_LIMIT {
        return Err(format!("`timeout` is from 1 to {} seconds", MOST_LIMIT.as_secs()));
    }
    // Exactly this command: another one may do anything, and so may this one if it has more time. That is told in the title,
    // as a command could be written so that it reads like another one with a limit.
    let (title, key) = if limit == DEFAULT_LIMIT {
        ("run a command".to_owned(), format!("run {command}"))
    } else {
        let seconds = limit.as_secs();
        (
            format!("run a command for up to {seconds} s"),
            format!("timeout {seconds} run {command}"),
        )
    };
    Ok(Prepared {
        kind: Kind::Execute,
        title,
        input: command.clone(),
        changes: Vec::new(),
        asks: true,
        always: Some(Always {
            key,
            scope: "Always run exactly this command",
        }),
        action: Action(Work::Bash(Bash { command, limit })),
    })
}

/// How a command came to its end.
enum End {
    Exit(ExitStatus),
    TimeOut,
    TooMany(TooMany),
    Stopped,
    Broken(io::Error),
}

impl Bash {
    /// Runs it until it ends, or `stopped` is ready. Dropping the future kills all of it before it returns, or leaves what is too fast for that to a task.
    pub(super) async fn run(
        &self,
        policy: &Policy,
        processes: NonZeroU32,
        places: &Places,
        output: &mut (dyn FnMut(String) + Send),
        stopped: impl Future<Output = ()> + Send,
    ) -> Outcome {
        let (mut running, mut reader) = match start(policy, &self.command, processes) {
            Ok(started) => started,
            Err(words) => return Outcome::of(Err(words)),
        };
        let mut capture = Capture::new(places.spill());
        let mut live = Live::new(output);
        let end = running
            .follow(&mut reader, self.limit, &mut capture, &mut live, stopped)
            .await;
        let left = running.end().await;
        drain(&mut reader, &mut capture, &mut live).await;
        live.finish();
        let mut text = capture.finish();
        let exit = self.notes(&end, &left, &mut text);
        let stopped = matches!(end, End::Stopped);
        if text.is_empty() && !stopped {
            text.push_str("[no output]");
        }
        Outcome {
            text,
            failed: exit != Some(0),
            stopped,
            exit,
            offered: Vec::new(),
        }
    }

    /// Adds how it ended. Gives the exit code if there is one.
    fn notes(&self, end: &End, left: &tree::Left, text: &mut String) -> Option<i32> {
        let mut note = |words: &str| {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(words);
        };
        let exit = match end {
            End::Exit(status) => match (status.code(), status.signal()) {
                (Some(0), _) => Some(0),
                (Some(code), _) => {
                    note(&format!("[exit code {code}]"));
                    Some(code)
                }
                (None, signal) => {
                    let name = signal
                        .and_then(|number| Signal::try_from(number).ok())
                        .map_or("a signal", Signal::as_str);
                    note(&format!("[ended by {name}]"));
                    None
                }
            },
            End::TimeOut => {
                note(&format!(
                    "[the command was ended: it ran longer than its limit of {} s; `timeout` can be up to {} s]",
                    self.limit.as_secs(),
                    MOST_LIMIT.as_secs()
                ));
                None
            }
            End::TooMany(TooMany { most }) => {
                note(&format!(
                    "[the command was ended: it had more than {most} processes and threads at once, which is the limit \
                     that `[limits] processes` of the host's configuration sets]"
                ));
                None
            }
            // Whoever stopped it says why.
            End::Stopped => None,
            End::Broken(error) => {
                note(&format!(
                    "[the command was ended: its output could not be read: {error}]"
                ));
                None
            }
        };
        if left.ended > 0 && matches!(end, End::Exit(_)) {
            note(&format!(
                "[processes that it left running, ended with it: {}]",
                left.ended
            ));
        }
        if left.alive > 0 {
            note(&format!(
                "[processes of it that could not be ended yet: {}]",
                left.alive
            ));
        }
        exit
    }
}

/// A command that runs. The order matters: dropping ends the tree first, while its leader is still known.
struct Running {
    tree: Tree,
    child: Child,
    cage: Cage,
}

fn start(policy: &Policy, script: &str, processes: NonZeroU32) -> Result<(Running, Receiver), String> {
    let is_guarded = !policy.without.contains(&Layer::Session);
    let (cage, tree) = loop {
        let cage = Cage::prepare(policy).map_err(|error| words(&error))?;
        // After many commands marks come again. One whose command still dies is passed over.
        if let Some(tree) = Tree::new(cage.mark(), is_guarded, processes) {
            break (cage, tree);
        }
    };
    let shell = cage.find("bash").or_else(|| cage.find("sh"));
    let shell = shell.ok_or("there is neither bash nor sh on this machine")?;
    let shell = shell.to_string_lossy();
    let piped = || {
        let (reader, writer) = io::pipe()?;
        Ok((
            Receiver::from_owned_fd(reader.into())?,
            writer.try_clone()?,
            writer,
        ))
    };
    let (reader, out, err) = piped().map_err(|error: io::Error| format!("could not make a pipe: {error}"))?;
    let mut command = cage.command(&shell, ["-c", script]);
    // One pipe for both, so that their order stays.
    command.stdin(Stdio::null()).stdout(out).stderr(err);
    let mut command = Command::from(command);
    command.kill_on_drop(true);
    let child = cage::spawn_victim(|| command.spawn())
        .map_err(|error| words(&CageError::from_spawn(&shell, error)))?;
    tree.starts_with(child.id());
    // `command` holds the writing ends, and goes here: the pipe ends when the last process does.
    Ok((Running { tree, child, cage }, reader))
}

fn words(error: &CageError) -> String {
    match error.hint() {
        Some(hint) => format!("the command was not run: {error}\nhint: {hint}"),
        None => format!("the command was not run: {error}"),
    }
}

impl Running {
    /// Reads along until the shell ends, whoever else still holds its output, or the time is over, or it has too many
    /// processes.
    async fn follow(
        &mut self,
        reader: &mut Receiver,
        limit: Duration,
        capture: &mut Capture,
        live: &mut Live<'_>,
        stopped: impl Future<Output = ()> + Send,
    ) -> End {
        let deadline = Moment::now() + limit;
        let mut chunk = vec![0; CHUNK];
        let mut open = true;
        let watch = self.tree.watch();
        tokio::pin!(watch, stopped);
        loop {
            tokio::select! {
                status = self.child.wait() => {
                    self.tree.first_is_gone();
                    return status.map_or_else(End::Broken, End::Exit);
                }
                () = sleep_until(deadline) => return End::TimeOut,
                () = &mut stopped => return End::Stopped,
                too_many = &mut watch => return End::TooMany(too_many),
                () = sleep_until(live.due()), if live.is_waiting() => live.flush(),
                read = reader.read(&mut chunk), if open => match read {
                    Ok(0) => open = false,
                    Ok(length) => {
                        live.push(&chunk[..length]);
                        capture.push(&chunk[..length]).await;
                    }
                    Err(error) => return End::Broken(error),
                },
            }
        }
    }

    /// Ends everything and waits until it is gone.
    async fn end(&mut self) -> tree::Left {
        let mut ended = self.tree.kill();
        // Killed now, if it had not ended before: the wait is short, unless the kernel holds it.
        if timeout(tree::PATIENCE, self.child.wait()).await.is_ok() {
            self.tree.first_is_gone();
            ended += self.cage.ended();
        }
        let alive = self.tree.reap().await;
        tree::Left { ended, alive }
    }
}

/// What was still in the pipe.
async fn drain(reader: &mut Receiver, capture: &mut Capture, live: &mut Live<'_>) {
    let deadline = Instant::now() + DRAIN;
    let mut chunk = vec![0; CHUNK];
    // Ends early only if somebody that we could not end still holds the pipe.
    while let Ok(Ok(length)) = timeout(deadline - Instant::now().min(deadline), reader.read(&mut chunk)).await
    {
        if length == 0 {
            return;
        }
        live.push(&chunk[..length]);
        capture.push(&chunk[..length]).await;
    }
}

#[cfg(test)]
mod tests;
