//! What a user brings back from the vendor's page, in whatever form they copied it.

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use url::{Url, form_urlencoded};

use crate::vendor::Vendor;

/// Longest text that is looked at.
const MAX_PASTED: usize = 16 * 1024;
/// Longest key that is stored.
const MAX_KEY: usize = 4096;

/// What was found in a pasted text.
#[derive(Debug)]
pub(super) struct Pasted {
    /// The code; or why the vendor gave none, which counts only if the state is right.
    pub(super) code: Result<SecretString, PasteError>,
    pub(super) state: Option<SecretString>,
    /// RFC 9207.
    pub(super) issuer: Option<String>,
}

/// What is wrong with a pasted text. Each has its own words; none repeats the text, which may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PasteError {
    /// Nothing but white space.
    #[error("nothing was pasted")]
    Empty,
    /// Longer than any code or address.
    #[error("the pasted text is too long to be a code or an address")]
    TooLong,
    /// The link that was to be opened, not the address it ends on.
    #[error("that is the link to open, not the address that the browser ends on")]
    IsTheLink,
    /// An address without a code.
    #[error("that address holds no code")]
    NoCode,
    /// The person said no at the vendor's page (`access_denied`, RFC 6749 §4.1.2.1).
    #[error("the sign-in was denied at the vendor's page")]
    Denied,
    /// The vendor sent another error instead of a code.
    #[error("the vendor answered `{code}` instead of a code")]
    Failed {
        /// The error code (RFC 6749 §4.1.2.1).
        code: String,
    },
    /// Words, not a code.
    #[error("that is neither a code nor an address")]
    NotACode,
    /// From an older link.
    #[error("that code comes from an older link or another sign-in (its state does not match)")]
    OtherState,
    /// From another server (RFC 9207).
    #[error("that answer comes from another server than the one that was asked")]
    OtherIssuer,
    /// An access token or key where a code is wanted.
    #[error("that looks like an API key, but this sign-in waits for a code")]
    IsAKey,
    /// Something, where nothing is waited for: the code is typed at the vendor's.
    #[error("nothing is to be pasted for this sign-in: its code is typed on the vendor's page")]
    NothingWanted,
    /// Not what a key looks like, where one is wanted.
    #[error("that is no API key: a key is one word of plain letters, digits and signs")]
    NotAKey,
    /// Shorter than any key of this vendor.
    #[error("that is no API key: this vendor's are longer")]
    ShortKey,
}

impl PasteError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Empty | Self::NotACode | Self::NoCode | Self::TooLong => {
                "paste the code that the page shows, or the whole address from the browser's address bar"
            }
            Self::IsTheLink => "open the link, sign in there, and paste what the page then shows",
            Self::Denied => "run `agent-host auth begin` again if that was a mistake",
            Self::Failed { .. } => "run `agent-host auth begin` again; if it stays, the vendor knows why",
            Self::OtherState | Self::OtherIssuer => {
                "use the newest link, and paste the answer to it; do not paste what somebody sent you"
            }
            Self::NothingWanted => "type the code there: the login is stored by itself then",
            Self::NotAKey | Self::ShortKey => "paste the key alone, as the vendor shows it when it is made",
            Self::IsAKey => "for a key, begin with `--grant api-key` where the vendor offers it",
        })
    }
}

/// Reads an API key.
///
/// Errors: it is none of this vendor's, which can be told without asking it.
pub fn api_key<'a>(vendor: &Vendor, text: &'a str) -> Result<&'a str, PasteError> {
    let text = text.trim();
    // A key travels in a header: one word of visible ASCII. The address of a page, copied in its place, is none.
    let is_word = text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.contains("://");
    if text.is_empty() || text.len() > MAX_KEY || !is_word {
        return Err(PasteError::NotAKey);
    }
    if text.len() < vendor.shortest_key {
        return Err(PasteError::ShortKey);
    }
    Ok(text)
}

/// Reads a code, `code#state`, `code=…&state=…`, or a whole redirect address.
pub(super) fn parse(text: &SecretString) -> Result<Pasted, PasteError> {
    let text = text
        .expose_secret()
        .trim()
        .trim_matches(['"', '\'', '<', '>', '`'])
        .trim();
    if text.is_empty() {
        return Err(PasteError::Empty);
    }
    if text.len() > MAX_PASTED {
        return Err(PasteError::TooLong);
    }
    if text.contains("://") {
        return address(text);
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(PasteError::NotACode);
    }
    if ["code=", "error=", "state="]
        .iter()
        .any(|start| text.trim_start_matches('?').starts_with(start))
    {
        return query(text.trim_start_matches('?'));
    }
    if text.starts_with("sk-") {
        return Err(PasteError::IsAKey);
    }
    let (code, state) = match text.split_once('#') {
        Some((code, state)) => (code, Some(state)),
        None => (text, None),
    };
    if code.is_empty() || !code.is_ascii() {
        return Err(PasteError::NotACode);
    }
    Ok(Pasted {
        code: Ok(code.to_owned().into()),
        state: state
            .filter(|state| !state.is_empty())
            .map(|state| state.to_owned().into()),
        issuer: None,
    })
}

fn address(text: &str) -> Result<Pasted, PasteError> {
    let url = Url::parse(text).map_err(|_| PasteError::NotACode)?;
    if url.query_pairs().any(|(name, _)| name == "code_challenge") {
        return Err(PasteError::IsTheLink);
    }
    match query(url.query().unwrap_or_default()) {
        // Some pages put the answer behind the `#`.
        Err(PasteError::NoCode) => query(url.fragment().unwrap_or_default()),
        found => found,
    }
}

fn query(text: &str) -> Result<Pasted, PasteError> {
    let (mut code, mut state, mut issuer, mut error) = (None, None, None, None);
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        match &*name {
            "code" => code = Some(value.into_owned()),
            "state" => state = Some(value.into_owned()),
            "iss" => issuer = Some(value.into_owned()),
            "error" => error = Some(no_code(&value)),
            _ => {}
        }
    }
    let code = match (error, code.filter(|code| !code.is_empty())) {
        (Some(error), _) => Err(error),
        (None, Some(code)) => Ok(code.into()),
        (None, None) => return Err(PasteError::NoCode),
    };
    Ok(Pasted {
        code,
        state: state.map(Into::into),
        issuer,
    })
}

fn no_code(error: &str) -> PasteError {
    if error == "access_denied" {
        return PasteError::Denied;
    }
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || *c == '_' || *c == '-';
    PasteError::Failed {
        code: error.chars().filter(is_plain).take(64).collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<(String, Option<String>), PasteError> {
        let pasted = parse(&text.to_owned().into())?;
        Ok((
            pasted.code?.expose_secret().into(),
            pasted.state.map(|state| state.expose_secret().into()),
        ))
    }

    #[test]
    fn every_form_of_a_code_is_read() {
        let both = Ok(("abc".to_owned(), Some("xyz".to_owned())));
        for text in [
            "abc#xyz",
            " abc#xyz\n",
            "\"abc#xyz\"",
            "code=abc&state=xyz",
            "?state=xyz&code=abc",
            "http://localhost:1455/auth/callback?code=abc&scope=x&state=xyz",
            "<http://127.0.0.1/cb?code=abc&state=xyz>",
            "https://example.org/cb#code=abc&state=xyz",
        ] {
            assert_eq!(read(text), both, "{text}");
        }
        assert_eq!(read("abc"), Ok(("abc".into(), None)));
        assert_eq!(read("4/0Ab_c-d.e~f"), Ok(("4/0Ab_c-d.e~f".into(), None)));
    }

    #[test]
    fn each_wrong_paste_has_its_own_words() {
        let mut told = std::collections::HashSet::new();
        for (text, wrong) in [
            (" \n ".to_owned(), PasteError::Empty),
            ("x".repeat(20_000), PasteError::TooLong),
            (
                "https://a.example/authorize?code_challenge=x&state=y".into(),
                PasteError::IsTheLink,
            ),
            ("https://a.example/cb".into(), PasteError::NoCode),
            (
                "https://a.example/cb?error=access_denied&state=x".into(),
                PasteError::Denied,
            ),
            (
                "https://a.example/cb?error=server_error&code=c".into(),
                PasteError::Failed {
                    code: "server_error".into(),
                },
            ),
            ("I clicked on it".into(), PasteError::NotACode),
            ("sk-proj-1234".into(), PasteError::IsAKey),
        ] {
            assert_eq!(read(&text), Err(wrong.clone()), "{text}");
            assert!(told.insert(wrong.to_string()));
            assert!(wrong.hint().is_some());
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic_or_is_repeated(text in "\\PC{0,200}") {
            if let Err(error) = parse(&text.clone().into()) {
                prop_assert!(text.len() < 24 || !error.to_string().contains(&text));
            }
        }

        #[test]
        fn a_whole_address_gives_what_was_put_into_it(code in "\\PC{1,40}", state in "\\PC{1,40}") {
            let mut url = Url::parse("http://127.0.0.1/cb").unwrap();
            url.query_pairs_mut().append_pair("code", &code).append_pair("state", &state);
            prop_assert_eq!(read(url.as_str()), Ok((code, Some(state))));
        }
    }
}
