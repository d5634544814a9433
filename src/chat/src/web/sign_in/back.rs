//! The browser that comes back from a vendor's page.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse as _, Response};
use credentials::{PasteError, Service, SignInError, UserId};
use url::{Url, form_urlencoded};

use super::words;
use crate::web::gate::Visitor;
use crate::web::refusal::{PageRefused, chain};
use crate::web::shared::Web;
use crate::web::view;

/// Where redirects may lead.
pub(crate) const PATHS: [&str; 2] = ["/callback", "/auth/callback"];

/// The registered redirect that leads a browser that sees us as `host` back here; `None` if there is none, and the answer
/// must be pasted.
pub(super) fn redirect(registered: &[Url], host: &str, public: Option<&Url>) -> Option<Url> {
    let ours = |url: &&Url| PATHS.contains(&url.path());
    if let Some(public) = public
        && let Some(found) = registered
            .iter()
            .filter(ours)
            .find(|url| url.origin() == public.origin())
    {
        return Some(found.clone());
    }
    let seen = Url::parse(&format!("http://{host}")).ok()?;
    // A loopback redirect without a port may be given any (RFC 8252 §7.3). The name stays as registered: the cookie
    // belongs to the name under which we are seen.
    let loopback = |url: &&Url| {
        url.scheme() == "http"
            && url.port().is_none()
            && credentials::is_loopback(url)
            && url.host() == seen.host()
    };
    let mut found = registered.iter().filter(ours).find(loopback)?.clone();
    found.set_port(seen.port_or_known_default()).ok()?;
    Some(found)
}

/// `GET /callback?code=…&state=…`
pub(crate) async fn back(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    if method != Method::GET {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let user = &visitor.person.user;
    let query = uri.query().unwrap_or_default();
    // Without a state anybody could have sent this browser here. (With one, it must be this person's.)
    let mut states = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "state");
    let refused = match (states.next(), states.next()) {
        (Some((_, state)), None) if !state.is_empty() => {
            let host = headers
                .get(header::HOST)
                .and_then(|host| host.to_str().ok())
                .unwrap_or("localhost");
            match web
                .complete_any(user, &format!("http://{host}{}?{query}", uri.path()))
                .await
            {
                Ok(done) => return page(&web, user, &done),
                Err(error) => words::refused(&error),
            }
        }
        _ => words::refused(&PasteError::OtherState.into()),
    };
    PageRefused(refused).into_response()
}

fn page(web: &Web, user: &UserId, service: &Service) -> Response {
    let title = format!("Signed in to {}", web.title_of(service));
    let thread = web.waits.comes_back_to(user);
    let path = thread.map_or_else(|| "/".to_owned(), |thread| view::thread_path(&thread));
    let words = "What waited for it goes on by itself. You can close this page.";
    let name = if path == "/" {
        "Back to the threads"
    } else {
        "Back to your thread"
    };
    Html(view::message_page(&title, words, "", Some((&path, name)))).into_response()
}

impl Web {
    /// Completes the one of this person's sign-ins that this address answers.
    async fn complete_any(&self, user: &UserId, address: &str) -> Result<Service, SignInError> {
        let mut failed = SignInError::from(PasteError::OtherState);
        for service in self.begun_by(user, "pkce").await {
            match self
                .complete(user, &service, Some(address.to_owned().into()))
                .await
            {
                Ok(_) => return Ok(service),
                // Decided without the network: the answer is to another one.
                Err(SignInError::Paste(PasteError::OtherState)) => {}
                Err(error) => {
                    tracing::info!(%service, %user, error = chain(&error), "a sign-in did not work");
                    failed = error;
                    break;
                }
            }
        }
        Err(failed)
    }

    /// Services that this person has begun to sign in to in this way.
    pub(super) async fn begun_by(&self, user: &UserId, way: &'static str) -> Vec<Service> {
        let (credentials, user) = (self.credentials.clone(), user.clone());
        let look = tokio::task::spawn_blocking(move || {
            let pending = credentials.store().pending_sign_ins()?;
            let mine = pending
                .into_iter()
                .filter(|one| one.user == user.as_str() && !one.is_over);
            let services = mine.filter_map(|one| Service::parse(&one.service).ok());
            let is_so =
                |service: &Service| credentials.pending_way(service, &user).ok().flatten() == Some(way);
            Ok::<_, credentials::StoreError>(services.filter(is_so).collect::<Vec<_>>())
        });
        match look.await {
            Ok(Ok(services)) => services,
            Ok(Err(error)) => {
                tracing::warn!(
                    error = chain(&error),
                    "sign-ins that were begun could not be read"
                );
                vec![]
            }
            Err(_) => vec![],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_sent_back_only_where_it_came_from() {
        let all: Vec<Url> = [
            "http://127.0.0.1/callback",
            "http://localhost:1455/auth/callback",
            "https://chat.example/auth/callback",
            "https://vendor.example/code",
            "http://[::1]/callback",
        ]
        .iter()
        .map(|url| url.parse().unwrap())
        .collect();
        let public: Url = "https://chat.example".parse().unwrap();
        for (host, public, expected) in [
            ("127.0.0.1:7878", None, Some("http://127.0.0.1:7878/callback")),
            ("127.0.0.1", None, Some("http://127.0.0.1/callback")),
            ("[::1]:9", None, Some("http://[::1]:9/callback")),
            ("localhost:7878", None, None),
            ("192.0.2.1:7878", None, None),
            ("chat.example", None, None),
            (
                "chat.example",
                Some(&public),
                Some("https://chat.example/auth/callback"),
            ),
        ] {
            let found = redirect(&all, host, public);
            assert_eq!(found.as_ref().map(Url::as_str), expected, "{host}");
        }
    }
}
