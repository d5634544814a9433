//! The members of an object that this version does not know: kept as they were written, byte for byte.

use std::fmt;

use serde_json::value::RawValue;

use crate::file::RawObject;

/// Unknown members as a piece of JSON, ready to be appended to the known ones.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Unknown(String);

impl Unknown {
    /// What an object holds besides the members named in `known`.
    pub(super) fn of(object: RawObject, known: &[&str]) -> Self {
        let others = object
            .into_iter()
            .filter(|(name, _)| !known.contains(&name.as_str()));
        Self(others.fold(String::new(), |mut piece, (name, value)| {
            piece.push(',');
            piece.push_str(&serde_json::to_string(&name).expect("a string always serializes"));
            piece.push(':');
            piece.push_str(value.get());
            piece
        }))
    }

    /// The known members, which are a JSON object with at least one, followed by these.
    pub(super) fn append_to(&self, known: &impl serde::Serialize) -> Box<RawValue> {
        let mut text = serde_json::to_string(known).expect("strings and numbers always serialize");
        text.truncate(text.len() - 1);
        text.push_str(&self.0);
        text.push('}');
        RawValue::from_string(text).expect("two pieces of valid JSON make valid JSON")
    }
}

/// What is not known may be secret.
impl fmt::Debug for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "none" } else { "some" })
    }
}
