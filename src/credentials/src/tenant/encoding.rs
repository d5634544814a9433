//! A tenant's name as part of a file name: collision-free, path-safe, and the same on file systems that fold case.

use std::fmt;

use sha2::{Digest, Sha256};

/// Longest encoded part that is kept as it is. Two parts, a prefix and a suffix stay below the 255 bytes of a file name.
const MAX_PLAIN: usize = 80;

/// How much of a long part is kept for the human reader, before its digest.
const KEPT: usize = 24;

/// The tenant's part of a lock or recovery file's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileId(String);

impl FileId {
    pub(super) fn of(service: &str, owner: &str) -> Self {
        // `@` is always escaped inside a part, so the separator is unambiguous.
        Self(format!("{}@{}", part(service), part(owner)))
    }

    /// The encoded name: lower-case ASCII letters, digits and `-_.%~@`, never starting with a dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn part(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => encoded.push(char::from(byte)),
            b'.' if index > 0 => encoded.push('.'),
            _ => {
                encoded.push('%');
                encoded.push_str(&crate::digest::hex(&[byte]));
            }
        }
    }
    if encoded.len() <= MAX_PLAIN {
        return encoded;
    }
    // `~` is never produced above, so a shortened part can't equal a plain one; equal digests would need a SHA-256 collision.
    encoded.truncate(KEPT);
    format!(
        "{encoded}~{}",
        crate::digest::hex(&Sha256::digest(text.as_bytes())[..20])
    )
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use crate::{Owner, Service, Tenant, UserId};

    fn id(service: &str, owner: &str) -> String {
        Tenant {
            service: Service::parse(service).unwrap(),
            owner: Owner::parse(owner).unwrap(),
        }
        .file_id()
        .to_string()
    }

    #[test]
    fn no_two_tenants_share_a_lock_name() {
        let names = [
            id("codex", "host"),
            id("mcp:codex", "host"),
            id("codex", "local:host"),
            id("mcp:a@b", "host"),
            id("mcp:a", "local:b@host"),
            id("mcp:Linear", "host"),
            id("mcp:linear", "host"),
            id("mcp:%41", "host"),
            id("mcp:A", "host"),
            id(&format!("mcp:{}x", "l".repeat(150)), "host"),
            id(&format!("mcp:{}y", "l".repeat(150)), "host"),
        ];
        let folded: HashSet<_> = names.iter().map(|name| name.to_lowercase()).collect();
        assert_eq!(folded.len(), names.len(), "{names:?}");
    }

    proptest! {
        #[test]
        fn no_tenant_name_escapes_the_folder(service in "\\PC{1,190}", owner in "\\PC{1,190}") {
            let (Ok(service), Ok(owner)) = (Service::parse(&format!("mcp:{service}")), UserId::parse(&owner)) else {
                return Ok(());
            };
            let name = Tenant::user(service, owner).file_id().to_string();
            prop_assert!(name.len() <= 200, "{name}");
            prop_assert!(!name.starts_with('.'));
            prop_assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.%~@".contains(&b)), "{name}");
        }

        #[test]
        fn different_tenants_have_different_names(a in "[a-cA-C%~@.:/]{1,12}", b in "[a-cA-C%~@.:/]{1,12}") {
            prop_assume!(a != b);
            prop_assert_ne!(id(&format!("mcp:{a}"), "host"), id(&format!("mcp:{b}"), "host"));
        }
    }
}
