//! Commands that begin with `/`: what was meant, read purely, and then done.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use conversation::{ThreadChange, ThreadId};
use credentials::Service;
use serde::Deserialize;
use supervisor::{Setting, SupervisorError};

use super::gate::Visitor;
use super::refusal::Refused;
use super::said::Said;
use super::shared::Web;
use super::view::{COMMANDS, CommandAnswer};
use crate::standing::{Model, NO_MODEL, chosen, model, offered, standing, wanted};

/// Of a name that is none, so many characters are said again.
const MOST_NAMED: usize = 40;

/// What was meant.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Command {
    Auth(Option<String>),
    New,
    Stop,
    Model(Option<String>),
    Agent(Option<String>),
    Status,
    Reset,
    Help,
    /// With the nearest one that there is.
    Unknown(String, Option<&'static str>),
}

#[derive(Deserialize)]
pub(crate) struct Line {
    text: String,
}

/// Reads a line that begins with `/`.
fn parse(text: &str) -> Command {
    let text = text.trim();
    let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    let argument = (!rest.is_empty()).then(|| rest.to_owned());
    match name.to_lowercase().as_str() {
        "/auth" | "/login" => Command::Auth(argument),
        "/new" => Command::New,
        "/stop" => Command::Stop,
        "/model" => Command::Model(argument),
        "/agent" => Command::Agent(argument),
        "/status" => Command::Status,
        "/reset" => Command::Reset,
        "/help" | "/" | "/?" => Command::Help,
        other => Command::Unknown(other.chars().take(MOST_NAMED).collect(), nearest(other)),
    }
}

/// The command that begins with what was typed, or that it begins with; else one that it is a slip of.
fn nearest(typed: &str) -> Option<&'static str> {
    /// Slips in one word: letters missed, doubled, changed or swapped.
    const MOST_SLIPS: usize = 2;
    let names = || COMMANDS.iter().map(|command| command.name);
    let near = |name: &&str| typed.len() > 1 && (name.starts_with(typed) || typed.starts_with(*name));
    let slips = |name: &&str| strsim::damerau_levenshtein(name, typed);
    let slip = |name: &&str| typed.len() > 3 && slips(name) <= MOST_SLIPS;
    names()
        .find(near)
        .or_else(|| names().filter(slip).min_by_key(slips))
}

/// `POST /api/t/{id}/command`
pub(crate) async fn in_thread(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path(thread): Path<String>,
    Said(line): Said<Line>,
) -> Result<Json<CommandAnswer>, Refused> {
    let thread = web.thread(&visitor.person, &thread).await?;
    web.command(&visitor, Some(&thread), parse(&line.text))
        .await
        .map(Json)
}

/// `POST /api/command`, where there is no thread yet.
pub(crate) async fn anywhere(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Said(line): Said<Line>,
) -> Result<Json<CommandAnswer>, Refused> {
    web.command(&visitor, None, parse(&line.text)).await.map(Json)
}

impl Web {
    async fn command(
        &self,
        visitor: &Visitor,
        thread: Option<&ThreadId>,
        command: Command,
    ) -> Result<CommandAnswer, Refused> {
        match (command, thread) {
            (Command::Auth(None), _) => Ok(go("/credentials")),
            (Command::Auth(Some(service)), _) => {
                let in_use = self.services_in_use();
                let names: Vec<&str> = in_use.iter().map(Service::as_str).collect();
                let names = match names.as_slice() {
                    [] => "none".to_owned(),
                    names => names.join(", "),
                };
                let known = Service::parse(&service).ok();
                let known = known.filter(|service| self.credentials.vendors().get(service).is_ok());
                let Some(service) = known else {
                    let service = crate::harmless::line(&service, MOST_NAMED);
                    return Err(Refused::bad(format!("there is no service {service}"))
                        .hint(format!("in use here: {names}")));
                };
                if !in_use.contains(&service) {
                    return Ok(say(format!(
                        "No agent of this host works with {service}, so a login would pay for nothing. In use: {names}."
                    )));
                }
                Ok(go(&format!("/credentials#login-mine-{service}")))
            }
            (Command::New, _) => Ok(go("/")),
            (Command::Help, _) => Ok(say(help())),
            (Command::Unknown(name, nearest), _) => Ok(CommandAnswer {
                words: match nearest {
                    Some(nearest) => format!("There is no command {name}. Did you mean {nearest}?"),
                    None => format!("There is no command {name}; /help shows what there is."),
                },
                unknown: true,
                nearest,
                open: None,
            }),
            (Command::Status, None) => self.overview(visitor).await,
            (_, None) => Ok(say("There is no thread yet: write the first message.")),
            (Command::Stop, Some(thread)) => {
                let stopped = self.supervisor.stop(thread, &visitor.person.user).await?;
                Ok(say(if stopped {
                    "Stopping."
                } else {
                    "Nothing runs in this thread."
                }))
            }
            (Command::Reset, Some(thread)) => {
                self.supervisor.reset(thread, &visitor.person.user).await?;
                Ok(say(
                    "The agent begins anew here. What was said and the files stay.",
                ))
            }
            (Command::Status, Some(thread)) => self.status(thread).await,
            (Command::Model(name), Some(thread)) => self.model(thread, name).await,
            (Command::Agent(name), Some(thread)) => self.agent(thread, name).await,
        }
    }

    async fn model(&self, thread: &ThreadId, name: Option<String>) -> Result<CommandAnswer, Refused> {
        let (now, _) = self.supervisor.subscribe(thread).await?;
        let Some(name) = name else {
            let answer = match model(&self.supervisor, &now.thread) {
                Model::Chosen(name) => {
                    format!("This thread uses the model {name}. /model default goes back to the agent's own.")
                }
                Model::OfAgent(name) => format!(
                    "This thread uses the agent's own model, {name}. /model and a name choose another."
                ),
                Model::Untold => {
                    "This thread uses the agent's own model. /model and a name choose another.".to_owned()
                }
                Model::None => NO_MODEL.to_owned(),
            };
            let offered = offered(&self.supervisor, &now.thread, Setting::Model);
            return Ok(say([Some(answer), offered]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" ")));
        };
        let name = super::threads::model(&name)?;
        let change = ThreadChange {
            model: Some(wanted(&self.supervisor, &now.thread, Setting::Model, name)),
            ..ThreadChange::default()
        };
        let changed = self.supervisor.change(thread, change).await?;
        Ok(say(match model(&self.supervisor, &changed) {
            Model::Chosen(name) => chosen(&self.supervisor, &changed, Setting::Model, name),
            Model::OfAgent(_) | Model::Untold => "From the next turn on: the agent's own model.".to_owned(),
            Model::None => NO_MODEL.to_owned(),
        }))
    }

    async fn agent(&self, thread: &ThreadId, name: Option<String>) -> Result<CommandAnswer, Refused> {
        if let Some(name) = name {
            let (now, _) = self.supervisor.subscribe(thread).await?;
            let change = ThreadChange {
                agent: Some(name),
                ..ThreadChange::default()
            };
            let changed = match self.supervisor.change(thread, change).await {
                Err(error @ SupervisorError::NoAgent(_)) => {
                    let agents = self.supervisor.agents();
                    let names: Vec<_> = agents.iter().map(|(name, _)| name.as_str()).collect();
                    return Err(Refused::bad(error).hint(format!("there are: {}", names.join(", "))));
                }
                changed => changed?,
            };
            let title = self.supervisor.title_of(&changed.agent);
            return Ok(say(if changed.agent == now.thread.agent {
                format!("This thread is served by {title} already.")
            } else {
                format!("From the next turn on: the agent {title}, with a new session.")
            }));
        }
        let (now, _) = self.supervisor.subscribe(thread).await?;
        let mut answer = format!(
            "This thread is served by {}. There are:",
            self.supervisor.title_of(&now.thread.agent)
        );
        for (name, title) in self.supervisor.agents() {
            // Writing to a String can't fail.
            let _ = write!(answer, "\n  {name}  {title}");
        }
        Ok(say(answer))
    }

    async fn status(&self, thread: &ThreadId) -> Result<CommandAnswer, Refused> {
        let (now, _) = self.supervisor.subscribe(thread).await?;
        let mut answer = standing(&self.supervisor, &now, "your").await?;
        let always = self.supervisor.grants(thread).await?.len();
        if always > 0 {
            let _ = write!(
                answer,
                "
Always allowed here: {always}, listed in the menu of the agent above."
            );
        }
        Ok(say(answer))
    }

    async fn overview(&self, visitor: &Visitor) -> Result<CommandAnswer, Refused> {
        let threads = self
            .supervisor
            .threads(super::lists::own_threads(&visitor.person))
            .await?;
        let working = threads.iter().filter(|status| status.summary.running).count();
        let queued: u32 = threads.iter().map(|status| status.summary.queued).sum();
        Ok(say(format!(
            "{} of your threads, {working} at work, {queued} messages waiting.",
            threads.len()
        )))
    }
}

fn help() -> String {
    let mut answer = String::from("What can be typed here:");
    for command in COMMANDS {
        let _ = write!(
            answer,
            "\n  {} {}  {}",
            command.name, command.arguments, command.help
        );
    }
    answer.push_str("\n\nEnter sends, Shift+Enter begins a line. On a touch screen Enter begins a line; the button sends, or Ctrl+Enter.");
    answer
}

fn say(words: impl Into<String>) -> CommandAnswer {
    CommandAnswer {
        words: words.into(),
        ..CommandAnswer::default()
    }
}

fn go(path: &str) -> CommandAnswer {
    CommandAnswer {
        open: Some(path.to_owned()),
        ..CommandAnswer::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_mean_what_this_table_says() {
        let some = |text: &str| Some(text.to_owned());
        for (text, command) in [
            ("/auth", Command::Auth(None)),
            (" /AUTH  codex ", Command::Auth(some("codex"))),
            ("/login x", Command::Auth(some("x"))),
            ("/new", Command::New),
            ("/new and more", Command::New),
            ("/stop", Command::Stop),
            ("/model", Command::Model(None)),
            ("/model default", Command::Model(some("default"))),
            ("/model a/b c", Command::Model(some("a/b c"))),
            ("/agent\tcodex", Command::Agent(some("codex"))),
            ("/agent", Command::Agent(None)),
            ("/status", Command::Status),
            ("/reset", Command::Reset),
            ("/help", Command::Help),
            ("/", Command::Help),
            ("/sto", Command::Unknown("/sto".into(), Some("/stop"))),
            ("/stopp", Command::Unknown("/stopp".into(), Some("/stop"))),
            ("/stpo", Command::Unknown("/stpo".into(), Some("/stop"))),
            ("/modle", Command::Unknown("/modle".into(), Some("/model"))),
            ("/xyz", Command::Unknown("/xyz".into(), None)),
            ("/deploy", Command::Unknown("/deploy".into(), None)),
            ("/ü", Command::Unknown("/ü".into(), None)),
        ] {
            assert_eq!(parse(text), command, "{text:?}");
        }
    }

    #[test]
    fn every_offered_command_is_known_and_in_the_help() {
        for command in COMMANDS {
            assert!(
                !matches!(parse(command.name), Command::Unknown(..)),
                "{}",
                command.name
            );
            assert!(help().contains(command.help));
        }
    }
}
