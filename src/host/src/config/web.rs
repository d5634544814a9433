//! Where the web chat listens, and who may come from outside this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::document::TablePlace;
use super::sections::WebSection;
use super::{Places, Problem, Variables};

/// Where the web chat listens unless it is told otherwise.
pub(crate) const DEFAULT_WEB_LISTEN: SocketAddr =
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 7878));

/// `[web]`, checked.
#[derive(Debug, Clone)]
pub(crate) struct WebSettings {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// What people from anywhere must type.
    pub(crate) password: Option<SecretString>,
    /// Header in which a trusted proxy names the user.
    pub(crate) user_header: Option<String>,
    /// Proxies whose header is believed; this machine's own, if none is named.
    pub(crate) trusted_proxies: Vec<IpAddr>,
    /// The address that people type.
    pub(crate) public_url: Option<Url>,
    /// A line above every page.
    pub(crate) notice: Option<String>,
    /// What the empty page offers, each with what it does; the page's own offers, if there are none.
    pub(crate) trials: Vec<(String, String)>,
}

/// Shorter passwords are guessed.
const SHORTEST_PASSWORD: usize = 12;

impl WebSettings {
    /// What holds where nothing is configured.
    pub(crate) fn of_this_machine() -> Self {
        Self {
            listen: DEFAULT_WEB_LISTEN,
            password: None,
            user_header: None,
            trusted_proxies: vec![],
            public_url: None,
            notice: None,
            trials: vec![],
        }
    }
}

/// Checks the section.
pub(super) fn settings(
    section: WebSection,
    place: Option<&TablePlace>,
    places: &Places,
    variables: &Variables,
    problems: &mut Vec<Problem>,
) -> WebSettings {
    let listen = section.listen.unwrap_or(DEFAULT_WEB_LISTEN);
    let mut tell = |key: &str, what: String, hint: &str| {
        if let Some(place) = place {
            problems.push(place.problem(Some(key), what).hint(hint));
        }
    };
    let mut password = None;
    if let Some(name) = &section.password_env {
        password = variables.secret(name);
        if password.is_none() {
            tell(
                "password_env",
                format!("{name} is not set in the environment"),
                "set it where agent-host runs",
            );
        }
    }
    if let (Some(_), Some(_)) = (&section.password_env, &section.password_file) {
        tell(
            "password_file",
            "there is already a password_env".to_owned(),
            "keep one of the two",
        );
    } else if let Some(file) = &section.password_file {
        match read_password(&places.beside_config(file)) {
            Ok(text) => password = Some(text),
            Err(what) => tell("password_file", what, "a file with one line, the password"),
        }
    }
    if password
        .as_ref()
        .is_some_and(|password| password.expose_secret().chars().count() < SHORTEST_PASSWORD)
    {
        let key = if section.password_env.is_some() {
            "password_env"
        } else {
            "password_file"
        };
        tell(
            key,
            format!("the password is too short: at least {SHORTEST_PASSWORD} characters"),
            "`openssl rand -base64 24` makes a good one",
        );
    }
    if section.trusted_proxies.is_some() && section.user_header.is_none() {
        tell(
            "trusted_proxies",
            "has no meaning without user_header".to_owned(),
            "remove it",
        );
    }
    if section.trusted_proxies.as_ref().is_some_and(Vec::is_empty) {
        tell(
            "trusted_proxies",
            "names nobody".to_owned(),
            "the addresses that the proxy connects from",
        );
    }
    if let Some(url) = &section.public_url
        && (!matches!(url.scheme(), "http" | "https") || url.host().is_none() || url.path() != "/")
    {
        tell(
            "public_url",
            format!("`{url}` is not the root of an http or https address"),
            "as in \"https://agents.example/\"",
        );
    }
    let open = password.is_some() || section.user_header.is_some();
    if !listen.ip().is_loopback()
        && !open
        && section.password_env.is_none()
        && section.password_file.is_none()
    {
        tell(
            "listen",
            format!("{listen} can be reached from other machines, and nothing keeps strangers out"),
            "set password_env or password_file, or user_header behind a proxy that signs people in",
        );
    }
    if section.user_header.is_some() && (section.password_env.is_some() || section.password_file.is_some()) {
        tell(
            "user_header",
            "there is also a password".to_owned(),
            "keep one of the two: a proxy signs people in, or a password does",
        );
    }
    if let Some(header) = &section.user_header
        && !header
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    {
        tell(
            "user_header",
            format!("`{header}` is not the name of a header"),
            "as in \"X-Forwarded-User\"",
        );
    }
    WebSettings {
        listen,
        password,
        user_header: section.user_header,
        trusted_proxies: section
            .trusted_proxies
            .unwrap_or_else(|| vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]),
        public_url: section.public_url,
        notice: None,
        trials: vec![],
    }
}

/// The first line of a file.
fn read_password(path: &PathBuf) -> Result<SecretString, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("could not read `{}`: {error}", path.display()))?;
    match text.lines().next().map(str::trim) {
        Some(line) if !line.is_empty() => Ok(SecretString::from(line.to_owned())),
        _ => Err(format!("`{}` is empty", path.display())),
    }
}
