//! The requests that there are, by what they are about.

use serde_json::Value;

use super::Trouble;
use crate::discord::admission::Id;

mod application;
mod files;
mod interactions;
mod messages;
mod places;

pub(in crate::discord) use application::Told;
pub(in crate::discord) use interactions::{EPHEMERAL, Later};
pub(in crate::discord) use messages::{Answered, Outgoing};
pub(in crate::discord) use places::PutAway;

fn id(value: &Value) -> Result<Id, Trouble> {
    let id = value.as_str().and_then(|id| id.parse().ok());
    id.filter(|id| *id > 0)
        .ok_or_else(|| Trouble::Unknown("the answer has no id".to_owned()))
}

fn parsed<T: serde::de::DeserializeOwned>(body: Value) -> Result<T, Trouble> {
    serde_json::from_value(body)
        .map_err(|error| Trouble::Failed(format!("the answer can't be read: {error}")))
}
