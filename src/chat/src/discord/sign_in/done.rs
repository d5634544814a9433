//! What is told of a sign-in that worked.

use conversation::ThreadFilter;
use credentials::{Completed, Owner, Tenant, UserId, words};
use supervisor::{AgentKind, ThreadPhase};

use super::title;
use crate::discord::bot::Bot;
use crate::discord::split::disarmed;
use crate::harmless;

/// A sign-in that worked, as its asker is told of it, and as everybody may read it.
pub(super) struct Done {
    pub(super) alone: String,
    pub(super) openly: String,
}

/// Whether somebody waited for this login.
async fn was_awaited(bot: &Bot, tenant: &Tenant) -> bool {
    let filter = ThreadFilter {
        owner: match &tenant.owner {
            Owner::Host => None,
            Owner::User(user) => Some(user.clone()),
        },
        ..ThreadFilter::default()
    };
    let supervisor = &bot.house.supervisor;
    let works_with_it = |agent: &str| match supervisor.declared().get(agent).map(|agent| &agent.kind) {
        Some(AgentKind::Native(profile)) => {
            profile.account.as_ref().map(|account| &account.service) == Some(&tenant.service)
        }
        _ => false,
    };
    // Where it can't be looked up nothing is claimed.
    let threads = supervisor.threads(filter).await.unwrap_or_default();
    threads.iter().any(|status| {
        status.phase == ThreadPhase::AwaitingLogin && works_with_it(&status.summary.thread.agent)
    })
}

/// Says so where it matters.
pub(super) async fn done(bot: &Bot, user: &UserId, completed: &Completed) -> Done {
    let service = &completed.tenant.service;
    let goes_on = if was_awaited(bot, &completed.tenant).await {
        " What waited for it goes on."
    } else {
        ""
    };
    tracing::info!(%service, %user, owner = %completed.tenant.owner, "signed in");
    bot.house.supervisor.credentials_changed();
    let account = completed.account.as_ref();
    let account = account.map(|account| account.label.as_deref().unwrap_or(&account.id));
    let account = account.map(|account| format!(" as {}", disarmed(&harmless::line(account, 80))));
    let until = match completed.expires_at {
        Some(_) if completed.refreshable => ", renewed by itself".to_owned(),
        Some(at) => format!(", until {}", words::moment(at)),
        None => ", until it is removed".to_owned(),
    };
    let whose = match completed.tenant.owner {
        Owner::Host => "for everyone on this host",
        Owner::User(_) => "for you",
    };
    let title = title(bot, service);
    Done {
        alone: format!(
            "✅ Signed in to {title}{}, {whose}{until}.{goes_on}",
            account.unwrap_or_default()
        ),
        openly: format!("✅ Signed in to {title}.{goes_on}"),
    }
}
