//! Device sign-in: asking for a code, and polling until a person has typed it in (RFC 8628, and Codex's own shape).

use std::time::Duration;

use oauth2::basic::BasicErrorResponseType;
use oauth2::{
    DeviceAuthorizationResponse, DeviceAuthorizationUrl, DeviceCodeErrorResponseType,
    EmptyExtraDeviceAuthorizationFields, RequestTokenError, Scope,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

use super::{Begun, Pending, PendingKey, SignInError};
use crate::clock::Timestamp;
use crate::credentials::Credentials;
use crate::lock::{LockFile, TenantLock};
use crate::oauth::{self, CodeExchange, ExchangeError, Http, TokenAnswer};
use crate::refresh::REQUEST_LIMIT;
use crate::store::Store;
use crate::tenant::Tenant;
use crate::vendor::{BodyFormat, Device, DeviceWire, TokenEndpoint, Vendor, Way};

/// How often it is checked whether the sign-in that is polled for was replaced or given up.
const REPLACED_CHECK: Duration = Duration::from_secs(1);

/// Life of a code whose vendor does not say.
const DEFAULT_LIFE: Duration = Duration::from_mins(15);

/// No device code lives longer here, whatever the vendor says.
const LONGEST_LIFE: Duration = Duration::from_hours(1);

/// Pauses between polls, where the vendor says something odd.
const INTERVALS: std::ops::RangeInclusive<u64> = 1..=60;

type Details = DeviceAuthorizationResponse<EmptyExtraDeviceAuthorizationFields>;

/// A vendor's answer to the first request.
pub(super) struct Asked {
    pub(super) begun: Begun,
    /// What polling needs; holds the device code.
    pub(super) details: SecretString,
    pub(super) life: Duration,
}

/// Asks for a code.
pub(super) async fn ask(
    endpoint: &TokenEndpoint,
    device: &Device,
    scopes: &[String],
) -> Result<Asked, SignInError> {
    let http = Http::new(REQUEST_LIMIT).map_err(SignInError::of_exchange)?;
    match &device.wire {
        DeviceWire::Rfc8628 => ask_standard(&http, endpoint, device, scopes).await,
        DeviceWire::Codex { verification_url, .. } => {
            ask_codex(&http, endpoint, device, verification_url).await
        }
    }
}

async fn ask_standard(
    http: &Http,
    endpoint: &TokenEndpoint,
    device: &Device,
    scopes: &[String],
) -> Result<Asked, SignInError> {
    let client = oauth::client(endpoint, &endpoint.client_id)
        .set_device_authorization_url(DeviceAuthorizationUrl::from_url(device.device_url.clone()));
    let request = client
        .exchange_device_code()
        .add_scopes(scopes.iter().map(|scope| Scope::new(scope.clone())));
    let send = oauth::sends(http, endpoint, BodyFormat::Form);
    let details: Details = request
        .request_async(&send)
        .await
        .map_err(|error| SignInError::of_exchange(oauth::of_oauth2(error)))?;
    let life = details.expires_in().min(LONGEST_LIFE);
    let page = Url::parse(details.verification_uri().as_str()).map_err(|_| SignInError::Refused {
        code: "the verification page is no address".into(),
    })?;
    Ok(Asked {
        begun: Begun::Device {
            page,
            page_with_code: details
                .verification_uri_complete()
                .and_then(|url| Url::parse(url.secret()).ok()),
            user_code: details.user_code().secret().clone(),
            expires_at: Timestamp::now().plus(life),
        },
        details: to_text(&details)?,
        life,
    })
}

/// Codex: JSON, `usercode` as another name of `user_code`, and an interval that may be a string.
async fn ask_codex(
    http: &Http,
    endpoint: &TokenEndpoint,
    device: &Device,
    page: &Url,
) -> Result<Asked, SignInError> {
    let request = http.json_body(&device.device_url, &json!({ "client_id": endpoint.client_id }));
    let reply = http.send(request).await.map_err(SignInError::of_exchange)?;
    let body = reply.success(endpoint).map_err(SignInError::of_exchange)?;
    let fields: Value = serde_json::from_str(body.expose_secret()).unwrap_or(Value::Null);
    let text = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| fields[*name].as_str())
            .map(str::to_owned)
    };
    let missing = || SignInError::Refused {
        code: "the answer holds no device code".into(),
    };
    let id = text(&["device_auth_id"]).ok_or_else(missing)?;
    let user_code = text(&["user_code", "usercode"]).ok_or_else(missing)?;
    let number = |name: &str| {
        let value = &fields[name];
        value
            .as_u64()
            .or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))
    };
    let interval = number("interval")
        .unwrap_or(5)
        .clamp(*INTERVALS.start(), *INTERVALS.end());
    let life = number("expires_in")
        .map_or(DEFAULT_LIFE, Duration::from_secs)
        .min(LONGEST_LIFE);
    let details = json!({ "device_auth_id": id, "user_code": user_code, "interval": interval });
    let begun = Begun::Device {
        page: page.clone(),
        page_with_code: None,
        user_code,
        expires_at: Timestamp::now().plus(life),
    };
    Ok(Asked {
        begun,
        details: details.to_string().into(),
        life,
    })
}

/// Polls until granted, denied or over.
pub(super) async fn poll(
    credentials: &Credentials,
    vendor: &Vendor,
    endpoint: &TokenEndpoint,
    key: &PendingKey,
    pending: &Pending,
    details: &SecretString,
) -> Result<TokenAnswer, SignInError> {
    let Some(device) = vendor.ways.iter().find_map(|way| match way {
        Way::Device(device) => Some(device),
        _ => None,
    }) else {
        return Err(SignInError::Replaced);
    };
    let http = Http::new(REQUEST_LIMIT).map_err(SignInError::of_exchange)?;
    let left = pending.left(Timestamp::now());
    let polled = async {
        match &device.wire {
            DeviceWire::Rfc8628 => poll_standard(&http, endpoint, details, left).await,
            DeviceWire::Codex {
                poll_url,
                redirect_uri,
                ..
            } => poll_codex(&http, endpoint, poll_url, redirect_uri, details).await,
        }
    };
    tokio::select! {
        answer = polled => answer,
        () = replaced(credentials.store(), key, pending) => Err(SignInError::Replaced),
        () = tokio::time::sleep(left) => Err(over(key)),
    }
}

async fn poll_standard(
    http: &Http,
    endpoint: &TokenEndpoint,
    details: &SecretString,
    left: Duration,
) -> Result<TokenAnswer, SignInError> {
    let details: Details =
        serde_json::from_str(details.expose_secret()).map_err(|_| SignInError::Replaced)?;
    let client = oauth::client(endpoint, &endpoint.client_id);
    // The crate reads "pending" and "slow down" itself, so every complete answer goes to it as it is.
    let send = oauth::passes_on(http, endpoint);
    let answer = client
        .exchange_device_access_token(&details)
        .set_max_backoff_interval(Duration::from_secs(*INTERVALS.end()))
        .request_async(&send, tokio::time::sleep, Some(left))
        .await;
    answer.map_err(|error| match error {
        RequestTokenError::ServerResponse(response) => match response.error() {
            DeviceCodeErrorResponseType::AccessDenied => SignInError::Denied,
            DeviceCodeErrorResponseType::ExpiredToken => SignInError::CodeRefused {
                code: "expired_token".into(),
            },
            // It does not know the code (RFC 6749, 5.2): it has forgotten it, or another host began with it.
            DeviceCodeErrorResponseType::Basic(BasicErrorResponseType::InvalidGrant) => {
                SignInError::CodeRefused {
                    code: "invalid_grant".into(),
                }
            }
            other => SignInError::Refused {
                code: other.as_ref().to_owned(),
            },
        },
        other => SignInError::of_exchange(oauth::of_oauth2(other)),
    })
}

/// Codex: 403 and 404 mean "not yet"; then a code comes with a verifier of the server's making, and is exchanged.
async fn poll_codex(
    http: &Http,
    endpoint: &TokenEndpoint,
    poll_url: &Url,
    redirect_uri: &Url,
    details: &SecretString,
) -> Result<TokenAnswer, SignInError> {
    let details: Value = serde_json::from_str(details.expose_secret()).map_err(|_| SignInError::Replaced)?;
    let body = json!({ "device_auth_id": details["device_auth_id"], "user_code": details["user_code"] });
    let interval = Duration::from_secs(details["interval"].as_u64().unwrap_or(5));
    loop {
        match http.send(http.json_body(poll_url, &body)).await {
            Ok(reply) if matches!(reply.status(), 403 | 404) => {}
            Ok(reply) => match reply.success(endpoint) {
                Ok(body) => return exchange_codex(http, endpoint, redirect_uri, &body).await,
                Err(ExchangeError::Unavailable { .. } | ExchangeError::Malformed { .. }) => {}
                Err(ExchangeError::Refused { code }) if code == "access_denied" => {
                    return Err(SignInError::Denied);
                }
                Err(error) => return Err(SignInError::of_exchange(error)),
            },
            // Polling goes on through a bad network; the select around it ends it in time.
            Err(error) => tracing::debug!(%error, "a poll for a device sign-in failed"),
        }
        tokio::time::sleep(interval).await;
    }
}

async fn exchange_codex(
    http: &Http,
    endpoint: &TokenEndpoint,
    redirect_uri: &Url,
    body: &SecretString,
) -> Result<TokenAnswer, SignInError> {
    let fields: Value = serde_json::from_str(body.expose_secret()).unwrap_or(Value::Null);
    let secret = |name: &str| {
        fields[name]
            .as_str()
            .map(|text| SecretString::from(text.to_owned()))
    };
    let (Some(code), Some(verifier)) = (secret("authorization_code"), secret("code_verifier")) else {
        return Err(SignInError::Refused {
            code: "the answer holds no code".into(),
        });
    };
    let exchanged = CodeExchange {
        code: &code,
        verifier: &verifier,
        redirect_uri,
        resource: None,
        state: None,
    };
    oauth::exchange_code(http, endpoint, &exchanged)
        .await
        .map_err(SignInError::of_exchange)
}

/// The one process that completes a sign-in: a code is redeemed once, and polled for by one. Held until the login is
/// stored.
pub(super) fn one_completer(store: &Store, key: &PendingKey) -> Result<TenantLock, SignInError> {
    let id = Tenant::user(key.service.clone(), key.user.clone()).file_id();
    let file = LockFile {
        path: store.location().poll_lock(&id),
        resource: format!("the sign-in of {} to {}", key.user, key.service),
    };
    let lock = file.try_acquire().map_err(crate::store::StoreError::from)?;
    lock.ok_or_else(|| {
        let holder = file.look().ok().and_then(|record| record.holder);
        let who = holder.map_or_else(
            || "another process".to_owned(),
            |holder| format!("pid {}", holder.pid),
        );
        SignInError::Underway { who }
    })
}

/// Ends when the pending sign-in is not this one any more.
async fn replaced(store: &Store, key: &PendingKey, pending: &Pending) {
    loop {
        tokio::time::sleep(REPLACED_CHECK).await;
        let (reading, wanted) = (store.clone(), key.clone());
        let found = super::blocking(move || Ok(reading.pending(&wanted)?)).await;
        match found {
            Ok(found) if !found.as_ref().is_some_and(|found| found.is_same(pending)) => return,
            // A store that can't be read now is no reason to give up a sign-in.
            _ => {}
        }
    }
}

fn over(key: &PendingKey) -> SignInError {
    SignInError::Over {
        service: key.service.clone(),
        user: key.user.clone(),
    }
}

/// What is kept for polling, with an interval that neither floods the vendor nor waits for ever.
fn to_text(details: &Details) -> Result<SecretString, SignInError> {
    let mut kept = serde_json::to_value(details).map_err(|_| SignInError::Refused {
        code: "the answer can't be kept".into(),
    })?;
    kept["interval"] = details
        .interval()
        .as_secs()
        .clamp(*INTERVALS.start(), *INTERVALS.end())
        .into();
    Ok(kept.to_string().into())
}
