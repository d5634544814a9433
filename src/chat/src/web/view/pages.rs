//! A page that only says something: not found, not signed in, a sign-in that came back.

use super::assets;
use super::html::{each, escape, push};
use crate::notes::pieces;

/// A page with a title and a few words; needs no script and shows nothing of anybody. Blank lines part paragraphs. `form`
/// is a form of ours, already HTML, such as the one that asks for a password; else empty. `back` is a path of ours to go on.
pub(crate) fn message_page(
    title: &str,
    words: &str,
    form: &str,
    back: Option<(impl AsRef<str>, &str)>,
) -> String {
    let back = back.map_or_else(String::new, |(path, name)| {
        format!(
            "<p><a class=\"button primary\" href=\"{}\">{}</a></p>",
            escape(path.as_ref()),
            escape(name)
        )
    });
    framed(title, &format!("{}{form}{back}", paragraphs(words)))
}

/// The same for somebody who did something wrong, which is said first, and by screen readers at once.
pub(crate) fn problem_page(title: &str, wrong: &str, words: &str, form: &str) -> String {
    let wrong = format!(
        "<p class=\"says error\" role=\"alert\">{}</p>",
        code(&escape(wrong))
    );
    framed(title, &format!("{wrong}{}{form}", paragraphs(words)))
}

fn framed(title: &str, inner: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html><html lang=\"en\"><head>{}<title>{title}</title></head><body class=\"message\"><main><h1>{title}</h1>{inner}\
         </main></body></html>",
        assets::head(),
    )
}

fn paragraphs(words: &str) -> String {
    let paragraphs = words
        .split("\n\n")
        .map(str::trim)
        .filter(|paragraph| !paragraph.is_empty());
    each(paragraphs, |paragraph| {
        format!("<p>{}</p>", code(&escape(paragraph)))
    })
}

/// `` `words` `` in already escaped text become code.
pub(super) fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (piece, is_code) in pieces(text) {
        if is_code {
            push!(out, "<code>{piece}</code>");
        } else {
            out.push_str(piece);
        }
    }
    out
}
