//! What people do in threads: open, post, stop, retry, decide, change.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use conversation::{Dispatch, NewThread, SourceId, Thread, ThreadChange, ThreadId, TurnId};
use credentials::Timestamp;
use serde::{Deserialize, Serialize};
use supervisor::{Answer, Happened, Message, Posted, Setting};

use super::gate::Visitor;
use super::refusal::Refused;
use super::said::{self, Said};
use super::shared::Web;
use super::view;
use super::{people, random};
use crate::standing::wanted;

/// Longer titles are refused, in characters; as the field says (`maxlength`).
const MAX_TITLE: usize = 120;

/// Longer names of models are refused, in characters.
const MAX_MODEL: usize = 200;

/// An answer that says only that it was done.
#[derive(Serialize)]
pub(crate) struct Done {}

#[derive(Deserialize)]
pub(crate) struct First {
    /// The page's own name of the message: sent again, it opens the same thread.
    id: Option<String>,
    text: String,
    #[serde(default)]
    files: Vec<String>,
    agent: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct Opened {
    thread: ThreadId,
    url: String,
    #[serde(flatten)]
    posted: PostedView,
}

#[derive(Deserialize)]
pub(crate) struct Next {
    id: String,
    text: String,
    #[serde(default)]
    files: Vec<String>,
    mode: Option<Dispatch>,
}

/// What became of a message.
#[derive(Serialize)]
pub(crate) struct PostedView {
    turn: i64,
    /// The message's entry, if it is a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<i64>,
    /// `started`, `queued`, `steered`, `interrupted`, or `known`.
    happened: &'static str,
    /// Turns before it, when it is queued.
    #[serde(skip_serializing_if = "Option::is_none")]
    ahead: Option<usize>,
    /// Turns that it pushed out, when it interrupted.
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped: Option<usize>,
}

#[derive(Deserialize)]
pub(crate) struct OfTurn {
    turn: i64,
}

#[derive(Deserialize)]
pub(crate) struct Stops {
    /// The turn that the page shows; where it shows none, whatever runs.
    turn: Option<i64>,
}

#[derive(Serialize)]
pub(crate) struct Stopped {
    /// Whether it ran.
    stopped: bool,
}

#[derive(Deserialize)]
pub(crate) struct Decides {
    request: String,
    /// The agent's own name of an answer that it offers; it wins over `answer`.
    option: Option<String>,
    answer: Word,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Once,
    Always,
    Deny,
}

#[derive(Deserialize)]
pub(crate) struct Settings {
    title: Option<String>,
    /// Empty: back to the agent's own.
    model: Option<String>,
    /// The same of the agent's mode.
    mode: Option<String>,
    agent: Option<String>,
    dispatch: Option<Dispatch>,
}

/// `POST /api/threads`
pub(crate) async fn open(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Said(first): Said<First>,
) -> Result<Json<Opened>, Refused> {
    let text = said::message(&first.text, first.files.len())?;
    let user = visitor.person.user.clone();
    let source = first.id.unwrap_or_else(random::name);
    let name = random::name_of("thread", &[user.as_str(), said::message_id(&source)?]);
    let id = ThreadId::parse(&format!("web:{name}")).map_err(Refused::bad)?;
    web.uploads.check(&user, &first.files)?;
    let new = NewThread {
        id: id.clone(),
        owner: user.clone(),
        title: said::title(&text),
        agent: first.agent.unwrap_or_else(|| web.config.default_agent.clone()),
        model: None,
        dispatch: web.config.dispatch,
        workspaces: None,
        permissions: None,
    };
    let thread = web.supervisor.open_thread(new).await?;
    web.note_owner(&id, thread.owner);
    let next = Next {
        id: source,
        text,
        files: first.files,
        mode: None,
    };
    let posted = web.post_message(&visitor, &id, next).await?;
    Ok(Json(Opened {
        url: view::thread_path(&id),
        thread: id,
        posted: posted.into(),
    }))
}

/// `POST /api/t/{id}/messages`
pub(crate) async fn post(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path(thread): Path<String>,
    Said(next): Said<Next>,
) -> Result<Json<PostedView>, Refused> {
    let thread = web.thread(&visitor.person, &thread).await?;
    let posted = web.post_message(&visitor, &thread, next).await?;
    Ok(Json(posted.into()))
}

impl Web {
    async fn post_message(
        &self,
        visitor: &Visitor,
        thread: &ThreadId,
        next: Next,
    ) -> Result<Posted, Refused> {
        let text = said::message(&next.text, next.files.len())?;
        let source = SourceId(format!("web:{}", said::message_id(&next.id)?));
        let workspace = self.supervisor.workspace(thread).await?;
        let files = self
            .uploads
            .place(&visitor.person.user, &next.files, thread, workspace)
            .await?;
        let message = Message {
            thread: thread.clone(),
            source,
            by: visitor.person.user.clone(),
            name: visitor.person.name.clone(),
            text,
            files,
            dispatch: next.mode,
        };
        let posted = self.supervisor.post(message).await?;
        // Who writes has read.
        self.has_seen(&visitor.person.user, thread, Timestamp::now());
        Ok(posted)
    }
}

/// `POST /api/t/{id}/stop`
pub(crate) async fn stop(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path(thread): Path<String>,
    Said(stops): Said<Stops>,
) -> Result<Json<Stopped>, Refused> {
    let thread = web.thread(&visitor.person, &thread).await?;
    let (supervisor, by) = (&web.supervisor, &visitor.person.user);
    let stopped = match stops.turn {
        Some(turn) => supervisor.stop_turn(&thread, TurnId(turn), by).await?,
        None => supervisor.stop(&thread, by).await?,
    };
    Ok(Json(Stopped { stopped }))
}

/// `POST /api/t/{id}/retry`
pub(crate) async fn retry(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path(thread): Path<String>,
    Said(of): Said<OfTurn>,
) -> Result<Json<PostedView>, Refused> {
    let thread = web.thread(&visitor.person, &thread).await?;
    let posted = web
        .supervisor
        .retry(&thread, TurnId(of.turn), &visitor.person.user)
        .await?;
    Ok(Json(posted.into()))
}

/// `POST /api/t/{id}/drop`
pub(crate) async fn drop_queued(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path(thread): Path<String>,
    Said(of): Said<OfTurn>,
) -> Result<Json<Done>, Refused> {
    let thread = web.thread(&visitor.person, &thread).await?;
    web.supervisor
        .drop_queued(&thread, TurnId(of.turn), &visitor.person.user)
        .await?;
    Ok(Json(Done {}))
}

/// `POST /api/t/{id}/decide`
pub(crate) async fn decide(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path(thread): Path<String>,
    Said(decides): Said<Decides>,
) -> Result<Json<Done>, Refused> {
    let thread = web.thread(&visitor.person, &thread).await?;
    let reason = decides
        .reason
        .map(|reason| reason.trim().to_owned())
        .filter(|reason| !reason.is_empty());
    let answer = match (decides.option, decides.answer) {
        (Some(id), _) => Answer::Option { id, reason },
        (None, Word::Once) => Answer::Once,
        (None, Word::Always) => Answer::Always,
        (None, Word::Deny) => Answer::Deny { reason },
    };
    let name = people::name_or(&visitor.person.name, "the owner");
    web.supervisor
        .decide(&thread, &decides.request, &visitor.person.user, name, answer)
        .await?;
    Ok(Json(Done {}))
}

/// `POST /api/t/{id}/settings`
pub(crate) async fn settings(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path(thread): Path<String>,
    Said(settings): Said<Settings>,
) -> Result<Json<Done>, Refused> {
    let thread = web.thread(&visitor.person, &thread).await?;
    let known = web.supervisor.subscribe(&thread).await?.0.thread;
    let meant = with_agent(known, settings.agent.clone());
    let named = |setting, name: Option<String>| -> Result<_, Refused> {
        let name = name.as_deref().map(model).transpose()?;
        let own = |name: String| (!name.is_empty()).then_some(name);
        Ok(name.map(|name| own(name).and_then(|name| wanted(&web.supervisor, &meant, setting, name))))
    };
    let change = ThreadChange {
        title: settings.title.as_deref().map(title).transpose()?,
        agent: settings.agent,
        model: named(Setting::Model, settings.model)?,
        mode: named(Setting::Mode, settings.mode)?,
        dispatch: settings.dispatch,
        ..ThreadChange::default()
    };
    web.supervisor.change(&thread, change).await?;
    Ok(Json(Done {}))
}

/// `POST /api/t/{id}/reset`
pub(crate) async fn reset(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    Path(thread): Path<String>,
) -> Result<Json<Done>, Refused> {
    let thread = web.thread(&visitor.person, &thread).await?;
    web.supervisor.reset(&thread, &visitor.person.user).await?;
    Ok(Json(Done {}))
}

/// The thread as it would be with this agent, if one is named.
pub(crate) fn with_agent(thread: Thread, agent: Option<String>) -> Thread {
    Thread {
        agent: agent.unwrap_or(thread.agent),
        ..thread
    }
}

/// The name of a model or a mode as it was typed.
pub(crate) fn model(text: &str) -> Result<String, Refused> {
    line(text, MAX_MODEL)
}

fn title(text: &str) -> Result<String, Refused> {
    let title = Some(line(text, MAX_TITLE)?).filter(|title| !title.is_empty());
    title.ok_or_else(|| Refused::bad("a title can't be empty"))
}

/// One line of so many characters at most; what deceives (such as a change of the direction) is left out.
fn line(text: &str, most: usize) -> Result<String, Refused> {
    let text = text.trim();
    if text.chars().count() > most || text.chars().any(char::is_control) {
        let words = format!("that is no usable name: one line, at most {most} characters");
        return Err(Refused::new(StatusCode::BAD_REQUEST, words));
    }
    Ok(crate::harmless::line(text, most))
}

impl From<Posted> for PostedView {
    fn from(posted: Posted) -> Self {
        let (mut ahead, mut dropped) = (None, None);
        let happened = match posted.happened {
            Happened::Started => "started",
            Happened::Queued { ahead: before } => {
                ahead = Some(before);
                "queued"
            }
            Happened::Steered => "steered",
            Happened::Interrupted { dropped: out } => {
                dropped = Some(out);
                "interrupted"
            }
            Happened::Known => "known",
        };
        Self {
            turn: posted.turn.0,
            item: posted.item.map(|item| item.0),
            happened,
            ahead,
            dropped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_as_long_as_its_field_lets_it_be() {
        let longest = "ü".repeat(MAX_TITLE);
        assert_eq!(title(&format!(" {longest} ")).unwrap(), longest);
        assert!(title(&format!("{longest}x")).is_err());
        assert!(title("two\nlines").is_err());
        assert_eq!(title("in\u{202e}voice\u{200b} 7").unwrap(), "invoice 7");
        assert!(title("  \u{202e}\u{200b}").is_err());
    }
}
