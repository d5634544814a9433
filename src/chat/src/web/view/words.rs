//! Times, spans, sizes and counts for people: short in the text, exact on hover.

use std::time::Duration;

use credentials::{Timestamp, words};

use super::html::escape;
use crate::figures::size;
pub(crate) use crate::figures::{count, span};

/// A moment. The server knows no time zone of the reader: it writes UTC, and the script rewrites it in place.
pub(crate) fn time(at: Timestamp) -> String {
    let exact = words::moment(at);
    let short = exact.get(11..16).unwrap_or_default();
    format!(
        r#"<time datetime="{}" data-at="{}" title="{}">{}</time>"#,
        iso(at),
        at.millis(),
        escape(&exact),
        escape(short)
    )
}

/// A moment that lies ahead, as a countdown that the script keeps true. It is not read aloud each time it ticks.
pub(crate) fn until(at: Timestamp, now: Timestamp) -> String {
    format!(
        r#"<time datetime="{}" data-until="{}" aria-live="off" title="{}">{}</time>"#,
        iso(at),
        at.millis(),
        escape(&words::moment(at)),
        span(at.since(now))
    )
}

/// A moment as how long ago it was; the script keeps it true.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> String {
    format!(
        r#"<time datetime="{}" data-ago="{}" title="{}">{}</time>"#,
        iso(at),
        at.millis(),
        escape(&words::moment(at)),
        short_ago(now.since(at))
    )
}

/// `now`, `5 min`, `3 h`, `2 d`; the same words as in the script.
fn short_ago(span: Duration) -> String {
    match span.as_secs() {
        0..60 => "now".to_owned(),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds @ 3600..86_400 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// A size: `912 B`, `4.5 KB`, `12 MB` (powers of 1000, as file managers have it).
pub(crate) fn bytes(count: u64) -> String {
    size(count, &[(1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "KB")])
}

/// RFC 3339, for machines.
fn iso(at: Timestamp) -> String {
    words::moment(at).replacen(' ', "T", 1).replace(" UTC", "Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_sizes_are_short() {
        assert_eq!(span(Duration::from_millis(0)), "0 s");
        assert_eq!(span(Duration::from_millis(437)), "0.4 s");
        assert_eq!(span(Duration::from_secs(3)), "3 s");
        assert_eq!(span(Duration::from_millis(12_900)), "12 s");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(4_520), "4.5 KB");
        assert_eq!(bytes(4_000), "4 KB");
        assert_eq!(bytes(26_214_400), "26 MB");
        assert_eq!(count(1_234_567), "1\u{202f}234\u{202f}567");
        assert_eq!(count(12), "12");
    }

    #[test]
    fn a_time_is_exact_on_hover_and_for_machines() {
        let html = time(Timestamp::from_seconds(1_795_269_787));
        assert_eq!(
            html,
            "<time datetime=\"2026-11-21T14:03:07Z\" data-at=\"1795269787000\" \
             title=\"2026-11-21 14:03:07 UTC\">14:03</time>"
        );
    }
}
