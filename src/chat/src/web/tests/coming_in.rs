//! Who gets in, and what a request needs.

use reqwest::header::{ACCEPT, HOST, SET_COOKIE};
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::house::House;
use crate::web::{Access, Server, StartError};
use credentials::Vendors;

#[tokio::test]
async fn a_link_lets_one_browser_in_once_and_leaves_the_address_bar() {
    let house = House::start().await;
    let link = house.server.url();
    let mut alice = house.stranger();
    let answer = alice.client.get(link.clone()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(answer.headers()["location"], "/");
    let cookie = answer.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    for part in [
        "agent-host-session",
        "HttpOnly",
        "SameSite=Lax",
        "Path=/",
        "Max-Age=",
    ] {
        assert!(cookie.contains(part), "{cookie}");
    }
    alice.keep_cookie(&answer);
    assert_eq!(alice.page("/").await.0, StatusCode::OK);

    let bob = house.stranger();
    let again = bob
        .client
        .get(link)
        .header(ACCEPT, "text/html")
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), StatusCode::FORBIDDEN);
    assert!(again.headers().get(SET_COOKIE).is_none());
    assert!(again.text().await.unwrap().contains("used already"));
    house.end().await;
}

#[tokio::test]
async fn looking_at_a_link_does_not_use_it() {
    let house = House::start().await;
    let link = house.server.url();
    let mut alice = house.stranger();
    let head = alice.client.head(link.clone()).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::METHOD_NOT_ALLOWED);
    let ahead = alice
        .client
        .get(link.clone())
        .header("sec-purpose", "prefetch")
        .send()
        .await
        .unwrap();
    assert!(ahead.headers().get(SET_COOKIE).is_none());
    alice.enter(&link).await;
    house.end().await;
}

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
            ("referrer-policy", "no-referrer"),
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

#[tokio::test]
async fn a_session_survives_a_restart_and_its_pages_go_on() {
    let house = House::start().await;
    let mut alice = house.alice().await;
    let old = house.server.url();
    let folder = house.end().await;
    let house = House::start_in(folder, |_| {}, Vendors::builtin(None)).await;
    alice.base = house.stranger().base;
    let answer = alice.fine("/api/name", json!({ "name": "Alice" })).await;
    assert_eq!(answer["name"], "Alice");
    let mut link = house.server.url();
    link.set_query(old.query());
    let refused = house.stranger().client.get(link).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::FORBIDDEN, "links end with the host");
    house.end().await;
}

#[tokio::test]
async fn a_session_that_is_used_begins_anew_after_a_week() {
    let house = House::start().await;
    let mut alice = house.alice().await;
    let fresh = alice.get("/").send().await.unwrap();
    assert!(fresh.headers().get(SET_COOKIE).is_none());
    let folder = house.end().await;
    let file = folder.path().join("state/web-sessions.json");
    let mut book: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    for session in book["sessions"].as_object_mut().unwrap().values_mut() {
        let week_and_day = 8 * 24 * 3600 * 1000;
        session["created_ms"] = json!(session["created_ms"].as_i64().unwrap() - week_and_day);
    }
    std::fs::write(&file, book.to_string()).unwrap();

    let house = House::start_in(folder, |_| {}, Vendors::builtin(None)).await;
    alice.base = house.stranger().base;
    let asset = alice.get("/assets/app.js").send().await.unwrap();
    assert!(asset.headers().get(SET_COOKIE).is_none(), "assets are cached");
    let renewed = alice.get("/").send().await.unwrap();
    assert_eq!(renewed.status(), StatusCode::OK);
    let cookie = renewed.headers()[SET_COOKIE].to_str().unwrap();
    assert!(
        cookie.starts_with(alice.cookie.as_ref().unwrap()) && cookie.contains("Max-Age="),
        "{cookie}"
    );
    let after = alice.get("/").send().await.unwrap();
    assert!(after.headers().get(SET_COOKIE).is_none(), "once");
    house.end().await;
}

#[tokio::test]
async fn nobody_becomes_alice_by_typing_alice() {
    let house = House::start().await;
    let alice = house.alice().await;
    let bob = house.guest(&alice).await;
    alice.fine("/api/name", json!({ "name": "Alice" })).await;
    let thread = alice.open("mine").await;
    bob.fine("/api/name", json!({ "name": "Alice" })).await;
    assert_eq!(bob.page(&format!("/t/{thread}")).await.0, StatusCode::NOT_FOUND);
    house.end().await;
}

#[tokio::test]
async fn a_password_lets_each_browser_in_as_a_person_of_its_own() {
    let right = "correct horse battery";
    let house = House::start_with(
        |config| config.allow = Access::Password(right.into()),
        Vendors::builtin(None),
    )
    .await;
    let enter = |password: &'static str, origin: Option<&'static str>| {
        let stranger = house.stranger();
        let ours = stranger.base.origin().ascii_serialization();
        let form = stranger
            .request(Method::POST, "/enter")
            .header(ACCEPT, "text/html")
            .header("origin", origin.map_or(ours, str::to_owned))
            .form(&[("password", password)]);
        async { (stranger, form.send().await.unwrap()) }
    };
    let (stranger, page) = (
        house.stranger(),
        house
            .stranger()
            .get("/")
            .header(ACCEPT, "text/html")
            .send()
            .await
            .unwrap(),
    );
    assert_eq!(page.status(), StatusCode::UNAUTHORIZED);
    // Else a browser sends the form with the origin `null`.
    assert_eq!(page.headers()["referrer-policy"], "same-origin");
    assert!(page.text().await.unwrap().contains("type=\"password\""));
    assert_eq!(stranger.page("/workers").await.0, StatusCode::UNAUTHORIZED);

    assert_eq!(enter("wrong", None).await.1.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        enter(right, Some("http://evil.example")).await.1.status(),
        StatusCode::FORBIDDEN
    );
    let (mut one, answer) = enter(right, None).await;
    one.keep_cookie(&answer);
    one.read_token().await;
    let (mut two, answer) = enter(right, None).await;
    two.keep_cookie(&answer);
    let thread = one.open("mine").await;
    assert_eq!(two.page(&format!("/t/{thread}")).await.0, StatusCode::NOT_FOUND);

    let again = one
        .posting("/enter")
        .form(&[("password", right)])
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), StatusCode::SEE_OTHER);
    assert!(
        again.headers().get(SET_COOKIE).is_none(),
        "who is in stays who they are"
    );
    house.end().await;
}

#[tokio::test]
async fn without_a_password_nobody_enters_by_typing_one() {
    let house = House::start().await;
    let stranger = house.stranger();
    let ours = stranger.base.origin().ascii_serialization();
    let form = stranger
        .request(Method::POST, "/enter")
        .header("origin", ours)
        .form(&[("password", "")]);
    assert_eq!(form.send().await.unwrap().status(), StatusCode::NOT_FOUND);
    house.end().await;
}

#[tokio::test]
async fn a_proxy_s_header_counts_only_from_the_proxy() {
    let allow = |from: &str| Access::TrustedHeader {
        name: "x-user".into(),
        from: vec![from.parse().unwrap()],
    };
    let house = House::start_with(|config| config.allow = allow("127.0.0.1"), Vendors::builtin(None)).await;
    let page = |house: &House, user: &'static str| {
        let request = house
            .stranger()
            .get("/")
            .header(ACCEPT, "text/html")
            .header("x-user", user);
        async { request.send().await.unwrap().status() }
    };
    assert_eq!(page(&house, "alice@example.org").await, StatusCode::OK);
    assert_eq!(page(&house, "").await, StatusCode::UNAUTHORIZED);
    let twice = house
        .stranger()
        .get("/")
        .header("x-user", "a")
        .header("x-user", "b");
    assert_eq!(twice.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    house.end().await;

    let house = House::start_with(|config| config.allow = allow("192.0.2.1"), Vendors::builtin(None)).await;
    assert_eq!(page(&house, "alice@example.org").await, StatusCode::UNAUTHORIZED);
    house.end().await;
}

#[tokio::test]
async fn it_says_why_it_does_not_start() {
    let house = House::start().await;
    let again = |change: &dyn Fn(&mut crate::web::Config)| {
        let mut config = crate::web::Config::new(
            house.server.address(),
            house.folder.path().join("other"),
            "fake".into(),
        );
        change(&mut config);
        Server::start(config, house.supervisor.clone(), house.credentials.clone())
    };
    let busy = again(&|_| {}).await.unwrap_err();
    assert!(
        matches!(busy, StartError::Busy { .. }) && busy.hint().contains("agent-host status"),
        "{busy}"
    );
    let open = again(&|config| config.listen = "0.0.0.0:0".parse().unwrap())
        .await
        .unwrap_err();
    assert!(
        matches!(open, StartError::Unsafe { .. }) && open.to_string().contains("password"),
        "{open}"
    );
    let foreign = again(&|config| config.listen = "127.0.0.1:0".parse().unwrap()).await;
    foreign.unwrap().shutdown().await;
    house.end().await;
}
