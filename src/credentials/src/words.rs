//! Moments and spans for people.

use std::time::Duration;

use crate::clock::Timestamp;

/// A moment as `2026-11-21 14:03:07 UTC`.
pub fn moment(at: Timestamp) -> String {
    chrono::DateTime::from_timestamp_millis(at.millis()).map_or_else(
        || "an unknown time".to_owned(),
        |at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
    )
}

/// A span as its two largest units: `3 d 4 h`, `59 min 1 s`, `7 s`.
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let units = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let first = units
        .iter()
        .position(|(size, _)| seconds >= *size)
        .unwrap_or(units.len() - 1);
    let (size, unit) = units[first];
    let rest = units
        .get(first + 1)
        .map(|(next, unit)| (seconds % size / next, unit))
        .filter(|(count, _)| *count > 0);
    match rest {
        Some((count, next)) => format!("{} {unit} {count} {next}", seconds / size),
        None => format!("{} {unit}", seconds / size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_spans_read_well() {
        assert_eq!(moment(Timestamp::from_seconds(0)), "1970-01-01 00:00:00 UTC");
        assert_eq!(
            moment(Timestamp::from_seconds(951_782_400)),
            "2000-02-29 00:00:00 UTC"
        );
        assert_eq!(
            moment(Timestamp::from_seconds(1_795_269_787)),
            "2026-11-21 14:03:07 UTC"
        );
        assert_eq!(moment(Timestamp::from_seconds(-1)), "1969-12-31 23:59:59 UTC");
        assert_eq!(span(Duration::from_secs(0)), "0 s");
        assert_eq!(span(Duration::from_secs(3541)), "59 min 1 s");
        assert_eq!(span(Duration::from_hours(1)), "1 h");
        assert_eq!(span(Duration::from_hours(76)), "3 d 4 h");
    }
}
