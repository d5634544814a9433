//! The running server: bound, served, stopped when asked or dropped.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use credentials::Credentials;
use supervisor::Supervisor;
use thiserror::Error;
use tokio::task::JoinSet;
use url::Url;

use super::config::Config;
use super::door::Door;
use super::lists::Lists;
use super::people::People;
use super::private_file::FileError;
use super::seen::Seen;
use super::shared::{Parts, Web};
use super::uploads::{self, Uploads};
use super::{
    always, choices, command, connections, enter, events, files, gate, leave, lists, older, pages, said,
    sign_in, threads,
};

/// How long [`Server::shutdown`] waits for answers that are on their way.
const PATIENCE: Duration = Duration::from_secs(3);

/// Beside the files: the frame of a form.
const FORM_FRAME: u64 = 1024 * 1024;

/// Why the web chat did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// It would let in whoever can reach the address, or nobody.
    #[error("will not listen on {address}: {why}")]
    Unsafe {
        /// The address that was asked for.
        address: SocketAddr,
        /// What is wrong.
        why: String,
    },
    /// Another program has the address.
    #[error("could not listen on {address}: another program listens there")]
    Busy {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The address could not be bound.
    #[error("could not listen on {address}")]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// What is kept could not be read, or not be made.
    #[error(transparent)]
    State(#[from] FileError),
}

impl StartError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unsafe { .. } => {
                "listen on 127.0.0.1 (a tunnel or a proxy can lead there), or configure a password of 12 characters, or a proxy that signs people in: its header, its secret, and the address that people open".into()
            }
            Self::Busy { address } => format!(
                "if agent-host runs already, `agent-host status` shows it; else choose another port (`--listen 127.0.0.1:0` takes any that is free), or see who has it: `ss -ltnp 'sport = :{}'`",
                address.port()
            ),
            Self::Bind { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "ports below 1024 need a privilege; choose a higher one".into()
            }
            Self::Bind { .. } => "choose an address of this machine".into(),
            Self::State(FileError::Content { path, .. }) => {
                format!(
                    "move `{}` away; every browser then needs a new link, and only the administrator keeps their threads",
                    path.display()
                )
            }
            Self::State(_) => "`agent-host doctor` tells what is wrong with the state folder".into(),
        }
    }
}

/// A running web chat. Dropped, it takes no new connections and ends its streams.
pub struct Server {
    web: Arc<Web>,
    address: SocketAddr,
    tasks: JoinSet<()>,
}

/// Makes links into a web chat. Clones share everything, and may outlive the server; their links then lead nowhere.
#[derive(Clone)]
pub struct Links {
    web: Arc<Web>,
    base: Url,
}

impl Server {
    /// Whether a server could start with what is kept in this state folder, which may be nothing. Makes nothing. Blocking.
    ///
    /// Errors: `State`.
    pub fn check_state(folder: &Path) -> Result<(), StartError> {
        Ok(People::check(folder)?)
    }

    /// Binds and begins to serve on the current tokio runtime. `credentials` are those that workers use.
    pub async fn start(
        config: Config,
        supervisor: Supervisor,
        credentials: Credentials,
    ) -> Result<Self, StartError> {
        let asked = config.listen;
        if let Some(why) = config.refusal() {
            return Err(StartError::Unsafe { address: asked, why });
        }
        let (address, listener) = connections::listen(asked).map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => StartError::Busy { address: asked },
            _ => StartError::Bind {
                address: asked,
                source,
            },
        })?;
        let (folder, limit) = (config.state_folder.clone(), config.upload_limit);
        let opened = tokio::task::spawn_blocking(move || {
            Ok((
                People::open(&folder)?,
                Uploads::open(&folder, limit)?,
                Seen::open(&folder),
            ))
        });
        let (people, uploads, seen) = opened.await.unwrap_or_else(|error| {
            Err(FileError::io("open", &config.state_folder)(io::Error::other(
                error,
            )))
        })?;
        let door = Door::new(address.ip(), config.public_url.as_ref());
        let web = Arc::new(Web::new(Parts {
            config,
            supervisor,
            credentials,
            door,
            people,
            uploads,
            seen,
        }));
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&web).keep());
        tasks.spawn(Lists::run(Arc::clone(&web)));
        web.wait_for_begun_devices().await;
        tasks.spawn(connections::serve(listener, router(&web), Arc::clone(&web)));
        tracing::info!(%address, "the web chat listens");
        Ok(Self { web, address, tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    #[cfg(test)]
    pub(super) fn web(&self) -> &Arc<Web> {
        &self.web
    }

    /// Makes such links as long as the server runs.
    pub fn links(&self) -> Links {
        Links {
            web: Arc::clone(&self.web),
            base: base(self.web.config.public_url.as_ref(), self.address),
        }
    }

    /// Serves until the server fails or the future is dropped.
    pub async fn run(mut self) {
        self.tasks.join_next().await;
    }

    /// [`shutdown`](Self::shutdown) waits at most so long for open connections.
    pub const LONGEST_SHUTDOWN: Duration = PATIENCE;

    /// Stops: streams of events end first (the pages connect anew by themselves), answers that are on their way are sent,
    /// and whoever is not done after three seconds is left.
    pub async fn shutdown(mut self) {
        self.web.stop.send_replace(true);
        let web = Arc::clone(&self.web);
        let ended = async {
            while self.tasks.join_next().await.is_some() {}
            // What browsers broke off is done all the same.
            web.all_done().await;
        };
        if tokio::time::timeout(PATIENCE, ended).await.is_err() {
            tracing::debug!("the web chat left a connection behind");
        }
        self.tasks.shutdown().await;
        self.web.seen.save().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.web.stop.send_replace(true);
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Links {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Links")
            .field("base", &self.base.as_str())
            .finish_non_exhaustive()
    }
}

impl Links {
    /// A new link that lets one browser in, once, within ten minutes, as the administrator; `None` where a proxy signs
    /// people in.
    pub fn new_link(&self) -> Option<Url> {
        if self.web.is_by_header() {
            return None;
        }
        let mut url = self.base.clone();
        url.set_path(enter::PATH);
        url.query_pairs_mut()
            .append_pair("key", &self.web.people.new_admin_key());
        Some(url)
    }

    /// Where people reach the web chat who are in already.
    pub fn base(&self) -> &Url {
        &self.base
    }
}

/// Where people reach a server that listens there.
fn base(public: Option<&Url>, address: SocketAddr) -> Url {
    if let Some(public) = public {
        return public.clone();
    }
    let ip = match address.ip() {
        // Any address of this machine; this one a browser here can open.
        ip if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        ip => ip,
    };
    let address = SocketAddr::new(ip, address.port());
    Url::parse(&format!("http://{address}/")).expect("a socket address makes a valid http address")
}

fn router(web: &Arc<Web>) -> Router {
    let limit = web
        .uploads
        .limit
        .saturating_mul(uploads::PATIENCE)
        .saturating_add(FORM_FRAME);
    let mut router = Router::new()
        .route("/", get(pages::home))
        .route("/t/{id}", get(pages::thread))
        .route("/t/{id}/files/{*path}", get(files::file))
        .route("/credentials", get(pages::credentials))
        .route("/workers", get(pages::workers))
        .route("/assets/{name}", get(pages::asset))
        .route("/events", get(events::events))
        .route(enter::PATH, get(enter::look).post(enter::enter))
        .route(leave::PATH, post(leave::leave))
        .route("/api/threads", get(lists::quiet).post(threads::open))
        .route("/api/t/{id}/messages", post(threads::post))
        .route("/api/t/{id}/stop", post(threads::stop))
        .route("/api/t/{id}/retry", post(threads::retry))
        .route("/api/t/{id}/drop", post(threads::drop_queued))
        .route("/api/t/{id}/decide", post(threads::decide))
        .route("/api/t/{id}/settings", post(threads::settings))
        .route("/api/t/{id}/reset", post(threads::reset))
        .route("/api/t/{id}/always", get(always::list))
        .route("/api/t/{id}/choices", get(choices::list))
        .route("/api/t/{id}/forbid", post(always::forbid))
        .route("/api/t/{id}/older", get(older::older))
        .route("/api/t/{id}/items/{item}", get(older::item))
        .route("/api/t/{id}/seen", post(lists::seen))
        .route("/api/t/{id}/command", post(command::in_thread))
        .route("/api/command", post(command::anywhere))
        .route("/api/uploads/forget", post(uploads::forget))
        .route("/api/name", post(pages::rename))
        .route("/api/invite", post(pages::invite))
        .route("/api/workers", get(pages::workers_part))
        .route("/api/credentials", get(pages::credentials_part))
        .route("/api/auth/begin", post(sign_in::begin))
        .route("/api/auth/complete", post(sign_in::complete))
        .route("/api/auth/logout", post(sign_in::logout))
        .layer(DefaultBodyLimit::max(said::MAX_BODY));
    for path in sign_in::PATHS {
        router = router.route(path, get(sign_in::back));
    }
    let uploads = post(uploads::receive).layer(DefaultBodyLimit::max(
        usize::try_from(limit).unwrap_or(usize::MAX),
    ));
    router
        .route("/api/uploads", uploads)
        .fallback(pages::nothing)
        .layer(from_fn_with_state(Arc::clone(web), gate::gate))
        .with_state(Arc::clone(web))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_where_a_browser_can_go() {
        for (listen, public, url) in [
            ("127.0.0.1:7878", None, "http://127.0.0.1:7878/"),
            ("0.0.0.0:80", None, "http://127.0.0.1/"),
            ("[::]:81", None, "http://127.0.0.1:81/"),
            ("[::1]:81", None, "http://[::1]:81/"),
            (
                "0.0.0.0:80",
                Some("https://chat.example/"),
                "https://chat.example/",
            ),
        ] {
            let public = public.map(|url| url.parse().unwrap());
            assert_eq!(base(public.as_ref(), listen.parse().unwrap()).as_str(), url);
        }
    }
}
