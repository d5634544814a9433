//! Spans, sizes and counts as people read them, the same in each front-end.

use std::time::Duration;

use credentials::words;

/// `0.4 s`, `12 s`, `3 min 5 s`.
pub(crate) fn span(span: Duration) -> String {
    let millis = span.as_millis();
    if millis < 10_000 && !millis.is_multiple_of(1000) {
        return format!("{}.{} s", millis / 1000, millis % 1000 / 100);
    }
    words::span(span)
}

/// A size in the largest of these units that it fills: each has its size in bytes, the largest comes first.
pub(crate) fn size(count: u64, units: &[(u64, &str)]) -> String {
    for (size, unit) in units {
        if count >= *size {
            let tenths = count / (size / 10);
            return if tenths < 100 && !tenths.is_multiple_of(10) {
                format!("{}.{} {unit}", tenths / 10, tenths % 10)
            } else {
                format!("{} {unit}", count / size)
            };
        }
    }
    format!("{count} B")
}

/// A count with thin gaps: `12 345`.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}
