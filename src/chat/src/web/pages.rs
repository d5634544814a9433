//! The pages, and the files that they are made with.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use serde::{Deserialize, Serialize};

use super::gate::Visitor;
use super::lists::{LIST_LIMIT, own_threads};
use super::people::Whose;
use super::refusal::{PageRefused, Refused};
use super::said::Said;
use super::shared::{Web, is_ours};
use super::view::{self, Content, Line, MayInvite, Shell, Viewer, Worker};

mod logins;

/// `GET /`
pub(crate) async fn home(State(web): State<Arc<Web>>, visitor: Visitor) -> Result<Html<String>, PageRefused> {
    Ok(Html(web.frame(&visitor).await?.draw(Content::Home)))
}

/// `GET /t/{id}`
pub(crate) async fn thread(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path(thread): Path<String>,
) -> Result<Html<String>, PageRefused> {
    let thread = web.watched(&visitor.person, &thread).await?;
    let (snapshot, _) = web.supervisor.subscribe(&thread).await.map_err(Refused::from)?;
    let mut frame = web.frame(&visitor).await?;
    frame.viewer = Web::viewer_of(&visitor, &thread);
    let origin = (!is_ours(&thread)).then(|| web.config.origins.of(&thread));
    let heavy = view::is_heavy(&snapshot.items);
    let html = view::drawing(heavy, move || {
        frame.draw(match &origin {
            None => Content::Thread(&snapshot),
            Some(origin) => Content::Elsewhere(&snapshot, origin),
        })
    });
    Ok(Html(html.await))
}

/// `GET /credentials`
pub(crate) async fn credentials(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
) -> Result<Html<String>, PageRefused> {
    let purse = web.purse(&visitor.person).await?;
    let html = view::credentials(&purse, &Web::viewer(&visitor));
    let frame = web.frame(&visitor).await?;
    Ok(Html(frame.draw(Content::Page {
        title: "Credentials",
        html: &html,
    })))
}

/// `GET /workers`
pub(crate) async fn workers(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
) -> Result<Html<String>, PageRefused> {
    let html = web.workers(&visitor).await?;
    let frame = web.frame(&visitor).await?;
    Ok(Html(frame.draw(Content::Page {
        title: "Workers",
        html: &html,
    })))
}

/// A part of a page.
#[derive(Serialize)]
pub(crate) struct Part {
    pub(crate) html: String,
}

/// `GET /api/workers`
pub(crate) async fn workers_part(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
) -> Result<Json<Part>, Refused> {
    Ok(Json(Part {
        html: web.workers(&visitor).await?,
    }))
}

/// `GET /api/credentials`
pub(crate) async fn credentials_part(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
) -> Result<Json<Part>, Refused> {
    let purse = web.purse(&visitor.person).await?;
    Ok(Json(Part {
        html: view::credentials(&purse, &Web::viewer(&visitor)),
    }))
}

#[derive(Deserialize)]
pub(crate) struct Renames {
    name: String,
}

#[derive(Serialize)]
pub(crate) struct Renamed {
    name: String,
}

/// `POST /api/name`
pub(crate) async fn rename(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Said(Renames { name }): Said<Renames>,
) -> Result<Json<Renamed>, Refused> {
    Ok(Json(Renamed {
        name: web.people.rename(&visitor.person.user, &name).await?,
    }))
}

#[derive(Deserialize)]
pub(crate) struct Invites {
    /// Another person, instead of another browser of the same one.
    #[serde(default)]
    other: bool,
}

#[derive(Serialize)]
pub(crate) struct Invited {
    url: String,
    /// How long it is good, in seconds.
    seconds: u64,
}

/// `POST /api/invite`
pub(crate) async fn invite(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    headers: HeaderMap,
    Said(Invites { other }): Said<Invites>,
) -> Result<Json<Invited>, Refused> {
    if web.is_by_header() {
        return Err(
            Refused::nothing("way in").hint("the proxy in front signs people in: give them its address")
        );
    }
    if other && !visitor.person.admin {
        let words = "only the administrator may let somebody else in";
        return Err(Refused::new(StatusCode::FORBIDDEN, words)
            .hint("ask them for a link; for a browser of your own you can make one"));
    }
    let whose = if other {
        Whose::NewPerson
    } else {
        Whose::Of(visitor.person.user.clone())
    };
    let key = web.people.new_key(whose);
    // Under the name that this person knows it by; it was checked to be one of ours.
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let base = match &web.config.public_url {
        Some(public) => public.origin().ascii_serialization(),
        None => format!("http://{host}"),
    };
    tracing::info!(user = %visitor.person.user, other, "a link for a browser was made");
    let url = format!("{base}{}?key={key}", super::enter::PATH);
    Ok(Json(Invited {
        url,
        seconds: super::people::LINK_LIFE.as_secs(),
    }))
}

/// `GET /assets/{name}`
pub(crate) async fn asset(
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Some(asset) = view::asset(&name) else {
        return Refused::nothing("file").into_response();
    };
    let version = view::version();
    let tag = format!("\"{version}\"");
    // Named with its version it never changes.
    let caching = match query {
        Some(query) if query == format!("v={version}") => "public, max-age=31536000, immutable",
        _ => "no-cache",
    };
    let common = [(header::ETAG, tag.as_str()), (header::CACHE_CONTROL, caching)];
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|known| known.to_str().ok());
    if known.is_some_and(|known| known.split(',').any(|one| one.trim() == tag)) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    (common, [(header::CONTENT_TYPE, asset.mime)], asset.body).into_response()
}

/// Whatever is not there.
pub(crate) async fn nothing() -> PageRefused {
    PageRefused(Refused::nothing("page"))
}

/// What stands around the content of a page.
struct Frame {
    web: Arc<Web>,
    viewer: Viewer,
    name: String,
    csrf: String,
    invites: MayInvite,
    threads: Vec<Line>,
}

impl Frame {
    fn draw(&self, content: Content<'_>) -> String {
        let web = &self.web;
        view::shell(&Shell {
            content,
            viewer: &self.viewer,
            name: &self.name,
            csrf: &self.csrf,
            invites: self.invites,
            boot: &web.boot,
            threads: &self.threads,
            agents: &web.supervisor.agents(),
            default_agent: &web.config.default_agent,
            upload_limit: web.uploads.limit,
            trials: &web.config.trials,
            notice: web.config.notice.as_deref(),
        })
    }
}

impl Web {
    /// What stands around the content of a page of this visitor's.
    async fn frame(self: &Arc<Self>, visitor: &Visitor) -> Result<Frame, Refused> {
        let viewer = Self::viewer(visitor);
        let threads = self.listed(&visitor.person, LIST_LIMIT).await?;
        let threads = threads.into_iter().map(|status| self.line(status)).collect();
        Ok(Frame {
            web: Arc::clone(self),
            viewer,
            name: visitor.person.name.clone(),
            csrf: visitor.csrf.clone(),
            invites: match visitor.person.admin {
                _ if self.is_by_header() => MayInvite::Nobody,
                true => MayInvite::Anybody,
                false => MayInvite::OwnBrowser,
            },
            threads,
        })
    }

    async fn workers(&self, visitor: &Visitor) -> Result<String, Refused> {
        let own = self
            .supervisor
            .threads(conversation::ThreadFilter {
                limit: 0,
                ..own_threads(&visitor.person)
            })
            .await?;
        let title_of = |id: &conversation::ThreadId| {
            own.iter()
                .find(|status| status.summary.thread.id == *id)
                .map(|status| status.summary.thread.title.as_str())
        };
        let all = self.supervisor.workers().await;
        let workers: Vec<Worker<'_>> = all
            .iter()
            .map(|status| Worker { status, title: title_of(&status.thread) })
            // What others do is the administrator's business alone.
            .filter(|worker| worker.title.is_some() || visitor.person.admin)
            .collect();
        Ok(view::workers(&workers, &Self::viewer(visitor)))
    }
}
