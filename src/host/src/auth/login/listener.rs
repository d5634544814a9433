//! The loopback listener that a browser comes back to (RFC 8252 §7.3).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use credentials::Pkce;
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use url::{Host, Url};

use super::Page;

/// How long the last page may take to reach the browser.
const FAREWELL: Duration = Duration::from_secs(2);

/// Bound sockets, and the redirect that leads to them.
pub(super) struct Listener {
    sockets: Vec<TcpListener>,
    redirect: Url,
}

/// A browser that came back with an answer to this sign-in.
pub(super) struct Returned {
    /// The whole address, with the code.
    pub(super) address: SecretString,
    reply: oneshot::Sender<Page>,
}

/// The listener at work.
pub(super) struct Serving {
    returned: mpsc::Receiver<Returned>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

/// What a request is measured against.
struct Expected {
    redirect: Url,
    authority: String,
    state: Option<String>,
    returned: mpsc::Sender<Returned>,
}

impl Returned {
    /// Shows the browser how it ended.
    pub(super) fn answer(self, page: Page) {
        // A browser that is gone needs no page.
        let _ = self.reply.send(page);
    }
}

impl Listener {
    /// Binds the first registered redirect that is an address of this machine and free. One without a port gets any.
    pub(super) async fn bind(pkce: &Pkce) -> Option<Self> {
        let own_pages = pkce.authorize_url.origin();
        let usable = |redirect: &&Url| redirect.scheme() == "http" && redirect.origin() != own_pages;
        for registered in pkce.redirect_uris.iter().filter(usable) {
            if let Some(listener) = Self::bind_one(registered).await {
                return Some(listener);
            }
        }
        None
    }

    async fn bind_one(registered: &Url) -> Option<Self> {
        let (first, second) = addresses(registered)?;
        let port = registered.port().unwrap_or(0);
        let socket = TcpListener::bind(SocketAddr::new(first, port)).await.ok()?;
        let port = socket.local_addr().ok()?.port();
        let mut sockets = vec![socket];
        if let Some(second) = second {
            // A machine without IPv6 does without.
            sockets.extend(TcpListener::bind(SocketAddr::new(second, port)).await);
        }
        let mut redirect = registered.clone();
        redirect.set_port(Some(port)).ok()?;
        Some(Self { sockets, redirect })
    }

    /// Where the browser is to be sent.
    pub(super) fn redirect(&self) -> &Url {
        &self.redirect
    }

    /// Begins to serve, for the sign-in with this link.
    pub(super) fn serve(self, link: &Url) -> Serving {
        let (sender, returned) = mpsc::channel(1);
        let (stop, stopped) = watch::channel(false);
        let state = link.query_pairs().find(|(name, _)| name == "state");
        let expected = Arc::new(Expected {
            authority: self.redirect.authority().to_owned(),
            redirect: self.redirect,
            state: state.map(|(_, state)| state.into_owned()),
            returned: sender,
        });
        let router = Router::new().fallback(answer).with_state(expected);
        let mut tasks = JoinSet::new();
        for socket in self.sockets {
            let (router, mut stopped) = (router.clone(), stopped.clone());
            tasks.spawn(async move {
                let until = async move {
                    // A sender that is gone means the same.
                    let _ = stopped.wait_for(|stopped| *stopped).await;
                };
                if let Err(error) = axum::serve(socket, router).with_graceful_shutdown(until).await {
                    tracing::warn!(%error, "the listener for the browser ended");
                }
            });
        }
        Serving {
            returned,
            stop,
            tasks,
        }
    }
}

impl Serving {
    /// The next browser that comes back. Cancel safe.
    pub(super) async fn next(&mut self) -> Returned {
        match self.returned.recv().await {
            Some(returned) => returned,
            // All sockets failed; pasting goes on.
            None => std::future::pending().await,
        }
    }

    /// Stops, once the last page has been sent.
    pub(super) async fn end(mut self) {
        self.stop.send_replace(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        // A browser that does not close its connection is left to itself.
        let _ = tokio::time::timeout(FAREWELL, ended).await;
    }
}

/// The addresses that a redirect's host means, the second as good as it gets; `None` if it is not this machine.
fn addresses(redirect: &Url) -> Option<(IpAddr, Option<IpAddr>)> {
    match redirect.host()? {
        Host::Domain("localhost") => Some((Ipv4Addr::LOCALHOST.into(), Some(Ipv6Addr::LOCALHOST.into()))),
        Host::Ipv4(address) if address.is_loopback() => Some((address.into(), None)),
        Host::Ipv6(address) if address.is_loopback() => Some((address.into(), None)),
        _ => None,
    }
}

async fn answer(State(expected): State<Arc<Expected>>, request: Request) -> Response {
    if let Some(refused) = refusal(&expected, &request) {
        return refused.into_response();
    }
    let mut address = expected.redirect.clone();
    address.set_query(request.uri().query());
    // Only the answer to this very link counts: any web page can send a browser here.
    let states = address.query_pairs().filter(|(name, _)| name == "state");
    if !states
        .map(|(_, state)| Some(state.into_owned()))
        .eq([expected.state.clone()])
    {
        return Page::other_sign_in().into_response();
    }
    let (reply, page) = oneshot::channel();
    let returned = Returned {
        address: String::from(address).into(),
        reply,
    };
    if expected.returned.send(returned).await.is_err() {
        return Page::nothing_here(StatusCode::GONE).into_response();
    }
    match page.await {
        Ok(page) => page.into_response(),
        Err(_) => Page::nothing_here(StatusCode::GONE).into_response(),
    }
}

/// Requests that are none of this listener's business.
fn refusal(expected: &Expected, request: &Request) -> Option<Page> {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let status = if host != Some(expected.authority.as_str()) {
        // A name of somebody else's that leads here (DNS rebinding).
        StatusCode::MISDIRECTED_REQUEST
    } else if request.uri().path() != expected.redirect.path() {
        StatusCode::NOT_FOUND
    } else if request.method() != Method::GET {
        StatusCode::METHOD_NOT_ALLOWED
    } else {
        return None;
    };
    Some(Page::nothing_here(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pkce(redirects: &[&str]) -> Pkce {
        Pkce {
            authorize_url: "http://127.0.0.1:9/authorize".parse().unwrap(),
            redirect_uris: redirects.iter().map(|text| text.parse().unwrap()).collect(),
            extra_params: vec![],
            sends_state: false,
        }
    }

    #[tokio::test]
    async fn a_redirect_without_a_port_gets_a_free_one() {
        let listener = Listener::bind(&pkce(&["http://127.0.0.1/cb"])).await.unwrap();
        let redirect = listener.redirect();
        assert_eq!(redirect.path(), "/cb");
        assert_ne!(redirect.port().unwrap(), 0);
    }

    #[tokio::test]
    async fn a_busy_port_leads_to_the_next_redirect() {
        let busy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let taken = format!("http://127.0.0.1:{}/cb", busy.local_addr().unwrap().port());
        let listener = Listener::bind(&pkce(&[&taken, "http://127.0.0.1/other"]))
            .await
            .unwrap();
        assert_eq!(listener.redirect().path(), "/other");
        assert!(Listener::bind(&pkce(&[&taken])).await.is_none());
    }

    #[tokio::test]
    async fn only_addresses_of_this_machine_that_are_not_the_vendors_own_are_bound() {
        for redirect in [
            "https://127.0.0.1/cb",
            "http://a.example/cb",
            "http://127.0.0.1:9/code",
        ] {
            assert!(Listener::bind(&pkce(&[redirect])).await.is_none(), "{redirect}");
        }
    }

    #[tokio::test]
    async fn localhost_is_bound_where_browsers_look_for_it() {
        let listener = Listener::bind(&pkce(&["http://localhost/cb"])).await.unwrap();
        assert_eq!(listener.redirect().host_str(), Some("localhost"));
        assert_eq!(
            listener.sockets[0].local_addr().unwrap().ip(),
            Ipv4Addr::LOCALHOST
        );
    }
}
