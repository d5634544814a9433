//! `ca_file`: certificates of an authority of one's own, wherever a table may name them.

use std::path::Path;

use super::Problem;
use super::document::TablePlace;

/// What is wrong with the file that a table names, as whoever is to trust it would say.
pub(super) fn fault(file: Option<&Path>, place: &TablePlace) -> Option<Problem> {
    let error = credentials::tls(Some(file?)).err()?;
    let hint = "a file of certificates in PEM: `-----BEGIN CERTIFICATE-----`";
    Some(place.problem(Some("ca_file"), error.to_string()).hint(hint))
}
