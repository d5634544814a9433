//! What the agent asks people for: permissions and logins. Each entry of the timeline is written before anybody answers.

use agent_client_protocol::v1::schema::{SessionUpdate, ToolCallUpdate};
use contract::{LoginAnswer, LoginNeeded};
use conversation::{Body, Decision, Item, NoteKind, ToolKind, TurnEnd};
use credentials::Timestamp;
use tokio::time::Instant;
use tracing::{info, warn};

use super::Task;
use super::turn::Stage;
use crate::command::Decided;
use crate::config::AgentKind;
use crate::ending::sentence;
use crate::logins::{Usable, usable};
use crate::process::Reply;
use crate::rights::{Deed, refusal};
use crate::supervisor::{Answer, SupervisorError};
use crate::timeline::{describe_diffs, shown_diffs, shown_input};
use crate::worker::PermissionAnswer;

/// How often the store is looked at while somebody waits for a login. (A sign-in in another process tells nobody.)
pub(super) const LOOK_FOR_LOGIN: std::time::Duration = std::time::Duration::from_secs(2);

/// What is open.
#[derive(Debug, Default)]
pub(super) struct Asks {
    permissions: Vec<Permission>,
    logins: Vec<Login>,
    /// Logins that were there and did not help.
    tried: Vec<Usable>,
}

#[derive(Debug)]
struct Permission {
    item: Item,
    request: String,
    can_always: bool,
    until: Instant,
    reply: Reply<PermissionAnswer>,
}

#[derive(Debug)]
struct Login {
    item: Item,
    needed: LoginNeeded,
    until: Instant,
    then: Then,
}

/// What a login is for.
#[derive(Debug)]
enum Then {
    /// To start a worker.
    Start,
    /// To send the turn again.
    Prompt,
    /// To answer a worker that asked.
    Answer(Reply<LoginAnswer>),
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
        self.logins.iter().any(|login| !matches!(login.then, Then::Start))
    }

    /// Whether a worker can't be started without a login.
    pub(super) fn has_login_to_start(&self) -> bool {
        self.logins.iter().any(|login| matches!(login.then, Then::Start))
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
        can_always: bool,
        reply: Reply<PermissionAnswer>,
    ) {
        let is_cancelled = self.turn.as_ref().is_none_or(|running| running.cancel.is_some());
        let Some(request) = random_name().filter(|_| !is_cancelled) else {
            return reply.give(PermissionAnswer::Cancelled);
        };
        // Its card first: it carries what the request may leave out.
        self.apply(SessionUpdate::ToolCallUpdate(tool_call.clone())).await;
        let limit = self.shared.config.limits.permission;
        let until = Timestamp::now().plus(limit);
        let body = self.permission_body(&tool_call, request.clone(), until);
        let item = self.put(body).await;
        self.asks.permissions.push(Permission {
            item,
            request,
            can_always,
            until: Instant::now() + limit,
            reply,
        });
        self.show();
    }

    fn permission_body(&self, asked: &ToolCallUpdate, request: String, until: Timestamp) -> Body {
        let call = asked.tool_call_id.to_string();
        let known = self
            .turn
            .as_ref()
            .and_then(|running| running.timeline.tool_call(&call));
        let fields = &asked.fields;
        let content = fields.content.as_deref().unwrap_or_default();
        let mut diffs = shown_diffs(content, &self.workspace);
        if diffs.is_empty() {
            diffs = known.map(|known| known.diffs.clone()).unwrap_or_default();
        }
        let title = fields
            .title
            .clone()
            .or_else(|| known.map(|known| known.title.clone()));
        let title = title.filter(|title| !title.is_empty());
        let input = fields.raw_input.as_ref().and_then(shown_input);
        let input = input
            .or_else(|| known.map(|known| known.input.clone()))
            .unwrap_or_default();
        let runs = known.is_some_and(|known| known.kind == ToolKind::Execute);
        let mut detail = input;
        if !runs && !diffs.is_empty() {
            detail = describe_diffs(&diffs);
        }
        if detail.is_empty() {
            detail = title.clone().unwrap_or_default();
        }
        Body::Permission {
            request,
            call,
            title: title.unwrap_or_else(|| "use a tool".to_owned()),
            detail,
            diffs,
            until,
            decision: None,
        }
    }

    /// Somebody decided.
    pub(super) async fn decide(&mut self, decided: Decided) -> Result<(), SupervisorError> {
        if let Some(words) = refusal(Deed::Decide, &decided.by, &self.thread.owner, None) {
            return Err(SupervisorError::NotAllowed(words));
        }
        let is_it = |permission: &Permission| permission.request == decided.request;
        let Some(index) = self.asks.permissions.iter().position(is_it) else {
            let words = "this was answered already, or nobody waits for it any more";
            return Err(SupervisorError::Gone(words.to_owned()));
        };
        let permission = self.asks.permissions.remove(index);
        let by = decided.name;
        let (decision, answer) = match decided.answer {
            Answer::Always if permission.can_always => (Decision::Always { by }, PermissionAnswer::Always),
            Answer::Always | Answer::Once => (Decision::Once { by }, PermissionAnswer::Once),
            Answer::Deny { reason } => (
                Decision::Denied {
                    by,
                    reason: reason.clone(),
                },
                PermissionAnswer::Deny { reason },
            ),
        };
        self.settle(permission, decision, answer).await;
        Ok(())
    }

    async fn settle(&mut self, mut permission: Permission, decided: Decision, answer: PermissionAnswer) {
        if let Body::Permission { decision, .. } = &mut permission.item.body {
            *decision = Some(decided);
        }
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
            let reason = Some("nobody answered in time".to_owned());
            self.settle(permission, Decision::TimedOut, PermissionAnswer::Deny { reason })
                .await;
            let words = "Nobody answered in time, so it was denied.";
            self.note(NoteKind::Warning, words.to_owned(), None).await;
        }
        while let Some(login) = self.asks.overdue_login(now) {
            self.give_up_login(login).await;
        }
    }

    /// The agent asks for a login.
    pub(super) async fn asked_login(&mut self, needed: LoginNeeded, reply: Reply<LoginAnswer>) {
        if self.turn.as_ref().is_none_or(|running| running.cancel.is_some()) {
            return reply.give(LoginAnswer::GiveUp);
        }
        self.await_login(needed, Then::Answer(reply)).await;
    }

    /// A worker could not open its session without a login.
    pub(super) async fn await_login_to_start(&mut self, words: String) {
        let needed = self.login_of_agent(words);
        self.await_login(needed, Then::Start).await;
    }

    /// A prompt was answered with "sign in first".
    pub(super) async fn await_login_to_prompt(&mut self, words: String) {
        if let Some(running) = &mut self.turn {
            running.stage = Stage::Login;
        }
        let needed = self.login_of_agent(words);
        self.await_login(needed, Then::Prompt).await;
    }

    /// An agent that can't say which login it needs: the one it is configured with.
    fn login_of_agent(&self, reason: String) -> LoginNeeded {
        let agent = self.shared.config.agents.get(&self.thread.agent);
        let account = agent.and_then(|agent| match &agent.kind {
            AgentKind::Native(profile) => profile.account.as_ref(),
            AgentKind::External { .. } => None,
        });
        let title = agent.map_or(self.thread.agent.clone(), |agent| agent.title.clone());
        LoginNeeded {
            session: self.thread.session.clone().unwrap_or_default(),
            service: account
                .map(|account| account.service.as_str().to_owned())
                .unwrap_or_default(),
            title: account.map_or(title, |account| account.title.clone()),
            owner: self.thread.owner.as_str().to_owned(),
            reason,
        }
    }

    async fn await_login(&mut self, needed: LoginNeeded, then: Then) {
        info!(service = %needed.service, "a login is needed");
        let body = Body::Login {
            service: needed.service.clone(),
            title: needed.title.clone(),
            reason: needed.reason.clone(),
            done: false,
        };
        let item = self.put(body).await;
        let until = Instant::now() + self.shared.config.limits.login;
        self.asks.logins.push(Login {
            item,
            needed,
            until,
            then,
        });
        self.clock.look_for_login(Some(Instant::now() + LOOK_FOR_LOGIN));
        self.show();
        self.look_for_logins(false).await;
    }

    /// Whether a login that is waited for is there now. `told`: somebody signed in or out just now.
    pub(super) async fn look_for_logins(&mut self, told: bool) {
        let mut index = 0;
        while let Some(login) = self.asks.logins.get(index) {
            let found = usable(self.shared.credentials.store(), &login.needed, Timestamp::now());
            // A login that we can't name may be any.
            let is_it = match &found {
                Some(found) => !self.asks.tried.contains(found),
                None => told && login.needed.service.is_empty(),
            };
            if !is_it {
                index += 1;
                continue;
            }
            let login = self.asks.logins.remove(index);
            self.asks.tried.extend(found);
            self.got_login(login).await;
        }
        let waits = !self.asks.logins.is_empty();
        self.clock
            .look_for_login(waits.then(|| Instant::now() + LOOK_FOR_LOGIN));
    }

    async fn got_login(&mut self, mut login: Login) {
        info!(service = %login.needed.service, "a login is there");
        if let Body::Login { done, .. } = &mut login.item.body {
            *done = true;
        }
        self.rewrite(login.item).await;
        if let Some(running) = &mut self.turn {
            running.heard = Instant::now();
            if matches!(login.then, Then::Prompt) {
                running.stage = Stage::Wanted;
            }
        }
        if let Then::Answer(reply) = login.then {
            reply.give(LoginAnswer::Try);
        }
        self.show();
    }

    async fn give_up_login(&mut self, login: Login) {
        let reason = format!("nobody signed in to {} in time", login.needed.title);
        match login.then {
            // The agent ends its turn with the reason.
            Then::Answer(reply) => reply.give(LoginAnswer::GiveUp),
            Then::Prompt => {
                let turn = self.turn_id();
                self.note(NoteKind::Error, sentence(&reason), turn).await;
                self.finish(TurnEnd::Failed, Some(reason)).await;
            }
            Then::Start => self.fail_first(&reason).await,
        }
        self.show();
    }

    /// The turn that waits for a worker fails.
    async fn fail_first(&mut self, reason: &str) {
        if self.turn.is_some() {
            let turn = self.turn_id();
            self.note(NoteKind::Error, sentence(reason), turn).await;
            return self.finish(TurnEnd::Failed, Some(reason.to_owned())).await;
        }
        let Some(first) = self.queued.first().map(|turn| turn.id) else {
            return;
        };
        let ended = self
            .shared
            .conversation
            .finish(first, TurnEnd::Failed, Some(reason.to_owned()))
            .await;
        if let Err(error) = ended {
            warn!(turn = %first, %error, "could not end a turn that waited for a login");
        }
        self.note(NoteKind::Error, sentence(reason), Some(first)).await;
        self.look_at_queue().await;
    }

    /// The turn is over or being cancelled: nobody needs to answer any more.
    pub(super) async fn drop_asks(&mut self) {
        for permission in std::mem::take(&mut self.asks.permissions) {
            self.settle(permission, Decision::Gone, PermissionAnswer::Cancelled)
                .await;
        }
        for login in std::mem::take(&mut self.asks.logins) {
            if let Then::Answer(reply) = login.then {
                reply.give(LoginAnswer::GiveUp);
            }
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
