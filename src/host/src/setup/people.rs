//! Who may speak to the bot, besides the application's owner and team.

use std::collections::BTreeSet;

use super::dialogue::again;
use super::document::{People, Written};
use super::{Guide, Met, done};
use crate::config::id_of;
use crate::failure::Failure;
use crate::output;

impl Guide<'_> {
    pub(super) async fn people(&mut self, met: &Met, written: &Written) -> Result<People, Failure> {
        self.step("6. The people");
        let owner = &met.application.owners.words;
        if !self.asked.users.is_empty() || !self.asked.roles.is_empty() {
            return Ok(People::Listed {
                users: self.asked.users.iter().copied().collect(),
                roles: self.asked.roles.iter().copied().collect(),
            });
        }
        let Some(dialogue) = &mut self.dialogue else {
            return Ok(People::Keep);
        };
        let default = if written.names_people {
            "Enter keeps what the configuration says"
        } else {
            "Enter: nobody else"
        };
        output::say(&format!(
            "   {owner} may always speak to it. Who else? Ids with commas (Settings → Advanced → Developer Mode, then \
             right-click → Copy ID),\n   roles as `role:ID`, or `everyone`. {default}."
        ));
        loop {
            let answer = dialogue.ask("   people: ").await?;
            if answer.is_empty() {
                done(if written.names_people {
                    "as it was"
                } else {
                    "the owner and the team, nobody else"
                });
                return Ok(if written.names_people {
                    People::Keep
                } else {
                    People::none()
                });
            }
            if answer.eq_ignore_ascii_case("everyone") {
                let sure = "everybody in these channels makes it work at your expense, and sees what it answers; sure?";
                if dialogue.yes(sure, false).await? {
                    return Ok(People::Everyone);
                }
                continue;
            }
            match listed(&answer) {
                Ok(people) => return Ok(people),
                Err(word) => again(&format!(
                    "ids such as 123456789012345678, or role:ID; `{word}` is neither"
                )),
            }
        }
    }
}

/// Users and roles, also as they stand in messages: `<@1>` and `<@&1>`.
fn listed(answer: &str) -> Result<People, &str> {
    let mut users = BTreeSet::new();
    let mut roles = BTreeSet::new();
    for word in answer.split([',', ' ']).filter(|word| !word.is_empty()) {
        let bare = word.trim_start_matches('<').trim_end_matches('>');
        let (list, text) = match bare.strip_prefix("role:").or_else(|| bare.strip_prefix("@&")) {
            Some(text) => (&mut roles, text),
            None => (&mut users, bare.strip_prefix('@').unwrap_or(bare)),
        };
        list.insert(id_of(text).ok_or(word)?);
    }
    Ok(People::Listed { users, roles })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_named_by_id_and_roles_by_theirs() {
        let people = People::Listed {
            users: [1, 2].into(),
            roles: [3, 4].into(),
        };
        assert_eq!(listed("1, <@2> role:3,<@&4>"), Ok(people));
        assert_eq!(listed("1,ann"), Err("ann"));
        assert_eq!(listed("role:admins"), Err("role:admins"));
        assert_eq!(listed("0"), Err("0"));
    }
}
