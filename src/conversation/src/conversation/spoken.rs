//! Who wrote what of a turn: a steer merges messages of several people into one, and a retry repeats them.

use credentials::UserId;
use rusqlite::Connection;

use serde::{Deserialize, Serialize};

use super::{Conversation, Part};
use crate::error::Result;
use crate::item::{Attachment, Body};
use crate::tables::{Work, items, turns};
use crate::turn::Turn;

/// The messages of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    /// In the order of the turn's text, which they make up; at least one.
    pub messages: Vec<Spoke>,
    /// Whether anybody but its owner has ever written into the thread.
    pub is_shared: bool,
}

/// One message. Stored as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spoke {
    /// Who wrote it.
    pub by: UserId,
    /// The name they show.
    pub name: String,
    /// What they wrote.
    pub text: String,
    /// Files that came with it.
    pub files: Vec<Attachment>,
}

impl From<Part> for Spoke {
    fn from(part: Part) -> Self {
        Self {
            by: part.by,
            name: part.name,
            text: part.text,
            files: part.files,
        }
    }
}

impl Conversation {
    /// Who wrote what of a turn.
    pub async fn spoken(&self, turn: &Turn) -> Result<Spoken> {
        let turn = turn.clone();
        self.read("read who wrote a turn", move |database| {
            let is_shared = turns::has_guests(database, &turn.thread)?;
            let mut messages = messages(database, &turn)?;
            // What does not add up is the turn's author's, as far as anybody knows.
            if turns::joined_all(messages.iter().map(|spoke| spoke.text.as_str())) != turn.text {
                messages = vec![Spoke {
                    by: turn.by,
                    name: turn.name,
                    text: turn.text,
                    files: turn.files,
                }];
            }
            Ok(Spoken { messages, is_shared })
        })
        .await
    }
}

fn messages(database: &Connection, turn: &Turn) -> Work<Vec<Spoke>> {
    let mut own = Vec::new();
    for item in items::of_turn(database, &turn.thread, turn.id)? {
        if let Body::Said {
            by,
            name,
            text,
            files,
        } = item.body
        {
            own.push(Spoke {
                by,
                name,
                text,
                files,
            });
        }
    }
    // A merged message may have been written before the one that it was merged into.
    let is_first = |spoke: &Spoke| spoke.by == turn.by && turn.text.starts_with(&spoke.text);
    if let Some(at) = own.iter().position(is_first) {
        own[..=at].rotate_right(1);
    }
    let first = match turns::spoken(database, turn.id)? {
        Some(looked_at) => looked_at,
        None => match turns::repeated(database, turn.id)? {
            Some(repeated) => messages(database, &repeated)?,
            None => return Ok(own),
        },
    };
    // Those stand in it as one message.
    let merged = own.into_iter().skip(1);
    Ok(first.into_iter().chain(merged).collect())
}
