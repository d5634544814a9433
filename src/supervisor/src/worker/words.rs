//! Words for what a worker did.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;

use agent_client_protocol::Error;
use agent_client_protocol::v1::schema::AuthMethod;
use nix::sys::signal::Signal;

use super::Spec;
use crate::config::AgentKind;

/// Longest words of an agent that are passed on, in bytes.
const LONGEST: usize = 2000;

/// What is quoted within a sentence, in characters.
const SHORT: usize = 160;

/// How a process ended.
pub(super) fn exit(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => match Signal::try_from(signal) {
            Ok(signal) => format!("killed by {signal}"),
            Err(_) => format!("killed by signal {signal}"),
        },
        (None, None) => "ended in an unknown way".into(),
    }
}

/// An agent's own words for an error: its message, and the reason where agents put one beside it.
pub(super) fn error(error: &Error) -> String {
    let reason = error.data.as_ref().and_then(|data| {
        let named = ["message", "reason", "details", "error"]
            .iter()
            .find_map(|name| data.get(name));
        data.as_str().or_else(|| named?.as_str())
    });
    let mut words: String = match reason {
        Some(reason) if !error.message.contains(reason) => format!("{}: {reason}", error.message),
        _ => error.message.clone(),
    };
    words.retain(|letter| letter == '\n' || !letter.is_control());
    cut(words)
}

/// An answer, or an error, that is none in this protocol; what it said, and what to do.
pub(super) fn no_understanding(agent: &str, what: &str, error: &Error) -> String {
    // What the crate could not read, and why; else it is the agent's own error.
    let read = |name| error.data.as_ref().and_then(|data| data.get(name));
    let (said, why) = match (read("json"), read("error").and_then(|why| why.as_str())) {
        (Some(said), Some(why)) => (
            said.to_string(),
            format!(", which is no answer to it ({})", short(why)),
        ),
        _ => (self::error(error), String::new()),
    };
    format!(
        "{agent} and this host do not understand each other: `{what}` ended with “{}”{why}. This host speaks version 1 of the \
         Agent Client Protocol: install a version of the program that does, or change the agent's command",
        short(&said)
    )
}

/// So much of what an agent said as a sentence bears.
fn short(words: &str) -> String {
    let mut short: String = words
        .chars()
        .filter(|letter| !letter.is_control())
        .take(SHORT + 1)
        .collect();
    if short.chars().count() > SHORT {
        short.pop();
        short.push('…');
    }
    short
}

/// Which agent, and which program that is.
pub(super) fn agent(spec: &Spec) -> String {
    let program = match &spec.agent.kind {
        AgentKind::Native(_) => spec.worker_program.as_path(),
        AgentKind::External { command, .. } => Path::new(command.first().map_or("", String::as_str)),
    };
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    format!("the agent {} (`{name}`)", spec.agent.title)
}

/// How people sign in to an agent that keeps its own login: nobody here can give it one.
pub(super) fn sign_in(title: &str, methods: &[AuthMethod]) -> String {
    let ways: Vec<String> = methods
        .iter()
        .filter_map(|method| match (method.name(), method.description()) {
            ("", _) => None,
            (name, None | Some("")) => Some(name.to_owned()),
            (name, Some(description)) => Some(format!("{name}: {description}")),
        })
        .collect();
    let mut words =
        format!("{title} keeps its own login: sign in with its own program, as the user that runs this host");
    if !ways.is_empty() {
        words.push_str(" (");
        words.push_str(&ways.join("; "));
        words.push(')');
    }
    words.retain(|letter| !letter.is_control());
    cut(words)
}

fn cut(mut words: String) -> String {
    if words.len() > LONGEST {
        words.truncate(words.floor_char_boundary(LONGEST));
        words.push('…');
    }
    words
}

#[cfg(test)]
mod tests {
    use agent_client_protocol::util;
    use agent_client_protocol::v1::schema::PromptResponse;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn exits_are_told_as_people_say_them() {
        assert_eq!(exit(ExitStatus::from_raw(1 << 8)), "exit code 1");
        assert_eq!(exit(ExitStatus::from_raw(9)), "killed by SIGKILL");
        assert_eq!(exit(ExitStatus::from_raw(64)), "killed by signal 64");
    }

    #[test]
    fn what_is_no_answer_is_told_with_what_was_said_and_what_to_do() {
        let parsed = |answer| util::json_cast::<Value, PromptResponse>(answer).unwrap_err();
        for (answer, said) in [
            (
                json!({"stopReason": "whatever"}),
                r#"“{"stopReason":"whatever"}”"#,
            ),
            (json!(null), "“null”"),
            (json!({"stopReason": "x".repeat(100_000)}), "xxx…”"),
        ] {
            let words = no_understanding("the agent Fake (`fake`)", "session/prompt", &parsed(answer));
            assert!(
                words.starts_with("the agent Fake (`fake`) and this host"),
                "{words}"
            );
            assert!(
                words.contains(said) && words.contains("no answer to it"),
                "{words}"
            );
            assert!(
                words.len() < 1000 && words.contains("install a version"),
                "{words}"
            );
        }
        let own = no_understanding(
            "it",
            "initialize",
            &Error::parse_error().data(json!("no \u{1b}way")),
        );
        assert!(own.contains("“Parse error: no way”. This host"), "{own}");
    }

    #[test]
    fn the_reason_is_found_beside_the_message_and_endless_words_are_cut() {
        let plain = Error::internal_error().data(json!("the model is gone"));
        assert_eq!(error(&plain), "Internal error: the model is gone");
        let named = Error::internal_error().data(json!({"details": "no \u{1b}quota"}));
        assert_eq!(error(&named), "Internal error: no quota");
        assert_eq!(error(&Error::internal_error()), "Internal error");
        let endless = Error::internal_error().data(json!("ä".repeat(1_000_000)));
        assert!(error(&endless).len() <= LONGEST + 4);
    }
}
