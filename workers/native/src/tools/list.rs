//! `list`: what is in a folder.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::fd::OwnedFd;

use nix::fcntl::readlinkat;
use serde::Deserialize;

use super::arguments::{parse, quoted};
use super::open::Missing;
use super::place::{Place, Places};
use super::stop::Stop;
use super::{Kind, Prepared, Work, looking, open, spec, walk};

/// Entries of an answer.
const ENTRIES: usize = 500;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    path: Option<String>,
}

/// A listing that was checked.
#[derive(Debug)]
pub(super) struct List {
    place: Place,
}

pub(super) fn prepare(places: &Places, arguments: &str) -> Result<Prepared, String> {
    let Arguments { path } = parse(spec::LIST, arguments)?;
    let place = places.to_read(path.as_deref().unwrap_or("."))?;
    let list = List { place: place.clone() };
    let input = place.shown.clone();
    Ok(looking(
        Kind::Read,
        "list",
        "Always list this folder",
        &place,
        input,
        Work::List(list),
    ))
}

impl List {
    pub(super) fn perform(&self, stop: &Stop) -> Result<String, String> {
        let shown = &self.place.shown;
        let failed = |error| format!("could not list `{shown}`: {error}");
        if !open::look(&self.place.path).map_err(failed)?.is_dir() {
            return Err(format!(
                "`{shown}` is not a folder; `{}` shows a file",
                spec::READ
            ));
        }
        let folder = open::folder(&self.place.path, Missing::Refuse).map_err(failed)?;
        let mut entries = open::entries(&folder, stop).map_err(failed)?;
        entries.retain(|entry| entry.name != walk::OWN);
        let mut answer = String::new();
        for entry in entries.iter().take(ENTRIES) {
            answer.push_str(&line(&folder, &entry.name));
        }
        if entries.is_empty() {
            answer.push_str("[the folder is empty]");
        } else if entries.len() > ENTRIES {
            // Writing into a string can't fail.
            let _ = write!(
                answer,
                "[{} more entries; `{}` finds some of them]",
                entries.len() - ENTRIES,
                spec::GLOB
            );
        }
        Ok(answer)
    }
}

/// An entry that vanishes while it is looked at is shown by its name.
fn line(folder: &OwnedFd, name: &OsStr) -> String {
    let shown = quoted(name);
    match open::look_in(folder, name) {
        Ok(metadata) if metadata.is_dir() => format!("{shown}/\n"),
        Ok(metadata) if metadata.is_symlink() => match readlinkat(folder, name) {
            Ok(target) => format!("{shown} -> {}\n", quoted(target)),
            Err(_) => format!("{shown} (a link)\n"),
        },
        Ok(metadata) if metadata.is_file() => format!("{shown} ({} bytes)\n", metadata.len()),
        Ok(metadata) => format!("{shown} ({})\n", open::kind_words(metadata.file_type())),
        Err(_) => format!("{shown}\n"),
    }
}
