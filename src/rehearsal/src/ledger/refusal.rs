//! Every way the server says no at an endpoint that answers in JSON, with the error code its RFC gives it.

use crate::params::ParamsError;

/// A refused request. The texts are constants, so no secret can get into an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// RFC 6749 §5.2 `invalid_request`.
    #[error("{0}")]
    InvalidRequest(&'static str),
    /// RFC 6749 §5.2 `invalid_client`, answered with 401.
    #[error("{0}")]
    InvalidClient(&'static str),
    /// RFC 6749 §5.2 `invalid_grant` of a code or device code, or of a refresh token of somebody else.
    #[error("{0}")]
    InvalidGrant(&'static str),
    /// A spent refresh token came back; the family is revoked by now.
    #[error("refresh token reuse detected; family revoked")]
    RefreshTokenReused,
    /// The refresh token is the newest of its family, and the family is revoked; or nobody knows the token.
    #[error("refresh token is not valid; sign in again")]
    RefreshTokenInvalidated,
    /// The refresh token was not used for too long.
    #[error("refresh token has expired; sign in again")]
    RefreshTokenExpired,
    /// RFC 6749 §5.2 `unauthorized_client`.
    #[error("{0}")]
    UnauthorizedClient(&'static str),
    /// RFC 6749 §5.2 `unsupported_grant_type`.
    #[error("this grant type is not known here")]
    UnsupportedGrantType,
    /// RFC 6749 §4.1.2.1 `unsupported_response_type`.
    #[error("only response_type=code is known here")]
    UnsupportedResponseType,
    /// RFC 6749 §5.2 `invalid_scope`.
    #[error("{0}")]
    InvalidScope(&'static str),
    /// RFC 8707 §2 `invalid_target`.
    #[error("{0}")]
    InvalidTarget(&'static str),
    /// RFC 8628 §3.5: nobody has decided yet.
    #[error("nobody has decided yet")]
    AuthorizationPending,
    /// RFC 8628 §3.5: polled too soon; the interval has grown by 5 s.
    #[error("polled too soon; the interval is 5 s longer from now on")]
    SlowDown,
    /// RFC 8628 §3.5: the device code is too old.
    #[error("the device code has expired")]
    DeviceCodeExpired,
    /// The person said no.
    #[error("the person denied the request")]
    AccessDenied,
    /// RFC 7591 §3.2.2 `invalid_redirect_uri`.
    #[error("a redirect URI must be https, or http on a loopback host, without fragment")]
    InvalidRedirectUri,
    /// RFC 7591 §3.2.2 `invalid_client_metadata`.
    #[error("{0}")]
    InvalidClientMetadata(&'static str),
}

impl Refusal {
    /// The value of `error`.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient(_) => "invalid_client",
            Self::InvalidGrant(_)
            | Self::RefreshTokenReused
            | Self::RefreshTokenInvalidated
            | Self::RefreshTokenExpired => "invalid_grant",
            Self::UnauthorizedClient(_) => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope(_) => "invalid_scope",
            Self::InvalidTarget(_) => "invalid_target",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::DeviceCodeExpired => "expired_token",
            Self::AccessDenied => "access_denied",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidClientMetadata(_) => "invalid_client_metadata",
        }
    }

    /// The HTTP status in the standard dialect.
    pub(crate) fn status(self) -> u16 {
        if matches!(self, Self::InvalidClient(_)) {
            401
        } else {
            400
        }
    }

    /// In the `codex` dialect a dead refresh token is a 401 with one of these codes; everything else stays as it is.
    pub(crate) fn codex_code(self) -> Option<&'static str> {
        match self {
            Self::RefreshTokenReused => Some("refresh_token_reused"),
            Self::RefreshTokenInvalidated => Some("refresh_token_invalidated"),
            Self::RefreshTokenExpired => Some("refresh_token_expired"),
            _ => None,
        }
    }
}

impl From<ParamsError> for Refusal {
    fn from(error: ParamsError) -> Self {
        Self::InvalidRequest(match error {
            ParamsError::Repeated => "a parameter is repeated",
            ParamsError::NotAnObject => "the body is not a JSON object of strings",
        })
    }
}
