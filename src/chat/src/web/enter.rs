//! How a browser gets in: by a link that is good once, or by the password.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Form;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use tokio::time::Instant;

use super::config::Access;
use super::gate::Anybody;
use super::people::{EnterError, LinkError};
use super::refusal::{PageRefused, Refused};
use super::shared::Web;
use super::{random, view};

/// Where a link leads.
pub(crate) const PATH: &str = "/enter";

/// How long a browser keeps its cookie; the host forgets it sooner or at the same time.
const COOKIE_LIFE: Duration = Duration::from_hours(180 * 24);

/// Wrong passwords from one address within [`TRIES_WITHIN`]; more are not even compared.
const TRIES: u32 = 8;
const TRIES_WITHIN: Duration = Duration::from_mins(5);
/// Addresses that are remembered.
const MOST_ADDRESSES: usize = 4096;

/// What somebody sees who is not in.
const WITHOUT: &str = "A link lets it in, once. `agent-host status` prints a new one on the machine that agent-host runs on; \
     somebody who is in already can make one: “My other browser” or “Somebody else” in the menu with their name.";
const WITH_PASSWORD: &str = "Type the password, or open a link: `agent-host status` prints a new one on the machine that \
     agent-host runs on. Each browser that types the password is a person of its own; a link brings yours here.";
const PASSWORD_FORM: &str = "<form class=\"row\" method=\"post\" action=\"/enter\"><label class=\"grow\"><span class=\"hear\">Password</span>\
     <input name=\"password\" type=\"password\" required autocomplete=\"current-password\" placeholder=\"Password\"></label>\
     <button class=\"primary\">Come in</button></form>";

#[derive(Deserialize)]
pub(crate) struct Link {
    key: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Words {
    password: String,
}

/// Counts wrong passwords.
#[derive(Default)]
pub(crate) struct Tries(Mutex<HashMap<IpAddr, (u32, Instant)>>);

impl Tries {
    /// Whether this address may try again now.
    fn may(&self, address: IpAddr, now: Instant) -> bool {
        let tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tries
            .get(&address)
            .is_none_or(|(count, since)| *count < TRIES || now.duration_since(*since) > TRIES_WITHIN)
    }

    fn wrong(&self, address: IpAddr, now: Instant) {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tries.retain(|_, (_, since)| now.duration_since(*since) <= TRIES_WITHIN);
        // Whoever has so many addresses guesses as well without being counted.
        if tries.len() < MOST_ADDRESSES || tries.contains_key(&address) {
            tries.entry(address).or_insert((0, now)).0 += 1;
        }
    }
}

/// `GET /enter?key=…`
pub(crate) async fn by_link(
    State(web): State<Arc<Web>>,
    Anybody(already): Anybody,
    headers: HeaderMap,
    Query(link): Query<Link>,
) -> Response {
    let Some(key) = link.key else {
        return match already {
            Some(_) => Redirect::to("/").into_response(),
            None => doorstep(&web, StatusCode::OK, None),
        };
    };
    // What is fetched ahead is not opened by anybody yet.
    if headers.contains_key(HeaderName::from_static("sec-purpose")) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let already = already.map(|visitor| visitor.person.user);
    match web.people.enter_by_key(&key, already.as_ref()).await {
        Ok(cookie) => let_in(&web, &cookie),
        Err(EnterError::Link(error)) => doorstep(&web, StatusCode::FORBIDDEN, Some(&words(&error))),
        Err(EnterError::File(error)) => PageRefused(error.into()).into_response(),
    }
}

/// `HEAD /enter`: looking must not use a link.
pub(crate) async fn not_by_looking() -> StatusCode {
    StatusCode::METHOD_NOT_ALLOWED
}

/// `POST /enter` with the password. Whoever is in already stays who they are.
pub(crate) async fn by_password(
    State(web): State<Arc<Web>>,
    Anybody(already): Anybody,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Form(words): Form<Words>,
) -> Response {
    let Access::Password(password) = &web.config.allow else {
        return PageRefused(Refused::nothing("way in")).into_response();
    };
    let address = peer.ip().to_canonical();
    if !web.tries.may(address, Instant::now()) {
        let words = "There were too many wrong passwords. Wait five minutes.";
        return doorstep(&web, StatusCode::TOO_MANY_REQUESTS, Some(words));
    }
    if !random::same(&words.password, password.expose_secret()) {
        web.tries.wrong(address, Instant::now());
        tracing::warn!(%address, "a wrong password was refused");
        return doorstep(&web, StatusCode::FORBIDDEN, Some("That is not the password."));
    }
    if already.is_some() {
        return Redirect::to("/").into_response();
    }
    match web.people.new_person().await {
        Ok(cookie) => let_in(&web, &cookie),
        Err(error) => PageRefused(error.into()).into_response(),
    }
}

/// What somebody sees who is not in.
pub(crate) fn doorstep(web: &Web, status: StatusCode, wrong: Option<&str>) -> Response {
    let asks_password = matches!(web.config.allow, Access::Password(_));
    let mut words = wrong.map(|wrong| format!("{wrong}\n\n")).unwrap_or_default();
    words.push_str(if asks_password { WITH_PASSWORD } else { WITHOUT });
    let form = if asks_password { PASSWORD_FORM } else { "" };
    let page = Html(view::message_page(
        "This browser is not let in",
        &words,
        form,
        None,
    ));
    // Without a referrer browsers send a form's POST with the origin `null`. This address holds no secret.
    let policy = if asks_password {
        "same-origin"
    } else {
        "no-referrer"
    };
    (status, [(header::REFERRER_POLICY, policy)], page).into_response()
}

fn let_in(web: &Web, cookie: &str) -> Response {
    let mut response = Redirect::to("/").into_response();
    give_cookie(web, cookie, &mut response);
    response
}

/// Gives a browser its cookie, for as long as any is good.
pub(crate) fn give_cookie(web: &Web, cookie: &str, response: &mut Response) {
    // Lax, because the browser comes back from a vendor's page with its cookie: that is another site.
    let secure = web
        .config
        .public_url
        .as_ref()
        .is_some_and(|url| url.scheme() == "https");
    let cookie = format!(
        "{}={cookie}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{}",
        web.people.cookie_name(),
        COOKIE_LIFE.as_secs(),
        if secure { "; Secure" } else { "" }
    );
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
}

fn words(error: &LinkError) -> String {
    let words = super::refusal::sentence(&error.to_string());
    match error {
        LinkError::Unknown | LinkError::Old => words,
        LinkError::SomebodyElse => {
            format!("{words} The link is still good: open it in another browser, or in a private window.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guessing_a_password_is_slow() {
        let (tries, now) = (Tries::default(), Instant::now());
        let (bad, good) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        for _ in 0..TRIES {
            assert!(tries.may(bad, now));
            tries.wrong(bad, now);
        }
        assert!(!tries.may(bad, now) && tries.may(good, now));
        assert!(tries.may(bad, now + TRIES_WITHIN + Duration::from_secs(1)));
    }
}
