//! The page of credentials: which login pays, whose they are, for what, valid until, the way in and out. Never a token.

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
    /// In the host's environment; for the same people.
    Environment,
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
    /// A key or token in the host's environment.
    Set,
}

/// Everything that the page shows.
#[derive(Debug, Clone)]
pub(crate) struct Purse {
    /// One for each agent.
    pub(crate) pays: Vec<Pays>,
    /// In any order.
    pub(crate) logins: Vec<Login>,
}

/// What pays for an agent in the reader's threads.
#[derive(Debug, Clone)]
pub(crate) struct Pays {
    /// The agent, for people.
    pub(crate) agent: String,
    /// The service that it works with, for people, if we know one.
    pub(crate) service: Option<String>,
    /// What pays: `the host's login`.
    pub(crate) with: String,
    /// Why, as a sentence.
    pub(crate) why: String,
    /// Whether anything pays.
    pub(crate) works: bool,
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
    /// The agents that it is for, in words; may be empty.
    pub(crate) used_for: String,
    /// Where in the host's environment it stands, in words: `API key in OPENAI_API_KEY`.
    pub(crate) variable: Option<String>,
    /// How it stands.
    pub(crate) state: LoginState,
    /// What there is to say about the state: why it is dead.
    pub(crate) detail: Option<String>,
    /// To which other login it gives way in the reader's threads, as a sentence.
    pub(crate) gives_way: Option<String>,
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
pub(crate) fn credentials(purse: &Purse, viewer: &Viewer) -> String {
    let mut out = String::from(
        "<p class=\"lead\">Logins that agents work with. They are kept on this host; tokens are never shown, and never sent to \
         this page.</p>",
    );
    if !purse.pays.is_empty() {
        push!(
            out,
            "<section class=\"logins\"><h2>What pays in threads that you open</h2><ul class=\"pays\">{}</ul></section>",
            each(&purse.pays, pays)
        );
    }
    if purse.logins.is_empty() {
        return out + "<div class=\"blank\"><p>No agent of this host needs a login.</p></div>";
    }
    let is_mine = |login: &&Login| login.whose == Whose::Mine;
    let (mut mine, mut host): (Vec<_>, Vec<_>) = purse.logins.iter().partition(is_mine);
    for (heading, group) in [
        ("Yours", &mut mine),
        ("This host’s, for everybody without one", &mut host),
    ] {
        if group.is_empty() {
            continue;
        }
        // What is there comes first.
        group.sort_by_key(|login| login.state == LoginState::Absent);
        push!(out, "<section class=\"logins\"><h2>{heading}</h2>");
        for login in group {
            out.push_str(&card(login, viewer));
        }
        out.push_str("</section>");
    }
    out
}

fn pays(pays: &Pays) -> String {
    let line = |text: &str| escape(&harmless::line(text, 120));
    let service = match &pays.service {
        Some(service) => format!(" <span class=\"quiet\">{}</span>", line(service)),
        None => String::new(),
    };
    format!(
        "<li><span class=\"dot {}\"></span><p><b>{}</b>{service}</p><p class=\"with\">{}</p><p class=\"quiet\">{}</p></li>",
        if pays.works { "ok" } else { "failed" },
        line(&pays.agent),
        escape(&crate::web::refusal::sentence(&harmless::line(&pays.with, 120))),
        escape(&harmless::dropped(&pays.why)),
    )
}

fn card(login: &Login, viewer: &Viewer) -> String {
    let title = escape(&harmless::line(&login.title, 80));
    let (tone, state) = match login.state {
        LoginState::SignedIn => ("ok", "signed in"),
        LoginState::Renewing => ("working", "being renewed"),
        LoginState::Dead => ("failed", "no longer works"),
        LoginState::Absent => ("quiet", "not signed in"),
        LoginState::Pending => ("waiting", "sign-in begun"),
        LoginState::Set => ("ok", "set where the host runs"),
    };
    let mut facts = vec![];
    if let Some(account) = &login.account {
        facts.push(("Account", escape(&harmless::line(account, 80))));
    }
    if let Some(variable) = &login.variable {
        facts.push(("From", escape(&harmless::line(variable, 120))));
    }
    if !login.used_for.is_empty() {
        facts.push(("Used for", escape(&harmless::line(&login.used_for, 200))));
    }
    match login.valid_until {
        _ if matches!(login.state, LoginState::Absent | LoginState::Pending) => {}
        // Whatever its token says, it is refused.
        Some(at) if at > viewer.now && login.state == LoginState::Dead => {}
        Some(at) if at > viewer.now && login.renewed => {
            facts.push((
                "Valid for",
                format!("{}, then renewed by itself", words::until(at, viewer.now)),
            ));
        }
        Some(at) if at > viewer.now => facts.push(("Valid for", words::until(at, viewer.now))),
        Some(_) if login.renewed && login.state != LoginState::Dead => {
            facts.push(("Valid", "renewed by itself at its next use".to_owned()));
        }
        Some(at) => facts.push(("Ended", words::time(at))),
        None if login.state == LoginState::Dead => {}
        None if login.state == LoginState::Set => {
            facts.push((
                "Valid",
                "until another is set there and the host is started again".to_owned(),
            ));
        }
        None => facts.push(("Valid", "until it is removed or revoked".to_owned())),
    }
    let facts = match facts.as_slice() {
        [] => String::new(),
        _ => format!(
            "<dl>{}</dl>",
            each(facts, |(name, value)| format!("<dt>{name}</dt><dd>{value}</dd>"))
        ),
    };
    let detail = each(
        [&login.detail, &login.gives_way].into_iter().flatten(),
        |detail| format!("<p class=\"quiet\">{}</p>", escape(&harmless::dropped(detail))),
    );
    let service = escape(&login.service);
    let key = format!("{}-{service}", scope(login.whose));
    format!(
        "<section class=\"card credential\" id=\"login-{key}\" aria-label=\"{title}, {}\"><header><span class=\"dot {tone}\"></span><b>{title}</b>\
         <small class=\"facts\">{state}</small></header>{facts}{detail}{}</section>",
        match login.whose {
            Whose::Mine => "yours",
            Whose::Host => "the host’s",
            Whose::Environment => "where the host runs",
        },
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
        Whose::Environment => "environment",
    }
}

fn buttons(login: &Login, service: &str, title: &str) -> String {
    let scope = scope(login.whose);
    let (class, word) = match login.state {
        LoginState::Absent => ("", "Sign in"),
        LoginState::Dead | LoginState::Pending => (" class=\"primary\"", "Sign in again"),
        LoginState::SignedIn | LoginState::Renewing | LoginState::Set => ("", "Sign in with another account"),
    };
    let out = match login.state {
        LoginState::Absent | LoginState::Pending | LoginState::Set => String::new(),
        _ => format!(
            "<button data-act=\"sign-out\" data-service=\"{service}\" data-scope=\"{scope}\" data-title=\"{title}\" \
             data-stops=\"{}\">Sign out</button>",
            escape(&harmless::dropped(&login.stops))
        ),
    };
    format!(
        "<div class=\"row\"><button{class} data-act=\"sign-in\" data-service=\"{service}\" data-scope=\"{scope}\">{}{word}</button>{out}\
         </div><div class=\"step\" id=\"step-{scope}-{service}\" data-step=\"\" aria-live=\"polite\"></div>",
        icon("key")
    )
}

#[cfg(test)]
mod tests {
    use credentials::UserId;

    use super::*;

    fn shown(renewed: bool, state: LoginState) -> String {
        let login = Login {
            service: "rehearsal".into(),
            title: "Rehearsal".into(),
            whose: Whose::Mine,
            used_for: String::new(),
            variable: None,
            state,
            detail: None,
            gives_way: None,
            account: None,
            valid_until: Some(Timestamp::from_millis(1_000)),
            renewed,
            may_change: true,
            stops: String::new(),
        };
        let viewer = Viewer {
            user: UserId::parse("web:alice").unwrap(),
            owner: true,
            now: Timestamp::from_millis(2_000),
        };
        let purse = Purse {
            pays: vec![],
            logins: vec![login],
        };
        credentials(&purse, &viewer)
    }

    #[test]
    fn what_renews_itself_has_not_ended_and_what_ended_says_when() {
        let renewed = shown(true, LoginState::SignedIn);
        assert!(
            renewed.contains("renewed by itself at its next use") && !renewed.contains("Ended"),
            "{renewed}"
        );
        for page in [shown(false, LoginState::SignedIn), shown(true, LoginState::Dead)] {
            assert!(page.contains("<dt>Ended</dt><dd><time"), "{page}");
            assert!(!page.contains("now") && !page.contains(" ago"), "{page}");
        }
    }
}
