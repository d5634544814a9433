//! What is always allowed: the host remembers it and answers, so that it can be taken back while the agent runs.

use conversation::{
    Body, Choice, ChoiceKind, Conversation, Decision, Grant, GrantId, Item, Keeper, Permissions, ThreadId,
};
use credentials::UserId;

use crate::entry::entry;
use crate::rights::{Deed, is_operator, may};
use crate::supervisor::{Answer, SupervisorError};
use crate::task::Task;
use crate::timeline::brief;

/// Who takes something back at the command line.
const OPERATOR: &str = "The operator";

/// Who remembers an "always". The host, where the agent says what calls have in common and one offer covers them; and where it can be
/// told "once".
pub(in crate::task) fn keeper(options: &[Choice], likeness: Option<String>) -> Keeper {
    let offers = |kind: ChoiceKind| options.iter().filter(|choice| choice.kind == kind).count();
    match likeness {
        Some(likeness) if offers(ChoiceKind::AllowAlways) == 1 && offers(ChoiceKind::AllowOnce) > 0 => {
            Keeper::Host { likeness }
        }
        _ => Keeper::Agent,
    }
}

impl Task {
    /// Whether a call is allowed because calls like it always are.
    pub(super) async fn is_granted(&mut self, keeper: &Keeper) -> bool {
        let Keeper::Host { likeness } = keeper else {
            return false;
        };
        if self.thread.permissions == Some(Permissions::Deny) {
            return false;
        }
        let held = self
            .shared
            .conversation
            .holds_grant(&self.thread.id, likeness.clone());
        held.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "could not look what is always allowed, so somebody is asked");
            false
        })
    }

    /// Whether the session ends with the running turn, as another agent takes over: nothing that is said in it holds beyond.
    pub(super) fn is_last_turn(&self) -> bool {
        self.renewal.is_some()
    }

    /// What an "always" comes to where the host remembers it: the agent is told "once", so that it asks again.
    pub(super) fn held(&self, keeper: &Keeper, decision: Decision, answer: Answer) -> (Decision, Answer) {
        match (decision, keeper) {
            (Decision::Always { by, .. }, Keeper::Host { .. }) if self.is_last_turn() => {
                (Decision::Once { by }, Answer::Once)
            }
            (decision @ Decision::Always { .. }, Keeper::Host { .. }) => (decision, Answer::Once),
            (decision, _) => (decision, answer),
        }
    }

    /// Takes back one, or all that the host remembers. The next call asks again.
    pub(in crate::task) async fn take_back(
        &mut self,
        which: Option<GrantId>,
        by: &UserId,
        name: &str,
    ) -> Result<Vec<Grant>, SupervisorError> {
        if !may(Deed::TakeBack, by, &self.thread.owner, None) {
            return Err(SupervisorError::NotAllowed(Deed::TakeBack));
        }
        let name = if is_operator(by) { OPERATOR } else { name };
        let conversation = &self.shared.conversation;
        let blank = entry(conversation, &self.thread.id, self.turn_id(), Body::told(""));
        let told = taken_back(blank, name.to_owned());
        let taken = conversation.take_back_grants(&self.thread.id, which, told);
        let Some((taken, item)) = taken.await? else {
            return Ok(vec![]);
        };
        self.show_written(item);
        Ok(taken)
    }
}

/// As [`Task::take_back`], by the operator, where no task runs.
pub(crate) async fn take_back_offline(
    conversation: &Conversation,
    thread: &ThreadId,
    which: Option<GrantId>,
) -> Result<Vec<Grant>, SupervisorError> {
    let blank = entry(conversation, thread, None, Body::told(""));
    let told = taken_back(blank, OPERATOR.to_owned());
    let taken = conversation.take_back_grants(thread, which, told).await?;
    Ok(taken.map_or_else(Vec::new, |(taken, _)| taken))
}

/// What the thread is told of it, once it is known what it is.
fn taken_back(blank: Item, name: String) -> impl Fn(&[Grant]) -> Item + Send + 'static {
    move |taken| {
        let what = |grant: &Grant| {
            let told = [&grant.words, &grant.title, &grant.detail].map(|text| brief(text).replace('`', "'"));
            let [words, title, detail] = told;
            format!("\n- {words} (given for: {title}, `{detail}`)")
        };
        let list: String = taken.iter().map(what).collect();
        Item {
            body: Body::told(format!(
                "{name} took back what was always allowed here; the next such call asks again:\n{list}"
            )),
            ..blank.clone()
        }
    }
}
