//! The bot and its application: names, owners, intents, commands, and how often it may still connect today.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use serenity::http::Route;
use serenity::model::application::{
    ApplicationFlags, Command, CurrentApplicationInfo, MembershipState, Team, TeamMember,
};
use serenity::model::gateway::BotGateway;
use serenity::model::id::ApplicationId;

use super::rest::{Rest, Trouble};
use crate::discord::admission::Id;

/// The commands that a host registers, in order of their names.
pub const COMMANDS: [&str; 9] = [
    "agent", "auth", "help", "model", "new", "queue", "reset", "status", "stop",
];

/// The bot's user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bot {
    /// Its id.
    pub id: Id,
    /// The name that people mention.
    pub name: String,
}

/// The application that the bot belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Its id.
    pub id: Id,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub owners: Owners,
    /// Whether the intent is switched on without which messages come without their text.
    pub reads_messages: bool,
}

/// Who owns an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owners {
    /// Their ids: the owner, or all members of the team.
    pub ids: BTreeSet<Id>,
    /// Who they are, for people.
    pub words: String,
}

/// How often the bot may still begin a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sessions {
    /// Per day.
    pub total: u64,
    /// Of these so many are left.
    pub left: u64,
    /// Then there are all again.
    pub reset_after: Duration,
    /// The shards that Discord advises.
    pub shards: u32,
}

/// As much of a user as is needed.
#[derive(Deserialize)]
struct Me {
    id: serenity::model::id::UserId,
    username: String,
}

impl Rest {
    /// Who the bot is: the question that tells whether the token is good.
    pub async fn bot(&self) -> Result<Bot, Trouble> {
        let me: Me = self.get(Route::UserMe).await?;
        Ok(Bot {
            id: me.id.get(),
            name: shown(&me.username),
        })
    }

    /// The application.
    pub async fn application(&self) -> Result<Application, Trouble> {
        let told: CurrentApplicationInfo = self.get(Route::Oauth2ApplicationCurrent).await?;
        let reads =
            ApplicationFlags::GATEWAY_MESSAGE_CONTENT | ApplicationFlags::GATEWAY_MESSAGE_CONTENT_LIMITED;
        let owners = match (&told.team, &told.owner) {
            (Some(team), _) => of_team(team),
            (None, Some(owner)) => Owners {
                ids: [owner.id.get()].into(),
                words: shown(&owner.name),
            },
            (None, None) => Owners {
                ids: [].into(),
                words: "nobody that Discord names".to_owned(),
            },
        };
        Ok(Application {
            id: told.id.get(),
            name: shown(&told.name),
            owners,
            reads_messages: told.flags.is_some_and(|flags| flags.intersects(reads)),
        })
    }

    /// How often the bot may still connect.
    pub async fn sessions(&self) -> Result<Sessions, Trouble> {
        let told: BotGateway = self.get(Route::GatewayBot).await?;
        let limit = told.session_start_limit;
        Ok(Sessions {
            total: limit.total,
            left: limit.remaining,
            reset_after: Duration::from_millis(limit.reset_after),
            shards: told.shards,
        })
    }

    /// The names of the commands that are registered for all servers, in order.
    pub async fn commands(&self, application: Id) -> Result<Vec<String>, Trouble> {
        let application_id = ApplicationId::new(application.max(1));
        let told: Vec<Command> = self.get(Route::Commands { application_id }).await?;
        let mut names: Vec<String> = told.iter().map(|command| shown(&command.name)).collect();
        names.sort();
        Ok(names)
    }
}

/// Who was invited and has not said yes is no member yet.
fn of_team(team: &Team) -> Owners {
    let is_member = |member: &&TeamMember| member.membership_state != MembershipState::Invited;
    let members = team.members.iter().filter(is_member);
    let ids: BTreeSet<Id> = members.map(|member| member.user.id.get()).collect();
    let members = if ids.len() == 1 { "member" } else { "members" };
    let words = format!("the team {} ({} {members})", shown(&team.name), ids.len());
    Owners { ids, words }
}

/// A name as it may be printed: without what moves a terminal's cursor, and not without end.
pub(super) fn shown(name: &str) -> String {
    name.chars().filter(|char| !char.is_control()).take(100).collect()
}
