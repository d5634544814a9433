//! One finding.

use serde::Serialize;

use crate::shell;

/// How bad it is: `Fail` means that a person must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    /// Nothing is wrong.
    Ok,
    /// Worth knowing; it works.
    Warn,
    /// A person must act.
    Fail,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) status: Status,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Check {
    /// Nothing is wrong.
    pub(super) fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(name, Status::Ok, message)
    }

    /// Worth knowing.
    pub(super) fn warn(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(name, Status::Warn, message)
    }

    /// A person must act.
    pub(super) fn fail(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(name, Status::Fail, message)
    }

    fn new(name: &'static str, status: Status, message: impl Into<String>) -> Self {
        Self {
            name,
            status,
            message: message.into(),
            hint: None,
        }
    }

    /// The same with what to do next.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(shell::pasted(&hint.into()));
        self
    }

    /// All findings of one check as one: the worst status, every message, every hint once. `fine` if there is none.
    pub(super) fn worst(name: &'static str, findings: Vec<Self>, fine: impl Into<String>) -> Self {
        let Some(status) = findings.iter().map(|finding| finding.status).max() else {
            return Self::ok(name, fine);
        };
        let mut hints: Vec<String> = Vec::new();
        for hint in findings.iter().filter_map(|finding| finding.hint.clone()) {
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
        let messages: Vec<String> = findings.into_iter().map(|finding| finding.message).collect();
        Self {
            name,
            status,
            message: messages.join("; "),
            hint: (!hints.is_empty()).then(|| hints.join("; ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_decides_and_none_is_lost() {
        let found = vec![
            Check::warn("x", "a").hint("do"),
            Check::fail("x", "b").hint("do"),
            Check::ok("x", "c"),
        ];
        let check = Check::worst("x", found, "fine");
        assert_eq!((check.status, check.message.as_str()), (Status::Fail, "a; b; c"));
        assert_eq!(check.hint.as_deref(), Some("do"));
        assert_eq!(Check::worst("x", vec![], "fine"), Check::ok("x", "fine"));
    }
}
