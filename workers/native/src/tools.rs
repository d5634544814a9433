//! Tools of the built-in agent: read, write, edit, list, glob, grep, bash, offer.
//!
//! A call goes through two hands. [`Tools::prepare`] reads its arguments, looks at the files and says exactly what would
//! happen; that is shown and asked for. [`Tools::run`] does exactly that, or nothing.
//!
//! The file tools run in the worker itself, which the cage does not hold. So each path is resolved with its links before
//! it is looked at, is opened without following any, and must lie in the workspace; outside of it only what a caged
//! command could read may be read, and that asks. Commands run in the cage, and leave nothing behind.

mod arguments;
mod bash;
mod change;
mod edit;
mod glob;
mod grep;
mod inside;
mod list;
mod offer;
mod open;
mod place;
mod powerful;
mod read;
mod search;
mod spec;
mod stop;
#[cfg(test)]
mod tests;
mod walk;
mod write;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cage::Policy;
use tokio::task::JoinError;
use tracing::warn;

use crate::disk::blocking;
pub(crate) use arguments::in_short;
pub(crate) use inside::{folders_inside, read_inside};
use place::{Place, Places};
use search::Searches;
use stop::Stop;

/// The largest text that a change begins or ends with, in bytes.
pub(crate) const CHANGE_LIMIT: usize = 1024 * 1024;

/// A tool as the model sees it.
#[derive(Debug, Clone)]
pub(crate) struct ToolSpec {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it does, for the model.
    pub(crate) description: &'static str,
    /// JSON Schema of its arguments.
    pub(crate) parameters: serde_json::Value,
}

/// What a tool does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Reads.
    Read,
    /// Searches.
    Search,
    /// Changes files.
    Edit,
    /// Runs a command.
    Execute,
}

/// A change to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// Absolute.
    pub(crate) path: PathBuf,
    /// Before; `None` for a new file.
    pub(crate) old: Option<String>,
    /// After.
    pub(crate) new: String,
}

/// A call whose arguments were read and checked; exactly this is shown, asked for and then executed.
#[derive(Debug)]
pub(crate) struct Prepared<A = Action> {
    /// What it does.
    pub(crate) kind: Kind,
    /// In a few words: `run a command`, `write notes.txt`.
    pub(crate) title: String,
    /// Exactly what will be done: the command line, the path, the pattern.
    pub(crate) input: String,
    /// Files it would change, as they would be.
    pub(crate) changes: Vec<Change>,
    /// Whether it needs a permission (anything that changes something or runs a command; reading outside the workspace).
    pub(crate) asks: bool,
    /// What may be allowed for the whole thread; `None` for a call that is asked about each time.
    pub(crate) always: Option<Always>,
    /// What is executed.
    pub(crate) action: A,
}

/// What "always in this thread" stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Always {
    /// Calls with the same key are alike: the client, which remembers what is always allowed, knows them by it.
    pub(crate) key: String,
    /// What is allowed, for people who choose: `Always run exactly this command`.
    pub(crate) scope: &'static str,
}

/// What is executed. Belongs to the tools; nobody else looks inside.
#[derive(Debug)]
pub(crate) struct Action(Work);

#[derive(Debug)]
enum Work {
    Read(read::Read),
    List(list::List),
    Glob(glob::Glob),
    Grep(grep::Grep),
    Change(change::Planned),
    Bash(bash::Bash),
    Offer(offer::Offer),
}

/// What a tool gave back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// What the model gets to read.
    pub(crate) text: String,
    /// Whether it failed.
    pub(crate) failed: bool,
    /// Whether it was stopped before its end. It failed then, and the text is what it had put out by then.
    pub(crate) stopped: bool,
    /// Exit code of a command.
    pub(crate) exit: Option<i32>,
    /// Files for the people in the thread.
    pub(crate) offered: Vec<PathBuf>,
}

impl Outcome {
    fn of(result: Result<String, String>) -> Self {
        let failed = result.is_err();
        let (Ok(text) | Err(text)) = result;
        Self {
            text,
            failed,
            stopped: false,
            exit: None,
            offered: Vec::new(),
        }
    }

    /// It was stopped, and had put this out by then.
    pub(crate) fn stopped(text: String) -> Self {
        Self {
            stopped: true,
            ..Self::of(Err(text))
        }
    }
}

/// The tools of one session.
pub(crate) struct Tools {
    places: Arc<Places>,
    policy: Policy,
    processes: NonZeroU32,
    searches: Searches,
}

impl Tools {
    /// Tools for the policy's workspace. `spill` is the folder for output that is too long for the model; it is made when
    /// it is needed, and commands may read it. A command may have so many `processes` and threads at once.
    ///
    /// Makes this process a child subreaper: what a command leaves behind becomes its child, and so can be ended.
    pub(crate) fn new(spill: &Path, mut policy: Policy, processes: NonZeroU32) -> Self {
        if let Err(errno) = nix::sys::prctl::set_child_subreaper(true) {
            warn!(
                error = errno.desc(),
                "not a child subreaper: commands may leave processes behind"
            );
        }
        policy.readable.push(spill.to_owned());
        let mut looked_at = policy.clone();
        // A command sees the folders of its own processes there. We would see ours, with the memory that holds secrets.
        looked_at.readable.retain(|folder| !folder.starts_with("/proc"));
        Self {
            places: Arc::new(Places::new(spill, looked_at)),
            policy,
            processes,
            searches: Searches::new(),
        }
    }

    /// All of them, as the model sees them.
    #[expect(
        clippy::unused_self,
        reason = "which tools there are may depend on the session later"
    )]
    pub(crate) fn specs(&self) -> Vec<ToolSpec> {
        spec::all()
    }

    /// Reads and checks a call. `Err` is what the model is told: unknown tool, broken JSON, missing argument. Blocking,
    /// and bounded: it reads at most one file of limited size.
    pub(crate) fn prepare(&self, name: &str, arguments: &str) -> Result<Prepared, String> {
        let places = &self.places;
        match name {
            spec::READ => read::prepare(places, arguments),
            spec::WRITE => write::prepare(places, arguments),
            spec::EDIT => edit::prepare(places, arguments),
            spec::LIST => list::prepare(places, arguments),
            spec::GLOB => glob::prepare(places, arguments),
            spec::GREP => grep::prepare(places, arguments),
            spec::BASH => bash::prepare(arguments),
            spec::OFFER => offer::prepare(places, arguments),
            other => {
                let known: Vec<&str> = spec::all().iter().map(|spec| spec.name).collect();
                Err(format!(
                    "there is no tool `{other}`; there are {}",
                    known.join(", ")
                ))
            }
        }
    }

    /// Executes what was prepared. `output` gets what a command writes, as it comes. Once `stopped` is ready it ends
    /// everything it started and says what there is so far; a change of a file that has begun is finished, as it is one
    /// step. Dropping the future ends everything, too, and returns only a guarantee, not the processes' time: the kill
    /// has been sent.
    ///
    /// To be called from a thread that lives as long as the worker: a command dies with the thread that started it.
    pub(crate) async fn run(
        &self,
        prepared: Prepared,
        output: &mut (dyn FnMut(String) + Send),
        stopped: impl Future<Output = ()> + Send,
    ) -> Outcome {
        let Prepared { action, .. } = prepared;
        let places = Arc::clone(&self.places);
        let (stop, _guard) = Stop::new();
        match action.0 {
            Work::Bash(bash) => {
                let (policy, processes) = (&self.policy, self.processes);
                bash.run(policy, processes, &self.places, output, stopped).await
            }
            Work::Change(planned) => whole(blocking(move || Outcome::of(planned.perform())).await),
            Work::Offer(offer) => whole(blocking(move || offer.perform()).await),
            Work::Glob(glob) => unless(stopped, self.search(move |stop| glob.perform(&places, stop))).await,
            Work::Grep(grep) => unless(stopped, self.search(move |stop| grep.perform(&places, stop))).await,
            Work::Read(read) => {
                let work = blocking(move || Outcome::of(read.perform(&stop)));
                unless(stopped, async { whole(work.await) }).await
            }
            Work::List(list) => {
                let work = blocking(move || Outcome::of(list.perform(&stop)));
                unless(stopped, async { whole(work.await) }).await
            }
        }
    }

    async fn search(&self, search: impl FnOnce(&Stop) -> Result<String, String> + Send + 'static) -> Outcome {
        Outcome::of(self.searches.run(search).await.flatten())
    }
}

/// Looks, unless it is stopped first.
async fn unless(stopped: impl Future<Output = ()>, work: impl Future<Output = Outcome>) -> Outcome {
    tokio::select! {
        done = work => done,
        () = stopped => Outcome::stopped(String::new()),
    }
}

fn whole(done: Result<Outcome, JoinError>) -> Outcome {
    done.unwrap_or_else(|error| Outcome::of(Err(format!("the tool broke: {error}"))))
}

/// A call that only looks: it asks if it looks outside the workspace. `scope` is what "always" allows.
fn looking(
    kind: Kind,
    verb: &str,
    scope: &'static str,
    place: &Place,
    input: String,
    work: Work,
) -> Prepared {
    Prepared {
        kind,
        title: format!("{verb} {}", in_short(&place.shown)),
        always: Some(Always {
            key: format!("{verb} {}", place.path.display()),
            scope,
        }),
        input,
        changes: Vec::new(),
        asks: place.is_outside(),
        action: Action(work),
    }
}
