//! Where the web chat listens, and who may come from outside this machine.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};
use std::path::Path;

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
    let mut faults = Vec::new();
    let password = password(&section, places, variables, &mut faults);
    faults.extend(of_proxies(&section));
    let listen = section.listen.unwrap_or(DEFAULT_WEB_LISTEN);
    let is_open =
        section.password_env.is_none() && section.password_file.is_none() && section.user_header.is_none();
    if !listen.ip().is_loopback() && is_open {
        faults.push(Fault(
            "listen",
            format!("{listen} can be reached from other machines, and nothing keeps strangers out"),
            "set password_env or password_file, or user_header behind a proxy that signs people in",
        ));
    }
    if let Some(place) = place {
        let told = faults
            .into_iter()
            .map(|Fault(key, what, hint)| place.problem(Some(key), what).hint(hint));
        problems.extend(told);
    }
    WebSettings {
        listen,
        password,
        user_header: section.user_header,
        trusted_proxies: section
            .trusted_proxies
            .unwrap_or_else(|| vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]),
        public_url: section.public_url,
        ..WebSettings::of_this_machine()
    }
}

/// What is wrong with a key, and what would be right.
struct Fault(&'static str, String, &'static str);

fn password(
    section: &WebSection,
    places: &Places,
    variables: &Variables,
    faults: &mut Vec<Fault>,
) -> Option<SecretString> {
    let (key, found, hint) = match (&section.password_env, &section.password_file) {
        (None, None) => return None,
        (Some(_), Some(_)) => {
            let what = "there is already a password_env".to_owned();
            faults.push(Fault("password_file", what, "keep one of the two"));
            return None;
        }
        (Some(name), None) => (
            "password_env",
            variables
                .secret(name)
                .ok_or_else(|| format!("{name} is not set in the environment")),
            "set it where agent-host runs",
        ),
        (None, Some(file)) => (
            "password_file",
            first_line(&places.beside_config(file)),
            "a file with one line, the password",
        ),
    };
    match found {
        Ok(password) if password.expose_secret().chars().count() >= SHORTEST_PASSWORD => Some(password),
        Ok(_) => {
            let what = format!("the password is too short: at least {SHORTEST_PASSWORD} characters");
            faults.push(Fault(key, what, "`openssl rand -base64 24` makes a good one"));
            None
        }
        Err(what) => {
            faults.push(Fault(key, what, hint));
            None
        }
    }
}

/// What is wrong with what stands before the page.
fn of_proxies(section: &WebSection) -> Vec<Fault> {
    let mut faults = Vec::new();
    match (&section.trusted_proxies, &section.user_header) {
        (Some(_), None) => faults.push(Fault(
            "trusted_proxies",
            "has no meaning without user_header".to_owned(),
            "remove it",
        )),
        (Some(proxies), Some(_)) if proxies.is_empty() => faults.push(Fault(
            "trusted_proxies",
            "names nobody".to_owned(),
            "the addresses that the proxy connects from",
        )),
        _ => {}
    }
    if section.user_header.is_some() && (section.password_env.is_some() || section.password_file.is_some()) {
        let hint = "keep one of the two: a proxy signs people in, or a password does";
        faults.push(Fault("user_header", "there is also a password".to_owned(), hint));
    }
    let is_name = |header: &str| {
        header
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if let Some(header) = section.user_header.as_deref().filter(|header| !is_name(header)) {
        let what = format!("`{header}` is not the name of a header");
        faults.push(Fault("user_header", what, "as in \"X-Forwarded-User\""));
    }
    if let Some(url) = &section.public_url
        && (!matches!(url.scheme(), "http" | "https") || url.host().is_none() || url.path() != "/")
    {
        let what = format!("`{url}` is not the root of an http or https address");
        faults.push(Fault("public_url", what, "as in \"https://agents.example/\""));
    }
    faults
}

/// The first line of a file, a secret.
pub(super) fn first_line(path: &Path) -> Result<SecretString, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("could not read `{}`: {error}", path.display()))?;
    match text.lines().next().map(str::trim) {
        Some(line) if !line.is_empty() => Ok(SecretString::from(line.to_owned())),
        _ => Err(format!("`{}` is empty", path.display())),
    }
}
