//! Who may do what in a thread. Pure.

use conversation::Permissions;
use credentials::UserId;

/// Whose thread it is, where nobody names them.
pub(crate) const OPENER: &str = "the person who opened this thread";

/// What only some people may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Allow or deny what the agent asks for: it is done with the owner's files and login.
    Decide,
    /// Sign in for the thread, whose owner's login pays.
    SignIn,
    /// Stop, drop or retry one turn.
    Turn,
    /// Reset the whole thread.
    Reset,
    /// Take back what is always allowed.
    TakeBack,
    /// Choose what the whole thread works with.
    Change,
}

impl Deed {
    /// Why somebody may not, without a full stop. `owner`: whose thread it is, as a front-end names them.
    pub fn refused(self, owner: &str) -> String {
        match self {
            Self::Decide => format!("only {owner} may decide that"),
            Self::SignIn => format!("only {owner} may sign in for it"),
            Self::Turn => format!("only the person who wrote that message may do that, or {owner}"),
            Self::Reset => format!("only {owner} may reset it"),
            Self::TakeBack => format!("only {owner} may take that back"),
            Self::Change => format!("only {owner} may change that"),
        }
    }
}

/// Whether `by` may. `author` is who wrote the turn it is about.
pub(crate) fn may(deed: Deed, by: &UserId, owner: &UserId, author: Option<&UserId>) -> bool {
    let operator = is_operator(by);
    by == owner
        || match deed {
            Deed::Decide | Deed::SignIn => false,
            Deed::Turn => operator || author == Some(by),
            Deed::Reset | Deed::TakeBack | Deed::Change => operator,
        }
}

/// Whether only administrators choose the mode of a thread's agent: somebody has set for it that people are asked, or that
/// all is denied, and in some modes an agent asks for less. It is enforced by answering what the agent asks.
pub fn is_mode_guarded(permissions: Option<Permissions>) -> bool {
    match permissions {
        Some(Permissions::Ask | Permissions::Deny) => true,
        Some(Permissions::Allow) | None => false,
    }
}

/// The control socket and the files belong to the same system user as the host itself.
pub(crate) fn is_operator(by: &UserId) -> bool {
    by.as_str().starts_with("local:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_do_what_is_this_table() {
        let user = |id| UserId::parse(id).unwrap();
        let (owner, author, other) = (user("web:owner"), user("web:author"), user("web:other"));
        let operator = user("local:root");
        for (deed, who_may) in [
            (Deed::Decide, vec![&owner]),
            (Deed::SignIn, vec![&owner]),
            (Deed::Turn, vec![&owner, &author, &operator]),
            (Deed::Reset, vec![&owner, &operator]),
            (Deed::Change, vec![&owner, &operator]),
            (Deed::TakeBack, vec![&owner, &operator]),
        ] {
            for by in [&owner, &author, &other, &operator] {
                let may = may(deed, by, &owner, Some(&author));
                assert_eq!(may, who_may.contains(&by), "{deed:?} by {}", by.as_str());
            }
        }
    }
}
