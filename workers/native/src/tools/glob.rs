//! `glob`: files by the pattern of their path.

use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;

use super::arguments::{one_line, parse, quoted};
use super::place::{Place, Places};
use super::stop::Stop;
use super::{Kind, Prepared, Work, looking, spec, walk};

/// Paths of an answer.
const PATHS: usize = 500;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    pattern: String,
    path: Option<String>,
}

/// A search that was checked.
#[derive(Debug)]
pub(super) struct Glob {
    place: Place,
    matcher: GlobMatcher,
}

pub(super) fn prepare(places: &Places, arguments: &str) -> Result<Prepared, String> {
    let Arguments { pattern, path } = parse(spec::GLOB, arguments)?;
    let place = places.to_read(path.as_deref().unwrap_or("."))?;
    if !place.path.is_dir() {
        return Err(format!("`{}` is not a folder", place.shown));
    }
    let glob = Glob {
        place: place.clone(),
        matcher: matcher(&pattern)?,
    };
    let input = format!("{}\nin: {}", one_line(&pattern), place.shown);
    Ok(looking(
        Kind::Search,
        "find files in",
        "Always find files in and below this folder",
        &place,
        input,
        Work::Glob(glob),
    ))
}

/// `*` stays within a name, `**` goes through folders; a pattern without `/` is looked for at any depth.
pub(super) fn matcher(pattern: &str) -> Result<GlobMatcher, String> {
    let pattern = pattern.trim_start_matches("./");
    let anywhere = if pattern.contains('/') {
        pattern.to_owned()
    } else {
        format!("**/{pattern}")
    };
    GlobBuilder::new(&anywhere)
        .literal_separator(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| format!("the pattern `{pattern}` is not right: {}", error.kind()))
}

impl Glob {
    pub(super) fn perform(&self, places: &Places, stop: &Stop) -> Result<String, String> {
        let workspace = places.workspace()?;
        let mut found = Vec::new();
        let end = walk::files(places, &self.place, stop, |walk::Found { path, .. }| {
            let beneath = path.strip_prefix(&self.place.path).unwrap_or(path);
            if self.matcher.is_match(beneath) {
                let shown = path.strip_prefix(&workspace).unwrap_or(path);
                found.push(quoted(shown));
            }
            found.len() < PATHS
        });
        let end = end.map_err(|error| format!("could not look into `{}`: {error}", self.place.shown))?;
        if found.is_empty() {
            found.push("[no file matches]".to_owned());
        }
        found.extend(end.words(&format!("these are the first {PATHS} files")));
        Ok(found.join("\n"))
    }
}
