//! Which requests come from our own pages: decided from the method and the headers alone.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, Method, header};
use url::{Host, Url};

/// What a browser says about who made a request (Fetch Metadata).
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
pub(crate) const FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// What is wrong with where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It names a host that is not us: somebody's name that leads here (DNS rebinding), or a name nobody configured.
    Host,
    /// Another site's page made it.
    Origin,
}

/// The names that are ours.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    public: Option<Url>,
    /// Whether only this machine can reach us.
    loopback: bool,
}

impl Door {
    pub(crate) fn new(listen: IpAddr, public: Option<&Url>) -> Self {
        Self {
            public: public.cloned(),
            loopback: listen.is_loopback(),
        }
    }

    /// What is wrong with this request, if anything.
    pub(crate) fn judge(&self, method: &Method, headers: &HeaderMap) -> Option<Wrong> {
        let Some(host) = one(headers, &header::HOST).filter(|host| self.is_ours(host)) else {
            return Some(Wrong::Host);
        };
        let site = one(headers, &FETCH_SITE);
        if is_safe(method) {
            // Links from anywhere may lead to a page; nothing else of another site's has business here.
            let foreign = matches!(site, Some("cross-site" | "same-site"));
            let opens_a_page = one(headers, &FETCH_MODE) == Some("navigate")
                && one(headers, &FETCH_DEST) == Some("document");
            return (foreign && !opens_a_page).then_some(Wrong::Origin);
        }
        if site.is_some_and(|site| site != "same-origin") {
            return Some(Wrong::Origin);
        }
        let fits = match one(headers, &header::ORIGIN) {
            Some(origin) => self.is_our_origin(origin, host),
            // No browser leaves it out of a POST; a program needs a cookie and the token as well.
            None => !headers.contains_key(header::ORIGIN),
        };
        (!fits).then_some(Wrong::Origin)
    }

    /// Whether a `Host` is one of ours. A name that anybody could point here is not, unless it is configured; an address
    /// can't be pointed anywhere else.
    fn is_ours(&self, host: &str) -> bool {
        let Ok(url) = Url::parse(&format!("http://{host}")) else {
            return false;
        };
        // Nothing but a host and a port.
        if url.path() != "/"
            || url.query().is_some()
            || url.fragment().is_some()
            || !url.username().is_empty()
        {
            return false;
        }
        if self
            .public
            .as_ref()
            .is_some_and(|public| public.host() == url.host())
        {
            return true;
        }
        match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback() || !self.loopback,
            Some(Host::Ipv6(address)) => address.is_loopback() || !self.loopback,
            None => false,
        }
    }

    fn is_our_origin(&self, origin: &str, host: &str) -> bool {
        let public = self
            .public
            .as_ref()
            .map(|public| public.origin().ascii_serialization());
        public.as_deref() == Some(origin)
            || Url::parse(&format!("http://{host}"))
                .is_ok_and(|url| url.origin().ascii_serialization() == origin)
    }
}

/// Whether a method only looks.
pub(crate) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// A header that is there once, as text.
pub(crate) fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?.to_str().ok()?;
    all.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(listen: &str, public: Option<&str>, method: &Method, headers: &[(&str, &str)]) -> Option<Wrong> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        let public = public.map(|url| url.parse().unwrap());
        Door::new(listen.parse().unwrap(), public.as_ref()).judge(method, &map)
    }

    #[test]
    fn only_our_own_names_are_answered() {
        let public = Some("https://chat.example:8443/");
        for (listen, public, host, ours) in [
            ("127.0.0.1", None, "127.0.0.1:7878", true),
            ("127.0.0.1", None, "localhost:9000", true),
            ("127.0.0.1", None, "LOCALHOST", true),
            ("127.0.0.1", None, "[::1]:1", true),
            ("127.0.0.1", None, "evil.example", false),
            ("127.0.0.1", None, "evil.example:7878", false),
            ("127.0.0.1", None, "127.0.0.1.evil.example", false),
            ("127.0.0.1", None, "localhost.evil.example", false),
            ("127.0.0.1", None, "192.0.2.1", false),
            ("127.0.0.1", None, "evil@localhost", false),
            ("127.0.0.1", None, "localhost/x", false),
            ("127.0.0.1", None, "localhost?x", false),
            ("127.0.0.1", None, "", false),
            ("0.0.0.0", None, "192.0.2.1:80", true),
            ("0.0.0.0", None, "[2001:db8::1]", true),
            ("0.0.0.0", None, "evil.example", false),
            ("127.0.0.1", public, "chat.example:8443", true),
            ("127.0.0.1", public, "chat.example", true),
            ("127.0.0.1", public, "other.example", false),
        ] {
            let wrong = judge(listen, public, &Method::GET, &[("host", host)]);
            assert_eq!(wrong.is_none(), ours, "{listen} {host}");
        }
        assert_eq!(judge("127.0.0.1", None, &Method::GET, &[]), Some(Wrong::Host));
        let two = [("host", "localhost"), ("host", "evil.example")];
        assert_eq!(judge("127.0.0.1", None, &Method::GET, &two), Some(Wrong::Host));
    }

    #[test]
    fn a_post_comes_from_our_own_pages_only() {
        for (headers, fine) in [
            (&[("origin", "http://127.0.0.1:7878")][..], true),
            (
                &[
                    ("origin", "http://127.0.0.1:7878"),
                    ("sec-fetch-site", "same-origin"),
                ],
                true,
            ),
            (&[], true),
            (&[("origin", "http://127.0.0.1:7879")], false),
            (&[("origin", "https://127.0.0.1:7878")], false),
            (&[("origin", "http://localhost:7878")], false),
            (&[("origin", "null")], false),
            (&[("origin", "")], false),
            (&[("origin", "http://evil.example")], false),
            (
                &[
                    ("origin", "http://127.0.0.1:7878"),
                    ("origin", "http://evil.example"),
                ],
                false,
            ),
            (
                &[
                    ("origin", "http://127.0.0.1:7878"),
                    ("sec-fetch-site", "cross-site"),
                ],
                false,
            ),
            (
                &[
                    ("origin", "http://127.0.0.1:7878"),
                    ("sec-fetch-site", "same-site"),
                ],
                false,
            ),
            (&[("sec-fetch-site", "none")], false),
        ] {
            let all = [&[("host", "127.0.0.1:7878")], headers].concat();
            let wrong = judge("127.0.0.1", None, &Method::POST, &all);
            assert_eq!(wrong, (!fine).then_some(Wrong::Origin), "{headers:?}");
        }
    }

    #[test]
    fn behind_a_proxy_the_public_origin_is_ours_too() {
        let public = Some("https://chat.example");
        for (host, origin, fine) in [
            ("chat.example", "https://chat.example", true),
            ("127.0.0.1:7878", "https://chat.example", true),
            ("chat.example", "https://chat.example:444", false),
            ("chat.example", "https://evil.example", false),
        ] {
            let headers = [("host", host), ("origin", origin)];
            assert_eq!(
                judge("127.0.0.1", public, &Method::POST, &headers).is_none(),
                fine,
                "{host} {origin}"
            );
        }
    }

    #[test]
    fn another_site_may_link_to_a_page_and_load_nothing() {
        for (site, mode, dest, fine) in [
            ("cross-site", "navigate", "document", true),
            ("none", "navigate", "document", true),
            ("same-origin", "cors", "empty", true),
            ("cross-site", "navigate", "iframe", false),
            ("cross-site", "no-cors", "image", false),
            ("cross-site", "cors", "empty", false),
            ("same-site", "no-cors", "script", false),
        ] {
            let headers = [
                ("host", "localhost"),
                ("sec-fetch-site", site),
                ("sec-fetch-mode", mode),
                ("sec-fetch-dest", dest),
            ];
            let wrong = judge("127.0.0.1", None, &Method::GET, &headers);
            assert_eq!(wrong.is_none(), fine, "{site} {mode} {dest}");
        }
    }
}
