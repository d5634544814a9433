//! Unguessable strings, and the digests that are kept in their place.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// 256 random bits in the base64url alphabet.
pub(crate) fn token() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the operating system always has random bytes after boot");
    URL_SAFE_NO_PAD.encode(bytes)
}

/// 80 random bits in lower-case hexadecimal: for names that must not clash, and are no secret.
pub(crate) fn name() -> String {
    let mut bytes = [0; 10];
    getrandom::fill(&mut bytes).expect("the operating system always has random bytes after boot");
    hex(&bytes)
}

/// A name that is always the same for the same parts. `what` keeps the names of different kinds of things apart.
pub(crate) fn name_of(what: &str, parts: &[&str]) -> String {
    hex(&hashed(what, parts)[..10])
}

/// What is kept of a secret, or derived from one: it does not lead back to it. `what` keeps uses apart.
pub(crate) fn digest(what: &str, parts: &[&str]) -> String {
    hex(&hashed(what, parts))
}

/// Whether two texts are the same, in a time that does not tell where they differ.
pub(crate) fn same(one: &str, other: &str) -> bool {
    // Digests have one length, and what an early exit would tell about them leads nowhere.
    hashed("compare", &[one]) == hashed("compare", &[other])
}

fn hashed(what: &str, parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(what);
    for part in parts {
        // With its length, so that no two lists of parts look the same.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_token_is_new_and_fits_a_cookie_and_a_link() {
        let (one, other) = (token(), token());
        assert_ne!(one, other);
        assert_eq!(one.len(), 43);
        assert!(
            one.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        );
    }

    #[test]
    fn digests_tell_uses_and_parts_apart() {
        let all = [
            digest("a", &["b", "c"]),
            digest("a", &["bc"]),
            digest("a", &["", "bc"]),
            digest("ab", &["c"]),
            digest("a", &["b", "c", ""]),
        ];
        let different: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
        assert_eq!(digest("a", &["b"]), digest("a", &["b"]));
        assert!(same("x", "x") && !same("x", "y") && !same("x", "xx"));
    }
}
