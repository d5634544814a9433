//! Whether a login that a turn waits for is there now.

use contract::LoginNeeded;
use credentials::{Payer, Service, Store, Tenant, UserId, whose_login_pays};

/// A stored login that may serve, and the write that stored it. An agent that asks again after it was told to try one
/// is not told to try the same one again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Usable {
    tenant: Tenant,
    generation: u64,
}

impl Usable {
    /// Whether it is the very one that the agent says does not help. (No number is ever given to two writes.)
    pub(crate) fn is_useless(&self, needed: &LoginNeeded) -> bool {
        needed.useless == Some(self.generation)
    }
}

/// The login that serves the need of this owner's thread now, if one does. One stat(2) while the store does not change. In a
/// store that can't be read there is none.
pub(crate) fn usable(store: &Store, needed: &LoginNeeded, owner: &UserId) -> Option<Usable> {
    let service = Service::parse(&needed.service).ok()?;
    // What the host's environment holds is no login that somebody could bring.
    let situation = store.situation(&service, None, Some(owner)).ok()?;
    let tenant = match whose_login_pays(situation) {
        Payer::Own => Tenant::user(service, owner.clone()),
        Payer::Host => Tenant::host(service),
        _ => return None,
    };
    let generation = store.entry(&tenant).ok()??.generation;
    Some(Usable { tenant, generation })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A store with these entries of service `acme`: owner, generation, whether it is dead.
    fn found(entries: &[(&str, u64, bool)], owner: &str) -> Option<u64> {
        let folder = tempfile::tempdir().unwrap();
        let entry = |(owner, generation, dead): &(&str, u64, bool)| {
            let dead = if *dead {
                r#","invalidated":{"at_ms":1,"reason":"x"}"#
            } else {
                ""
            };
            format!(
                r#""{owner}":{{"type":"oauth","generation":{generation},"access_token":"a","refresh_token":"r","scopes":[],
                "obtained_at_ms":1,"expires_at_ms":2,"obtained_by":"sign_in","client_id":"c"{dead}}}"#
            )
        };
        let entries: Vec<_> = entries.iter().map(entry).collect();
        let file = format!(
            r#"{{"version":1,"tenants":{{"acme":{{{}}}}}}}"#,
            entries.join(",")
        );
        std::fs::write(folder.path().join("auth.json"), file).unwrap();
        let store = Store::open(&folder.path().join("auth.json"), true).unwrap();
        let needed = LoginNeeded {
            session: "s".into(),
            service: "acme".into(),
            title: "Acme".into(),
            // Who asks has no say in whose login it is.
            owner: "web:b".into(),
            reason: "none".into(),
            useless: None,
        };
        let owner = UserId::parse(owner).unwrap();
        usable(&store, &needed, &owner).map(|usable| usable.generation)
    }

    #[test]
    fn the_own_login_serves_and_the_hosts_only_where_there_is_no_own_one() {
        let (host, own, dead) = (("host", 1, false), ("web:a", 2, false), ("web:a", 3, true));
        for (entries, expected) in [
            (&[][..], None),
            (&[host], Some(1)),
            (&[host, own], Some(2)),
            (&[own], Some(2)),
            (&[host, dead], None),
            (&[("web:b", 9, false)], None),
        ] {
            assert_eq!(found(entries, "web:a"), expected, "{entries:?}");
        }
    }

    #[test]
    fn in_a_store_that_cannot_be_read_there_is_no_login() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("auth.json");
        std::fs::write(&path, "{").unwrap();
        let store = Store::open(&path, true).unwrap();
        let needed = LoginNeeded {
            session: String::new(),
            service: "acme".into(),
            title: String::new(),
            owner: "host".into(),
            reason: String::new(),
            useless: None,
        };
        let owner = UserId::parse("web:a").unwrap();
        assert_eq!(usable(&store, &needed, &owner), None);
    }
}
