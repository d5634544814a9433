//! `offer`: files of the workspace for the people in the thread.

use std::path::PathBuf;

use serde::Deserialize;

use super::arguments::{in_short, parse};
use super::place::{Place, Places};
use super::{Action, Kind, Outcome, Prepared, Work, open, spec};

/// Files of one call: as many as a message of a chat usually takes.
pub(super) const MOST: usize = 10;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    paths: Vec<String>,
}

/// Files that were looked at.
#[derive(Debug)]
pub(super) struct Offer {
    places: Vec<Place>,
}

pub(super) fn prepare(places: &Places, arguments: &str) -> Result<Prepared, String> {
    let Arguments { paths } = parse(spec::OFFER, arguments)?;
    if paths.is_empty() || paths.len() > MOST {
        return Err(format!(
            "`paths` names from 1 to {MOST} files; put more of them into one archive"
        ));
    }
    let mut found: Vec<Place> = vec![];
    for path in paths {
        let place = places.to_read(&path)?;
        if !place.is_inside() {
            return Err(format!(
                "`{}` lies outside the workspace: copy it there to offer it",
                place.shown
            ));
        }
        expect_file(&place)?;
        if found.iter().all(|known| known.path != place.path) {
            found.push(place);
        }
    }
    let shown: Vec<&str> = found.iter().map(|place| place.shown.as_str()).collect();
    Ok(Prepared {
        kind: Kind::Read,
        title: format!("offer {}", in_short(&shown.join(", "))),
        input: shown.join("\n"),
        changes: Vec::new(),
        // It shows people of the thread what they may have anyway.
        asks: false,
        always: None,
        action: Action(Work::Offer(Offer { places: found })),
    })
}

/// Whoever shows it opens it anew, and not beyond the workspace.
fn expect_file(place: &Place) -> Result<(), String> {
    let shown = &place.shown;
    let metadata =
        open::look(&place.path).map_err(|error| format!("could not look at `{shown}`: {error}"))?;
    if !metadata.is_file() {
        return Err(format!(
            "`{shown}` is {}, and only files can be offered; put a folder into an archive",
            open::kind_words(metadata.file_type())
        ));
    }
    Ok(())
}

impl Offer {
    pub(super) fn perform(self) -> Outcome {
        let gone = self.places.iter().find_map(|place| expect_file(place).err());
        if let Some(why) = gone {
            return Outcome::of(Err(why));
        }
        let shown: Vec<String> = self
            .places
            .iter()
            .map(|place| format!("`{}`", place.shown))
            .collect();
        let offered: Vec<PathBuf> = self.places.into_iter().map(|place| place.path).collect();
        Outcome {
            offered,
            ..Outcome::of(Ok(format!("the people in this thread get {}", shown.join(", "))))
        }
    }
}
