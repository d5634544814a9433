//! Reading request bodies: form or JSON, and who the client says it is.

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;

use crate::ledger::{Credentials, Refusal, SecretCarrier};
use crate::params::Params;

/// How a body was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyKind {
    Form,
    Json,
}

impl BodyKind {
    /// What the `Content-Type` says, if it is one of the two.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let essence = text.split(';').next().unwrap_or(text).trim();
        if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Some(Self::Form)
        } else if essence.eq_ignore_ascii_case("application/json") {
            Some(Self::Json)
        } else {
            None
        }
    }
}

/// The parameters of a body in either form.
pub(super) fn params(headers: &HeaderMap, body: &[u8]) -> Result<Params, Refusal> {
    match BodyKind::of(headers) {
        Some(BodyKind::Form) => Ok(Params::from_form(body)?),
        Some(BodyKind::Json) => Ok(Params::from_json(body)?),
        None => Err(Refusal::InvalidRequest(
            "the body must be a form or a JSON object, and say so",
        )),
    }
}

/// Who sends the request: `client_id` and `client_secret` in the body, or HTTP Basic, but not both (RFC 6749 §2.3).
pub(super) fn credentials(headers: &HeaderMap, params: &Params) -> Result<Credentials, Refusal> {
    let in_body = params.one("client_id");
    let Some(authorization) = headers.get(header::AUTHORIZATION) else {
        return Ok(Credentials {
            client_id: in_body
                .ok_or(Refusal::InvalidClient("client_id is missing"))?
                .to_owned(),
            secret: params
                .one("client_secret")
                .map(|secret| (SecretCarrier::Body, secret.to_owned())),
        });
    };
    let (client_id, secret) = authorization
        .to_str()
        .ok()
        .and_then(basic)
        .ok_or(Refusal::InvalidClient(
            "the Authorization header is not HTTP Basic",
        ))?;
    if params.one("client_secret").is_some() || in_body.is_some_and(|id| id != client_id) {
        return Err(Refusal::InvalidRequest("the client is named in two places"));
    }
    Ok(Credentials {
        client_id,
        secret: Some((SecretCarrier::Basic, secret)),
    })
}

/// Id and secret of an HTTP Basic header; both are form-encoded inside it (RFC 6749 §2.3.1).
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let plain = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = plain.split_once(':')?;
    Some((form_decoded(id), form_decoded(secret)))
}

fn form_decoded(text: &str) -> String {
    // Escaping the separators makes the whole text the name of one pair.
    let text = text.replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(text.as_bytes())
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{STANDARD, basic};
    use base64::Engine;

    #[test]
    fn basic_credentials_are_form_decoded() {
        let header = format!("Basic {}", STANDARD.encode("my%20app:a%3Ab+c"));
        assert_eq!(basic(&header), Some(("my app".into(), "a:b c".into())));
        assert_eq!(basic("Bearer x"), None);
    }
}
