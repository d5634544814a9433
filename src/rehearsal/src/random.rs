//! Unguessable strings: tokens with recognisable prefixes, and user codes people can type.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Characters after the prefix: 276 random bits, and with a six-character prefix a length that strict base64url
/// decoders accept, because an access token may stand as the third part of a JWT.
const RANDOM_CHARACTERS: usize = 46;
/// No vowels, so no words; no look-alikes (RFC 8628 §6.1).
const USER_CODE_ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// What a random string is for; each has its own prefix so that a scan for leaks can name what leaked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    AccessToken,
    RefreshToken,
    AuthorizationCode,
    DeviceCode,
    ConsentTicket,
    ClientId,
    ClientSecret,
    /// A verifier the server makes itself; without prefix, as clients treat it as one of theirs.
    Verifier,
}

impl Purpose {
    fn prefix(self) -> &'static str {
        match self {
            Self::AccessToken => "rh-at-",
            Self::RefreshToken => "rh-rt-",
            Self::AuthorizationCode => "rh-code-",
            Self::DeviceCode => "rh-dc-",
            Self::ConsentTicket => "rh-ticket-",
            Self::ClientId => "rh-client-",
            Self::ClientSecret => "rh-secret-",
            Self::Verifier => "",
        }
    }
}

/// A fresh string of the base64url alphabet with more than 256 random bits.
pub(crate) fn token(purpose: Purpose) -> String {
    let mut bytes = [0; 36];
    fill(&mut bytes);
    let mut random = URL_SAFE_NO_PAD.encode(bytes);
    random.truncate(RANDOM_CHARACTERS);
    format!("{}{random}", purpose.prefix())
}

/// A fresh user code such as `BCDF-GHJK`.
pub(crate) fn user_code() -> String {
    let mut code = String::with_capacity(9);
    while code.len() < 9 {
        let mut byte = [0];
        fill(&mut byte);
        // 240 is the largest multiple of 20 in a byte; what is above would favour the first letters.
        if byte[0] >= 240 {
            continue;
        }
        if code.len() == 4 {
            code.push('-');
        }
        code.push(char::from(USER_CODE_ALPHABET[usize::from(byte[0] % 20)]));
    }
    code
}

fn fill(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system always has random bytes after boot");
}

#[cfg(test)]
mod tests {
    use super::{Purpose, token, user_code};

    #[test]
    fn every_token_is_new_and_carries_its_prefix() {
        for (purpose, prefix) in [
            (Purpose::AccessToken, "rh-at-"),
            (Purpose::RefreshToken, "rh-rt-"),
            (Purpose::AuthorizationCode, "rh-code-"),
            (Purpose::DeviceCode, "rh-dc-"),
        ] {
            let (one, other) = (token(purpose), token(purpose));
            assert!(one.starts_with(prefix));
            assert_ne!(one, other);
        }
    }

    #[test]
    fn a_user_code_has_two_groups_of_four_letters() {
        let code = user_code();
        assert_eq!(code.len(), 9);
        assert_eq!(code.find('-'), Some(4));
    }
}
