//! What is decided about a request: by somebody, or by the thread's settings.

use conversation::{Body, Choice, ChoiceKind, Decision, Permissions};

use super::{Permission, UNWRITTEN};
use crate::command::Decided;
use crate::rights::{Deed, may};
use crate::supervisor::{Answer, SupervisorError};
use crate::task::Task;
use crate::worker::PermissionAnswer;

impl Task {
    /// Somebody decided.
    pub(in crate::task) async fn decide(&mut self, decided: Decided) -> Result<(), SupervisorError> {
        if !may(Deed::Decide, &decided.by, &self.thread.owner, None) {
            return Err(SupervisorError::NotAllowed(Deed::Decide));
        }
        let is_it = |permission: &Permission| permission.request == decided.request;
        let Some(index) = self.asks.permissions.iter().position(is_it) else {
            let words = "this was answered already, or nobody waits for it any more";
            return Err(SupervisorError::Gone(words.to_owned()));
        };
        let (decision, answer) = verdict(
            self.asks.permissions[index].options(),
            decided.answer,
            decided.name,
        )?;
        let permission = self.asks.permissions.remove(index);
        self.carry_out(permission, decision, answer).await
    }

    /// A decision is written, and the agent told.
    pub(super) async fn carry_out(
        &mut self,
        mut permission: Permission,
        decision: Decision,
        answer: Answer,
    ) -> Result<(), SupervisorError> {
        let (decision, answer) = self.held(&permission.keeper, decision, answer);
        if let Body::Permission {
            decision: decided, ..
        } = &mut permission.item.body
        {
            *decided = Some(decision.clone());
        }
        // A yes holds once it is written.
        let (conversation, item) = (&self.shared.conversation, permission.item.clone());
        let written = match decision {
            Decision::Denied { .. } | Decision::TimedOut | Decision::Gone => Ok(()),
            Decision::Always { .. } if self.is_last_turn() => conversation.put_items(vec![item]).await,
            Decision::Once { .. } => conversation.put_items(vec![item]).await,
            Decision::Always { .. } => conversation.give_grant(item, permission.keeper.clone()).await,
        };
        if let Err(error) = written {
            self.deny_unwritten(permission).await;
            return Err(error.into());
        }
        self.settle(permission, decision, PermissionAnswer::Given(answer))
            .await;
        Ok(())
    }

    /// What the thread's settings say to a request, where nobody has to be asked.
    pub(super) fn by_settings(&self, permission: &Permission) -> Option<(Decision, Answer)> {
        let answer = match self.thread.permissions? {
            Permissions::Ask => return None,
            Permissions::Allow => Answer::Once,
            Permissions::Deny => Answer::Deny {
                reason: Some("the settings of this thread deny tools that change something".to_owned()),
            },
        };
        // An agent that can't be allowed just once is a person's to answer.
        verdict(permission.options(), answer, "this thread’s settings".to_owned()).ok()
    }

    pub(super) async fn deny_unwritten(&mut self, permission: Permission) {
        let decision = Decision::Denied {
            by: "the host".to_owned(),
            reason: Some(UNWRITTEN.to_owned()),
        };
        self.settle(permission, decision, PermissionAnswer::Unanswered(UNWRITTEN))
            .await;
    }
}

/// What somebody's answer means, and what the agent is told.
fn verdict(options: &[Choice], answer: Answer, by: String) -> Result<(Decision, Answer), SupervisorError> {
    let offered = |kind: ChoiceKind| options.iter().find(|choice| choice.kind == kind);
    let always = offered(ChoiceKind::AllowAlways).map(|choice| choice.name.clone());
    Ok(match answer {
        Answer::Always if let Some(words) = always => (Decision::Always { by, words }, Answer::Always),
        // An agent that can't be allowed just once must not be told so.
        Answer::Once | Answer::Always if offered(ChoiceKind::AllowOnce).is_none() => {
            return Err(not_offered());
        }
        Answer::Once | Answer::Always => (Decision::Once { by }, Answer::Once),
        Answer::Deny { reason } => {
            let told = reason.clone();
            (Decision::Denied { by, reason }, Answer::Deny { reason: told })
        }
        Answer::Option { id, reason } => {
            let Some(choice) = options.iter().find(|choice| choice.id == id) else {
                return Err(not_offered());
            };
            let (decision, reason) = match choice.kind {
                ChoiceKind::AllowOnce => (Decision::Once { by }, None),
                ChoiceKind::AllowAlways => {
                    let words = choice.name.clone();
                    (Decision::Always { by, words }, None)
                }
                ChoiceKind::RejectOnce | ChoiceKind::RejectAlways => {
                    let told = reason.clone();
                    (Decision::Denied { by, reason }, told)
                }
            };
            (decision, Answer::Option { id, reason })
        }
    })
}

fn not_offered() -> SupervisorError {
    SupervisorError::Gone("the agent does not offer this answer".to_owned())
}

#[cfg(test)]
mod tests;
