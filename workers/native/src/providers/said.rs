//! What a server says about its refusal, in the many shapes in which servers say it; bounded and without secrets.

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// Most characters of a server's message that are shown.
const MESSAGE_LIMIT: usize = 400;

/// Most characters of a code.
const CODE_LIMIT: usize = 60;

/// A server's words about a failure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Its code, such as `insufficient_quota`; its type where it has none.
    pub(super) code: Option<String>,
    /// Its type, where it has a code too.
    pub(super) kind: Option<String>,
    /// The parameter it is about.
    pub(super) param: Option<String>,
    /// Its message, in one line.
    pub(super) message: Option<String>,
    /// Whether it is a web page, and no API's answer.
    pub(super) is_page: bool,
}

impl Said {
    /// Reads an answer's body. Never fails: what can't be read says nothing.
    pub(super) fn of_body(body: &[u8]) -> Self {
        if let Ok(value) = serde_json::from_slice::<Value>(body) {
            return Self::of(&value);
        }
        let text = String::from_utf8_lossy(body);
        let text = text.trim();
        let is_page = text.starts_with('<');
        let message = match text {
            "" => None,
            _ if is_page => Some("an HTML page came instead of an answer".to_owned()),
            text => Some(one_line(text)),
        };
        Self {
            message,
            is_page,
            ..Self::default()
        }
    }

    /// Reads the JSON of a failure: `{"error": {…}}`, `{"error": "…"}`, `{"detail": …}` or the bare object.
    pub(super) fn of(value: &Value) -> Self {
        // Some servers answer with a list of one.
        let value = value.get(0).unwrap_or(value);
        let inner = match value.get("error") {
            None | Some(Value::Null) => value,
            Some(error) => error,
        };
        let text = |name: &str| {
            let found = inner.get(name).and_then(Value::as_str);
            found.filter(|text| !text.is_empty()).map(one_line)
        };
        let message = match inner {
            Value::String(words) => Some(one_line(words)),
            _ => text("message")
                .or_else(|| text("detail"))
                .or_else(|| inner.get("detail").map(|detail| one_line(&detail.to_string()))),
        };
        // A router says only that somebody failed; who, and at what, is beside it.
        let metadata = inner.get("metadata");
        let raw = metadata
            .and_then(|metadata| metadata.get("raw"))
            .map(Self::of_raw);
        let (message, raw_code) = match raw {
            Some(Self {
                message: Some(raw),
                code,
                ..
            }) => {
                let who = metadata.and_then(|metadata| metadata.get("provider_name"));
                let who = who
                    .and_then(Value::as_str)
                    .map_or(String::new(), |who| format!(" ({})", one_line(who)));
                let what = message.filter(|message| *message != raw);
                (
                    Some(what.map_or(raw.clone(), |what| format!("{what}{who}: {raw}"))),
                    code,
                )
            }
            _ => (message, None),
        };
        let (code, kind) = match (text("code").or(raw_code), text("type")) {
            (None, kind) => (kind, None),
            both => both,
        };
        Self {
            code,
            kind,
            param: text("param"),
            message,
            is_page: false,
        }
    }

    /// What another server said, as text or as JSON.
    fn of_raw(raw: &Value) -> Self {
        match raw {
            Value::String(text) => Self::of_body(text.as_bytes()),
            Value::Object(_) => Self::of(raw),
            _ => Self::default(),
        }
    }

    /// Whether it has words of its own.
    pub(super) fn speaks(&self) -> bool {
        self.message.is_some() && !self.is_page
    }

    /// The same without a secret that the server may have repeated.
    pub(super) fn without(mut self, secret: Option<&SecretString>) -> Self {
        let Some(secret) = secret
            .map(ExposeSecret::expose_secret)
            .filter(|secret| !secret.is_empty())
        else {
            return self;
        };
        let texts = [&mut self.code, &mut self.kind, &mut self.param, &mut self.message];
        for text in texts.into_iter().flatten() {
            *text = text.replace(secret, "[…]");
        }
        self
    }

    /// Whether its code, or its message, contains this (in lower case).
    pub(super) fn mentions(&self, words: &str) -> bool {
        let texts = [&self.code, &self.kind, &self.param, &self.message];
        let mut texts = texts.into_iter().flatten();
        texts.any(|text| text.to_lowercase().contains(words))
    }

    /// Whether its code, or its type, contains this.
    pub(super) fn is_coded(&self, words: &str) -> bool {
        let mut codes = [&self.code, &self.kind].into_iter().flatten();
        codes.any(|code| code.contains(words))
    }

    /// `what: message`, or `what` alone.
    pub(super) fn after(&self, what: &str) -> String {
        match (&self.message, &self.code) {
            (Some(message), _) => format!("{what}: {}", cut(message, MESSAGE_LIMIT)),
            (None, Some(code)) => format!("{what}: {}", cut(code, CODE_LIMIT)),
            (None, None) => what.to_owned(),
        }
    }
}

/// White space and control characters become single spaces.
fn one_line(text: &str) -> String {
    let visible = text.replace(char::is_control, " ");
    let words: Vec<&str> = visible.split_whitespace().collect();
    words.join(" ")
}

/// Cut only when it is shown, so that no half of a secret escapes [`Said::without`].
fn cut(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> Option<String> {
        Said::of_body(body.as_bytes()).message
    }

    #[test]
    fn the_message_is_found_in_every_shape() {
        for (body, words) in [
            (
                r#"{"error":{"message":"no such model","type":"x","code":null}}"#,
                "no such model",
            ),
            (
                r#"{"error":"model 'x' not found, try pulling it first"}"#,
                "model 'x' not found, try pulling it first",
            ),
            (
                r#"{"object":"error","message":"The model `x` does not exist."}"#,
                "The model `x` does not exist.",
            ),
            (r#"{"detail":"Not Found"}"#, "Not Found"),
            (
                r#"{"detail":[{"loc":["body"],"msg":"bad"}]}"#,
                r#"[{"loc":["body"],"msg":"bad"}]"#,
            ),
            (r#"[{"error":{"message":"wrapped","code":400}}]"#, "wrapped"),
            (
                r#"{"error":{"message":"Provider returned error","code":400,"metadata":{"provider_name":"X","raw":"{\"error\":{\"message\":\"too far\"}}"}}}"#,
                "Provider returned error (X): too far",
            ),
            (
                r#"{"error":{"message":"Provider returned error","metadata":{"raw":"plain words"}}}"#,
                "Provider returned error: plain words",
            ),
            (
                r#"{"error":{"message":"Provider returned error","metadata":{"raw":""}}}"#,
                "Provider returned error",
            ),
            ("upstream connect\n\x1b[31merror", "upstream connect [31merror"),
            (
                "<html><body>Bad gateway",
                "an HTML page came instead of an answer",
            ),
        ] {
            assert_eq!(message(body).as_deref(), Some(words), "{body}");
        }
        assert_eq!(message(""), None);
        assert_eq!(message("{}"), None);
    }

    #[test]
    fn a_long_message_is_cut() {
        let said = Said::of_body("ä ".repeat(5000).as_bytes());
        let long = said.after("");
        assert_eq!(long.chars().count(), ": ".len() + MESSAGE_LIMIT + 1);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn a_repeated_secret_is_taken_out_even_where_the_message_is_cut() {
        let secret = SecretString::from("sk-planted-0123456789".to_owned());
        let body =
            br#"{"error":{"message":"key sk-planted-0123456789 is wrong","code":"sk-planted-0123456789"}}"#;
        let said = Said::of_body(body).without(Some(&secret));
        assert_eq!(said.message.as_deref(), Some("key […] is wrong"));
        assert_eq!(said.code.as_deref(), Some("[…]"));
        let long = format!("{} sk-planted-0123456789", "x".repeat(MESSAGE_LIMIT - 12));
        let said = Said::of_body(long.as_bytes()).without(Some(&secret));
        assert!(!said.after("refused").contains("sk-"));
    }
}
