//! `/auth`: signing in and out. What is said here is for the eyes of one user only, and what they begin only they can end.

use std::sync::Arc;

use conversation::{Body, LoginEnd, ThreadId};
use credentials::{Begun, Owner, Revoked, Service, SignInError, Tenant, UserId, Vendor};
use serde_json::{Value, json};

use super::asker::Asker;
use super::bot::{Bot, user};
use super::commands::{Typed, completed, text, vendor};
use super::custom_id::{Action, SignIn};
use super::owner;
use super::press::{form_of, sentence};
use super::rest::Outgoing;
use super::split::disarmed;
use crate::harmless;
use crate::web::refusal::Refused;
use crate::web::sign_in::words::{not_begun, refused};

mod device;
mod done;
mod second;
mod status;

pub(super) use device::take_up;

use done::{Done, done};
use status::status;

/// The field of the form that takes a code or a key.
pub(super) const FIELD: &str = "code";
/// Ways to sign in, and what people read of them.
const WAYS: [(&str, &str); 3] = [
    ("pkce", "link and code"),
    ("device", "code on a page"),
    ("api-key", "API key"),
];
const NOT_ADMIN: &str =
    "Only administrators sign in and out for everyone. Leave `scope` out to sign in for yourself.";
const WHICH_VENDOR: &str = "Nothing was done. Say which vendor: `/auth vendor:`";
/// Of a card whose sign-in has ended, which is told besides.
const OVER: &str = "This sign-in is over: how it ended stands below.";
/// Of what can't be shown to its asker alone any more.
const TOO_LATE: &str =
    "The answer came too late to be shown to you alone. `/auth` says how your logins stand.";

pub(super) fn command() -> Value {
    let choice = |name: &str, value: &str| json!({ "name": name, "value": value });
    let vendor = completed("vendor", "Where to sign in; left out: how your logins stand");
    let code = text("code", "The code, or the address of the page you ended on", false);
    let mut action = text("action", "Sign in (the default), status, or sign out", false);
    action["choices"] = json!([
        choice("sign in", "sign-in"),
        choice("status", "status"),
        choice("sign out", "logout"),
    ]);
    let mut scope = text(
        "scope",
        "For yourself (the default), or for everyone: administrators only",
        false,
    );
    scope["choices"] = json!([choice("me", "me"), choice("everyone", "everyone")]);
    let mut way = text("way", "How; left out: the vendor's usual way", false);
    way["choices"] = WAYS.iter().map(|(way, name)| choice(name, way)).collect();
    json!({
        "type": 1, "name": "auth", "description": "Sign in and out",
        "options": [vendor, code, action, scope, way],
    })
}

/// What somebody typed after `/auth`; that the answer will come was said.
pub(super) async fn typed(bot: &Arc<Bot>, asker: &Asker, typed: &Typed<'_>) {
    let answer = run(bot, asker, typed).await;
    say(bot, asker, answer).await;
}

/// What only its asker may read, and what everybody may where that comes too late.
struct Said {
    answer: Outgoing,
    late: Option<String>,
}

impl Said {
    fn alone(answer: Outgoing) -> Self {
        Self { answer, late: None }
    }
}

async fn say(bot: &Bot, asker: &Asker, said: Result<Said, String>) {
    let Said { answer, late } = said.unwrap_or_else(|words| Said::alone(Outgoing::words(words)));
    let late = late.as_deref().unwrap_or(TOO_LATE);
    asker.answer(bot, answer, asker.instead(late)).await;
}

async fn run(bot: &Arc<Bot>, asker: &Asker, typed: &Typed<'_>) -> Result<Said, String> {
    let user = user(asker.user).ok_or("I can't tell who you are.")?;
    let named = typed.text("vendor");
    let action = typed.text("action");
    let is_bare = ["code", "scope", "way"]
        .iter()
        .all(|name| typed.text(name).is_none());
    let service = match (named, action.as_deref()) {
        (_, Some("status")) => return status(bot, asker, &user).await.map(Said::alone),
        (None, None) if is_bare => return status(bot, asker, &user).await.map(Said::alone),
        (None, _) => return Err(WHICH_VENDOR.to_owned()),
        (Some(typed), _) => {
            Service::parse(&vendor(bot, typed)).map_err(|error| sentence(&error.to_string()))?
        }
    };
    let tenant = tenant(bot, asker, &user, &service, typed.text("scope").as_deref()).await?;
    match (action.as_deref(), typed.text("code")) {
        (Some("logout"), _) => sign_out(bot, &tenant).await,
        (_, Some(code)) => second::typed(bot, &user, &tenant, typed.text("way").as_deref(), code).await,
        (_, None) => begin(bot, asker, &user, &tenant, typed.text("way").as_deref())
            .await
            .map(Said::alone),
    }
}

/// The login that is meant, if this person may change it.
async fn tenant(
    bot: &Bot,
    asker: &Asker,
    user: &UserId,
    service: &Service,
    scope: Option<&str>,
) -> Result<Tenant, String> {
    let owner = match scope {
        Some("everyone") if asker.is_admin(bot).await? => Owner::Host,
        Some("everyone") => return Err(NOT_ADMIN.to_owned()),
        _ => Owner::User(user.clone()),
    };
    Ok(Tenant {
        service: service.clone(),
        owner,
    })
}

fn told(error: &SignInError) -> String {
    in_words(&refused(error))
}

fn in_words(refused: &Refused) -> String {
    let hint = refused.hint.as_deref().map(|hint| format!(" {}", sentence(hint)));
    format!("⚠️ {}{}", sentence(&refused.error), hint.unwrap_or_default())
}

fn title(bot: &Bot, service: &Service) -> String {
    let vendor = bot.house.credentials.vendors().get(service);
    let title = vendor.map_or_else(|_| service.to_string(), |vendor| vendor.title.clone());
    disarmed(&harmless::line(&title, 80))
}

/// In the words of the choices that there are.
fn no_such_way(title: &str, vendor: &Vendor) -> String {
    let named = WAYS.iter().filter(|(way, _)| vendor.way(Some(way)).is_some());
    let named: Vec<String> = named.map(|(_, name)| format!("`{name}`")).collect();
    format!(
        "⚠️ {title} can't be signed in to this way. As `way` choose {}, or leave it out.",
        named.join(" or ")
    )
}

/// First step: the link, the code or the form, and what will happen.
async fn begin(
    bot: &Arc<Bot>,
    asker: &Asker,
    user: &UserId,
    tenant: &Tenant,
    way: Option<&str>,
) -> Result<Outgoing, String> {
    let service = &tenant.service;
    let vendor = bot.house.credentials.vendors().get(service);
    let vendor = vendor.map_err(|error| {
        let words = sentence(&error.to_string());
        format!("{words} Choose one that is proposed while you type.")
    })?;
    let title = title(bot, service);
    let begun = bot.house.credentials.begin(tenant, user, way, None).await;
    let (begun, at) = begun.map_err(|error| match error {
        SignInError::NoSuchWay { .. } => no_such_way(&title, &vendor),
        error => in_words(&not_begun(&error)),
    })?;
    tracing::info!(%service, %user, owner = %tenant.owner, "a sign-in was begun");
    let (whose, scope) = match tenant.owner {
        Owner::Host => ("for everyone who uses this bot", " scope:everyone"),
        Owner::User(_) => ("for the threads that you open", ""),
    };
    let warning = vendor
        .warning
        .as_ref()
        .map(|warning| format!("\n⚠️ {}", harmless::line(warning, 300)));
    let paste = |label: &str| {
        let action = Action::Paste(SignIn {
            service: service.to_string(),
            whose: second::whose(tenant),
            begun: at,
        });
        let custom_id = bot.sealer.encode(asker.channel, &action).ok()?;
        Some(json!({ "type": 2, "style": 1, "label": label, "custom_id": custom_id }))
    };
    let link = |label: &str, url: &str| json!({ "type": 2, "style": 5, "label": label, "url": url });
    let (words, buttons) = match begun {
        Begun::Link { url, .. } => (
            format!(
                "**Sign in to {title}**, {whose}.\n\
                 1. Open the page, sign in there and agree.\n\
                 2. You get a code, or end on a page that may not load. Copy the code, or that page's whole address.\n\
                 3. Press **Paste code**. (Or type `/auth vendor:{service}{scope} code:…`)\n\
                 -# The link is yours alone and works for 15 minutes. No password passes through here."
            ),
            vec![
                Some(link("Open the sign-in page", url.as_str())),
                paste("Paste code"),
            ],
        ),
        Begun::Device {
            page,
            page_with_code,
            user_code,
            expires_at,
        } => {
            device::begun(bot, asker.line(), user, tenant, at);
            let page = page_with_code.unwrap_or(page);
            let code = harmless::line(&user_code, 40).replace('`', "");
            let until = expires_at.millis().div_euclid(1000);
            (
                format!(
                    "**Sign in to {title}**, {whose}.\nOpen the page and enter this code:\n```\n{code}\n```\n\
                     -# Nothing has to be brought back: I notice when you are done. The code ends <t:{until}:R>."
                ),
                vec![Some(link("Open the sign-in page", page.as_str()))],
            )
        }
        Begun::Key { vendor } => (
            format!(
                "**An API key of {}**, {whose}.\nPress the button and paste it there: only I see it.",
                disarmed(&harmless::line(&vendor, 80))
            ),
            vec![paste("Paste key")],
        ),
    };
    let buttons: Vec<Value> = buttons.into_iter().flatten().collect();
    Ok(Outgoing {
        content: format!("🔑 {words}{}", warning.unwrap_or_default()),
        rows: vec![buttons],
        ..Outgoing::default()
    })
}

async fn sign_out(bot: &Bot, tenant: &Tenant) -> Result<Said, String> {
    let ended = bot.house.credentials.logout(tenant).await;
    let ended = ended.map_err(|error| told(&error))?;
    tracing::info!(service = %tenant.service, owner = %tenant.owner, "signed out");
    bot.house.supervisor.credentials_changed();
    let title = title(bot, &tenant.service);
    let late = Some(format!("You are signed out of {title}."));
    let words = match (ended.was_there, ended.revoked) {
        (false, _) => format!("There was no login to {title}."),
        (true, Revoked::Yes) => format!("Signed out of {title}, and the vendor has ended the login."),
        (true, Revoked::NotPossible) => {
            format!("Signed out of {title} here; the vendor offers no way to tell it.")
        }
        (true, Revoked::Failed(why)) => format!(
            "Signed out of {title} here. The vendor could not be told ({}), so the login may live on there.",
            harmless::line(&why, 200)
        ),
    };
    Ok(Said {
        answer: Outgoing::words(words),
        late,
    })
}

/// Buttons and forms about signing in; what is no form was acknowledged.
pub(super) async fn pressed(
    bot: &Arc<Bot>,
    asker: &Asker,
    thread: &ThreadId,
    action: &Action,
    pasted: Option<String>,
) {
    let Some(user) = user(asker.user) else {
        return;
    };
    let answer = match action {
        Action::Paste(sign_in) => {
            form(bot, asker, sign_in).await;
            return;
        }
        Action::SignIn { item } => for_thread(bot, asker, thread, &user, item.0)
            .await
            .map(Said::alone),
        Action::Pasted(sign_in) => {
            second::pasted(bot, asker, &user, sign_in, pasted).await;
            return;
        }
        Action::SignOut { service } => match Service::parse(service) {
            Ok(service) => sign_out(bot, &Tenant::user(service, user)).await,
            Err(error) => Err(sentence(&error.to_string())),
        },
        _ => return,
    };
    say(bot, asker, answer).await;
}

async fn form(bot: &Bot, asker: &Asker, sign_in: &SignIn) {
    let action = Action::Pasted(sign_in.clone());
    let Ok(custom_id) = bot.sealer.encode(asker.channel, &action) else {
        return;
    };
    let label = if second::is_for_a_key(bot, asker, sign_in) {
        "API key"
    } else {
        "Code, or address of the page"
    };
    asker
        .form(bot, form_of(&custom_id, "Sign in", FIELD, label, true))
        .await;
}

/// The sign-in that a thread waits for.
async fn for_thread(
    bot: &Arc<Bot>,
    asker: &Asker,
    thread: &ThreadId,
    user: &UserId,
    item: i64,
) -> Result<Outgoing, String> {
    let known = bot.house.conversation.thread(thread).await;
    let known = known.map_err(|error| sentence(&error.to_string()))?;
    if known.owner != *user {
        let owner = owner::named(owner::id(&known.owner));
        return Err(format!(
            "This thread works on the login of {owner}; only they can sign in for it. \
             `/auth` signs you in for the threads that you call me to."
        ));
    }
    let items = super::press::items(bot, thread).await;
    let items = items.map_err(|error| sentence(&error.to_string()))?;
    let wanted = items.iter().find_map(|one| match &one.body {
        Body::Login { service, ended, .. } if one.id.0 == item => Some((service.clone(), *ended)),
        _ => None,
    });
    let (service, ended) = wanted.ok_or("That is too long ago. `/auth` signs you in.")?;
    match ended {
        None => {}
        Some(LoginEnd::Done) => return Err("That was done already.".to_owned()),
        Some(LoginEnd::TimedOut | LoginEnd::Gone) => {
            return Err("Nothing waits for that any more. `/auth` signs you in.".to_owned());
        }
    }
    let service = Service::parse(&service).map_err(|error| sentence(&error.to_string()))?;
    let tenant = Tenant::user(service, user.clone());
    begin(bot, asker, user, &tenant, None).await
}
