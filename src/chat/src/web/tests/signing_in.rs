//! Signing in from the page, against a strict vendor.

use std::time::Duration;

use credentials::{Begun, Owner, Service, Tenant, UserId, Vendors};
use rehearsal::{Counter, Decision, Fault, FaultRule, Server as Vendor, Target};
use reqwest::StatusCode;
use reqwest::header::ACCEPT;
use serde_json::{Value, json};
use url::Url;

use super::house::{Browser, House, between};

async fn town() -> (Vendor, House) {
    let vendor = Vendor::start(rehearsal::Config::default()).await.unwrap();
    let house = House::start_with(|_| {}, Vendors::builtin(Some(vendor.url()))).await;
    (vendor, house)
}

/// What a person does on the vendor's page; gives the address that the browser is sent to.
fn consent(vendor: &Vendor, link: &str, decision: Decision) -> Url {
    vendor.control().authorize(link, "somebody", decision).unwrap()
}

async fn begin(browser: &Browser, more: Value) -> Value {
    let mut body = json!({ "service": "rehearsal" });
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    browser.fine("/api/auth/begin", body).await
}

async fn link(browser: &Browser) -> String {
    begin(browser, json!({})).await["url"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Opens an address as a browser does that another site sent here.
async fn come_back(browser: &Browser, address: &Url) -> (StatusCode, String) {
    let request = browser
        .get(address.as_str())
        .header(ACCEPT, "text/html")
        .header("sec-fetch-site", "cross-site")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-dest", "document");
    let answer = request.send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

fn is_in(house: &House, owner: Owner) -> bool {
    let tenant = Tenant {
        service: Service::parse("rehearsal").unwrap(),
        owner,
    };
    house.credentials.store().entry(&tenant).unwrap().is_some()
}

/// All owners that are signed in.
fn owners(house: &House) -> Vec<UserId> {
    let all = house.credentials.store().tenants().unwrap();
    all.iter()
        .filter_map(|one| UserId::parse(&one.owner).ok())
        .collect()
}

#[tokio::test]
async fn the_browser_comes_back_by_itself_and_is_sent_to_its_thread() {
    let (vendor, house) = town().await;
    let alice = house.alice().await;
    let thread = alice.open("hello").await;
    let begun = begin(&alice, json!({ "thread": thread })).await;
    let back = consent(&vendor, begun["url"].as_str().unwrap(), Decision::Approve);
    assert_eq!(back.origin(), alice.base.origin());
    let head = alice
        .client
        .head(back.clone())
        .header("cookie", alice.cookie.as_ref().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(
        head.status(),
        StatusCode::METHOD_NOT_ALLOWED,
        "looking completes nothing"
    );
    let (status, page) = come_back(&alice, &back).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    assert!(
        page.contains("Signed in to") && page.contains(&format!("href=\"/t/{thread}\"")),
        "{page}"
    );
    assert_eq!(owners(&house).len(), 1);
    // Loaded again: it is done, and leads to the same thread.
    let (status, page) = come_back(&alice, &back).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    assert!(
        page.contains("was done already") && page.contains(&format!("href=\"/t/{thread}\"")),
        "{page}"
    );
    let pasted = json!({ "service": "rehearsal", "pasted": back.as_str() });
    let (status, answer) = alice.post("/api/auth/complete", pasted).await;
    assert!(
        status == StatusCode::OK && answer["html"].as_str().unwrap().contains("was done already"),
        "{answer}"
    );
    // After a sign-out that would be untrue.
    alice
        .fine("/api/auth/logout", json!({ "service": "rehearsal" }))
        .await;
    let (status, page) = come_back(&alice, &back).await;
    assert!(
        status == StatusCode::BAD_REQUEST && !page.contains("was done already"),
        "{page}"
    );
    house.end().await;
    vendor.shutdown().await;
}

/// Longer than anything takes that is certain to come.
const CERTAIN: Duration = Duration::from_secs(30);

/// A browser that comes back, and goes while the vendor has its code and does not answer before it is released.
async fn come_and_go(vendor: &Vendor, browser: &Browser, back: &Url) {
    let control = vendor.control();
    let rule = FaultRule {
        target: Target::Code,
        times: Some(1),
        fault: Fault::Hold,
    };
    control.add_fault(rule).unwrap();
    let comes = tokio::spawn({
        let (browser, back) = (browser.clone(), back.clone());
        async move { come_back(&browser, &back).await }
    });
    control.wait(Counter::AnswersHeld, 1, CERTAIN).await.unwrap();
    comes.abort();
    assert!(comes.await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn a_sign_in_whose_browser_breaks_off_is_done_all_the_same_and_loaded_again_it_says_so() {
    let (vendor, house) = town().await;
    let alice = house.alice().await;
    let back = consent(&vendor, &link(&alice).await, Decision::Approve);
    come_and_go(&vendor, &alice, &back).await;
    // It waits for what the first one does, also where nobody waits for that any more.
    let mut again = Box::pin(come_back(&alice, &back));
    let early = tokio::time::timeout(Duration::from_millis(500), &mut again).await;
    assert!(early.is_err(), "{early:?}");
    vendor.control().release();
    let (status, page) = again.await;
    assert!(
        status == StatusCode::OK && page.contains("was done already"),
        "{page}"
    );
    assert_eq!(owners(&house).len(), 1);
    house.end().await;
    vendor.shutdown().await;
}

#[tokio::test]
async fn what_is_half_way_when_the_server_ends_is_done_first() {
    let (vendor, house) = town().await;
    let alice = house.alice().await;
    let back = consent(&vendor, &link(&alice).await, Decision::Approve);
    come_and_go(&vendor, &alice, &back).await;
    let (control, credentials) = (vendor.control(), house.credentials.clone());
    let ((), _folder) = tokio::join!(
        async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            control.release();
        },
        house.end(),
    );
    assert_eq!(credentials.store().tenants().unwrap().len(), 1, "it is stored");
    vendor.shutdown().await;
}

#[tokio::test]
async fn bob_replays_alice_s_link_and_gets_nothing() {
    let (vendor, house) = town().await;
    let alice = house.alice().await;
    let bob = house.guest(&alice).await;
    let back = consent(&vendor, &link(&alice).await, Decision::Approve);
    let (status, page) = come_back(&bob, &back).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{page}");
    // Also while he has one of his own under way.
    let his = link(&bob).await;
    assert!(come_back(&bob, &back).await.1.contains("somebody else began"));
    let (status, answer) = bob
        .post(
            "/api/auth/complete",
            json!({ "service": "rehearsal", "pasted": back.as_str() }),
        )
        .await;
    assert!(
        status == StatusCode::BAD_REQUEST
            && answer["error"].as_str().unwrap().contains("somebody else began"),
        "{answer}"
    );
    // Somebody else's answer, without the state that gives it away.
    let mut bare = back.clone();
    let code = back
        .query_pairs()
        .find(|(name, _)| name == "code")
        .unwrap()
        .1
        .into_owned();
    bare.query_pairs_mut().clear().append_pair("code", &code);
    assert!(
        come_back(&bob, &bare)
            .await
            .1
            .contains("answers no sign-in that was begun here")
    );
    assert_eq!(
        vendor.control().counts().get(Counter::TokenRequests),
        0,
        "nothing of it went to the vendor"
    );
    assert!(owners(&house).is_empty(), "nobody is in");

    // Both can sign in at once.
    assert_eq!(come_back(&alice, &back).await.0, StatusCode::OK);
    let back = consent(&vendor, &his, Decision::Approve);
    assert_eq!(come_back(&bob, &back).await.0, StatusCode::OK);
    let both = owners(&house);
    assert!(both.len() == 2 && both[0] != both[1], "{both:?}");
    assert!(!is_in(&house, Owner::Host));
    house.end().await;
    vendor.shutdown().await;
}

#[tokio::test]
async fn what_is_pasted_is_told_apart() {
    let (vendor, house) = town().await;
    let alice = house.alice().await;
    let paste = |text: &str| {
        alice.post(
            "/api/auth/complete",
            json!({ "service": "rehearsal", "pasted": text }),
        )
    };
    let (status, answer) = paste("abc").await;
    assert!(
        status == StatusCode::CONFLICT && answer["error"].as_str().unwrap().contains("sign-in of yours to"),
        "{answer}"
    );
    let first = link(&alice).await;
    let old = consent(&vendor, &first, Decision::Approve);
    let newest = link(&alice).await;
    for (text, words) in [
        ("I clicked on it", "neither a code nor an address"),
        (newest.as_str(), "the link to open"),
        (old.as_str(), "answer to an older link"),
        ("made-up#state", "another sign-in"),
        ("rh-code-made-up", "refused the code"),
        ("", "nothing was pasted"),
    ] {
        let (status, answer) = paste(text).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
        assert!(
            answer["error"].as_str().unwrap().contains(words),
            "{text}: {answer}"
        );
        assert!(answer["hint"].is_string(), "{answer}");
    }
    let back = consent(&vendor, &link(&alice).await, Decision::Approve);
    let (status, done) = paste(back.as_str()).await;
    assert!(status == StatusCode::OK && done["done"] == json!(true), "{done}");
    assert!(done["html"].as_str().unwrap().contains("Signed in to"));
    house.end().await;
    vendor.shutdown().await;
}

#[tokio::test]
async fn a_no_at_the_vendor_is_told_as_a_no_and_leads_back_to_the_thread() {
    let (vendor, house) = town().await;
    let alice = house.alice().await;
    let thread = alice.open("hello").await;
    let begun = begin(&alice, json!({ "thread": thread })).await;
    let back = consent(&vendor, begun["url"].as_str().unwrap(), Decision::Deny);
    // A no to another sign-in, or to none, says nothing about this one.
    let mut other = back.clone();
    other
        .query_pairs_mut()
        .clear()
        .append_pair("error", "access_denied")
        .append_pair("state", "made-up");
    let (status, page) = come_back(&alice, &other).await;
    assert!(
        status == StatusCode::BAD_REQUEST && !page.contains("You said no"),
        "{page}"
    );
    let (status, page) = come_back(&alice, &back).await;
    assert!(
        status == StatusCode::OK
            && page.contains("<h1>You said no</h1>")
            && page.contains(&format!("href=\"/t/{thread}\"")),
        "{page}"
    );
    house.end().await;
    vendor.shutdown().await;
}

#[tokio::test]
async fn an_answer_that_is_late_or_from_a_vendor_in_trouble_says_so() {
    let (vendor, house) = town().await;
    let alice = house.alice().await;
    // The vendor's own error is told as the vendor's.
    let link_url = Url::parse(&link(&alice).await).unwrap();
    let state = link_url.query_pairs().find(|(name, _)| name == "state");
    let state = state.unwrap().1.into_owned();
    let address = |query: &[(&str, &str)]| {
        let mut url = alice.base.join("callback").unwrap();
        url.query_pairs_mut().extend_pairs(query);
        url
    };
    let trouble = address(&[("error", "temporarily_unavailable"), ("state", &state)]);
    let (status, page) = come_back(&alice, &trouble).await;
    assert!(
        status == StatusCode::BAD_REQUEST && page.contains("temporarily_unavailable"),
        "{page}"
    );
    // A code that the vendor does not know.
    let made_up = address(&[("code", "rh-code-made-up"), ("state", &state)]);
    let (_, page) = come_back(&alice, &made_up).await;
    assert!(page.contains("refused the code"), "{page}");
    // Nobody answers at the vendor's: the same address can be tried again.
    let back = consent(&vendor, link_url.as_str(), Decision::Approve);
    vendor.shutdown().await;
    let (status, page) = come_back(&alice, &back).await;
    assert!(
        status == StatusCode::BAD_GATEWAY
            && page.contains("Not signed in yet")
            && page.contains("could not be asked")
            && page.contains(">Try again</a>"),
        "{page}"
    );
    // More than a quarter of an hour.
    house.server.web().links.grow_older(credentials::LINK_LIFE);
    let (_, page) = come_back(&alice, &back).await;
    assert!(page.contains("over its 15 minutes"), "{page}");
    house.end().await;
}

#[tokio::test]
async fn only_the_administrator_signs_in_for_the_host() {
    let (vendor, house) = town().await;
    let alice = house.alice().await;
    let bob = house.guest(&alice).await;
    for path in ["/api/auth/begin", "/api/auth/logout"] {
        let (status, _) = bob
            .post(path, json!({ "service": "rehearsal", "scope": "host" }))
            .await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{path}");
    }
    let begun = begin(&alice, json!({ "scope": "host" })).await;
    let back = consent(&vendor, begun["url"].as_str().unwrap(), Decision::Approve);
    assert_eq!(come_back(&alice, &back).await.0, StatusCode::OK);
    assert!(is_in(&house, Owner::Host));
    let (_, page) = bob.page("/credentials").await;
    assert!(
        page.contains("login-host-rehearsal") && !page.contains("data-scope=\"host\""),
        "seen, not changed"
    );
    let out = alice
        .fine(
            "/api/auth/logout",
            json!({ "service": "rehearsal", "scope": "host" }),
        )
        .await;
    assert!(
        out["words"].as_str().unwrap().contains("the vendor has ended"),
        "{out}"
    );
    assert!(!is_in(&house, Owner::Host));
    house.end().await;
    vendor.shutdown().await;
}

#[tokio::test]
async fn no_page_holds_a_token_and_nobody_sees_another_s_login() {
    let (vendor, house) = town().await;
    let alice = house.alice().await;
    let bob = house.guest(&alice).await;
    let back = consent(&vendor, &link(&alice).await, Decision::Approve);
    assert_eq!(come_back(&alice, &back).await.0, StatusCode::OK);
    let file = std::fs::read_to_string(house.folder.path().join("state/auth.json")).unwrap();
    let stored: Value = serde_json::from_str(&file).unwrap();
    let secrets: Vec<String> = strings(&stored)
        .into_iter()
        .filter(|text| text.starts_with("rh-"))
        .collect();
    assert!(secrets.len() >= 2, "{secrets:?}");
    let mut shown = String::new();
    for browser in [&alice, &bob] {
        for path in ["/", "/credentials", "/api/credentials", "/workers"] {
            shown += &browser.page(path).await.1;
        }
    }
    assert!(shown.contains("signed in"));
    assert!(secrets.iter().all(|secret| !shown.contains(secret)));
    let (hers, his) = (
        alice.page("/credentials").await.1,
        bob.page("/credentials").await.1,
    );
    let card = |page: &str| between(page, "id=\"login-mine-rehearsal\"", "</section>").to_owned();
    assert!(card(&hers).contains(">signed in<") && card(&his).contains(">not signed in<"));
    house.end().await;
    vendor.shutdown().await;
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(all) => all.iter().flat_map(strings).collect(),
        Value::Object(all) => all.values().flat_map(strings).collect(),
        _ => vec![],
    }
}

#[tokio::test]
async fn a_code_is_waited_for_by_the_host() {
    let (vendor, house) = town().await;
    let alice = house.alice().await;
    let begun = begin(&alice, json!({ "way": "device" })).await;
    let code = begun["code"].as_str().unwrap().to_owned();
    assert!(begun["html"].as_str().unwrap().contains(&code));
    let ask = || alice.fine("/api/auth/complete", json!({ "service": "rehearsal" }));
    assert_eq!(ask().await["done"], json!(false));
    vendor
        .control()
        .decide_device(&code, "somebody", Decision::Approve)
        .unwrap();
    let mut done = ask().await;
    while done["done"] == json!(false) {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        done = ask().await;
    }
    assert!(done["html"].as_str().unwrap().contains("Signed in to"), "{done}");
    assert_eq!(owners(&house).len(), 1);
    house.end().await;
    vendor.shutdown().await;
}

#[tokio::test]
async fn a_code_that_nobody_types_in_time_is_told_where_it_waits_and_on_the_page_of_credentials() {
    let (vendor, house) = town().await;
    let alice = house.alice().await;
    let rule = FaultRule {
        target: Target::DeviceAuthorization,
        times: Some(1),
        fault: Fault::Set {
            field: "expires_in".to_owned(),
            value: json!(1),
        },
    };
    vendor.control().add_fault(rule).unwrap();
    begin(&alice, json!({ "way": "device" })).await;
    let told = loop {
        let asks = json!({ "service": "rehearsal" });
        let (status, answer) = alice.post("/api/auth/complete", asks).await;
        if status != StatusCode::OK {
            break answer.to_string();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let over = "was not finished in time, so nothing was stored";
    assert!(told.contains(over) && told.contains("begin again"), "{told}");
    let told = async || alice.page("/credentials").await.1.contains(over);
    assert!(told().await, "whoever looks later is told, too");
    begin(&alice, json!({ "way": "device" })).await;
    assert!(!told().await, "there is a new one");
    house.end().await;
    vendor.shutdown().await;
}

/// Somebody who has just begun a sign-in for everyone, and is no administrator any more.
async fn once_admin(house: &House, browser: &Browser, way: &str) -> Begun {
    let cookie = browser.cookie.as_ref().unwrap().split_once('=').unwrap().1;
    let person = house.server.web().people.by_cookie(cookie).unwrap();
    assert!(!person.admin);
    let tenant = Tenant::host(Service::parse("rehearsal").unwrap());
    let redirect = browser.base.join("callback").unwrap();
    let begun = house
        .credentials
        .begin(&tenant, &person.user, Some(way), Some(&redirect));
    begun.await.unwrap().0
}

#[tokio::test]
async fn who_is_no_administrator_any_more_ends_no_sign_in_for_the_host() {
    let (vendor, house) = town().await;
    let alice = house.alice().await;
    let bob = house.guest(&alice).await;
    let Begun::Link { url, .. } = once_admin(&house, &bob, "pkce").await else {
        panic!("a link");
    };
    let back = consent(&vendor, url.as_str(), Decision::Approve);
    let (status, page) = come_back(&bob, &back).await;
    assert!(
        status == StatusCode::CONFLICT && page.contains("nothing was stored"),
        "{page}"
    );
    let pasted = json!({ "service": "rehearsal", "pasted": back.as_str() });
    let (status, answer) = bob.post("/api/auth/complete", pasted).await;
    assert!(
        status == StatusCode::CONFLICT && answer["error"].as_str().unwrap().contains("nothing was stored"),
        "{answer}"
    );
    assert!(!is_in(&house, Owner::Host));
    house.end().await;
    vendor.shutdown().await;
}

#[tokio::test]
async fn what_a_code_brings_for_the_host_is_not_stored_when_its_beginner_is_no_administrator_any_more() {
    let (vendor, house) = town().await;
    let alice = house.alice().await;
    let bob = house.guest(&alice).await;
    let Begun::Device { user_code, .. } = once_admin(&house, &bob, "device").await else {
        panic!("a code");
    };
    house.server.web().wait_for_begun_devices().await;
    let control = vendor.control();
    control
        .decide_device(&user_code, "somebody", Decision::Approve)
        .unwrap();
    let (status, told) = loop {
        let asks = json!({ "service": "rehearsal" });
        let (status, answer) = bob.post("/api/auth/complete", asks).await;
        if status != StatusCode::OK || answer["done"] == json!(true) {
            break (status, answer.to_string());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(
        status == StatusCode::FORBIDDEN && told.contains("you are none any more"),
        "{told}"
    );
    assert!(!is_in(&house, Owner::Host));
    house.end().await;
    vendor.shutdown().await;
}
