//! Who may do what in a thread. Pure.

use credentials::UserId;

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Allow or deny what the agent asks for: it is done with the owner's files and login.
    Decide,
    /// Stop, drop or retry one turn.
    Turn,
    /// Reset the whole thread.
    Reset,
    /// Take back what is always allowed.
    TakeBack,
}

/// `None` if `by` may, else why not, in words. `author` is who wrote the turn it is about.
pub(crate) fn refusal(deed: Deed, by: &UserId, owner: &UserId, author: Option<&UserId>) -> Option<String> {
    let operator = is_operator(by);
    let words = match deed {
        _ if by == owner => return None,
        Deed::Decide => "only the person who opened this thread may decide that",
        Deed::Turn if operator || author == Some(by) => return None,
        Deed::Turn => "only the person who wrote that message, or who opened this thread, may do that",
        Deed::Reset | Deed::TakeBack if operator => return None,
        Deed::TakeBack => "only the person who opened this thread may take that back",
        Deed::Reset => "only the person who opened this thread may reset it",
    };
    Some(words.to_owned())
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
            (Deed::Turn, vec![&owner, &author, &operator]),
            (Deed::Reset, vec![&owner, &operator]),
            (Deed::TakeBack, vec![&owner, &operator]),
        ] {
            for by in [&owner, &author, &other, &operator] {
                let may = refusal(deed, by, &owner, Some(&author)).is_none();
                assert_eq!(may, who_may.contains(&by), "{deed:?} by {}", by.as_str());
            }
        }
    }
}
