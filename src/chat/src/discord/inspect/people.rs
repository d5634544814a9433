//! Members and roles of a server, found by their names.

use serde::Deserialize;
use serenity::http::{LightMethod, Request, Route};
use serenity::model::id::{GuildId, RoleId, UserId};
use url::form_urlencoded::byte_serialize;

use super::identity::shown;
use super::rest::{Rest, Trouble};
use crate::discord::admission::Id;

/// So many are found by one name: who has to choose from more types more of it.
pub const FOUND: usize = 20;

/// Longest name that Discord looks for, in characters.
const LONGEST: usize = 100;

/// A member of a server who is no bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The user's id.
    pub id: Id,
    /// The name that no other person has.
    pub name: String,
    /// The name that is shown: of that server, else the person's own choice.
    pub shown: Option<String>,
}

/// A role of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its id; the one with the server's own id is everybody's.
    pub id: Id,
    /// Its name.
    pub name: String,
}

#[derive(Deserialize)]
struct FoundMember {
    nick: Option<String>,
    user: FoundUser,
}

#[derive(Deserialize)]
struct FoundUser {
    id: UserId,
    username: String,
    global_name: Option<String>,
    #[serde(default)]
    bot: bool,
}

#[derive(Deserialize)]
struct FoundRole {
    id: RoleId,
    name: String,
}

impl Rest {
    /// People whose username or name in that server begins with this, at most [`FOUND`], in Discord's order. It needs no
    /// privileged intent: <https://discord.com/developers/docs/resources/guild#search-guild-members>.
    pub async fn people(&self, guild: Id, name: &str) -> Result<Vec<Person>, Trouble> {
        let name: String = name.chars().take(LONGEST).collect();
        // serenity puts it into the address as it is.
        let name = byte_serialize(name.as_bytes())
            .collect::<String>()
            .replace('+', "%20");
        let route = Route::GuildMembersSearch {
            guild_id: GuildId::new(guild.max(1)),
        };
        let params = vec![("query", name), ("limit", FOUND.to_string())];
        let request = Request::new(route, LightMethod::Get).params(Some(params));
        let found: Vec<FoundMember> = self.ask(request).await?;
        let people = found.into_iter().filter(|member| !member.user.bot);
        let people = people.map(|FoundMember { nick, user }| Person {
            id: user.id.get(),
            name: shown(&user.username),
            shown: nick.or(user.global_name).map(|name| shown(&name)),
        });
        Ok(people.collect())
    }

    /// The roles of a server.
    pub async fn roles(&self, guild: Id) -> Result<Vec<Role>, Trouble> {
        let guild_id = GuildId::new(guild.max(1));
        let found: Vec<FoundRole> = self.get(Route::GuildRoles { guild_id }).await?;
        let roles = found.into_iter().map(|role| Role {
            id: role.id.get(),
            name: shown(&role.name),
        });
        Ok(roles.collect())
    }
}
