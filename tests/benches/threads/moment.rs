//! Moments that two processes of one machine can compare.

/// Now, in nanoseconds since the epoch.
pub(crate) fn now() -> u128 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970")
        .as_nanos()
}

/// What a text says of moments since `began`, after the agent's mark.
pub(crate) fn moments(text: &str, began: u128) -> impl Iterator<Item = u128> {
    text.split(crate::agent::MARK)
        .skip(1)
        .filter_map(|rest| {
            let digits: &str = &rest[..rest
                .find(|letter: char| !letter.is_ascii_digit())
                .unwrap_or(rest.len())];
            (digits.len() == 19).then(|| digits.parse().ok()).flatten()
        })
        .filter(move |moment| *moment >= began)
}

/// From one moment to a later one, in milliseconds; 0 if it is not later.
pub(crate) fn milliseconds(from: u128, to: u128) -> f64 {
    let micros = to.saturating_sub(from) / 1000;
    f64::from(u32::try_from(micros).unwrap_or(u32::MAX)) / 1000.0
}
