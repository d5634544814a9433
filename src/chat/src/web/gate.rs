//! What every request passes: is it meant for us, is it from our pages, who is it; and what every answer carries.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use secrecy::{ExposeSecret as _, SecretString};

use super::config::Access;
use super::connections::Connection;
use super::door::{self, Wrong};
use super::enter::Outside;
use super::people::{People, Person};
use super::refusal::{PageRefused, Refused};
use super::shared::Web;
use super::{enter, leave, random, sign_in};

/// Carries back what a page was given; a page of another site can neither know it nor send it.
const CSRF_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");

/// Pages and scripts of our own, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Goes with every answer that has no word of its own on the matter.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// Somebody who is in, as handlers get them.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    pub(crate) person: Person,
    /// What their pages send back with every POST.
    pub(crate) csrf: String,
    /// The value of their cookie; a proxy's word needs none.
    pub(crate) cookie: Option<SecretString>,
}

/// The same, where somebody may also not be in yet.
#[derive(Debug, Clone)]
pub(crate) struct Anybody(pub(crate) Option<Visitor>);

/// Lets a request through, or answers it. Every POST but those by which somebody comes or goes needs a person and their
/// token in a header.
pub(crate) async fn gate(State(web): State<Arc<Web>>, mut request: Request, next: Next) -> Response {
    let wants_page = wants_page(request.headers());
    let visitor = visitor(&web, request.headers());
    if let Some(cookie) = visitor.as_ref().and_then(|visitor| visitor.cookie.as_ref()) {
        web.people.arrived(cookie.expose_secret());
    }
    if let (Some(visitor), Some(connection)) = (&visitor, request.extensions().get::<Connection>()) {
        connection.is_of(&visitor.person, &web.connections);
    }
    let refused = web
        .door
        .judge(request.method(), request.headers())
        .map(misdirected)
        .or_else(|| stranger(&request, visitor.as_ref()))
        .or_else(|| (!is_text(request.uri().path())).then(|| Closed::Refused(Refused::nothing("page"))));
    let mut response = match refused {
        Some(Closed::Refused(refused)) if wants_page => PageRefused(refused).into_response(),
        Some(Closed::Refused(refused)) => refused.into_response(),
        Some(Closed::NotIn) if wants_page => {
            enter::doorstep(&web, StatusCode::UNAUTHORIZED, Outside::Unknown)
        }
        Some(Closed::NotIn) => not_in(&web).into_response(),
        None => {
            let cookie = visitor.as_ref().and_then(|visitor| visitor.cookie.clone());
            let due =
                cookie.filter(|cookie| !open_to_all(&request) && web.people.is_due(cookie.expose_secret()));
            request.extensions_mut().insert(Anybody(visitor));
            let mut response = if changes_something(&request) {
                web.to_its_end(next.run(request)).await
            } else {
                next.run(request).await
            };
            if let Some(cookie) = due {
                renew(&web, cookie.expose_secret(), &mut response).await;
            }
            response
        }
    };
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Whoever comes often stays in. A full disk must not keep anybody out: it is tried again with the next request.
async fn renew(web: &Web, cookie: &str, response: &mut Response) {
    match web.people.renew(cookie).await {
        Ok(()) => enter::give_cookie(web, Some(cookie), response),
        Err(error) => tracing::warn!(%error, "a session could not be renewed"),
    }
}

/// Why a request goes no further.
enum Closed {
    Refused(Refused),
    NotIn,
}

fn misdirected(wrong: Wrong) -> Closed {
    Closed::Refused(match wrong {
        Wrong::Host => Refused::new(
            StatusCode::MISDIRECTED_REQUEST,
            "nothing is served here under that name",
        )
        .hint("open it by its address, or set `public_url` to the name"),
        Wrong::Origin => Refused::new(
            StatusCode::FORBIDDEN,
            "this request was made by a page of another site",
        ),
    })
}

/// Whether what an address names is text: nothing here has a name that is none.
fn is_text(path: &str) -> bool {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let mut rest = path.as_bytes();
    let mut named = Vec::with_capacity(rest.len());
    while let [first, more @ ..] = rest {
        let escaped = match more {
            [high, low, ..] if *first == b'%' => digit(*high).zip(digit(*low)),
            _ => None,
        };
        named.push(escaped.map_or(*first, |(high, low)| (high << 4) | low));
        rest = if escaped.is_some() { &more[2..] } else { more };
    }
    std::str::from_utf8(&named).is_ok()
}

/// What a person, or nobody, may not do here.
fn stranger(request: &Request, visitor: Option<&Visitor>) -> Option<Closed> {
    if open_to_all(request) {
        return None;
    }
    let Some(visitor) = visitor else {
        return Some(Closed::NotIn);
    };
    if door::is_safe(request.method()) {
        return None;
    }
    let token = door::one(request.headers(), &CSRF_HEADER);
    visitor.proves(token).err().map(Closed::Refused)
}

impl Visitor {
    /// Whether a request with this token comes from a page of this session.
    pub(crate) fn proves(&self, token: Option<&str>) -> Result<(), Refused> {
        if token.is_some_and(|token| random::same(token, &self.csrf)) {
            return Ok(());
        }
        tracing::warn!(user = %self.person.user, "a request without its page's token was refused");
        let refused = Refused::new(StatusCode::FORBIDDEN, "this page is not of this session any more");
        Err(refused.hint("load the page again; what was typed stays in this browser for whoever typed it"))
    }
}

/// Whether a request is a deed that must not stop half-way when the browser breaks it off: all that people do, and a sign-in
/// that comes back.
fn changes_something(request: &Request) -> bool {
    !door::is_safe(request.method()) || sign_in::PATHS.contains(&request.uri().path())
}

/// Where nobody is asked who they are.
fn open_to_all(request: &Request) -> bool {
    let path = request.uri().path();
    path == enter::PATH || path == leave::PATH || path.starts_with("/assets/")
}

fn not_in(web: &Web) -> Refused {
    let refused = Refused::new(StatusCode::UNAUTHORIZED, "this browser is not let in");
    refused.hint(match web.config.allow {
        Access::Header { .. } => "the proxy in front lets it in",
        _ => "`agent-host status` prints a link that lets it in",
    })
}

/// Who makes a request, if that is known.
fn visitor(web: &Web, headers: &HeaderMap) -> Option<Visitor> {
    if let Access::Header { name, admins } = &web.config.allow {
        // Nobody else's word counts there, and no cookie: whoever the proxy lets in no more is out.
        web.config.proxy.as_ref().filter(|proxy| proxy.sent(headers))?;
        // There twice, or no text: somebody plays with it.
        let value = door::one(headers, &HeaderName::try_from(name).ok()?)?;
        let person = web.people.by_header(value, admins)?;
        let csrf = web.people.csrf_of_header(&person.user);
        return Some(Visitor {
            person,
            csrf,
            cookie: None,
        });
    }
    let value = own_cookie(web, headers)?;
    Some(Visitor {
        person: web.people.by_cookie(value)?,
        csrf: People::csrf_of_cookie(value),
        cookie: Some(value.to_owned().into()),
    })
}

/// The value of our cookie, if it lets somebody in.
fn own_cookie<'h>(web: &Web, headers: &'h HeaderMap) -> Option<&'h str> {
    let name = web.cookie_name();
    cookies(headers)
        .find(|(found, value)| *found == name && web.people.by_cookie(value).is_some())
        .map(|(_, value)| value)
}

/// Names and values of all cookies (RFC 6265 §4.2).
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(header::COOKIE)
        .into_iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
}

/// Whether a person looks at the answer, rather than a script.
fn wants_page(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

impl<S: Sync> FromRequestParts<S> for Visitor {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let found = parts
            .extensions
            .get::<Anybody>()
            .and_then(|anybody| anybody.0.clone());
        found.ok_or_else(|| Refused::new(StatusCode::UNAUTHORIZED, "this browser is not let in"))
    }
}

impl<S: Sync> FromRequestParts<S> for Anybody {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or(Self(None)))
    }
}
