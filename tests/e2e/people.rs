//! Two people at one host: what belongs to one is closed to the other, and each pays with their own login.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use support::{Host, Person};

/// The next link, as the program prints it to whoever may ask.
fn another_link(host: &Host) -> url::Url {
    let mut command = support::agent_host(&host.home().join("demo"));
    let output = command.args(["status"]).output().expect("the program runs");
    let text = String::from_utf8(output.stdout).expect("it prints text");
    let line = text
        .lines()
        .find(|line| line.starts_with("open "))
        .unwrap_or_else(|| panic!("no link in {text}"));
    let address = line.split_whitespace().nth(1).expect("there is a link");
    url::Url::parse(address).expect("a link is an address")
}

#[tokio::test]
async fn bob_gets_nowhere_with_what_is_alices() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let host = Host::demo(home.path(), 0, &[]);
    let alice = Person::enter(host.link()).await;
    let bob = Person::enter(&alice.invite().await).await;

    let thread = alice.open("run: echo hers").await;
    let mut ear = alice.listen(&thread).await;
    ear.until(|heard| heard.data.to_string().contains("Sign-in needed"))
        .await;
    alice.sign_in("rehearsal", "alice").await;
    let asked = ear
        .until(|heard| heard.data.to_string().contains("data-request"))
        .await;
    let html = asked.data.to_string();
    let request = html
        .split("data-request=\\\"")
        .nth(1)
        .and_then(|rest| rest.split('\\').next());
    let request = request
        .unwrap_or_else(|| panic!("no request in {html}"))
        .to_owned();

    // Her link was for one browser.
    let again = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("a client is made")
        .get(host.link().clone())
        .send()
        .await
        .expect("the page answers");
    assert!(again.headers().get("set-cookie").is_none(), "{}", again.status());

    // Her page, her stream, her files, her buttons.
    for path in [
        format!("/t/{thread}"),
        format!("/events?thread={thread}"),
        format!("/t/{thread}/files/x"),
    ] {
        let answer = bob
            .request(Method::GET, &path)
            .send()
            .await
            .expect("the page answers");
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
    for (path, body) in [
        ("decide", json!({ "request": request, "answer": "once" })),
        ("messages", json!({ "id": "b1", "text": "mine", "files": [] })),
        ("stop", json!({})),
        ("reset", json!({})),
        ("settings", json!({ "title": "mine" })),
    ] {
        let (status, answer) = bob.post(&format!("/api/t/{thread}/{path}"), &body).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}: {answer}");
    }
    // Her button in a thread of his own.
    let own = bob.open("hello").await;
    let (status, _) = bob
        .post(
            &format!("/api/t/{own}/decide"),
            &json!({ "request": request, "answer": "once" }),
        )
        .await;
    assert!(status.is_client_error(), "{status}");

    // It still waits for her.
    let (status, answer) = alice
        .post(
            &format!("/api/t/{thread}/decide"),
            &json!({ "request": request, "answer": "once" }),
        )
        .await;
    assert!(status.is_success(), "{status}: {answer}");
    ear.until(|heard| heard.data.to_string().contains("Allowed once"))
        .await;
}

#[tokio::test]
async fn two_people_sign_in_at_once_and_neither_completes_the_others() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let host = Host::demo(home.path(), 0, &[]);
    let alice = Person::enter(host.link()).await;
    let bob = Person::enter(&alice.invite().await).await;
    let begin = async |person: &Person| {
        let (status, begun) = person
            .post("/api/auth/begin", &json!({ "service": "rehearsal" }))
            .await;
        assert!(status.is_success(), "{status}: {begun}");
        begun["url"].as_str().expect("there is a link").to_owned()
    };
    let (hers, his) = (begin(&alice).await, begin(&bob).await);
    assert_ne!(hers, his);
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("a client is made");
    let her_code = support::consent(&client, &hers, "alice").await;
    let his_code = support::consent(&client, &his, "bob").await;
    let complete = async |person: &Person, pasted: &str| {
        person
            .post(
                "/api/auth/complete",
                &json!({ "service": "rehearsal", "pasted": pasted }),
            )
            .await
    };
    let (status, words) = complete(&bob, &her_code).await;
    assert!(
        status.is_client_error(),
        "bob completed what alice began: {words}"
    );
    let (status, words) = complete(&alice, "rubbish").await;
    assert!(status.is_client_error(), "{words}");
    let (status, words) = complete(&alice, &her_code).await;
    assert!(status.is_success(), "{status}: {words}");
    let (status, words) = complete(&bob, &his_code).await;
    assert!(status.is_success(), "{status}: {words}");

    // Each works on their own login, at the same time.
    for (person, name) in [(&alice, "alice"), (&bob, "bob")] {
        let thread = person.open("hello").await;
        let mut ear = person.listen(&thread).await;
        ear.until(|heard| heard.data.to_string().contains("rehearsal"))
            .await;
        let page = person.page("/credentials").await;
        assert!(page.contains(name), "{name} is not in {page}");
    }
    let tenants = tenants(&home.path().join("demo"));
    assert_eq!(tenants.len(), 2, "{tenants:?}");
}

/// Owners of stored logins.
fn tenants(state: &std::path::Path) -> Vec<String> {
    let output = support::agent_host(state)
        .args(["auth", "list", "--json"])
        .output()
        .expect("the program runs");
    let list: Value = serde_json::from_slice(&output.stdout).expect("it prints JSON");
    let list = list["tenants"]
        .as_array()
        .unwrap_or_else(|| panic!("no list in {list}"))
        .iter();
    list.map(|tenant| tenant["owner"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test]
async fn the_program_prints_links_only_to_who_may_open_its_socket() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().expect("a folder can be made");
    let host = Host::demo(home.path(), 0, &[]);
    let socket = home.path().join("demo/control.sock");
    let mode = std::fs::metadata(&socket)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let person = Person::enter(&another_link(&host)).await;
    let thread = person.open("stream 5 words").await;
    assert!(!thread.is_empty());
    tokio::time::timeout(Duration::from_secs(20), person.page("/workers"))
        .await
        .expect("the page answers");
}
