//! What has happened so far, as numbers a test can wait for.

use serde::{Serialize, Serializer};

/// One thing that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// Requests received at any token endpoint, faulted ones included.
    TokenRequests,
    /// Refreshes received, faulted ones included.
    RefreshRequests,
    /// Refreshes that spent a refresh token and issued the next.
    Rotations,
    /// Spent refresh tokens that came back.
    ReuseDetected,
    /// Families begun, by code or device.
    FamiliesStarted,
    /// Families revoked, for whatever reason.
    FamiliesRevoked,
    /// Authorization codes exchanged for tokens.
    CodesExchanged,
    /// Authorization codes that came back after their exchange.
    CodeReuse,
    /// Device authorizations begun.
    DeviceAuthorizations,
    /// Polls of a device authorization.
    DevicePolls,
    /// Revocation requests that were understood.
    Revocations,
    /// Clients registered.
    Registrations,
    /// Authorization requests examined, by page or by control.
    AuthorizeRequests,
    /// Accepted requests to the protected resource.
    ResourceOk,
    /// Refused requests to the protected resource.
    ResourceDenied,
    /// Distinct callers that have reported.
    Reports,
    /// Faults that were acted out.
    FaultsApplied,
    /// Answers that were ready and then held back.
    AnswersHeld,
    /// Requests received for a model's answer, refused ones included.
    ModelRequests,
    /// Model requests that were answered with 401.
    ModelDenied,
    /// Model requests that had more in them than the model takes.
    ModelTooLong,
    /// Model answers that were sent to their end.
    ModelReplies,
    /// Model answers whose client went away before their end.
    ModelAbandoned,
}

impl Counter {
    /// Every counter, in the order they are shown.
    pub const ALL: [Self; 23] = [
        Self::TokenRequests,
        Self::RefreshRequests,
        Self::Rotations,
        Self::ReuseDetected,
        Self::FamiliesStarted,
        Self::FamiliesRevoked,
        Self::CodesExchanged,
        Self::CodeReuse,
        Self::DeviceAuthorizations,
        Self::DevicePolls,
        Self::Revocations,
        Self::Registrations,
        Self::AuthorizeRequests,
        Self::ResourceOk,
        Self::ResourceDenied,
        Self::Reports,
        Self::FaultsApplied,
        Self::AnswersHeld,
        Self::ModelRequests,
        Self::ModelDenied,
        Self::ModelTooLong,
        Self::ModelReplies,
        Self::ModelAbandoned,
    ];

    /// The name in `GET /control/counts` and `GET /control/wait`.
    pub fn name(self) -> &'static str {
        match self {
            Self::TokenRequests => "token_requests",
            Self::RefreshRequests => "refresh_requests",
            Self::Rotations => "rotations",
            Self::ReuseDetected => "reuse_detected",
            Self::FamiliesStarted => "families_started",
            Self::FamiliesRevoked => "families_revoked",
            Self::CodesExchanged => "codes_exchanged",
            Self::CodeReuse => "code_reuse",
            Self::DeviceAuthorizations => "device_authorizations",
            Self::DevicePolls => "device_polls",
            Self::Revocations => "revocations",
            Self::Registrations => "registrations",
            Self::AuthorizeRequests => "authorize_requests",
            Self::ResourceOk => "resource_ok",
            Self::ResourceDenied => "resource_denied",
            Self::Reports => "reports",
            Self::FaultsApplied => "faults_applied",
            Self::AnswersHeld => "answers_held",
            Self::ModelRequests => "model_requests",
            Self::ModelDenied => "model_denied",
            Self::ModelTooLong => "model_too_long",
            Self::ModelReplies => "model_replies",
            Self::ModelAbandoned => "model_abandoned",
        }
    }

    /// The counter of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|counter| counter.name() == name)
    }
}

/// All counters at one moment. Serializes as one flat object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; Counter::ALL.len()]);

impl Counts {
    /// How often it has happened.
    pub fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize]
    }

    pub(crate) fn add(&mut self, counter: Counter) {
        self.0[counter as usize] += 1;
    }
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            Counter::ALL
                .into_iter()
                .map(|counter| (counter.name(), self.get(counter))),
        )
    }
}
