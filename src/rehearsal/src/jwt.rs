//! Tokens in the shape of a JWT (RFC 7519) that nobody is meant to verify.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// `header.payload.signature` with algorithm `none`; `signature` must already be base64url text.
pub(crate) fn unsigned(claims: &Value, signature: &str) -> String {
    let header = json!({ "alg": "none", "typ": "JWT" });
    format!("{}.{}.{signature}", part(&header), part(claims))
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[cfg(test)]
pub(crate) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}
