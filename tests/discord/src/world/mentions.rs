//! Who is pinged by a text: what it mentions, less what the sender ruled out or may not do.

use serde_json::Value;

use super::World;
use crate::Id;
use crate::permissions::MENTION_EVERYONE;

/// Who was pinged by a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pings {
    /// `@everyone` or `@here`.
    pub everyone: bool,
    /// One by one, each once.
    pub users: Vec<Id>,
    /// As roles.
    pub roles: Vec<Id>,
}

impl Pings {
    /// Nobody at all.
    pub fn is_empty(&self) -> bool {
        !self.everyone && self.users.is_empty() && self.roles.is_empty()
    }
}

impl World {
    /// `allowed` as in `allowed_mentions`: absent lets everything through that stands in the text.
    pub(crate) fn pings(
        &self,
        author: Id,
        channel: Id,
        content: &str,
        allowed: Option<&Value>,
        replied_to: Option<Id>,
    ) -> Pings {
        let guild = self
            .channels
            .get(&channel)
            .and_then(|it| it.guild)
            .and_then(|id| self.guilds.get(&id));
        let may_all = self.permissions(author, channel) & MENTION_EVERYONE != 0;
        let mut pings = Pings {
            everyone: may_all
                && allows(allowed, "everyone", None)
                && (content.contains("@everyone") || content.contains("@here")),
            ..Pings::default()
        };
        for (is_role, id) in mentioned(content) {
            if is_role {
                let role = guild.and_then(|guild| guild.roles.get(&id));
                let pingable = role.is_some_and(|role| role.mentionable || may_all);
                if pingable && allows(allowed, "roles", Some(id)) && !pings.roles.contains(&id) {
                    pings.roles.push(id);
                }
            } else if self.users.contains_key(&id)
                && allows(allowed, "users", Some(id))
                && !pings.users.contains(&id)
            {
                pings.users.push(id);
            }
        }
        let ping_replied = allowed.is_none_or(|rules| rules["replied_user"] == true);
        if let Some(user) = replied_to.filter(|user| ping_replied && !pings.users.contains(user)) {
            pings.users.push(user);
        }
        pings
    }
}

fn allows(rules: Option<&Value>, what: &str, id: Option<Id>) -> bool {
    let Some(rules) = rules.filter(|rules| !rules.is_null()) else {
        return true;
    };
    let lists = |key: &str, wanted: &str| {
        rules[key]
            .as_array()
            .is_some_and(|list| list.iter().any(|one| one == wanted))
    };
    lists("parse", what) || id.is_some_and(|id| lists(what, &id.to_string()))
}

/// `<@1>`, `<@!1>` and `<@&1>`: (whether it is a role, which one).
fn mentioned(content: &str) -> Vec<(bool, Id)> {
    content
        .split("<@")
        .skip(1)
        .filter_map(|rest| {
            let (inside, _) = rest.split_once('>')?;
            let role = inside.strip_prefix('&');
            let id = role.unwrap_or(inside.strip_prefix('!').unwrap_or(inside));
            Some((role.is_some(), id.parse().ok()?))
        })
        .collect()
}
