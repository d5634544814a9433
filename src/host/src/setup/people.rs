//! Who may speak to the bot, besides the application's owner and team.

use std::collections::BTreeSet;

use chat::discord::inspect::{Channel, Guild};

use super::dialogue::again;
use super::document::{People, Written};
use super::names::{Kind, No, Said, unknown};
use super::{Guide, Met, done};
use crate::failure::Failure;
use crate::output;

/// Somebody who is to be let in, as a person says it.
type Who = (Kind, Said);

impl Guide<'_> {
    /// `speaks_in` are the channels whose servers' members are meant by their names.
    pub(super) async fn people(
        &mut self,
        met: &Met,
        written: &Written,
        speaks_in: &[Channel],
    ) -> Result<People, Failure> {
        self.step("6. The people");
        let owner = &met.application.owners.words;
        let users = self.asked.users.iter().map(|said| (Kind::User, said.clone()));
        let roles = self.asked.roles.iter().map(|said| (Kind::Role, said.clone()));
        let asked: Vec<Who> = users.chain(roles).collect();
        if !asked.is_empty() {
            match self.known(met, speaks_in, &asked).await {
                Ok(people) => return Ok(people),
                Err(No::Failed(failure)) => return Err(failure),
                Err(No::Means(words)) if self.dialogue.is_none() => {
                    return Err(unknown(&words));
                }
                Err(No::Means(words)) => again(&words),
            }
        }
        if self.dialogue.is_none() {
            return Ok(People::Keep);
        }
        let (default, kept) = if written.names_people {
            ("Enter keeps what the configuration says", "as it was")
        } else {
            ("Enter: nobody else", "the owner and the team, nobody else")
        };
        output::say(&format!(
            "   {owner} may always speak to it. Who else? Names as in @ann, or ids, with commas; roles as `role:NAME`; or \
             `everyone`. {default}."
        ));
        loop {
            let Some(dialogue) = &mut self.dialogue else {
                return Ok(People::Keep);
            };
            let answer = dialogue.ask("   people: ").await?;
            if answer.is_empty() {
                done(kept);
                return Ok(if written.names_people {
                    People::Keep
                } else {
                    People::none()
                });
            }
            if matches!(answer.to_lowercase().as_str(), "everyone" | "@everyone") {
                let sure = "everybody in these channels makes it work at your expense, and sees what it answers; sure?";
                if dialogue.yes(sure, false).await? {
                    return Ok(People::Everyone);
                }
                continue;
            }
            let said = match listed(&answer) {
                Ok(said) => said,
                Err(part) => {
                    again(&format!("names or ids; `{part}` is neither"));
                    continue;
                }
            };
            match self.known(met, speaks_in, &said).await {
                Ok(people) => return Ok(people),
                Err(No::Failed(failure)) => return Err(failure),
                Err(No::Means(words)) => again(&words),
            }
        }
    }

    /// Their ids. Discord is asked about names alone.
    async fn known(&mut self, met: &Met, speaks_in: &[Channel], said: &[Who]) -> Result<People, No> {
        let mut servers: Option<Vec<Guild>> = None;
        let (mut users, mut roles) = (BTreeSet::new(), BTreeSet::new());
        for (kind, said) in said {
            let ids = match kind {
                Kind::User => &mut users,
                Kind::Role => &mut roles,
            };
            let name = match said {
                Said::Id(id) => {
                    ids.insert(*id);
                    continue;
                }
                Said::Name(name) => name,
            };
            let servers = match &mut servers {
                Some(servers) => servers,
                unknown => unknown.insert(servers_of(met, speaks_in).await?),
            };
            let hits = Self::look_for(met, servers, *kind, name).await?;
            let meant = self.meant(name, kind.sign(), &hits).await?;
            for hit in hits.iter().filter(|hit| meant.contains(&hit.id)) {
                done(&hit.words(kind.sign()));
            }
            ids.extend(meant);
        }
        Ok(People::Listed { users, roles })
    }
}

/// Where names are looked for: in the servers of these channels, or in all where it speaks in none yet.
async fn servers_of(met: &Met, speaks_in: &[Channel]) -> Result<Vec<Guild>, No> {
    let guilds = met.rest.guilds().await;
    let mut guilds = guilds.map_err(|trouble| {
        No::Means(format!(
            "names can't be looked for, the servers are not known ({trouble}): say ids"
        ))
    })?;
    if !speaks_in.is_empty() {
        guilds.retain(|guild| speaks_in.iter().any(|channel| channel.guild == guild.id));
    }
    Ok(guilds)
}

/// Users and roles, also as they stand in messages: `<@1>` and `<@&1>`. Names may have blanks in them, between ids they part.
///
/// Errors: the first part that says nobody.
fn listed(answer: &str) -> Result<Vec<Who>, &str> {
    let mut all = Vec::new();
    for part in answer.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let ids: Vec<Who> = part.split_whitespace().filter_map(who).collect();
        let is_ids = ids.iter().all(|(_, said)| matches!(said, Said::Id(_)));
        if is_ids && ids.len() == part.split_whitespace().count() {
            all.extend(ids);
        } else {
            all.push(who(part).ok_or(part)?);
        }
    }
    Ok(all)
}

fn who(text: &str) -> Option<Who> {
    let of_role = text.strip_prefix("role:");
    let is_role = of_role.is_some() || text.trim_start_matches('<').starts_with("@&");
    let kind = if is_role { Kind::Role } else { Kind::User };
    Some((kind, Said::of(of_role.unwrap_or(text))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_roles_are_said_by_id_or_by_name() {
        let name = |kind, name: &str| (kind, Said::Name(name.to_owned()));
        let id = |kind, id| (kind, Said::Id(id));
        assert_eq!(
            listed("1, <@2> role:3,<@&4>, "),
            Ok(vec![
                id(Kind::User, 1),
                id(Kind::User, 2),
                id(Kind::Role, 3),
                id(Kind::Role, 4)
            ])
        );
        assert_eq!(
            listed("@ann, Ann B. 2, role:The Moderators,role:@admins"),
            Ok(vec![
                name(Kind::User, "ann"),
                name(Kind::User, "Ann B. 2"),
                name(Kind::Role, "The Moderators"),
                name(Kind::Role, "admins")
            ])
        );
        assert_eq!(listed("1,role:"), Err("role:"));
        assert_eq!(listed("@"), Err("@"));
    }
}
