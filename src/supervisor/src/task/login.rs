//! Logins that a turn waits for: asked for, found, given up.

use contract::{LoginAnswer, LoginNeeded};
use conversation::{Body, NoteKind, TurnEnd};
use credentials::Timestamp;
use tokio::time::Instant;
use tracing::{info, warn};

use super::Task;
use super::asks::{Login, MOST_OPEN, Then};
use super::turn::Stage;
use crate::config::AgentKind;
use crate::ending::sentence;
use crate::logins::usable;
use crate::process::Reply;

/// How often the store is looked at while somebody waits for a login. (A sign-in in another process tells nobody.)
const LOOK_FOR_LOGIN: std::time::Duration = std::time::Duration::from_secs(2);

impl Task {
    /// The agent asks for a login.
    pub(super) async fn asked_login(&mut self, needed: LoginNeeded, reply: Reply<LoginAnswer>) {
        let is_over = self.turn.as_ref().is_none_or(|running| running.cancel.is_some());
        if is_over || self.asks.logins.len() >= MOST_OPEN {
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

    pub(super) async fn give_up_login(&mut self, login: Login) {
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
}
