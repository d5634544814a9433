//! The back channel: which grant a token or revocation request is about, and what every such request has in common.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use url::Url;

use super::codes::Exchange;
use super::families::RefreshAsk;
use super::{Credentials, Dialect, Ledger, Refusal, Tokens};
use crate::counts::Counter;
use crate::moment::Moment;
use crate::params::Params;

pub(super) const AUTHORIZATION_CODE: &str = "authorization_code";
pub(super) const REFRESH_TOKEN: &str = "refresh_token";
pub(super) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The grants the token endpoint knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GrantKind {
    AuthorizationCode,
    RefreshToken,
    DeviceCode,
}

impl GrantKind {
    /// Every `grant_type`, as the metadata lists them.
    pub(crate) const NAMES: [&str; 3] = [AUTHORIZATION_CODE, REFRESH_TOKEN, DEVICE_CODE];

    /// Reads the `grant_type` parameter.
    pub(crate) fn of(params: &Params) -> Result<Self, Refusal> {
        match params.one("grant_type") {
            Some(AUTHORIZATION_CODE) => Ok(Self::AuthorizationCode),
            Some(REFRESH_TOKEN) => Ok(Self::RefreshToken),
            Some(DEVICE_CODE) => Ok(Self::DeviceCode),
            Some(_) => Err(Refusal::UnsupportedGrantType),
            None => Err(Refusal::InvalidRequest("grant_type is missing")),
        }
    }
}

impl Ledger {
    /// Answers a token request (RFC 6749 §4.1.3 and §6, RFC 8628 §3.4).
    pub(crate) fn token(
        &mut self,
        dialect: Dialect,
        credentials: &Credentials,
        params: &Params,
        now: Moment,
    ) -> Result<Tokens, Refusal> {
        let kind = GrantKind::of(params)?;
        self.authenticate(Some(dialect), credentials)?;
        let client_id = credentials.client_id.as_str();
        let resources = resources_of(params)?;
        match kind {
            GrantKind::AuthorizationCode => {
                let exchange = Exchange {
                    code: wanted(params, "code", "code is missing")?,
                    client_id,
                    redirect_uri: wanted(params, "redirect_uri", "redirect_uri is missing")?,
                    verifier: wanted(params, "code_verifier", "code_verifier is missing")?,
                    resources,
                };
                self.exchange(&exchange, now)
            }
            GrantKind::RefreshToken => {
                let token = wanted(params, "refresh_token", "refresh_token is missing")?;
                let ask = RefreshAsk {
                    scope: params.one("scope"),
                    resources,
                };
                self.refresh(client_id, token, &ask, now)
            }
            GrantKind::DeviceCode => {
                let code = wanted(params, "device_code", "device_code is missing")?;
                self.redeem_device(client_id, code, &resources, now)
            }
        }
    }

    /// Answers a revocation request (RFC 7009 §2.1), whatever dialect the client belongs to.
    pub(crate) fn revoke(
        &mut self,
        credentials: &Credentials,
        params: &Params,
        now: Moment,
    ) -> Result<(), Refusal> {
        self.authenticate(None, credentials)?;
        let token = wanted(params, "token", "token is missing")?;
        self.counts.add(Counter::Revocations);
        self.revoke_token(&credentials.client_id, token, now)
    }
}

/// The S256 challenge of a verifier (RFC 7636 §4.2); `None` if the verifier itself is malformed (§4.1).
pub(crate) fn challenge_of(verifier: &str) -> Option<String> {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    ((43..=128).contains(&verifier.len()) && verifier.bytes().all(unreserved))
        .then(|| URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)))
}

/// The `resource` parameters: absolute URIs without fragment (RFC 8707 §2), as they were written.
pub(super) fn resources_of(params: &Params) -> Result<Vec<String>, Refusal> {
    params
        .every("resource")
        .map(|text| match Url::parse(text) {
            Ok(url) if url.fragment().is_none() => Ok(text.to_owned()),
            _ => Err(Refusal::InvalidTarget(
                "a resource must be an absolute URI without fragment",
            )),
        })
        .collect()
}

fn wanted<'a>(params: &'a Params, name: &str, missing: &'static str) -> Result<&'a str, Refusal> {
    params.one(name).ok_or(Refusal::InvalidRequest(missing))
}
