//! Calls that meet trouble. The clock stands still and jumps to the next wait, so nothing here takes time.

use super::*;

fn text(text: &str) -> String {
    format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
}

async fn call_with(answers: Vec<Answer>) -> (Told, usize) {
    let server = Server::start(answers).await;
    let told = call(&model(&profile(Provider::OpenaiChat, &server.url))).await;
    (told, server.seen().len())
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_is_waited_out_as_long_as_the_server_asks_and_told() {
    let limit = r#"{"error":{"message":"slow down"}}"#;
    let began = tokio::time::Instant::now();
    let (told, _) = call_with(vec![Answer::status(429, &["retry-after: 7"], limit), hello()]).await;
    assert!(said_hello(&told), "{}", told.words());
    let [(why, delay)] = &told.waits[..] else {
        panic!("{:?}", told.waits)
    };
    assert_eq!(why, "the provider's rate limit is reached (429): slow down");
    assert!((7.0..8.0).contains(&delay.as_secs_f64()), "{delay:?}");
    assert!(began.elapsed() >= *delay);
}

#[tokio::test(start_paused = true)]
async fn an_overloaded_server_is_asked_six_times() {
    let answers = (0..9).map(|_| Answer::status(503, &[], "<html>")).collect();
    let (told, requests) = call_with(answers).await;
    assert!(matches!(told.result, Err(ProviderError::Unavailable(_))));
    assert_eq!((requests, told.waits.len()), (6, 5));
    assert_eq!(
        told.words(),
        "the provider is overloaded (503): an HTML page came instead of an answer (also after 6 tries)"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_cut_before_it_said_anything_is_sent_again() {
    let call_only = "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"bash\"}}]}}]}\n\n";
    let (told, requests) = call_with(vec![Answer::cut(""), Answer::cut(call_only), hello()]).await;
    assert!(said_hello(&told), "{}", told.words());
    assert_eq!((requests, told.waits.len()), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_cut_after_words_is_never_sent_again() {
    for answer in [
        Answer::cut(&text("half an")),
        // Ended as HTTP wants it, but not as the format does.
        Answer::stream(text("half an")),
        Answer::stream(text("half an") + "data: {\"error\":{\"message\":\"boom\"}}\n\n"),
        Answer::stream(text("half an") + "data: {nonsense\n\n"),
        Answer::hang(&text("half an")),
    ] {
        let (told, requests) = call_with(vec![answer, hello()]).await;
        let Err(ProviderError::Cut { partial, .. }) = told.result else {
            panic!("{}", told.words())
        };
        assert_eq!(
            partial,
            [ReplyPart::Text {
                text: "half an".into()
            }]
        );
        assert_eq!((requests, told.waits.len()), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_after_the_reason_to_end_is_no_cut() {
    let whole = "data: {\"choices\":[{\"delta\":{\"content\":\"hello\"},\"finish_reason\":\"stop\"}]}\n\n";
    assert!(said_hello(&call_with(vec![Answer::cut(whole)]).await.0));
    assert!(said_hello(&call_with(vec![Answer::hang(whole)]).await.0));
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_given_up_after_the_second_time() {
    let began = tokio::time::Instant::now();
    let (told, requests) = call_with((0..3).map(|_| Answer::hang("")).collect()).await;
    assert_eq!(
        told.words(),
        "the provider sent nothing for 5 min (2 tries); `patience` in the agent's configuration sets how long it may"
    );
    assert_eq!(requests, 2);
    assert!(began.elapsed() >= Duration::from_mins(10));
}

#[tokio::test(start_paused = true)]
async fn how_long_a_server_may_be_silent_is_configured() {
    let server = Server::start((0..2).map(|_| Answer::hang("")).collect()).await;
    let mut profile = profile(Provider::OpenaiChat, &server.url);
    profile.patience = Duration::from_mins(20);
    let began = tokio::time::Instant::now();
    let told = call(&model(&profile)).await;
    assert_eq!(
        told.words(),
        "the provider sent nothing for 20 min (2 tries); `patience` in the agent's configuration sets how long it may"
    );
    assert!(began.elapsed() >= Duration::from_mins(40), "twice");
}

#[tokio::test(start_paused = true)]
async fn an_absurd_wait_is_told_and_not_waited() {
    for asked in ["retry-after: 1e15", "retry-after: 1e20", "retry-after-ms: 1e300"] {
        let (told, requests) = call_with(vec![Answer::status(429, &[asked], "{}"), hello()]).await;
        assert_eq!(requests, 1, "{asked}");
        assert_eq!(
            told.words(),
            "the provider's rate limit is reached (429); it asks to wait 1 d or longer before the next try"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_compressed_unasked_is_said_to_be() {
    let zipped = b"\x1f\x8b\x08\x00rest".to_vec();
    let headers = ["content-type: text/event-stream", "content-encoding: gzip"];
    for (status, words) in [
        (200, "compressed (gzip), which was not asked for"),
        (400, "(400)"),
    ] {
        let (told, _) = call_with(vec![Answer::status(status, &headers, zipped.clone())]).await;
        assert!(told.words().contains(words), "{}", told.words());
        assert!(!told.words().contains("rest"), "{}", told.words());
    }
}

#[tokio::test(start_paused = true)]
async fn an_emoji_in_two_halves_does_not_end_the_answer() {
    let stream = [
        text("Great "),
        text("\\ud83d"),
        text("\\ude00"),
        text(" and \\ud83d lost"),
    ]
    .concat();
    let (told, requests) = call_with(vec![Answer::stream(stream + HELLO_CHAT)]).await;
    assert_eq!(
        (told.text.as_str(), requests),
        ("Great 😀 and \u{fffd} losthello", 1),
        "{}",
        told.words()
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_there_is_named() {
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    let url = Url::parse(&format!("http://user:planted@{address}/v1?key=planted")).unwrap();
    let told = call(&model(&profile(Provider::OpenaiChat, &url))).await;
    assert!(matches!(told.result, Err(ProviderError::Unavailable(_))));
    assert!(
        told.words()
            .starts_with(&format!("could not connect to {address}: ")),
        "{}",
        told.words()
    );
    assert_eq!(told.waits.len(), 5);
    assert!(!told.words().contains("planted"), "{}", told.words());
}

#[tokio::test(start_paused = true)]
async fn an_address_without_an_api_is_told_at_once_with_what_came_and_what_to_check() {
    let page = "<!DOCTYPE html>\n<html><a href=\"x: y\">Welcome</a></html>\n";
    let html = &["content-type: Text/HTML; charset=utf-8"][..];
    let json = &["content-type: application/json"][..];
    let stream = &["content-type: text/event-stream"][..];
    for (status, headers, body, words) in [
        (200, html, page, "a web page came"),
        (200, html, "", "a web page came"),
        (404, html, page, "(404): an HTML page came"),
        (200, &[][..], page, "no stream of events came"),
        (
            200,
            &["content-type: text/plain"][..],
            "Ollama is running",
            "no stream of events came",
        ),
        (200, json, r#"{"object":"list","data":[]}"#, "does not know"),
        (200, json, "[1", "does not know"),
        (200, stream, "data: hello\n\n", "does not know"),
    ] {
        let server = Server::start(vec![Answer::status(status, headers, body), hello()]).await;
        let address = server.url.authority().to_owned();
        let url = Url::parse(&format!("http://user:planted@{address}/api?key=planted")).unwrap();
        let told = call(&model(&profile(Provider::OpenaiChat, &url))).await;
        assert!(
            matches!(told.result, Err(ProviderError::Barred(_))),
            "{}",
            told.words()
        );
        let told_words = told.words();
        for words in [
            words,
            &format!("{address}/api/chat/completions"),
            "`base_url`",
            "`/v1`",
        ] {
            assert!(told_words.contains(words), "{body}: {told_words}");
        }
        assert!(!told_words.contains("planted"), "{told_words}");
        assert_eq!((server.seen().len(), told.waits.len()), (1, 0), "{body}");
    }
    // Comments of a stream that then breaks off are a stream.
    let (told, _) = call_with(vec![Answer::stream(": keep-alive\n\n"), hello()]).await;
    assert!(said_hello(&told), "{}", told.words());
}

#[tokio::test]
async fn a_server_without_tls_is_told_at_once() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("https://{}/v1", listener.local_addr().unwrap())).unwrap();
    let plain = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        for served in 0.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert_eq!(served, 0, "it is asked again");
            let _ = stream.read(&mut [0; 8192]).await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let told = call(&model(&profile(Provider::OpenaiChat, &url))).await;
    assert!(
        matches!(told.result, Err(ProviderError::Barred(_))),
        "{}",
        told.words()
    );
    assert!(told.words().contains("`http://`"), "{}", told.words());
    assert!(told.waits.is_empty() && !plain.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_is_not_repeated_and_says_what_to_do() {
    for (status, body, words) in [
        (
            404,
            r#"{"error":{"message":"model 'm' not found"}}"#,
            "model 'm' not found\nhint: `/model NAME`",
        ),
        (
            429,
            r#"{"error":{"code":"insufficient_quota","message":"pay"}}"#,
            "pay",
        ),
        (307, "", "leads elsewhere"),
        (401, "", "this agent has no account for 127.0.0.1:"),
    ] {
        let answer = Answer::status(status, &["location: http://127.0.0.1:1/"], body);
        let (told, requests) = call_with(vec![answer, hello()]).await;
        assert!(matches!(told.result, Err(ProviderError::Barred(_))), "{status}");
        assert!(told.words().contains(words), "{}", told.words());
        assert_eq!((requests, told.waits.len()), (1, 0), "{status}");
    }
}

#[tokio::test]
async fn an_endless_event_ends_the_call() {
    let flood = [b"data: ", &vec![b'x'; 17 << 20][..]].concat();
    let (told, _) = call_with(vec![Answer::stream(flood)]).await;
    assert!(
        matches!(told.result, Err(ProviderError::Refused(_))),
        "{}",
        told.words()
    );
    assert!(told.words().contains("longer than"), "{}", told.words());
}

#[tokio::test]
async fn no_model_says_how_to_choose_one_without_asking_anybody() {
    let server = Server::start(vec![hello()]).await;
    let request = Request {
        model: " ",
        system: "",
        history: &[],
        tools: &[],
        session: "s1",
    };
    let called = model(&profile(Provider::OpenaiChat, &server.url))
        .call(request, &mut |_| {})
        .await;
    let Err(ProviderError::Barred(words)) = called else {
        panic!("it was called")
    };
    assert!(
        words.contains("`/model NAME`") && words.contains("[agents.native]"),
        "{words}"
    );
    assert!(server.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_calls_itself_a_stream_and_is_none_is_read_all_the_same() {
    let whole = r#"{"choices":[{"message":{"content":"hello"},"finish_reason":"stop"}]}"#;
    let (told, _) = call_with(vec![Answer::stream(whole)]).await;
    assert!(said_hello(&told), "{}", told.words());
    for failure in [
        "{\"error\":{\"message\":\"out of planned memory\"}}",
        "{\"error\":{\"message\":\"out of planned memory\"}}\n",
        "{\n  \"error\": {\n    \"message\": \"out of planned memory\"\n  }\n}\n",
        ": hello\n\n{\"error\":{\"message\":\"out of planned memory\"}}\n\n",
    ] {
        let (told, requests) = call_with(vec![Answer::stream(failure), hello()]).await;
        assert_eq!(
            requests,
            2,
            "a fault of the server's is tried again: {}",
            told.words()
        );
        let [(why, _)] = &told.waits[..] else {
            panic!("{:?}", told.waits)
        };
        assert_eq!(
            why, "the provider failed while it answered: out of planned memory",
            "{failure}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_at_each_try_is_told_from_an_overload() {
    for (status, is_suspect) in [(500, true), (503, false)] {
        let answers = (0..9).map(|_| Answer::status(status, &[], "{}")).collect();
        let (told, requests) = call_with(answers).await;
        assert_eq!(requests, 6);
        let suspected = matches!(told.result, Err(ProviderError::Faulty(_)));
        assert_eq!(suspected, is_suspect, "{status}: {}", told.words());
    }
}

#[tokio::test]
async fn whoever_waits_hears_of_a_call_that_is_written_and_of_a_server_that_only_keeps_alive() {
    let piece = |arguments: &str| json!({ "choices": [{ "delta": { "tool_calls": [{ "index": 0, "function": { "name": "write", "arguments": arguments } }] } }] });
    let chat = format!(
        ": keep-alive\n\ndata: {}\n\ndata: {}\n\n{HELLO_CHAT}",
        piece("{\"a"),
        piece("\":1}")
    );
    let item =
        json!({ "type": "function_call", "id": "f", "call_id": "c", "name": "write", "arguments": "" });
    let added = json!({ "type": "response.output_item.added", "output_index": 0, "item": item });
    let delta = |delta: &str| json!({ "type": "response.function_call_arguments.delta", "output_index": 0, "item_id": "f", "delta": delta });
    let responses = format!(
        "data: {added}\n\ndata: {}\n\ndata: {}\n\n{HELLO_RESPONSES}",
        delta("{\"a"),
        delta("\":1}")
    );
    for (provider, stream) in [
        (Provider::OpenaiChat, chat),
        (Provider::OpenaiResponses, responses),
    ] {
        let server = Server::start(vec![Answer::stream(stream)]).await;
        let request = Request {
            model: "m",
            system: "",
            history: &[],
            tools: &[],
            session: "s1",
        };
        let mut told = vec![];
        let called = model(&profile(provider, &server.url))
            .call(request, &mut |progress| told.push(progress))
            .await;
        assert!(called.is_ok());
        for bytes in [3, 7] {
            let call = Progress::Call {
                name: "write".into(),
                bytes,
            };
            assert!(told.contains(&call), "{provider:?} {told:?}");
        }
        assert!(told.contains(&Progress::Alive), "{provider:?}");
    }
}

#[tokio::test]
async fn what_a_provider_wants_back_goes_back_to_it_and_to_no_other() {
    let signature = json!({ "google": { "thought_signature": "AbC=" } });
    let call = json!({ "choices": [{ "delta": { "tool_calls": [
        { "index": 0, "id": "x", "function": { "name": "bash", "arguments": "{}" }, "extra_content": signature },
    ] }, "finish_reason": "tool_calls" }] });
    let server = Server::start(vec![Answer::stream(format!("data: {call}\n\n")), hello()]).await;
    let other = Server::start(vec![hello()]).await;
    let ask = async |url: &Url, history: &[Message]| {
        let request = Request {
            model: "m",
            system: "",
            history,
            tools: &[],
            session: "s1",
        };
        let called = model(&profile(Provider::OpenaiChat, url))
            .call(request, &mut |_| {})
            .await;
        called.unwrap().parts
    };
    let said = Message::User {
        parts: vec![Part::Text { text: "go".into() }],
    };
    let parts = ask(&server.url, std::slice::from_ref(&said)).await;
    // As the transcript keeps it.
    let kept = serde_json::to_string(&Message::Assistant { parts }).unwrap();
    let result = Message::ToolResult {
        call: "x".into(),
        text: "done".into(),
        failed: false,
    };
    let history = [said, serde_json::from_str(&kept).unwrap(), result];
    ask(&server.url, &history).await;
    ask(&other.url, &history).await;
    let called = |server: &Server| server.seen().last().unwrap().body["messages"][1]["tool_calls"][0].clone();
    assert_eq!(called(&server)["extra_content"], signature);
    assert_eq!(called(&other)["extra_content"], Value::Null);
}
