//! Whose login pays, and what a refused one leads to; with a real store.

use super::*;

/// An answer that refuses the token and repeats it, as some servers do.
fn refused(token: &str) -> Answer {
    let body = json!({ "error": { "message": format!("wrong key {token}"), "code": "invalid_api_key" } });
    Answer::status(401, &[], body.to_string())
}

async fn paid(account: Account, answers: Vec<Answer>) -> (Told, Vec<String>) {
    let server = Server::start(answers).await;
    let profile = Profile {
        account: Some(account),
        ..profile(Provider::OpenaiChat, &server.url)
    };
    let told = call(&model(&profile)).await;
    (told, server.tokens())
}

fn login_required(told: &Told) -> (&str, &str) {
    match &told.result {
        Err(ProviderError::LoginRequired { owner, reason, .. }) => (owner, reason),
        _ => panic!("no login required: {}", told.words()),
    }
}

#[tokio::test]
async fn the_owners_own_login_comes_before_the_hosts_and_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut account = account(&folder);
    account.host_key = Some(secret("ACME_KEY", "host-key"));
    let both = [("local:alice", login("own")), ("host", login("hosts"))];
    store(&account.store, 1, &both);
    assert_eq!(paid(account.clone(), vec![hello()]).await.1, ["own"]);
    store(&account.store, 2, &both[1..]);
    assert_eq!(paid(account.clone(), vec![hello()]).await.1, ["host-key"]);
    account.host_key = None;
    assert_eq!(paid(account, vec![hello()]).await.1, ["hosts"]);
}

#[tokio::test]
async fn a_refused_token_goes_back_to_the_store_and_its_replacement_is_used() {
    for (first, second) in [(login("one"), login("two")), (key("one"), key("two"))] {
        let folder = tempfile::tempdir().unwrap();
        let account = account(&folder);
        store(&account.store, 1, &[("local:alice", first)]);
        let path = account.store.clone();
        // Another program signs in anew while the request is on its way.
        let replaced = refused("one").after(move || store(&path, 2, &[("local:alice", second)]));
        let (told, tokens) = paid(account, vec![replaced, hello()]).await;
        assert!(said_hello(&told), "{}", told.words());
        assert_eq!(tokens, ["one", "two"]);
        assert!(told.waits.is_empty());
    }
}

#[tokio::test]
async fn a_second_refusal_asks_for_a_login() {
    let folder = tempfile::tempdir().unwrap();
    let account = account(&folder);
    store(&account.store, 1, &[("host", login("one"))]);
    let path = account.store.clone();
    let replaced = refused("one").after(move || store(&path, 2, &[("host", login("two"))]));
    let (told, tokens) = paid(account, vec![replaced, refused("two"), hello()]).await;
    assert_eq!(tokens, ["one", "two"]);
    let (owner, reason) = login_required(&told);
    assert_eq!(owner, "host");
    assert_eq!(
        reason,
        "Acme refused the host's login (401), and so its replacement"
    );
}

#[tokio::test]
async fn a_refused_token_without_a_replacement_asks_for_a_login() {
    for (entry, words) in [
        (login("planted"), "no refresh token"),
        (key("planted"), "refused the stored API key"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let account = account(&folder);
        store(&account.store, 7, &[("local:alice", entry)]);
        let (told, tokens) = paid(account, vec![refused("planted"), hello()]).await;
        assert_eq!(tokens.len(), 1);
        assert!(
            matches!(
                told.result,
                Err(ProviderError::LoginRequired { useless: Some(7), .. })
            ),
            "it says which one"
        );
        let (owner, reason) = login_required(&told);
        assert_eq!(owner, "local:alice");
        assert!(reason.contains(words), "{reason}");
    }
}

#[tokio::test]
async fn a_refused_key_of_the_host_says_where_it_came_from() {
    let folder = tempfile::tempdir().unwrap();
    let key = Account {
        host_key: Some(secret("ACME_KEY", "planted")),
        ..account(&folder)
    };
    let token = Account {
        host_token: Some(secret("ACME_TOKEN", "planted")),
        ..account(&folder)
    };
    for (account, words) in [
        (key, "the API key in ACME_KEY (401)"),
        (token, "the token in ACME_TOKEN (401)"),
    ] {
        let (told, tokens) = paid(account, vec![refused("planted"), hello()]).await;
        assert_eq!(tokens.len(), 1);
        assert!(matches!(told.result, Err(ProviderError::WrongKey(_))));
        assert!(
            told.words().contains(words) && !told.words().contains("planted"),
            "{}",
            told.words()
        );
    }
}

#[tokio::test]
async fn only_the_vendors_own_codes_make_a_403_a_refused_token() {
    let folder = tempfile::tempdir().unwrap();
    let account = Account {
        host_key: Some(secret("ACME_KEY", "k")),
        ..account(&folder)
    };
    let forbidden = |code: &str| Answer::status(403, &[], json!({ "error": { "code": code } }).to_string());
    let (told, _) = paid(account.clone(), vec![forbidden("token_expired")]).await;
    assert!(matches!(told.result, Err(ProviderError::WrongKey(_))));
    let (told, _) = paid(account, vec![forbidden("plan")]).await;
    assert_eq!(
        told.words(),
        "the provider does not allow this request (403): plan"
    );
}

#[tokio::test]
async fn nobody_signed_in_asks_the_threads_owner_and_no_server() {
    let folder = tempfile::tempdir().unwrap();
    let (told, tokens) = paid(account(&folder), vec![hello()]).await;
    assert!(tokens.is_empty());
    assert_eq!(login_required(&told), ("local:alice", "nobody has signed in"));
}

#[tokio::test]
async fn a_dead_or_unreadable_own_login_never_falls_back_to_somebody_elses_money() {
    let mut over = login("own");
    over["expires_at_ms"] = json!(2);
    for own in [over, json!({ "type": "something new" })] {
        let folder = tempfile::tempdir().unwrap();
        let account = Account {
            host_key: Some(secret("ACME_KEY", "host-key")),
            ..account(&folder)
        };
        store(
            &account.store,
            1,
            &[("local:alice", own), ("host", login("hosts"))],
        );
        let (told, tokens) = paid(account, vec![hello()]).await;
        assert!(tokens.is_empty());
        assert_eq!(login_required(&told).0, "local:alice");
    }
}

#[tokio::test]
async fn a_broken_store_is_no_lack_of_a_login() {
    let folder = tempfile::tempdir().unwrap();
    let account = account(&folder);
    std::fs::write(&account.store, "{planted").unwrap();
    let (told, tokens) = paid(account, vec![hello()]).await;
    assert!(tokens.is_empty());
    assert!(
        matches!(told.result, Err(ProviderError::Unavailable(_))),
        "{}",
        told.words()
    );
    assert!(
        told.words().contains("doctor") && !told.words().contains("planted"),
        "{}",
        told.words()
    );
    // Whoever reads the thread learns nothing of the host's folders.
    let path = folder.path().to_str().unwrap();
    assert!(!told.words().contains(path), "{}", told.words());
}

#[tokio::test]
async fn a_server_that_repeats_the_token_does_not_get_it_shown() {
    let folder = tempfile::tempdir().unwrap();
    let account = Account {
        host_key: Some(secret("ACME_KEY", "planted")),
        ..account(&folder)
    };
    let body = r#"{"error":{"message":"you sent Bearer planted"}}"#;
    for answer in [
        Answer::status(400, &[], body),
        Answer::stream(
            format!("data: {body}\n\n").replace("\"message\"", "\"code\":\"invalid_request\",\"message\""),
        ),
    ] {
        let (told, _) = paid(account.clone(), vec![answer]).await;
        assert!(told.words().contains("you sent Bearer […]"), "{}", told.words());
    }
}

#[test]
fn a_credential_is_never_sent_to_another_machine_over_plain_http() {
    let folder = tempfile::tempdir().unwrap();
    let with = |url: &str, account: Option<Account>| {
        let profile = Profile {
            account,
            ..profile(Provider::OpenaiChat, &Url::parse(url).unwrap())
        };
        Model::with_refresher(&profile, Refresher::InProcess)
            .err()
            .map(|error| error.to_string())
    };
    let plain = with("http://10.0.0.7:11434/v1", Some(account(&folder))).unwrap();
    assert!(
        plain.starts_with("no credential is sent to 10.0.0.7:11434 over plain http"),
        "{plain}"
    );
    assert_eq!(with("http://10.0.0.7:11434/v1", None), None);
    assert_eq!(with("https://models.example/v1", Some(account(&folder))), None);
    assert_eq!(with("http://127.0.0.1:1/v1", Some(account(&folder))), None);
    assert!(
        with("file:///etc", None)
            .unwrap()
            .contains("must be https or http")
    );
}
