//! The proxy in front: how it proves itself, and what it is believed about.
//!
//! Its address proves nothing: on one machine every program has the same one, also a command of an agent.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};
use secrecy::{ExposeSecret as _, SecretString};

use super::door;
use super::random;

/// Where the proxy sends its secret unless it is told otherwise.
pub const PROXY_SECRET_HEADER: &str = "x-proxy-secret";

/// Shorter ones are guessed; nobody has to remember it.
pub const SHORTEST_PROXY_SECRET: usize = 32;

/// To it a proxy adds the address that it was asked from.
const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A proxy that proves itself by a secret in a header.
#[derive(Debug, Clone)]
pub struct Proxy {
    header: String,
    secret: SecretString,
}

impl Proxy {
    /// A proxy that sends this secret in this header, or in [`PROXY_SECRET_HEADER`].
    pub fn new(header: Option<String>, secret: SecretString) -> Self {
        Self {
            header: header.unwrap_or_else(|| PROXY_SECRET_HEADER.to_owned()),
            secret,
        }
    }

    /// Why it would be unsafe or can't work, in words.
    pub(crate) fn refusal(&self) -> Option<String> {
        if HeaderName::try_from(&self.header).is_err() {
            return Some(format!("`{}` is no name of a header", self.header));
        }
        (self.secret.expose_secret().chars().count() < SHORTEST_PROXY_SECRET)
            .then(|| format!("the proxy's secret is too short: at least {SHORTEST_PROXY_SECRET} characters"))
    }

    /// Whether a request comes through it.
    pub(crate) fn sent(&self, headers: &HeaderMap) -> bool {
        HeaderName::try_from(&self.header).is_ok_and(|name| {
            door::one(headers, &name).is_some_and(|secret| random::same(secret, self.secret.expose_secret()))
        })
    }
}

/// Who asks: the client that a proven proxy names, else whoever is connected to us.
pub(crate) fn client(proxy: Option<&Proxy>, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
    let proven = proxy.filter(|proxy| proxy.sent(headers));
    proven
        .and_then(|_| forwarded(headers))
        .unwrap_or(peer)
        .to_canonical()
}

/// The last address: the proxy put it there itself. What stands before it anybody may have sent.
fn forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all(FORWARDED).iter().next_back()?.to_str().ok()?;
    let last = last.rsplit(',').next()?.trim();
    let address = last.parse::<IpAddr>().ok();
    // Some add the port.
    address.or_else(|| last.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "a secret of thirty-two characters";

    fn asks(headers: &[(&str, &str)]) -> (bool, String) {
        let proxy = Proxy::new(None, SECRET.into());
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        let peer = "127.0.0.1".parse().unwrap();
        (proxy.sent(&map), client(Some(&proxy), &map, peer).to_string())
    }

    #[test]
    fn only_who_knows_the_secret_is_believed_about_where_a_request_comes_from() {
        let (secret, wrong) = (("x-proxy-secret", SECRET), ("x-proxy-secret", "another"));
        let from = |list| ("x-forwarded-for", list);
        for (headers, proven, client) in [
            (&[secret, from("192.0.2.7")][..], true, "192.0.2.7"),
            (&[secret, from("10.1.1.1, 192.0.2.7")], true, "192.0.2.7"),
            (&[secret, from("10.1.1.1"), from("192.0.2.7")], true, "192.0.2.7"),
            (&[secret, from("192.0.2.7:4711")], true, "192.0.2.7"),
            (&[secret, from("2001:db8::1")], true, "2001:db8::1"),
            (&[secret, from("[2001:db8::1]:80")], true, "2001:db8::1"),
            (&[secret, from("::ffff:192.0.2.7")], true, "192.0.2.7"),
            (&[secret, from("nobody")], true, "127.0.0.1"),
            (&[secret], true, "127.0.0.1"),
            (&[from("192.0.2.7")], false, "127.0.0.1"),
            (&[wrong, from("192.0.2.7")], false, "127.0.0.1"),
            (&[wrong, secret, from("192.0.2.7")], false, "127.0.0.1"),
            (&[secret, secret, from("192.0.2.7")], false, "127.0.0.1"),
        ] {
            assert_eq!(asks(headers), (proven, client.to_owned()), "{headers:?}");
        }
    }
}
