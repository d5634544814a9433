//! A message that should be in a thread.

use conversation::{Item, ItemId, TurnId};
use sha2::{Digest as _, Sha256};

use crate::discord::admission::Id;
use crate::discord::custom_id::Action;
use crate::discord::names;

/// Parts of one entry that have a number of their own.
const PARTS: i64 = 1024;
/// Parts of one posting of a card.
const POSTING: u16 = 128;

/// Names a message within its thread: the same for the same entry as long as that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The turn, if it belongs to one.
    pub turn: Option<TurnId>,
    /// The entry; of several in one message the first.
    pub item: ItemId,
    /// Which message of that entry, from 0.
    pub part: u16,
}

impl Key {
    /// The first message of an entry.
    pub fn of(item: &Item) -> Self {
        Self {
            turn: item.turn,
            item: item.id,
            part: 0,
        }
    }

    /// The message that a delivery of this turn and part became.
    pub fn of_part(turn: Option<TurnId>, part: i64) -> Self {
        Self {
            turn,
            item: ItemId(part.div_euclid(PARTS)),
            part: u16::try_from(part.rem_euclid(PARTS)).unwrap_or_default(),
        }
    }

    /// What the host says about a message of Discord's, besides the timeline.
    pub fn of_note(about: Id) -> Self {
        // No entry has a negative number.
        Self::of_part(None, -about.cast_signed())
    }

    /// Whether it belongs to no entry.
    pub fn is_note(self) -> bool {
        self.item.0 < 0
    }

    /// Which posting of its card it belongs to; 0 but where earlier ones were deleted.
    pub fn posting(self) -> u16 {
        self.part / POSTING
    }

    /// The same message of another posting.
    #[must_use]
    pub fn posted(self, posting: u16) -> Self {
        let part = posting * POSTING + self.part % POSTING;
        Self { part, ..self }
    }

    /// The part that a delivery of this message has, different for all messages of a thread.
    pub fn delivery_part(self) -> i64 {
        // Of a note the product alone may be too small for the type, and wraps back.
        self.item.0.wrapping_mul(PARTS).wrapping_add(i64::from(self.part))
    }
}

/// A message that should be in a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredMessage {
    /// Its name.
    pub key: Key,
    /// Its words, in Discord's Markdown; at most 2000 characters, never empty.
    pub content: String,
    /// Its buttons, at most 5.
    pub buttons: Vec<Button>,
    /// Its files, at most 10.
    pub files: Vec<OutFile>,
}

/// A message as it stands in a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Face {
    /// Its words.
    pub content: String,
    /// Its buttons.
    pub buttons: Vec<Button>,
    /// Its files: names, and sizes in bytes.
    pub files: Vec<(String, u64)>,
}

/// A button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// Its words, at most 80 characters.
    pub label: String,
    /// What it does.
    pub press: Press,
    /// How it looks.
    pub style: Style,
}

/// What a button does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Press {
    /// Comes back as an interaction.
    Action(Action),
    /// Opens a page.
    Open(String),
}

/// How a button looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// The one that most people want.
    Primary,
    /// Any other.
    Secondary,
    /// Yes.
    Success,
    /// No.
    Danger,
}

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutFile {
    /// Its name; no path.
    pub name: String,
    /// What is in it.
    pub content: Content,
}

/// What is in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// This text.
    Text(String),
    /// What is at this path in the thread's workspace now.
    Workspace {
        /// Relative to the workspace, as the agent named it: to be opened only inside it.
        path: String,
        /// Bytes.
        size: u64,
    },
}

impl DesiredMessage {
    /// Only words so far.
    pub fn new(key: Key, content: impl Into<String>) -> Self {
        Self {
            key,
            content: content.into(),
            buttons: vec![],
            files: vec![],
        }
    }

    /// Whether a message that stands there is this one, for all that people see of it.
    pub fn looks_like(&self, face: &Face) -> bool {
        let files = self.files.iter().map(|file| (file.name.as_str(), file.size()));
        let shown = face.files.iter().map(|(name, size)| (name.as_str(), *size));
        // Discord takes off the white space around words. Files that are no longer wanted stay: no edit takes them away.
        self.content.trim() == face.content.trim()
            && self.buttons == face.buttons
            && (self.files.is_empty() || files.eq(shown))
    }

    /// SHA-256 of all that people see of it: it is to be edited when that differs.
    pub fn hash(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        let mut add = |text: &str| {
            digest.update(text.len().to_be_bytes());
            digest.update(text);
        };
        add(&self.content);
        for button in &self.buttons {
            add(&format!("{button:?}"));
        }
        for file in &self.files {
            add(&file.name);
            match &file.content {
                Content::Text(text) => add(text),
                Content::Workspace { path, size } => add(&format!("{size} {path}")),
            }
        }
        digest.finalize().into()
    }
}

impl Button {
    /// Whether it lets something be done.
    pub fn allows(&self) -> bool {
        matches!(self.press, Press::Action(Action::Allow { .. }))
    }

    pub(super) fn new(label: &str, style: Style, action: Action) -> Self {
        Self {
            label: names::label(label, names::LONGEST_BUTTON),
            press: Press::Action(action),
            style,
        }
    }
}

impl OutFile {
    /// Bytes.
    pub(super) fn size(&self) -> u64 {
        match &self.content {
            Content::Text(text) => text.len() as u64,
            Content::Workspace { size, .. } => *size,
        }
    }

    pub(super) fn text(name: &str, text: impl Into<String>) -> Self {
        Self {
            name: names::file_name(name),
            content: Content::Text(text.into()),
        }
    }
}
