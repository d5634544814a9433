//! What every answer carries, and what a request needs.

use reqwest::header::{ACCEPT, HOST};
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::super::house::House;
use credentials::Vendors;

#[tokio::test]
async fn a_stranger_learns_how_to_get_in_and_nothing_else() {
    let house = House::start().await;
    let stranger = house.stranger();
    for path in [
        "/",
        "/t/abc",
        "/t/abc/files/x",
        "/credentials",
        "/workers",
        "/callback?code=a&state=b",
        "/nowhere",
    ] {
        let (status, page) = stranger.page(path).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
        assert!(page.contains("agent-host status"), "{page}");
    }
    for path in ["/events", "/api/workers", "/api/t/abc/older?before=1"] {
        let answer = stranger.get(path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert!(answer.text().await.unwrap().contains("\"error\""));
    }
    for path in [
        "/api/threads",
        "/api/name",
        "/api/uploads",
        "/api/auth/begin",
        "/api/invite",
    ] {
        let (status, _) = stranger.post(path, json!({})).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
    }
    house.end().await;
}

#[tokio::test]
async fn every_answer_carries_the_fences() {
    let house = House::start().await;
    let alice = house.alice().await;
    for path in [
        "/",
        "/nowhere",
        "/assets/app.js",
        "/assets/nothing",
        "/events",
        "/enter?key=x",
        "/api/workers",
    ] {
        let answer = alice.get(path).header(ACCEPT, "text/html").send().await.unwrap();
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"),
            "{path}"
        );
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("base-uri 'none'"));
        assert!(!policy.contains("unsafe"), "{policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            (
                "referrer-policy",
                if path.starts_with("/enter") {
                    "strict-origin"
                } else {
                    "no-referrer"
                },
            ),
            ("x-frame-options", "DENY"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.headers()[name], value, "{path}");
        }
    }
    house.end().await;
}

#[tokio::test]
async fn a_page_loads_nothing_from_anywhere_else_and_runs_nothing_inline() {
    let house = House::start().await;
    let alice = house.alice().await;
    let thread = alice.open("hello").await;
    for path in ["/", "/credentials", "/workers", &format!("/t/{thread}")] {
        let (_, page) = alice.page(path).await;
        for address in page.split(['"', '\'']).filter(|text| text.contains("//")) {
            assert!(
                !address.starts_with("http") && !address.starts_with("//"),
                "{path} {address}"
            );
        }
        assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains(" onclick="));
        for script in page.split("<script").skip(1) {
            assert!(script.contains("src=\"/assets/"), "{path} {script}");
        }
    }
    house.end().await;
}

#[tokio::test]
async fn the_empty_page_offers_what_is_configured() {
    let house = House::start().await;
    let (_, page) = house.alice().await.page("/").await;
    assert!(
        page.contains("data-text=\"What can you do here?\"") && !page.contains("stream"),
        "{page}"
    );
    house.end().await;
    let trials = vec![("<run> \"it\"".to_owned(), "what & why".to_owned())];
    let house = House::start_with(|config| config.trials = trials, Vendors::builtin(None)).await;
    let (_, page) = house.alice().await.page("/").await;
    assert!(
        page.contains("data-text=\"&lt;run&gt; &quot;it&quot;\"") && page.contains("what &amp; why"),
        "{page}"
    );
    assert!(!page.contains("What can you do here?"), "{page}");
    house.end().await;
}

#[tokio::test]
async fn assets_are_cached_by_their_version() {
    let house = House::start().await;
    let stranger = house.stranger();
    let version = crate::web::view::version();
    let named = stranger
        .get(&format!("/assets/style.css?v={version}"))
        .send()
        .await
        .unwrap();
    assert!(
        named.headers()["cache-control"]
            .to_str()
            .unwrap()
            .contains("immutable")
    );
    let bare = stranger.get("/assets/app.js").send().await.unwrap();
    assert_eq!(bare.headers()["cache-control"], "no-cache");
    assert_eq!(bare.headers()["content-type"], "text/javascript; charset=utf-8");
    let tag = bare.headers()["etag"].clone();
    let known = stranger
        .get("/assets/app.js")
        .header("if-none-match", tag)
        .send()
        .await
        .unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    house.end().await;
}

#[tokio::test]
async fn a_name_that_leads_here_is_not_ours() {
    let house = House::start().await;
    let alice = house.alice().await;
    for host in ["evil.example", "127.0.0.1.evil.example"] {
        let answer = alice.get("/").header(HOST, host).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST, "{host}");
        let posted = alice
            .posting("/api/name")
            .header(HOST, host)
            .json(&json!({ "name": "x" }))
            .send()
            .await
            .unwrap();
        assert_eq!(posted.status(), StatusCode::MISDIRECTED_REQUEST, "{host}");
        let asset = alice
            .get("/assets/app.js")
            .header(HOST, host)
            .send()
            .await
            .unwrap();
        assert_eq!(asset.status(), StatusCode::MISDIRECTED_REQUEST, "{host}");
    }
    house.end().await;
}

#[tokio::test]
async fn a_post_needs_the_page_s_token_and_comes_from_the_page() {
    let house = House::start().await;
    let alice = house.alice().await;
    let bob = house.guest(&alice).await;
    let name = json!({ "name": "Alice" });
    let ours = alice.base.origin().ascii_serialization();
    let post = |origin: Option<&str>, token: Option<&str>, site: Option<&str>| {
        let mut request = alice.request(Method::POST, "/api/name").json(&name);
        for (header, value) in [
            ("origin", origin),
            ("x-csrf-token", token),
            ("sec-fetch-site", site),
        ] {
            if let Some(value) = value {
                request = request.header(header, value);
            }
        }
        async { request.send().await.unwrap().status() }
    };
    let token = Some(alice.csrf.as_str());
    assert_eq!(
        post(Some(&ours), token, Some("same-origin")).await,
        StatusCode::OK
    );
    assert_eq!(post(Some(&ours), token, None).await, StatusCode::OK);
    for refused in [
        post(Some(&ours), None, Some("same-origin")).await,
        post(Some(&ours), Some(""), Some("same-origin")).await,
        post(Some(&ours), Some(&bob.csrf), Some("same-origin")).await,
        post(Some("http://evil.example"), token, None).await,
        post(Some("null"), token, None).await,
        post(Some("http://127.0.0.1:1"), token, None).await,
        post(Some(&ours), token, Some("cross-site")).await,
        post(Some(&ours), token, Some("same-site")).await,
        post(None, token, Some("none")).await,
    ] {
        assert_eq!(refused, StatusCode::FORBIDDEN);
    }
    house.end().await;
}

#[tokio::test]
async fn a_form_of_another_site_can_not_post() {
    let house = House::start().await;
    let alice = house.alice().await;
    for kind in ["text/plain", "application/x-www-form-urlencoded"] {
        let posted = alice
            .posting("/api/name")
            .header("content-type", kind)
            .body(r#"{"name":"x"}"#);
        assert_eq!(
            posted.send().await.unwrap().status(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE
        );
    }
    house.end().await;
}
