//! A permission request: exactly what would run, who may press, until when; afterwards one line that says who decided.

use conversation::{Body, Decision, Item};

use super::super::html::{escape, push};
use super::super::icon::icon;
use super::super::{Viewer, diff, harmless, words};

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
        let marked = if detail.contains("⟨U+") {
            "<p class=\"says warning\">Hidden characters are written out as ⟨U+…⟩. Look twice.</p>"
        } else {
            ""
        };
        return format!(
            "<section class=\"card wait\" aria-label=\"Permission needed\"><header>{}<b>May it {}?</b>\
             <small class=\"facts\">denied in {}</small></header>{what}{marked}{buttons}</section>",
            icon("ask"),
            escape(&shown),
            words::until(*until, viewer.now)
        );
    };
    let (class, mark, line) = verdict(decision);
    format!(
        "<details class=\"fold audit {class}\" data-fold=\"\"><summary>{}<span>{line}: {}</span></summary>{what}</details>",
        icon(mark),
        escape(&shown)
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
