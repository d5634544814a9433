//! What somebody may have meant who typed something else.

/// Words this near to a known one are taken for a slip.
const SLIP: f64 = 0.8;

/// The known word that is nearest, if any is near.
pub(crate) fn meant<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let known = known.into_iter();
    let near = known
        .map(|known| (strsim::jaro_winkler(known, typed), known))
        .filter(|(nearness, _)| *nearness > SLIP);
    near.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}
