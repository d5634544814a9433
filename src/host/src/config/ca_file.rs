//! `ca_file`: certificates of an authority of one's own, wherever a table may name them.

use std::path::Path;

use super::Problem;
use super::document::TablePlace;

/// What is wrong with the file that a table names, as far as its text shows.
pub(super) fn fault(file: Option<&Path>, place: &TablePlace) -> Option<Problem> {
    let file = file?;
    let what = match std::fs::read(file) {
        Err(error) => format!("`{}` could not be read: {error}", file.display()),
        Ok(bytes) if !String::from_utf8_lossy(&bytes).contains("-----BEGIN CERTIFICATE-----") => {
            format!("there is no certificate in `{}`", file.display())
        }
        Ok(_) => return None,
    };
    let hint = "a file of certificates in PEM: `-----BEGIN CERTIFICATE-----`";
    Some(place.problem(Some("ca_file"), what).hint(hint))
}
