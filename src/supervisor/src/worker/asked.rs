//! What a worker asks people, and how it is answered.

use std::collections::HashSet;

use agent_client_protocol::v1::Responder;
use agent_client_protocol::v1::schema::{
    Meta, PermissionOption, PermissionOptionKind, RequestPermissionOutcome, RequestPermissionRequest,
    RequestPermissionResponse, SelectedPermissionOutcome, ToolCallUpdate,
};
use agent_client_protocol::{Error, JsonRpcMessage, JsonRpcRequest, UntypedMessage};
use contract::{DENIAL_REASON, HOST_REASON, LIKENESS, LoginAnswer, LoginNeeded, META_KEY};
use conversation::{Choice, ChoiceKind};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::supervisor::Answer;
use crate::timeline::brief;

/// A permission request as it comes in. The crate would refuse one with an answer of a kind that it does not know, and
/// nobody would hear of it.
#[derive(Debug, Clone)]
pub(super) struct PermissionRequest {
    request: RequestPermissionRequest,
    /// The answers that are not understood, by name.
    unknown: Vec<String>,
}

impl JsonRpcMessage for PermissionRequest {
    fn matches_method(method: &str) -> bool {
        RequestPermissionRequest::matches_method(method)
    }

    fn method(&self) -> &str {
        self.request.method()
    }

    fn to_untyped_message(&self) -> Result<UntypedMessage, Error> {
        self.request.to_untyped_message()
    }

    fn parse_message(method: &str, params: &Value) -> Result<Self, Error> {
        let mut params = params.clone();
        let (mut unknown, mut ids) = (Vec::new(), HashSet::new());
        if let Some(Value::Array(options)) = params.get_mut("options") {
            options.retain(|option| {
                // Of two with one name nobody could say which was meant: a no might be a yes.
                let is_new = ids.insert(option["optionId"].as_str().map(str::to_owned));
                let is_known = is_new && PermissionOption::deserialize(option).is_ok();
                if !is_known {
                    let named = option["name"].as_str().or(option["optionId"].as_str());
                    unknown.push(brief(named.unwrap_or("one without a name")));
                }
                is_known
            });
        }
        let request = RequestPermissionRequest::parse_message(method, &params)?;
        Ok(Self { request, unknown })
    }
}

impl JsonRpcRequest for PermissionRequest {
    type Response = RequestPermissionResponse;
}

/// A permission request. Dropped without an answer it counts as cancelled.
#[derive(Debug)]
pub(crate) struct PermissionAsked {
    /// What is to be done, as the agent describes it.
    pub(crate) tool_call: ToolCallUpdate,
    /// Answers that the agent offers and that are not understood, by name.
    pub(crate) unknown: Vec<String>,
    /// What calls have in common that an "always" covers, where the host is to remember it.
    pub(crate) likeness: Option<String>,
    options: Vec<PermissionOption>,
    responder: Option<Responder<RequestPermissionResponse>>,
}

/// What a permission request is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PermissionAnswer {
    /// What somebody decided; the reason of a denial goes along.
    Given(Answer),
    /// No, and nobody said so: why, which goes to the agent.
    Unanswered(&'static str),
    /// The turn is over or being cancelled.
    Cancelled,
}

impl PermissionAsked {
    pub(super) fn new(
        PermissionRequest { request, unknown }: PermissionRequest,
        responder: Responder<RequestPermissionResponse>,
    ) -> Self {
        let ours = request.meta.as_ref().and_then(|meta| meta.get(META_KEY));
        let likeness = ours.and_then(|ours| ours.get(LIKENESS)?.as_str());
        Self {
            likeness: likeness.map(str::to_owned),
            tool_call: request.tool_call,
            unknown,
            options: request.options,
            responder: Some(responder),
        }
    }

    /// The answers that the agent offers. What we do not know the meaning of is none.
    pub(crate) fn choices(&self) -> Vec<Choice> {
        let choice = |option: &PermissionOption| {
            Some(Choice {
                id: option.option_id.to_string(),
                name: option.name.clone(),
                kind: match option.kind {
                    PermissionOptionKind::AllowOnce => ChoiceKind::AllowOnce,
                    PermissionOptionKind::AllowAlways => ChoiceKind::AllowAlways,
                    PermissionOptionKind::RejectOnce => ChoiceKind::RejectOnce,
                    PermissionOptionKind::RejectAlways => ChoiceKind::RejectAlways,
                    _ => return None,
                },
            })
        };
        self.options.iter().filter_map(choice).collect()
    }

    /// Answers. An agent that does not offer an answer of that kind gets the careful one that it does offer.
    pub(crate) fn answer(mut self, answer: PermissionAnswer) {
        self.respond(answer);
    }

    fn respond(&mut self, answer: PermissionAnswer) {
        if let Some(responder) = self.responder.take()
            && let Err(error) = responder.respond(response(&self.options, answer))
        {
            // The worker ended meanwhile; that is told by itself.
            tracing::debug!(%error, "nobody waits for the answer to a permission request");
        }
    }
}

impl Drop for PermissionAsked {
    fn drop(&mut self) {
        self.respond(PermissionAnswer::Cancelled);
    }
}

fn response(options: &[PermissionOption], answer: PermissionAnswer) -> RequestPermissionResponse {
    use PermissionOptionKind::{AllowAlways, AllowOnce, RejectAlways, RejectOnce};
    let of_kind = |kinds: &[PermissionOptionKind]| {
        kinds
            .iter()
            .find_map(|kind| options.iter().find(|option| option.kind == *kind))
    };
    let no = || of_kind(&[RejectOnce, RejectAlways]);
    let (option, ours) = match answer {
        PermissionAnswer::Given(Answer::Once) => (of_kind(&[AllowOnce]), None),
        PermissionAnswer::Given(Answer::Always) => (of_kind(&[AllowAlways, AllowOnce]), None),
        PermissionAnswer::Given(Answer::Option { id, reason }) => {
            let named = options.iter().find(|option| *option.option_id.0 == *id);
            (named, reason.map(|reason| json!({ DENIAL_REASON: reason })))
        }
        PermissionAnswer::Given(Answer::Deny { reason }) => {
            (no(), reason.map(|reason| json!({ DENIAL_REASON: reason })))
        }
        PermissionAnswer::Unanswered(why) => (no(), Some(json!({ HOST_REASON: why }))),
        PermissionAnswer::Cancelled => (None, None),
    };
    let outcome = match option {
        Some(option) => {
            RequestPermissionOutcome::Selected(SelectedPermissionOutcome::new(option.option_id.clone()))
        }
        None => RequestPermissionOutcome::Cancelled,
    };
    let meta = ours.map(|ours| Meta::from_iter([(META_KEY.to_owned(), ours)]));
    RequestPermissionResponse::new(outcome).meta(meta)
}

/// A request for a login. Dropped without an answer it counts as given up.
#[derive(Debug)]
pub(crate) struct LoginAsked {
    /// Which one, and why.
    pub(crate) needed: LoginNeeded,
    responder: Option<Responder<LoginAnswer>>,
}

impl LoginAsked {
    pub(super) fn new(needed: LoginNeeded, responder: Responder<LoginAnswer>) -> Self {
        Self {
            needed,
            responder: Some(responder),
        }
    }

    /// Answers.
    pub(crate) fn answer(mut self, answer: LoginAnswer) {
        self.respond(answer);
    }

    fn respond(&mut self, answer: LoginAnswer) {
        if let Some(responder) = self.responder.take()
            && let Err(error) = responder.respond(answer)
        {
            tracing::debug!(%error, "nobody waits for the answer about a login");
        }
    }
}

impl Drop for LoginAsked {
    fn drop(&mut self) {
        self.respond(LoginAnswer::GiveUp);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_not_offered_never_becomes_a_wider_yes() {
        use PermissionOptionKind::{AllowAlways, AllowOnce, RejectAlways, RejectOnce};
        let deny = PermissionAnswer::Given(Answer::Deny { reason: None });
        let option = |id: &str| {
            PermissionAnswer::Given(Answer::Option {
                id: id.into(),
                reason: None,
            })
        };
        for (offered, answer, chosen) in [
            (
                [AllowOnce, RejectOnce].as_slice(),
                PermissionAnswer::Given(Answer::Once),
                Some("0"),
            ),
            (
                &[AllowOnce, RejectOnce],
                PermissionAnswer::Given(Answer::Always),
                Some("0"),
            ),
            (
                &[AllowOnce, AllowAlways],
                PermissionAnswer::Given(Answer::Always),
                Some("1"),
            ),
            (
                &[AllowAlways, RejectOnce],
                PermissionAnswer::Given(Answer::Once),
                None,
            ),
            (&[AllowOnce, RejectAlways], deny.clone(), Some("1")),
            (&[AllowOnce], deny, None),
            (&[AllowOnce, RejectOnce], PermissionAnswer::Cancelled, None),
            (&[AllowAlways, AllowAlways, RejectOnce], option("1"), Some("1")),
            (&[AllowAlways, RejectOnce], option("7"), None),
        ] {
            let options: Vec<_> = offered
                .iter()
                .enumerate()
                .map(|(id, kind)| PermissionOption::new(id.to_string(), "words", *kind))
                .collect();
            let found = match response(&options, answer.clone()).outcome {
                RequestPermissionOutcome::Selected(selected) => Some(selected.option_id.to_string()),
                _ => None,
            };
            assert_eq!(found.as_deref(), chosen, "{offered:?} {answer:?}");
        }
    }

    #[test]
    fn answers_of_an_unknown_kind_are_set_apart_and_what_is_no_request_stays_none() {
        let parse = |params: &Value| PermissionRequest::parse_message("session/request_permission", params);
        let option = |id: &str, kind: &str| json!({ "optionId": id, "name": id, "kind": kind });
        let with = |options: Value| json!({ "sessionId": "s", "toolCall": { "toolCallId": "t" }, "options": options });
        let odd = [
            option("yes", "allow_once"),
            option("maybe", "allow_maybe"),
            json!(7),
            option("yes", "reject_once"),
        ];
        let parsed = parse(&with(json!(odd))).unwrap();
        assert_eq!(parsed.unknown, ["maybe", "one without a name", "yes"]);
        assert_eq!(parsed.request.options.len(), 1);
        for params in [json!(null), json!([]), json!("x"), json!({}), with(json!("x"))] {
            assert!(parse(&params).is_err(), "{params}");
        }
    }

    #[test]
    fn the_reason_of_a_denial_goes_along() {
        let options = [PermissionOption::new(
            "no",
            "No",
            PermissionOptionKind::RejectOnce,
        )];
        let ours = |answer| response(&options, answer).meta.unwrap()["agent-host"].clone();
        let denied = PermissionAnswer::Given(Answer::Deny {
            reason: Some("not that one".into()),
        });
        assert_eq!(ours(denied), json!({ "reason": "not that one" }));
        let late = PermissionAnswer::Unanswered("nobody answered");
        assert_eq!(
            ours(late),
            json!({ "host_reason": "nobody answered" }),
            "no person said it"
        );
    }
}
