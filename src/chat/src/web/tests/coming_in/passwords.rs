//! Passwords, and a proxy that signs people in.

use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT, SET_COOKIE};
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::super::house::House;
use crate::web::{Access, Proxy};
use credentials::Vendors;

use super::read;

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
    let (_, page) = one.page("/enter").await;
    assert!(
        page.contains("the password lets it in again, as somebody new"),
        "{page}"
    );

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
        let token = super::super::house::between(&page, "name=\"csrf\" content=\"", "\"");
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
