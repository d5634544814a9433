//! Sign-ins with a code that is typed into a vendor's page: this host asks until the vendor says yes, no, or too late, and the
//! next host goes on with that. How it ended is told once: to the one who began it alone, as long as Discord takes that, and
//! then where they began it, without what is theirs.

use std::sync::Arc;
use std::time::Duration;

use credentials::{Service, SignInError, UserId};

use super::{Done, done, title};
use crate::discord::FRONT_END;
use crate::discord::asker::Line;
use crate::discord::bot::Bot;
use crate::discord::persist::{Behind, Tried, persist};
use crate::discord::rest::Trouble;
use crate::web::sign_in::words::of_code;

/// After the vendor or the network was away.
const REST: Duration = Duration::from_secs(5);

/// How a sign-in ended.
struct Ended {
    /// For the one who began it.
    privately: String,
    /// For everybody.
    openly: String,
}

/// Asks the vendor until it says yes, no or too late, and tells the one who began it.
pub(super) fn wait(bot: &Arc<Bot>, line: Option<Line>, user: UserId, service: Service) {
    let bot = Arc::clone(bot);
    tokio::spawn(async move {
        let ended = end(&bot, &user, &service).await;
        let Some(line) = line else {
            return;
        };
        match ended {
            Some(ended) => tell(&bot, line, user, service, ended).await,
            None => forget(&bot, &line, &user, &service),
        }
    });
}

async fn tell(bot: &Arc<Bot>, line: Line, user: UserId, service: Service, ended: Ended) {
    let (held, about) = (Arc::clone(&bot.held), line.id);
    let (bot, ended) = (Arc::clone(bot), Arc::new(ended));
    let attempt = move |_| {
        let (bot, line, ended) = (Arc::clone(&bot), line.clone(), Arc::clone(&ended));
        let (user, service) = (user.clone(), service.clone());
        async move {
            let told = match line.add(&bot, &ended.privately).await {
                Err(Trouble::Refused { .. }) => line.say(&bot, ended.openly.clone()).await,
                // Nobody can look whether it was seen, so it is not said twice.
                Err(Trouble::Unknown(_)) => Ok(()),
                told => told,
            };
            if let Err(trouble) = told {
                return Tried::Again(trouble.to_string());
            }
            forget(&bot, &line, &user, &service);
            Tried::Done
        }
    };
    persist(&held, about, Behind::Waits, attempt).await;
}

/// Nobody needs this way back any more. (A newer one stays.)
fn forget(bot: &Bot, line: &Line, user: &UserId, service: &Service) {
    if bot.memory.sign_in(user, service) == Some(line.to_text()) {
        // It may be gone already.
        let _ = bot.memory.set_sign_in(user, service, None);
    }
}

/// How it ended; `None` if another one took its place.
async fn end(bot: &Arc<Bot>, user: &UserId, service: &Service) -> Option<Ended> {
    let of_all = |words: &str| {
        let who = user.as_str().split_once(':').map_or("", |(_, id)| id);
        format!("<@{who}> {words}")
    };
    let title = title(bot, service);
    loop {
        match bot.house.credentials.complete(service, user, None).await {
            Ok(completed) => {
                let Done { alone, openly } = done(bot, user, &completed).await;
                return Some(Ended {
                    privately: alone,
                    openly: of_all(&openly),
                });
            }
            Err(error) if error.is_temporary() => {
                tracing::info!(%service, %user, %error, "a sign-in with a code waits on");
                tokio::time::sleep(REST).await;
            }
            Err(SignInError::Replaced) => return None,
            Err(error) => {
                tracing::info!(%service, %user, %error, "a sign-in with a code did not work");
                let words = match error {
                    // It ended while no host ran, or in a host that could not tell it.
                    SignInError::NothingPending { .. } => {
                        format!(
                            "⚠️ Your sign-in to {title} with a code is over. `/auth` says how your logins stand."
                        )
                    }
                    error => super::in_words(&of_code(&error, &title)),
                };
                return Some(Ended {
                    openly: of_all(&words),
                    privately: words,
                });
            }
        }
    }
}

/// Goes on with what an earlier host began, and tells what ended meanwhile.
pub(in crate::discord) async fn take_up(bot: &Arc<Bot>) {
    let begun = Arc::clone(bot);
    let begun = tokio::task::spawn_blocking(move || {
        let (memory, credentials) = (&begun.memory, &begun.house.credentials);
        let mut found = vec![];
        match memory.sign_ins() {
            Ok(kept) => {
                for (user, service, line) in kept {
                    match credentials.pending_way(&service, &user) {
                        Ok(Some(way)) if way != "device" => drop(memory.set_sign_in(&user, &service, None)),
                        _ => found.push((user, service, Line::of_text(&line))),
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "could not look who is to be told how their sign-in ended"),
        }
        for one in credentials.store().pending_sign_ins().unwrap_or_default() {
            let (Ok(user), Ok(service)) = (UserId::parse(&one.user), Service::parse(&one.service)) else {
                continue;
            };
            let is_ours = one
                .user
                .split_once(':')
                .is_some_and(|(place, _)| place == FRONT_END);
            let is_known = found.iter().any(|(by, to, _)| (by, to) == (&user, &service));
            let way = credentials.pending_way(&service, &user);
            if is_ours && !is_known && way.is_ok_and(|way| way == Some("device")) {
                found.push((user, service, None));
            }
        }
        found
    });
    for (user, service, line) in begun.await.unwrap_or_default() {
        tracing::info!(%service, %user, "going on with a sign-in that was begun before");
        wait(bot, line, user, service);
    }
}
