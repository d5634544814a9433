//! What can be made to go wrong, and the table that decides which request it happens to.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The longest an answer may be padded to.
const MAX_PADDING: usize = 64 << 20;

/// Which requests a fault is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Token requests with `grant_type=refresh_token`.
    Refresh,
    /// Token requests with an authorization code.
    Code,
    /// Polls of a device flow.
    DeviceToken,
    /// The beginning of a device flow.
    DeviceAuthorization,
    /// The authorization endpoint.
    Authorize,
    /// Token revocation.
    Revoke,
    /// Client registration.
    Register,
    /// Server metadata.
    Metadata,
    /// The protected resource.
    Resource,
    /// The model.
    Model,
    /// All of these, and token requests that are none of them.
    Any,
}

/// One way for an answer to go wrong. "Processed" means that the request had its effect, for instance rotated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Waits first, then answers as usual.
    Latency {
        /// Milliseconds.
        ms: u64,
    },
    /// Not processed; answers with this status.
    Status {
        /// 200 to 599.
        status: u16,
        /// `Retry-After`, in seconds.
        retry_after: Option<u64>,
        /// `error` of a JSON answer; default `temporarily_unavailable`.
        error: Option<String>,
        /// `error_description` of a JSON answer.
        error_description: Option<String>,
        /// Instead of the JSON error: text as it is, anything else as JSON.
        body: Option<Value>,
    },
    /// Not processed; an HTML page, such as a captive portal (200) or a firewall (403) sends.
    Html {
        /// 200 to 599.
        status: u16,
    },
    /// Processed; the body then comes very slowly.
    Drip {
        /// At least 1.
        bytes_per_second: u32,
    },
    /// Not processed; no answer until the client goes.
    Hang,
    /// Processed; no answer until the client goes.
    HangAfter,
    /// Not processed; the connection is closed without an answer.
    Drop,
    /// Processed; the connection is closed without an answer.
    DropAfter,
    /// Processed; half of the body arrives, though `Content-Length` promises all of it.
    Truncate,
    /// Processed; these fields are missing in the JSON answer.
    Omit {
        /// Names of top-level fields.
        fields: Vec<String>,
    },
    /// Processed; one field of the JSON answer has another value.
    Set {
        /// Name of a top-level field.
        field: String,
        /// Any JSON value.
        value: Value,
    },
    /// While the newest access token of the family still lives, a refresh is refused with 400 and nothing rotates.
    /// Uses up `times` only when it refuses.
    RefuseEarly {
        /// Refuse only while more than so many seconds are left; default 0, as long as it lives.
        #[serde(default)]
        within_s: u64,
    },
    /// Not processed; sends the client elsewhere.
    Redirect {
        /// The `Location` header.
        location: String,
        /// A 3xx status; default 302.
        #[serde(default = "found")]
        status: u16,
    },
    /// Processed; the answer is held until so many distinct callers have reported.
    HoldReports {
        /// At least 1.
        count: u64,
    },
    /// Processed; the answer is held until the next release.
    Hold,
    /// Processed; the JSON answer has a field `padding` of this length.
    Oversize {
        /// At most 64 MiB.
        bytes: usize,
    },
}

/// A fault, the requests it is for and how often it happens. The body of `POST /control/faults`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// Which requests.
    pub target: Target,
    /// How often; `None` means until it is cleared.
    #[serde(default)]
    pub times: Option<u32>,
    /// What happens.
    pub fault: Fault,
}

/// The rules in force, in the order they were added.
#[derive(Default)]
pub(crate) struct FaultTable(Vec<FaultRule>);

impl FaultRule {
    /// Why this rule cannot be acted out, if it cannot.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        let status_fits = |status: &u16| (200..=599).contains(status);
        match &self.fault {
            Fault::Status { status, .. } | Fault::Html { status } if !status_fits(status) => {
                Some("status must be 200 to 599")
            }
            Fault::Redirect { status, .. } if !(300..=399).contains(status) => {
                Some("status must be 300 to 399")
            }
            Fault::Drip { bytes_per_second: 0 } => Some("bytes_per_second must be at least 1"),
            Fault::HoldReports { count: 0 } => Some("count must be at least 1"),
            Fault::Oversize { bytes } if *bytes > MAX_PADDING => Some("bytes must be at most 64 MiB"),
            _ if self.times == Some(0) => Some("times must be at least 1, or null"),
            _ => None,
        }
    }
}

impl FaultTable {
    pub(crate) fn add(&mut self, rule: FaultRule) {
        self.0.push(rule);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn rules(&self) -> Vec<FaultRule> {
        self.0.clone()
    }

    /// The first fault that is for `target` and `fits`, used up by one; a rule that is used up disappears.
    pub(crate) fn take(&mut self, target: Target, fits: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let index = self
            .0
            .iter()
            .position(|rule| (rule.target == Target::Any || rule.target == target) && fits(&rule.fault))?;
        let rule = &mut self.0[index];
        let fault = rule.fault.clone();
        rule.times = rule.times.map(|times| times.saturating_sub(1));
        if rule.times == Some(0) {
            self.0.remove(index);
        }
        Some(fault)
    }
}

fn found() -> u16 {
    302
}

#[cfg(test)]
mod tests {
    use super::{Fault, FaultRule, FaultTable, Target};

    fn rule(target: Target, times: Option<u32>, fault: Fault) -> FaultRule {
        FaultRule { target, times, fault }
    }

    #[test]
    fn the_first_fitting_rule_applies_as_often_as_it_says() {
        let mut table = FaultTable::default();
        table.add(rule(Target::Refresh, Some(2), Fault::Hang));
        table.add(rule(Target::Any, None, Fault::Drop));
        let fits = |_: &Fault| true;
        assert_eq!(table.take(Target::Code, fits), Some(Fault::Drop));
        assert_eq!(table.take(Target::Refresh, fits), Some(Fault::Hang));
        assert_eq!(table.take(Target::Refresh, fits), Some(Fault::Hang));
        assert_eq!(table.take(Target::Refresh, fits), Some(Fault::Drop));
        assert_eq!(table.rules().len(), 1);
    }

    #[test]
    fn a_fault_that_does_not_fit_is_not_used_up() {
        let mut table = FaultTable::default();
        table.add(rule(Target::Refresh, Some(1), Fault::RefuseEarly { within_s: 0 }));
        assert_eq!(table.take(Target::Refresh, |_| false), None);
        assert_eq!(table.rules().len(), 1);
    }

    #[test]
    fn faults_read_as_they_are_documented() {
        for text in [
            r#"{"target":"refresh","times":1,"fault":{"kind":"latency","ms":5}}"#,
            r#"{"target":"any","times":null,"fault":{"kind":"hang"}}"#,
            r#"{"target":"code","fault":{"kind":"set","field":"expires_in","value":1e300}}"#,
            r#"{"target":"refresh","fault":{"kind":"refuse_early"}}"#,
            r#"{"target":"resource","fault":{"kind":"status","status":503,"retry_after":7}}"#,
            r#"{"target":"metadata","fault":{"kind":"redirect","location":"http://127.0.0.1:1/"}}"#,
        ] {
            let rule: FaultRule = serde_json::from_str(text).unwrap();
            assert_eq!(rule.problem(), None, "{text}");
        }
        for text in [
            r#"{"target":"refresh","times":0,"fault":{"kind":"hang"}}"#,
            r#"{"target":"refresh","fault":{"kind":"drip","bytes_per_second":0}}"#,
            r#"{"target":"refresh","fault":{"kind":"status","status":101}}"#,
        ] {
            let rule: FaultRule = serde_json::from_str(text).unwrap();
            assert!(rule.problem().is_some(), "{text}");
        }
    }
}
