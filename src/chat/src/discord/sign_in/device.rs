//! Sign-ins with a code that is typed into a vendor's page: this host asks until the vendor says yes, no, or too late, and the
//! next host goes on with that. How it ended is told once: to the one who began it alone, as long as Discord takes that, and
//! then where they began it, without what is theirs.

use std::sync::Arc;
use std::time::Duration;

use credentials::{Completed, Owner, Service, SignInError, Tenant, Timestamp, UserId};

use super::{Done, OVER, done, title};
use crate::discord::FRONT_END;
use crate::discord::asker::{Line, is_admin};
use crate::discord::bot::Bot;
use crate::discord::haste::hurried;
use crate::discord::owner;
use crate::discord::persist::{Behind, FIRST_PAUSE, Tried, persist};
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

/// A sign-in with a code that is waited for: this one, and none that takes its place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Awaited {
    user: UserId,
    tenant: Tenant,
    begun: Timestamp,
}

impl Awaited {
    /// As it is kept for the next host, with the way back to the one who began it.
    fn to_text(&self, line: &Line) -> String {
        let (begun, owner) = (self.begun.millis(), self.tenant.owner.as_str());
        format!("{} {begun} {owner}", line.to_text())
    }

    fn of_text(user: UserId, service: Service, text: &str) -> Option<(Self, Line)> {
        let mut more = text.split_whitespace().skip(Line::WORDS);
        let begun = more.next()?.parse().ok()?;
        let tenant = Tenant {
            service,
            owner: Owner::parse(more.next()?).ok()?,
        };
        let awaited = Self {
            user,
            tenant,
            begun: Timestamp::from_millis(begun),
        };
        Some((awaited, Line::of_text(text)?))
    }

    /// Nobody needs the way back any more.
    fn forget(&self, bot: &Bot, line: &Line) {
        let one = (line.id, &self.user, &self.tenant.service);
        // It is not there where it could not be written down.
        let _ = bot.memory.set_sign_in(one, None);
    }
}

/// Waits for a sign-in with a code that somebody has begun; how they are told of its end is kept for the next host.
pub(super) fn begun(bot: &Arc<Bot>, line: Line, user: &UserId, tenant: &Tenant, at: Timestamp) {
    let awaited = Awaited {
        user: user.clone(),
        tenant: tenant.clone(),
        begun: at,
    };
    let kept = awaited.to_text(&line);
    let one = (line.id, user, &tenant.service);
    if let Err(error) = bot.memory.set_sign_in(one, Some(&kept)) {
        tracing::warn!(service = %tenant.service, %user, %error, "could not write down how a sign-in is answered");
    }
    wait(bot, Some(line), awaited);
}

/// Asks the vendor until it says yes, no or too late, and tells the one who began it.
fn wait(bot: &Arc<Bot>, line: Option<Line>, awaited: Awaited) {
    let bot = Arc::clone(bot);
    tokio::spawn(async move {
        let ended = end(&bot, &awaited).await;
        let Some(line) = line else {
            return;
        };
        tell(&bot, line, awaited, ended).await;
    });
}

async fn tell(bot: &Arc<Bot>, line: Line, awaited: Awaited, ended: Ended) {
    let (held, about) = (Arc::clone(&bot.held), line.id);
    let (bot, ended) = (Arc::clone(bot), Arc::new(ended));
    let attempt = move |_| {
        let (bot, line, ended) = (Arc::clone(&bot), line.clone(), Arc::clone(&ended));
        let awaited = awaited.clone();
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
            line.put_away(&bot, OVER).await;
            awaited.forget(&bot, &line);
            Tried::Done
        }
    };
    persist(&held, about, Behind::Waits, attempt).await;
}

/// How it ended.
async fn end(bot: &Arc<Bot>, awaited: &Awaited) -> Ended {
    let Awaited { user, tenant, begun } = awaited;
    let service = &tenant.service;
    let of_all = |words: &str| {
        let who = user.as_str().split_once(':').map_or("", |(_, id)| id);
        format!("<@{who}> {words}")
    };
    let worked = async |completed: &Completed| {
        let Done { alone, openly } = done(bot, user, completed).await;
        Ended {
            privately: alone,
            openly: of_all(&openly),
        }
    };
    let title = title(bot, service);
    loop {
        let may = may(Arc::clone(bot), awaited.clone());
        let ended = bot.house.credentials.wait_for_code((service, *begun), user, may);
        let error = match ended.await {
            Ok(completed) => return worked(&completed).await,
            Err(error) => error,
        };
        if error.is_temporary() {
            tracing::info!(%service, %user, %error, "a sign-in with a code waits on");
            tokio::time::sleep(REST).await;
            continue;
        }
        let words = match error {
            SignInError::Replaced if is_replaced(bot, awaited).await => {
                format!("A newer sign-in to {title} took its place: this code counts no more.")
            }
            // It ended while no host ran, in one that could not tell it, by another program, or by signing out.
            SignInError::Replaced | SignInError::NothingPending { .. } => {
                if let Some(completed) = stored(bot, awaited).await {
                    return worked(&completed).await;
                }
                format!("⚠️ Your sign-in to {title} with a code is over. `/auth` says how your logins stand.")
            }
            error => {
                tracing::info!(%service, %user, %error, "a sign-in with a code did not work");
                super::in_words(&of_code(&error, &title))
            }
        };
        return Ended {
            openly: of_all(&words),
            privately: words,
        };
    }
}

/// Whether the login may still be stored: everyone's only by an administrator, who may be none any more. Asks until Discord
/// says it; whoever waits for that gives up in time. Errors: why not.
async fn may(bot: Arc<Bot>, awaited: Awaited) -> Result<(), String> {
    if awaited.tenant.owner != Owner::Host {
        return Ok(());
    }
    let is_admin = match owner::id(&awaited.user) {
        Some(user) => loop {
            if let Some(is_admin) = is_admin(&bot, user).await {
                break is_admin;
            }
            tokio::time::sleep(hurried(FIRST_PAUSE)).await;
        },
        None => false,
    };
    if is_admin {
        return Ok(());
    }
    Err("only administrators sign in for everyone, and you are none any more: nothing was stored".to_owned())
}

/// Whether another sign-in waits in its place.
async fn is_replaced(bot: &Arc<Bot>, awaited: &Awaited) -> bool {
    let (bot, Awaited { user, tenant, begun }) = (Arc::clone(bot), awaited.clone());
    let look = tokio::task::spawn_blocking(move || bot.house.credentials.waiting(&tenant.service, &user));
    match look.await {
        Ok(Ok(waits)) => waits.is_some_and(|waits| waits.begun != begun),
        Ok(Err(error)) => {
            tracing::warn!(%error, "could not look whether a newer sign-in waits");
            false
        }
        Err(_) => false,
    }
}

/// The login that is there since it was begun.
async fn stored(bot: &Arc<Bot>, awaited: &Awaited) -> Option<Completed> {
    let (bot, Awaited { tenant, begun, .. }) = (Arc::clone(bot), awaited.clone());
    let look = tokio::task::spawn_blocking(move || bot.house.credentials.stored_since(&tenant, begun));
    match look.await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            tracing::warn!(%error, "could not look whether a sign-in with a code worked");
            None
        }
        Err(_) => None,
    }
}

/// Goes on with what an earlier host began, and tells what ended meanwhile.
pub(in crate::discord) async fn take_up(bot: &Arc<Bot>) {
    let begun = Arc::clone(bot);
    let begun = tokio::task::spawn_blocking(move || {
        let mut found = kept(&begun);
        let credentials = &begun.house.credentials;
        for one in credentials.store().pending_sign_ins().unwrap_or_default() {
            let (Ok(user), Ok(service)) = (UserId::parse(&one.user), Service::parse(&one.service)) else {
                continue;
            };
            let is_ours = one
                .user
                .split_once(':')
                .is_some_and(|(place, _)| place == FRONT_END);
            let waiting = credentials.waiting(&service, &user).ok().flatten();
            let Some(waiting) = waiting.filter(|waiting| is_ours && waiting.way == Some("device")) else {
                continue;
            };
            let tenant = Tenant {
                service,
                owner: waiting.owner,
            };
            let begun = waiting.begun;
            let awaited = Awaited { user, tenant, begun };
            if found.iter().all(|(_, known)| *known != awaited) {
                found.push((None, awaited));
            }
        }
        found
    });
    for (line, awaited) in begun.await.unwrap_or_default() {
        tracing::info!(service = %awaited.tenant.service, user = %awaited.user, "going on with a sign-in that was begun before");
        wait(bot, line, awaited);
    }
}

/// Who is to be told how which sign-in ended.
fn kept(bot: &Bot) -> Vec<(Option<Line>, Awaited)> {
    let all = bot.memory.sign_ins().unwrap_or_else(|error| {
        tracing::warn!(%error, "could not look who is to be told how their sign-in ended");
        vec![]
    });
    let mut found = vec![];
    for (begun_by, user, service, text) in all {
        match Awaited::of_text(user.clone(), service.clone(), &text) {
            Some((awaited, line)) => found.push((Some(line), awaited)),
            // Another version's: nobody can be told by it.
            None => drop(bot.memory.set_sign_in((begun_by, &user, &service), None)),
        }
    }
    found
}
