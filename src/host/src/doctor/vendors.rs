//! The vendors: whether what they need from the environment is there.

use credentials::VendorGap;

use super::Check;
use crate::config::Settings;

const NAME: &str = "vendors";

/// Which vendors could not be used.
pub(super) fn check(settings: &Settings) -> Check {
    let mut count = 0;
    let mut findings = Vec::new();
    for vendor in settings.vendors.iter() {
        count += 1;
        if let Err(VendorGap::NoSecret { service, variable }) = vendor.token_endpoint() {
            findings.push(
                Check::warn(
                    NAME,
                    format!("{service} needs its client secret in {variable}, which is not set"),
                )
                .hint(format!("set {variable} where agent-host runs")),
            );
        }
    }
    Check::worst(NAME, findings, format!("{count} known"))
}
