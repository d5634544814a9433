//! The page of credentials: which logins there are, which one pays for which agent, and why.

use credentials::Vendors;
use serde_json::json;

use super::house::{Browser, House, between};

/// A vendor that takes keys, with one in the host's environment, if so asked.
async fn house(variable: Option<&str>) -> House {
    let mut vendors = Vendors::builtin(None);
    vendors.for_each_mut(|vendor| {
        if vendor.service.as_str() == "openai" {
            vendor.environment.key = variable.map(|_| "planted-key".to_owned().into());
            vendor.environment.key_name = Some("SOME_KEY".into());
        }
    });
    House::start_for("openai", tempfile::tempdir().unwrap(), |_| {}, vendors).await
}

async fn sign_in(browser: &Browser, service: &str, scope: &str) {
    let begin = json!({ "service": service, "scope": scope, "way": "api-key" });
    browser.fine("/api/auth/begin", begin).await;
    let key = json!({ "service": service, "pasted": "planted-own-key" });
    browser.fine("/api/auth/complete", key).await;
}

/// What the page says that pays for the one agent of ours, and why.
async fn pays(browser: &Browser) -> String {
    let (_, page) = browser.page("/credentials").await;
    let list = between(&page, "<ul class=\"pays\">", "</ul>");
    let ours = list.split("<li>").find(|line| line.contains("works with openai"));
    ours.unwrap_or_else(|| panic!("{list}")).to_owned()
}

async fn card(browser: &Browser, id: &str) -> String {
    let (_, page) = browser.page("/credentials").await;
    assert!(!page.contains("planted"), "no key comes into a page");
    between(&page, &format!("id=\"{id}\""), "</section>").to_owned()
}

#[tokio::test]
async fn a_person_sees_which_login_pays_and_why() {
    let house = house(Some("SOME_KEY")).await;
    let alice = house.alice().await;
    let bob = house.guest(&alice).await;

    for browser in [&alice, &bob] {
        let words = pays(browser).await;
        assert!(
            words.contains("The host’s API key (SOME_KEY)") && words.contains("no login of your own"),
            "{words}"
        );
        let card = card(browser, "login-environment-openai").await;
        assert!(
            card.contains("API key in SOME_KEY") && card.contains("works with openai"),
            "{card}"
        );
        assert!(
            !card.contains("<button"),
            "it is changed in the environment alone: {card}"
        );
    }

    // The host's login gives way to the key, a person's own comes before both.
    sign_in(&alice, "openai", "host").await;
    let host = card(&alice, "login-host-openai").await;
    assert!(host.contains("SOME_KEY) comes first"), "{host}");
    sign_in(&bob, "openai", "mine").await;
    let words = pays(&bob).await;
    assert!(
        words.contains("Your login") && words.contains("SOME_KEY) would pay"),
        "{words}"
    );
    let key = card(&bob, "login-environment-openai").await;
    assert!(key.contains("your own login comes first"), "{key}");
    let mine = card(&bob, "login-mine-openai").await;
    assert!(
        mine.contains("then pays for OpenAI") && mine.contains("works with openai"),
        "what a sign-out changes: {mine}"
    );
    let words = pays(&alice).await;
    assert!(words.contains("API key (SOME_KEY)"), "hers is as it was: {words}");
    house.end().await;
}

#[tokio::test]
async fn without_a_key_the_host_s_login_pays_and_without_any_it_says_so() {
    let house = house(None).await;
    let alice = house.alice().await;
    let words = pays(&alice).await;
    assert!(
        words.contains("Nobody yet") && words.contains("dot failed"),
        "{words}"
    );
    sign_in(&alice, "openai", "host").await;
    let words = pays(&alice).await;
    assert!(
        words.contains("The host’s login") && words.contains("dot ok"),
        "{words}"
    );
    house.end().await;
}

#[tokio::test]
async fn services_that_no_agent_works_with_are_no_logins_to_choose_from() {
    let house = house(None).await;
    let alice = house.alice().await;
    let (_, page) = alice.page("/credentials").await;
    for service in ["rehearsal", "codex", "anthropic"] {
        assert!(!page.contains(&format!("login-mine-{service}")), "{service}");
    }
    let answer = alice.fine("/api/command", json!({ "text": "/auth codex" })).await;
    let words = answer["words"].as_str().unwrap();
    assert!(
        words.contains("pay for nothing") && words.contains("openai"),
        "{words}"
    );
    let (_, answer) = alice.post("/api/command", json!({ "text": "/auth nope" })).await;
    let hint = answer["hint"].as_str().unwrap();
    assert!(hint.contains("openai"), "{answer}");
    // One that is there all the same is shown, and can be signed out of.
    sign_in(&alice, "anthropic", "host").await;
    let card = card(&alice, "login-host-anthropic").await;
    assert!(
        card.contains("no agent of this host") && card.contains("Sign out"),
        "{card}"
    );
    house.end().await;
}

#[tokio::test]
async fn a_key_is_stored_for_whom_its_form_was_or_not_at_all() {
    let house = house(None).await;
    let alice = house.alice().await;
    let begin = |scope: &str| json!({ "service": "openai", "scope": scope, "way": "api-key" });
    let key = |scope: &str| json!({ "service": "openai", "scope": scope, "pasted": "planted-own-key" });
    alice.fine("/api/auth/begin", begin("mine")).await;
    // In another window.
    alice.fine("/api/auth/begin", begin("host")).await;
    let (status, refused) = alice.post("/api/auth/complete", key("mine")).await;
    assert_eq!(status, 409);
    assert!(refused.to_string().contains("nothing was stored"), "{refused}");
    let done = alice.fine("/api/auth/complete", key("host")).await;
    assert!(
        done["html"]
            .as_str()
            .unwrap()
            .contains("for everyone on this host"),
        "{done}"
    );
}
