//! Whether what was granted is enough for what is needed.

/// Whether every needed scope is granted. A granted `*` satisfies everything, `repo:*` (or `repo.*`, `repo/*`) whatever
/// begins with `repo:`.
pub fn covers(granted: &[String], needed: &[String]) -> bool {
    missing(granted, needed).is_empty()
}

/// The needed scopes that are not granted.
pub(crate) fn missing(granted: &[String], needed: &[String]) -> Vec<String> {
    let satisfies = |granted: &String, needed: &String| {
        granted == needed
            || granted.strip_suffix('*').is_some_and(|prefix| {
                (prefix.is_empty() || prefix.ends_with([':', '.', '/'])) && needed.starts_with(prefix)
            })
    };
    needed
        .iter()
        .filter(|needed| !granted.iter().any(|granted| satisfies(granted, needed)))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_grant_satisfies_a_narrower_need() {
        let list = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for (granted, needed, enough) in [
            ("a b", "a", true),
            ("a", "a b", false),
            ("*", "a b", true),
            ("repo:*", "repo:read", true),
            ("repo:*", "report", false),
            ("repo*", "report", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(
                covers(&list(granted), &list(needed)),
                enough,
                "{granted:?} for {needed:?}"
            );
        }
    }
}
