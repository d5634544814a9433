//! Where the token is, and whose it is. A pasted one waits in memory until everything is written.

use std::path::{Path, PathBuf};

use chat::discord::inspect::{Rest, Trouble};
use secrecy::{ExposeSecret as _, SecretString};

use super::dialogue::again;
use super::{Guide, Met, file};
use crate::bot_token::{self, WHERE_FROM};
use crate::config::{DEFAULT_VARIABLE, Source, Variables};
use crate::failure::{Exit, Failure};
use crate::{output, running, shell};

/// The file in the state folder for a token that was pasted.
const FILE: &str = "discord-token";

/// For who pastes the token where it can be seen.
const SHOWN: &str = "the place, not the token (it is on your screen now; 4 takes it without showing it)";

/// A token's place, and the token itself where it has still to be put there.
pub(super) struct Chosen {
    source: Source,
    pasted: Option<SecretString>,
    /// The configuration names another place already. That stays: it may be a service's, which this shell can't see.
    is_for_this_run: bool,
}

impl Chosen {
    fn at(source: Source) -> Self {
        Self {
            source,
            pasted: None,
            is_for_this_run: false,
        }
    }

    /// What the configuration is to say of it; `None` where what it says stays.
    pub(super) fn to_write(&self) -> Option<Source> {
        (!self.is_for_this_run).then(|| self.source.clone())
    }

    pub(super) fn is_for_this_run(&self) -> bool {
        self.is_for_this_run
    }

    /// Puts a pasted token into its file, which only this user may read.
    pub(super) fn keep(self, state: &Path) -> Result<(), Failure> {
        let (Some(secret), Source::File(path), false) = (self.pasted, &self.source, self.is_for_this_run)
        else {
            return Ok(());
        };
        credentials::refuse_foreign_folder(state)?;
        running::create_private(state)
            .map_err(|error| Failure::during(error, format!("could not make `{}`", state.display())))?;
        file::write_secret(path, &secret)
    }
}

/// Why this place won't do.
enum Refused {
    /// The place, or what is in it.
    Place(String),
    /// Discord did not answer.
    Service(Trouble),
    Failed(Failure),
}

impl Guide<'_> {
    /// A place with a token that Discord knows, and whose it is. A person is asked until there is one. `written`: the
    /// place that the configuration names, which stays.
    pub(super) async fn token(&mut self, written: Option<&Source>) -> Result<(Chosen, Met), Failure> {
        let usual = written.cloned();
        let usual = usual.unwrap_or_else(|| Source::Variable(DEFAULT_VARIABLE.to_owned()));
        let mut said = self.said();
        let is_said = said.is_some();
        if !is_said && self.dialogue.is_none() {
            said = Some(usual.clone());
        }
        // Whoever pasted a token pastes the next one, too, and it must not be shown.
        let mut pastes = false;
        loop {
            let mut chosen = match said.take() {
                Some(source) => Chosen::at(source),
                None => self.choose(pastes, &usual, written.is_some()).await?,
            };
            pastes = chosen.pasted.is_some();
            chosen.is_for_this_run = written.is_some_and(|written| *written != chosen.source);
            let words = match self.meet(&chosen).await {
                Ok(met) => {
                    if chosen.is_for_this_run {
                        let key = usual.key();
                        output::say(&format!(
                            "   this token is for this run only: `{key}` stays in the configuration (without that line, the place of this one is written)"
                        ));
                    }
                    return Ok((chosen, met));
                }
                Err(Refused::Failed(failure)) => return Err(failure),
                Err(Refused::Place(words)) => words,
                Err(Refused::Service(trouble)) => {
                    let words = format!("the token could not be tried: {trouble}");
                    if self.dialogue.is_none() && trouble.may_pass() {
                        return Err(Failure::words(words)
                            .exit(Exit::TryAgain)
                            .hint("try again in a moment"));
                    }
                    words
                }
            };
            if self.dialogue.is_none() {
                let place = match &usual {
                    Source::Variable(name) if written.is_some() && !is_said => format!(
                        "`token_env` stays in the configuration, for the host; hand the token to this run, too: \
                         `{name}=$(cat FILE) {} setup discord …`, or --token-file FILE",
                        shell::program()
                    ),
                    _ => {
                        "say where the token is with --token-env, --token-file or --token-command".to_owned()
                    }
                };
                let hint = if words.contains(WHERE_FROM) {
                    place
                } else {
                    format!("{place}; it comes {WHERE_FROM}")
                };
                return Err(Failure::words(words).hint(hint));
            }
            output::say(&format!("   ✘ {words}"));
        }
    }

    fn said(&self) -> Option<Source> {
        let asked = self.asked;
        if let Some(name) = &asked.token_env {
            return Some(Source::Variable(name.clone()));
        }
        if let Some(words) = &asked.token_command {
            // What can't be taken apart is tried as it is, and told.
            return Some(Source::Command(
                words_of(words).unwrap_or_else(|| vec![words.clone()]),
            ));
        }
        let path = asked.token_file.as_ref()?;
        Some(Source::File(absolute(path)))
    }

    /// `at_paste`: the token itself is asked for first. `usual` is where it most likely is, and `stays` where the
    /// configuration says so.
    async fn choose(&mut self, at_paste: bool, usual: &Source, stays: bool) -> Result<Chosen, Failure> {
        let own = self.settings.state_folder.join(FILE);
        let configured = self
            .settings
            .discord
            .as_ref()
            .map(|discord| discord.token.source());
        let Some(dialogue) = &mut self.dialogue else {
            return Ok(Chosen::at(usual.clone()));
        };
        // A file of the guide's own gets the new token; what else the configuration names is not touched.
        let kept = if stays && *usual != Source::File(own.clone()) {
            "it is for this run only".to_owned()
        } else {
            format!("it goes into `{}`, which only this user may read", own.display())
        };
        let is_set = Variables::of_this_process().secret(DEFAULT_VARIABLE).is_some();
        let here = if is_set { "set here" } else { "not set here" };
        let mut next = at_paste.then_some("4");
        let explain = || {
            output::say(&format!(
                "   It never goes into the configuration or a log. Where is it?\n   \
             1) in the environment ({DEFAULT_VARIABLE} is {here})\n   \
             2) in a file\n   \
             3) a program prints it, such as `pass show discord-bot`\n   \
             4) I paste it now; {kept}"
            ));
        };
        if next.is_none() {
            explain();
        }
        let enter = configured.map_or_else(|| "4".to_owned(), |source| format!("Enter: {source}"));
        loop {
            let answer = match next.take() {
                Some(answer) => answer.to_owned(),
                None => dialogue.ask(&format!("   1 to 4 [{enter}] ")).await?,
            };
            let answer = match answer.as_str() {
                "" if enter == "4" => "4",
                "" => return Ok(Chosen::at(usual.clone())),
                answer => answer,
            };
            let place = match answer {
                "1" => {
                    let name = dialogue
                        .ask(&format!("   name of the variable [{DEFAULT_VARIABLE}] "))
                        .await?;
                    Source::Variable(if name.is_empty() {
                        DEFAULT_VARIABLE.to_owned()
                    } else {
                        name
                    })
                }
                "2" => Source::File(PathBuf::from(dialogue.ask("   which file? ").await?)),
                "3" => {
                    let Some(words) = words_of(&dialogue.ask("   which command? ").await?) else {
                        again("a command, whose quotation marks are closed");
                        continue;
                    };
                    Source::Command(words)
                }
                "4" => {
                    let question = "   the token (not shown), or Enter for another way: ";
                    let pasted = dialogue.ask_hidden(question).await?;
                    if pasted.expose_secret().is_empty() {
                        explain();
                        continue;
                    }
                    if bot_token::is_sound(&pasted) {
                        return Ok(Chosen {
                            pasted: Some(pasted),
                            ..Chosen::at(Source::File(own))
                        });
                    }
                    again(&format!(
                        "a token: three parts with points between them, {WHERE_FROM}"
                    ));
                    next = Some("4");
                    continue;
                }
                other => {
                    again(if is_token(other) {
                        SHOWN
                    } else {
                        "a number from 1 to 4"
                    });
                    continue;
                }
            };
            match place {
                // Not repeated, nor looked for: it would be shown.
                Source::Variable(text) if is_token(&text) => again(SHOWN),
                Source::File(path) if is_token(&path.to_string_lossy()) => again(SHOWN),
                Source::File(path) if path.as_os_str().is_empty() => again("the path of a file"),
                Source::File(path) => return Ok(Chosen::at(Source::File(absolute(&path)))),
                place => return Ok(Chosen::at(place)),
            }
        }
    }

    /// Asks Discord whose token it is.
    async fn meet(&self, chosen: &Chosen) -> Result<Met, Refused> {
        let secret = if let Some(secret) = &chosen.pasted {
            secret.clone()
        } else {
            let token = chosen.source.look(&Variables::of_this_process());
            let token = token.map_err(|no| {
                let subject = if no.is_wrong_here() {
                    format!("`{}` ", chosen.source.key())
                } else {
                    String::new()
                };
                Refused::Place(format!("{subject}{}; {}", no.what, no.hint))
            })?;
            if let Some(exposure) = bot_token::exposure(&token) {
                output::say(&format!("   warning: {exposure}; chmod 600 mends that"));
            }
            bot_token::read(&token).await.map_err(Refused::Place)?
        };
        let rest = Rest::new(&secret, &self.settings.discord_server)
            .map(Rest::patient)
            .map_err(|words| Refused::Failed(Failure::words(words)))?;
        let bot = rest.bot().await.map_err(|trouble| match trouble {
            Trouble::Unauthorized => Refused::Place(format!(
                "{trouble}: make a new one, Bot → Reset Token, and copy all of it"
            )),
            trouble => Refused::Service(trouble),
        })?;
        let application = rest.application().await.map_err(Refused::Service)?;
        Ok(Met {
            rest,
            bot,
            application,
        })
    }
}

fn is_token(text: &str) -> bool {
    bot_token::is_sound(&text.to_owned().into())
}

/// From here, or from home where it begins with `~/`, as shells take it.
fn absolute(path: &Path) -> PathBuf {
    if let Ok(rest) = path.strip_prefix("~")
        && let Some(home) = std::env::home_dir()
    {
        return home.join(rest);
    }
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// A command as it is typed into a shell. `None`: there is none, or a quotation mark stands alone.
fn words_of(command: &str) -> Option<Vec<String>> {
    shlex::split(command).filter(|words| !words.is_empty())
}
