//! A point in time as a value, so that the ledger never reads a clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

const MONTHS: [(&str, u64); 12] = [
    ("Jan", 31),
    ("Feb", 28),
    ("Mar", 31),
    ("Apr", 30),
    ("May", 31),
    ("Jun", 30),
    ("Jul", 31),
    ("Aug", 31),
    ("Sep", 30),
    ("Oct", 31),
    ("Nov", 30),
    ("Dec", 31),
];

/// Time since the Unix epoch. Only the shell calls [`Moment::now`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Moment(Duration);

impl Moment {
    /// The machine's clock; a clock before 1970 reads as the epoch.
    pub(crate) fn now() -> Self {
        Self(
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or(Duration::ZERO),
        )
    }

    #[cfg(test)]
    pub(crate) fn from_seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// Whole seconds since the epoch, as JWT claims want them (RFC 7519 §2, `NumericDate`).
    pub(crate) fn seconds(self) -> u64 {
        self.0.as_secs()
    }

    pub(crate) fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }

    /// How long from here to `later`; zero if that has passed.
    pub(crate) fn until(self, later: Self) -> Duration {
        later.0.saturating_sub(self.0)
    }

    /// `IMF-fixdate` (RFC 9110 §5.6.7) of this moment moved by `skew` seconds.
    pub(crate) fn http_date(self, skew: i64) -> String {
        let seconds = self.seconds().saturating_add_signed(skew);
        let (days, clock) = (seconds / 86_400, seconds % 86_400);
        let (year, month, day) = civil(days);
        let name = match days % 7 {
            0 => "Thu",
            1 => "Fri",
            2 => "Sat",
            3 => "Sun",
            4 => "Mon",
            5 => "Tue",
            _ => "Wed",
        };
        let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
        format!("{name}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
    }
}

/// Year, month name and day of month of the day `days` after 1 January 1970.
fn civil(mut days: u64) -> (u64, &'static str, u64) {
    const FOUR_CENTURIES: u64 = 146_097;
    let mut year = 1970 + days / FOUR_CENTURIES * 400;
    days %= FOUR_CENTURIES;
    while days >= 365 + leap_day(year) {
        days -= 365 + leap_day(year);
        year += 1;
    }
    for (index, (name, length)) in MONTHS.iter().enumerate() {
        let length = length + if index == 1 { leap_day(year) } else { 0 };
        if days < length {
            return (year, name, days + 1);
        }
        days -= length;
    }
    (year, MONTHS[11].0, 31)
}

fn leap_day(year: u64) -> u64 {
    u64::from(year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)))
}

#[cfg(test)]
mod tests {
    use super::Moment;

    #[test]
    fn the_date_header_is_written_as_rfc_9110_wants_it() {
        for (seconds, skew, written) in [
            (784_111_777, 0, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (0, 0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400, 0, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_709_251_200, -1, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (0, i64::MIN, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (1_767_225_600, 0, "Thu, 01 Jan 2026 00:00:00 GMT"),
        ] {
            assert_eq!(Moment::from_seconds(seconds).http_date(skew), written);
        }
    }
}
