//! Whose login pays, as the vendor counts it.

use std::collections::BTreeMap;

use rehearsal::Counter;
use reqwest::StatusCode;
use serde_json::json;
use support::{Ear, Host, MODEL_KEY, Person, Scene};

use super::agent;

/// `agent-host up` with that model, and these variables beside the vendor's address.
fn up(scene: &Scene, more: &str, environment: &[(&str, &str)]) -> Host {
    let vendor = ("AGENT_HOST_REHEARSAL_URL", scene.url().as_str());
    let config = agent(scene) + more;
    Host::configured(scene.folder(), &config, &[&[vendor], environment].concat())
}

/// Lets somebody ask the model once more. Gives back whom it counted, each with how often.
async fn after_another_question(scene: &Scene, asks: impl AsyncFnOnce()) -> BTreeMap<String, u64> {
    let before = scene.count(Counter::ModelReplies);
    asks().await;
    scene.wait(Counter::ModelReplies, before + 1).await;
    scene.control().model_callers()
}

fn callers<const N: usize>(all: [(&str, u64); N]) -> BTreeMap<String, u64> {
    all.map(|(name, count)| (name.to_owned(), count)).into()
}

async fn ask(person: &Person) {
    person.open("say: hello").await;
}

#[tokio::test]
async fn the_vendor_counts_whom_the_table_says_that_pays() {
    // The host has a login and a key: the key comes first, the own login before both.
    let scene = Scene::signed_in().await;
    let host = up(&scene, "", &[("HOST_KEY", MODEL_KEY)]);
    let alice = Person::enter(host.link()).await;
    let counted = after_another_question(&scene, async || ask(&alice).await).await;
    assert_eq!(counted, callers([("key", 1)]), "no own login, the host's key");
    alice.sign_in("rehearsal", "alice").await;
    let counted = after_another_question(&scene, async || ask(&alice).await).await;
    assert_eq!(counted, callers([("alice", 1), ("key", 1)]), "own login");
    host.stop();

    // Without the key, the host's login pays for whoever has none.
    let host = up(&scene, "", &[]);
    let alice = Person::enter(host.link()).await;
    let bob = Person::enter(&alice.invite().await).await;
    let counted = after_another_question(&scene, async || ask(&bob).await).await;
    assert_eq!(
        counted,
        callers([("alice", 1), ("key", 1), ("operator", 1)]),
        "no own login, no key, the host's login"
    );
    let counted = after_another_question(&scene, async || ask(&alice).await).await;
    assert_eq!(counted["alice"], 2, "own login: {counted:?}");
    host.stop();
}

#[tokio::test]
async fn in_somebody_elses_thread_the_owners_login_pays() {
    let scene = Scene::signed_in().await;
    let host = up(&scene, "", &[]);
    let alice = Person::enter(host.link()).await;
    let bob = Person::enter(&alice.invite().await).await;
    alice.sign_in("rehearsal", "alice").await;
    bob.sign_in("rehearsal", "bob").await;
    let mut thread = String::new();
    let counted = after_another_question(&scene, async || thread = alice.open("say: mine").await).await;
    assert_eq!(counted, callers([("alice", 1)]));
    // At the page nobody else speaks in it, with or without a login; nobody's was asked for.
    let message = json!({ "id": "b1", "text": "say: his", "files": [] });
    let (status, _) = bob.post(&format!("/api/t/{thread}/messages"), &message).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    // Whatever he tried, the next turn is hers to pay as well.
    let counted = after_another_question(&scene, async || {
        alice.say(&thread, "a2", "say: again").await;
    })
    .await;
    assert_eq!(counted, callers([("alice", 2)]));
    host.stop();
}

#[tokio::test]
async fn an_own_login_that_is_dead_is_told_and_nobody_elses_is_used() {
    let scene = Scene::start().await;
    let host = up(&scene, "", &[("HOST_KEY", MODEL_KEY)]);
    let alice = Person::enter(host.link()).await;
    let bob = Person::enter(&alice.invite().await).await;
    alice.sign_in("rehearsal", "alice").await;
    scene.control().revoke_families();
    scene.control().expire();
    // Both the host's login and its key are there and good.
    scene.sign_in(&scene.host()).await;
    let thread = alice.open("say: hello").await;
    let told = until_told(&mut alice.listen(&thread).await, "Sign-in needed").await;
    assert!(told.contains("rehearsal"), "{told}");
    let page = alice.page("/credentials").await;
    assert!(page.contains("data-act=\"sign-in\""), "{page}");
    let counted = after_another_question(&scene, async || ask(&bob).await).await;
    assert_eq!(
        counted,
        callers([("key", 1)]),
        "the host's key pays for others only"
    );
    // A new sign-in, and the turn that waits goes on by itself.
    let counted = after_another_question(&scene, async || alice.sign_in("rehearsal", "alice").await).await;
    assert_eq!(counted, callers([("alice", 1), ("key", 1)]));
    host.stop();
}

/// Waits until a page is told something. Gives back the event.
async fn until_told(ear: &mut Ear, words: &str) -> String {
    let heard = ear.until(|heard| heard.data.to_string().contains(words)).await;
    heard.data.to_string()
}
