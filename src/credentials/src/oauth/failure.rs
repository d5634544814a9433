//! What a failed token request means for the refresh token that was in it.

use std::time::Duration;

use reqwest::StatusCode;
use secrecy::SecretString;
use serde_json::Value;
use thiserror::Error;

use super::Reply;
use crate::vendor::TokenEndpoint;

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

impl Reply {
    /// The body of a successful answer that looks like a token answer.
    pub(crate) fn success(self, endpoint: &TokenEndpoint) -> Result<SecretString, ExchangeError> {
        self.success_status(endpoint)?;
        let malformed = |what: &str| ExchangeError::Malformed {
            what: what.to_owned(),
        };
        let Ok(text) = String::from_utf8(self.body) else {
            return Err(malformed("the answer is not UTF-8"));
        };
        match serde_json::from_str::<Value>(&text) {
            Ok(Value::Object(fields)) => {
                // Some servers say 200 to everything and put the error into the body.
                if let Some(code) = code_of(&Value::Object(fields)) {
                    return Err(meaning(endpoint, StatusCode::BAD_REQUEST, code));
                }
                Ok(text.into())
            }
            Ok(_) => Err(malformed("the answer is not a JSON object")),
            Err(_) => Err(malformed(
                "the answer is not JSON (a page of a proxy or a portal?)",
            )),
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
        let code = error_code(&self.body);
        match code {
            Some(code) if self.status.is_client_error() && self.status != StatusCode::TOO_MANY_REQUESTS => {
                Err(meaning(endpoint, self.status, code))
            }
            _ => Err(ExchangeError::Unavailable {
                what: format!("status {}", self.status.as_u16()),
                retry_after: self.retry_after,
            }),
        }
    }

    /// The answer as `oauth2` wants it, for the polls that it reads itself.
    pub(crate) fn into_response(self) -> oauth2::HttpResponse {
        let mut response = oauth2::HttpResponse::new(self.body);
        *response.status_mut() = self.status;
        response
    }

    /// The status code.
    pub(crate) fn status(&self) -> u16 {
        self.status.as_u16()
    }
}

/// Only the vendor's own words for "dead", with a status that can mean it, end a login.
fn meaning(endpoint: &TokenEndpoint, status: StatusCode, code: String) -> ExchangeError {
    let may_mean_it = matches!(status.as_u16(), 400 | 401 | 403);
    if may_mean_it && (code == "invalid_grant" || endpoint.dead_errors.contains(&code)) {
        ExchangeError::Dead { code }
    } else {
        ExchangeError::Refused { code }
    }
}

/// The error code of an answer in any of the shapes that are in use: `{"error":"…"}` (RFC 6749 §5.2),
/// `{"error":{"code":"…"}}`, `{"code":"…"}`. `None` if it is no JSON or names none.
pub(crate) fn error_code(body: &[u8]) -> Option<String> {
    code_of(&serde_json::from_slice(body).ok()?)
}

fn code_of(body: &Value) -> Option<String> {
    let found = match body.get("error") {
        Some(Value::String(code)) => Some(code),
        Some(Value::Object(error)) => ["code", "type"].iter().find_map(|name| match error.get(*name) {
            Some(Value::String(code)) => Some(code),
            _ => None,
        }),
        _ => match body.get("code") {
            Some(Value::String(code)) if body.get("access_token").is_none() => Some(code),
            _ => None,
        },
    }?;
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    Some(found.chars().filter(is_plain).take(MAX_CODE).collect())
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
        ] {
            let judged = judge(status, body);
            assert!(
                matches!(judged, Err(ExchangeError::Unavailable { .. })),
                "{status} {body} {judged:?}"
            );
        }
        assert!(matches!(
            judge(200, "<html>portal</html>"),
            Err(ExchangeError::Malformed { .. })
        ));
        assert!(matches!(judge(200, "[1]"), Err(ExchangeError::Malformed { .. })));
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
