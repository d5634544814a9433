//! A page that only says something: not found, not signed in, a sign-in that came back.

use super::assets;
use super::html::{each, escape, push};

/// A page with a title and a few words; needs no script and shows nothing of anybody. Blank lines part paragraphs. `form`
/// is a form of ours, already HTML, such as the one that asks for a password; else empty. `back` is a path of ours to go on.
pub(crate) fn message_page(
    title: &str,
    words: &str,
    form: &str,
    back: Option<(impl AsRef<str>, &str)>,
) -> String {
    let paragraphs = words
        .split("\n\n")
        .map(str::trim)
        .filter(|paragraph| !paragraph.is_empty());
    let paragraphs = each(paragraphs, |paragraph| {
        format!("<p>{}</p>", code(&escape(paragraph)))
    });
    let back = back.map_or_else(String::new, |(path, name)| {
        format!(
            "<p><a class=\"button primary\" href=\"{}\">{}</a></p>",
            escape(path.as_ref()),
            escape(name)
        )
    });
    format!(
        "<!doctype html><html lang=\"en\"><head>{}<title>{}</title></head><body class=\"message\"><main><h1>{}</h1>{paragraphs}\
         {form}{back}</main></body></html>",
        assets::head(),
        escape(title),
        escape(title),
    )
}

/// `` `words` `` in already escaped text become code.
fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, part) in text.split('`').enumerate() {
        if at % 2 == 0 {
            out.push_str(part);
        } else {
            push!(out, "<code>{part}</code>");
        }
    }
    out
}
