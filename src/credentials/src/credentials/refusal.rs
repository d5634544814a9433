//! Whether the vendor took a key when it was last used, a pasted one or one of the host's environment: noted in its tenant's
//! lock file, by fingerprint. So nothing is said of another key that is set in its place.
//!
//! A refused key is still tried at each use, because a refusal may be the vendor's own mistake; the note is for people.

use secrecy::SecretString;

use super::Credentials;
use crate::clock::Timestamp;
use crate::digest::Fingerprint;
use crate::entry::{ApiKey, Credential};
use crate::lock::{Dead, LockFile, Record, RefusedSecret};
use crate::tenant::{Service, Tenant};

/// What is told of a refused key, with the moment.
const REASON: &str = "the vendor refused this key";

/// A key or token of the host's environment that its vendor refused when it was last used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedVariable {
    /// The service it is for.
    pub service: Service,
    /// Where it was read: the name of a variable.
    pub variable: String,
    /// When it was refused.
    pub at: Timestamp,
}

impl Credentials {
    /// Which keys and tokens of the host's environment were refused when they were last used, one for each service at
    /// most: the one that would pay. Blocks, on local file work only. A note that can't be read counts as none.
    pub fn refused_variables(&self) -> Vec<RefusedVariable> {
        let of = |vendor: &crate::Vendor| {
            let environment = &vendor.environment;
            let (name, secret) = match (&environment.key, &environment.token) {
                (Some(key), _) => (&environment.key_name, key),
                (None, Some(token)) => (&environment.token_name, token),
                (None, None) => return None,
            };
            let record = self.host_lock(&vendor.service).look().ok()?;
            Some(RefusedVariable {
                service: vendor.service.clone(),
                variable: name.clone().unwrap_or_else(|| "the environment".to_owned()),
                at: record.refused(secret)?,
            })
        };
        self.vendors().iter().filter_map(|vendor| of(vendor)).collect()
    }

    /// The vendor refused a key or token of the host's environment: that is noted. Best effort.
    pub async fn refused_of_environment(&self, service: &Service, secret: &SecretString) {
        let lock = self.host_lock(service);
        let refused = RefusedSecret {
            fingerprint: Fingerprint::of(secret),
            at: Timestamp::now(),
        };
        if lock.look().is_ok_and(|record| record.refused(secret).is_some()) {
            return;
        }
        // A panic there is told by the runtime; it is noted at the next use.
        let _ =
            tokio::task::spawn_blocking(move || note(&lock, |record| record.refused = Some(refused))).await;
    }

    /// The vendor took a key or token of the host's environment: if a refusal of this very one is noted, it is over.
    /// Costs no more than a look at a small file. Best effort: what can't be noted now is noted at the next use.
    pub async fn accepted_of_environment(&self, service: &Service, secret: &SecretString) {
        let lock = self.host_lock(service);
        if lock.look().is_ok_and(|record| record.refused(secret).is_some()) {
            // As above.
            let _ = tokio::task::spawn_blocking(move || note(&lock, |record| record.refused = None)).await;
        }
    }

    fn host_lock(&self, service: &Service) -> LockFile {
        self.store().refresh_lock(&Tenant::host(service.clone()))
    }

    /// The vendor took what is stored for a tenant: if a refusal of this very key is noted, it is over. For anything else
    /// this costs no more than one stat(2). Best effort: what can't be noted now is noted at the next use.
    pub async fn accepted(&self, tenant: &Tenant, secret: &SecretString) {
        let Ok(Some(entry)) = self.store().entry(tenant) else {
            return;
        };
        let Credential::ApiKey(ApiKey { key, .. }) = &entry.credential else {
            return;
        };
        let lock = self.store().refresh_lock(tenant);
        let is_noted = lock.look().is_ok_and(|record| record.dead(key).is_some());
        if is_noted && crate::entry::same(key, secret) {
            // A panic there is told by the runtime; the note then stays until the next use.
            let _ = tokio::task::spawn_blocking(move || note(&lock, |record| record.dead = None)).await;
        }
    }
}

/// Notes that the vendor refused this key, unless that is known. Blocks, on local file work only.
pub(super) fn refused(lock: &LockFile, key: &SecretString) {
    if lock.look().is_ok_and(|record| record.dead(key).is_some()) {
        return;
    }
    let dead = Dead {
        fingerprint: Fingerprint::of(key),
        at: Timestamp::now(),
        reason: REASON.to_owned(),
    };
    note(lock, |record| record.dead = Some(dead));
}

fn note(lock: &LockFile, change: impl FnOnce(&mut Record)) {
    match lock.try_acquire() {
        Ok(Some(mut lock)) => {
            if let Err(error) = lock.update(change) {
                tracing::warn!(%error, "could not note whether the vendor took a key");
            }
        }
        // Somebody else is noting the same.
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "could not note whether the vendor took a key"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{Need, Refresher, State, Store, TokenError, Vendors};

    struct Scene {
        folder: tempfile::TempDir,
        credentials: Credentials,
        tenant: Tenant,
    }

    fn scene() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("auth.json"), true).unwrap();
        let scene = Scene {
            credentials: Credentials::new(store, Vendors::builtin(None), Refresher::InProcess),
            tenant: Tenant::host(crate::Service::parse("openai").unwrap()),
            folder,
        };
        scene.store(1, "sk-one");
        scene
    }

    impl Scene {
        fn store(&self, generation: u64, key: &str) {
            let file = format!(
                r#"{{"version":1,"tenants":{{"openai":{{"host":{{"type":"api_key","generation":{generation},"key":"{key}",
                "obtained_at_ms":1}}}}}}}}"#
            );
            fs::write(self.folder.path().join("auth.json"), file).unwrap();
        }

        fn health(&self) -> (State, Option<String>) {
            let all = self.credentials.store().tenants().unwrap();
            (all[0].state, all[0].detail.clone())
        }

        async fn refuse(&self, key: &str) -> Result<crate::Token, TokenError> {
            let need = Need {
                rejected: Some(key.to_owned().into()),
                ..Need::default()
            };
            self.credentials.token(&self.tenant, &need).await
        }

        /// Everything that lies in the folder but `auth.json`.
        fn beside(&self) -> String {
            let files = fs::read_dir(self.folder.path()).unwrap();
            let files = files.map(|entry| entry.unwrap().path());
            let files = files.filter(|path| !path.ends_with("auth.json"));
            files.map(|path| fs::read_to_string(path).unwrap()).collect()
        }
    }

    #[tokio::test]
    async fn a_refused_key_is_told_until_it_is_taken_again_and_is_nowhere_twice() {
        let scene = scene();
        assert_eq!(scene.health(), (State::Valid, None));
        scene.refuse("sk-one").await.unwrap_err();
        let (state, detail) = scene.health();
        assert_eq!(state, State::Refused);
        assert!(detail.unwrap().starts_with("the vendor refused this key at 20"));
        assert!(scene.beside().contains("refused") && !scene.beside().contains("sk-one"));
        // It is still what pays.
        let token = scene.credentials.token(&scene.tenant, &Need::default()).await;
        scene
            .credentials
            .accepted(&scene.tenant, &token.unwrap().secret)
            .await;
        assert_eq!(scene.health(), (State::Valid, None));
    }

    #[tokio::test]
    async fn a_refused_key_of_the_environment_is_told_until_it_is_taken_or_another_one_is_set() {
        let scene = scene();
        let service = crate::Service::parse("openai").unwrap();
        let with = |key: &str| {
            let mut vendors = Vendors::builtin(None);
            vendors.for_each_mut(|vendor| {
                if vendor.service == service {
                    vendor.environment.key = Some(key.to_owned().into());
                    vendor.environment.key_name = Some("SOME_KEY".to_owned());
                }
            });
            let store = Store::open(&scene.folder.path().join("auth.json"), true).unwrap();
            Credentials::new(store, vendors, Refresher::InProcess)
        };
        let (one, two) = (with("sk-env-one"), with("sk-env-two"));
        let secret = |key: &str| SecretString::from(key.to_owned());
        assert_eq!(one.refused_variables(), []);
        one.refused_of_environment(&service, &secret("sk-env-one")).await;
        let told = one.refused_variables();
        assert!(told.len() == 1 && told[0].variable == "SOME_KEY", "{told:?}");
        assert!(!scene.beside().contains("sk-env"));
        // Another one, and what is stored, were not refused.
        assert_eq!(two.refused_variables(), []);
        assert_eq!(scene.health(), (State::Valid, None));
        two.accepted_of_environment(&service, &secret("sk-env-two")).await;
        assert_eq!(one.refused_variables(), told);
        one.accepted_of_environment(&service, &secret("sk-env-one")).await;
        assert_eq!(one.refused_variables(), []);
    }

    #[tokio::test]
    async fn another_key_is_not_the_refused_one() {
        let scene = scene();
        scene.refuse("sk-one").await.unwrap_err();
        scene.store(2, "sk-two");
        assert_eq!(scene.health(), (State::Valid, None));
        // What somebody was refused with before is not what is stored, and says nothing of it.
        scene.refuse("sk-one").await.unwrap();
        assert_eq!(scene.health(), (State::Valid, None));
        // Nor is the old one's success the new one's.
        scene.refuse("sk-two").await.unwrap_err();
        let old = "sk-one".to_owned().into();
        scene.credentials.accepted(&scene.tenant, &old).await;
        assert_eq!(scene.health().0, State::Refused);
    }
}
