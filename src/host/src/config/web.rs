//! Where the web chat listens, and who may come from outside this machine.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};

use chat::web::{Access, PROXY_SECRET_HEADER, Proxy, SHORTEST_PASSWORD, SHORTEST_PROXY_SECRET};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::document::TablePlace;
use super::sections::WebSection;
use super::variables::{self, NOT_A_NAME};
use super::{Places, Problem, Variables};

/// Where the web chat listens unless it is told otherwise.
pub(crate) const DEFAULT_WEB_LISTEN: SocketAddr =
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 7878));

/// `[web]`, checked.
#[derive(Debug, Clone)]
pub(crate) struct WebSettings {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// Who may come in.
    pub(crate) allow: Access,
    /// The proxy in front, if it has a secret.
    pub(crate) proxy: Option<Proxy>,
    /// Files that hold a password or a secret; no agent may read them.
    pub(crate) secret_files: Vec<PathBuf>,
    /// The address that people type.
    pub(crate) public_url: Option<Url>,
    /// A line above every page.
    pub(crate) notice: Option<String>,
    /// What the empty page offers, each with what it does; the page's own offers, if there are none.
    pub(crate) trials: Vec<(String, String)>,
}

impl WebSettings {
    /// What holds where nothing is configured.
    pub(crate) fn of_this_machine() -> Self {
        Self {
            listen: DEFAULT_WEB_LISTEN,
            allow: Access::Loopback,
            proxy: None,
            secret_files: vec![],
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
    let mut missing = Vec::new();
    let reader = Reader { places, variables };
    let password = reader.secret(
        &PASSWORD,
        section.password_env.as_ref(),
        section.password_file.as_ref(),
        &mut missing,
    );
    let secret = reader.secret(
        &PROXY_SECRET,
        section.proxy_secret_env.as_ref(),
        section.proxy_secret_file.as_ref(),
        &mut missing,
    );
    faults.extend(of_proxies(&section));
    let listen = section.listen.unwrap_or(DEFAULT_WEB_LISTEN);
    if !listen.ip().is_loopback() && !section.has_password() && section.user_header.is_none() {
        faults.push(Fault(
            "listen",
            format!("{listen} can be reached from other machines, and nothing keeps strangers out"),
            "set password_env or password_file, or user_header behind a proxy that signs people in",
        ));
    }
    if let Some(place) = place {
        let told = |Fault(key, what, hint)| place.problem(Some(key), what).hint(hint);
        problems.extend(faults.into_iter().map(told));
        problems.extend(missing.into_iter().map(told).map(Problem::only_for_a_host));
    }
    let files = [section.password_file, section.proxy_secret_file];
    WebSettings {
        listen,
        allow: match (password, section.user_header) {
            (Some(password), _) => Access::Password(password),
            (None, Some(name)) => Access::Header {
                name,
                admins: section.admins.unwrap_or_default(),
            },
            (None, None) => Access::Loopback,
        },
        proxy: secret.map(|secret| Proxy::new(section.proxy_secret_header, secret)),
        secret_files: files
            .into_iter()
            .flatten()
            .map(|file| places.beside_config(&file))
            .collect(),
        public_url: section.public_url,
        ..WebSettings::of_this_machine()
    }
}

impl WebSection {
    fn has_password(&self) -> bool {
        self.password_env.is_some() || self.password_file.is_some()
    }

    fn has_proxy_secret(&self) -> bool {
        self.proxy_secret_env.is_some() || self.proxy_secret_file.is_some()
    }
}

/// What is wrong with a key, and what would be right.
struct Fault(&'static str, String, &'static str);

/// A secret that stands in a variable or in a file.
struct Kind {
    what: &'static str,
    env: &'static str,
    file: &'static str,
    shortest: usize,
}

const PASSWORD: Kind = Kind {
    what: "password",
    env: "password_env",
    file: "password_file",
    shortest: SHORTEST_PASSWORD,
};

const PROXY_SECRET: Kind = Kind {
    what: "secret",
    env: "proxy_secret_env",
    file: "proxy_secret_file",
    shortest: SHORTEST_PROXY_SECRET,
};

/// Where secrets are read. What is missing may be there for the host.
struct Reader<'a> {
    places: &'a Places,
    variables: &'a Variables,
}

impl Reader<'_> {
    fn secret(
        &self,
        kind: &Kind,
        env: Option<&String>,
        file: Option<&PathBuf>,
        missing: &mut Vec<Fault>,
    ) -> Option<SecretString> {
        let (key, found, hint) = match (env, file) {
            (None, None) => return None,
            (Some(_), Some(_)) => {
                let what = format!("there is already a {}", kind.env);
                missing.push(Fault(kind.file, what, "keep one of the two"));
                return None;
            }
            (Some(name), None) if !variables::is_name(name) => (
                kind.env,
                Err(NOT_A_NAME.to_owned()),
                "as in \"AGENT_HOST_SECRET\"; the secret itself does not belong in this file",
            ),
            (Some(name), None) => (
                kind.env,
                self.variables
                    .secret(name)
                    .ok_or_else(|| self.variables.absence(name)),
                "set it where agent-host runs",
            ),
            (None, Some(file)) => (
                kind.file,
                first_line(&self.places.beside_config(file)),
                "a file whose first line it is",
            ),
        };
        match found {
            Ok(secret) if secret.expose_secret().chars().count() >= kind.shortest => Some(secret),
            Ok(_) => {
                let what = format!(
                    "the {} is too short: at least {} characters",
                    kind.what, kind.shortest
                );
                missing.push(Fault(key, what, "`openssl rand -base64 32` makes a good one"));
                None
            }
            Err(what) => {
                missing.push(Fault(key, what, hint));
                None
            }
        }
    }
}

/// What is wrong with what stands before the page.
fn of_proxies(section: &WebSection) -> Vec<Fault> {
    let mut faults = Vec::new();
    let by_header = section.user_header.is_some();
    if by_header && !section.has_proxy_secret() {
        faults.push(Fault(
            "user_header",
            "every program on this machine, also a command of an agent, could send it".to_owned(),
            "set proxy_secret_env or proxy_secret_file, and let the proxy send that secret",
        ));
    }
    if by_header && section.public_url.is_none() {
        let what = "people come through the proxy, and their way there is not said".to_owned();
        faults.push(Fault(
            "user_header",
            what,
            "set public_url to the address that they open",
        ));
    }
    if by_header && section.has_password() {
        let hint = "keep one of the two: a proxy signs people in, or a password does";
        faults.push(Fault("user_header", "there is also a password".to_owned(), hint));
    }
    if section.admins.is_some() && !by_header {
        let what = "has no meaning without user_header".to_owned();
        faults.push(Fault(
            "admins",
            what,
            "the link of `agent-host status` makes administrators",
        ));
    }
    if section.has_proxy_secret() && !by_header && !section.has_password() {
        let key = match section.proxy_secret_env {
            Some(_) => "proxy_secret_env",
            None => "proxy_secret_file",
        };
        let what = "has no meaning without user_header or a password".to_owned();
        faults.push(Fault(key, what, "remove it"));
    }
    if section.proxy_secret_header.is_some() && !section.has_proxy_secret() {
        let what = "has no meaning without a secret".to_owned();
        faults.push(Fault(
            "proxy_secret_header",
            what,
            "set proxy_secret_env or proxy_secret_file",
        ));
    }
    for (key, header) in [
        ("user_header", &section.user_header),
        ("proxy_secret_header", &section.proxy_secret_header),
    ] {
        if let Some(header) = header.as_deref().filter(|header| !is_name(header)) {
            let what = format!("`{header}` is not the name of a header");
            faults.push(Fault(key, what, "as in \"X-Forwarded-User\""));
        }
    }
    let sent = section
        .proxy_secret_header
        .as_deref()
        .unwrap_or(PROXY_SECRET_HEADER);
    if section
        .user_header
        .as_deref()
        .is_some_and(|name| name.eq_ignore_ascii_case(sent))
    {
        let what = "is the header of the secret".to_owned();
        faults.push(Fault("user_header", what, "each needs one of its own"));
    }
    if let Some(url) = &section.public_url
        && (!matches!(url.scheme(), "http" | "https") || url.host().is_none() || url.path() != "/")
    {
        let what = format!("`{url}` is not the root of an http or https address");
        faults.push(Fault("public_url", what, "as in \"https://agents.example/\""));
    }
    if let Some(url) = &section.public_url
        && (!url.username().is_empty() || url.password().is_some())
    {
        let what = "has a name or a password in it, and would be shown to everybody".to_owned();
        faults.push(Fault("public_url", what, "as in \"https://agents.example/\""));
    }
    faults
}

fn is_name(header: &str) -> bool {
    !header.is_empty()
        && header
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
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
