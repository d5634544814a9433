//! How a browser gets in: by a link that is good once, or by the password.
//!
//! Opening a link only shows what it would do. Programs that look ahead (previews in chats, scanners of mail) open links, too;
//! the button on the page is what uses one up, also when it is pressed twice.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::{Extension, Form};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

use super::config::Access;
use super::connections::Connection;
use super::gate::{Anybody, Visitor};
use super::people::{EnterError, LinkError, Person};
use super::proxy;
use super::refusal::{PageRefused, Refused, sentence};
use super::shared::Web;
use super::sign_in::SecretText;
use super::view::{self, escape};
use super::{leave, random};

mod entered;

pub(crate) use entered::Entered;

/// Where a link leads.
pub(crate) const PATH: &str = "/enter";

/// How long a browser keeps its cookie; the host forgets it sooner or at the same time.
const COOKIE_LIFE: Duration = Duration::from_hours(180 * 24);

/// What somebody sees who is not in.
const WITHOUT: &str = "A link lets it in, once. `agent-host status` prints a new one on the machine that agent-host runs on; \
     who is in already can make one for another browser of theirs, and the administrator for somebody else, in the menu with \
     their name.";
const WITH_PASSWORD: &str = "Type the password, or open a link: `agent-host status` prints a new one on the machine that \
     agent-host runs on. Each browser that types the password is a person of its own; a link brings yours here.";
const PASSWORD_FORM: &str = "<form class=\"row\" method=\"post\" action=\"/enter\"><label class=\"grow\"><span class=\"hear\">Password</span>\
     <input name=\"password\" type=\"password\" required autofocus autocomplete=\"current-password\" placeholder=\"Password\"></label>\
     <button class=\"primary\">Come in</button></form>";

#[derive(Deserialize)]
pub(crate) struct Link {
    key: Option<SecretText>,
}

/// What the forms of these pages send.
#[derive(Deserialize)]
pub(crate) struct Enters {
    key: Option<SecretText>,
    /// Random, and of this very page.
    page: Option<SecretText>,
    password: Option<SecretText>,
    /// The session's token, where a browser is in already.
    csrf: Option<String>,
}

/// `GET /enter?key=…`: what the link would do. Without a key: who this browser is.
pub(crate) async fn look(
    State(web): State<Arc<Web>>,
    Anybody(already): Anybody,
    Extension(connection): Extension<Connection>,
    Query(link): Query<Link>,
) -> Response {
    keep(&web, &connection, link.key.as_ref());
    let found = match &link.key {
        Some(key) if !web.is_by_header() => Some(web.people.look(key.0.expose_secret())),
        _ => None,
    };
    match (already, found) {
        (None, None) => doorstep(&web, StatusCode::OK, Outside::Unknown),
        (None, Some(Err(error))) => doorstep(
            &web,
            StatusCode::FORBIDDEN,
            Outside::Refused(&sentence(&error.to_string())),
        ),
        (None, Some(Ok(person))) => answer(link_page(person.as_ref(), link.key.as_ref())),
        (Some(visitor), None) => leave::page(&web, &visitor),
        (Some(visitor), Some(found)) => already_in(&visitor, found, link.key.as_ref()),
    }
}

/// Who brings a good link keeps the connection by which they do: strangers who come fast can't push them out between the
/// link's page and its button, or while the new session is written.
fn keep(web: &Web, connection: &Connection, key: Option<&SecretText>) {
    if let Some(key) = key.filter(|_| !web.is_by_header())
        && let Some(bearer) = web.people.bearer(key.0.expose_secret())
    {
        connection.is_of(&bearer, &web.connections);
    }
}

/// A good link in a browser that is not in.
pub(super) fn link_page(person: Option<&Person>, key: Option<&SecretText>) -> String {
    let words = format!(
        "The link is {}. It works once: this button uses it up, and leads to the threads.",
        for_whom(person)
    );
    let form = key_form(key, None, "Come in");
    view::message_page("Let this browser in?", &words, &form, None::<(&str, &str)>)
}

/// A link in a browser that is in.
fn already_in(
    visitor: &Visitor,
    found: Result<Option<Person>, LinkError>,
    key: Option<&SecretText>,
) -> Response {
    let name = visitor.person.words();
    let (words, form) = match found {
        Err(error) => (sentence(&error.to_string()), String::new()),
        Ok(Some(person)) if person.user == visitor.person.user => (
            "So would the link make it, which is still good, for another browser.".to_owned(),
            String::new(),
        ),
        Ok(person) => (
            format!(
                "The link is {}, and still good: open it in another browser or a private window.\n\n\
                 Or let this browser change: then it sees nothing of {name} any more.",
                match &person {
                    // Two people may show the same name.
                    Some(person) if !person.name.is_empty() => {
                        format!("for somebody else, who shows the name “{}”", person.words())
                    }
                    person => for_whom(person.as_ref()),
                }
            ),
            key_form(key, Some(&visitor.csrf), "Change to the link’s person"),
        ),
    };
    let words = format!("It belongs to {name}.\n\n{words}");
    let on = Some(("/", "Go on to the threads"));
    page("This browser is let in already", &words, &form, on)
}

/// Whose browser a link makes of this one, in words.
fn for_whom(person: Option<&Person>) -> String {
    person.map_or_else(
        || "for a person who was not here before".to_owned(),
        |person| format!("for a browser of {}", person.words()),
    )
}

/// `POST /enter`: uses a link up, or checks the password.
pub(crate) async fn enter(
    State(web): State<Arc<Web>>,
    Anybody(already): Anybody,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
    Form(enters): Form<Enters>,
) -> Response {
    keep(&web, &connection, enters.key.as_ref());
    let entered = match (&web.config.allow, &enters.key, &enters.password) {
        (Access::Header { .. }, ..) => Err(Refused::nothing("way in").into()),
        (_, Some(key), _) => {
            let press = async {
                if let Some(visitor) = &already
                    && let Some(answer) = may_not_change(&web, visitor, key, enters.csrf.as_deref())
                {
                    return Err(Refusal::Answer(Box::new(answer)));
                }
                let so_far = already.as_ref().and_then(|visitor| visitor.cookie.as_ref());
                let so_far = so_far.map(SecretString::expose_secret);
                enter_by_key(&web, key.0.expose_secret(), so_far).await
            };
            match &enters.page {
                Some(page) => web.entered.once(&web.people, key, page, press).await,
                None => press.await,
            }
        }
        (Access::Password(right), None, Some(password)) => {
            let client = proxy::client(web.config.proxy.as_ref(), &headers, peer.ip());
            if let Err(answer) = check(&web, client, &password.0, right).await {
                return answer;
            }
            if already.is_some() {
                return Redirect::to("/").into_response();
            }
            web.people.new_person().await.map_err(Refusal::from)
        }
        _ => Err(Refused::nothing("way in").into()),
    };
    match entered {
        Ok(cookie) => {
            let mut response = Redirect::to("/").into_response();
            give_cookie(&web, Some(&cookie), &mut response);
            response
        }
        Err(Refusal::Link(error)) => doorstep(
            &web,
            StatusCode::FORBIDDEN,
            Outside::Refused(&sentence(&error.to_string())),
        ),
        Err(Refusal::Answer(answer)) => *answer,
        Err(Refusal::Other(refused)) => PageRefused(refused).into_response(),
    }
}

/// Uses a link up. The administrator's always lets a browser in: else whoever fills the house shuts them out.
async fn enter_by_key(web: &Web, key: &str, so_far: Option<&str>) -> Result<String, Refusal> {
    let is_admin = || matches!(web.people.look(key), Ok(Some(person)) if person.admin);
    let entered = match web.people.enter_by_key(key, so_far).await {
        Err(EnterError::Full(_)) if is_admin() => {
            web.people.enter_instead(key, so_far, web.at_work().await?).await
        }
        entered => entered,
    };
    Ok(entered?)
}

/// What a browser that is in is told instead of being changed. Only its own button, with its token, changes it; a button
/// that was pressed twice comes without.
fn may_not_change(web: &Web, visitor: &Visitor, key: &SecretText, token: Option<&str>) -> Option<Response> {
    let found = web.people.look(key.0.expose_secret());
    let is_another = matches!(&found, Ok(person) if person.as_ref().is_none_or(|person| person.user != visitor.person.user));
    if is_another && visitor.proves(token).is_ok() {
        return None;
    }
    Some(already_in(visitor, found, Some(key)))
}

/// Why somebody is not let in.
enum Refusal {
    Link(LinkError),
    /// A page that says more.
    Answer(Box<Response>),
    Other(Refused),
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Self::Other(refused)
    }
}

impl From<EnterError> for Refusal {
    fn from(error: EnterError) -> Self {
        match error {
            EnterError::Link(error) => Self::Link(error),
            EnterError::File(error) => Self::Other(error.into()),
            EnterError::Full(error) => Self::Other(
                Refused::new(StatusCode::SERVICE_UNAVAILABLE, error).hint("some must sign out first"),
            ),
        }
    }
}

/// Compares, when it is this place's turn. Else: the answer.
async fn check(
    web: &Web,
    client: std::net::IpAddr,
    typed: &SecretString,
    right: &SecretString,
) -> Result<(), Response> {
    let turn = web.tries.turn(client).await.map_err(|wait| {
        let words =
            "Many wrong passwords came from where you are. Try again in a moment; a link works at once.";
        let mut answer = doorstep(web, StatusCode::TOO_MANY_REQUESTS, Outside::Refused(words));
        let seconds = HeaderValue::from(wait.as_secs().max(1));
        answer.headers_mut().insert(header::RETRY_AFTER, seconds);
        answer
    })?;
    if random::same(typed.expose_secret(), right.expose_secret()) {
        web.tries.give_back(turn);
        return Ok(());
    }
    tracing::warn!(address = %client, "a wrong password was refused");
    Err(doorstep(
        web,
        StatusCode::FORBIDDEN,
        Outside::Refused("That is not the password."),
    ))
}

/// Why somebody is not in.
#[derive(Clone, Copy)]
pub(crate) enum Outside<'a> {
    /// Nobody let this browser in.
    Unknown,
    /// It went.
    SignedOut,
    /// It did something wrong, in a sentence.
    Refused(&'a str),
}

/// What somebody sees who is not in.
pub(crate) fn doorstep(web: &Web, status: StatusCode, why: Outside<'_>) -> Response {
    let public = web.config.public_url.as_ref();
    (status, answer(door_page(&web.config.allow, public, why))).into_response()
}

/// The same as HTML. `public` is where the proxy lets people in.
pub(super) fn door_page(allow: &Access, public: Option<&Url>, why: Outside<'_>) -> String {
    let mut there = None;
    let (words, form) = match allow {
        Access::Header { .. } => {
            let public = public.map_or("", Url::as_str);
            there = Some((public, "Open it there"));
            (
                format!("The proxy in front signs people in: open {public} there."),
                "",
            )
        }
        Access::Password(_) => (WITH_PASSWORD.to_owned(), PASSWORD_FORM),
        Access::Loopback => (WITHOUT.to_owned(), ""),
    };
    let title = match why {
        Outside::SignedOut => "This browser is signed out",
        Outside::Unknown | Outside::Refused(_) => "This browser is not let in",
    };
    match why {
        Outside::Refused(wrong) => view::problem_page(title, wrong, &words, form),
        Outside::SignedOut => view::message_page(title, &words, &(view::forget() + form), there),
        Outside::Unknown => view::message_page(title, &words, form, there),
    }
}

/// A page of this door.
pub(crate) fn page(title: &str, words: &str, form: &str, back: Option<(&str, &str)>) -> Response {
    answer(view::message_page(title, words, form, back))
}

/// The forms of these pages are sent with their `Origin`, which `no-referrer` would make `null`, and the address, which may
/// hold a key, is told to nobody.
fn answer(page: String) -> Response {
    ([(header::REFERRER_POLICY, "strict-origin")], Html(page)).into_response()
}

/// A button that uses a link up.
fn key_form(key: Option<&SecretText>, csrf: Option<&str>, button: &str) -> String {
    let key = key.map_or("", |key| key.0.expose_secret());
    let csrf = csrf.map_or_else(String::new, |csrf| hidden("csrf", csrf));
    let kind = if csrf.is_empty() { "primary" } else { "danger" };
    format!(
        "<form method=\"post\" action=\"{PATH}\">{}{}{csrf}<button class=\"{kind}\" id=\"enter\">{button}</button></form>",
        hidden("key", key),
        hidden("page", &random::token())
    )
}

/// A field that a form sends along.
pub(crate) fn hidden(name: &str, value: &str) -> String {
    format!(
        "<input type=\"hidden\" name=\"{name}\" value=\"{}\">",
        escape(value)
    )
}

/// Gives a browser its cookie, for as long as any is good; without a value, takes it away.
pub(crate) fn give_cookie(web: &Web, value: Option<&str>, response: &mut Response) {
    let life = value.map_or(0, |_| COOKIE_LIFE.as_secs());
    // Lax, because the browser comes back from a vendor's page with its cookie: that is another site.
    let cookie = format!(
        "{}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age={life}{}",
        web.cookie_name(),
        value.unwrap_or_default(),
        if web.is_https() { "; Secure" } else { "" }
    );
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
}
