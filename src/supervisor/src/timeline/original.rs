//! What people are asked about: tool calls as the agent told them. The limits of entries leave things out of a call; those
//! are kept beside it, because nobody can say yes to what is not shown.

use conversation::{Body, Diff, ToolCall, ToolKind, harmless};

use super::tool::describe_diffs;
use super::{Stage, Timeline, aside};

/// Bytes that somebody can be asked about, as they are shown, hidden characters by their names. (The built-in agent makes no larger change, and Discord takes larger files not
/// at all.)
pub(crate) const LONGEST_ASKED: usize = 4 * 1024 * 1024;

/// Characters of a title that every front-end shows as its headline.
const LONGEST_HEADLINE: usize = 100;

/// Bytes of a turn that are kept beside its entries.
const LONGEST_KEPT: usize = 16 * 1024 * 1024;

/// One part of a call.
#[derive(Debug, Default)]
pub(super) enum Part<T> {
    /// The entry has all of it.
    #[default]
    Shown,
    /// The entry has less; this is all.
    Kept(T),
    /// The entry has less, and there is no more room for all.
    Lost,
}

/// What an entry lacks of its call.
#[derive(Debug, Default)]
pub(super) struct Original {
    pub(super) title: Part<String>,
    pub(super) input: Part<String>,
    pub(super) diffs: Part<Vec<Diff>>,
    /// What else its agent says of it; its entry has it as output.
    pub(super) words: Part<Vec<String>>,
    /// Where it is at work.
    pub(super) places: Part<Vec<String>>,
    /// The changes say all of what goes in.
    pub(super) is_told: bool,
}

/// What somebody is asked about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Asked {
    /// What sort of thing is to be done.
    pub(crate) kind: ToolKind,
    /// In a few words; may be empty.
    pub(crate) title: String,
    /// All that goes in (the changes in words where they say it as well), a title that is too long for a headline, and what
    /// else its agent says of it; the title where there is nothing else.
    pub(crate) detail: String,
    /// All changes to files.
    pub(crate) diffs: Vec<Diff>,
}

impl<T: Clone> Part<T> {
    /// All of it, if it is known.
    fn whole(&self, shown: &T) -> Option<T> {
        match self {
            Self::Shown => Some(shown.clone()),
            Self::Kept(all) => Some(all.clone()),
            Self::Lost => None,
        }
    }

    fn let_go(&mut self) {
        if matches!(self, Self::Kept(_)) {
            *self = Self::Lost;
        }
    }
}

impl Original {
    fn size(&self) -> usize {
        let text = |part: &Part<String>| match part {
            Part::Kept(text) => text.len(),
            _ => 0,
        };
        let diffs = match &self.diffs {
            Part::Kept(diffs) => diffs.iter().map(Diff::size).sum(),
            _ => 0,
        };
        let words = |part: &Part<Vec<String>>| match part {
            Part::Kept(words) => words.iter().map(|one| size_of::<String>() + one.len()).sum(),
            _ => 0,
        };
        text(&self.title) + text(&self.input) + diffs + words(&self.words) + words(&self.places)
    }

    /// What is said of it from now on goes without a question.
    pub(super) fn says_no_more(&mut self) {
        self.words.let_go();
        self.places.let_go();
    }

    fn let_go(&mut self) {
        self.title.let_go();
        self.input.let_go();
        self.diffs.let_go();
        self.says_no_more();
    }

    fn asked(&self, call: &ToolCall) -> Option<Asked> {
        let title = self.title.whole(&call.title)?;
        let input = self.input.whole(&call.input)?;
        let diffs = self.diffs.whole(&call.diffs)?;
        // What runs is never told by what it changes.
        let is_told = self.is_told && call.kind != ToolKind::Execute;
        let mut detail = match (input.is_empty() || is_told, diffs.is_empty()) {
            (true, false) => describe_diffs(&diffs),
            _ => input,
        };
        let mut words = self.words.whole(&Vec::new())?;
        if title.chars().count() > LONGEST_HEADLINE || title.trim().contains('\n') {
            words.insert(0, title.clone());
        }
        let mut places = self.places.whole(&Vec::new())?;
        places.retain(|place| !diffs.iter().any(|diff| diff.path == *place));
        aside::add(&mut detail, &words, &places);
        if detail.is_empty() {
            detail.clone_from(&title);
        }
        let shown = |text: &str| harmless::named(text).len();
        let change = |diff: &Diff| {
            diff.size()
                .max(shown(&diff.new) + diff.old.as_deref().map_or(0, shown) + shown(&diff.path))
        };
        let size = shown(&title) + shown(&detail) + diffs.iter().map(change).sum::<usize>();
        let kind = call.kind;
        (size <= LONGEST_ASKED).then_some(Asked {
            kind,
            title,
            detail,
            diffs,
        })
    }
}

impl Timeline {
    /// What somebody is asked who is asked about a call. `None` where it is too much to be looked at, or is no longer known
    /// as a whole.
    pub(crate) fn asked(&self, call: &str) -> Option<Asked> {
        self.live.iter().rev().find_map(|live| match &live.item.body {
            Body::Tool(tool) if tool.call == call && live.stage < Stage::Sealed => {
                Some(live.original.asked(tool))
            }
            _ => None,
        })?
    }

    /// Makes room for what is kept of a call: that of the oldest others goes.
    pub(super) fn let_originals_go(&mut self, but: usize) {
        let mut kept = self.live[but].original.size();
        for (index, live) in self.live.iter_mut().enumerate().rev() {
            if index == but {
                continue;
            }
            kept += live.original.size();
            if kept > LONGEST_KEPT {
                live.original.let_go();
            }
        }
    }
}
