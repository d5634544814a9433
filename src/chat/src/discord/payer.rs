//! Whose login pays for what is done in a thread, in words for everybody in it.

use std::fmt;

use conversation::Thread;
use credentials::{Payer, UserId, whose_login_pays};
use supervisor::AgentKind;

use super::admission::{Author, Id};
use super::bot::Bot;
use super::places;

/// Whose login pays. Its text is how it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pays {
    /// That of the one who opened the thread, also where it is dead.
    Owner(Id),
    /// The host's: its key, its token, or its login.
    Host,
    /// One that somebody else's agent brings.
    Agent,
    /// There is none yet: neither the one who opened the thread nor the host has one.
    Nobody(Id),
}

impl Pays {
    pub(super) fn words(self) -> String {
        let whose = match self {
            Self::Nobody(owner) => {
                return format!(
                    "Nobody is signed in yet for what is done in this thread: neither <@{owner}>, who opened it, nor this host."
                );
            }
            Self::Owner(owner) => format!("the login of <@{owner}>, who opened it"),
            Self::Host => "the login of this host".to_owned(),
            Self::Agent => "a login that the agent brings itself".to_owned(),
        };
        format!("What is done in this thread is done with {whose}.")
    }
}

impl fmt::Display for Pays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner(_) => f.write_str("owner"),
            Self::Host => f.write_str("host"),
            Self::Agent => f.write_str("agent"),
            Self::Nobody(_) => f.write_str("nobody"),
        }
    }
}

/// Whose login pays in a thread now; `None`: its agent needs none, or the logins can't be read.
pub(super) fn pays(bot: &Bot, thread: &Thread) -> Option<Pays> {
    let agent = bot.house.supervisor.declared().get(&thread.agent)?;
    let AgentKind::Native(profile) = &agent.kind else {
        return Some(Pays::Agent);
    };
    let service = &profile.account.as_ref()?.service;
    let credentials = &bot.house.credentials;
    let vendor = credentials.vendors().get(service).ok();
    let environment = vendor.as_ref().map(|vendor| &vendor.environment);
    let situation = credentials
        .store()
        .situation(service, environment, Some(&thread.owner));
    Some(match whose_login_pays(situation.ok()?) {
        Payer::HostKey | Payer::HostToken | Payer::Host | Payer::HostLoginDead => Pays::Host,
        Payer::Own | Payer::OwnLoginDead => Pays::Owner(id(&thread.owner)?),
        Payer::LoginRequired => Pays::Nobody(id(&thread.owner)?),
    })
}

/// What somebody who did not open a thread is told of whose login pays there; `None`: they know.
pub(super) async fn news(bot: &Bot, thread: &conversation::ThreadId, author: &Author) -> Option<Pays> {
    let channel = places::channel(thread)?;
    let thread = bot.house.conversation.thread(thread).await.ok()?;
    let pays = pays(bot, &thread).filter(|_| id(&thread.owner) != Some(author.id))?;
    (!bot.places.knows_payer(channel, author.id, &pays.to_string())).then_some(pays)
}

/// They were told.
pub(super) fn told(bot: &Bot, channel: Id, author: &Author, pays: Pays) {
    let pays = pays.to_string();
    if let Err(error) = bot.memory.add_payer(channel, author.id, &pays) {
        tracing::warn!(channel, %error, "could not write down who was told whose login pays");
    }
    bot.places.told_payer(channel, author.id, pays);
}

fn id(user: &UserId) -> Option<Id> {
    user.as_str().strip_prefix("discord:")?.parse().ok()
}
