//! What is said: streaming, thoughts, usage, models, prompts.

use std::sync::Arc;

use acp::schema::{ContentBlock, Meta, PromptRequest, StopReason};
use agent_client_protocol::v1 as acp;
use contract::META_KEY;
use serde_json::json;

use super::scene::{Answers, Place, Script, Step, meet, reply, says, text};
use crate::agent::history::BROKE_OFF;
use crate::message::{Finish, ReplyPart};
use crate::providers::{Progress, Reply};

#[tokio::test]
async fn an_answer_is_streamed_kept_and_sent_with_the_next_request() {
    let place = Place::new();
    let thought = ReplyPart::Thought {
        text: "hm".to_owned(),
        opaque: Some(json!({"id": "r1"})),
    };
    let words = ReplyPart::Text {
        text: "hello there".to_owned(),
    };
    let script = Script::of([
        Step::Reply(
            vec![Progress::Thought("hm".to_owned()), text("hello "), text("there")],
            reply(vec![thought, words]),
        ),
        says("bye"),
    ]);
    meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        assert_eq!(person.prompt("hi").await.unwrap(), StopReason::EndTurn);
        assert_eq!(person.words("agent_message_chunk"), "hello there");
        assert_eq!(person.words("agent_thought_chunk"), "hm");
        assert_eq!(person.updates("usage_update")[0]["used"], 15);
        let ids: Vec<_> = person.updates("agent_message_chunk");
        assert!(ids.iter().all(|chunk| chunk["messageId"] == "m1"), "{ids:?}");
        person.prompt("and now").await.unwrap();
        let first = person.heard.iter().position(|told| told["status"] == "thinking");
        let spoken = person.heard.iter().position(|told| told["status"] == "writing");
        assert!(first.is_some() && first < spoken, "{:?}", person.heard);
    })
    .await;
    assert_eq!(
        script.last_request()["history"],
        json!([
            {"role": "user", "parts": [{"type": "text", "text": "hi"}]},
            {"role": "assistant", "parts": [
                {"type": "thought", "text": "hm", "opaque": {"id": "r1"}},
                {"type": "text", "text": "hello there"},
            ]},
            {"role": "user", "parts": [{"type": "text", "text": "and now"}]},
        ])
    );
    assert_eq!(
        place.lines().len(),
        7,
        "a header, two questions, two answers with what they took"
    );
}

#[tokio::test(start_paused = true)]
async fn a_fast_model_becomes_few_updates_and_loses_no_word() {
    let place = Place::new();
    let words: Vec<String> = (0..10_000).map(|number| format!("{number} ")).collect();
    let whole = words.concat();
    let progress = words.iter().map(|word| text(word)).collect();
    let part = ReplyPart::Text { text: whole.clone() };
    let script = Script::of([Step::Reply(progress, reply(vec![part]))]);
    meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        person.prompt("go").await.unwrap();
        assert_eq!(person.words("agent_message_chunk"), whole);
        let chunks = person.updates("agent_message_chunk");
        assert!(chunks.len() <= whole.len() / 4096 + 2, "{} chunks", chunks.len());
        assert_eq!(chunks[0]["content"]["text"], "0 ", "the first word does not wait");
        assert!(chunks.iter().all(|chunk| chunk.to_string().len() < 5000));
    })
    .await;
}

#[tokio::test]
async fn a_client_that_does_not_read_for_a_while_gets_every_word_later() {
    let place = Place::new();
    // More than the connection would hold for it.
    let words: Vec<String> = (0..4000).map(|number| format!("{number:010000} ")).collect();
    let whole = words.concat();
    let progress = words.iter().map(|word| text(word)).collect();
    let part = ReplyPart::Text { text: whole.clone() };
    let script = Script::of([Step::Reply(progress, reply(vec![part]))]);
    let answers = Answers {
        gate: Some(Arc::default()),
        ..Answers::default()
    };
    meet(&script, &answers, async |person| {
        person.ready(&place).await;
        let turn = person.start("go").block_task();
        script.spoken().await;
        answers.gate.as_ref().unwrap().notify_one();
        turn.await.unwrap();
        assert!(person.words("agent_message_chunk") == whole, "words were lost");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn words_do_not_wait_for_more_words() {
    let place = Place::new();
    let script = Script::of([Step::Hang(vec![text("one "), text("two")])]);
    meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        let turn = person.start("go");
        person
            .hears(|told| told["content"]["text"].as_str() == Some("two"))
            .await;
        person.cancel();
        turn.block_task().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_model_that_does_not_stream_is_heard_all_the_same() {
    let place = Place::new();
    let part = ReplyPart::Text {
        text: "late".to_owned(),
    };
    let script = Script::of([Step::Reply(vec![], reply(vec![part]))]);
    meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        person.prompt("go").await.unwrap();
        assert_eq!(person.words("agent_message_chunk"), "late");
    })
    .await;
}

#[tokio::test]
async fn why_the_model_stopped_is_told() {
    let place = Place::new();
    let finish = |finish| {
        let part = ReplyPart::Text { text: "x".to_owned() };
        let reply = Reply {
            finish,
            ..reply(vec![part])
        };
        Step::Reply(vec![], reply)
    };
    let script = Script::of([finish(Finish::Length), finish(Finish::Refused)]);
    meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        assert_eq!(person.prompt("a").await.unwrap(), StopReason::MaxTokens);
        assert_eq!(person.prompt("b").await.unwrap(), StopReason::Refusal);
    })
    .await;
}

#[tokio::test]
async fn waiting_for_the_provider_is_told_with_its_reason() {
    let place = Place::new();
    let waiting = Progress::Waiting {
        why: "the provider is overloaded (503)".to_owned(),
        delay: std::time::Duration::from_millis(1500),
    };
    let part = ReplyPart::Text { text: "x".to_owned() };
    let script = Script::of([Step::Reply(vec![waiting], reply(vec![part]))]);
    meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        person.prompt("go").await.unwrap();
        let expected = "waiting, next try in 2 s: the provider is overloaded (503)";
        person.hears(|told| told["status"] == expected).await;
    })
    .await;
}

#[tokio::test]
async fn another_model_holds_for_the_turn_that_names_it() {
    let place = Place::new();
    let script = Script::of([says("1"), says("2"), says("3")]);
    meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        person.prompt("a").await.unwrap();
        let mut meta = Meta::new();
        meta.insert(META_KEY.to_owned(), json!({ "model": "second-model" }));
        let request = PromptRequest::new(person.id.clone(), vec![ContentBlock::from("b")]).meta(meta);
        person
            .connection
            .send_request(request)
            .block_task()
            .await
            .unwrap();
        person.prompt("c").await.unwrap();
    })
    .await;
    let models: Vec<_> = script
        .requests()
        .iter()
        .map(|request| request["model"].clone())
        .collect();
    assert_eq!(models, ["first-model", "second-model", "first-model"]);
}

#[tokio::test]
async fn without_a_model_the_turn_says_how_to_choose_one_and_keeps_nothing() {
    let place = Place::new();
    let script = Script::default();
    meet(&script, &Answers::default(), async |person| {
        let mut profile = place.profile();
        profile.model = None;
        person.initialize(Some(profile.to_meta())).await;
        person.open(&place.workspace()).await.unwrap();
        let error = person.prompt("hi").await.unwrap_err();
        assert!(error.message.contains("`/model NAME`"), "{}", error.message);
        assert_eq!(error.data.unwrap(), json!({"agent-host": {"failure": "refused"}}));
    })
    .await;
    assert_eq!(place.lines().len(), 1);
}

#[tokio::test]
async fn an_empty_prompt_is_refused_and_pictures_and_files_reach_the_model() {
    let place = Place::new();
    let script = Script::of([says("I see")]);
    meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        let ask = |blocks| PromptRequest::new(person.id.clone(), blocks);
        let empty = person.connection.send_request(ask(vec![])).block_task().await;
        assert!(empty.unwrap_err().message.contains("empty"));
        let blocks = serde_json::from_value(json!([
            {"type": "text", "text": "look"},
            {"type": "image", "mimeType": "image/png", "data": "aaaa"},
            {"type": "resource_link", "name": "a", "uri": "file:///w/a.log"},
        ]));
        let request = ask(blocks.unwrap());
        person
            .connection
            .send_request(request)
            .block_task()
            .await
            .unwrap();
    })
    .await;
    assert_eq!(
        script.last_request()["history"][0]["parts"],
        json!([
            {"type": "text", "text": "look"},
            {"type": "image", "mime": "image/png", "data": "aaaa"},
            {"type": "text", "text": "[attached file: /w/a.log]"},
        ])
    );
}

#[tokio::test]
async fn what_a_filter_ended_is_told_as_that_and_marked_as_cut() {
    let place = Place::new();
    let filtered = |parts: Vec<ReplyPart>| {
        let reply = Reply {
            finish: Finish::Filtered,
            ..reply(parts)
        };
        Step::Reply(vec![], reply)
    };
    let half = ReplyPart::Text {
        text: "half".to_owned(),
    };
    let script = Script::of([filtered(vec![half]), filtered(vec![]), says("ok")]);
    meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        for words in ["a", "b"] {
            let error = person.prompt(words).await.unwrap_err();
            assert!(
                error
                    .message
                    .starts_with("the provider's content filter ended this answer"),
                "{}",
                error.message
            );
        }
        person.prompt("c").await.unwrap();
    })
    .await;
    let history = &script.last_request()["history"];
    let texts: Vec<_> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|message| &message["parts"])
        .collect();
    assert_eq!(
        texts.len(),
        3,
        "what brought nothing but the filter is gone: {history}"
    );
    assert_eq!(texts[1][0]["text"], "half");
    assert_eq!(texts[1][1]["text"], BROKE_OFF);
    assert_eq!(texts[2][0]["text"], "c");
}

#[tokio::test(start_paused = true)]
async fn a_long_call_and_a_model_that_only_reads_give_signs_of_life() {
    let place = Place::new();
    let piece = |bytes| Progress::Call {
        name: "write".to_owned(),
        bytes,
    };
    let words = ReplyPart::Text {
        text: "done".to_owned(),
    };
    let told = vec![
        Progress::Alive,
        Progress::Alive,
        Progress::Alive,
        piece(10),
        piece(1234),
        piece(2_500_000),
        text("done"),
    ];
    let script = Script::of([Step::Slowly(told, reply(vec![words]))]);
    meet(&script, &Answers::default(), async |person| {
        person.ready(&place).await;
        person.prompt("go").await.unwrap();
        let doing: Vec<_> = person
            .all()
            .iter()
            .filter_map(|told| told["status"].as_str())
            .collect();
        assert_eq!(
            doing[..2],
            ["thinking", "thinking"],
            "a sign each second: {doing:?}"
        );
        assert!(
            doing
                .iter()
                .any(|what| what.starts_with("writing a call to write, ")),
            "{doing:?}"
        );
        assert!(doing.contains(&"writing a call to write, 2.5 MB"), "{doing:?}");
        assert!(doing.len() <= 6, "and no flood: {doing:?}");
        assert_eq!(doing.last(), Some(&"writing"));
    })
    .await;
}
