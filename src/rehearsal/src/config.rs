//! What a rehearsal server is started with.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// Fast enough not to bore, slow enough to look alive.
const WORDS_PER_SECOND: u32 = 50;

/// How the server listens and what its access tokens look like; see [`crate::Server::start`].
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen. Must be a loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// How long an access token lives.
    pub access_ttl: Duration,
    /// Access tokens are JWTs with `iat`, `exp` and `sub` instead of opaque strings.
    pub jwt: bool,
    /// A key that the model takes besides the access tokens of this server.
    pub model_key: Option<SecretString>,
    /// How fast the model speaks; 0 is as fast as it goes.
    pub words_per_second: u32,
    /// How many tokens the model takes in one request, tools and all; a longer one is refused as OpenAI does.
    pub context_tokens: Option<u64>,
    /// A file in which logins outlive the server; without one everything is forgotten at its end.
    pub memory: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            access_ttl: Duration::from_mins(5),
            jwt: false,
            model_key: None,
            words_per_second: WORDS_PER_SECOND,
            context_tokens: None,
            memory: None,
        }
    }
}
