//! Logins that the agent of a running turn asks for, and when they are there. (One that only an agent's own program can get
//! is told as an error of its worker.)

use contract::{LoginAnswer, LoginNeeded};
use conversation::{Body, LoginEnd};
use tokio::time::Instant;
use tracing::info;

use super::Task;
use super::asks::{Login, MOST_OPEN};
use crate::logins::{Usable, usable};
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
        info!(service = %needed.service, "a login is needed");
        let body = Body::Login {
            service: needed.service.clone(),
            title: needed.title.clone(),
            reason: needed.reason.clone(),
            ended: None,
        };
        let item = self.put(body).await;
        let until = Instant::now() + self.shared.config.limits.login;
        self.asks.logins.push(Login {
            item,
            needed,
            until,
            reply,
        });
        self.clock.look_for_login(Some(Instant::now() + LOOK_FOR_LOGIN));
        self.show();
        self.look_for_logins().await;
    }

    /// Whether a login that is waited for is there now.
    pub(super) async fn look_for_logins(&mut self) {
        let mut index = 0;
        while let Some(login) = self.asks.logins.get(index) {
            let found = usable(self.shared.credentials.store(), &login.needed, &self.thread.owner);
            let is_new =
                |found: &Usable| !found.is_useless(&login.needed) && !self.asks.tried.contains(found);
            let Some(found) = found.filter(is_new) else {
                index += 1;
                continue;
            };
            let login = self.asks.logins.remove(index);
            self.asks.tried.push(found);
            self.got_login(login).await;
        }
        let waits = !self.asks.logins.is_empty();
        self.clock
            .look_for_login(waits.then(|| Instant::now() + LOOK_FOR_LOGIN));
    }

    async fn got_login(&mut self, login: Login) {
        info!(service = %login.needed.service, "a login is there");
        self.end_login(login, LoginEnd::Done).await;
        self.show();
    }

    /// Nobody waits for it any more.
    pub(super) async fn end_login(&mut self, mut login: Login, end: LoginEnd) {
        if let Body::Login { ended, .. } = &mut login.item.body {
            *ended = Some(end);
        }
        self.rewrite(login.item).await;
        if let Some(running) = &mut self.turn {
            // The agent's time begins again: it could do nothing while it waited.
            running.heard = Instant::now();
        }
        login.reply.give(match end {
            LoginEnd::Done => LoginAnswer::Try,
            // The agent ends its turn with the reason.
            LoginEnd::TimedOut | LoginEnd::Gone => LoginAnswer::GiveUp,
        });
    }
}
