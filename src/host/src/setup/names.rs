//! Whom and what people mean: an id, or a name that Discord is asked about. A name that may mean several is never guessed.

use std::collections::BTreeSet;

use chat::discord::inspect::{FOUND, Guild, Role, Trouble};

use super::dialogue::again;
use super::{Guide, Met};
use crate::config::id_of;
use crate::failure::Failure;
use crate::output;

/// A name is looked for in so many servers.
const SERVERS: usize = 20;

/// What somebody said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// It is this.
    Id(u64),
    /// It is called so.
    Name(String),
}

/// Who may be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    User,
    Role,
}

/// Something that a name may mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) id: u64,
    /// The name that it is known by.
    pub(super) name: String,
    /// Another one that is shown for it, which anybody may have given to themselves.
    pub(super) shown: Option<String>,
    /// Where it is.
    pub(super) place: String,
}

/// Why a name means nothing that could be used.
pub(super) enum No {
    /// In words; a person may say it otherwise.
    Means(String),
    Failed(Failure),
}

impl From<Failure> for No {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Said {
    /// As it is typed, or as it stands in a message: `1`, `<@1>`, `<@&1>`, `<#1>`, `@ann`, `#general`. `None`: nothing was said.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let bare = text.trim().trim_start_matches('<').trim_end_matches('>');
        let bare = bare.strip_prefix(['@', '#']).unwrap_or(bare);
        let bare = bare.strip_prefix('&').unwrap_or(bare).trim();
        match id_of(bare) {
            Some(id) => Some(Self::Id(id)),
            None => (!bare.is_empty()).then(|| Self::Name(bare.to_owned())),
        }
    }
}

impl Kind {
    /// Stands before its names.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::User => "@",
            Self::Role => "role:",
        }
    }

    /// Those of a server whose names begin so, or have it in them.
    async fn look(self, met: &Met, server: &Guild, name: &str) -> Result<Vec<Hit>, Trouble> {
        let hit = |id, name, shown| Hit {
            id,
            name,
            shown,
            place: server.name.clone(),
        };
        match self {
            Self::User => {
                let people = met.rest.people(server.id, name).await?.into_iter();
                Ok(people.map(|one| hit(one.id, one.name, one.shown)).collect())
            }
            Self::Role => {
                let part = name.to_lowercase();
                let roles = met.rest.roles(server.id).await?.into_iter();
                // Everybody's is not chosen by the way.
                let fit = |role: &Role| role.id != server.id && role.name.to_lowercase().contains(&part);
                let roles = roles.filter(fit).take(FOUND);
                Ok(roles.map(|role| hit(role.id, role.name, None)).collect())
            }
        }
    }
}

impl Hit {
    /// For people.
    pub(super) fn words(&self, sign: &str) -> String {
        let shown = self.shown.as_ref().filter(|shown| **shown != self.name);
        let shown = shown.map(|shown| format!(" “{shown}”")).unwrap_or_default();
        format!("{sign}{}{shown} in {} ({})", self.name, self.place, self.id)
    }
}

/// The one that a name certainly means: it alone is called so, whatever is shown for the others.
fn certain(name: &str, hits: &[Hit]) -> Option<u64> {
    let is_it = |other: &str| other.to_lowercase() == name.to_lowercase();
    let mut called = hits
        .iter()
        .filter(|hit| is_it(&hit.name) || hit.shown.as_deref().is_some_and(is_it));
    let one = called.next().filter(|hit| is_it(&hit.name))?;
    called.next().is_none().then_some(one.id)
}

impl Guide<'_> {
    /// Who or what of this kind may be called so in these servers, of which the first [`SERVERS`] are looked at.
    pub(super) async fn look_for(
        met: &Met,
        servers: &[Guild],
        kind: Kind,
        name: &str,
    ) -> Result<Vec<Hit>, No> {
        let mut hits: Vec<Hit> = Vec::new();
        for server in servers.iter().take(SERVERS) {
            let found = kind.look(met, server, name).await.map_err(|trouble| {
                No::Means(format!(
                    "names can't be looked for in {} ({trouble}): say the id",
                    server.name
                ))
            })?;
            for hit in found {
                // Who is in several servers is one.
                if !hits.iter().any(|known| known.id == hit.id) {
                    hits.push(hit);
                }
            }
        }
        let more = servers.len().saturating_sub(SERVERS);
        if more > 0 {
            output::say(&format!(
                "   names are looked for in {SERVERS} servers, and not in {more} more: for those say the id"
            ));
        }
        Ok(hits)
    }

    /// What a name means: what certainly has it, else what the person chooses. `sign` stands before names, as `@`.
    pub(super) async fn meant(&mut self, name: &str, sign: &str, hits: &[Hit]) -> Result<BTreeSet<u64>, No> {
        if hits.is_empty() {
            return Err(No::Means(format!("nothing found that is called {sign}{name}")));
        }
        if let Some(id) = certain(name, hits) {
            return Ok([id].into());
        }
        let list: Vec<String> = hits.iter().map(|hit| hit.words(sign)).collect();
        let Some(dialogue) = &mut self.dialogue else {
            return Err(No::Means(format!(
                "{sign}{name} may mean {}: say the id",
                list.join(", or ")
            )));
        };
        for (number, words) in list.iter().enumerate() {
            output::say(&format!("   {}) {words}", number + 1));
        }
        if hits.len() >= FOUND {
            output::say("   there may be more: more of the name finds them");
        }
        loop {
            let question = format!("   which is {sign}{name}? numbers with commas, Enter for none of them: ");
            let answer = dialogue.ask(&question).await?;
            if answer.is_empty() {
                return Err(No::Means(format!("none of them is {sign}{name}")));
            }
            let words = answer.split([',', ' ']).filter(|word| !word.is_empty());
            let chosen = words.map(|word| hits.get(word.parse::<usize>().ok()?.checked_sub(1)?));
            match chosen.collect::<Option<Vec<&Hit>>>() {
                Some(chosen) => return Ok(chosen.into_iter().map(|hit| hit.id).collect()),
                None => again("numbers from the list"),
            }
        }
    }
}

/// For who can't be asked what is meant.
pub(super) fn unknown(words: &str) -> Failure {
    Failure::words(format!("{words}; nothing was written"))
        .hint("in Discord an id is at Settings → Advanced → Developer Mode, then right-click → Copy ID")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(id: u64, name: &str, shown: Option<&str>) -> Hit {
        Hit {
            id,
            name: name.to_owned(),
            shown: shown.map(str::to_owned),
            place: "town".to_owned(),
        }
    }

    #[test]
    fn ids_and_names_are_told_apart_however_they_are_written() {
        for text in ["12", " <@12> ", "<@&12>", "<#12>", "@12", "#12"] {
            assert_eq!(Said::of(text), Some(Said::Id(12)), "{text}");
        }
        for text in ["ann", "@ann", "#ann"] {
            assert_eq!(Said::of(text), Some(Said::Name("ann".to_owned())), "{text}");
        }
        assert_eq!(Said::of("012"), Some(Said::Name("012".to_owned())));
        assert_eq!((Said::of(" "), Said::of("@")), (None, None));
    }

    #[test]
    fn who_only_shows_a_name_is_never_taken_for_the_one_who_has_it() {
        let ann = hit(1, "ann", Some("Ann A."));
        assert_eq!(certain("Ann", &[ann.clone(), hit(2, "anne", None)]), Some(1));
        assert_eq!(certain("ann", &[hit(3, "mallory", Some("ann"))]), None);
        assert_eq!(certain("ann", &[ann, hit(3, "mallory", Some("Ann"))]), None);
        assert_eq!(certain("an", &[hit(1, "ann", None)]), None);
    }
}
