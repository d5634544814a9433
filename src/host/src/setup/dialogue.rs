//! Questions to a person at a terminal. What means nothing is asked again.

use secrecy::{ExposeSecret as _, SecretString};

use crate::failure::Failure;
use crate::output;
use crate::terminal::Lines;

/// A person who answers.
pub(super) struct Dialogue(Lines);

impl Dialogue {
    pub(super) fn start() -> Self {
        Self(Lines::start())
    }

    /// A line that is shown while it is typed, without blanks around it.
    pub(super) async fn ask(&mut self, question: &str) -> Result<String, Failure> {
        let line = self.line(question, false).await?;
        Ok(line.expose_secret().trim().to_owned())
    }

    /// A line that is not.
    pub(super) async fn ask_hidden(&mut self, question: &str) -> Result<SecretString, Failure> {
        let line = self.line(question, true).await?;
        Ok(line.expose_secret().trim().to_owned().into())
    }

    /// Yes or no; an empty line is the default.
    pub(super) async fn yes(&mut self, question: &str, default: bool) -> Result<bool, Failure> {
        let choices = if default { "[Y/n]" } else { "[y/N]" };
        loop {
            let answer = self.ask(&format!("   {question} {choices} ")).await?;
            match answer.to_lowercase().as_str() {
                "" => return Ok(default),
                "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                _ => again("y or n"),
            }
        }
    }

    /// The next line, whenever it comes. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<String, Failure> {
        let line = self.0.next().await?.ok_or_else(ended)?;
        Ok(line.expose_secret().trim().to_owned())
    }

    async fn line(&mut self, question: &str, hidden: bool) -> Result<SecretString, Failure> {
        // An Enter for a step that ticked by itself just then is no answer to the next question.
        self.0.forget();
        self.0.ask(question, hidden).await?.ok_or_else(ended)
    }
}

/// Says what was wrong with an answer.
pub(super) fn again(why: &str) {
    output::say(&format!("   please: {why}"));
}

fn ended() -> Failure {
    Failure::words("standard input has ended; nothing was written")
}
