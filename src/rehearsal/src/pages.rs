//! The few pages a person sees: plain HTML, readable at phone width, in light and dark, with the keyboard and aloud.
//!
//! Every value goes through [`Escaped`]. There are no scripts; the one style sheet is allowed by its hash.

mod consent;
mod device;
mod escaped;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

pub(crate) use consent::consent;
pub(crate) use device::device;
use escaped::Escaped;

use crate::{Counter, Counts, Endpoints};

/// Colours keep at least 4.5:1 for text and 3:1 for outlines (WCAG 2.2, 1.4.3 and 1.4.11), in both schemes.
const STYLE: &str = include_str!("pages/style.css");

/// The `style-src` entry that allows the style sheet and nothing else.
pub(crate) fn style_hash() -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(STYLE)))
}

/// What this server is, where to look, and what has happened.
pub(crate) fn home(endpoints: &Endpoints, counts: &Counts) -> String {
    let rows: Vec<String> = Counter::ALL
        .into_iter()
        .map(|counter| {
            let (name, value) = (counter.name(), counts.get(counter));
            format!("<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>\n")
        })
        .collect();
    document(
        "Rehearsal server",
        &format!(
            "<p>A strict OAuth 2 server and a scripted model for trying things out. They know no real account.</p>\n<p><a href=\"{}\">Server metadata</a></p>\n\
             <p>The model speaks OpenAI Responses and Chat Completions below <code>{}</code>; say <code>help</code> to it.</p>\n\
             <table><caption>What has happened so far</caption>\n<tbody>\n{}</tbody></table>",
            Escaped(&endpoints.metadata),
            Escaped(&endpoints.model_api),
            rows.concat()
        ),
    )
}

/// A page of one heading and one sentence.
pub(crate) fn message(heading: &str, sentence: &str) -> String {
    document(heading, &format!("<p>{}</p>", Escaped(sentence)))
}

/// Shows `code#state` for pasting.
pub(crate) fn code(pasted: &str) -> String {
    document(
        "Copy this code",
        &format!(
            "<p>Copy all of it and paste it where you started the sign-in.</p>\n\
             <label for=\"code\">Code</label>\n\
             <textarea id=\"code\" rows=\"4\" readonly autofocus spellcheck=\"false\">{}</textarea>",
            Escaped(pasted)
        ),
    )
}

/// Shows why there is no code.
pub(crate) fn code_error(error: &str, description: &str) -> String {
    document(
        "There is no code",
        &format!(
            "<p>The sign-in ended with <code>{}</code>. {}</p>\n<p>Start it again where you came from.</p>",
            Escaped(error),
            Escaped(description)
        ),
    )
}

/// A whole page; `body` must be HTML already.
fn document(heading: &str, body: &str) -> String {
    let heading = Escaped(heading);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{heading} - rehearsal</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<main>\n<p class=\"note\">Rehearsal: no real account</p>\n<h1>{heading}</h1>\n{body}\n</main>\n\
         </body>\n</html>\n"
    )
}

#[cfg(test)]
mod tests;
