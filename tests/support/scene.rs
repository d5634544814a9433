//! One rehearsal server, one store, and the ways to bring both into the state that a test needs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use credentials::{
    Begun, Credentials, Need, Owner, Refresher, Service, State, Store, Tenant, Timestamp, UserId, Vendors,
};
use rehearsal::{Config, Control, Counter, Decision, Fault, FaultRule, Server, Target};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;
use url::Url;

use crate::{Caller, program};

fn serve(started: oneshot::Sender<(Url, Control)>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        let config = Config {
            access_ttl: Duration::from_hours(1),
            model_key: Some(MODEL_KEY.into()),
            ..Config::default()
        };
        let server = Server::start(config).await.expect("loopback can be listened on");
        let told = started.send((server.url().clone(), server.control()));
        assert!(told.is_ok(), "the test waits for its server");
        // Ends with the scene.
        let _ = stopped.await;
    });
}

/// A key that the model takes instead of a login.
pub const MODEL_KEY: &str = "sk-rehearsal";

/// How long a test waits for an event that is certain to come.
const CERTAIN: Duration = Duration::from_mins(1);

/// A server and a store.
pub struct Scene {
    folder: TempDir,
    url: Url,
    control: Control,
    /// Dropping it stops the server.
    _stop: oneshot::Sender<()>,
}

impl Scene {
    /// Starts a server and makes a folder for a store. Nobody is signed in.
    pub async fn start() -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder can be made")).await
    }

    /// As [`start`](Self::start), with the store in this folder.
    pub async fn start_in(folder: TempDir) -> Self {
        // Whoever was first in this process installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (stop, stopped) = oneshot::channel();
        let (started, ready) = oneshot::channel();
        // On a thread of its own, so that a test may block while it answers.
        std::thread::spawn(move || serve(started, stopped));
        let (url, control) = ready.await.expect("the server starts");
        Self {
            folder,
            url,
            control,
            _stop: stop,
        }
    }

    /// A server, and the host signed in to it.
    pub async fn signed_in() -> Self {
        let scene = Self::start().await;
        scene.sign_in(&scene.host()).await;
        scene
    }

    /// The folder of the store.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `auth.json`.
    pub fn store_path(&self) -> PathBuf {
        self.folder().join("auth.json")
    }

    /// The server's base URL.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The server's controls.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// What the server counted.
    pub fn count(&self, counter: Counter) -> u64 {
        self.control().counts().get(counter)
    }

    /// How often the server was asked for new tokens.
    pub fn refreshes(&self) -> u64 {
        self.count(Counter::RefreshRequests)
    }

    /// How the only tenant stands.
    pub fn state(&self) -> State {
        self.store().tenants().expect("the store is fine")[0].state
    }

    /// The host's tenant lock.
    pub fn tenant_lock(&self) -> PathBuf {
        self.folder().join("auth.json.refresh.rehearsal@host.lock")
    }

    /// The lock of every rewrite.
    pub fn global_lock(&self) -> PathBuf {
        self.folder().join("auth.json.global.lock")
    }

    /// After all that happened the host's stored token works, and no refresh token was ever used twice.
    pub async fn ends_well(&self) {
        assert!(self.accepts(&self.stored_token(&self.host())).await);
        assert_eq!(self.count(Counter::ReuseDetected), 0);
    }

    /// Waits until the server has counted that much.
    pub async fn wait(&self, counter: Counter, at_least: u64) {
        self.control()
            .wait(counter, at_least, CERTAIN)
            .await
            .expect("the event comes");
    }

    /// Makes the next `times` requests to `target` go wrong; all of them without a number.
    pub fn fault(&self, target: Target, times: impl Into<Option<u32>>, fault: Fault) {
        self.control()
            .add_fault(FaultRule {
                target,
                times: times.into(),
                fault,
            })
            .expect("the fault is well-formed");
    }

    /// The host's tenant of the rehearsal vendor.
    pub fn host(&self) -> Tenant {
        Tenant::host(Service::parse("rehearsal").expect("a valid name"))
    }

    /// A user's own tenant of the rehearsal vendor.
    pub fn user(&self, name: &str) -> Tenant {
        Tenant::user(self.host().service, UserId::parse(name).expect("a valid name"))
    }

    /// The store, opened in this process.
    pub fn store(&self) -> Store {
        Store::open(&self.store_path(), false).expect("the folder is there")
    }

    /// The credentials in this process. Refreshes run in processes of the program `caller`.
    pub fn credentials(&self) -> Credentials {
        Credentials::new(
            self.store(),
            Vendors::builtin(Some(self.url())),
            Refresher::Program(program("caller")),
        )
    }

    /// Signs a tenant in through the consent page's own logic.
    pub async fn sign_in(&self, tenant: &Tenant) {
        let credentials = self.credentials();
        let user = match &tenant.owner {
            Owner::Host => UserId::parse("operator").expect("a valid name"),
            Owner::User(user) => user.clone(),
        };
        let begun = credentials
            .begin(tenant, &user, Some("pkce"), None)
            .await
            .expect("sign-in begins");
        let (Begun::Link { url, .. }, _) = begun else {
            panic!("pkce gives a link")
        };
        let redirect = self
            .control()
            .authorize(
                url.as_str(),
                user.as_str().rsplit(':').next().unwrap_or("x"),
                Decision::Approve,
            )
            .expect("the link is good");
        let pasted = SecretString::from(redirect.to_string());
        credentials
            .complete(&tenant.service, &user, Some(pasted))
            .await
            .expect("sign-in completes");
    }

    /// Makes the stored access token seem an hour old and over since a second, on disk and at the server.
    pub fn expire(&self, tenant: &Tenant) {
        self.control().expire();
        self.edit(tenant, |entry| {
            let now = Timestamp::now().millis();
            entry["obtained_at_ms"] = (now - 3_600_000).into();
            entry["expires_at_ms"] = (now - 1000).into();
        });
    }

    /// Makes the stored access token due for a refresh but good for another minute.
    pub fn make_stale(&self, tenant: &Tenant) {
        self.edit(tenant, |entry| {
            let now = Timestamp::now().millis();
            entry["obtained_at_ms"] = (now - 3_540_000).into();
            entry["expires_at_ms"] = (now + 60_000).into();
        });
    }

    /// Changes a tenant's entry in the file, as a person with an editor would.
    pub fn edit(&self, tenant: &Tenant, change: impl FnOnce(&mut Value)) {
        let mut file = self.file();
        change(&mut file["tenants"][tenant.service.as_str()][tenant.owner.as_str()]);
        self.write_file(&serde_json::to_vec(&file).expect("a value serializes"));
    }

    /// The parsed file.
    pub fn file(&self) -> Value {
        serde_json::from_slice(&fs::read(self.store_path()).expect("the file is there"))
            .expect("the file is JSON")
    }

    /// Replaces the file's content, private and in one step.
    pub fn write_file(&self, bytes: &[u8]) {
        let next = tempfile::NamedTempFile::new_in(self.folder()).expect("a file can be made");
        fs::write(next.path(), bytes).expect("it can be written");
        next.persist(self.store_path()).expect("it can be renamed");
    }

    /// The stored access token of a tenant.
    pub fn stored_token(&self, tenant: &Tenant) -> SecretString {
        let file = self.file();
        let token = &file["tenants"][tenant.service.as_str()][tenant.owner.as_str()]["access_token"];
        SecretString::from(token.as_str().expect("somebody is signed in").to_owned())
    }

    /// Whether the server accepts a token.
    pub async fn accepts(&self, token: &SecretString) -> bool {
        let url = self.url().join("resource").expect("a valid path");
        let answer = reqwest::Client::new()
            .get(url)
            .bearer_auth(token.expose_secret())
            .send()
            .await;
        answer.expect("the server answers").status().is_success()
    }

    /// The program `caller`, to be started against this scene.
    pub fn caller(&self) -> Caller {
        self.caller_at(&self.store_path())
    }

    /// The program `caller` with the store at this path: another spelling of ours, or another store.
    pub fn caller_at(&self, store: &Path) -> Caller {
        Caller::new(store, self.url())
    }

    /// A token through this process, for tests whose promise is not about processes.
    pub async fn token(&self, tenant: &Tenant) -> Result<credentials::Token, credentials::TokenError> {
        self.credentials().token(tenant, &Need::default()).await
    }
}
