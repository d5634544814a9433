//! What the agent asks people for: permissions and logins. Each entry of the timeline is written before anybody answers.

use agent_client_protocol::v1::schema::{SessionUpdate, ToolCallUpdate};
use contract::{LoginAnswer, LoginNeeded};
use conversation::{Body, Choice, Decision, Item, Keeper, LoginEnd, NoteKind};
use credentials::Timestamp;
use tokio::time::Instant;

use super::Task;
use crate::logins::Usable;
use crate::process::Reply;
use crate::supervisor::Answer;
use crate::timeline::{Asked, brief, call_name};
use crate::worker::PermissionAnswer;

mod decide;
mod grants;
mod unseen;

pub(super) use grants::keeper;
pub(crate) use grants::take_back_offline;
use unseen::Unseen;

/// Questions that an agent may have open; further ones are denied unseen.
pub(super) const MOST_OPEN: usize = 16;

/// A call of which the agent says nothing.
const USE_A_TOOL: &str = "use a tool";

/// Why a question is denied whose entry, or whose yes, could not be written.
const UNWRITTEN: &str = "it could not be written down";

/// What is open.
#[derive(Debug, Default)]
pub(super) struct Asks {
    permissions: Vec<Permission>,
    pub(super) logins: Vec<Login>,
    /// Logins that were there and did not help.
    pub(super) tried: Vec<Usable>,
}

#[derive(Debug)]
struct Permission {
    item: Item,
    request: String,
    /// Who remembers an "always".
    keeper: Keeper,
    until: Instant,
    reply: Reply<PermissionAnswer>,
}

impl Permission {
    /// The answers that the agent offers.
    fn options(&self) -> &[Choice] {
        match &self.item.body {
            Body::Permission { options, .. } => options,
            _ => &[],
        }
    }
}

#[derive(Debug)]
pub(super) struct Login {
    pub(super) item: Item,
    pub(super) needed: LoginNeeded,
    pub(super) until: Instant,
    pub(super) reply: Reply<LoginAnswer>,
}

impl Asks {
    pub(super) fn is_empty(&self) -> bool {
        self.permissions.is_empty() && self.logins.is_empty()
    }

    pub(super) fn has_permission(&self) -> bool {
        !self.permissions.is_empty()
    }

    /// Whether the running turn waits for a login.
    pub(super) fn has_login(&self) -> bool {
        !self.logins.is_empty()
    }

    /// The next moment at which one of them is over.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let permissions = self.permissions.iter().map(|permission| permission.until);
        permissions
            .chain(self.logins.iter().map(|login| login.until))
            .min()
    }

    /// Their entries.
    pub(super) fn items(&self) -> impl Iterator<Item = &Item> {
        let permissions = self.permissions.iter().map(|permission| &permission.item);
        permissions.chain(self.logins.iter().map(|login| &login.item))
    }

    fn overdue_permission(&mut self, now: Instant) -> Option<Permission> {
        let index = self
            .permissions
            .iter()
            .position(|permission| permission.until <= now)?;
        Some(self.permissions.remove(index))
    }

    fn overdue_login(&mut self, now: Instant) -> Option<Login> {
        let index = self.logins.iter().position(|login| login.until <= now)?;
        Some(self.logins.remove(index))
    }

    /// The turn went well: what was tried then may be tried again in another trouble.
    pub(super) fn forget_tried(&mut self) {
        self.tried.clear();
    }
}

impl Task {
    /// The agent asks for permission.
    pub(super) async fn asked_permission(
        &mut self,
        tool_call: ToolCallUpdate,
        options: Vec<Choice>,
        keeper: Keeper,
        reply: Reply<PermissionAnswer>,
    ) {
        if self.asks.permissions.len() >= MOST_OPEN {
            return reply.give(PermissionAnswer::Unanswered(
                "too many questions are open already",
            ));
        }
        let is_cancelled = self.turn.as_ref().is_none_or(|running| running.cancel.is_some());
        let Some(request) = random_name().filter(|_| !is_cancelled) else {
            return reply.give(PermissionAnswer::Cancelled);
        };
        // Its card first: it carries what the request may leave out.
        self.apply(SessionUpdate::ToolCallUpdate(tool_call.clone())).await;
        if self.is_granted(&keeper).await {
            return reply.give(PermissionAnswer::Given(Answer::Once));
        }
        let call = call_name(&tool_call.tool_call_id.0);
        let asked = self
            .turn
            .as_ref()
            .and_then(|running| running.timeline.asked(&call));
        let Some(Asked {
            kind,
            title,
            detail,
            diffs,
        }) = asked
        else {
            return self.deny_unseen(&tool_call, reply, Unseen::Long).await;
        };
        let limit = self.shared.config.limits.permission;
        let body = Body::Permission {
            request: request.clone(),
            call,
            asker: self.asker(),
            kind,
            title: Some(title)
                .filter(|title| !title.is_empty())
                .unwrap_or_else(|| USE_A_TOOL.to_owned()),
            detail,
            diffs,
            options,
            until: Timestamp::now().plus(limit),
            decision: None,
        };
        if let Some(why) = self.has_no_room_for(&body) {
            return self.deny_unseen(&tool_call, reply, why).await;
        }
        let item = self.put(body).await;
        let is_unwritten = self.is_kept(item.id);
        let permission = Permission {
            item,
            request,
            keeper,
            until: Instant::now() + limit,
            reply,
        };
        if is_unwritten {
            // Nothing is allowed of which nobody could read later that it was.
            return self.deny_unwritten(permission).await;
        }
        if let Some((decision, answer)) = self.by_settings(&permission) {
            if let Err(error) = self.carry_out(permission, decision, answer).await {
                tracing::warn!(%error, "what the settings say to a request could not be written");
            }
            return;
        }
        self.asks.permissions.push(permission);
        self.show();
    }

    /// Who asks, for people; nobody is named where it is the built-in agent.
    fn asker(&self) -> String {
        let config = &self.shared.config;
        let agent = config.agents.get(&self.served().agent);
        agent
            .filter(|agent| !agent.is_native())
            .map_or_else(String::new, |_| config.title_of(&self.served().agent))
    }

    /// Whether a request has any answer that is understood. What is not is told.
    pub(super) async fn understands(
        &mut self,
        tool_call: &ToolCallUpdate,
        options: &[Choice],
        unknown: Vec<String>,
    ) -> bool {
        let unknown = unknown.join("”, “");
        let what = brief(tool_call.fields.title.as_deref().unwrap_or(USE_A_TOOL));
        let words = match (options.is_empty(), unknown.is_empty()) {
            (false, true) => return true,
            (false, false) => format!(
                "The agent offers more answers than are shown; this host does not understand “{unknown}”."
            ),
            (true, false) => format!(
                "The agent asked whether it may do this: {what}. It was told no, because this host understands none of the \
                 answers that it offers: “{unknown}”."
            ),
            (true, true) => format!(
                "The agent asked whether it may do this: {what}. It was told no, because it offers no answer that could be \
                 given."
            ),
        };
        self.note(NoteKind::Warning, words, None).await;
        !options.is_empty()
    }

    async fn settle(&mut self, mut permission: Permission, decided: Decision, answer: PermissionAnswer) {
        if let Body::Permission { decision, .. } = &mut permission.item.body {
            *decision = Some(decided);
        }
        if let Some(running) = &mut self.turn {
            running.timeline.decided(&permission.item);
        }
        self.denials.decided(&permission.item);
        self.rewrite(permission.item).await;
        permission.reply.give(answer);
        if let Some(running) = &mut self.turn {
            // The agent's time begins again: it could do nothing while it waited.
            running.heard = Instant::now();
        }
        self.show();
    }

    /// Nobody answered in time.
    pub(super) async fn asks_on_time(&mut self, now: Instant) {
        while let Some(permission) = self.asks.overdue_permission(now) {
            let answer = PermissionAnswer::Unanswered("nobody answered in time");
            self.settle(permission, Decision::TimedOut, answer).await;
        }
        while let Some(login) = self.asks.overdue_login(now) {
            self.end_login(login, LoginEnd::TimedOut).await;
            self.show();
        }
    }

    /// The turn is over or being cancelled: nobody needs to answer any more.
    pub(super) async fn drop_asks(&mut self) {
        for permission in std::mem::take(&mut self.asks.permissions) {
            self.settle(permission, Decision::Gone, PermissionAnswer::Cancelled)
                .await;
        }
        for login in std::mem::take(&mut self.asks.logins) {
            self.end_login(login, LoginEnd::Gone).await;
        }
        self.clock.look_for_login(None);
    }
}

/// A name that nobody can guess; `None` if the system gives no randomness.
fn random_name() -> Option<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes.iter().fold(String::with_capacity(32), |mut name, byte| {
        use std::fmt::Write as _;
        // Writing to a string can't fail.
        let _ = write!(name, "{byte:02x}");
        name
    }))
}
