//! What the web chat is told by the program that starts it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use conversation::Dispatch;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::proxy::Proxy;
use crate::origins::Origins;

/// The largest upload where nobody says otherwise.
pub const UPLOAD_LIMIT: u64 = 25 * 1024 * 1024;

/// What the empty page offers where nobody says otherwise.
const TRIALS: [(&str, &str); 3] = [
    ("What can you do here?", "the agent tells what it is able to do"),
    (
        "List the files in the workspace",
        "it looks around in the thread’s folder",
    ),
    (
        "Write a small shell script and run it",
        "it asks before it runs anything",
    ),
];

/// Where nobody counts what else the process needs.
const SPARE_DESCRIPTORS: usize = 256;

/// Longer than proxies keep a connection for the next request (60 to 75 s): else one would be closed under a request.
const PATIENCE: Duration = Duration::from_secs(90);

/// Shorter ones are guessed.
pub const SHORTEST_PASSWORD: usize = 12;

/// What the web chat is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Who may come in.
    pub allow: Access,
    /// The proxy in front, if one proves itself: then it is believed about where a request comes from.
    pub proxy: Option<Proxy>,
    /// The state folder: sessions, marks of what was read, and uploads on their way are kept there.
    pub state_folder: PathBuf,
    /// The largest single upload in bytes.
    pub upload_limit: u64,
    /// Where people reach it, if that is not its own address: behind a proxy, or by a name.
    pub public_url: Option<Url>,
    /// A line above every page, such as that this is a rehearsal.
    pub notice: Option<String>,
    /// What the empty page offers to try: what is sent, word for word, and what it is for.
    pub trials: Vec<(String, String)>,
    /// The agent of new threads, by name.
    pub default_agent: String,
    /// The mode of new threads.
    pub dispatch: Dispatch,
    /// Where threads of other front-ends are.
    pub origins: Origins,
    /// Descriptors of this process that connections leave to others.
    pub spare_descriptors: usize,
    /// How long a connection may take to send the head of a request, and how long it may say nothing before that.
    pub patience: Duration,
}

/// Who may come in.
#[derive(Debug, Clone)]
pub enum Access {
    /// Only who has a link; the address must be a loopback one.
    Loopback,
    /// Who has a link, and who knows this password; each browser that does becomes a person of its own.
    Password(SecretString),
    /// Whom the proxy in front names. There are no links: the proxy signs people in.
    Header {
        /// The header with their name. The proxy sets it, whatever the browser sent.
        name: String,
        /// Names whose bearers are administrators.
        admins: Vec<String>,
    },
}

impl Config {
    /// A web chat for this machine alone, with everything as it is where nobody says otherwise.
    pub fn new(listen: SocketAddr, state_folder: PathBuf, default_agent: String) -> Self {
        Self {
            listen,
            allow: Access::Loopback,
            proxy: None,
            state_folder,
            upload_limit: UPLOAD_LIMIT,
            public_url: None,
            notice: None,
            trials: TRIALS.map(|(text, what)| (text.into(), what.into())).into(),
            default_agent,
            dispatch: Dispatch::default(),
            origins: Origins::default(),
            spare_descriptors: SPARE_DESCRIPTORS,
            patience: PATIENCE,
        }
    }

    /// Why this would be unsafe or can't work, in words; the first thing that is wrong.
    pub(crate) fn refusal(&self) -> Option<String> {
        if let Some(why) = self.proxy.as_ref().and_then(Proxy::refusal) {
            return Some(why);
        }
        match &self.allow {
            Access::Loopback if !self.listen.ip().is_loopback() => Some(
                "other machines could reach this address, and neither a password nor a proxy that signs people in is configured"
                    .into(),
            ),
            Access::Password(password) if password.expose_secret().chars().count() < SHORTEST_PASSWORD => Some(
                format!("the password is too short: at least {SHORTEST_PASSWORD} characters"),
            ),
            Access::Header { name, .. } if axum::http::HeaderName::try_from(name).is_err() => {
                Some(format!("`{name}` is no name of a header"))
            }
            Access::Header { name, .. } if self.proxy.is_none() => Some(format!(
                "every program that reaches this address could send `{name}`, and the proxy has no secret to prove itself by"
            )),
            Access::Header { .. } if self.public_url.is_none() => {
                Some("people come through the proxy, and the address that they open there is not configured".into())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(listen: &str, change: impl FnOnce(&mut Config)) -> Option<String> {
        let mut config = Config::new(listen.parse().unwrap(), "state".into(), "native".into());
        change(&mut config);
        config.refusal()
    }

    #[test]
    fn other_machines_are_let_in_only_with_a_check() {
        let password = |text: &str| Access::Password(text.into());
        for (listen, allow, wrong) in [
            ("127.0.0.1:0", Access::Loopback, None),
            ("[::1]:0", Access::Loopback, None),
            ("0.0.0.0:0", Access::Loopback, Some("neither a password")),
            ("192.0.2.1:80", Access::Loopback, Some("neither a password")),
            ("[::]:80", Access::Loopback, Some("neither a password")),
            ("0.0.0.0:0", password("long enough for this"), None),
            ("0.0.0.0:0", password("short"), Some("too short")),
            ("0.0.0.0:0", password(""), Some("too short")),
        ] {
            let found = refusal(listen, |config| config.allow = allow);
            match wrong {
                None => assert_eq!(found, None, "{listen}"),
                Some(words) => assert!(found.unwrap_or_default().contains(words), "{listen}"),
            }
        }
    }

    #[test]
    fn a_header_counts_only_behind_a_proxy_that_proves_itself() {
        let secret = "a secret of thirty-two characters";
        for (listen, name, secret, public, wrong) in [
            ("127.0.0.1:0", "x-user", Some(secret), true, None),
            ("0.0.0.0:0", "x-user", Some(secret), true, None),
            ("127.0.0.1:0", "x-user", None, true, Some("could send `x-user`")),
            ("127.0.0.1:0", "x-user", Some("short"), true, Some("too short")),
            (
                "127.0.0.1:0",
                "x user",
                Some(secret),
                true,
                Some("no name of a header"),
            ),
            (
                "127.0.0.1:0",
                "x-user",
                Some(secret),
                false,
                Some("the address that they open"),
            ),
        ] {
            let found = refusal(listen, |config| {
                config.allow = Access::Header {
                    name: name.into(),
                    admins: vec![],
                };
                config.proxy = secret.map(|secret| Proxy::new(None, secret.into()));
                config.public_url = public.then(|| "https://chat.example/".parse().unwrap());
            });
            match wrong {
                None => assert_eq!(found, None, "{name} {secret:?}"),
                Some(words) => assert!(found.unwrap_or_default().contains(words), "{name} {secret:?}"),
            }
        }
    }

    #[test]
    fn debug_shows_neither_the_password_nor_the_proxy_s_secret() {
        let mut config = Config::new("127.0.0.1:0".parse().unwrap(), "state".into(), "native".into());
        config.allow = Access::Password("planted-password".into());
        config.proxy = Some(Proxy::new(None, "planted-secret".into()));
        assert!(!format!("{config:?}").contains("planted"));
    }
}
