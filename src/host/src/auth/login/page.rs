//! What the browser shows after it came back: plain words, nothing to run and nothing to load.

use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use credentials::{Service, SignInError};

/// Stands in the page itself: the listener is gone before anything else could be asked for.
const STYLE: &str = include_str!("page.css");

/// A page and its status.
#[derive(Debug)]
pub(super) struct Page {
    status: StatusCode,
    title: String,
    words: String,
}

impl Page {
    /// It worked.
    pub(super) fn signed_in(service: &Service) -> Self {
        Self {
            status: StatusCode::OK,
            title: format!("Signed in to {service}"),
            words: "You can close this page.".into(),
        }
    }

    /// It did not.
    pub(super) fn failed(error: &SignInError) -> Self {
        let hint = error.hint().unwrap_or("Look at the terminal.");
        Self {
            status: StatusCode::BAD_REQUEST,
            title: "Not signed in".into(),
            words: format!("What happened: {error}. What to do: {hint}."),
        }
    }

    /// Not an answer to the sign-in that waits here.
    pub(super) fn other_sign_in() -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            title: "Not signed in".into(),
            words: "This answer belongs to another sign-in. Open the newest link from the terminal.".into(),
        }
    }

    /// Somebody else's business.
    pub(super) fn nothing_here(status: StatusCode) -> Self {
        Self {
            status,
            title: "Nothing here".into(),
            words: "agent-host waits for a sign-in on another path.".into(),
        }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let (title, words) = (escaped(&self.title), escaped(&self.words));
        let html = format!(
            "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<style>{STYLE}</style>\n\
             <main><h1>{title}</h1>\n<p>{words}</p></main>\n</html>\n"
        );
        // The address holds a code: nothing may keep it or pass it on.
        let headers: [(HeaderName, &str); 5] = [
            (
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
            ),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::CACHE_CONTROL, "no-store"),
            (header::CONNECTION, "close"),
        ];
        (self.status, headers, Html(html)).into_response()
    }
}

fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            c => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_from_outside_stay_words() {
        assert_eq!(escaped("<b a=\"x\">&"), "&lt;b a=&quot;x&quot;&gt;&amp;");
    }
}
