//! What a failed token request means for the refresh token that was in it.

use std::time::Duration;

use reqwest::StatusCode;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use thiserror::Error;

use super::Reply;
use crate::vendor::{Renewal, TokenEndpoint};

/// What an answer may bring; any of these is worth keeping.
const BROUGHT: [&str; 7] = [
    "access_token",
    "refresh_token",
    "id_token",
    "token",
    "authorization_code",
    "device_code",
    "device_auth_id",
];

/// Longest error code that is shown.
const MAX_CODE: usize = 64;

/// Why a token request failed. No text here holds anything of the request or of a description by the server, which
/// may quote it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExchangeError {
    /// There is nothing to redeem.
    #[error("there is no refresh token")]
    NothingToSend,
    /// The server can't have seen the request.
    #[error("the request was not sent: {reason}")]
    NotSent {
        /// Why.
        reason: String,
    },
    /// The server may have acted on it; its answer did not arrive.
    #[error("the request was not answered: {reason}")]
    Unanswered {
        /// Why.
        reason: String,
    },
    /// The server is not able to answer now (5xx, 429, a page of something in between).
    #[error("the server could not answer: {what}")]
    Unavailable {
        /// The status, and what it was.
        what: String,
        /// When it asks to be asked again.
        retry_after: Option<Duration>,
    },
    /// The code or refresh token is dead (`invalid_grant` and the vendor's own words for it).
    #[error("the server refused the grant: {code}")]
    Dead {
        /// The error code.
        code: String,
    },
    /// Another OAuth error (RFC 6749 §5.2): nothing was spent.
    #[error("the server refused the request: {code}")]
    Refused {
        /// The error code.
        code: String,
    },
    /// Status 200, but nothing that can be a token answer.
    #[error("{what}")]
    Malformed {
        /// What is wrong.
        what: String,
    },
}

/// So many characters in a row in common with a secret are no accident.
const TELLING: usize = 8;

impl ExchangeError {
    /// The same failure, without a code in which the server quotes one of the secrets that were sent to it.
    pub(super) fn without(self, secrets: &[&SecretString]) -> Self {
        let quotes = |code: &str| {
            let code = code.as_bytes();
            let holds = |secret: &&SecretString| {
                code.windows(TELLING).any(|piece| {
                    secret
                        .expose_secret()
                        .as_bytes()
                        .windows(TELLING)
                        .any(|other| other == piece)
                })
            };
            secrets.iter().any(holds)
        };
        let withheld = || "a code that is not shown, because it quotes a secret".to_owned();
        match self {
            Self::Dead { code } if quotes(&code) => Self::Dead { code: withheld() },
            Self::Refused { code } if quotes(&code) => Self::Refused { code: withheld() },
            other => other,
        }
    }
}

impl Reply {
    /// The body of a successful answer that brings a token, with every name in it once.
    ///
    /// A success that brings none and names no error may still have spent what was sent: it counts as no answer, unless it
    /// is a page, which something in between wrote.
    pub(crate) fn success(self, endpoint: &TokenEndpoint) -> Result<SecretString, ExchangeError> {
        self.success_status(endpoint)?;
        let unanswered = |what: &str| ExchangeError::Unanswered {
            reason: what.to_owned(),
        };
        let parsed = match serde_json::from_slice::<Value>(&self.body) {
            Ok(parsed) => parsed,
            Err(_) if self.body.trim_ascii_start().starts_with(b"<") => {
                let what = format!("status {} with a page instead of a token", self.status.as_u16());
                return Err(ExchangeError::Unavailable {
                    what,
                    retry_after: None,
                });
            }
            Err(_) => return Err(unanswered("the answer is not JSON")),
        };
        let brings = |name: &str| {
            parsed
                .get(name)
                .and_then(Value::as_str)
                .is_some_and(|text| !text.is_empty())
        };
        if BROUGHT.iter().any(|name| brings(name)) {
            return Ok(parsed.to_string().into());
        }
        // Some servers say 200 to everything and put the error into the body.
        match codes_of(&parsed) {
            codes if codes.is_empty() => Err(unanswered("the answer holds no token")),
            codes => Err(meaning(endpoint, StatusCode::BAD_REQUEST, &codes)),
        }
    }

    /// Nothing if the status says success, else what the failure means.
    pub(crate) fn success_status(&self, endpoint: &TokenEndpoint) -> Result<(), ExchangeError> {
        if self.status.is_success() {
            return Ok(());
        }
        if self.status.is_redirection() {
            let to = self.redirect_host.as_deref().unwrap_or("nowhere");
            return Err(ExchangeError::Unavailable {
                what: format!(
                    "status {} redirects to {to}, which is not followed",
                    self.status.as_u16()
                ),
                retry_after: None,
            });
        }
        let codes = error_codes(&self.body);
        let may_mean_it = self.status.is_client_error() && self.status != StatusCode::TOO_MANY_REQUESTS;
        // The token that mints others is refused by a plain 401.
        if self.status == StatusCode::UNAUTHORIZED && matches!(endpoint.renewal, Renewal::Mint { .. }) {
            return Err(ExchangeError::Dead {
                code: codes.into_iter().next().unwrap_or_else(|| "401".into()),
            });
        }
        if may_mean_it && !codes.is_empty() {
            return Err(meaning(endpoint, self.status, &codes));
        }
        Err(ExchangeError::Unavailable {
            what: format!("status {}", self.status.as_u16()),
            retry_after: self.retry_after,
        })
    }

    /// The answer as `oauth2` wants it, for the polls that it reads itself.
    ///
    /// Errors: a server in trouble, so that polling goes on.
    pub(crate) fn into_response(self) -> Result<oauth2::HttpResponse, ExchangeError> {
        let is_json = serde_json::from_slice::<Value>(&self.body).is_ok();
        if !is_json || self.status.is_server_error() || self.status == StatusCode::TOO_MANY_REQUESTS {
            let what = format!("status {}", self.status.as_u16());
            return Err(ExchangeError::Unavailable {
                what,
                retry_after: self.retry_after,
            });
        }
        // "authorization_pending" comes with 200 from some servers.
        let is_error = self.status.is_success() && !error_codes(&self.body).is_empty();
        let mut response = oauth2::HttpResponse::new(self.body);
        *response.status_mut() = if is_error {
            StatusCode::BAD_REQUEST
        } else {
            self.status
        };
        Ok(response)
    }

    /// The status code.
    pub(crate) fn status(&self) -> u16 {
        self.status.as_u16()
    }
}

/// Only the vendor's own words for "dead", with a status that can mean it, end a login.
fn meaning(endpoint: &TokenEndpoint, status: StatusCode, codes: &[String]) -> ExchangeError {
    let may_mean_it = matches!(status.as_u16(), 400 | 401 | 403);
    let is_dead = |code: &&String| *code == "invalid_grant" || endpoint.dead_errors.contains(code);
    match codes.iter().find(is_dead) {
        Some(code) if may_mean_it => ExchangeError::Dead { code: code.clone() },
        _ => ExchangeError::Refused {
            code: codes.first().cloned().unwrap_or_default(),
        },
    }
}

/// The error codes of an answer in any of the shapes that are in use: `{"error":"…"}` (RFC 6749 §5.2),
/// `{"error":{"code":"…"}}`, `{"code":"…"}`. Empty if it is no JSON or names none.
pub(crate) fn error_codes(body: &[u8]) -> Vec<String> {
    serde_json::from_slice(body)
        .map(|body| codes_of(&body))
        .unwrap_or_default()
}

fn codes_of(body: &Value) -> Vec<String> {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    ["/error", "/error/code", "/error/type", "/code"]
        .iter()
        .filter_map(|place| body.pointer(place).and_then(Value::as_str))
        .map(|code| code.chars().filter(is_plain).take(MAX_CODE).collect::<String>())
        .filter(|code| !code.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::vendor::Vendors;

    fn judge(status: u16, body: &str) -> Result<(), ExchangeError> {
        let reply = Reply {
            status: StatusCode::from_u16(status).unwrap(),
            retry_after: None,
            redirect_host: None,
            date: None,
            body: body.as_bytes().to_vec(),
        };
        let vendors = Vendors::builtin(None);
        let codex = vendors.get(&crate::Service::parse("codex").unwrap()).unwrap();
        reply.success(&codex.token_endpoint().unwrap()).map(drop)
    }

    #[test]
    fn only_the_words_for_dead_end_a_login() {
        for (status, body) in [
            (400, r#"{"error":"invalid_grant"}"#),
            (401, r#"{"error":{"code":"refresh_token_reused","message":"…"}}"#),
            (401, r#"{"error":"refresh_token_expired"}"#),
            (401, r#"{"code":"refresh_token_invalidated"}"#),
        ] {
            assert!(
                matches!(judge(status, body), Err(ExchangeError::Dead { .. })),
                "{status} {body}"
            );
        }
    }

    #[test]
    fn a_busy_server_a_firewall_and_a_portal_are_no_dead_grant() {
        for (status, body) in [
            (500, r#"{"error":"invalid_grant"}"#),
            (503, "<html>"),
            (429, r#"{"error":"invalid_grant"}"#),
            (403, "<html>blocked</html>"),
            (404, ""),
            (302, ""),
            (200, "<html>portal</html>"),
        ] {
            let judged = judge(status, body);
            assert!(
                matches!(judged, Err(ExchangeError::Unavailable { .. })),
                "{status} {body} {judged:?}"
            );
        }
        assert!(matches!(
            judge(400, r#"{"error":"invalid_request"}"#),
            Err(ExchangeError::Refused { .. })
        ));
        assert!(matches!(
            judge(401, r#"{"error":"invalid_client"}"#),
            Err(ExchangeError::Refused { .. })
        ));
    }

    #[test]
    fn a_success_without_a_token_may_have_spent_what_was_sent() {
        for body in [
            "",
            "[1]",
            "{}",
            r#"{"access_token":"a","refresh_to"#,
            r#"{"data":{"refresh_token":"r"}}"#,
        ] {
            let judged = judge(200, body);
            assert!(
                matches!(judged, Err(ExchangeError::Unanswered { .. })),
                "{body} {judged:?}"
            );
        }
        assert!(matches!(judge(204, ""), Err(ExchangeError::Unanswered { .. })));
    }

    #[test]
    fn a_token_is_kept_whatever_else_the_answer_says() {
        for body in [
            r#"{"access_token":"a","error":""}"#,
            r#"{"refresh_token":"r","code":"0"}"#,
            r#"{"access_token":"a","scope":"x","scope":"y"}"#,
            r#"{"access_token":"a","error":"invalid_grant"}"#,
        ] {
            assert!(judge(200, body).is_ok(), "{body}");
        }
    }

    #[test]
    fn a_code_is_found_behind_a_sentence() {
        let judged = judge(401, r#"{"error":"some sentence","code":"refresh_token_reused"}"#);
        assert!(matches!(judged, Err(ExchangeError::Dead { .. })), "{judged:?}");
    }

    #[test]
    fn an_error_inside_a_success_is_an_error() {
        let judged = judge(200, r#"{"error":"invalid_grant"}"#);
        assert!(matches!(judged, Err(ExchangeError::Dead { .. })));
    }

    #[test]
    fn a_code_is_shown_without_what_a_server_may_quote() {
        let told = judge(400, r#"{"error":"bad <b>","error_description":"planted-token"}"#)
            .unwrap_err()
            .to_string();
        assert_eq!(told, "the server refused the request: badb");
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_judge_panic(status in 100u16..600, body in "\\PC{0,80}") {
            let _ = judge(status, &body);
        }
    }
}
