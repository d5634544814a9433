//! A permission request: exactly what would run, who may press, until when; afterwards one line that says who decided.

use std::ops::Add as _;

use conversation::{Body, Choice, ChoiceKind, Decision, Item};

use super::super::diff::Size;
use super::super::html::{escape, push};
use super::super::icon::icon;
use super::super::{Viewer, diff, harmless, words};
use super::rest;
use crate::asking::{Headline, headline};

/// More than fits into the card without scrolling.
const SEEN_LINES: usize = 16;
/// Longer words on a button are cut, in characters.
const LONGEST_NAME: usize = 80;
/// As [`SEEN_LINES`], for long lines that wrap.
const SEEN_BYTES: usize = 1200;

/// Of what was decided and is long, so many bytes are drawn.
const SEEN_OF_DECIDED: usize = 4 * 1024;

/// The card, or the line, with what was asked: all of it as long as it waits, then its head if it is longer than `most`.
pub(super) fn html(item: &Item, viewer: &Viewer, most: usize) -> String {
    let Body::Permission {
        request,
        asker,
        kind,
        title,
        detail,
        diffs,
        options,
        until,
        decision,
        ..
    } = &item.body
    else {
        return String::new();
    };
    let shown = harmless::line(title, 200);
    let size = item.body.size();
    if let Some(decision) = decision
        && size > most
    {
        let (detail, _) = detail.split_at(detail.floor_char_boundary(SEEN_OF_DECIDED));
        let detail = escape(&harmless::named(detail));
        let what = format!(
            "<pre class=\"input\" tabindex=\"0\">{detail}…</pre>{}",
            rest(size)
        );
        return decided(decision, &escape(&shown), &what);
    }
    // Nothing that would be executed is left out, shortened or invisible here.
    let drawn: Vec<_> = diffs.iter().map(diff::whole).collect();
    // What the changes show, or the headline, is not said again.
    let detail = harmless::named(detail);
    let headline = headline(asker, *kind, title, &detail);
    let detail = headline.beside(&detail, diffs);
    let mut what = String::new();
    if !detail.is_empty() {
        push!(
            what,
            "<pre class=\"input\" tabindex=\"0\" role=\"group\" aria-label=\"What would run\">{}</pre>",
            escape(detail)
        );
    }
    for one in &drawn {
        what.push_str(&one.html);
    }
    let Some(decision) = decision else {
        let buttons = if viewer.owner {
            buttons(request, options, item)
        } else {
            "<p class=\"quiet\">Only the person whose thread this is can decide.</p>".to_owned()
        };
        let told = Size {
            lines: detail.lines().count(),
            bytes: detail.len(),
        };
        let Size { lines, bytes } = drawn.iter().map(|diff| diff.size).fold(told, Size::add);
        let long = if lines > SEEN_LINES || bytes > SEEN_BYTES {
            let size = words::bytes(bytes as u64);
            format!(
                "<p class=\"says warning\">This is long ({lines} lines, {size}): scroll to see all of it.</p>"
            )
        } else {
            String::new()
        };
        let marked = if what.contains("⟨U+") {
            "<p class=\"says warning\">Hidden characters are written out as ⟨U+…⟩. Look twice.</p>"
        } else {
            ""
        };
        return format!(
            "<section class=\"card wait\" aria-label=\"Permission needed\"><header>{}{}\
             <small class=\"facts\">denied in {}</small></header>{what}{long}{marked}{buttons}</section>",
            icon("ask"),
            asks(&headline),
            words::until(*until, viewer.now)
        );
    };
    // A command in one line says more than that it was one.
    let shown = match detail.trim() {
        command if diffs.is_empty() && !command.is_empty() && !command.contains('\n') => {
            format!("<code>{}</code>", escape(&harmless::line(command, 120)))
        }
        _ => escape(&shown),
    };
    decided(decision, &shown, &what)
}

fn asks(Headline { who, wants, title }: &Headline) -> String {
    let (who, title) = (escape(who), escape(title));
    match (who.is_empty(), title.is_empty()) {
        (true, _) => format!("<b>May it {title}?</b>"),
        (false, true) => format!("<span><b>{who}</b> {wants}:</span>"),
        (false, false) => format!("<span><b>{who}</b> {wants}: {title}</span>"),
    }
}

/// The line that says who decided, over what was asked.
fn decided(decision: &Decision, shown: &str, what: &str) -> String {
    let (class, mark, line) = verdict(decision);
    format!(
        "<details class=\"fold audit {class}\" data-fold=\"\"><summary>{}<span>{line}: {shown}</span></summary>{what}</details>",
        icon(mark)
    )
}

/// The answers that the agent offers, in its words, the narrowest first; where it offers no denial there is one all the same. Only denials submit
/// the form: Enter in the reason must never allow.
fn buttons(request: &str, options: &[Choice], item: &Item) -> String {
    let (mut allow, mut deny) = (String::new(), String::new());
    let mut options: Vec<_> = options.iter().collect();
    options.sort_by_key(|option| option.kind == ChoiceKind::AllowAlways);
    for option in options {
        let Manner { answer, words, means } = manner(option.kind);
        let name = harmless::line(&option.name, LONGEST_NAME);
        let name = escape(if name.is_empty() { words } else { &name });
        let id = escape(&option.id);
        let attributes = format!("value=\"{answer}\" data-option=\"{id}\" title=\"{means}\"");
        match option.kind {
            ChoiceKind::AllowOnce | ChoiceKind::AllowAlways => {
                // The narrowest yes is the one that stands out.
                let first = option.kind == ChoiceKind::AllowOnce && !allow.contains("primary");
                let class = if first { " class=\"primary\"" } else { "" };
                push!(
                    allow,
                    "<button type=\"button\"{class} data-act=\"decide\" {attributes}>{name}</button>"
                );
            }
            ChoiceKind::RejectOnce | ChoiceKind::RejectAlways => {
                push!(deny, "<button {attributes}>{name}</button>");
            }
        }
    }
    if deny.is_empty() {
        deny.push_str("<button value=\"deny\">Deny</button>");
    }
    let (request, id) = (escape(request), item.id);
    format!(
        "<form class=\"decide\" data-act=\"decide\" data-request=\"{request}\"><div class=\"row\">{allow}\
         <span class=\"deny\"><label class=\"hear\" for=\"why{id}\">Reason for denying (optional)</label>\
         <input id=\"why{id}\" name=\"reason\" maxlength=\"500\" autocomplete=\"off\" placeholder=\"Reason, if you deny\">\
         {deny}</span></div></form>"
    )
}

/// What a kind of answer is: for the script, for people where the agent has no words, and in any case on hover.
struct Manner {
    answer: &'static str,
    words: &'static str,
    means: &'static str,
}

fn manner(kind: ChoiceKind) -> Manner {
    let (answer, words, means) = match kind {
        ChoiceKind::AllowOnce => ("once", "Allow once", "Allows this time"),
        ChoiceKind::AllowAlways => (
            "always",
            "Always allow",
            "Allows, and asks about such calls no more",
        ),
        ChoiceKind::RejectOnce => ("deny", "Deny", "Denies this time"),
        ChoiceKind::RejectAlways => ("deny", "Always deny", "Denies, and the agent remembers it"),
    };
    Manner { answer, words, means }
}

fn verdict(decision: &Decision) -> (&'static str, &'static str, String) {
    let who = |by: &str| escape(&harmless::line(by, 60));
    match decision {
        Decision::Once { by } => ("yes", "done", format!("Allowed once by {}", who(by))),
        Decision::Always { by, words } if words.is_empty() => {
            ("yes", "done", format!("Allowed from now on by {}", who(by)))
        }
        Decision::Always { by, words } => {
            let words = escape(&harmless::line(words, LONGEST_NAME));
            ("yes", "done", format!("Allowed by {} (“{words}”)", who(by)))
        }
        Decision::Denied { by, reason: None } => ("no", "close", format!("Denied by {}", who(by))),
        Decision::Denied {
            by,
            reason: Some(reason),
        } => (
            "no",
            "close",
            format!(
                "Denied by {} (“{}”)",
                who(by),
                escape(&harmless::line(reason, 200))
            ),
        ),
        Decision::TimedOut => (
            "no",
            "close",
            "Nobody answered in time, so it was denied".to_owned(),
        ),
        Decision::Gone => (
            "gone",
            "close",
            "The turn ended before anybody answered".to_owned(),
        ),
    }
}
