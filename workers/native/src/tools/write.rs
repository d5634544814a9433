//! `write`: a whole text file.

use serde::Deserialize;

use super::arguments::{counted, parse};
use super::place::Places;
use super::{Prepared, change, spec};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    path: String,
    content: String,
}

pub(super) fn prepare(places: &Places, arguments: &str) -> Result<Prepared, String> {
    let Arguments { path, content } = parse(spec::WRITE, arguments)?;
    let place = places.to_change(&path)?;
    let shown = &place.shown;
    if path.ends_with('/') || place.path.is_dir() {
        return Err(format!("`{shown}` is a folder; `path` must name a file"));
    }
    if content.len() as u64 > change::LIMIT {
        return Err(format!(
            "the content has {} bytes, and the limit for one file is {}: write it in parts, or with `{}`",
            content.len(),
            change::LIMIT,
            spec::BASH
        ));
    }
    let old = change::text_of(&place)?;
    if old.as_ref() == Some(&content) {
        return Err(format!("`{shown}` has exactly this content already"));
    }
    let done = format!(
        "{} `{shown}` ({})",
        if old.is_some() { "replaced" } else { "wrote" },
        counted(content.lines().count(), "line")
    );
    Ok(change::prepared("write", place, old, content, done))
}
