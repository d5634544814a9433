//! What the web chat is told by the program that starts it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use conversation::Dispatch;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

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

/// Shorter ones are guessed.
pub(crate) const SHORTEST_PASSWORD: usize = 12;

/// What the web chat is told.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Who may come in.
    pub allow: Access,
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
}

/// Who may come in. A link with a one-time key always lets one browser in.
#[derive(Debug, Clone)]
pub enum Access {
    /// Only who has a link; the address must be a loopback one.
    Loopback,
    /// Also who knows this password; each browser that does becomes a person of its own.
    Password(SecretString),
    /// A proxy in front has checked who it is, and says so in a header that it lets nobody else set.
    TrustedHeader {
        /// The header's name.
        name: String,
        /// Addresses that the proxy connects from; from all others the header means nothing.
        from: Vec<IpAddr>,
    },
}

impl Config {
    /// A web chat for this machine alone, with everything as it is where nobody says otherwise.
    pub fn new(listen: SocketAddr, state_folder: PathBuf, default_agent: String) -> Self {
        Self {
            listen,
            allow: Access::Loopback,
            state_folder,
            upload_limit: UPLOAD_LIMIT,
            public_url: None,
            notice: None,
            trials: TRIALS.map(|(text, what)| (text.into(), what.into())).into(),
            default_agent,
            dispatch: Dispatch::default(),
        }
    }

    /// Why this would be unsafe or can't work, in words; the first thing that is wrong.
    pub(crate) fn refusal(&self) -> Option<String> {
        match &self.allow {
            Access::Loopback if !self.listen.ip().is_loopback() => Some(
                "other machines could reach this address, and neither a password nor a trusted proxy's header is configured"
                    .into(),
            ),
            Access::Password(password) if password.expose_secret().chars().count() < SHORTEST_PASSWORD => Some(
                format!("the password is too short: at least {SHORTEST_PASSWORD} characters"),
            ),
            Access::TrustedHeader { name, .. } if axum::http::HeaderName::try_from(name).is_err() => {
                Some(format!("`{name}` is no name of a header"))
            }
            Access::TrustedHeader { from, .. } if from.is_empty() => {
                Some("a trusted header needs the addresses that the proxy connects from".into())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(listen: &str, allow: Access) -> Option<String> {
        let mut config = Config::new(listen.parse().unwrap(), "state".into(), "native".into());
        config.allow = allow;
        config.refusal()
    }

    #[test]
    fn other_machines_are_let_in_only_with_a_check() {
        let header = |from: &[&str]| Access::TrustedHeader {
            name: "x-user".into(),
            from: from.iter().map(|text| text.parse().unwrap()).collect(),
        };
        let good = || Access::Password("long enough for this".into());
        for (listen, allow, wrong) in [
            ("127.0.0.1:0", Access::Loopback, None),
            ("[::1]:0", Access::Loopback, None),
            ("0.0.0.0:0", Access::Loopback, Some("neither a password")),
            ("192.0.2.1:80", Access::Loopback, Some("neither a password")),
            ("[::]:80", Access::Loopback, Some("neither a password")),
            ("0.0.0.0:0", good(), None),
            ("0.0.0.0:0", Access::Password("short".into()), Some("too short")),
            ("0.0.0.0:0", Access::Password("".into()), Some("too short")),
            ("0.0.0.0:0", header(&["10.0.0.1"]), None),
            ("0.0.0.0:0", header(&[]), Some("addresses that the proxy")),
        ] {
            let found = refusal(listen, allow);
            match wrong {
                None => assert_eq!(found, None, "{listen}"),
                Some(words) => assert!(found.unwrap_or_default().contains(words), "{listen}"),
            }
        }
    }

    #[test]
    fn debug_does_not_show_the_password() {
        let mut config = Config::new("127.0.0.1:0".parse().unwrap(), "state".into(), "native".into());
        config.allow = Access::Password("planted-password".into());
        assert!(!format!("{config:?}").contains("planted"));
    }
}
