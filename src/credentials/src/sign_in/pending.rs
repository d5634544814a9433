//! A sign-in between its two steps, as it stands in `auth.json`.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use url::Url;

use crate::clock::Timestamp;
use crate::tenant::{Owner, Service, UserId};

/// How long a link may wait for its code.
pub const LINK_LIFE: Duration = Duration::from_mins(15);

/// Where a pending sign-in stands: by user, whoever will own the credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PendingKey {
    pub(crate) service: Service,
    pub(crate) user: UserId,
}

/// A sign-in between its two steps.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    created_at: Timestamp,
    life: Duration,
    pub(crate) owner: Owner,
    pub(crate) step: Step,
}

/// What the second step needs.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Pkce {
        verifier: SecretString,
        state: SecretString,
        redirect_uri: Url,
        scopes: Vec<String>,
    },
    Device {
        details: SecretString,
        scopes: Vec<String>,
    },
    ApiKey,
}

#[derive(Serialize, Deserialize)]
struct WirePending {
    /// A missing stamp reads as ancient, so that nothing without one stays for ever.
    #[serde(default = "ancient")]
    created_at_ms: Timestamp,
    #[serde(default)]
    life_ms: u64,
    owner: String,
    #[serde(flatten)]
    step: WireStep,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WireStep {
    Pkce {
        verifier: String,
        state: String,
        redirect_uri: Url,
        scopes: Vec<String>,
    },
    Device {
        details: String,
        scopes: Vec<String>,
    },
    ApiKey,
}

fn ancient() -> Timestamp {
    Timestamp::ANCIENT
}

impl Pending {
    /// A sign-in that begins now. `life` is the vendor's for a device code, [`LINK_LIFE`] otherwise.
    pub(crate) fn begin(owner: Owner, step: Step, life: Duration) -> Self {
        Self {
            created_at: Timestamp::now(),
            life,
            owner,
            step,
        }
    }

    /// Reads what is stored. `None`: written by another version; it is left alone and can't be completed here.
    pub(crate) fn parse(raw: &RawValue) -> Option<Self> {
        let wire: WirePending = serde_json::from_str(raw.get()).ok()?;
        Some(Self {
            created_at: wire.created_at_ms,
            life: Duration::from_millis(wire.life_ms),
            owner: Owner::parse(&wire.owner).ok()?,
            step: match wire.step {
                WireStep::Pkce {
                    verifier,
                    state,
                    redirect_uri,
                    scopes,
                } => Step::Pkce {
                    verifier: verifier.into(),
                    state: state.into(),
                    redirect_uri,
                    scopes,
                },
                WireStep::Device { details, scopes } => Step::Device {
                    details: details.into(),
                    scopes,
                },
                WireStep::ApiKey => Step::ApiKey,
            },
        })
    }

    /// What is stored.
    pub(crate) fn to_raw(&self) -> Box<RawValue> {
        let wire = WirePending {
            created_at_ms: self.created_at,
            life_ms: u64::try_from(self.life.as_millis()).unwrap_or(u64::MAX),
            owner: self.owner.as_str().to_owned(),
            step: match &self.step {
                Step::Pkce {
                    verifier,
                    state,
                    redirect_uri,
                    scopes,
                } => WireStep::Pkce {
                    verifier: verifier.expose_secret().to_owned(),
                    state: state.expose_secret().to_owned(),
                    redirect_uri: redirect_uri.clone(),
                    scopes: scopes.clone(),
                },
                Step::Device { details, scopes } => WireStep::Device {
                    details: details.expose_secret().to_owned(),
                    scopes: scopes.clone(),
                },
                Step::ApiKey => WireStep::ApiKey,
            },
        };
        serde_json::value::to_raw_value(&wire).expect("strings and numbers always serialize")
    }

    /// Whether it can't be completed any more. One from the future comes from a clock that was set back.
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        now.since(self.created_at) >= self.life || self.created_at.since(now) > LINK_LIFE
    }

    /// How long it may still wait.
    pub(crate) fn left(&self, now: Timestamp) -> Duration {
        self.life.saturating_sub(now.since(self.created_at))
    }

    /// When it began: no user begins two at once.
    pub(crate) fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// How long ago it began.
    pub(crate) fn age(&self, now: Timestamp) -> Duration {
        now.since(self.created_at)
    }

    /// Whether both are the same sign-in, not one that replaced the other.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let key = |pending: &Self| match &pending.step {
            Step::Pkce { state, .. } => state.expose_secret().to_owned(),
            Step::Device { details, .. } => details.expose_secret().to_owned(),
            Step::ApiKey => String::new(),
        };
        self.created_at == other.created_at && key(self) == key(other)
    }

    /// The word for its kind.
    pub(crate) fn way(&self) -> &'static str {
        match self.step {
            Step::Pkce { .. } => "pkce",
            Step::Device { .. } => "device",
            Step::ApiKey => "api-key",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(text: &str) -> Pending {
        Pending::parse(&RawValue::from_string(text.to_owned()).unwrap()).unwrap()
    }

    #[test]
    fn a_missing_stamp_reads_as_ancient() {
        let pending = stored(r#"{"type":"api_key","owner":"host","life_ms":900000}"#);
        assert!(pending.is_over(Timestamp::now()));
    }

    #[test]
    fn a_fresh_one_is_kept_and_a_stale_one_is_over() {
        let pending = Pending::begin(Owner::Host, Step::ApiKey, LINK_LIFE);
        let now = Timestamp::now();
        assert!(!pending.is_over(now.plus(Duration::from_mins(14))));
        assert!(pending.is_over(now.plus(LINK_LIFE + Duration::from_secs(1))));
    }

    #[test]
    fn debug_shows_no_verifier() {
        let step = Step::Pkce {
            verifier: "planted".to_owned().into(),
            state: "planted".to_owned().into(),
            redirect_uri: Url::parse("http://127.0.0.1/cb").unwrap(),
            scopes: vec![],
        };
        assert!(!format!("{:?}", Pending::begin(Owner::Host, step, LINK_LIFE)).contains("planted"));
    }
}
