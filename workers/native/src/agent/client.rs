//! What a session says to its client, and asks it.

use acp::schema::{
    ContentBlock, ContentChunk, PermissionOption, PermissionOptionKind, RequestPermissionOutcome,
    RequestPermissionRequest, RequestPermissionResponse, SessionId, SessionNotification, SessionUpdate,
    ToolCallUpdate,
};
use agent_client_protocol::v1 as acp;
use agent_client_protocol::{Client as Peer, Error, ErrorCode};
use contract::frames::Pace;
use contract::{DENIAL_REASON, HOST_REASON, LIKENESS, LoginAnswer, LoginNeeded, META_KEY, Status};
use serde_json::json;

use crate::tools::Always;

const ALLOW_ONCE: &str = "allow_once";
const ALLOW_ALWAYS: &str = "allow_always";
const REJECT_ONCE: &str = "reject_once";

/// The client of one session.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    connection: acp::ConnectionTo<Peer>,
    pace: Pace,
    session: SessionId,
}

/// What somebody decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decision {
    /// This time. (The client remembers an "always", and answers by itself.)
    Allowed,
    /// Not, and what the model is told.
    Denied(String),
}

/// What became of a request for a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Login {
    /// There is one.
    Done,
    /// There will be none.
    GivenUp,
    /// This client can't be asked.
    NotUnderstood,
}

impl Client {
    pub(crate) fn new(connection: acp::ConnectionTo<Peer>, pace: Pace, session: &str) -> Self {
        Self {
            connection,
            pace,
            session: SessionId::new(session),
        }
    }

    /// The session's id.
    pub(crate) fn session(&self) -> &str {
        &self.session.0
    }

    /// Whether the client keeps up. If not, what can wait and grow should.
    pub(crate) fn keeps_up(&self) -> bool {
        self.pace.has_room()
    }

    /// Returns when the client has read most of what it was told. Cancel safe.
    pub(crate) async fn caught_up(&self) {
        self.pace.ready().await;
    }

    /// Tells an update. A client that is gone wants none: the end of its pipe is what ends the turn.
    pub(crate) fn update(&self, update: SessionUpdate) {
        let note = SessionNotification::new(self.session.clone(), update);
        if let Err(error) = self.connection.send_notification(note) {
            tracing::debug!(%error, "could not send an update");
        }
    }

    /// Words of the agent, whole.
    pub(crate) fn say(&self, words: &str, message: &str) {
        let chunk = ContentChunk::new(ContentBlock::from(words)).message_id(message);
        self.update(SessionUpdate::AgentMessageChunk(chunk));
    }

    /// Tells what the turn is doing.
    pub(crate) fn status(&self, what: impl Into<String>) {
        let status = Status {
            session: self.session().to_owned(),
            what: what.into(),
        };
        if let Err(error) = self.connection.send_notification(status) {
            tracing::debug!(%error, "could not send a status");
        }
    }

    /// Asks a person; `always` is what may be allowed for the whole thread, if anything. Dropping the future withdraws the question.
    pub(crate) async fn permission(
        &self,
        call: ToolCallUpdate,
        always: Option<&Always>,
    ) -> Result<Decision, Error> {
        let option = PermissionOption::new;
        let mut options = vec![option(ALLOW_ONCE, "Allow once", PermissionOptionKind::AllowOnce)];
        let scope = |always: &Always| option(ALLOW_ALWAYS, always.scope, PermissionOptionKind::AllowAlways);
        options.extend(always.map(scope));
        options.push(option(REJECT_ONCE, "Deny", PermissionOptionKind::RejectOnce));
        let likeness = always.map(|always| {
            acp::schema::Meta::from_iter([(META_KEY.to_owned(), json!({ LIKENESS: always.key }))])
        });
        let request = RequestPermissionRequest::new(self.session.clone(), call, options).meta(likeness);
        let answer = self.connection.send_request(request).block_task().await?;
        Ok(decision(&answer))
    }

    /// Asks for a login, and waits until there is one. Dropping the future withdraws the question.
    pub(crate) async fn login(&self, needed: LoginNeeded) -> Result<Login, Error> {
        match self.connection.send_request(needed).block_task().await {
            Ok(LoginAnswer::Try) => Ok(Login::Done),
            Ok(LoginAnswer::GiveUp) => Ok(Login::GivenUp),
            Err(error) if error.code == ErrorCode::METHOD_NOT_FOUND => Ok(Login::NotUnderstood),
            Err(error) => Err(error),
        }
    }
}

/// Anything but a plain yes is a no.
fn decision(answer: &RequestPermissionResponse) -> Decision {
    let ours = answer.meta.as_ref().and_then(|meta| meta.get(META_KEY));
    let reason = |key: &str| {
        let reason = ours.and_then(|ours| ours.get(key)?.as_str()).map(str::trim);
        reason.filter(|reason| !reason.is_empty())
    };
    let chosen = match &answer.outcome {
        RequestPermissionOutcome::Selected(selected) => Some(&*selected.option_id.0),
        _ => None,
    };
    match (chosen, reason(DENIAL_REASON), reason(HOST_REASON)) {
        (Some(ALLOW_ONCE | ALLOW_ALWAYS), ..) => Decision::Allowed,
        (_, Some(reason), _) => Decision::Denied(format!("the user denied this call: {reason}")),
        (_, None, Some(reason)) => Decision::Denied(format!("this call was denied because {reason}")),
        (Some(_), None, None) => Decision::Denied("the user denied this call and gave no reason".to_owned()),
        (None, None, None) => {
            Decision::Denied("this call was denied because nobody answered the request in time".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use acp::schema::SelectedPermissionOutcome;

    use super::*;

    fn selected(option: &'static str) -> RequestPermissionResponse {
        let chosen = SelectedPermissionOutcome::new(option);
        RequestPermissionResponse::new(RequestPermissionOutcome::Selected(chosen))
    }

    fn because(answer: RequestPermissionResponse, key: &str, reason: &str) -> RequestPermissionResponse {
        let mut meta = acp::schema::Meta::new();
        meta.insert(META_KEY.to_owned(), json!({ (key): reason }));
        answer.meta(meta)
    }

    #[test]
    fn only_a_plain_yes_allows_and_a_denial_says_why() {
        let cancelled = RequestPermissionResponse::new(RequestPermissionOutcome::Cancelled);
        assert_eq!(decision(&selected("allow_once")), Decision::Allowed);
        assert_eq!(decision(&selected("allow_always")), Decision::Allowed);
        for (answer, words) in [
            (selected("reject_once"), "gave no reason"),
            (selected("yes please"), "gave no reason"),
            (cancelled.clone(), "nobody answered"),
            (
                because(selected("reject_once"), DENIAL_REASON, "not on a friday"),
                "the user denied this call: not on a friday",
            ),
            (
                because(selected("reject_once"), DENIAL_REASON, "  "),
                "gave no reason",
            ),
            (because(cancelled, DENIAL_REASON, "too late"), "too late"),
            (
                because(selected("reject_once"), HOST_REASON, "nobody answered in time"),
                "this call was denied because nobody answered in time",
            ),
        ] {
            let Decision::Denied(told) = decision(&answer) else {
                panic!("{answer:?} allowed")
            };
            assert!(told.contains(words), "{told}");
        }
    }
}
