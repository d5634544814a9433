//! Commands that are printed for a person to run: each word so that a shell takes it as it is.

use std::borrow::Cow;
use std::path::Path;
use std::sync::OnceLock;

/// How a command of this program begins where it is told.
const COMMAND: &str = "`agent-host ";

/// How it has to begin so that it is about the places that this process was pointed to.
static POINTED: OnceLock<String> = OnceLock::new();

/// This process was pointed to another state folder than the usual one, or to a configuration.
pub(crate) fn point(state: Option<&Path>, config: Option<&Path>) {
    // The first time is the person's.
    let _ = POINTED.set(pointed(state, config));
}

/// The same words, with commands that can be pasted: where no variable is set, they are about the same host.
pub(crate) fn pasted(words: &str) -> Cow<'_, str> {
    match POINTED.get() {
        Some(begin) if begin != COMMAND && words.contains(COMMAND) => {
            Cow::Owned(words.replace(COMMAND, begin))
        }
        _ => Cow::Borrowed(words),
    }
}

fn pointed(state: Option<&Path>, config: Option<&Path>) -> String {
    let said = |path: &Path| word(&path.to_string_lossy()).into_owned();
    let state = state.map_or_else(String::new, |path| format!("AGENT_HOST_HOME={} ", said(path)));
    let config = config.map_or_else(String::new, |path| format!("--config {} ", said(path)));
    format!("`{state}agent-host {config}")
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

    use super::{COMMAND, pointed, word};

    #[test]
    fn a_command_is_about_the_places_that_were_named() {
        let (state, config) = (Some(Path::new("/s p")), Some(Path::new("/etc/c.toml")));
        assert_eq!(pointed(None, None), COMMAND);
        assert_eq!(
            pointed(state, config),
            "`AGENT_HOST_HOME='/s p' agent-host --config /etc/c.toml "
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
