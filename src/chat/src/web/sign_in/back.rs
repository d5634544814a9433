//! The browser that comes back from a vendor's page.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse as _, Response};
use conversation::ThreadId;
use credentials::{PasteError, Service, SignInError, UserId};
use url::{Url, form_urlencoded};

use super::links::Answer;
use super::{theirs, words};
use crate::web::gate::Visitor;
use crate::web::people::Person;
use crate::web::refusal::{Refused, chain};
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
    let person = &visitor.person;
    let query = uri.query().unwrap_or_default();
    // Without a state anybody could have sent this browser here. (With one, it must be this person's.)
    let mut states = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "state");
    let (Some((_, state)), None) = (states.next(), states.next()) else {
        return told(&words::no_state(), None);
    };
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("localhost");
    let address = || format!("http://{host}{}?{query}", uri.path());
    match web.links.find(&state, &person.user).await {
        Answer::Waits(link, _turn) => {
            let thread = link.thread.as_ref();
            match web.complete_or_say(person, &link.service, address()).await {
                Ok(()) => web.in_now(&link.service, thread, SIGNED_IN),
                Err(error) => not_in(&error, &uri, thread),
            }
        }
        // Loaded again, or twice at once.
        Answer::Done(link) => web.in_now(&link.service, link.thread.as_ref(), words::DONE_BEFORE),
        Answer::Older(link) => told(&words::older(), link.thread.as_ref()),
        Answer::Over(link) => told(&words::over(&link.service), link.thread.as_ref()),
        Answer::SomebodyElses => told(&words::somebody_elses(), None),
        // Given before this host was started: the store knows.
        Answer::Unknown => match web.complete_any(person, address()).await {
            Ok(service) => web.in_now(&service, None, SIGNED_IN),
            Err(error) => not_in(&error, &uri, None),
        },
    }
}

const SIGNED_IN: &str = "What waited for it goes on by itself. You can close this page.";

/// A page that says why this did not sign anybody in, and leads back.
fn not_in(error: &SignInError, uri: &Uri, thread: Option<&ThreadId>) -> Response {
    let refused = words::refused(error);
    let page = |title, back| view::message_page(title, &refused.sentences(), "", Some(back));
    if words::is_a_no(error) {
        return Html(page("You said no", way_back(thread))).into_response();
    }
    if error.is_temporary() {
        // The same answer, once more.
        let again = uri
            .path_and_query()
            .map_or_else(|| uri.path().to_owned(), ToString::to_string);
        return (
            refused.status,
            Html(page("Not signed in yet", (again, "Try again"))),
        )
            .into_response();
    }
    told(&refused, thread)
}

fn told(refused: &Refused, thread: Option<&ThreadId>) -> Response {
    let page = view::message_page("Not signed in", &refused.sentences(), "", Some(way_back(thread)));
    (refused.status, Html(page)).into_response()
}

fn way_back(thread: Option<&ThreadId>) -> (String, &'static str) {
    match thread {
        Some(thread) => (view::thread_path(thread), "Back to your thread"),
        None => ("/".to_owned(), "Back to the threads"),
    }
}

impl Web {
    /// A page that says that somebody is in.
    fn in_now(&self, service: &Service, thread: Option<&ThreadId>, words: &str) -> Response {
        let title = format!("Signed in to {}", self.title_of(service));
        Html(view::message_page(&title, words, "", Some(way_back(thread)))).into_response()
    }

    async fn complete_or_say(
        &self,
        person: &Person,
        service: &Service,
        address: String,
    ) -> Result<(), SignInError> {
        let user = &person.user;
        let completed = self
            .complete(user, (service, theirs(person)), address.into())
            .await;
        if let Err(error) = &completed {
            tracing::info!(%service, %user, error = chain(error), "a sign-in did not work");
        }
        completed.map(|_| ())
    }

    /// Completes the one of this person's sign-ins that this address answers.
    async fn complete_any(&self, person: &Person, address: String) -> Result<Service, SignInError> {
        for service in self.begun_by(&person.user, "pkce").await {
            match self.complete_or_say(person, &service, address.clone()).await {
                Ok(()) => return Ok(service),
                // Decided without the network: the answer is to another one.
                Err(SignInError::Paste(PasteError::OtherState)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(PasteError::OtherState.into())
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
            let is_so = |service: &Service| {
                let waiting = credentials.waiting(service, &user).ok().flatten();
                waiting.and_then(|waiting| waiting.way) == Some(way)
            };
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
