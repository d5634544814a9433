//! Request parameters, from a query, a form or a JSON object, with RFC 6749's rules about repeats and empty values.

use serde_json::Value;
use url::form_urlencoded;

/// The one parameter that may come more than once (RFC 8707 §2).
const REPEATABLE: &str = "resource";

/// Parameters by name. Empty ones count as not sent, and only `resource` may be repeated (RFC 6749 §3.1, §3.2).
#[derive(Default)]
pub(crate) struct Params(Vec<(String, String)>);

/// Why a request's parameters could not be read; the text is safe to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParamsError {
    #[error("a parameter is repeated")]
    Repeated,
    #[error("the body is not a JSON object of strings")]
    NotAnObject,
}

impl Params {
    /// Reads a query string or a form body.
    pub(crate) fn from_form(text: &[u8]) -> Result<Self, ParamsError> {
        let mut params = Self::default();
        for (name, value) in form_urlencoded::parse(text) {
            params.add(&name, &value)?;
        }
        Ok(params)
    }

    /// Reads a JSON object whose values are strings, numbers, booleans or null; `resource` may be a list of strings.
    /// Of a name that is repeated inside the object the last counts, as in every JSON reader our clients use.
    pub(crate) fn from_json(text: &[u8]) -> Result<Self, ParamsError> {
        let Ok(Value::Object(object)) = serde_json::from_slice(text) else {
            return Err(ParamsError::NotAnObject);
        };
        let mut params = Self::default();
        for (name, value) in &object {
            match value {
                Value::Array(values) if name == REPEATABLE => {
                    for value in values {
                        let value = value.as_str().ok_or(ParamsError::NotAnObject)?;
                        params.add(name, value)?;
                    }
                }
                Value::Null => {}
                Value::String(text) => params.add(name, text)?,
                Value::Number(_) | Value::Bool(_) => params.add(name, &value.to_string())?,
                Value::Array(_) | Value::Object(_) => return Err(ParamsError::NotAnObject),
            }
        }
        Ok(params)
    }

    /// The value of a parameter that comes at most once.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// All values of a parameter that may be repeated.
    pub(crate) fn every<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    fn add(&mut self, name: &str, value: &str) -> Result<(), ParamsError> {
        if value.is_empty() {
            return Ok(());
        }
        if name != REPEATABLE && self.one(name).is_some() {
            return Err(ParamsError::Repeated);
        }
        self.0.push((name.to_owned(), value.to_owned()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Params, ParamsError};

    #[test]
    fn a_repeated_parameter_is_refused_unless_it_is_a_resource() {
        assert_eq!(
            Params::from_form(b"code=a&code=b").err(),
            Some(ParamsError::Repeated)
        );
        let params = Params::from_form(b"resource=a&resource=b").unwrap();
        assert_eq!(params.every("resource").collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn an_empty_parameter_counts_as_not_sent() {
        let params = Params::from_form(b"state=&state=x").unwrap();
        assert_eq!(params.one("state"), Some("x"));
    }

    #[test]
    fn a_json_body_must_be_an_object_of_plain_values() {
        let params = Params::from_json(br#"{"a":"x","b":3600,"c":null}"#).unwrap();
        assert_eq!(
            (params.one("a"), params.one("b"), params.one("c")),
            (Some("x"), Some("3600"), None)
        );
        for text in ["[]", "x", r#"{"a":{}}"#, r#"{"a":["b"]}"#] {
            assert_eq!(
                Params::from_json(text.as_bytes()).err(),
                Some(ParamsError::NotAnObject)
            );
        }
    }
}
