//! Connections: how many there may be, for how long they may say nothing, and which of them gives way.
//!
//! Every program of this machine can open connections, also the commands of an agent, and who sends them is known only once
//! a request has come. So there are two rooms. Whoever has not shown yet that they are in waits in a small one, where
//! the oldest gives way to the newest: a browser shows its cookie at once, one who only takes up room does not. The
//! large one is for people, and fair among them.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd as _, RawFd};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use credentials::UserId;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use nix::sys::resource::{Resource, getrlimit};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use super::people::Person;
use super::places::{Place, Places};
use super::shared::Web;

/// Connections of people: each of their streams has one, and a browser a few more.
const MOST_OF_PEOPLE: usize = 8192;

/// Connections of one person.
const MOST_OF_ONE: usize = 512;

/// Connections of nobody that is known.
const MOST_OF_STRANGERS: usize = 512;

/// The longest head of a request in bytes. Browsers send the cookies of all ports of this address.
const LONGEST_HEAD: usize = 64 * 1024;

/// Connections that the kernel keeps for us until they are taken. Of more than that it takes the first packets for lost,
/// and whoever wants to come in, people too, tries again after a second, then three, then seven. As many as Linux allows by
/// default: each is taken in well under a millisecond.
const WAITING: u32 = 4096;

/// After a connection could not be taken, unless one ends sooner.
const REST: Duration = Duration::from_millis(100);

/// Who has which connections.
pub(crate) struct Connections {
    strangers: Arc<Places<IpAddr>>,
    people: Arc<Places<UserId>>,
    /// The first descriptor that no connection gets. A new one always has the lowest that is free.
    end: RawFd,
}

/// The connection that a request came by.
#[derive(Clone)]
pub(crate) struct Connection(Arc<Mutex<Option<oneshot::Sender<Place<UserId>>>>>);

impl Connections {
    /// As many as fit into this process, if so many descriptors stay for others.
    pub(crate) fn within(spare: usize) -> Self {
        // It can't fail; and if it did, the least that systems give is no mistake.
        let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let end = limit.saturating_sub(spare).max(limit / 2);
        // Each may have a file open as well.
        let most = end / 2;
        let strangers = (most / 2).clamp(1, MOST_OF_STRANGERS);
        let people = (most - strangers.min(most)).clamp(1, MOST_OF_PEOPLE);
        Self {
            strangers: Places::new(strangers, strangers),
            people: Places::new(people, MOST_OF_ONE.min(people)),
            end: RawFd::try_from(end).unwrap_or(RawFd::MAX),
        }
    }
}

impl Connection {
    /// Somebody who is in, or may come in, came by it: it need not give way to strangers any more. Where people have no room
    /// left, it stays where it is until its next request.
    pub(crate) fn is_of(&self, person: &Person, connections: &Connections) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_none() {
            return;
        }
        if let Ok(place) = connections.people.take(&person.user, person.admin)
            && let Some(known) = known.take()
        {
            // One that is gone needs none.
            drop(known.send(place));
        }
    }
}

/// Binds; the port is chosen if it was 0.
pub(crate) fn listen(address: SocketAddr) -> io::Result<(SocketAddr, TcpListener)> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // Connections of an earlier host that are not quite over keep no address.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(WAITING)?;
    Ok((listener.local_addr()?, listener))
}

/// Serves until the server stops: then it takes no new connections, and returns when those that are there have had their
/// answers. Dropped, it cuts them off.
pub(crate) async fn serve(listener: TcpListener, router: Router, web: Arc<Web>) {
    let mut open = JoinSet::new();
    let mut stopped = pin!(web.stopped());
    loop {
        tokio::select! {
            () = &mut stopped => break,
            Some(_) = open.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if stream.as_raw_fd() >= web.connections.end => {
                    tracing::warn!("a connection was refused: too many files are open");
                    drop(stream);
                    rest(&mut open).await;
                }
                Ok((stream, peer)) => {
                    open.spawn(one(stream, peer, router.clone(), Arc::clone(&web)));
                    // It is read before the next one is taken: what has a cookie shows it before it could have to give way.
                    tokio::task::yield_now().await;
                }
                Err(error) => {
                    tracing::warn!(%error, "could not take a connection");
                    rest(&mut open).await;
                }
            },
        }
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

/// Until there may be room for another one.
async fn rest(open: &mut JoinSet<()>) {
    tokio::select! {
        Some(_) = open.join_next() => {}
        () = tokio::time::sleep(REST) => {}
    }
}

/// The room that a connection is in.
enum Held {
    Strangers(Place<IpAddr>),
    People(Place<UserId>),
}

impl Held {
    /// Returns when it has to give way. Cancel safe.
    async fn lost(&mut self) {
        match self {
            Self::Strangers(place) => place.lost().await,
            Self::People(place) => place.lost().await,
        }
    }
}

/// One connection, until it ends or has to give way.
async fn one(stream: TcpStream, peer: SocketAddr, router: Router, web: Arc<Web>) {
    let Ok(place) = web.connections.strangers.take(&peer.ip().to_canonical(), true) else {
        return;
    };
    let mut held = Held::Strangers(place);
    let (known, mut becomes_known) = oneshot::channel();
    let connection = Connection(Arc::new(Mutex::new(Some(known))));
    let service = service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(connection.clone());
        router.clone().oneshot(request)
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(web.config.patience)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let (mut serving, mut stopped) = (pin!(serving), pin!(web.stopped()));
    let mut is_stopping = false;
    loop {
        tokio::select! {
            biased;
            Ok(place) = &mut becomes_known, if matches!(held, Held::Strangers(_)) => held = Held::People(place),
            () = &mut stopped, if !is_stopping => {
                serving.as_mut().graceful_shutdown();
                is_stopping = true;
            }
            () = held.lost() => return,
            // Who goes away, breaks off or takes too long is no error of ours.
            _ = serving.as_mut() => return,
        }
    }
}
