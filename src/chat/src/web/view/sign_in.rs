//! The second half of a sign-in: open the link, type the code, or paste a key.

use credentials::{Begun, Completed, Owner, Service};

use super::html::escape;
use super::icon::icon;
use super::{harmless, words};

/// What to do next, for the answer to `/api/auth/begin` (`{"html": …}`); the script puts it below the button.
/// `scope` is what the begin was called with: `mine` or `host`.
pub(crate) fn sign_in_step(service: &Service, scope: &str, begun: &Begun) -> String {
    match begun {
        Begun::Link { url, .. } => format!(
            "<p><a class=\"button primary\" data-focus=\"\" href=\"{}\" target=\"_blank\" rel=\"noopener noreferrer\">Open the \
             sign-in page</a></p><p class=\"quiet\" data-poll=\"{}\">If you come back here by yourself, that is all. If the page shows a code, or \
             ends on an address that does not load, copy the code or the whole address and paste it here.</p>{}",
            escape(url.as_str()),
            escape(service.as_str()),
            form(
                service,
                scope,
                "Code or address",
                "text",
                "Paste the code or the whole address"
            )
        ),
        Begun::Device {
            page,
            page_with_code,
            user_code,
            expires_at,
        } => format!(
            "<p>Type this code on the vendor's page:</p><p class=\"row\"><code class=\"big\">{}</code>\
             <button type=\"button\" data-act=\"copy\" data-text=\"{}\">Copy</button>\
             <a class=\"button primary\" data-focus=\"\" href=\"{}\" target=\"_blank\" rel=\"noopener noreferrer\">Open the page</a></p>\
             <p class=\"quiet\" data-poll=\"{}\">Waiting for you to confirm there; the code ends at {}. Nothing needs to be brought \
             back.</p>",
            escape(user_code),
            escape(user_code),
            escape(page_with_code.as_ref().unwrap_or(page).as_str()),
            escape(service.as_str()),
            words::time(*expires_at)
        ),
        Begun::Key { vendor } => format!(
            "<p>Paste an API key of {}. It is stored on this host, and shown to nobody again.</p>{}",
            escape(&harmless::line(vendor, 80)),
            form(service, scope, "API key", "password", "Paste the key")
        ),
    }
}

/// The words after a sign-in that worked.
pub(crate) fn sign_in_done(title: &str, completed: &Completed) -> String {
    let account = completed
        .account
        .as_ref()
        .map(|account| account.label.as_deref().unwrap_or(&account.id));
    let whose = account
        .map(|account| format!(" as {}", escape(&harmless::line(account, 80))))
        .unwrap_or_default();
    let until = match completed.expires_at {
        Some(_) if completed.refreshable => ", renewed by itself".to_owned(),
        Some(at) => format!(", until {}", words::time(at)),
        None => String::new(),
    };
    let for_whom = match completed.tenant.owner {
        Owner::Host => "for everyone on this host",
        Owner::User(_) => "for you",
    };
    format!(
        "<p class=\"says ok\" role=\"status\">{}<span>Signed in to {}{whose}, {for_whom}{until}.</span></p>",
        icon("done"),
        escape(&harmless::line(title, 80))
    )
}

/// The words after an answer that had done its work before.
pub(crate) fn sign_in_before(title: &str, words: &str) -> String {
    format!(
        "<p class=\"says ok\" role=\"status\">{}<span>Signed in to {}. {}</span></p>",
        icon("done"),
        escape(&harmless::line(title, 80)),
        escape(words)
    )
}

fn form(service: &Service, scope: &str, label: &str, kind: &str, placeholder: &str) -> String {
    let (service, scope) = (escape(service.as_str()), escape(scope));
    format!(
        "<form class=\"row\" data-act=\"complete\" data-service=\"{service}\" data-scope=\"{scope}\"><label class=\"grow\">\
         <span class=\"hear\">{label}</span><input name=\"pasted\" type=\"{kind}\" required autocomplete=\"off\" \
         autocapitalize=\"off\" spellcheck=\"false\" placeholder=\"{placeholder}\"></label><button>Finish</button></form>\
         <p class=\"problem\" role=\"alert\"></p>"
    )
}
