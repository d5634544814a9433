//! The shape of one entry in `auth.json`, version 1. Unknown fields are carried along.

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::unknown::Unknown;
use super::{Account, ApiKey, Credential, Entry, Grant, Invalidated, ObtainedBy};
use crate::clock::Timestamp;
use crate::digest::Fingerprint;
use crate::file::RawObject;

/// What every entry says first.
#[derive(Deserialize)]
struct Head {
    r#type: Kind,
    generation: u64,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[serde(rename = "oauth")]
    OAuth,
    ApiKey,
}

#[derive(Serialize, Deserialize)]
struct WireGrant {
    r#type: Kind,
    generation: u64,
    access_token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<Box<RawValue>>,
    #[serde(default)]
    scopes: Vec<String>,
    obtained_at_ms: Timestamp,
    expires_at_ms: Timestamp,
    obtained_by: WireObtainedBy,
    client_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    api_base: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    invalidated: Option<WireInvalidated>,
}

const GRANT_MEMBERS: [&str; 13] = [
    "type",
    "generation",
    "access_token",
    "refresh_token",
    "account",
    "scopes",
    "obtained_at_ms",
    "expires_at_ms",
    "obtained_by",
    "client_id",
    "resource",
    "api_base",
    "invalidated",
];

#[derive(Serialize, Deserialize)]
struct WireKey {
    r#type: Kind,
    generation: u64,
    key: String,
    obtained_at_ms: Timestamp,
}

const KEY_MEMBERS: [&str; 4] = ["type", "generation", "key", "obtained_at_ms"];

#[derive(Serialize, Deserialize)]
struct WireAccount {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<String>,
}

const ACCOUNT_MEMBERS: [&str; 2] = ["id", "label"];

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WireObtainedBy {
    SignIn,
    Refresh,
    Rejection,
}

#[derive(Serialize, Deserialize)]
struct WireInvalidated {
    at_ms: Timestamp,
    fingerprint: Fingerprint,
    reason: String,
}

/// Reads one entry. The error never shows the entry's content: serde's own words could quote a token.
pub(crate) fn parse(raw: &RawValue) -> Result<Entry, String> {
    let head: Head = read(raw)?;
    let members: RawObject = read(raw)?;
    let (credential, known): (_, &[&str]) = match head.r#type {
        Kind::OAuth => (Credential::OAuth(Box::new(grant(read(raw)?)?)), &GRANT_MEMBERS),
        Kind::ApiKey => {
            let wire: WireKey = read(raw)?;
            let key = ApiKey {
                key: wire.key.into(),
                obtained_at: wire.obtained_at_ms,
            };
            (Credential::ApiKey(key), &KEY_MEMBERS)
        }
    };
    Ok(Entry {
        generation: head.generation,
        credential,
        unknown: Unknown::of(members, known),
    })
}

fn read<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Result<T, String> {
    serde_json::from_str(raw.get()).map_err(|error| describe(&error))
}

fn grant(wire: WireGrant) -> Result<Grant, String> {
    Ok(Grant {
        access_token: wire.access_token.into(),
        refresh_token: wire.refresh_token.map(Into::into),
        account: wire.account.as_deref().map(account).transpose()?,
        scopes: wire.scopes,
        obtained_at: wire.obtained_at_ms,
        expires_at: wire.expires_at_ms,
        obtained_by: match wire.obtained_by {
            WireObtainedBy::SignIn => ObtainedBy::SignIn,
            WireObtainedBy::Refresh => ObtainedBy::Refresh,
            WireObtainedBy::Rejection => ObtainedBy::Rejection,
        },
        client_id: wire.client_id,
        resource: wire.resource,
        api_base: wire.api_base,
        invalidated: wire.invalidated.map(|stamp| Invalidated {
            at: stamp.at_ms,
            fingerprint: stamp.fingerprint,
            reason: stamp.reason,
        }),
    })
}

fn account(raw: &RawValue) -> Result<Account, String> {
    let wire: WireAccount = read(raw)?;
    Ok(Account {
        id: wire.id,
        label: wire.label,
        unknown: Unknown::of(read(raw)?, &ACCOUNT_MEMBERS),
    })
}

/// Writes one entry.
pub(crate) fn serialize(entry: &Entry) -> Box<RawValue> {
    let generation = entry.generation;
    match &entry.credential {
        Credential::OAuth(grant) => entry.unknown.append_to(&WireGrant {
            r#type: Kind::OAuth,
            generation,
            access_token: grant.access_token.expose_secret().to_owned(),
            refresh_token: grant
                .refresh_token
                .as_ref()
                .map(|token| token.expose_secret().to_owned()),
            account: grant.account.as_ref().map(|account| {
                let known = WireAccount {
                    id: account.id.clone(),
                    label: account.label.clone(),
                };
                account.unknown.append_to(&known)
            }),
            scopes: grant.scopes.clone(),
            obtained_at_ms: grant.obtained_at,
            expires_at_ms: grant.expires_at,
            obtained_by: match grant.obtained_by {
                ObtainedBy::SignIn => WireObtainedBy::SignIn,
                ObtainedBy::Refresh => WireObtainedBy::Refresh,
                ObtainedBy::Rejection => WireObtainedBy::Rejection,
            },
            client_id: grant.client_id.clone(),
            resource: grant.resource.clone(),
            api_base: grant.api_base.clone(),
            invalidated: grant.invalidated.as_ref().map(|stamp| WireInvalidated {
                at_ms: stamp.at,
                fingerprint: stamp.fingerprint.clone(),
                reason: stamp.reason.clone(),
            }),
        }),
        Credential::ApiKey(key) => entry.unknown.append_to(&WireKey {
            r#type: Kind::ApiKey,
            generation,
            key: key.key.expose_secret().to_owned(),
            obtained_at_ms: key.obtained_at,
        }),
    }
}

/// What is wrong and where, without quoting what was found there.
pub(crate) fn describe(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let what = match error.classify() {
        Category::Data => "a field is missing or of the wrong type",
        Category::Syntax => "not JSON",
        Category::Eof => "it ends in the middle",
        Category::Io => "it could not be read",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn unknown_fields_survive_a_rewrite() {
        let text = r#"{"type":"oauth","generation":3,"access_token":"a","obtained_at_ms":1,"expires_at_ms":2,"obtained_by":"sign_in","client_id":"c","from_the_future":{"x":[1,2]}}"#;
        let again = serialize(&parse(&raw(text)).unwrap());
        assert!(
            again.get().contains(r#""from_the_future":{"x":[1,2]}"#),
            "{}",
            again.get()
        );
    }

    #[test]
    fn every_known_member_is_named_as_one() {
        let mut grant = crate::entry::tests::grant("a", Some("r"), 0, 1);
        let fingerprint = grant.fingerprint().unwrap();
        grant.invalidated = Some(Invalidated {
            at: Timestamp::ANCIENT,
            fingerprint,
            reason: String::new(),
        });
        grant.account = Some(Account {
            id: "i".into(),
            label: Some("l".into()),
            unknown: Unknown::default(),
        });
        (grant.resource, grant.api_base) = (Some(String::new()), Some(String::new()));
        let entry = Entry {
            generation: 1,
            credential: Credential::OAuth(Box::new(grant)),
            unknown: Unknown::default(),
        };
        let once = serialize(&entry);
        assert_eq!(
            serialize(&parse(&once).unwrap()).get(),
            once.get(),
            "nothing is written twice"
        );
    }

    #[test]
    fn an_unreadable_entry_is_described_without_its_content() {
        let error = parse(&raw(
            r#"{"type":"oauth","access_token":"planted","generation":"planted"}"#,
        ))
        .unwrap_err();
        assert!(
            !error.contains("planted") && error.contains("wrong type"),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(access in ".*", refresh in proptest::option::of(".*"), at in any::<i64>(), generation in any::<u64>()) {
            let mut grant = crate::entry::tests::grant(&access, refresh.as_deref(), 0, 0);
            grant.expires_at = Timestamp::from_millis(at);
            let entry = Entry { generation, credential: Credential::OAuth(Box::new(grant)), unknown: Unknown::default() };
            let again = parse(&serialize(&entry)).unwrap();
            let (again, entry) = (serialize(&again), serialize(&entry));
            prop_assert_eq!(again.get(), entry.get());
        }

        #[test]
        fn no_json_value_makes_the_parser_panic(text in "[\\[\\]{}\",:a-z0-9 ]{0,60}") {
            if let Ok(value) = RawValue::from_string(text) {
                let _ = parse(&value);
            }
        }
    }
}
