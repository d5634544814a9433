//! The page of credentials: whose, for what, valid until, and the way in and out. Never a token.

use credentials::Timestamp;

use super::html::{each, escape, push};
use super::icon::icon;
use super::{Viewer, harmless, words};

/// Whose a login is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// The reader's.
    Mine,
    /// The host's: everybody's who has none of their own.
    Host,
}

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoginState {
    /// It works.
    SignedIn,
    /// It is being renewed.
    Renewing,
    /// It is there and dead: a person must sign in again.
    Dead,
    /// Nobody signed in.
    Absent,
    /// Begun and not finished.
    Pending,
}

/// A service, as the page shows it for one owner.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    /// The service's name.
    pub(crate) service: String,
    /// For people.
    pub(crate) title: String,
    /// Whose.
    pub(crate) whose: Whose,
    /// What it is used for, in words: `agents: native`.
    pub(crate) used_for: String,
    /// How it stands.
    pub(crate) state: LoginState,
    /// What there is to say about the state: why it is dead, that another login shadows it.
    pub(crate) detail: Option<String>,
    /// Whose account at the vendor.
    pub(crate) account: Option<String>,
    /// When the access token ends; `None` for a key.
    pub(crate) valid_until: Option<Timestamp>,
    /// Whether it is renewed by itself.
    pub(crate) renewed: bool,
    /// Whether this reader may sign in and out here.
    pub(crate) may_change: bool,
    /// What will stop working after a sign-out, in words.
    pub(crate) stops: String,
}

/// The body of the page.
pub(crate) fn credentials(logins: &[Login], viewer: &Viewer) -> String {
    let mut out = String::from(
        "<p class=\"lead\">Logins that agents work with. They are kept on this host; tokens are never shown, and never sent to \
         this page.</p>",
    );
    if logins.is_empty() {
        return out + "<div class=\"blank\"><p>No service needs a login here.</p></div>";
    }
    for (whose, heading) in [
        (Whose::Mine, "Yours"),
        (Whose::Host, "This host’s, for everybody without one"),
    ] {
        let mut group: Vec<_> = logins.iter().filter(|login| login.whose == whose).collect();
        // What is there comes first.
        group.sort_by_key(|login| login.state == LoginState::Absent);
        if group.is_empty() {
            continue;
        }
        push!(out, "<section class=\"logins\"><h2>{heading}</h2>");
        for login in group {
            out.push_str(&card(login, viewer));
        }
        out.push_str("</section>");
    }
    out
}

fn card(login: &Login, viewer: &Viewer) -> String {
    let title = escape(&harmless::line(&login.title, 80));
    let (tone, state) = match login.state {
        LoginState::SignedIn => ("ok", "signed in"),
        LoginState::Renewing => ("working", "being renewed"),
        LoginState::Dead => ("failed", "sign in again"),
        LoginState::Absent => ("quiet", "not signed in"),
        LoginState::Pending => ("waiting", "sign-in begun"),
    };
    let mut facts = vec![];
    if let Some(account) = &login.account {
        facts.push(("Account", escape(&harmless::line(account, 80))));
    }
    if !login.used_for.is_empty() {
        facts.push(("Used for", escape(&harmless::line(&login.used_for, 200))));
    }
    match login.valid_until {
        _ if matches!(login.state, LoginState::Absent | LoginState::Pending) => {}
        Some(at) if at > viewer.now && login.renewed && login.state != LoginState::Dead => {
            facts.push((
                "Valid for",
                format!("{}, then renewed by itself", words::until(at, viewer.now)),
            ));
        }
        Some(at) if at > viewer.now => facts.push(("Valid for", words::until(at, viewer.now))),
        Some(at) => facts.push(("Ended", format!("{} ago", words::ago(at, viewer.now)))),
        None => facts.push(("Valid", "until it is removed or revoked".to_owned())),
    }
    let facts = match facts.as_slice() {
        [] => String::new(),
        _ => format!(
            "<dl>{}</dl>",
            each(facts, |(name, value)| format!("<dt>{name}</dt><dd>{value}</dd>"))
        ),
    };
    let detail = match &login.detail {
        Some(detail) => format!("<p class=\"quiet\">{}</p>", escape(&harmless::dropped(detail))),
        None => String::new(),
    };
    let service = escape(&login.service);
    let key = format!("{}-{service}", scope(login.whose));
    format!(
        "<section class=\"card credential\" id=\"login-{key}\" aria-label=\"{title}\"><header><span class=\"dot {tone}\"></span><b>{title}</b>\
         <small class=\"facts\">{state}</small></header>{facts}{detail}{}</section>",
        if login.may_change {
            buttons(login, &service, &title)
        } else {
            String::new()
        }
    )
}

fn scope(whose: Whose) -> &'static str {
    match whose {
        Whose::Mine => "mine",
        Whose::Host => "host",
    }
}

fn buttons(login: &Login, service: &str, title: &str) -> String {
    let scope = scope(login.whose);
    let (class, word) = match login.state {
        LoginState::Absent => ("", "Sign in"),
        LoginState::Dead | LoginState::Pending => (" class=\"primary\"", "Sign in again"),
        LoginState::SignedIn | LoginState::Renewing => ("", "Sign in with another account"),
    };
    let out = match login.state {
        LoginState::Absent | LoginState::Pending => String::new(),
        _ => format!(
            "<button data-act=\"sign-out\" data-service=\"{service}\" data-scope=\"{scope}\" data-title=\"{title}\" \
             data-stops=\"{}\">Sign out</button>",
            escape(&harmless::dropped(&login.stops))
        ),
    };
    format!(
        "<div class=\"row\"><button{class} data-act=\"sign-in\" data-service=\"{service}\" data-scope=\"{scope}\">{}{word}</button>{out}\
         </div><div class=\"step\" data-step=\"\" aria-live=\"polite\"></div>",
        icon("key")
    )
}
