//! Threads over HTTP: opened, spoken in, decided in, by their owner and by nobody else.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::house::{House, between};

/// Everything that names a thread, with a body that would do something.
fn doors(thread: &str) -> Vec<(Method, String, Value)> {
    let api = |what: &str| format!("/api/t/{thread}/{what}");
    vec![
        (Method::GET, format!("/t/{thread}"), Value::Null),
        (Method::GET, format!("/t/{thread}/files/notes.txt"), Value::Null),
        (Method::GET, format!("/events?thread={thread}"), Value::Null),
        (Method::GET, format!("/events?thread=web:{thread}"), Value::Null),
        (Method::GET, api("older?before=99999"), Value::Null),
        (
            Method::POST,
            api("messages"),
            json!({ "id": "m1", "text": "hello" }),
        ),
        (Method::POST, api("stop"), json!({})),
        (Method::POST, api("retry"), json!({ "turn": 1 })),
        (Method::POST, api("drop"), json!({ "turn": 1 })),
        (
            Method::POST,
            api("decide"),
            json!({ "request": "r", "answer": "once" }),
        ),
        (Method::POST, api("settings"), json!({ "title": "taken" })),
        (Method::POST, api("reset"), json!({})),
        (Method::POST, api("command"), json!({ "text": "/status" })),
        (
            Method::POST,
            "/api/auth/begin".into(),
            json!({ "service": "rehearsal", "thread": thread }),
        ),
        (Method::POST, format!("/api/uploads?thread={thread}"), Value::Null),
    ]
}

#[tokio::test]
async fn a_thread_that_is_not_yours_is_a_thread_that_is_not_there() {
    let house = House::start().await;
    let alice = house.alice().await;
    let bob = house.guest(&alice).await;
    let hers = alice.open("hello").await;
    std::fs::write(
        house
            .supervisor
            .workspace(&format!("web:{hers}").parse().unwrap())
            .await
            .unwrap()
            .join("notes.txt"),
        "x",
    )
    .unwrap();
    for ((method, path, body), (_, nowhere, _)) in doors(&hers).into_iter().zip(doors("0123456789abcdef0123"))
    {
        let ask = |browser: &super::house::Browser, path: &str| {
            let mut request = browser
                .request(method.clone(), path)
                .header("x-csrf-token", &browser.csrf);
            if path.starts_with("/api/uploads") {
                let form =
                    "--e\r\ncontent-disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\nx\r\n--e--\r\n";
                request = request
                    .header("content-type", "multipart/form-data; boundary=e")
                    .body(form);
            } else if method == Method::POST {
                request = request.json(&body);
            }
            async {
                let answer = request.send().await.unwrap();
                (answer.status(), answer.text().await.unwrap())
            }
        };
        let told = ask(&bob, &path).await;
        assert_eq!(told.0, StatusCode::NOT_FOUND, "{method} {path}: {}", told.1);
        assert_eq!(
            told,
            ask(&bob, &nowhere).await,
            "not even whether it is there: {method} {path}"
        );
    }
    assert!(!bob.page("/").await.1.contains(&hers));
    assert!(alice.page("/").await.1.contains(&hers));
    house.end().await;
}

#[tokio::test]
async fn nobody_presses_somebody_else_s_buttons() {
    let house = House::start().await;
    let alice = house.alice().await;
    let bob = house.guest(&alice).await;
    let (hers, his) = (alice.open("please ask me").await, bob.open("hello").await);
    let mut events = alice.events(&format!("thread={hers}")).await;
    let request = loop {
        let event = events.next().await.unwrap();
        let html = event.data.to_string();
        if html.contains("data-request") {
            break between(&html, "data-request=\\\"", "\\\"").to_owned();
        }
    };
    let answer = json!({ "request": request, "answer": "once" });
    let (status, _) = bob.post(&format!("/api/t/{hers}/decide"), answer.clone()).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = bob.post(&format!("/api/t/{his}/decide"), answer.clone()).await;
    assert!(status.is_client_error(), "her button in his own thread: {status}");
    alice.fine(&format!("/api/t/{hers}/decide"), answer.clone()).await;
    events.until("phase", |phase| phase["busy"] == json!(false)).await;
    assert!(alice.page(&format!("/t/{hers}")).await.1.contains("allowed once"));
    let (status, late) = alice.post(&format!("/api/t/{hers}/decide"), answer).await;
    assert_eq!(status, StatusCode::CONFLICT, "{late}");
    house.end().await;
}

#[tokio::test]
async fn a_message_that_is_sent_again_counts_once() {
    let house = House::start().await;
    let alice = house.alice().await;
    let first = json!({ "id": "m-1", "text": "hello" });
    let opened = alice.fine("/api/threads", first.clone()).await;
    let again = alice.fine("/api/threads", first).await;
    assert_eq!(
        (&opened["thread"], &opened["turn"]),
        (&again["thread"], &again["turn"])
    );
    assert_eq!(again["happened"], "known");
    assert_eq!(
        opened["url"],
        format!(
            "/t/{}",
            opened["thread"].as_str().unwrap().strip_prefix("web:").unwrap()
        )
    );

    let path = format!("/api{}/messages", opened["url"].as_str().unwrap());
    let next = json!({ "id": "m-2", "text": "more" });
    let (one, two) = (
        alice.fine(&path, next.clone()).await,
        alice.fine(&path, next).await,
    );
    assert_eq!(one["turn"], two["turn"]);
    assert_ne!(one["turn"], opened["turn"]);

    let bob = house.guest(&alice).await;
    let his = bob
        .fine("/api/threads", json!({ "id": "m-1", "text": "hello" }))
        .await;
    assert_ne!(
        his["thread"], opened["thread"],
        "the id is the page's, and pages are people's"
    );
    house.end().await;
}

#[tokio::test]
async fn a_running_turn_is_queued_behind_stopped_and_interrupted() {
    let house = House::start().await;
    let alice = house.alice().await;
    let thread = alice.open("hang on").await;
    let mut events = alice.events(&format!("thread={thread}")).await;
    events.until("snapshot", |_| true).await;
    let api = |what: &str| format!("/api/t/{thread}/{what}");
    let queued = alice
        .fine(&api("messages"), json!({ "id": "m2", "text": "hang too" }))
        .await;
    assert_eq!(
        (&queued["happened"], &queued["ahead"]),
        (&json!("queued"), &json!(1))
    );
    events
        .until("queue", |queue| {
            queue["html"].as_str().unwrap().contains("hang too")
        })
        .await;
    alice.fine(&api("drop"), json!({ "turn": queued["turn"] })).await;
    events.until("queue", |queue| queue["html"] == "").await;
    let third = alice
        .fine(
            &api("messages"),
            json!({ "id": "m3", "text": "hang again", "mode": "interrupt" }),
        )
        .await;
    assert_eq!(third["happened"], "interrupted");
    events
        .until("phase", |phase| phase["turn"] == third["turn"])
        .await;
    let stopped = alice.fine(&api("stop"), json!({})).await;
    assert_eq!(stopped["stopped"], json!(true));
    events.until("phase", |phase| phase["busy"] == json!(false)).await;
    assert_eq!(alice.fine(&api("stop"), json!({})).await["stopped"], json!(false));
    let again = alice.fine(&api("retry"), json!({ "turn": third["turn"] })).await;
    assert_ne!(again["turn"], third["turn"]);
    house.end().await;
}

#[tokio::test]
async fn settings_change_the_thread() {
    let house = House::start().await;
    let alice = house.alice().await;
    let thread = alice.open("hello there").await;
    let api = |what: &str| format!("/api/t/{thread}/{what}");
    let mut events = alice.events(&format!("thread={thread}")).await;
    events
        .until("snapshot", |now| now["thread"]["title"] == "hello there")
        .await;
    alice
        .fine(
            &api("settings"),
            json!({ "title": " A name ", "model": "m-1", "dispatch": "steer" }),
        )
        .await;
    let changed = events
        .until("thread", |thread| thread["model"] == "m-1")
        .await
        .data;
    assert_eq!(
        (&changed["title"], &changed["dispatch"]),
        (&json!("A name"), &json!("steer"))
    );
    alice.fine(&api("settings"), json!({ "model": "" })).await;
    events.until("thread", |thread| thread["model"].is_null()).await;
    let (status, refused) = alice.post(&api("settings"), json!({ "mode": "plan" })).await;
    assert!(
        status == StatusCode::BAD_REQUEST && refused.to_string().contains("chooses its mode itself"),
        "{refused}"
    );
    for body in [
        json!({ "agent": "nobody" }),
        json!({ "title": "a\nb" }),
        json!({ "dispatch": "sideways" }),
    ] {
        let (status, answer) = alice.post(&api("settings"), body.clone()).await;
        assert!(
            status.is_client_error() && answer["error"].is_string(),
            "{body} {status} {answer}"
        );
    }
    house.end().await;
}

#[tokio::test]
async fn commands_change_the_thread() {
    let house = House::start().await;
    let alice = house.alice().await;
    let thread = alice.open("hello there").await;
    let path = format!("/api/t/{thread}/command");
    let mut events = alice.events(&format!("thread={thread}")).await;
    events.until("snapshot", |_| true).await;
    let command = |text: &str| alice.fine(&path, json!({ "text": text }));
    assert!(
        command("/model").await["words"]
            .as_str()
            .unwrap()
            .contains("own model")
    );
    command("/model big").await;
    events.until("thread", |thread| thread["model"] == "big").await;
    assert!(
        command("/agent").await["words"]
            .as_str()
            .unwrap()
            .contains("other")
    );
    command("/agent other").await;
    events.until("thread", |thread| thread["agent"] == "other").await;
    let again = command("/agent other").await["words"].to_string();
    assert!(
        again.contains("already") && !again.contains("new session"),
        "{again}"
    );
    command("/model default").await;
    // Ours has none unless it is told one.
    command("/agent native").await;
    let words = command("/model").await["words"].as_str().unwrap().to_owned();
    assert!(words.starts_with("No model is chosen"), "{words}");
    let words = command("/model default").await["words"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(words.starts_with("No model is chosen"), "{words}");
    let words = command("/status").await["words"].as_str().unwrap().to_owned();
    assert!(
        words.contains("Model: none") && words.contains("/model and a name"),
        "{words}"
    );
    command("/agent other").await;
    assert_eq!(command("/auth").await["open"], "/credentials");
    assert_eq!(command("/new").await["open"], "/");
    assert!(
        command("/status").await["words"]
            .as_str()
            .unwrap()
            .contains("(other). Model")
    );
    assert!(
        command("/help").await["words"]
            .as_str()
            .unwrap()
            .contains("/reset")
    );
    assert!(
        command("/stopp").await["words"]
            .as_str()
            .unwrap()
            .contains("Did you mean /stop")
    );
    command("/reset").await;
    for (path, body) in [
        (path.as_str(), json!({ "text": "/agent nobody" })),
        (path.as_str(), json!({ "text": "/auth nobody" })),
        ("/api/threads", json!({ "text": "x", "agent": "nobody" })),
    ] {
        let (status, answer) = alice.post(path, body).await;
        assert!(
            status.is_client_error() && answer["error"].is_string(),
            "{path} {status} {answer}"
        );
    }
    assert!(alice.fine("/api/command", json!({ "text": "/help" })).await["words"].is_string());
    house.end().await;
}

#[tokio::test]
async fn a_name_that_no_agent_has_is_answered_with_those_that_there_are() {
    let house = House::start().await;
    let alice = house.alice().await;
    let thread = alice.open("hello there").await;
    let path = format!("/api/t/{thread}/command");
    let (_, answer) = alice.post(&path, json!({ "text": "/agent nobody" })).await;
    let hint = answer["hint"].as_str().unwrap_or_default();
    assert!(hint.starts_with("there are: "), "{answer}");
    house.end().await;
}

#[tokio::test]
async fn bad_messages_are_refused_in_words() {
    let house = House::start().await;
    let alice = house.alice().await;
    let thread = alice.open("hello").await;
    let path = format!("/api/t/{thread}/messages");
    let million = "x".repeat(1024 * 1024);
    assert_eq!(
        alice.post(&path, json!({ "id": "m0", "text": million })).await.0,
        StatusCode::OK
    );
    for (body, expected) in [
        (
            json!({ "id": "m1", "text": format!("{million}x") }),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
        (
            json!({ "id": "m2", "text": "x".repeat(9 * 1024 * 1024) }),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
        (json!({ "id": "m3", "text": "  \n " }), StatusCode::BAD_REQUEST),
        (json!({ "id": "", "text": "x" }), StatusCode::BAD_REQUEST),
        (json!({ "id": "../..", "text": "x" }), StatusCode::BAD_REQUEST),
        (json!({ "text": "x" }), StatusCode::UNPROCESSABLE_ENTITY),
        (json!([]), StatusCode::UNPROCESSABLE_ENTITY),
        (
            json!({ "id": "m4", "text": "x", "files": ["nothing"] }),
            StatusCode::GONE,
        ),
        (
            json!({ "id": "m5", "text": "x", "mode": "sideways" }),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
    ] {
        let (status, answer) = alice.post(&path, body).await;
        assert_eq!(status, expected, "{answer}");
        assert!(
            answer["error"].as_str().is_some_and(|words| !words.is_empty())
                && answer["again"] == json!(false)
        );
    }
    let broken = alice
        .posting(&path)
        .header("content-type", "application/json")
        .body("{");
    assert_eq!(broken.send().await.unwrap().status(), StatusCode::BAD_REQUEST);
    let put = alice
        .request(Method::PUT, &path)
        .header("x-csrf-token", &alice.csrf)
        .send()
        .await
        .unwrap();
    assert_eq!(put.status(), StatusCode::METHOD_NOT_ALLOWED);
    house.end().await;
}

#[tokio::test]
async fn older_entries_come_in_order_and_say_whether_there_are_more() {
    let house = House::start().await;
    let alice = house.alice().await;
    let thread = alice.open("hello").await;
    let mut events = alice.events(&format!("thread={thread}")).await;
    for count in 0..40 {
        let body = json!({ "id": format!("m{count}"), "text": format!("message number {count}.") });
        alice.fine(&format!("/api/t/{thread}/messages"), body).await;
    }
    events
        .until("item", |item| {
            item["html"].as_str().unwrap().contains("number 39.")
        })
        .await;
    let mut before = i64::MAX;
    let mut seen = vec![];
    loop {
        let path = format!("/api/t/{thread}/older?before={before}");
        let answer: Value = alice.get(&path).send().await.unwrap().json().await.unwrap();
        let ids: Vec<i64> = answer["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["id"].as_i64().unwrap())
            .collect();
        assert!(
            ids.is_sorted() && ids.iter().all(|id| *id < before) && ids.len() <= 50,
            "{ids:?}"
        );
        before = answer["from"].as_i64().unwrap();
        assert!(before == ids[0] || before == 0);
        seen.extend(ids);
        if before == 0 {
            break;
        }
    }
    let all = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert!(all == seen.len() && all >= 41, "{all}");
    house.end().await;
}
