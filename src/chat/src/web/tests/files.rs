//! Files in and out.

use std::time::Duration;

use credentials::Vendors;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::house::{Browser, House};

#[tokio::test]
async fn files_go_into_the_workspace_under_harmless_names() {
    let house = House::start().await;
    let alice = house.alice().await;
    let (status, files) = alice
        .upload(&[("../../etc/passwd", b"mine"), ("a b.png", b"picture")])
        .await;
    assert_eq!(status, StatusCode::OK, "{files}");
    assert_eq!(
        (&files[0]["name"], &files[0]["size"]),
        (&json!("passwd"), &json!(4))
    );
    assert_eq!(
        (&files[1]["name"], &files[1]["mime"]),
        (&json!("a_b.png"), &json!("image/png"))
    );
    let ids = [&files[0]["id"], &files[1]["id"]];
    let bob = house.guest(&alice).await;
    let (status, _) = bob
        .post("/api/threads", json!({ "text": "x", "files": ids }))
        .await;
    assert_eq!(status, StatusCode::GONE, "they are hers");
    let opened = alice
        .fine(
            "/api/threads",
            json!({ "id": "m1", "text": "look", "files": ids }),
        )
        .await;
    let thread = opened["thread"].as_str().unwrap();
    let workspace = house
        .supervisor
        .workspace(&thread.parse().unwrap())
        .await
        .unwrap();
    assert_eq!(
        std::fs::read_to_string(workspace.join("uploads/passwd")).unwrap(),
        "mine"
    );
    assert_eq!(std::fs::read_dir(workspace.join("uploads")).unwrap().count(), 2);
    let again = alice
        .fine(
            "/api/threads",
            json!({ "id": "m1", "text": "look", "files": ids }),
        )
        .await;
    assert_eq!(
        (&again["turn"], &again["happened"]),
        (&opened["turn"], &json!("known"))
    );
    assert_eq!(std::fs::read_dir(workspace.join("uploads")).unwrap().count(), 2);
    let page = alice.page(opened["url"].as_str().unwrap()).await.1;
    assert!(page.contains("files/uploads/a_b.png"), "{page}");
    house.end().await;
}

#[tokio::test]
async fn thirty_megabytes_are_refused_with_the_limit() {
    let house = House::start().await;
    let alice = house.alice().await;
    let (status, answer) = alice.upload(&[("log.txt", &vec![b'x'; 30 * 1024 * 1024])]).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer["error"].as_str().unwrap().contains("25 MiB"), "{answer}");
    let kept = std::fs::read_dir(house.folder.path().join("state/uploads"))
        .unwrap()
        .count();
    assert_eq!(kept, 0, "nothing of it is kept");
    house.end().await;
}

#[tokio::test]
async fn unsent_files_of_one_person_are_bounded() {
    let house = House::start_with(|config| config.upload_limit = 1000, Vendors::builtin(None)).await;
    let alice = house.alice().await;
    let kept = || {
        std::fs::read_dir(house.folder.path().join("state/uploads"))
            .unwrap()
            .count()
    };
    for _ in 0..9 {
        assert_eq!(alice.upload(&[("a", &[b'x'; 1000])]).await.0, StatusCode::OK);
    }
    assert_eq!(kept(), 8 * 2, "content and note of eight; the oldest is gone");
    let (status, answer) = alice.upload(&vec![("a", &[b'x'; 1000][..]); 9]).await;
    assert_eq!(
        status,
        StatusCode::PAYLOAD_TOO_LARGE,
        "they push out each other: {answer}"
    );
    assert_eq!(kept(), 0);
    let bob = house.guest(&alice).await;
    assert_eq!(bob.upload(&[("a", b"x")]).await.0, StatusCode::OK);
    let many = vec![("a", &b"x"[..]); 21];
    assert_eq!(bob.upload(&many).await.0, StatusCode::BAD_REQUEST);
    house.end().await;
}

#[tokio::test]
async fn a_file_that_is_taken_out_is_forgotten_by_its_owner_alone() {
    let house = House::start().await;
    let alice = house.alice().await;
    let bob = house.guest(&alice).await;
    let (_, files) = alice.upload(&[("a.txt", b"mine")]).await;
    let id = &files[0]["id"];
    let kept = house
        .folder
        .path()
        .join(format!("state/uploads/{}.data", id.as_str().unwrap()));
    bob.fine("/api/uploads/forget", json!({ "id": id })).await;
    assert!(kept.exists());
    alice.fine("/api/uploads/forget", json!({ "id": id })).await;
    assert!(!kept.exists());
    let (status, _) = alice
        .post("/api/threads", json!({ "text": "x", "files": [id] }))
        .await;
    assert_eq!(status, StatusCode::GONE);
    house.end().await;
}

#[tokio::test]
async fn what_an_agent_wrote_is_shown_or_downloaded_and_never_run() {
    let house = House::start().await;
    let alice = house.alice().await;
    let thread = alice.open("hello").await;
    let workspace = house
        .supervisor
        .workspace(&format!("web:{thread}").parse().unwrap())
        .await
        .unwrap();
    std::fs::create_dir(workspace.join("out")).unwrap();
    let large = vec![7; 300_000];
    for (name, content) in [
        ("out/a.png", &large[..]),
        ("evil.html", b"<script>alert(1)</script>"),
        ("evil.svg", b"<svg onload='alert(1)'/>"),
        ("evil.js", b"alert(1)"),
        ("q\"ü.txt", b"text"),
    ] {
        std::fs::write(workspace.join(name), content).unwrap();
    }
    std::os::unix::fs::symlink(house.folder.path().join("state"), workspace.join("link")).unwrap();
    let get = |path: &str| alice.get(&format!("/t/{thread}/files/{path}")).send();
    let image = get("out/a.png").await.unwrap();
    assert_eq!(image.headers()["content-type"], "image/png");
    assert!(
        image.headers()["content-disposition"]
            .to_str()
            .unwrap()
            .starts_with("inline")
    );
    assert_eq!(image.headers()["content-length"], "300000");
    assert_eq!(image.bytes().await.unwrap(), large);
    for (path, name) in [
        ("evil.html", "evil.html"),
        ("evil.svg", "evil.svg"),
        ("evil.js", "evil.js"),
        ("q%22%C3%BC.txt", "q%22%C3%BC.txt"),
    ] {
        let file = get(path).await.unwrap();
        assert_eq!(file.status(), StatusCode::OK, "{path}");
        let header = |name: &str| file.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(
            header("content-disposition"),
            format!("attachment; filename*=UTF-8''{name}")
        );
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(
            header("content-security-policy"),
            "default-src 'none'; sandbox; frame-ancestors 'none'"
        );
    }
    for path in [
        "link/auth.json",
        "%2e%2e/state/auth.json",
        "..%2f..%2fstate%2fauth.json",
        "out",
        "nothing",
        "%00",
        "/etc/passwd",
        "out//a.png/",
    ] {
        let status = get(path).await.unwrap().status();
        assert!(
            status == StatusCode::NOT_FOUND || status == StatusCode::BAD_REQUEST,
            "{path} {status}"
        );
    }
    house.end().await;
}

#[tokio::test]
async fn a_picture_of_gigabytes_is_a_download_and_drawn_in_no_page() {
    let house = House::start().await;
    let alice = house.alice().await;
    let thread = alice.open("hello").await;
    let workspace = house
        .supervisor
        .workspace(&format!("web:{thread}").parse().unwrap())
        .await
        .unwrap();
    let size = 8 << 30;
    std::fs::File::create(workspace.join("huge.png"))
        .unwrap()
        .set_len(size)
        .unwrap();
    let get = || alice.get(&format!("/t/{thread}/files/huge.png"));
    let opened = get().header("sec-fetch-dest", "document").send().await.unwrap();
    assert_eq!(opened.status(), StatusCode::OK);
    assert_eq!(opened.headers()["content-length"], size.to_string());
    let shown = opened.headers()["content-disposition"].to_str().unwrap();
    assert!(shown.starts_with("attachment"), "{shown}");
    let drawn = get().header("sec-fetch-dest", "image").send().await.unwrap();
    assert_eq!(drawn.status(), StatusCode::PAYLOAD_TOO_LARGE);
    drop(opened);
    house.end().await;
}

/// All files that threads were sent.
fn placed(house: &House) -> Vec<std::path::PathBuf> {
    let inside = |folder: std::path::PathBuf| {
        let found = std::fs::read_dir(folder).into_iter().flatten().flatten();
        found.map(|entry| entry.path())
    };
    inside(house.folder.path().join("workspaces"))
        .flat_map(|workspace| inside(workspace.join("uploads")))
        .collect()
}

#[tokio::test]
async fn a_message_with_files_that_broke_off_is_taken_when_it_is_sent_again() {
    const FILES: usize = 20;
    let house = House::start().await;
    let alice = house.alice().await;
    let content = vec![b'x'; 100_000];
    let (_, files) = alice.upload(&vec![("a.txt", &content[..]); FILES]).await;
    let ids: Vec<&Value> = files.as_array().unwrap().iter().map(|file| &file["id"]).collect();
    let message = json!({ "id": "m1", "text": "look", "files": ids });
    let first = tokio::spawn(alice.posting("/api/threads").json(&message).send());
    while placed(&house).is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    first.abort();
    let again = alice.fine("/api/threads", message).await;
    assert_eq!(
        again["happened"],
        json!("known"),
        "the first one was done to its end"
    );
    assert_eq!(placed(&house).len(), FILES, "each is there once");
    house.end().await;
}

/// The beginning of an upload: two files, the second of which goes on.
async fn half_an_upload(house: &House, alice: &Browser) -> TcpStream {
    let body = "--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"whole\"\r\n\r\nwhole\r\n\
         --edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"half\"\r\n\r\nha";
    let (origin, cookie) = (
        alice.base.origin().ascii_serialization(),
        alice.cookie.clone().unwrap(),
    );
    let head = format!(
        "POST /api/uploads?thread=new HTTP/1.1\r\nhost: {}\r\norigin: {origin}\r\ncookie: {cookie}\r\nx-csrf-token: {}\r\n\
         content-type: multipart/form-data; boundary=edge\r\ncontent-length: 1000000\r\n\r\n{body}",
        house.server.address(),
        alice.csrf,
    );
    let mut stream = TcpStream::connect(house.server.address()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing_behind() {
    let house = House::start().await;
    let alice = house.alice().await;
    let folder = house.folder.path().join("state/uploads");
    let becomes = async |count: usize| {
        let becomes = async {
            while std::fs::read_dir(&folder).unwrap().count() != count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(20), becomes).await;
        found.unwrap_or_else(|_| panic!("never {count} files"));
    };
    let stream = half_an_upload(&house, &alice).await;
    // Content and note of the first, content of the second.
    becomes(3).await;
    drop(stream);
    becomes(0).await;
    // The same where the host cuts it off, which has to make room for other connections of hers.
    let mut stream = half_an_upload(&house, &alice).await;
    becomes(3).await;
    let mut others = vec![];
    for _ in 0..600 {
        let client = TcpStream::connect(house.server.address()).await.unwrap();
        let cookie = alice.cookie.as_ref().unwrap();
        let mut client = client;
        let asked = format!("GET /assets/app.js HTTP/1.1\r\nhost: 127.0.0.1\r\ncookie: {cookie}\r\n\r\n");
        client.write_all(asked.as_bytes()).await.unwrap();
        client.read_u8().await.unwrap();
        others.push(client);
    }
    drop(stream.read_to_end(&mut vec![]).await);
    becomes(0).await;
    house.end().await;
}

#[tokio::test]
async fn thousands_of_files_at_a_time_are_refused_and_cost_little() {
    let house = House::start().await;
    let alice = house.alice().await;
    let began = std::time::Instant::now();
    let (status, answer) = alice.upload(&vec![("a", &b"x"[..]); 10_000]).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
    assert!(answer["error"].as_str().unwrap().contains("20 files"), "{answer}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(
        std::fs::read_dir(house.folder.path().join("state/uploads"))
            .unwrap()
            .count(),
        0
    );
    house.end().await;
}

#[tokio::test]
async fn a_file_whose_name_can_not_be_read_is_refused_in_words_that_say_so() {
    let house = House::start().await;
    let alice = house.alice().await;
    for name in [&b"a\xff.txt"[..], b"red\x1b[31m.txt"] {
        let before = b"--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"";
        let body = [&before[..], name, b"\"\r\n\r\nhi\r\n--edge--\r\n"].concat();
        let posting = alice
            .posting("/api/uploads?thread=new")
            .header("content-type", "multipart/form-data; boundary=edge");
        let answer = posting.body(body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        let told: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert!(
            told["error"].as_str().unwrap().starts_with("a file's name"),
            "{told}"
        );
    }
    house.end().await;
}
