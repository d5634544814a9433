//! What a permission request says: who wants to do what, and what is told beside the changes to files.

use conversation::{Diff, ToolKind};
use supervisor::describe_diffs;

use crate::harmless;

/// Characters of a title and of a name that are shown.
const LONGEST_TITLE: usize = 100;
const LONGEST_NAME: usize = 60;

/// Who wants to do what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Headline {
    /// The agent; empty for the built-in one, of which is asked whether it may.
    pub(crate) who: String,
    /// What sort of thing it wants.
    pub(crate) wants: &'static str,
    /// The agent's words for it, on one line; empty where what is shown below begins with the same.
    pub(crate) title: String,
}

/// Of a request, as its entry has it.
pub(crate) fn headline(asker: &str, kind: ToolKind, title: &str, detail: &str) -> Headline {
    let who = harmless::line(asker, LONGEST_NAME);
    if who.is_empty() {
        let title = harmless::line(title, LONGEST_TITLE);
        return Headline {
            who,
            wants: "",
            title,
        };
    }
    // Agents write code in Markdown, which a headline is not.
    let title = harmless::line(&title.replace('`', ""), LONGEST_TITLE);
    let wants = match kind {
        ToolKind::Execute => "wants to run",
        ToolKind::Edit => "wants to change files",
        ToolKind::Read => "wants to read",
        ToolKind::Search => "wants to search",
        ToolKind::Fetch => "wants to fetch",
        ToolKind::Delete => "wants to delete",
        ToolKind::Move => "wants to move",
        ToolKind::Think | ToolKind::Other => {
            return Headline {
                who,
                wants: "asks",
                title,
            };
        }
    };
    let is_told = detail.lines().next().is_some_and(|line| line.trim() == title);
    let title = if is_told { String::new() } else { title };
    Headline { who, wants, title }
}

impl Headline {
    /// Whether it says all that there is to say.
    fn says(&self, detail: &str) -> bool {
        self.title == detail.trim()
    }

    /// What is left to say of what would be done, where this headline and the changes are shown, too. `detail`: with its hidden
    /// characters written out.
    pub(crate) fn beside<'d>(&self, detail: &'d str, diffs: &[Diff]) -> &'d str {
        if self.says(detail) {
            return "";
        }
        let told = describe_diffs(diffs);
        match detail.strip_prefix(&*harmless::named(&told)) {
            Some(rest) => rest.trim_start_matches('\n'),
            None => detail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_agent_is_named_with_what_it_wants_and_nothing_is_said_twice() {
        let line = |kind, title, detail| {
            let Headline { who, wants, title } = headline("Claude Code", kind, title, detail);
            format!("{who} {wants}: {title}")
        };
        for (kind, title, detail, words) in [
            (
                ToolKind::Execute,
                "`make`",
                "make\ndescription: Build",
                "Claude Code wants to run: ",
            ),
            (
                ToolKind::Execute,
                "Build all",
                "make",
                "Claude Code wants to run: Build all",
            ),
            (
                ToolKind::Edit,
                "Edit `a.rs`",
                "",
                "Claude Code wants to change files: Edit a.rs",
            ),
            (
                ToolKind::Other,
                "Ready to code?",
                "a plan",
                "Claude Code asks: Ready to code?",
            ),
            (ToolKind::Fetch, "\u{202e}x", "x", "Claude Code wants to fetch: "),
        ] {
            assert_eq!(line(kind, title, detail), words);
        }
        let ours = headline("", ToolKind::Execute, "run a command", "ls");
        assert_eq!((ours.who.as_str(), ours.title.as_str()), ("", "run a command"));
    }
}
