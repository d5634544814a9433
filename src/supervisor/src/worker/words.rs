//! Words for what a worker did.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;

use agent_client_protocol::Error;
use agent_client_protocol::v1::schema::Meta;
use contract::frames::FrameError;
use nix::sys::signal::Signal;
use serde_json::Value;

use super::Spec;
use crate::config::AgentKind;

/// Longest words of an agent that are passed on, in bytes.
const LONGEST: usize = 2000;

/// So much of a stray line is shown, in characters.
const BEGINNING: usize = 80;

/// Shorter values of `env` are no secrets, in bytes.
const SHORTEST_SECRET: usize = 6;

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

/// What an agent did against the protocol. Of a stray line its beginning is shown, without `secrets`, and what to do.
pub(super) fn violation(error: &FrameError, secrets: &[String]) -> String {
    let FrameError::Stray { line } = error else {
        return error.to_string();
    };
    let shown = without(line.text().to_owned(), secrets);
    let mut beginning: String = shown.chars().take(BEGINNING).flat_map(escaped).collect();
    if shown.chars().nth(BEGINNING).is_some() {
        beginning.push('…');
    }
    format!(
        "{error}: “{beginning}”. Its standard output is for the protocol alone: turn that line off in the agent, or leave it \
         out in `command`, as in `[\"sh\", \"-c\", \"the-agent | grep --line-buffered '^{{'\"]`"
    )
}

/// The same words without `secrets`.
pub(super) fn without(words: String, secrets: &[String]) -> String {
    secrets
        .iter()
        .fold(words, |words, secret| words.replace(secret, "…"))
}

/// Control characters and the like as `\\u{1b}`; quotation marks are themselves.
fn escaped(letter: char) -> impl Iterator<Item = char> {
    let is_quote = matches!(letter, '"' | '\'');
    let plain = is_quote.then_some(letter);
    let escaped = (!is_quote).then(|| letter.escape_debug());
    plain.into_iter().chain(escaped.into_iter().flatten())
}

/// The values of an agent's `env` that may be secrets, the lines of each, longest first. What is short is found everywhere.
pub(super) fn secrets(spec: &Spec) -> Vec<String> {
    let AgentKind::External { environment, .. } = &spec.agent.kind else {
        return vec![];
    };
    let lines = environment
        .values()
        .flat_map(|value| value.lines())
        .map(str::trim);
    let mut secrets: Vec<String> = lines
        .filter(|line| line.len() >= SHORTEST_SECRET)
        .map(str::to_owned)
        .collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}

/// Why an agent refused, where it says so beside the protocol: `{"vendor.example/errorMessage": "out of quota"}`.
pub(super) fn reason(meta: &Meta) -> Option<String> {
    let is_reason = |name: &str| {
        let name = name.to_ascii_lowercase();
        ["message", "reason", "details", "error"]
            .iter()
            .any(|end| name.ends_with(end))
    };
    meta.iter().find_map(|(name, value)| match value {
        Value::String(words) if is_reason(name) => {
            Some(short(words.trim())).filter(|words| !words.is_empty())
        }
        Value::Object(inner) => reason(inner),
        _ => None,
    })
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

/// No longer than what is passed on of an agent.
pub(super) fn cut(mut words: String) -> String {
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
    use serde_json::json;

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
    fn why_an_agent_refused_is_found_beside_the_protocol_and_cut() {
        for (meta, why) in [
            (
                json!({"codebuddy.ai/errorMessage": "429 \u{1b}quota"}),
                Some("429 quota"),
            ),
            (
                json!({"other": 1, "vendor": {"refusalReason": " no "}}),
                Some("no"),
            ),
            (json!({"errorCode": 3, "message": ["no"], "reason": ""}), None),
            (json!({"model": "m"}), None),
        ] {
            assert_eq!(reason(meta.as_object().unwrap()).as_deref(), why, "{meta}");
        }
        let endless = json!({"reason": "x".repeat(1_000_000)});
        assert_eq!(
            reason(endless.as_object().unwrap()).unwrap().chars().count(),
            SHORT + 1
        );
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
