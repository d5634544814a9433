//! A permission request: exactly what would run, who may press, until when; afterwards one line that says who decided.

use conversation::{Body, Decision, Item};

use super::super::html::{escape, push};
use super::super::icon::icon;
use super::super::{Viewer, diff, harmless, words};

/// More than fits into the card without scrolling.
const SEEN_LINES: usize = 16;
/// As [`SEEN_LINES`], for long lines that wrap.
const SEEN_BYTES: usize = 1200;

/// The card, or the line.
pub(super) fn html(item: &Item, viewer: &Viewer) -> String {
    let Body::Permission {
        request,
        title,
        detail,
        diffs,
        until,
        decision,
        ..
    } = &item.body
    else {
        return String::new();
    };
    let shown = harmless::line(title, 200);
    // Nothing that would be executed is left out, shortened or invisible here.
    let detail = harmless::named(detail);
    let mut what = String::new();
    if !detail.is_empty() {
        push!(
            what,
            "<pre class=\"input\" tabindex=\"0\" aria-label=\"What would run\">{}</pre>",
            escape(&detail)
        );
    }
    for one in diffs {
        what.push_str(&diff::whole(one));
    }
    let Some(decision) = decision else {
        let buttons = if viewer.owner {
            buttons(request, item)
        } else {
            "<p class=\"quiet\">Only the person who opened this thread can decide.</p>".to_owned()
        };
        let (lines, size) = (detail.lines().count(), detail.len());
        let long = if lines > SEEN_LINES || size > SEEN_BYTES {
            let size = words::bytes(size as u64);
            format!(
                "<p class=\"says warning\">This is long ({lines} lines, {size}): scroll to see all that would run.</p>"
            )
        } else {
            String::new()
        };
        let marked = if detail.contains("⟨U+") {
            "<p class=\"says warning\">Hidden characters are written out as ⟨U+…⟩. Look twice.</p>"
        } else {
            ""
        };
        return format!(
            "<section class=\"card wait\" aria-label=\"Permission needed\"><header>{}<b>May it {}?</b>\
             <small class=\"facts\">denied in {}</small></header>{what}{long}{marked}{buttons}</section>",
            icon("ask"),
            escape(&shown),
            words::until(*until, viewer.now)
        );
    };
    let (class, mark, line) = verdict(decision);
    // A command in one line says more than that it was one.
    let shown = match detail.trim() {
        command if diffs.is_empty() && !command.is_empty() && !command.contains('\n') => {
            format!("<code>{}</code>", escape(&harmless::line(command, 120)))
        }
        _ => escape(&shown),
    };
    format!(
        "<details class=\"fold audit {class}\" data-fold=\"\"><summary>{}<span>{line}: {}</span></summary>{what}</details>",
        icon(mark),
        shown
    )
}

/// Only Deny submits the form: Enter in the reason must never allow.
fn buttons(request: &str, item: &Item) -> String {
    let (request, id) = (escape(request), item.id);
    format!(
        "<form class=\"decide\" data-act=\"decide\" data-request=\"{request}\"><div class=\"row\">\
         <button type=\"button\" class=\"primary\" data-act=\"decide\" value=\"once\">Allow once</button>\
         <button type=\"button\" data-act=\"decide\" value=\"always\">Always in this thread</button>\
         <span class=\"deny\"><label class=\"hear\" for=\"why{id}\">Reason for denying (optional)</label>\
         <input id=\"why{id}\" name=\"reason\" maxlength=\"500\" autocomplete=\"off\" placeholder=\"Reason, if you deny\">\
         <button value=\"deny\">Deny</button></span></div></form>"
    )
}

fn verdict(decision: &Decision) -> (&'static str, &'static str, String) {
    let who = |by: &str| escape(&harmless::line(by, 60));
    match decision {
        Decision::Once { by } => ("yes", "done", format!("Allowed once by {}", who(by))),
        Decision::Always { by } => ("yes", "done", format!("Allowed in this thread by {}", who(by))),
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
