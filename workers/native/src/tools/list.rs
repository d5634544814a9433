//! `list`: what is in a folder.

use std::fmt::Write as _;
use std::fs::{self, DirEntry};

use serde::Deserialize;

use super::arguments::parse;
use super::place::{Place, Places};
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
    Ok(looking(Kind::Read, "list", &place, input, Work::List(list)))
}

impl List {
    pub(super) fn perform(&self) -> Result<String, String> {
        let shown = &self.place.shown;
        if !self.place.path.is_dir() {
            return Err(format!(
                "`{shown}` is not a folder; `{}` shows a file",
                spec::READ
            ));
        }
        let failed = |error| format!("could not list `{shown}`: {error}");
        let mut entries: Vec<DirEntry> = fs::read_dir(&self.place.path)
            .and_then(Iterator::collect)
            .map_err(failed)?;
        entries.retain(|entry| entry.file_name() != walk::OWN);
        entries.sort_by_key(DirEntry::file_name);
        let mut answer = String::new();
        for entry in entries.iter().take(ENTRIES) {
            answer.push_str(&line(entry));
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
fn line(entry: &DirEntry) -> String {
    let name = entry.file_name();
    let name = name.to_string_lossy();
    match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => format!("{name}/\n"),
        Ok(metadata) if metadata.is_symlink() => match fs::read_link(entry.path()) {
            Ok(target) => format!("{name} -> {}\n", target.display()),
            Err(_) => format!("{name} (a link)\n"),
        },
        Ok(metadata) if metadata.is_file() => format!("{name} ({} bytes)\n", metadata.len()),
        Ok(metadata) => format!("{name} ({})\n", open::kind_words(metadata.file_type())),
        Err(_) => format!("{name}\n"),
    }
}
