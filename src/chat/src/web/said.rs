//! What a page says: JSON, refused in our own words.

use axum::Json;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;

use super::refusal::Refused;
use crate::harmless;

/// The longest message in bytes. Longer ones are files.
pub(crate) const MAX_TEXT: usize = 1024 * 1024;

/// The longest body of a request: JSON may need six bytes for one of a message.
pub(crate) const MAX_BODY: usize = 8 * 1024 * 1024;

/// The body of a POST.
pub(crate) struct Said<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Said<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let length = request.headers().get(header::CONTENT_LENGTH);
        let length = length
            .and_then(|length| length.to_str().ok())
            .and_then(|length| length.parse().ok());
        if length.is_some_and(|length: usize| length > MAX_BODY) {
            return Err(too_long());
        }
        match Json::<T>::from_request(request, state).await {
            Ok(Json(said)) => Ok(Self(said)),
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(too_long()),
            Err(error) => Err(error.into()),
        }
    }
}

/// A message as it is sent on.
pub(crate) fn message(text: &str, files: usize) -> Result<String, Refused> {
    if text.len() > MAX_TEXT {
        return Err(too_long());
    }
    let text = text.trim_end();
    if text.trim_start().is_empty() && files == 0 {
        return Err(Refused::bad("the message is empty"));
    }
    Ok(text.to_owned())
}

/// The page's own name of a message.
pub(crate) fn message_id(id: &str) -> Result<&str, Refused> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !id.is_empty() && id.len() <= 64 && id.bytes().all(plain) {
        Ok(id)
    } else {
        Err(Refused::bad(
            "the message has no usable id: letters, digits, `-` and `_`, at most 64",
        ))
    }
}

/// The title of a thread that begins with this message.
pub(crate) fn title(text: &str) -> String {
    const LONGEST: usize = 60;
    let first = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    let plain = harmless::line(first, usize::MAX);
    if plain.chars().count() <= LONGEST {
        return plain;
    }
    let mut cut: String = plain.chars().take(LONGEST).collect();
    if let Some((whole, _)) = cut.rsplit_once(' ')
        && whole.chars().count() > LONGEST / 2
    {
        cut.truncate(whole.len());
    }
    cut + "…"
}

fn too_long() -> Refused {
    Refused::new(StatusCode::PAYLOAD_TOO_LARGE, "the message is longer than 1 MiB")
        .hint("attach it as a file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_something_and_not_too_much() {
        assert_eq!(message(" hello \n", 0).unwrap(), " hello");
        assert!(message(" \n\t", 0).is_err());
        assert_eq!(message("", 1).unwrap(), "");
        assert!(message(&"x".repeat(MAX_TEXT), 0).is_ok());
        assert_eq!(
            message(&"x".repeat(MAX_TEXT + 1), 0).unwrap_err().status,
            StatusCode::PAYLOAD_TOO_LARGE
        );
    }

    #[test]
    fn an_id_is_one_plain_word() {
        for id in ["a", "0f8e-11", &"x".repeat(64)] {
            assert!(message_id(id).is_ok(), "{id}");
        }
        for id in ["", " ", "a b", "a/b", "ä", "a\n", &"x".repeat(65)] {
            assert!(message_id(id).is_err(), "{id}");
        }
    }

    #[test]
    fn a_title_is_the_first_line_cut_between_words() {
        assert_eq!(title("\n  hello there \nmore"), "hello there");
        assert_eq!(title("a\u{7}b\u{202e}"), "ab");
        assert_eq!(title(""), "");
        let long = title(&"word ".repeat(40));
        assert!(long.ends_with("word…") && long.chars().count() <= 61, "{long}");
        assert_eq!(title(&"x".repeat(100)).chars().count(), 61);
    }
}
