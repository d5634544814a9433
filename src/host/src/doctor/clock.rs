//! The clock, compared with the vendors': tokens are judged by it.

use std::collections::BTreeSet;
use std::time::Duration;

use credentials::{Credentials, Service, TenantHealth, words};

use super::{Check, report};

const NAME: &str = "clock";

/// More than this is worth knowing.
const WARN_S: u64 = 30;

/// More than this makes tokens look valid that are not, or the other way round.
const FAIL_S: u64 = 300;

/// Asks each vendor with a stored login for its time.
pub(super) async fn check(credentials: &Credentials, tenants: &[TenantHealth]) -> Check {
    let services: BTreeSet<Service> = tenants
        .iter()
        .filter(|health| health.kind == Some("oauth"))
        .filter_map(|health| Service::parse(&health.service).ok())
        .collect();
    let mut findings = Vec::new();
    let mut compared = Vec::new();
    for service in services {
        match credentials.clock_ahead(&service).await {
            Ok(Some(ahead)) => {
                findings.extend(skew(&service, ahead));
                compared.push(service.to_string());
            }
            Ok(None) => {}
            Err(error) => findings.push(
                Check::warn(
                    NAME,
                    format!("could not ask {service} for its time: {}", report::chain(&error)),
                )
                .hint("check the network, then try again"),
            ),
        }
    }
    let fine = if compared.is_empty() {
        "there is no server to compare it with".to_owned()
    } else {
        format!("agrees with {}", compared.join(", "))
    };
    Check::worst(NAME, findings, fine)
}

/// What a difference means; `ahead` is how far the vendor's clock is ahead of ours.
fn skew(service: &Service, ahead: i64) -> Option<Check> {
    let seconds = ahead.unsigned_abs();
    let direction = if ahead > 0 { "behind" } else { "ahead of" };
    let span = words::span(Duration::from_secs(seconds));
    let message = format!("this machine's clock is {span} {direction} that of {service}");
    let hint = "set the clock, for instance with a time service (NTP)";
    match seconds {
        seconds if seconds > FAIL_S => Some(Check::fail(NAME, message).hint(hint)),
        seconds if seconds > WARN_S => Some(Check::warn(NAME, message).hint(hint)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    #[test]
    fn a_small_difference_is_none_and_a_large_one_fails() {
        let codex = Service::parse("codex").unwrap();
        let status = |ahead| skew(&codex, ahead).map(|check| check.status);
        assert_eq!([0, 30, -30].map(status), [None, None, None]);
        assert_eq!([31, -300].map(status), [Some(Status::Warn); 2]);
        assert_eq!([301, -4000].map(status), [Some(Status::Fail); 2]);
        assert!(
            skew(&codex, 60)
                .unwrap()
                .message
                .contains("1 min behind that of codex")
        );
    }
}
