//! Where the bot's token is: exactly one place, and never this file.

use std::path::PathBuf;

use chat::discord::config::Token;

use super::DiscordSection;
use crate::bot_token::{WHERE_FROM, is_sound};
use crate::config::document::TablePlace;
use crate::config::variables::{Found, NOT_A_NAME, is_name};
use crate::config::{Places, Problem, Variables, web};

/// The variable that is looked at when nothing else is said.
pub(crate) const DEFAULT_VARIABLE: &str = "DISCORD_TOKEN";

/// One place that a token can be in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A variable of the environment, or a credential of this name that a service manager gives.
    Variable(String),
    /// The first line of a file.
    File(PathBuf),
    /// The first line that a program prints.
    Command(Vec<String>),
}

/// Why there is no token there, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NoToken {
    pub(crate) what: String,
    pub(crate) hint: &'static str,
    /// Whether it is there, and wrong; or whether only the environment of this process has none.
    is_wrong_here: bool,
}

impl NoToken {
    /// Whether what names the place is wrong, so that it is what the words are about.
    pub(crate) fn is_wrong_here(&self) -> bool {
        self.is_wrong_here
    }
}

impl Source {
    /// The key that names such a place.
    pub(crate) fn key(&self) -> &'static str {
        match self {
            Self::Variable(_) => "token_env",
            Self::File(_) => "token_file",
            Self::Command(_) => "token_command",
        }
    }

    /// Looks there. A program is not run yet.
    ///
    /// Errors: nothing in them is a part of a token.
    pub(crate) fn look(&self, variables: &Variables) -> Result<Token, NoToken> {
        let fault = |what: String, hint| NoToken {
            what,
            hint,
            is_wrong_here: false,
        };
        let (secret, from, file) = match self {
            Self::Command(words) => {
                let named = words.first().is_some_and(|program| !program.trim().is_empty());
                return if named {
                    Ok(Token::Command(words.clone()))
                } else {
                    let hint = "as in [\"pass\", \"show\", \"discord-bot\"]";
                    Err(NoToken {
                        is_wrong_here: true,
                        ..fault("names no program".to_owned(), hint)
                    })
                };
            }
            // It may be the token itself: it is not shown.
            Self::Variable(name) if !is_name(name) => {
                let hint = "as in \"DISCORD_TOKEN\"; the token itself does not belong there";
                return Err(NoToken {
                    is_wrong_here: true,
                    ..fault(NOT_A_NAME.to_owned(), hint)
                });
            }
            Self::Variable(name) => {
                let hint = "set it where agent-host runs, or say where it is with token_env, token_file or token_command";
                match variables.find(name).map_err(|what| fault(what, hint))? {
                    Some(Found::Variable(secret)) => (secret, name.clone(), None),
                    Some(Found::Credential { secret, file }) => {
                        (secret, format!("the service's credential {name}"), Some(file))
                    }
                    None => {
                        let what = format!("no token: {}", variables.absence(name));
                        return Err(fault(what, hint));
                    }
                }
            }
            Self::File(path) => {
                let secret = web::first_line(path);
                let secret = secret.map_err(|what| fault(what, "a file with one line, the token"))?;
                (secret, format!("`{}`", path.display()), Some(path.clone()))
            }
        };
        if is_sound(&secret) {
            Ok(Token::Given { secret, from, file })
        } else {
            Err(fault(format!("what {from} holds is not a token"), WHERE_FROM))
        }
    }
}

/// The token of somebody who has no `[discord]`. That there is none is no fault.
pub(super) fn of_environment(variables: &Variables, problems: &mut Vec<Problem>) -> Option<Token> {
    if matches!(variables.find(DEFAULT_VARIABLE), Ok(None)) {
        return None;
    }
    let looked = Source::Variable(DEFAULT_VARIABLE.to_owned()).look(variables);
    looked
        .map_err(|no| {
            let problem = Problem::of_variable(DEFAULT_VARIABLE, no.what).hint(no.hint);
            problems.push(problem.only_for_a_host());
        })
        .ok()
}

/// The token that the section names.
pub(super) fn find(
    section: &DiscordSection,
    place: &TablePlace,
    places: &Places,
    variables: &Variables,
    problems: &mut Vec<Problem>,
) -> Option<Token> {
    // What is wrong with this key was told already.
    if place.has("token") {
        return None;
    }
    let keys = ["token_env", "token_file", "token_command"];
    let mut said = keys.into_iter().filter(|key| place.has(key));
    let (first, second) = (said.next(), said.next());
    if let (Some(first), Some(second)) = (first, second) {
        let what = format!("there is already a {first}");
        problems.push(place.problem(Some(second), what).hint("keep one of them"));
        return None;
    }
    let source = if let Some(words) = &section.token_command {
        Source::Command(words.clone())
    } else if let Some(file) = &section.token_file {
        Source::File(places.beside_config(file))
    } else if let Some(name) = &section.token_env {
        Source::Variable(name.clone())
    } else if first.is_some() {
        // Written, and wrong: that was told already.
        return None;
    } else {
        Source::Variable(DEFAULT_VARIABLE.to_owned())
    };
    match source.look(variables) {
        Ok(token) => Some(token),
        Err(no) => {
            let problem = place.problem(first, no.what).hint(no.hint);
            // Who only looks at threads needs no token.
            problems.push(if no.is_wrong_here {
                problem
            } else {
                problem.only_for_a_host()
            });
            None
        }
    }
}
