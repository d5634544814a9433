//! The bot's token, read where it is: already here, or what a program prints. No part of it is in any error.

use std::process::Stdio;
use std::time::Duration;

use chat::discord::config::Token;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStdout, Command};

use crate::exposure;

/// Time for a person to unlock what keeps it, and no more.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whoever prints more, in bytes, prints something else.
const MAX_PRINTED: u64 = 64 * 1024;

/// Where a token comes from, for people who have none, or none that is good.
pub(crate) const WHERE_FROM: &str = "from discord.com/developers/applications → your application → Bot → Reset Token, without `Bot ` before it and without quotation marks";

/// The token, wherever it is. A program that prints it is run, with this process's environment and without input, and
/// ended with all that it started when this is dropped or takes longer than 30 s.
///
/// Errors: in words, which name the place, and never what was found there.
pub(crate) async fn read(token: &Token) -> Result<SecretString, String> {
    match token {
        Token::Given { secret, .. } => Ok(secret.clone()),
        Token::Command(words) => of_command(words, PATIENCE).await,
    }
}

/// What lets others of this machine read the token, in words.
pub(crate) fn exposure(token: &Token) -> Option<String> {
    token.file().and_then(|file| exposure::of(file))
}

/// Three parts with points between them, in the letters that Discord makes them of.
pub(crate) fn is_sound(token: &SecretString) -> bool {
    let token = token.expose_secret();
    token.len() >= 20
        && token.split('.').count() == 3
        && token
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

async fn of_command(words: &[String], patience: Duration) -> Result<SecretString, String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("the command for the token names no program".to_owned());
    };
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // What it says is not repeated: it could be the token.
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("could not start `{program}` for the token: {error}"))?;
    let mut group = Group::of(&child);
    let Some(output) = child.stdout.take() else {
        return Err(format!("could not read what `{program}` prints"));
    };
    let found = tokio::time::timeout(patience, outcome(program, &mut child, output, &mut group)).await;
    drop(group);
    found.unwrap_or_else(|_| {
        let seconds = patience.as_secs();
        Err(format!(
            "`{program}` did not print the token and end within {seconds} s"
        ))
    })
}

async fn outcome(
    program: &str,
    child: &mut Child,
    output: ChildStdout,
    group: &mut Group,
) -> Result<SecretString, String> {
    let failed = |error| format!("could not read what `{program}` prints: {error}");
    let mut printed = Vec::new();
    output
        .take(MAX_PRINTED)
        .read_to_end(&mut printed)
        .await
        .map_err(failed)?;
    if printed.len() as u64 == MAX_PRINTED {
        return Err(format!("`{program}` prints far more than a token"));
    }
    let status = child.wait().await.map_err(failed)?;
    // Its number may be somebody else's from here on.
    group.0 = None;
    if !status.success() {
        return Err(format!(
            "`{program}` ended with {status}; run it yourself to see why"
        ));
    }
    let text = String::from_utf8_lossy(&printed);
    let line = SecretString::from(text.lines().next().unwrap_or_default().trim().to_owned());
    if line.expose_secret().is_empty() {
        return Err(format!("`{program}` printed nothing, or an empty first line"));
    }
    if is_sound(&line) {
        Ok(line)
    } else {
        Err(format!("the first line that `{program}` prints is not a token"))
    }
}

/// A program that has not ended, and what it started; killed when this is dropped.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(
            child
                .id()
                .and_then(|pid| i32::try_from(pid).ok())
                .map(Pid::from_raw),
        )
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // All of it may have ended.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

#[cfg(test)]
mod tests;
