//! How a browser goes: itself, or all of a person at once, such as when one is lost.

use std::sync::Arc;

use axum::Form;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use super::config::Access;
use super::enter::{self, Outside};
use super::gate::{Anybody, Visitor};
use super::refusal::PageRefused;
use super::shared::Web;

/// Where the forms lead.
pub(crate) const PATH: &str = "/leave";

#[derive(Deserialize)]
pub(crate) struct Leaves {
    csrf: Option<String>,
    /// All browsers of the person, instead of this one.
    everywhere: Option<String>,
}

/// Who this browser is, and how it goes.
pub(crate) fn page(web: &Web, visitor: &Visitor) -> Response {
    let name = visitor.person.words();
    let on = Some(("/", "Back to the threads"));
    if visitor.cookie.is_none() {
        let words = format!("You are {name}: so says the proxy in front, which signs people in and out.");
        return enter::page("This browser", &words, "", on);
    }
    let mut words = match web.people.browsers_of(&visitor.person.user) {
        0 | 1 => format!("It belongs to {name}, who has no other one."),
        browsers => format!("It belongs to {name}, who has {browsers}."),
    };
    words.push_str(if matches!(web.config.allow, Access::Password(_)) {
        "\n\nSigned out, the password lets it in again, as somebody new. Back to these threads leads"
    } else {
        "\n\nSigned out, it needs"
    });
    words.push_str(if visitor.person.admin {
        " a new link: `agent-host status` prints one on the machine."
    } else {
        " a new link, made by another browser of the same person (“My other browser” in the menu). Whoever has no other \
         browser and no link does not come back to their threads."
    });
    words.push_str("\n\nWhat was written here and has not been sent goes with it.");
    let csrf = enter::hidden("csrf", &visitor.csrf);
    let form = |more: &str, button: &str| {
        format!("<form method=\"post\" action=\"{PATH}\">{csrf}{more}<button>{button}</button></form>")
    };
    let mut forms = form("", "Sign this browser out");
    let everywhere = enter::hidden("everywhere", "yes");
    forms.push_str(&form(&everywhere, "Sign out everywhere, and end unused links"));
    enter::page("This browser", &words, &forms, on)
}

/// `POST /leave`
pub(crate) async fn leave(
    State(web): State<Arc<Web>>,
    Anybody(already): Anybody,
    Form(leaves): Form<Leaves>,
) -> Result<Response, PageRefused> {
    let Some(visitor) = already else {
        return Ok(enter::doorstep(&web, StatusCode::OK, Outside::SignedOut));
    };
    visitor.proves(leaves.csrf.as_deref())?;
    let Some(cookie) = &visitor.cookie else {
        return Ok(page(&web, &visitor));
    };
    let user = &visitor.person.user;
    let everywhere = leaves.everywhere.is_some();
    if everywhere {
        web.people.leave_everywhere(user).await?;
    } else {
        web.people.leave(cookie.expose_secret()).await?;
    }
    tracing::info!(%user, everywhere, "a browser was signed out");
    let mut response = enter::doorstep(&web, StatusCode::OK, Outside::SignedOut).into_response();
    enter::give_cookie(&web, None, &mut response);
    // Words of theirs that were never sent are not for whoever sits there next.
    let everything = HeaderValue::from_static("\"storage\"");
    response
        .headers_mut()
        .insert(HeaderName::from_static("clear-site-data"), everything);
    Ok(response)
}
