//! Who gets in, and what a request needs.

use reqwest::header::{ACCEPT, SET_COOKIE};
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::house::{Browser, House, between};
use crate::web::{Server, StartError};
use credentials::Vendors;

mod passwords;

mod fences;

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
async fn a_browser_whose_answer_was_lost_comes_in_by_the_same_link_and_leaves_nobody_behind() {
    let house = House::start().await;
    let link = house.link();
    for _ in 0..2 {
        let lost = house.stranger().press(&link).await;
        assert_eq!(lost.status(), StatusCode::SEE_OTHER);
    }
    let mut alice = house.stranger();
    alice.enter(&link).await;
    let (_, page) = alice.page("/enter").await;
    assert!(page.contains("who has no other one"), "{page}");
    // It has arrived: the link is nobody else's any more.
    let (status, cookie, page) = looked(&house.stranger(), &link).await;
    assert_eq!((status, cookie), (StatusCode::FORBIDDEN, None));
    assert!(page.contains("used already"), "{page}");
    house.end().await;
}

#[tokio::test]
async fn a_button_that_is_pressed_twice_lets_its_own_browser_in_and_nobody_else() {
    let house = House::start().await;
    let link = house.link();
    let (mut alice, bob) = (house.stranger(), house.stranger());
    let form_of = async |browser: &Browser| {
        let page = looked(browser, &link).await.2;
        between(&page, "<form", "</form>").to_owned()
    };
    let (form, bobs) = (form_of(&alice).await, form_of(&bob).await);
    // The browser forgot the first answers, or came with what one of them gave it.
    let (one, two) = tokio::join!(alice.send_form(&form), alice.send_form(&form));
    alice.keep_cookie(&one);
    let three = alice.send_form(&form).await;
    let mut cookies = vec![];
    for answer in [one, two, three] {
        let (status, cookie, page) = read(answer).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
        cookies.push(cookie.expect("it is let in"));
    }
    assert!(
        cookies[0] == cookies[1] && cookies[1] == cookies[2],
        "{cookies:?}"
    );
    alice.read_token().await;
    let (_, page) = alice.page("/enter").await;
    assert!(
        page.contains("who has no other one"),
        "one browser came in: {page}"
    );
    // Bob looked at the same link in time, and presses too late.
    let late = [
        bobs.clone(),
        form.replace(between(&form, "name=\"page\" value=\"", "\""), "made up"),
    ];
    for form in late {
        let (status, cookie, _) = read(bob.send_form(&form).await).await;
        assert_eq!((status, cookie), (StatusCode::FORBIDDEN, None));
    }
    // Who has gone does not come back by the same button.
    let out = alice.send_form(between(&page, "<form", "</form>")).await;
    assert_eq!(out.headers()["clear-site-data"], "\"storage\"");
    // Over plain http a browser does not heed that.
    let left = out.text().await.unwrap();
    assert!(left.contains("<script src=\"/assets/left.js"), "{left}");
    let (status, cookie, _) = read(house.stranger().send_form(&form).await).await;
    assert_eq!((status, cookie), (StatusCode::FORBIDDEN, None));
    house.end().await;
}

#[tokio::test]
async fn what_no_text_can_name_is_not_there_in_the_words_of_this_house() {
    let house = House::start().await;
    let alice = house.alice().await;
    let thread = alice.open("here").await;
    let file = format!("/t/{thread}/files/%ff.txt");
    for path in [
        "/t/%ff",
        "/t/%FF%fe/files/a",
        "/assets/%ff",
        &file,
        "/%c3%28",
        "/t/%e2%82%ac",
    ] {
        let (status, page) = alice.page(path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}: {page}");
        assert!(page.contains("<h1>Not found</h1>"), "{path}: {page}");
    }
    let answer = alice.get("/api/t/%ff/older?before=1").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    let answer: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(answer["error"], "there is no such page");
    assert_eq!(alice.page(&format!("/t/{thread}")).await.0, StatusCode::OK);
    house.end().await;
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
    assert!(page.contains("This browser is signed out"), "{page}");
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
