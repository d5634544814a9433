//! The knobs that can be turned while the server runs.

use std::time::Duration;

use serde::Deserialize;

use crate::Config;

/// The device flow's polling interval until somebody sets another; RFC 8628 would say 5 s, a rehearsal is quicker.
const DEVICE_INTERVAL: Duration = Duration::from_secs(1);

/// The knobs as they stand.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) access_ttl: Duration,
    pub(crate) refresh_ttl: Option<Duration>,
    pub(crate) jwt: bool,
    pub(crate) device_interval: Duration,
    pub(crate) date_skew_seconds: i64,
    pub(crate) words_per_second: u32,
    pub(crate) context_tokens: Option<u64>,
}

/// New values for some knobs; those left out stay as they are. The body of `POST /control/settings`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingsChange {
    /// Life of access tokens issued from now on, in seconds.
    pub access_ttl_s: Option<u64>,
    /// Life of refresh tokens issued from now on, in seconds; they live for ever until this is set.
    pub refresh_ttl_s: Option<u64>,
    /// Whether access tokens issued from now on are JWTs.
    pub jwt: Option<bool>,
    /// Polling interval of device authorizations begun from now on, in seconds.
    pub device_interval_s: Option<u64>,
    /// Seconds added to the `Date` header of every answer; negative is the past.
    pub date_skew_s: Option<i64>,
    /// Speed of model answers begun from now on; 0 is as fast as it goes.
    pub words_per_second: Option<u32>,
    /// How many tokens the model takes in requests from now on; 0 is no limit.
    pub context_tokens: Option<u64>,
}

impl Settings {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            access_ttl: config.access_ttl,
            refresh_ttl: None,
            jwt: config.jwt,
            device_interval: DEVICE_INTERVAL,
            date_skew_seconds: 0,
            words_per_second: config.words_per_second,
            context_tokens: config.context_tokens,
        }
    }

    pub(crate) fn apply(&mut self, change: SettingsChange) {
        if let Some(seconds) = change.access_ttl_s {
            self.access_ttl = Duration::from_secs(seconds);
        }
        if let Some(seconds) = change.refresh_ttl_s {
            self.refresh_ttl = Some(Duration::from_secs(seconds));
        }
        if let Some(jwt) = change.jwt {
            self.jwt = jwt;
        }
        if let Some(seconds) = change.device_interval_s {
            self.device_interval = Duration::from_secs(seconds);
        }
        if let Some(seconds) = change.date_skew_s {
            self.date_skew_seconds = seconds;
        }
        if let Some(words) = change.words_per_second {
            self.words_per_second = words;
        }
        if let Some(tokens) = change.context_tokens {
            self.context_tokens = Some(tokens).filter(|tokens| *tokens > 0);
        }
    }
}
