//! Moments as Discord counts them: an id says when its message was written. Pure.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use credentials::Timestamp;

use super::admission::Id;

/// When Discord's time begins, in Unix milliseconds.
const EPOCH: u64 = 1_420_070_400_000;
/// What Discord says of its clock is exact to this.
const EXACT: u64 = 1000;

/// The id that a message has that is written now. `own` is this machine's clock, which may be wrong, and `said` what Discord
/// has just said of its own, if it did.
pub(super) fn moment(own: Timestamp, said: Option<SystemTime>) -> Id {
    let own = u64::try_from(own.millis()).unwrap_or_default();
    let said = said.and_then(|said| said.duration_since(UNIX_EPOCH).ok());
    let millis = match said.map(|said| u64::try_from(Duration::as_millis(&said)).unwrap_or_default()) {
        Some(said) => own.clamp(said, said.saturating_add(EXACT)),
        None => own,
    };
    millis.saturating_sub(EPOCH) << 22
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_wrong_is_set_right_by_what_discord_says() {
        let said = UNIX_EPOCH + Duration::from_millis(EPOCH + 7_000);
        let of = |own: i64| moment(Timestamp::from_millis(own), Some(said)) >> 22;
        let epoch = i64::try_from(EPOCH).unwrap();
        assert_eq!(of(epoch + 7_300), 7_300, "it is right, and more exact");
        assert_eq!(of(epoch + 3_607_000), 8_000, "an hour ahead");
        assert_eq!(of(epoch), 7_000, "behind");
        let alone = moment(Timestamp::from_millis(epoch + 3), None);
        assert_eq!(alone, 3 << 22);
    }
}
