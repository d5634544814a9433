//! Calls that go well.

use std::sync::Arc;

use tokio::sync::Notify;

use super::*;
use crate::message::{Finish, Usage};

#[tokio::test]
async fn both_formats_bring_a_reply_from_their_own_path() {
    for (provider, stream, path, usage) in [
        (
            Provider::OpenaiResponses,
            HELLO_RESPONSES,
            "/v1/responses",
            Usage { input: 3, output: 1 },
        ),
        (
            Provider::OpenaiChat,
            HELLO_CHAT,
            "/v1/chat/completions",
            Usage::default(),
        ),
    ] {
        let server = Server::start(vec![Answer::stream(stream)]).await;
        let told = call(&model(&profile(provider, &server.url))).await;
        assert!(said_hello(&told), "{}", told.words());
        let reply = told.result.unwrap();
        assert_eq!((reply.usage, reply.finish), (usage, Finish::Complete));
        let seen = server.seen().remove(0);
        assert_eq!(seen.target, path);
        assert_eq!(
            (seen.body["model"].as_str(), seen.authorization),
            (Some("m"), None)
        );
    }
}

#[tokio::test]
async fn a_base_url_may_end_with_a_slash_or_have_a_query() {
    let server = Server::start(vec![hello(), hello()]).await;
    for (suffix, target) in [
        ("/", "/v1/chat/completions"),
        ("?api-version=1", "/v1/chat/completions?api-version=1"),
    ] {
        let url = Url::parse(&format!("{}{suffix}", server.url)).unwrap();
        assert!(said_hello(
            &call(&model(&profile(Provider::OpenaiChat, &url))).await
        ));
        assert_eq!(server.seen().last().unwrap().target, target);
    }
}

#[tokio::test]
async fn the_second_call_goes_over_the_same_connection() {
    let end = Arc::new(Notify::new());
    let server = Server::start(vec![Answer::late(HELLO_CHAT, &end), hello()]).await;
    let model = model(&profile(Provider::OpenaiChat, &server.url));
    let request = Request {
        model: "m",
        system: "",
        history: &[],
        tools: &[],
        session: "s1",
    };
    // HTTP's own end comes after the format's.
    let first = model.call(request, &mut |_| end.notify_one()).await;
    assert!(first.is_ok() && said_hello(&call(&model).await));
    let connections: Vec<usize> = server.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 0]);
}

#[tokio::test]
async fn a_server_that_keeps_the_stream_open_after_its_end_is_not_waited_for() {
    let server = Server::start(vec![Answer::hang(HELLO_CHAT)]).await;
    assert!(said_hello(
        &call(&model(&profile(Provider::OpenaiChat, &server.url))).await
    ));
}

#[tokio::test]
async fn an_answer_that_is_no_stream_is_a_reply_too() {
    let body = r#"{"choices":[{"message":{"content":"hello"},"finish_reason":"stop"}]}"#;
    let server = Server::start(vec![Answer::status(
        200,
        &["content-type: application/json"],
        body,
    )])
    .await;
    assert!(said_hello(
        &call(&model(&profile(Provider::OpenaiChat, &server.url))).await
    ));
}

#[tokio::test]
async fn a_part_that_the_server_does_not_take_is_left_out_from_then_on() {
    let refusal = r#"{"error":{"message":"unknown field: stream_options"}}"#;
    let server = Server::start(vec![Answer::status(400, &[], refusal), hello(), hello()]).await;
    let model = model(&profile(Provider::OpenaiChat, &server.url));
    for _ in 0..2 {
        let told = call(&model).await;
        assert!(said_hello(&told) && told.waits.is_empty(), "{}", told.words());
    }
    let with: Vec<bool> = server
        .seen()
        .iter()
        .map(|seen| seen.body["stream_options"].is_object())
        .collect();
    assert_eq!(with, [true, false, false]);
}

#[tokio::test]
async fn dropping_the_call_ends_the_request() {
    let server = Server::start(vec![Answer::hang(
        "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n",
    )])
    .await;
    let model = model(&profile(Provider::OpenaiChat, &server.url));
    let (started, mut first) = tokio::sync::mpsc::unbounded_channel();
    let request = Request {
        model: "m",
        system: "",
        history: &[],
        tools: &[],
        session: "s1",
    };
    let mut on_progress = |_| started.send(()).unwrap();
    tokio::select! {
        _ = model.call(request, &mut on_progress) => panic!("the answer never ends"),
        _ = first.recv() => {}
    }
    server.until_closed(1).await;
}
