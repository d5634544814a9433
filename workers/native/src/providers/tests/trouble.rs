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
    assert_eq!(told.words(), "the provider sent nothing for 5 min");
    assert_eq!(requests, 2);
    assert!(began.elapsed() >= Duration::from_mins(10));
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
