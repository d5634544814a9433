//! The page that asks whether a client may have what it asks for.

use super::{Escaped, document};
use crate::ledger::{Authorization, Scope};

/// The consent page of a valid request. The form carries only the ticket, so nothing of the request can be changed.
pub(crate) fn consent(authorization: &Authorization, ticket: &str) -> String {
    let resources: Vec<String> = authorization
        .resources
        .iter()
        .map(|resource| format!("<p>For: <code>{}</code></p>\n", Escaped(resource)))
        .collect();
    document(
        "Sign in",
        &format!(
            "<p><strong>{}</strong> asks for access. This is a rehearsal: there is no account, and any name will \
             do.</p>\n{}{}<p>You will be sent to <code>{}</code></p>\n\
             <form method=\"post\">\n<input type=\"hidden\" name=\"ticket\" value=\"{}\">\n{}</form>",
            Escaped(&authorization.client_name),
            scopes(&authorization.scope),
            resources.concat(),
            Escaped(&authorization.redirect.origin().ascii_serialization()),
            Escaped(ticket),
            answer_fields(),
        ),
    )
}

/// The list of what is asked for.
pub(super) fn scopes(scope: &Scope) -> String {
    let items: Vec<String> = scope
        .tokens()
        .map(|token| format!("<li><code>{}</code></li>\n", Escaped(token)))
        .collect();
    format!("<h2>It asks for</h2>\n<ul>\n{}</ul>\n", items.concat())
}

/// Name field and buttons, the same on every page that asks.
pub(super) fn answer_fields() -> &'static str {
    "<label for=\"user\">Sign in as</label>\n\
     <input id=\"user\" name=\"user\" value=\"rehearsal-user\" maxlength=\"64\" autocomplete=\"off\" \
     autocapitalize=\"none\" spellcheck=\"false\">\n\
     <div class=\"buttons\">\n\
     <button class=\"yes\" name=\"decision\" value=\"approve\">Approve</button>\n\
     <button name=\"decision\" value=\"deny\">Deny</button>\n</div>\n"
}
