//! Commands that are printed for a person to run: each word so that a shell takes it as it is.

use std::borrow::Cow;

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
    use super::word;

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
