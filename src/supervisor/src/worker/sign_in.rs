//! Agents that keep their own login: which of the ways to sign in that one offers its `env` satisfies, and what people are
//! told to do about the others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::sync::OnceLock;

use agent_client_protocol::Agent;
use agent_client_protocol::v1::ConnectionTo;
use agent_client_protocol::v1::schema::AuthenticateRequest;
use serde_json::Value;
use tokio::time::Instant;

use super::client::{self, OpenError};
use super::{Spec, words};
use crate::config::AgentKind;

/// The request that names a way to sign in.
const AUTHENTICATE: &str = "authenticate";

/// Ways that say nothing of the variable that they need.
const WELL_KNOWN: [(&str, &str); 1] = [("vertex-ai", "GOOGLE_API_KEY")];

/// Words of ways that ask a person: nobody sits before this machine.
const ASKS_A_PERSON: [&str; 6] = ["browser", "oauth", "login", "log in", "sign in", "sign-in"];

/// The ways to sign in to one agent, each of which is tried by itself at most once in a worker's life.
pub(super) struct SignIn {
    title: String,
    /// Its table in the configuration.
    table: String,
    methods: Vec<Method>,
    /// Variables of its own `env` that hold something; never what they hold.
    set: BTreeSet<String>,
    /// What must not be told again.
    secrets: Vec<String>,
    /// The variables that were tried, and the error with which that ended.
    tried: OnceLock<(String, OnceLock<String>)>,
}

impl fmt::Debug for SignIn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SignIn")
            .field("methods", &self.methods)
            .field("set", &self.set)
            .finish_non_exhaustive()
    }
}

/// One way, as the agent describes it.
#[derive(Debug)]
struct Method {
    id: String,
    /// Its name and what it says of itself, for people.
    words: String,
    way: Way,
}

#[derive(Debug, PartialEq)]
enum Way {
    /// By variables that the agent reads.
    Variables {
        needed: Vec<String>,
        others: Vec<String>,
    },
    /// By a command in a terminal.
    Command(String),
    /// By whatever its words say.
    Person,
}

impl SignIn {
    /// From what the agent offered when it was greeted.
    pub(super) fn new(spec: &Spec, offered: &[Value]) -> Self {
        let none = (vec![], BTreeMap::new());
        let (command, environment) = match &spec.agent.kind {
            AgentKind::Native(_) => (&none.0, &none.1),
            AgentKind::External { command, environment } => (command, environment),
        };
        let set = environment.iter().filter(|(_, value)| !value.trim().is_empty());
        Self {
            title: spec.agent.title.clone(),
            table: spec.agent_name.clone(),
            methods: offered
                .iter()
                .filter_map(|value| Method::read(value, command))
                .collect(),
            set: set.map(|(name, _)| name.clone()).collect(),
            secrets: words::secrets(spec),
            tried: OnceLock::new(),
        }
    }

    /// Whether there is a way that its `env` satisfies and that was not tried.
    pub(super) fn is_possible(&self) -> bool {
        self.tried.get().is_none() && self.satisfied().is_some()
    }

    /// Signs the agent in with what its `env` holds, if that was not tried before. Whether it took that.
    pub(super) async fn try_once(
        &self,
        connection: &ConnectionTo<Agent>,
        deadline: Instant,
    ) -> Result<bool, OpenError> {
        let Some((method, variables)) = self.satisfied() else {
            return Ok(false);
        };
        if self.tried.set((quoted(&variables), OnceLock::new())).is_err() {
            return Ok(false);
        }
        let request = AuthenticateRequest::new(method.id.clone());
        let answer = client::ask(connection, AUTHENTICATE, request, deadline).await;
        let why = match &answer {
            Ok(Ok(_)) => return Ok(true),
            // It may say which key it did not like.
            Ok(Err(error)) => words::without(words::error(error), &self.secrets),
            Err(OpenError::Late(_)) => "it did not answer in time".to_owned(),
            Err(_) => "its connection ended".to_owned(),
        };
        if let Some((_, failure)) = self.tried.get() {
            let _ = failure.set(why);
        }
        answer.map(|_| false)
    }

    /// The first way whose variables are all there.
    fn satisfied(&self) -> Option<(&Method, Vec<&String>)> {
        self.methods.iter().find_map(|method| {
            let Way::Variables { needed, others } = &method.way else {
                return None;
            };
            let given: Vec<&String> = needed
                .iter()
                .chain(others)
                .filter(|name| self.set.contains(*name))
                .collect();
            let is_satisfied = !given.is_empty() && needed.iter().all(|name| self.set.contains(name));
            is_satisfied.then_some((method, given))
        })
    }

    /// What people are to do, in a sentence without its full stop.
    pub(super) fn words(&self) -> String {
        let Self { title, table, .. } = self;
        let words = match self.tried.get() {
            Some((variables, failure)) => match failure.get() {
                Some(why) => format!(
                    "{title} could not be signed in with {variables} of its `env`: {why}. Look at what stands there in \
                     `[agents.{table}]`"
                ),
                None => format!(
                    "{title} is signed in with {variables} of its `env`, and still wants a login: look at what stands there in \
                     `[agents.{table}]`"
                ),
            },
            None => self.advice(),
        };
        words::cut(words.chars().filter(|letter| !letter.is_control()).collect())
    }

    fn advice(&self) -> String {
        let Self { title, table, .. } = self;
        let (mut lines, mut commands, mut others) = (vec![], vec![], vec![]);
        for method in &self.methods {
            match &method.way {
                Way::Variables { needed, others } => {
                    let names = if needed.is_empty() { others } else { needed };
                    let members = names
                        .iter()
                        .map(|name| format!("{name} = {{ from_env = \"{name}\" }}"));
                    lines.push(format!(
                        "`env = {{ {} }}`",
                        members.collect::<Vec<_>>().join(", ")
                    ));
                }
                Way::Command(command) => commands.push(format!("`{command}`")),
                Way::Person if method.words.is_empty() => {}
                Way::Person => others.push(method.words.as_str()),
            }
        }
        let mut words = format!("{title} keeps its own login: ");
        if !lines.is_empty() {
            // Writing to a String can't fail.
            let _ = write!(
                words,
                "give it a key in `[agents.{table}]`: {}, where `from_env` names a variable that the host has; or ",
                lines.join(" or ")
            );
        }
        let user = user();
        if commands.is_empty() {
            let _ = write!(
                words,
                "sign in with its own program, as the user that runs this host{user}"
            );
        } else {
            let _ = write!(
                words,
                "run {} in a terminal, as the user that runs this host{user}",
                commands.join(" or ")
            );
        }
        if !others.is_empty() {
            let _ = write!(words, " ({})", others.join("; "));
        }
        words
    }
}

impl Method {
    /// `command` is the agent's own. `None`: it can't be asked for.
    fn read(offered: &Value, command: &[String]) -> Option<Self> {
        let text = |name: &str| offered[name].as_str().unwrap_or_default().trim();
        let id = offered["id"].as_str()?.to_owned();
        let words = match (text("name"), text("description")) {
            (words, "") | ("", words) => words.to_owned(),
            (name, description) => format!("{name}: {description}"),
        };
        let way = match text("type") {
            "terminal" => Way::Command(command_line(command.iter().map(String::as_str), offered)),
            "env_var" => declared(&offered["vars"]),
            _ => match offered["_meta"]["terminal-auth"]["command"].as_str() {
                Some(program) => Way::Command(command_line(
                    [program].into_iter(),
                    &offered["_meta"]["terminal-auth"],
                )),
                None => named(&id, &words),
            },
        };
        Some(Self { id, words, way })
    }
}

/// A program with the further words and variables that stand in `more`, to be typed.
fn command_line<'a>(program: impl Iterator<Item = &'a str>, more: &'a Value) -> String {
    let quoted = |word: &str| match word {
        plain if !plain.is_empty() && plain.chars().all(is_plain) => plain.to_owned(),
        word => format!("'{}'", word.replace('\'', r"'\''")),
    };
    let variables = more["env"].as_object().into_iter().flatten();
    let variables = variables.filter_map(|(name, value)| Some(format!("{name}={}", quoted(value.as_str()?))));
    let arguments = more["args"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    variables
        .chain(program.chain(arguments).map(quoted))
        .collect::<Vec<_>>()
        .join(" ")
}

fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "-_./=:@%+,".contains(letter)
}

/// The variables that the agent itself says it needs.
fn declared(variables: &Value) -> Way {
    let name = |variable: &Value| variable["name"].as_str().map(str::to_owned);
    let all = variables.as_array().map(Vec::as_slice).unwrap_or_default();
    let (others, needed): (Vec<&Value>, Vec<&Value>) = all.iter().partition(|one| one["optional"] == true);
    let (needed, others): (Vec<_>, Vec<_>) = (
        needed.into_iter().filter_map(name).collect(),
        others.into_iter().filter_map(name).collect(),
    );
    if needed.is_empty() && others.is_empty() {
        return Way::Person;
    }
    Way::Variables { needed, others }
}

/// Agents that were written before `env_var` was name the variable in their words, or call the way by it.
fn named(id: &str, words: &str) -> Way {
    let lower = words.to_lowercase();
    if ASKS_A_PERSON.iter().any(|word| lower.contains(word)) {
        return Way::Person;
    }
    let of_words = words
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .filter(|word| is_secret(word));
    let mut needed: Vec<String> = Vec::new();
    for word in of_words {
        if !needed.iter().any(|known| known == word) {
            needed.push(word.to_owned());
        }
    }
    if needed.is_empty() {
        let of_id = id.replace('-', "_").to_ascii_uppercase();
        let known = WELL_KNOWN.iter().find(|(known, _)| *known == id);
        match known {
            Some((_, variable)) => needed.push((*variable).to_owned()),
            None if of_id.ends_with("_API_KEY") && is_secret(&of_id) => needed.push(of_id),
            None => return Way::Person,
        }
    }
    Way::Variables {
        needed,
        others: vec![],
    }
}

/// Whether a word is the name of a variable that holds a key.
fn is_secret(word: &str) -> bool {
    let is_name = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_';
    word.chars().all(is_name)
        && word.starts_with(|letter: char| letter.is_ascii_uppercase())
        && (word.ends_with("_KEY") || word.ends_with("_TOKEN"))
}

fn quoted(names: &[&String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(" and ")
}

/// Which user that is, where it has a name.
pub(super) fn user() -> String {
    let known = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten();
    known.map_or_else(String::new, |user| format!(" (`{}`)", user.name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn way(offered: &Value) -> Way {
        Method::read(offered, &["/opt/an agent".into(), "--acp".into()])
            .unwrap()
            .way
    }

    #[test]
    fn a_way_is_known_by_its_variables_its_words_or_its_name_and_never_one_that_asks_a_person() {
        let needs = |names: &[&str]| Way::Variables {
            needed: names.iter().map(|name| (*name).to_owned()).collect(),
            others: vec![],
        };
        for (offered, expected) in [
            (
                json!({"id": "a", "type": "env_var", "vars": [{"name": "A"}, {"name": "B"}]}),
                needs(&["A", "B"]),
            ),
            (
                json!({"id": "a", "type": "env_var", "vars": [{"name": "A"}, {"name": "B", "optional": true}]}),
                Way::Variables {
                    needed: vec!["A".into()],
                    others: vec!["B".into()],
                },
            ),
            (json!({"id": "a", "type": "env_var", "vars": []}), Way::Person),
            (
                json!({"id": "x", "name": "Use OPENAI_API_KEY", "description": "Requires setting the `OPENAI_API_KEY` environment variable."}),
                needs(&["OPENAI_API_KEY"]),
            ),
            (
                json!({"id": "gemini-api-key", "name": "Gemini API key", "description": null}),
                needs(&["GEMINI_API_KEY"]),
            ),
            (
                json!({"id": "vertex-ai", "name": "Vertex AI"}),
                needs(&["GOOGLE_API_KEY"]),
            ),
            (
                json!({"id": "oauth-personal", "name": "Log in with Google"}),
                Way::Person,
            ),
            (
                json!({"id": "chatgpt", "name": "ChatGPT", "description": "opens your browser; unset OPENAI_API_KEY"}),
                Way::Person,
            ),
            (
                json!({"id": "my-api-key", "name": "Sign in with an API key"}),
                Way::Person,
            ),
            (
                json!({"id": "opencode-login", "name": "Login", "_meta": {"terminal-auth": {"command": "opencode", "args": ["auth", "login"]}}}),
                Way::Command("opencode auth login".into()),
            ),
            (
                json!({"id": "x-api-key", "type": "terminal", "args": ["--login", "it's"], "env": {"A": "b c"}}),
                Way::Command(r"A='b c' '/opt/an agent' --acp --login 'it'\''s'".into()),
            ),
        ] {
            assert_eq!(way(&offered), expected, "{offered}");
        }
        assert!(Method::read(&json!({"id": 7}), &[]).is_none());
    }
}
