//! Commands that are printed for a person to run: each word so that a shell takes it as it is.

use std::borrow::Cow;
use std::path::Path;
use std::sync::OnceLock;

/// The program, as people call it.
const PROGRAM: &str = "agent-host";

/// The program with what makes it look at the places that this process was pointed to.
static POINTED: OnceLock<String> = OnceLock::new();

/// This process was pointed to another state folder than the usual one, or to a configuration.
pub(crate) fn point(state: Option<&Path>, config: Option<&Path>) {
    // The first time is the person's.
    let _ = POINTED.set(pointed(state, config));
}

/// How a command of this program begins that is about the same host wherever it is pasted.
pub(crate) fn program() -> &'static str {
    POINTED.get().map_or(PROGRAM, String::as_str)
}

/// The same words, in which each command of this program, which is in backquotes, begins so.
pub(crate) fn pasted(words: &str) -> String {
    words.replace("`agent-host ", &format!("`{} ", program()))
}

fn pointed(state: Option<&Path>, config: Option<&Path>) -> String {
    let said = |path: &Path| word(&path.to_string_lossy()).into_owned();
    let state = state.map_or_else(String::new, |path| format!("AGENT_HOST_HOME={} ", said(path)));
    let config = config.map_or_else(String::new, |path| format!(" --config {}", said(path)));
    format!("{state}{PROGRAM}{config}")
}

/// A word for a POSIX shell, quoted where it needs to be.
pub(crate) fn word(text: &str) -> Cow<'_, str> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:@%+=,".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{PROGRAM, pointed, word};

    #[test]
    fn a_command_is_about_the_places_that_were_named() {
        let (state, config) = (Some(Path::new("/s p")), Some(Path::new("/etc/c.toml")));
        assert_eq!(pointed(None, None), PROGRAM);
        assert_eq!(
            pointed(state, config),
            "AGENT_HOST_HOME='/s p' agent-host --config /etc/c.toml"
        );
    }

    #[test]
    fn what_a_shell_would_obey_is_quoted() {
        for (text, expected) in [
            ("local:alice", "local:alice"),
            ("/etc/agent-host.toml", "/etc/agent-host.toml"),
            ("local:a$b;c", "'local:a$b;c'"),
            ("o'brien", r"'o'\''brien'"),
            ("", "''"),
        ] {
            assert_eq!(word(text), expected);
        }
    }
}
