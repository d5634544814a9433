//! The device flow (RFC 8628), and the `codex` form of it in which approval yields an authorization code.

use std::time::Duration;

use serde::Serialize;
use url::Url;

use super::authorization::plain_user;
use super::codes::chosen;
use super::families::Approval;
use super::token_request::{challenge_of, resources_of};
use super::{Authorization, CODEX_CLIENT, Credentials, Dialect, Ledger, Refusal, Scope, Tokens, Verdict};
use crate::counts::Counter;
use crate::moment::Moment;
use crate::params::Params;
use crate::random::{self, Purpose};

/// How long a person has to approve.
const DEVICE_TTL: Duration = Duration::from_mins(10);
/// By how much `slow_down` lengthens the interval (RFC 8628 §3.5).
const SLOW_DOWN: Duration = Duration::from_secs(5);

/// A device authorization; its key in the ledger is the device code.
pub(super) struct Device {
    client_id: String,
    user_code: String,
    scope: Scope,
    resources: Vec<String>,
    expires: Moment,
    interval: Duration,
    last_poll: Option<Moment>,
    progress: Progress,
}

#[derive(Clone)]
enum Progress {
    Pending,
    Approved { user: String },
    Denied,
    Redeemed,
}

/// The beginning of a device flow, still without addresses, which are the transport's business.
pub(crate) struct DeviceStart {
    pub(crate) device_code: String,
    pub(crate) user_code: String,
    pub(crate) expires_in: u64,
    pub(crate) interval: u64,
}

/// What a page may show about a device that waits.
pub(crate) struct WaitingDevice {
    pub(crate) client_name: String,
    pub(crate) scope: Scope,
}

/// The answer to a `codex` poll after approval: a code and the verifier the server made for it.
#[derive(Serialize)]
pub(crate) struct CodexPoll {
    pub(crate) authorization_code: String,
    code_challenge: String,
    pub(crate) code_verifier: String,
}

impl Ledger {
    /// Begins a device flow of the standard dialect.
    pub(crate) fn start_device(
        &mut self,
        credentials: &Credentials,
        params: &Params,
        now: Moment,
    ) -> Result<DeviceStart, Refusal> {
        self.authenticate(Some(Dialect::Standard), credentials)?;
        let scope = Scope::parse(params.one("scope"))?;
        let resources = resources_of(params)?;
        Ok(self.add_device(&credentials.client_id, scope, resources, now))
    }

    /// Begins a device flow of the `codex` dialect.
    pub(crate) fn start_codex_device(
        &mut self,
        client_id: &str,
        now: Moment,
    ) -> Result<DeviceStart, Refusal> {
        let credentials = Credentials {
            client_id: client_id.to_owned(),
            secret: None,
        };
        self.authenticate(Some(Dialect::Codex), &credentials)?;
        let scope = Scope::parse(Some("openid profile email offline_access"))?;
        Ok(self.add_device(client_id, scope, Vec::new(), now))
    }

    /// What waits under a user code; case and punctuation of what was typed do not matter (RFC 8628 §6.1).
    pub(crate) fn waiting_device(&self, user_code: &str, now: Moment) -> Option<WaitingDevice> {
        let device = self
            .devices
            .values()
            .find(|device| device.waits_under(user_code, now))?;
        Some(WaitingDevice {
            client_name: self.clients.get(&device.client_id)?.name.clone(),
            scope: device.scope.clone(),
        })
    }

    /// Acts on a person's answer; false if nothing waits under that user code.
    pub(crate) fn decide_device(&mut self, user_code: &str, verdict: Verdict, now: Moment) -> bool {
        let waiting = self
            .devices
            .values_mut()
            .find(|device| device.waits_under(user_code, now));
        let Some(device) = waiting else {
            return false;
        };
        device.progress = match verdict {
            Verdict::Approve { user } => Progress::Approved {
                user: plain_user(&user),
            },
            Verdict::Deny => Progress::Denied,
        };
        true
    }

    /// One poll of the standard dialect.
    pub(super) fn redeem_device(
        &mut self,
        client_id: &str,
        device_code: &str,
        resources: &[String],
        now: Moment,
    ) -> Result<Tokens, Refusal> {
        self.counts.add(Counter::DevicePolls);
        let device = self
            .devices
            .get_mut(device_code)
            .filter(|device| device.client_id == client_id)
            .ok_or(Refusal::InvalidGrant("the device code is not known here"))?;
        device.pace(now)?;
        let user = device.approved_by(now)?;
        let approval = Approval {
            client_id: client_id.to_owned(),
            user,
            scope: device.scope.clone(),
            resources: chosen(&device.resources, resources)?,
        };
        device.progress = Progress::Redeemed;
        Ok(self.start_family(approval, now).1)
    }

    /// One poll of the `codex` dialect; `user_code` must belong to `device_auth_id`.
    pub(crate) fn poll_codex_device(
        &mut self,
        device_auth_id: &str,
        user_code: &str,
        redirect: &Url,
        now: Moment,
    ) -> Result<CodexPoll, Refusal> {
        self.counts.add(Counter::DevicePolls);
        let device = self
            .devices
            .get_mut(device_auth_id)
            .filter(|device| device.client_id == CODEX_CLIENT && same_code(&device.user_code, user_code))
            .ok_or(Refusal::InvalidGrant("the device is not known here"))?;
        let user = device.approved_by(now)?;
        device.progress = Progress::Redeemed;
        let scope = device.scope.clone();
        let code_verifier = random::token(Purpose::Verifier);
        let code_challenge =
            challenge_of(&code_verifier).ok_or(Refusal::InvalidRequest("the verifier is malformed"))?;
        let authorization = Authorization {
            client_id: CODEX_CLIENT.to_owned(),
            client_name: String::new(),
            redirect: redirect.clone(),
            redirect_text: redirect.to_string(),
            state: String::new(),
            challenge: code_challenge.clone(),
            scope,
            resources: Vec::new(),
        };
        Ok(CodexPoll {
            authorization_code: self.issue_code(authorization, user, now),
            code_challenge,
            code_verifier,
        })
    }

    fn add_device(
        &mut self,
        client_id: &str,
        scope: Scope,
        resources: Vec<String>,
        now: Moment,
    ) -> DeviceStart {
        let interval = self.settings.device_interval;
        let (device_code, user_code) = (random::token(Purpose::DeviceCode), random::user_code());
        self.devices.insert(
            device_code.clone(),
            Device {
                client_id: client_id.to_owned(),
                user_code: user_code.clone(),
                scope,
                resources,
                expires: now.plus(DEVICE_TTL),
                interval,
                last_poll: None,
                progress: Progress::Pending,
            },
        );
        self.counts.add(Counter::DeviceAuthorizations);
        DeviceStart {
            device_code,
            user_code,
            expires_in: DEVICE_TTL.as_secs(),
            interval: interval.as_secs(),
        }
    }
}

impl Device {
    fn waits_under(&self, user_code: &str, now: Moment) -> bool {
        matches!(self.progress, Progress::Pending)
            && now < self.expires
            && same_code(&self.user_code, user_code)
    }

    /// Notes a poll; too soon after the last one it is refused and the interval grows.
    fn pace(&mut self, now: Moment) -> Result<(), Refusal> {
        let last = self.last_poll.replace(now);
        if last.is_some_and(|last| now < last.plus(self.interval)) {
            self.interval += SLOW_DOWN;
            return Err(Refusal::SlowDown);
        }
        Ok(())
    }

    fn approved_by(&self, now: Moment) -> Result<String, Refusal> {
        match &self.progress {
            Progress::Redeemed => Err(Refusal::InvalidGrant("the device code was used before")),
            Progress::Denied => Err(Refusal::AccessDenied),
            _ if self.expires <= now => Err(Refusal::DeviceCodeExpired),
            Progress::Pending => Err(Refusal::AuthorizationPending),
            Progress::Approved { user } => Ok(user.clone()),
        }
    }
}

fn same_code(one: &str, other: &str) -> bool {
    let plain = |code: &str| -> Vec<u8> {
        code.bytes()
            .filter(u8::is_ascii_alphanumeric)
            .map(|byte| byte.to_ascii_uppercase())
            .collect()
    };
    plain(one) == plain(other)
}
