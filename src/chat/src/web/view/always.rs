//! What is always allowed in a thread, in the menu of its agent.

use conversation::Grant;

use super::html::{each, escape};
use super::{Viewer, harmless, words};

/// So much is shown of what was asked for when it was given.
const LONGEST_DETAIL: usize = 400;

/// All of it, each with a button; nothing where nothing is.
pub(crate) fn always(grants: &[Grant], viewer: &Viewer) -> String {
    if grants.is_empty() {
        return String::new();
    }
    let line = |grant: &Grant| {
        let by = harmless::line(&grant.by, 40);
        let button = if grant.theirs {
            "<p class=\"quiet\">The agent remembers this itself; a reset ends it, if it keeps it with what was said here.</p>".to_owned()
        } else {
            format!(
                "<button type=\"button\" data-act=\"forbid\" data-grant=\"{}\">Ask again</button>",
                grant.id
            )
        };
        format!(
            "<li><b>{}</b><span class=\"quiet\">{} · {} · when it asked to {}</span><code>{}</code>{button}</li>",
            escape(&harmless::line(&grant.words, 80)),
            escape(&by),
            words::ago(grant.at, viewer.now),
            escape(&harmless::line(&grant.title, 80)),
            escape(&harmless::line(&harmless::named(&grant.detail), LONGEST_DETAIL)),
        )
    };
    let all = if grants.iter().filter(|grant| !grant.theirs).count() > 1 {
        "<div class=\"row\"><button type=\"button\" data-act=\"forbid\">Ask again about all</button></div>"
    } else {
        ""
    };
    format!("<h2>Always allowed here</h2><ul>{}</ul>{all}", each(grants, line))
}
