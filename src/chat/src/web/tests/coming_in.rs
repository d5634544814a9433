//! Who gets in, and what a request needs.

use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT, HOST, SET_COOKIE};
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::house::{Browser, House};
use crate::web::{Access, Proxy, Server, StartError};
use credentials::Vendors;

#[tokio::test]
async fn a_link_lets_one_browser_in_once() {
    let house = House::start().await;
    let link = house.link();
    let mut alice = house.stranger();
    let answer = alice.press(&link).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(answer.headers()["location"], "/");
    let cookie = answer.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("agent-host-session-"), "{cookie}");
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age="] {
        assert!(cookie.contains(part), "{cookie}");
    }
    alice.keep_cookie(&answer);
    assert_eq!(alice.page("/").await.0, StatusCode::OK);

    let bob = house.stranger();
    let form = format!(
        "action=\"/enter\"<input type=\"hidden\" name=\"key\" value=\"{}\">",
        link.query_pairs().next().unwrap().1
    );
    for (status, cookie, page) in [looked(&bob, &link).await, read(bob.send_form(&form).await).await] {
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert_eq!(cookie, None);
        assert!(
            page.contains("used already") && page.contains("agent-host status"),
            "{page}"
        );
    }
    house.end().await;
}

/// What a browser sees behind a link, without pressing anything.
async fn looked(browser: &Browser, link: &url::Url) -> (StatusCode, Option<String>, String) {
    read(
        browser
            .get(link.as_str())
            .header(ACCEPT, "text/html")
            .send()
            .await
            .unwrap(),
    )
    .await
}

/// Status, cookie, page.
async fn read(answer: reqwest::Response) -> (StatusCode, Option<String>, String) {
    let cookie = answer.headers().get(SET_COOKIE);
    let cookie = cookie.map(|cookie| cookie.to_str().unwrap().to_owned());
    (answer.status(), cookie, answer.text().await.unwrap())
}

#[tokio::test]
async fn whoever_only_looks_at_a_link_uses_nothing_up() {
    let house = House::start().await;
    let link = house.link();
    let mut alice = house.stranger();
    for method in [Method::HEAD, Method::GET, Method::GET] {
        let looked = alice
            .client
            .request(method, link.clone())
            .header("user-agent", "a preview of a chat program")
            .send()
            .await
            .unwrap();
        assert_eq!(looked.status(), StatusCode::OK);
        assert!(looked.headers().get(SET_COOKIE).is_none());
        assert_eq!(looked.headers()["cache-control"], "no-store");
        // `no-referrer` would make the form's origin `null`; this tells no address, in which the key is.
        assert_eq!(looked.headers()["referrer-policy"], "strict-origin");
    }
    let (_, _, page) = looked(&alice, &link).await;
    assert!(page.contains("a browser of the administrator"), "{page}");
    assert!(
        !page.contains("csrf") && !page.contains("<script type=\"module\""),
        "{page}"
    );
    alice.enter(&link).await;
    house.end().await;
}

#[tokio::test]
async fn a_link_is_used_up_by_its_own_page_only() {
    let house = House::start().await;
    let mut link = house.link();
    let key = link.query_pairs().next().unwrap().1.into_owned();
    let stranger = house.stranger();
    for (origin, site) in [
        ("http://evil.example", "cross-site"),
        ("null", "cross-site"),
        ("http://127.0.0.1:1", "same-site"),
    ] {
        let form = stranger
            .request(Method::POST, "/enter")
            .header("origin", origin)
            .header("sec-fetch-site", site)
            .form(&[("key", &key)]);
        assert_eq!(
            form.send().await.unwrap().status(),
            StatusCode::FORBIDDEN,
            "{origin}"
        );
    }
    link.set_query(Some("key=made-up"));
    assert_eq!(looked(&stranger, &link).await.0, StatusCode::FORBIDDEN);
    link.set_query(Some(&format!("key={key}")));
    house.stranger().enter(&link).await;
    house.end().await;
}

#[tokio::test]
async fn a_browser_that_is_in_is_told_and_goes_on() {
    let house = House::start().await;
    let alice = house.alice().await;
    alice.fine("/api/name", json!({ "name": "Alice" })).await;
    let link = house.link();
    let (status, cookie, page) = looked(&alice, &link).await;
    assert_eq!((status, cookie), (StatusCode::OK, None));
    assert!(
        page.contains("let in already") && page.contains("belongs to Alice"),
        "{page}"
    );
    assert!(page.contains("href=\"/\"") && !page.contains("<form"), "{page}");
    // Her own link once more, after it was used.
    house.stranger().enter(&link).await;
    let (status, _, page) = looked(&alice, &link).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        page.contains("used already") && page.contains("href=\"/\""),
        "{page}"
    );
    house.end().await;
}

#[tokio::test]
async fn a_browser_becomes_somebody_else_s_only_by_its_own_button() {
    let house = House::start().await;
    let alice = house.alice().await;
    let mut bob = house.guest(&alice).await;
    bob.fine("/api/name", json!({ "name": "Bob" })).await;
    let link = house.link();
    let key = link.query_pairs().next().unwrap().1.into_owned();
    // Whoever puts the link before Bob can't press for him, also from a page of our own origin without his token.
    for token in ["", alice.csrf.as_str()] {
        let form = bob
            .request(Method::POST, "/enter")
            .header("origin", bob.base.origin().ascii_serialization())
            .form(&[("key", key.as_str()), ("csrf", token)]);
        let (_, cookie, page) = read(form.send().await.unwrap()).await;
        assert!(cookie.is_none() && page.contains("belongs to Bob"), "{page}");
    }
    let (_, _, page) = looked(&bob, &link).await;
    assert!(
        page.contains("belongs to Bob") && page.contains("a browser of the administrator"),
        "{page}"
    );
    let before = bob.clone();
    let thread = bob.open("his").await;
    let answer = bob.press(&link).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    bob.keep_cookie(&answer);
    assert_eq!(bob.page(&format!("/t/{thread}")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(
        before.page("/").await.0,
        StatusCode::UNAUTHORIZED,
        "the old cookie is over"
    );
    house.end().await;
}

#[tokio::test]
async fn the_way_out_is_found_and_ends_what_is_open() {
    let house = House::start().await;
    let alice = house.alice().await;
    let mut other = house.stranger();
    other.enter(&house.link()).await;
    let bob = house.guest(&alice).await;
    let (_, page) = alice.page("/").await;
    assert!(page.contains("href=\"/enter\""), "{page}");
    let forms = |page: &str| -> Vec<String> {
        let forms = page.split("<form").skip(1);
        forms
            .map(|form| form.split("</form>").next().unwrap().to_owned())
            .collect()
    };

    let mut stream = alice.events("").await;
    stream.until("hello", |_| true).await;
    let (_, page) = alice.page("/enter").await;
    assert!(page.contains("who has 2"), "{page}");
    let [here, _] = forms(&page).try_into().unwrap();
    let forged = here.replace(&alice.csrf, &bob.csrf);
    assert_eq!(alice.send_form(&forged).await.status(), StatusCode::FORBIDDEN);
    let (status, cookie, page) = read(alice.send_form(&here).await).await;
    assert_eq!(status, StatusCode::OK);
    let cookie = cookie.unwrap();
    assert!(
        cookie.contains("Max-Age=0") && cookie.contains("Path=/"),
        "{cookie}"
    );
    assert!(page.contains("It is signed out"), "{page}");
    assert_eq!(alice.page("/").await.0, StatusCode::UNAUTHORIZED);
    while stream.next().await.is_some() {}
    assert_eq!(other.page("/").await.0, StatusCode::OK);

    let mut third = house.stranger();
    third.enter(&house.link()).await;
    let mut stream = third.events("").await;
    let [_, everywhere] = forms(&other.page("/enter").await.1).try_into().unwrap();
    let unused = house.link();
    other.send_form(&everywhere).await;
    while stream.next().await.is_some() {}
    for gone in [&other, &third] {
        assert_eq!(gone.page("/").await.0, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(looked(&house.stranger(), &unused).await.0, StatusCode::FORBIDDEN);
    assert_eq!(bob.page("/").await.0, StatusCode::OK);
    house.alice().await;
    house.end().await;
}

#[tokio::test]
async fn two_hosts_in_one_browser_do_not_sign_each_other_out() {
    let (one, other) = (House::start().await, House::start().await);
    // A browser sends the cookies of all ports of 127.0.0.1 to each of them.
    let (mut here, mut there) = (one.alice().await, other.alice().await);
    let jar = format!("{}; {}", here.cookie.unwrap(), there.cookie.unwrap());
    here.cookie = Some(jar.clone());
    there.cookie = Some(jar);
    assert_eq!(here.page("/").await.0, StatusCode::OK);
    assert_eq!(there.page("/").await.0, StatusCode::OK);
    let [out, _] = {
        let (_, page) = here.page("/enter").await;
        let forms: Vec<String> = page.split("<form").skip(1).map(str::to_owned).collect();
        <[String; 2]>::try_from(forms).unwrap()
    };
    let gone = here.send_form(out.split("</form>").next().unwrap()).await;
    let name = there
        .cookie
        .as_ref()
        .unwrap()
        .split("; ")
        .nth(1)
        .unwrap()
        .split('=')
        .next()
        .unwrap();
    assert!(!gone.headers()[SET_COOKIE].to_str().unwrap().starts_with(name));
    assert_eq!(here.page("/").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(there.page("/").await.0, StatusCode::OK);
    one.end().await;
    other.end().await;
}

#[tokio::test]
async fn over_https_no_other_host_can_plant_the_cookie() {
    let public = |config: &mut crate::web::Config| {
        config.public_url = Some("https://chat.example/".parse().unwrap());
    };
    let house = House::start_with(public, Vendors::builtin(None)).await;
    let link = house.link();
    assert!(link.as_str().starts_with("https://chat.example/enter?key="));
    let stranger = house.stranger();
    let here = stranger.base.join(&link[url::Position::BeforePath..]).unwrap();
    let answer = stranger.press(&here).await;
    let cookie = answer.headers()[SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("__Host-agent-host-session-"), "{cookie}");
    assert!(
        cookie.contains("; Secure") && cookie.contains("Path=/;") && !cookie.contains("Domain"),
        "{cookie}"
    );
    let mut planted = house.stranger();
    planted.cookie = Some(cookie.split(';').next().unwrap().replace("__Host-", ""));
    assert_eq!(planted.page("/").await.0, StatusCode::UNAUTHORIZED);
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

#[tokio::test]
async fn a_session_survives_a_restart_and_its_pages_go_on() {
    let house = House::start().await;
    let mut alice = house.alice().await;
    let old = house.link();
    let folder = house.end().await;
    let house = House::start_in(folder, |_| {}, Vendors::builtin(None)).await;
    alice.base = house.stranger().base;
    let answer = alice.fine("/api/name", json!({ "name": "Alice" })).await;
    assert_eq!(answer["name"], "Alice");
    let mut link = house.link();
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
    assert_eq!(page.headers()["referrer-policy"], "strict-origin");
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

const SECRET: &str = "a secret of thirty-two characters";

fn behind_a_proxy(config: &mut crate::web::Config) {
    config.allow = Access::Header {
        name: "x-user".into(),
        admins: vec!["root@example.org".into()],
    };
    config.proxy = Some(Proxy::new(None, SECRET.into()));
    config.public_url = Some("https://chat.example/".parse().unwrap());
}

#[tokio::test]
async fn a_proxy_s_header_counts_only_with_the_proxy_s_secret() {
    let house = House::start_with(behind_a_proxy, Vendors::builtin(None)).await;
    let page = async |headers: &[(&str, &str)]| {
        let mut request = house.stranger().get("/workers").header(ACCEPT, "text/html");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(request.send().await.unwrap()).await
    };
    let (alice, secret) = (("x-user", "alice@example.org"), ("x-proxy-secret", SECRET));
    assert_eq!(page(&[alice, secret]).await.0, StatusCode::OK);
    for headers in [
        &[alice][..],
        &[alice, ("x-proxy-secret", "")],
        &[alice, ("x-proxy-secret", "a secret of thirty-two characterz")],
        &[alice, secret, secret],
        &[alice, ("x-user", "root@example.org"), secret],
        &[("x-user", ""), secret],
        &[secret],
        &[],
    ] {
        let (status, cookie, page) = page(headers).await;
        assert_eq!((status, cookie), (StatusCode::UNAUTHORIZED, None), "{headers:?}");
        assert!(
            page.contains("https://chat.example/") && !page.contains("<form"),
            "{page}"
        );
    }
    house.end().await;
}

#[tokio::test]
async fn behind_a_proxy_there_are_administrators_and_neither_links_nor_cookies() {
    let folder = tempfile::tempdir().unwrap();
    let house = House::start_in(folder, |_| {}, Vendors::builtin(None)).await;
    let alice = house.alice().await;
    let folder = house.end().await;
    // Not https, so that the cookie keeps its name.
    let public = "http://chat.example/";
    let change = |config: &mut crate::web::Config| {
        behind_a_proxy(config);
        config.public_url = Some(public.parse().unwrap());
    };
    let house = House::start_in(folder, change, Vendors::builtin(None)).await;
    assert_eq!(house.server.links().new_link(), None);
    assert_eq!(house.server.links().base().as_str(), public);
    let mut was_in = house.stranger();
    was_in.cookie = alice.cookie.clone();
    assert_eq!(was_in.page("/").await.0, StatusCode::UNAUTHORIZED);

    for (user, status) in [
        ("root@example.org", StatusCode::OK),
        ("alice@example.org", StatusCode::FORBIDDEN),
    ] {
        let ask = |method: Method, path: &str| {
            let request = house.stranger().request(method, path);
            request.header("x-user", user).header("x-proxy-secret", SECRET)
        };
        let page = ask(Method::GET, "/")
            .header(ACCEPT, "text/html")
            .send()
            .await
            .unwrap();
        let page = page.text().await.unwrap();
        let token = super::house::between(&page, "name=\"csrf\" content=\"", "\"");
        let post = async |path: &str, body: serde_json::Value| {
            let request = ask(Method::POST, path).header("x-csrf-token", token);
            request.json(&body).send().await.unwrap().status()
        };
        let begin = json!({ "service": "openai", "scope": "host" });
        assert_eq!(post("/api/auth/begin", begin).await, status, "{user}");
        assert_eq!(post("/api/invite", json!({})).await, StatusCode::NOT_FOUND);
        assert_eq!(
            post("/leave", json!({})).await,
            StatusCode::UNSUPPORTED_MEDIA_TYPE
        );
    }
    house.end().await;
}

/// Types a password; gives the status, and how long the answer took.
async fn types(house: &House, password: &str, headers: &[(&str, &str)]) -> (StatusCode, Duration) {
    let stranger = house.stranger();
    let mut form = stranger
        .request(Method::POST, "/enter")
        .header("origin", stranger.base.origin().ascii_serialization())
        .form(&[("password", password)]);
    for (name, value) in headers {
        form = form.header(*name, *value);
    }
    let asked = Instant::now();
    (form.send().await.unwrap().status(), asked.elapsed())
}

const RIGHT: &str = "correct horse battery";

#[tokio::test]
async fn one_who_guesses_behind_an_unknown_proxy_locks_nobody_out() {
    let house = House::start_with(
        |config| config.allow = Access::Password(RIGHT.into()),
        Vendors::builtin(None),
    )
    .await;
    for guess in 0..8 {
        // Without a secret nobody is believed about where they are.
        let elsewhere = [("x-forwarded-for", "192.0.2.66"), ("x-proxy-secret", "")];
        let (status, _) = types(&house, &format!("guess {guess}"), &elsewhere).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
    // Everybody comes from the proxy's address: the next one waits for a turn, and is let in.
    let (status, took) = types(&house, RIGHT, &[]).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(took > Duration::from_secs(1), "{took:?}");
    // Many at once: some wait, the others are sent away without a comparison; a link works meanwhile.
    let guesses = futures_util::future::join_all((0..12).map(|_| types(&house, RIGHT, &[]))).await;
    let sent_away = guesses
        .iter()
        .filter(|(status, _)| *status == StatusCode::TOO_MANY_REQUESTS)
        .count();
    assert!((1..12).contains(&sent_away), "{guesses:?}");
    house.alice().await;
    house.end().await;
}

#[tokio::test]
async fn behind_a_proxy_that_proves_itself_wrong_passwords_count_for_their_client() {
    let house = House::start_with(
        |config| {
            config.allow = Access::Password(RIGHT.into());
            config.proxy = Some(Proxy::new(None, SECRET.into()));
        },
        Vendors::builtin(None),
    )
    .await;
    let from = |client| [("x-proxy-secret", SECRET), ("x-forwarded-for", client)];
    let guesses = (0..20).map(|_| async { types(&house, "a guess", &from("192.0.2.66")).await });
    // The first eight are answered; the others wait or are sent away.
    let mut answers: futures_util::stream::FuturesUnordered<_> = guesses.collect();
    for _ in 0..8 {
        use futures_util::StreamExt as _;
        answers.next().await.unwrap();
    }
    let (status, took) = types(&house, RIGHT, &from("192.0.2.1")).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(took < Duration::from_secs(1), "{took:?}");
    drop(answers);
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
