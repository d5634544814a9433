//! A token answer (RFC 6749 §5.1), read leniently: vendors leave fields out and write numbers as they please, and the
//! refresh token in it is too precious to be lost to a strict parser.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth2::basic::BasicTokenType;
use oauth2::{AccessToken, RefreshToken, Scope, TokenResponse};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ExchangeError;
use crate::clock::Timestamp;
use crate::entry::{Account, Unknown};

/// What a token is taken to live if nobody says.
const DEFAULT_LIFETIME: Duration = Duration::from_hours(1);

/// No answer is believed beyond this.
const LONGEST_LIFETIME: Duration = Duration::from_hours(8784);

/// A server whose clock differs more than this from ours is believed about lifetimes, not about moments.
const TOLERATED_SKEW: Duration = Duration::from_secs(30);

/// A token answer. Every field may be missing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "WireAnswer", into = "Nothing")]
pub(crate) struct TokenAnswer {
    access_token: Option<AccessToken>,
    refresh_token: Option<RefreshToken>,
    scopes: Option<Vec<Scope>>,
    expires_in: Option<i64>,
    id_token: Option<Redacted>,
    api_base: Option<String>,
    none: NoToken,
}

/// `TokenResponse` must lend a token even where none came.
#[derive(Debug, Clone)]
struct NoToken(AccessToken);

impl Default for NoToken {
    fn default() -> Self {
        Self(AccessToken::new(String::new()))
    }
}

#[derive(Clone)]
struct Redacted(SecretString);

impl std::fmt::Debug for Redacted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The trait of `oauth2` asks for `Serialize`; an answer is never written this way.
#[derive(Serialize)]
struct Nothing {}

impl From<TokenAnswer> for Nothing {
    fn from(_: TokenAnswer) -> Self {
        Self {}
    }
}

#[derive(Deserialize)]
struct WireAnswer {
    #[serde(default)]
    access_token: Value,
    #[serde(default)]
    refresh_token: Value,
    #[serde(default)]
    id_token: Value,
    #[serde(default)]
    expires_in: Value,
    #[serde(default)]
    scope: Value,
    #[serde(default)]
    api_base: Value,
}

impl From<WireAnswer> for TokenAnswer {
    fn from(wire: WireAnswer) -> Self {
        Self {
            access_token: text(wire.access_token).map(AccessToken::new),
            refresh_token: text(wire.refresh_token).map(RefreshToken::new),
            id_token: text(wire.id_token).map(|token| Redacted(token.into())),
            expires_in: whole_seconds(&wire.expires_in),
            scopes: scopes(&wire.scope),
            api_base: text(wire.api_base),
            none: NoToken::default(),
        }
    }
}

impl TokenResponse for TokenAnswer {
    type TokenType = BasicTokenType;

    fn access_token(&self) -> &AccessToken {
        self.access_token.as_ref().unwrap_or(&self.none.0)
    }

    fn token_type(&self) -> &BasicTokenType {
        &BasicTokenType::Bearer
    }

    fn expires_in(&self) -> Option<Duration> {
        self.expires_in
            .and_then(|seconds| u64::try_from(seconds).ok())
            .map(Duration::from_secs)
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        self.scopes.as_ref()
    }
}

impl TokenAnswer {
    /// Reads a body that was kept in a recovery file.
    pub(crate) fn parse(body: &SecretString) -> Result<Self, ExchangeError> {
        serde_json::from_str(body.expose_secret()).map_err(|_| ExchangeError::Malformed {
            what: "the answer is not a token answer".into(),
        })
    }

    /// The access token, if one came.
    pub(crate) fn access(&self) -> Option<SecretString> {
        self.access_token
            .as_ref()
            .map(|token| token.secret().clone().into())
    }

    /// The refresh token, if one came.
    pub(crate) fn refresh(&self) -> Option<SecretString> {
        self.refresh_token
            .as_ref()
            .map(|token| token.secret().clone().into())
    }

    /// The granted scopes, if named.
    pub(crate) fn granted(&self) -> Option<Vec<String>> {
        self.scopes
            .as_ref()
            .map(|scopes| scopes.iter().map(|scope| scope.as_str().to_owned()).collect())
    }

    /// The `id_token`, if one came.
    pub(crate) fn id_token(&self) -> Option<&SecretString> {
        self.id_token.as_ref().map(|token| &token.0)
    }

    /// Where the vendor wants API requests, if it said.
    pub(crate) fn api_base(&self) -> Option<String> {
        // Tokens will be sent there.
        self.api_base
            .clone()
            .filter(|base| url::Url::parse(base).is_ok_and(|url| crate::vendor::is_safe(&url)))
    }

    /// When the access token ends, by our clock: see [`expiry`].
    pub(crate) fn expires_at(&self, now: Timestamp) -> Timestamp {
        let claims = self
            .access_token
            .as_ref()
            .and_then(|token| claims(token.secret()));
        expiry(claims.as_ref(), self.expires_in, now)
    }
}

/// When an access token ends, by our clock: the JWT's `exp`, else `expires_in`, else an hour from now.
///
/// Where the JWT was issued (`iat`) by a clock that differs from ours, or its `exp` is over on arrival, only its
/// lifetime is believed: with the moment every call would refresh. Zero, negative and absurd values count as not said.
pub(crate) fn expiry(
    claims: Option<&Map<String, Value>>,
    expires_in: Option<i64>,
    now: Timestamp,
) -> Timestamp {
    let claim = |name: &str| claims?.get(name).and_then(whole_seconds);
    let span = |seconds: i64| {
        let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0)?;
        Some(Duration::from_secs(seconds).min(LONGEST_LIFETIME))
    };
    let told = expires_in.and_then(span);
    let Some(exp) = claim("exp") else {
        return now.plus(told.unwrap_or(DEFAULT_LIFETIME));
    };
    let moment = Timestamp::from_seconds(exp);
    let issued = claim("iat").map(Timestamp::from_seconds);
    let skewed = issued.is_some_and(|issued| now.since(issued).max(issued.since(now)) > TOLERATED_SKEW);
    if moment > now && !skewed {
        return moment.min(now.plus(LONGEST_LIFETIME));
    }
    let lifetime = issued.and_then(|issued| span(moment.seconds_from(issued)));
    now.plus(lifetime.or(told).unwrap_or(DEFAULT_LIFETIME))
}

/// Whose account an id token names: `pointer` is the JSON pointer (RFC 6901) of the vendor's account id.
pub(crate) fn account_of(id_token: &SecretString, pointer: &str) -> Option<Account> {
    let claims = Value::Object(claims(id_token.expose_secret())?);
    let plain = |value: &Value| {
        value
            .as_str()
            .map(|text| text.chars().filter(|c| !c.is_control()).take(200).collect())
    };
    let id: String = claims.pointer(pointer).and_then(plain)?;
    let label = ["email", "preferred_username", "name"]
        .iter()
        .find_map(|name| claims.get(*name).and_then(plain));
    Some(Account {
        id,
        label,
        unknown: Unknown::default(),
    })
}

/// A minted token's answer (`token`, `expires_at`) in the shape of a token answer, body to body.
pub(crate) fn minted(body: &SecretString, now: Timestamp) -> Result<SecretString, ExchangeError> {
    let malformed = || ExchangeError::Malformed {
        what: "the answer holds no minted token".into(),
    };
    let fields: Map<String, Value> = serde_json::from_str(body.expose_secret()).map_err(|_| malformed())?;
    let token = fields
        .get("token")
        .and_then(Value::as_str)
        .ok_or_else(malformed)?;
    let left = fields
        .get("expires_at")
        .and_then(whole_seconds)
        .map(|at| at.saturating_sub(now.seconds()));
    let api_base = fields.get("endpoints").and_then(|endpoints| endpoints.get("api"));
    Ok(
        serde_json::json!({ "access_token": token, "expires_in": left, "api_base": api_base })
            .to_string()
            .into(),
    )
}

/// A JWT's claims, unverified: they came straight from the vendor over TLS and are used as hints only.
fn claims(token: &str) -> Option<Map<String, Value>> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// Seconds written as a number or as a string. What is no number is as good as missing.
fn whole_seconds(value: &Value) -> Option<i64> {
    match value {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "`as` saturates, and a lifetime is capped anyway"
        )]
        Value::Number(number) => number
            .as_i64()
            .or_else(|| number.as_f64().map(|seconds| seconds as i64)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn scopes(value: &Value) -> Option<Vec<Scope>> {
    let words: Vec<&str> = match value {
        Value::String(text) => text.split_whitespace().collect(),
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    (!words.is_empty()).then(|| {
        words
            .into_iter()
            .map(|word| Scope::new(word.to_owned()))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    fn left(claims: Option<Value>, expires_in: &Value) -> i64 {
        let claims = claims.and_then(|claims| claims.as_object().cloned());
        expiry(claims.as_ref(), whole_seconds(expires_in), NOW).seconds_from(NOW)
    }

    #[test]
    fn odd_lifetimes_never_make_every_call_refresh() {
        use serde_json::json;
        for (claims, expires_in, seconds) in [
            (None, json!(600), 600),
            (None, json!("600"), 600),
            (None, Value::Null, 3600),
            (None, json!(0), 3600),
            (None, json!(-5), 3600),
            (None, json!("soon"), 3600),
            (None, json!(1e300), 366 * 24 * 3600),
            (Some(json!({"exp": 1_000_900})), json!(600), 900),
            (Some(json!({"exp": 1_000_900, "iat": 1_000_001})), json!(600), 900),
            // Their clock is two hours behind ours: dead on arrival by the moment, an hour by the lifetime.
            (Some(json!({"exp": 996_400, "iat": 992_800})), json!(600), 3600),
            // Two hours ahead: it would seem to live three hours.
            (
                Some(json!({"exp": 1_010_800, "iat": 1_007_200})),
                Value::Null,
                3600,
            ),
            (Some(json!({"exp": 5})), json!(600), 600),
            (Some(json!({"exp": "what"})), Value::Null, 3600),
            (Some(json!({"exp": i64::MAX})), Value::Null, 366 * 24 * 3600),
        ] {
            assert_eq!(
                left(claims.clone(), &expires_in),
                seconds,
                "{claims:?} {expires_in}"
            );
        }
    }

    #[test]
    fn missing_and_empty_fields_are_not_tokens() {
        let answer =
            TokenAnswer::parse(&r#"{"refresh_token":"","access_token":null}"#.to_owned().into()).unwrap();
        assert!(answer.access().is_none() && answer.refresh().is_none() && answer.granted().is_none());
    }

    #[test]
    fn debug_shows_no_token() {
        let body = r#"{"access_token":"planted","refresh_token":"planted","id_token":"planted"}"#.to_owned();
        let text = format!("{:?}", TokenAnswer::parse(&body.into()).unwrap());
        assert!(!text.contains("planted"), "{text}");
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_parser_panic(body in "\\PC{0,120}", token in "[a-zA-Z0-9._=-]{0,60}") {
            let _ = TokenAnswer::parse(&body.into());
            let _ = claims(&token);
            let _ = account_of(&token.into(), "/sub");
        }

        #[test]
        fn a_new_token_never_ends_before_it_begins(exp in any::<i64>(), iat in any::<i64>(), told in any::<i64>()) {
            let claims = serde_json::json!({"exp": exp, "iat": iat});
            prop_assert!(left(Some(claims), &told.into()) >= 0);
        }
    }
}
