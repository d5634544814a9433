//! Why connections to the gateway end, in words, and what follows.

use std::fmt;

/// What follows the end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// The session is gone on with.
    Again,
    /// Another session is begun.
    Anew,
    /// The bot has outgrown its shards.
    MoreShards,
    /// It makes no sense to try again.
    Never,
}

/// Why a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Discord said so.
    Code(u16, &'static str),
    /// It was noticed here.
    Seen(String),
}

pub(super) const NO_TOKEN: &str = "the token is not valid (4004). Make a new one at discord.com/developers/applications, your application, Bot, Reset Token, and \
     start again with it";

/// Discord's close codes: <https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-close-event-codes>.
const CODES: [(u16, Then, &str); 15] = [
    (4000, Then::Again, "Discord does not know why"),
    (4001, Then::Again, "Discord did not know what was sent (opcode)"),
    (4002, Then::Again, "Discord could not read what was sent"),
    (
        4003,
        Then::Anew,
        "Discord did not know yet, or no longer, who spoke",
    ),
    (4004, Then::Never, NO_TOKEN),
    (4005, Then::Again, "Discord was told twice who speaks"),
    (4006, Then::Anew, "Discord no longer has the session"),
    (
        4007,
        Then::Anew,
        "Discord can't go on with the session from there",
    ),
    (4008, Then::Again, "too much was sent"),
    (4009, Then::Anew, "the session was silent for too long"),
    (
        4010,
        Then::Never,
        "`shards` in [discord] does not fit this bot (4010). Correct it, and start again",
    ),
    (
        4011,
        Then::MoreShards,
        "it is in too many servers for so few shards (4011). Set a larger `total` of `shards` in [discord], or take `shards` out, and \
         start again",
    ),
    (
        4012,
        Then::Never,
        "Discord no longer speaks this version of its gateway (4012). Take a newer version of this program",
    ),
    (
        4013,
        Then::Never,
        "it asked for intents that there are not (4013). Take a newer version of this program",
    ),
    (
        4014,
        Then::Never,
        "it may not read messages (4014). Switch on Message Content Intent at discord.com/developers/applications, your application, \
         Bot, and start again",
    ),
];

/// What a close frame means; none, and a code that is not Discord's own, is an outage.
pub(super) fn of(code: Option<u16>) -> (Why, Then) {
    let known = CODES.iter().find(|(known, ..)| Some(*known) == code);
    match (known, code) {
        (Some((code, then, words)), _) => (Why::Code(*code, words), *then),
        (None, Some(code)) => (Why::Code(code, "it was closed"), Then::Again),
        (None, None) => (
            Why::Seen("it was closed without a reason".to_owned()),
            Then::Again,
        ),
    }
}

impl Why {
    /// What to do about it.
    pub(super) fn words(&self) -> &'static str {
        match self {
            Self::Code(_, words) => words,
            Self::Seen(_) => "for no reason that it gives",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code, words) => write!(f, "{words} ({code})"),
            Self::Seen(words) => f.write_str(words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_discords_has_words_and_what_follows() {
        let fatal = [4004, 4010, 4012, 4013, 4014];
        for code in 4000..=4014 {
            let (why, then) = of(Some(code));
            assert_ne!(why, Why::Code(code, "it was closed"), "{code}");
            assert_eq!(then == Then::Never, fatal.contains(&code), "{code}");
            let says_what_to_do = why.words().contains(&format!("({code})"));
            assert_eq!(says_what_to_do, fatal.contains(&code) || code == 4011, "{code}");
        }
        for code in [None, Some(1000), Some(1001), Some(1006), Some(4999)] {
            assert_eq!(of(code).1, Then::Again, "{code:?}");
        }
        assert_eq!(of(Some(1001)).0.to_string(), "it was closed (1001)");
    }
}
