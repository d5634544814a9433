//! `[discord.channels.ID]`: what is different in a channel, and whether it can be as it is written.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use chat::discord::admission::{Id, Mode, Rules};
use chat::discord::config::Channel;
use nix::unistd::{AccessFlags, eaccess};
use supervisor::Agent;

use super::{ChannelSection, id_of};
use crate::config::agents::unnamed;
use crate::config::cage::{Hidden, without_links};
use crate::config::document::{Named, TablePlace};
use crate::config::{Places, Problem};

/// What the tables are held against, and where it is told what is wrong with them.
pub(super) struct Reader<'a> {
    pub(super) agents: &'a BTreeMap<String, Agent>,
    pub(super) places: &'a Places,
    pub(super) hidden: &'a Hidden<'a>,
    pub(super) rules: &'a Rules,
    pub(super) problems: &'a mut Vec<Problem>,
    pub(super) warnings: &'a mut Vec<Problem>,
}

/// Why threads may get no workspace in a folder.
enum Unfit {
    /// Never, as it is.
    Certainly(String),
    /// As far as can be seen from here: it may change, and the host may run as somebody else.
    Seemingly(String),
}

impl Reader<'_> {
    /// One table. `None` where its name is no id, which was told; whatever else is wrong with it is told all the same.
    pub(super) fn channel(&mut self, table: Named<ChannelSection>) -> Option<(Id, Channel)> {
        let id = id_of(&table.name);
        let (section, place) = (table.declared, table.place);
        if let Some(name) = section
            .agent
            .as_ref()
            .filter(|name| !self.agents.contains_key(*name))
        {
            let known: Vec<&str> = self.agents.keys().map(String::as_str).collect();
            let what = format!("there is no agent `{name}`");
            let hint = format!("known: {}", known.join(", "));
            self.problems.push(place.problem(Some("agent"), what).hint(hint));
        }
        let model = section.model.as_deref();
        if model.is_some_and(|model| model.trim().is_empty()) {
            self.problems.push(place.problem(Some("model"), "is empty"));
        }
        self.warnings.extend(unnamed(model, &place));
        let workspace = section.workspace.map(|path| self.places.beside_config(&path));
        if let Some(folder) = &workspace {
            self.check_workspace(folder, &place);
        }
        self.warnings
            .extend(id.and_then(|id| idle(id, self.rules, &place)));
        let channel = Channel {
            agent: section.agent,
            model: section.model,
            workspace,
            dispatch: section.dispatch,
            permissions: section.permissions.map(Into::into),
        };
        Some((id?, channel))
    }

    fn check_workspace(&mut self, folder: &Path, place: &TablePlace) {
        let problem = |what: String| place.problem(Some("workspace"), what);
        let own = "name a folder that is for the threads of this channel alone";
        if let Some(what) = meets(folder, self.hidden) {
            self.problems.push(problem(what).hint(own));
            return;
        }
        match unfit(folder) {
            Some(Unfit::Certainly(what)) => self.problems.push(problem(what).hint(own)),
            Some(Unfit::Seemingly(what)) => self.warnings.push(problem(what)),
            None => {}
        }
    }
}

/// A table for a channel that the bot does not work in. Which server a channel is in is not known here.
fn idle(id: Id, rules: &Rules, place: &TablePlace) -> Option<Problem> {
    let is_elsewhere = !rules.allowed.is_empty() && rules.guilds.is_empty() && !rules.allowed.contains(&id);
    // That it never speaks there is what somebody wants, and what happens.
    let is_meant = rules.modes.get(&id) != Some(&Mode::Off);
    let what = "changes nothing: the bot works in `allowed_channels` alone, and this is none of them";
    let hint = "add it there, or take the table out";
    (is_elsewhere && is_meant).then(|| place.problem(None, what).hint(hint))
}

/// What else is in a folder of workspaces, or holds it: threads would share files. Channels may name the same folder, since each
/// thread has one of its own in it.
fn meets(folder: &Path, hidden: &Hidden<'_>) -> Option<String> {
    let own = without_links(folder);
    let met = |other: &Path| {
        let other = without_links(other);
        own.starts_with(&other) || other.starts_with(&own)
    };
    if met(hidden.state) {
        return Some(format!(
            "and the state folder `{}` lie in each other",
            hidden.state.display()
        ));
    }
    if hidden
        .store
        .parent()
        .is_some_and(|logins| without_links(logins).starts_with(&own))
    {
        return Some(format!("holds the logins `{}`", hidden.store.display()));
    }
    if met(hidden.workspaces) {
        return Some(format!(
            "and the folder of all other threads' workspaces `{}` lie in each other",
            hidden.workspaces.display()
        ));
    }
    let others = hidden.of_channels.iter();
    let mut others = others.filter(|other| without_links(other) != own);
    let other = others.find(|other| met(other))?;
    Some(format!(
        "and another channel's `{}` lie in each other",
        other.display()
    ))
}

/// Why a host would have trouble with a folder of workspaces, which it makes if it is not there.
fn unfit(folder: &Path) -> Option<Unfit> {
    let shown = folder.display();
    match folder.metadata() {
        Ok(found) if !found.is_dir() => Some(Unfit::Certainly(format!("`{shown}` is a file, not a folder"))),
        Ok(_) if may_write(folder) => None,
        Ok(_) => Some(Unfit::Seemingly(format!(
            "this user may not write in `{shown}`: if the host runs as the same one, no thread of this channel gets a workspace"
        ))),
        Err(error) if error.kind() == ErrorKind::NotFound => Some(absent(folder)),
        Err(error) if error.kind() == ErrorKind::NotADirectory => Some(Unfit::Certainly(format!(
            "`{shown}` can't be made: a part of its path is a file"
        ))),
        Err(error) => Some(Unfit::Seemingly(format!("`{shown}` can't be looked at: {error}"))),
    }
}

fn absent(folder: &Path) -> Unfit {
    let shown = folder.display();
    if folder.is_symlink() {
        return Unfit::Certainly(format!("`{shown}` is a link that leads nowhere"));
    }
    let above = folder.ancestors().find(|above| above.is_dir());
    Unfit::Seemingly(match above.filter(|above| !may_write(above)) {
        Some(above) => format!(
            "`{shown}` is not there, and this user may not make it in `{}`: if the host runs as the same one, no thread of \
             this channel gets a workspace",
            above.display()
        ),
        None => format!(
            "`{shown}` is not there yet: the channel's first thread makes it, so look whether it is spelt as meant"
        ),
    })
}

fn may_write(folder: &Path) -> bool {
    eaccess(folder, AccessFlags::W_OK | AccessFlags::X_OK).is_ok()
}
