//! Which sign-in a button or a form is for.

use credentials::Timestamp;

/// Behind the service of a sign-in for one's own login; what follows is when it was begun.
const OWN: char = '~';
/// The same of one for everyone's login.
const EVERYONES: char = '*';

/// Whose login a sign-in is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Of the one who signs in.
    Own,
    /// Of everyone on this host.
    Everyones,
}

/// A sign-in that was begun: what is brought for it is taken for no other one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// The service.
    pub service: String,
    /// Whose login it is for.
    pub whose: Whose,
    /// When it was begun, by which it is known.
    pub begun: Timestamp,
}

impl SignIn {
    pub(super) fn text(&self) -> String {
        let mark = match self.whose {
            Whose::Own => OWN,
            Whose::Everyones => EVERYONES,
        };
        format!("{}{mark}{:x}", self.service, self.begun.millis())
    }

    pub(super) fn of(text: &str) -> Option<Self> {
        let at = text.rfind([OWN, EVERYONES])?;
        let (service, rest) = text.split_at(at);
        let whose = if rest.starts_with(OWN) {
            Whose::Own
        } else {
            Whose::Everyones
        };
        let begun = i64::from_str_radix(&rest[1..], 16).ok()?;
        Some(Self {
            service: service.to_owned(),
            whose,
            begun: Timestamp::from_millis(begun),
        })
    }
}
