//! What hostile text may not do to a page.

use url::Url;

use super::{code, code_error, consent, device, message};
use crate::ledger::{Authorization, Scope};

const HOSTILE: &str = "\"'><script>alert(1)</script>&";

fn harmless(html: &str) {
    assert!(!html.contains("<script"), "{html}");
    assert!(!html.contains("\"'>"), "{html}");
    assert!(html.contains("&quot;&#39;&gt;&lt;script&gt;"), "{html}");
}

#[test]
fn hostile_input_stays_text_on_every_page() {
    harmless(&message("x", HOSTILE));
    harmless(&message(HOSTILE, "x"));
    harmless(&code(HOSTILE));
    harmless(&code_error(HOSTILE, HOSTILE));
    harmless(&device(HOSTILE, None));
}

#[test]
fn hostile_input_stays_text_on_the_consent_page() {
    let authorization = Authorization {
        client_id: HOSTILE.to_owned(),
        client_name: HOSTILE.to_owned(),
        redirect: Url::parse("http://127.0.0.1:1/callback").unwrap(),
        redirect_text: HOSTILE.to_owned(),
        state: HOSTILE.to_owned(),
        challenge: HOSTILE.to_owned(),
        scope: Scope::parse(Some("openid <script>alert(1)</script>")).unwrap(),
        resources: vec![HOSTILE.to_owned()],
    };
    let html = consent(&authorization, HOSTILE);
    harmless(&html);
    assert!(html.contains("<code>&lt;script&gt;alert(1)&lt;/script&gt;</code>"));
}

#[test]
fn every_field_has_a_label() {
    let html = device("BCDF-GHJK", None);
    for id in ["user", "user_code"] {
        assert!(html.contains(&format!("<label for=\"{id}\">")));
        assert!(html.contains(&format!("id=\"{id}\"")));
    }
    assert!(html.contains("<html lang=\"en\">") && html.contains("<main>"));
}
