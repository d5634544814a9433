//! Sign-ins with a code that is typed into a vendor's page: this host asks until the vendor says yes, no, or too late, and the
//! next host goes on with that.

use std::sync::Arc;
use std::time::Duration;

use credentials::{Service, SignInError, UserId};

use super::{done, told};
use crate::discord::FRONT_END;
use crate::discord::asker::Line;
use crate::discord::bot::Bot;

/// After the vendor or the network was away.
const REST: Duration = Duration::from_secs(5);

/// Asks the vendor until it says yes, no or too late, and tells the one who began it.
pub(super) fn wait(bot: &Arc<Bot>, line: Option<Line>, user: UserId, service: Service) {
    let bot = Arc::clone(bot);
    tokio::spawn(async move {
        let Some(words) = end(&bot, &user, &service).await else {
            return;
        };
        if let Some(line) = line {
            line.add(&bot, &words).await;
        }
        // It may not have been there; nobody needs it any more.
        let _ = bot.memory.set_sign_in(&user, &service, None);
    });
}

/// How it ended, in words; `None` if another one took its place.
async fn end(bot: &Arc<Bot>, user: &UserId, service: &Service) -> Option<String> {
    loop {
        match bot.house.credentials.complete(service, user, None).await {
            Ok(completed) => return Some(done(bot, user, &completed)),
            Err(error) if error.is_temporary() => {
                tracing::info!(%service, %user, %error, "a sign-in with a code waits on");
                tokio::time::sleep(REST).await;
            }
            Err(SignInError::Replaced) => return None,
            Err(error) => {
                tracing::info!(%service, %user, %error, "a sign-in with a code did not work");
                return Some(told(&error));
            }
        }
    }
}

/// Goes on with what an earlier host began.
pub(in crate::discord) async fn take_up(bot: &Arc<Bot>) {
    let credentials = bot.house.credentials.clone();
    let begun = tokio::task::spawn_blocking(move || {
        let pending = credentials.store().pending_sign_ins().unwrap_or_default();
        let ours = pending.into_iter().filter_map(|one| {
            let is_ours = one
                .user
                .split_once(':')
                .is_some_and(|(place, _)| place == FRONT_END);
            let user = UserId::parse(&one.user)
                .ok()
                .filter(|_| is_ours && !one.is_over)?;
            let service = Service::parse(&one.service).ok()?;
            let way = credentials.pending_way(&service, &user).ok()??;
            (way == "device").then_some((user, service))
        });
        ours.collect::<Vec<_>>()
    });
    for (user, service) in begun.await.unwrap_or_default() {
        tracing::info!(%service, %user, "going on with a sign-in that was begun before");
        let line = bot.memory.sign_in(&user, &service);
        wait(bot, line.and_then(|line| Line::of_text(&line)), user, service);
    }
}
