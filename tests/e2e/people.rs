//! Two people at one host: what belongs to one is closed to the other, and each pays with their own login.

use std::time::Duration;

use rehearsal::Counter;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use support::{Browser, Host, Person, Scene, client, own_port};

mod payers;

/// What the program prints to whoever may ask.
fn another_way_in(host: &Host) -> String {
    let mut command = support::agent_host(host.home());
    let output = command.args(["status"]).output().expect("the program runs");
    String::from_utf8(output.stdout).expect("it prints text")
}

/// The next link.
fn another_link(host: &Host) -> url::Url {
    let text = another_way_in(host);
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
    let request = ear.attribute("data-request").await;

    // Her link was for one browser.
    let again = client().get(host.link().clone()).send().await;
    let again = again.expect("the page answers");
    assert_eq!(again.status(), StatusCode::FORBIDDEN);
    assert!(again.headers().get("set-cookie").is_none());

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
    let client = client();
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

#[tokio::test]
async fn whoever_looks_ahead_leaves_the_link_to_the_person() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let host = Host::demo(home.path(), 0, &[]);
    // As previews in chat programs and scanners of mail do: GET, HEAD, again.
    for method in [Method::GET, Method::HEAD, Method::GET] {
        let looked = client().request(method, host.link().clone()).send().await;
        let looked = looked.expect("the page answers");
        assert_eq!(looked.status(), StatusCode::OK);
        assert!(looked.headers().get("set-cookie").is_none());
    }
    let person = Person::enter(host.link()).await;
    assert!(person.page("/").await.contains("id=\"text\""));
    host.stop();
}

#[tokio::test]
async fn a_browser_comes_in_by_a_button_and_goes_by_another() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let host = Host::demo(home.path(), 0, &[]);
    let browser = Browser::start().await;
    let open = async |address: &str| browser.driver.goto(address).await.expect("the page opens");
    open(host.link().as_str()).await;
    browser.heading("Let this browser in?").await;
    // A second look, as after a reload, is the same.
    browser.driver.refresh().await.expect("the page loads");
    browser.heading("Let this browser in?").await;
    let button = browser.find("#enter").await;
    button.click().await.expect("it can be pressed");
    browser.find("#text").await;
    let here = browser.driver.current_url().await.expect("it is somewhere");
    assert_eq!(
        here.as_str(),
        host.url("/").as_str(),
        "the key is not in the address"
    );
    // Back, and the link again: it is told that this browser is in, and goes on.
    browser.driver.back().await.expect("there is a page before");
    browser.heading("This browser is let in already").await;
    let on = browser.find("a.button").await;
    on.click().await.expect("it can be pressed");
    browser.find("#text").await;
    open(host.url("/enter").as_str()).await;
    browser.heading("This browser").await;
    let out = browser.find("form[action='/leave'] button").await;
    out.click().await.expect("it can be pressed");
    browser.heading("This browser is signed out").await;
    open(host.url("/").as_str()).await;
    browser.heading("This browser is not let in").await;
    browser.quit().await;
    host.stop();
}

const PROXY_SECRET: &str = "a secret of thirty-two characters";

const BEHIND_A_PROXY: &str = "[web]\nuser_header = \"X-Forwarded-User\"\nadmins = [\"root@example.org\"]\n\
     proxy_secret_env = \"PROXY_SECRET\"\npublic_url = \"https://agents.example/\"\n";

/// A command that says to be somebody, without the secret and with a guessed one; it prints the first line of each answer.
const FORGES: &str = r#"run: for more in 'X-Forwarded-For: 192.0.2.1' 'X-Proxy-Secret: guess'; do exec 3<>/dev/tcp/127.0.0.1/PORT; printf 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nX-Forwarded-User: root@example.org\r\n%s\r\n\r\n' "$more" >&3; head -1 <&3; done"#;

#[tokio::test]
async fn a_command_that_forges_the_proxys_header_stays_out() {
    let scene = Scene::signed_in().await;
    // A port of its own, which the printed address does not tell.
    let port = own_port();
    let host = {
        let vendor = ("AGENT_HOST_REHEARSAL_URL", scene.url().as_str());
        let config = agent(&scene) + BEHIND_A_PROXY;
        Host::configured_on(
            scene.folder(),
            port,
            &config,
            &[vendor, ("PROXY_SECRET", PROXY_SECRET)],
        )
    };
    assert_eq!(
        host.link().as_str(),
        "https://agents.example/",
        "the proxy signs people in"
    );
    let status = another_way_in(&host);
    assert!(
        status.contains("open https://agents.example/ (the proxy there signs people in)"),
        "{status}"
    );

    let base = format!("http://127.0.0.1:{port}");
    let proxied = async |method: Method, path: &str, user: &str| {
        let request = client().request(method, format!("{base}{path}"));
        request
            .header("accept", "text/html")
            .header("x-forwarded-user", user)
            .header("x-proxy-secret", PROXY_SECRET)
    };
    let page = proxied(Method::GET, "/", "alice")
        .await
        .send()
        .await
        .expect("the page answers");
    assert_eq!(page.status(), StatusCode::OK, "the same from the proxy is right");
    let html = page.text().await.expect("a page is text");
    let token = html
        .split("name=\"csrf\" content=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let token = token.expect("there is a token");
    let text = FORGES.replace("PORT", &port.to_string());
    let opened = proxied(Method::POST, "/api/threads", "alice")
        .await
        .header("x-csrf-token", token)
        .json(&json!({ "text": text, "files": [] }))
        .send()
        .await
        .expect("the page answers");
    assert!(opened.status().is_success(), "{}", opened.status());
    scene.wait(Counter::ModelReplies, 2).await;
    let items = conversation(&scene).await;
    assert_eq!(items.matches("HTTP/1.1 401").count(), 2, "{items}");
    assert!(!items.contains("HTTP/1.1 200"), "{items}");
    host.stop();
}

/// Everything that was said in all threads, as it is kept.
async fn conversation(scene: &Scene) -> String {
    use conversation::{Conversation, ThreadFilter};
    let conversation = Conversation::open_without_recovery(scene.folder()).expect("it can be looked at");
    let threads = conversation
        .threads(ThreadFilter::default())
        .await
        .expect("it can be read");
    let mut all = Vec::new();
    for summary in threads {
        let items = conversation.items(&summary.thread.id, None, usize::MAX).await;
        all.extend(items.expect("it can be read"));
    }
    format!("{all:?}")
}

#[tokio::test]
async fn a_secret_that_every_cage_would_show_is_refused() {
    let Ok(shown) = tempfile::tempdir_in("/opt") else {
        eprintln!("skipped: /opt can't be written here");
        return;
    };
    let secret = shown.path().join("password");
    std::fs::write(&secret, "long enough for this\n").expect("it can be written");
    let state = tempfile::tempdir().expect("a folder can be made");
    let config = format!("[web]\npassword_file = \"{}\"\n", secret.display());
    std::fs::write(state.path().join("config.toml"), config).expect("it can be written");
    let ran = support::agent_host(state.path())
        .args(["up", "--listen", "127.0.0.1:0"])
        .output()
        .expect("it runs");
    let words = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(1), "{words}");
    assert!(
        words.contains("could read") && words.contains("password"),
        "{words}"
    );
}

/// The scene's model, which the scene's logins pay for, or the host's key where it is in the environment.
fn agent(scene: &Scene) -> String {
    format!(
        "[agents.native]\ntenant = \"rehearsal\"\nbase_url = \"{}v1\"\nmodel = \"rehearsal\"\npermissions = \"allow\"\n\
         [vendors.rehearsal]\nkey_env = \"HOST_KEY\"\n",
        scene.url()
    )
}
