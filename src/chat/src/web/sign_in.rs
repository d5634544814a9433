//! Signing in and out from the page: a link, a code or a key, and the browser that comes back.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use credentials::{Begun, Completed, Meant, Owner, Revoked, Service, SignInError, Tenant, UserId, Way};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use super::gate::Visitor;
use super::people::Person;
use super::refusal::Refused;
use super::said::Said;
use super::shared::Web;
use super::view;
use links::Answer;

mod back;
mod device;
mod links;
pub(crate) mod words;

pub(crate) use back::{PATHS, back};
pub(crate) use device::Waits;
pub(crate) use links::Links;

/// Whose login it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Scope {
    /// The person's own.
    #[default]
    Mine,
    /// Of everybody who may use this host; for the administrator alone.
    Host,
}

#[derive(Deserialize)]
pub(crate) struct Begins {
    service: String,
    #[serde(default)]
    scope: Scope,
    /// `pkce`, `device` or `api-key`; else the vendor's default.
    way: Option<String>,
    /// The thread that waits for it: the way back.
    thread: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Completes {
    service: String,
    /// For whom it was begun, where the page that sends it knows that.
    scope: Option<Scope>,
    /// Left out: how does the sign-in stand?
    pasted: Option<SecretText>,
}

#[derive(Deserialize)]
pub(crate) struct SignsOut {
    service: String,
    #[serde(default)]
    scope: Scope,
}

/// A text that can't be printed.
#[derive(Deserialize)]
#[serde(from = "String")]
pub(crate) struct SecretText(pub(crate) SecretString);

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

/// What the page shows next.
#[derive(Default, Serialize)]
pub(crate) struct Step {
    html: String,
    /// Whether it is over.
    done: bool,
    /// For programs: the link, or the page on which the code is typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<Url>,
    /// For programs: the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct Out {
    /// What happened, in words.
    words: String,
}

/// `POST /api/auth/begin`
pub(crate) async fn begin(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    headers: HeaderMap,
    Said(begins): Said<Begins>,
) -> Result<Json<Step>, Refused> {
    let thread = match &begins.thread {
        Some(thread) => Some(web.thread(&visitor.person, thread).await?),
        None => None,
    };
    let service = service(&begins.service)?;
    let tenant = tenant(&visitor, &service, begins.scope)?;
    let vendor = web.credentials.vendors().get(&service).map_err(Refused::bad)?;
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let redirect = match vendor.way(begins.way.as_deref()) {
        Some(Way::Pkce(pkce)) => back::redirect(&pkce.redirect_uris, host, web.config.public_url.as_ref()),
        _ => None,
    };
    let user = &visitor.person.user;
    let (begun, at) = web
        .credentials
        .begin(&tenant, user, begins.way.as_deref(), redirect.as_ref())
        .await
        .map_err(|error| words::not_begun(&error))?;
    tracing::info!(%service, %user, owner = %tenant.owner, "a sign-in was begun");
    if let Begun::Link { url, .. } = &begun {
        web.links.note(url, user, &service, thread);
        web.forget_device(user, &service);
    }
    if let Begun::Device { .. } = &begun {
        web.wait_for_device(user.clone(), tenant, at);
    }
    let scope = match begins.scope {
        Scope::Mine => "mine",
        Scope::Host => "host",
    };
    let mut html = view::sign_in_step(&service, scope, &begun);
    if let Some(warning) = &vendor.warning {
        html = format!("<p class=\"quiet\">{}</p>{html}", view::escape(warning));
    }
    let (url, code) = match begun {
        Begun::Link { url, .. } => (Some(url), None),
        Begun::Device { page, user_code, .. } => (Some(page), Some(user_code)),
        Begun::Key { .. } => (None, None),
    };
    Ok(Json(Step {
        html,
        done: false,
        url,
        code,
    }))
}

/// `POST /api/auth/complete`
pub(crate) async fn complete(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Said(said): Said<Completes>,
) -> Result<Json<Step>, Refused> {
    let service = service(&said.service)?;
    let user = &visitor.person.user;
    let Some(SecretText(pasted)) = said.pasted else {
        return web.state_of(user, &service).await.map(Json);
    };
    let found = match links::state_in(pasted.expose_secret()) {
        Some(state) => web.links.find(&state, user).await,
        None => Answer::Unknown,
    };
    let _turn = match found {
        Answer::SomebodyElses => return Err(words::somebody_elses()),
        Answer::Older(_) => return Err(words::older()),
        Answer::Over(link) => return Err(words::over(&link.service)),
        Answer::Waits(link, _) | Answer::Done(link) if link.service != service => {
            return Err(words::other_service(&web.title_of(&link.service)));
        }
        Answer::Done(link) => {
            return Ok(Json(Step {
                html: view::sign_in_before(&web.title_of(&link.service), words::DONE_BEFORE),
                done: true,
                ..Step::default()
            }));
        }
        Answer::Waits(_, turn) => Some(turn),
        Answer::Unknown => None,
    };
    let owner = match said.scope {
        Some(scope) => Some(tenant(&visitor, &service, scope)?.owner),
        None => theirs(&visitor.person),
    };
    let signed_in = web.complete(user, (&service, owner), pasted).await;
    let signed_in = signed_in.map_err(|error| words::refused(&error))?;
    Ok(Json(Step {
        html: web.done(&signed_in),
        done: true,
        ..Step::default()
    }))
}

/// `POST /api/auth/logout`
pub(crate) async fn logout(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Said(out): Said<SignsOut>,
) -> Result<Json<Out>, Refused> {
    let service = service(&out.service)?;
    let tenant = tenant(&visitor, &service, out.scope)?;
    let ended = web
        .credentials
        .logout(&tenant)
        .await
        .map_err(|error| words::refused(&error))?;
    tracing::info!(%service, user = %visitor.person.user, owner = %tenant.owner, "signed out");
    web.links.forget(&visitor.person.user, &service);
    web.forget_device(&visitor.person.user, &service);
    web.supervisor.credentials_changed();
    let words = match (ended.was_there, ended.revoked) {
        (false, _) => format!("There was no login to {service}."),
        (true, Revoked::Yes) => format!("Signed out of {service}, and the vendor has ended the login."),
        (true, Revoked::NotPossible) => {
            format!("Signed out of {service} here; the vendor offers no way to tell it.")
        }
        (true, Revoked::Failed(why)) => format!(
            "Signed out of {service} here. The vendor could not be told ({why}), so the login may live on there."
        ),
    };
    Ok(Json(Out { words }))
}

impl Web {
    /// How the newest sign-in of a person to a service stands, for the page that waits for what they do elsewhere.
    async fn state_of(&self, user: &UserId, service: &Service) -> Result<Step, Refused> {
        if let Some(state) = self.device_state(user, service) {
            return state;
        }
        match self.links.is_done(user, service) {
            Some(true) => Ok(Step {
                html: view::sign_in_before(&self.title_of(service), "What waited for it goes on by itself."),
                done: true,
                ..Step::default()
            }),
            Some(false) => Ok(Step::default()),
            // Begun before this host was started.
            None if self.begun_by(user, "pkce").await.contains(service) => Ok(Step::default()),
            None => Err(words::not_waited_for(&self.title_of(service))),
        }
    }

    /// Completes a sign-in with what was pasted: the one that is for this login, if one is named.
    async fn complete(
        &self,
        user: &UserId,
        (service, owner): (&Service, Option<Owner>),
        pasted: SecretString,
    ) -> Result<Completed, SignInError> {
        let meant = Meant { owner, begun: None };
        let completed = self
            .credentials
            .complete_this((service, &meant), user, Some(pasted))
            .await?;
        self.completed(user, &completed);
        Ok(completed)
    }

    /// A sign-in worked: turns that wait for it look again.
    fn completed(&self, user: &UserId, completed: &Completed) {
        let service = &completed.tenant.service;
        tracing::info!(%service, %user, owner = %completed.tenant.owner, "signed in");
        self.links.done(user, service);
        self.forget_failed_code(user, service);
        self.supervisor.credentials_changed();
    }

    fn done(&self, completed: &Completed) -> String {
        view::sign_in_done(&self.title_of(&completed.tenant.service), completed)
    }

    /// A service's name for people.
    fn title_of(&self, service: &Service) -> String {
        let vendor = self.credentials.vendors().get(service);
        vendor.map_or_else(|_| service.to_string(), |vendor| vendor.title.clone())
    }
}

fn service(text: &str) -> Result<Service, Refused> {
    Service::parse(text).map_err(Refused::bad)
}

/// The one login that somebody may change, where they may not change each. They may have been an administrator when they
/// began.
fn theirs(person: &Person) -> Option<Owner> {
    (!person.admin).then(|| Owner::User(person.user.clone()))
}

/// The login that is meant, if this person may change it.
fn tenant(visitor: &Visitor, service: &Service, scope: Scope) -> Result<Tenant, Refused> {
    let owner = match scope {
        Scope::Mine => Owner::User(visitor.person.user.clone()),
        Scope::Host if visitor.person.admin => Owner::Host,
        Scope::Host => {
            return Err(Refused::new(
                StatusCode::FORBIDDEN,
                "only the administrator signs in and out for the whole host",
            )
            .hint("sign in for yourself, or use `agent-host auth` on the machine"));
        }
    };
    Ok(Tenant {
        service: service.clone(),
        owner,
    })
}
