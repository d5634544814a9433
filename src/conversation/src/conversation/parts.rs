//! The messages that a turn answers, apart: others may have been merged into it, or into one that it repeats.

use credentials::UserId;
use rusqlite::Connection;

use super::Conversation;
use crate::error::Result;
use crate::id::{SourceId, TurnId};
use crate::item::Attachment;
use crate::tables::{Work, turns};
use crate::turn::Turn;

/// A message that a turn answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The chat's own name of it.
    pub source: SourceId,
    /// Who wrote it.
    pub by: UserId,
    /// The name they show.
    pub name: String,
    /// What it said when it was accepted.
    pub text: String,
    /// Its files.
    pub files: Vec<Attachment>,
}

impl Part {
    /// What a turn of these messages says, and its files.
    pub fn joined(parts: Vec<Self>) -> (String, Vec<Attachment>) {
        let text = turns::joined_all(parts.iter().map(|part| part.text.as_str()));
        (text, parts.into_iter().flat_map(|part| part.files).collect())
    }

    /// The message that a turn was accepted for, which waits.
    pub fn of(turn: Turn) -> Self {
        Self {
            source: turn.source,
            by: turn.by,
            name: turn.name,
            text: turn.text,
            files: turn.files,
        }
    }
}

impl Conversation {
    /// The messages that a turn answers, in the order of its text; asked for again those of the first one, too. None, if they
    /// can't be told apart.
    pub async fn parts(&self, id: TurnId) -> Result<Vec<Part>> {
        self.read("read the messages of a turn", move |database| {
            parts(database, turns::get(database, id)?)
        })
        .await
    }
}

fn parts(database: &Connection, turn: Turn) -> Work<Vec<Part>> {
    let merged: Vec<Part> = turns::merged_into(database, &turn)?
        .into_iter()
        .map(Part::of)
        .collect();
    let mut all = match turns::repeated(database, turn.id)? {
        Some(earlier) => parts(database, earlier)?,
        None => own(turn, &merged).into_iter().collect(),
    };
    if !all.is_empty() {
        all.extend(merged);
    }
    Ok(all)
}

/// What a turn said before these were merged into it.
fn own(turn: Turn, merged: &[Part]) -> Option<Part> {
    let mut own = Part::of(turn);
    let (rest, files) = Part::joined(merged.to_vec());
    if !rest.is_empty() {
        let before = own.text.strip_suffix(&rest)?;
        let before = if before.is_empty() {
            before
        } else {
            before.strip_suffix("\n\n")?
        };
        own.text.truncate(before.len());
    }
    own.files.truncate(own.files.len().checked_sub(files.len())?);
    Some(own)
}
