//! Which redirect addresses may be registered, and which given ones match a registered one.

use url::{Host, Url};

/// Whether a client may register this address: https, or http on a loopback host, without fragment and user name.
pub(super) fn may_be_registered(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else {
        return false;
    };
    let clean = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    let sheltered = match url.scheme() {
        "https" => url.host().is_some(),
        "http" => is_loopback(&url),
        _ => false,
    };
    clean && sheltered
}

/// Whether `given` is the registered address. Exact text, except that with `AnyPort` the port of a loopback address
/// is free (RFC 8252 §7.3); the host's spelling, the path and the query never are.
pub(super) fn matches(registered: &str, given: &str, port: Port) -> bool {
    if registered == given {
        return true;
    }
    let (Ok(registered), Ok(given_url)) = (Url::parse(registered), Url::parse(given)) else {
        return false;
    };
    port == Port::Any
        && may_be_registered(given)
        && registered.scheme() == "http"
        && given_url.scheme() == "http"
        && is_loopback(&registered)
        && registered.host() == given_url.host()
        && registered.path() == given_url.path()
        && registered.query() == given_url.query()
}

/// Whether the port of a loopback redirect may differ from the registered one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Port {
    Any,
    Registered,
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Port, matches, may_be_registered};

    #[test]
    fn only_https_and_loopback_http_may_be_registered() {
        for address in [
            "https://app.example/callback",
            "http://127.0.0.1/callback",
            "http://[::1]:8080/callback",
            "http://localhost:1455/auth/callback",
        ] {
            assert!(may_be_registered(address), "{address}");
        }
        for address in [
            "http://app.example/callback",
            "https://app.example/callback#part",
            "https://user@app.example/callback",
            "http://localhost.evil.example/",
            "javascript:alert(1)",
            "app.example:/callback",
            "/callback",
        ] {
            assert!(!may_be_registered(address), "{address}");
        }
    }

    #[test]
    fn only_the_port_of_a_loopback_redirect_is_free() {
        let registered = "http://127.0.0.1/callback";
        assert!(matches(registered, "http://127.0.0.1:40001/callback", Port::Any));
        for given in [
            "http://localhost:40001/callback",
            "http://127.0.0.1:40001/other",
            "http://127.0.0.1:40001/callback?x=1",
            "http://127.0.0.1:40001/callback#x",
            "http://user@127.0.0.1:40001/callback",
            "https://127.0.0.1:40001/callback",
        ] {
            assert!(!matches(registered, given, Port::Any), "{given}");
        }
        assert!(!matches(
            registered,
            "http://127.0.0.1:40001/callback",
            Port::Registered
        ));
        assert!(!matches(
            "https://a.example/c",
            "https://a.example:444/c",
            Port::Any
        ));
    }
}
