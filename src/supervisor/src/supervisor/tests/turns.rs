//! A turn from its message to its answer.

use agent_client_protocol::v1::schema::{
    ContentBlock, ContentChunk, ResourceLink, SessionUpdate, StopReason, ToolCall as AcpToolCall,
    ToolCallStatus,
};
use conversation::{Body, NoteKind, ToolStatus};

use super::*;
use crate::process::scripted::{Told, said};
use crate::update::ThreadPhase;
use crate::worker::PromptError;

#[tokio::test]
async fn a_message_starts_a_worker_and_its_answer_is_seen_and_kept() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let mut view = host.view(&thread).await;
    let posted = host.post(&thread, "hello").await;
    assert_eq!(posted.happened, Happened::Started);
    view.quiet().await;
    assert_eq!(
        view.phases,
        [
            ThreadPhase::Cold,
            ThreadPhase::Starting,
            ThreadPhase::Working,
            ThreadPhase::Idle
        ]
    );
    assert!(
        matches!(&view.bodies()[..], [Body::Said { text, .. }, Body::Answer { text: answer }]
        if text == "hello" && answer == "echo: hello")
    );
    assert_eq!(host.state(posted.turn).await, TurnState::Done);
    view.is_durable(&host.conversation).await;
    let thread = host.conversation.thread(&thread).await.unwrap();
    assert_eq!(
        (thread.title.as_str(), thread.session.as_deref()),
        ("hello", Some("session-1"))
    );
}

#[tokio::test]
async fn the_same_message_posted_again_is_known_and_runs_once() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let message = host.message(&thread, "once");
    let first = host.supervisor.post(message.clone()).await.unwrap();
    let mut view = host.view(&thread).await;
    view.quiet().await;
    let second = host.supervisor.post(message).await.unwrap();
    assert_eq!(
        second,
        Posted {
            turn: first.turn,
            item: None,
            happened: Happened::Known
        }
    );
    view.quiet().await;
    assert_eq!(host.script.prompts(), ["once"]);
}

#[tokio::test]
async fn messages_wait_their_turn_and_are_told_how_many_are_ahead() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let gate = gated(&host.script);
    let mut view = host.view(&thread).await;
    host.post(&thread, "one").await;
    view.phase(ThreadPhase::Working).await;
    for (text, ahead) in [("two", 1), ("three", 2)] {
        assert_eq!(
            host.post(&thread, text).await.happened,
            Happened::Queued { ahead }
        );
    }
    view.until("two wait", |view| view.queued.len() == 2).await;
    gate.open();
    view.quiet().await;
    assert_eq!(host.script.prompts(), ["one", "two", "three"]);
    assert_eq!(view.answers(), ["begun and done", "echo: two", "echo: three"]);
}

#[tokio::test]
async fn above_the_limit_messages_are_refused_and_known_ones_still_known() {
    let host = Host::with(Limits {
        queued: 2,
        ..limits()
    })
    .await;
    let thread = host.thread("a").await;
    let _gate = gated(&host.script);
    let mut view = host.view(&thread).await;
    host.post(&thread, "runs").await;
    view.phase(ThreadPhase::Working).await;
    let waiting = host.message(&thread, "waits");
    host.supervisor.post(waiting.clone()).await.unwrap();
    host.post(&thread, "waits, too").await;
    let refused = host.supervisor.post(host.message(&thread, "too much")).await;
    assert!(matches!(refused, Err(SupervisorError::TooMuch(_))), "{refused:?}");
    assert_eq!(
        host.supervisor.post(waiting).await.unwrap().happened,
        Happened::Known
    );
}

#[tokio::test]
async fn a_flood_of_words_arrives_whole_at_a_subscriber_and_in_the_conversation() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let words: Vec<String> = (0..5000).map(|number| format!("{number} ")).collect();
    host.script
        .prompt_with(words.iter().map(|word| Act::Update(said(word))).collect());
    let mut view = host.view(&thread).await;
    host.post(&thread, "count").await;
    view.quiet().await;
    assert_eq!(view.answers(), [words.concat()]);
    assert!(
        view.revision < 1000,
        "5000 chunks became {} updates",
        view.revision
    );
    view.is_durable(&host.conversation).await;
}

#[tokio::test]
async fn a_subscriber_who_comes_in_mid_answer_misses_nothing_and_sees_nothing_twice() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let gate = gated(&host.script);
    let mut early = host.view(&thread).await;
    host.post(&thread, "go").await;
    early
        .until("the answer began", |view| !view.answers().is_empty())
        .await;
    let mut late = host.view(&thread).await;
    assert_eq!(late.answers(), ["begun"]);
    gate.open();
    late.quiet().await;
    early.quiet().await;
    assert_eq!(late.answers(), ["begun and done"]);
    assert_eq!(late.items, early.items);
}

#[tokio::test]
async fn a_subscriber_who_reads_nothing_for_long_is_right_again_after_a_new_snapshot() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let mut slow = host.view(&thread).await;
    let mut quick = host.view(&thread).await;
    let acts = (0..400).map(|number| {
        let call = AcpToolCall::new(format!("c{number}"), "x").status(ToolCallStatus::Completed);
        Act::Update(SessionUpdate::ToolCall(call))
    });
    host.script.prompt_with(acts.collect());
    host.post(&thread, "many").await;
    quick.quiet().await;
    slow.quiet().await;
    assert!(slow.items.len() >= 200, "a snapshot holds the newest 200");
    for (id, item) in &slow.items {
        assert_eq!(quick.items.get(id).map(|item| &item.body), Some(&item.body));
    }
}

#[tokio::test]
async fn words_are_written_while_they_still_come() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let gate = gated(&host.script);
    let mut changes = host.supervisor.list_changes();
    host.post(&thread, "go").await;
    // Each write of a timeline changes the thread's line in lists.
    loop {
        changes.recv().await.unwrap();
        let items = host.conversation.items(&thread, None, 10).await.unwrap();
        if items
            .iter()
            .any(|item| matches!(&item.body, Body::Answer { text } if text == "begun"))
        {
            break;
        }
    }
    gate.open();
}

#[tokio::test]
async fn tool_calls_that_the_turn_did_not_end_are_cut() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let call = AcpToolCall::new("c1", "build").status(ToolCallStatus::InProgress);
    host.script
        .prompt_with(vec![Act::Update(SessionUpdate::ToolCall(call)), Act::Forever]);
    let mut view = host.view(&thread).await;
    host.post(&thread, "go").await;
    view.until("it runs", |view| view.done.iter().any(|doing| doing == "build"))
        .await;
    assert!(host.supervisor.stop(&thread, &user("owner")).await.unwrap());
    view.quiet().await;
    assert!(
        view.bodies()
            .iter()
            .any(|body| matches!(body, Body::Tool(call) if call.status == ToolStatus::Stopped))
    );
    view.is_durable(&host.conversation).await;
}

#[tokio::test]
async fn a_file_of_the_workspace_is_offered_and_one_outside_is_not() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let workspace = host.supervisor.workspace(&thread).await.unwrap();
    std::fs::write(workspace.join("out.txt"), "x").unwrap();
    let outside = host.folder.path().join("conversation.db");
    let acts = [workspace.join("out.txt"), outside].map(|path| {
        let link = ResourceLink::new("a file", format!("file://{}", path.display()));
        Act::Update(SessionUpdate::AgentMessageChunk(ContentChunk::new(
            ContentBlock::ResourceLink(link),
        )))
    });
    host.script.prompt_with(acts.into());
    let mut view = host.view(&thread).await;
    host.post(&thread, "go").await;
    view.quiet().await;
    let files: Vec<_> = view
        .bodies()
        .into_iter()
        .filter(|body| !matches!(body, Body::Said { .. }))
        .collect();
    assert!(
        matches!(&files[..], [Body::File(file)] if file.path == "out.txt"),
        "{files:?}"
    );
}

#[tokio::test]
async fn an_error_of_the_agent_fails_the_turn_and_leaves_the_worker() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    host.script.prompt_with(vec![Act::Fail(PromptError::Failed(
        "the model does not exist".into(),
    ))]);
    let mut view = host.view(&thread).await;
    let posted = host.post(&thread, "one").await;
    let note = view.note("the model does not exist").await;
    assert_eq!(note, (NoteKind::Error, Some(posted.turn)));
    view.quiet().await;
    assert_eq!(
        host.turn(posted.turn).await.reason.as_deref(),
        Some("the model does not exist")
    );
    host.post(&thread, "two").await;
    view.until("the second is answered", |view| view.answers() == ["echo: two"])
        .await;
    let started = host
        .script
        .told()
        .into_iter()
        .filter(|told| matches!(told, Told::Started { .. }));
    assert_eq!(started.count(), 1);
}

#[tokio::test]
async fn an_answer_that_was_cut_short_by_a_limit_says_so() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    host.script
        .prompt_with(vec![Act::Say("half"), Act::Stop(StopReason::MaxTokens)]);
    let mut view = host.view(&thread).await;
    let posted = host.post(&thread, "go").await;
    assert_eq!(view.note("limit of tokens").await.0, NoteKind::Warning);
    view.quiet().await;
    assert_eq!(host.state(posted.turn).await, TurnState::Done);
}

#[tokio::test]
async fn an_answer_without_a_word_says_so_unless_something_else_explains_it() {
    let thought = || SessionUpdate::AgentThoughtChunk(ContentChunk::new("hm".into()));
    for (acts, told) in [
        (vec![], true),
        (vec![Act::Update(thought())], true),
        (vec![Act::Say(" \n")], true),
        (vec![Act::Say("words"), Act::Update(thought())], false),
        (vec![Act::Stop(StopReason::MaxTokens)], false),
    ] {
        let host = Host::new().await;
        let thread = host.thread("a").await;
        let shown = format!("{acts:?}");
        host.script.prompt_with(acts);
        let mut view = host.view(&thread).await;
        let posted = host.post(&thread, "go").await;
        view.quiet().await;
        let notes: Vec<_> = view
            .bodies()
            .into_iter()
            .filter(|body| matches!(body, Body::Note { text, .. } if text.contains("without a word")))
            .collect();
        assert_eq!(notes.len(), usize::from(told), "{shown}: {:?}", view.bodies());
        assert_eq!(host.state(posted.turn).await, TurnState::Done);
    }
}

#[tokio::test]
async fn what_the_agent_is_doing_is_told() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let gate = Gate::default();
    host.script.prompt_with(vec![
        Act::Status("waiting: the provider is overloaded (503)"),
        Act::Wait(gate.clone()),
    ]);
    let mut view = host.view(&thread).await;
    let posted = host.post(&thread, "go").await;
    view.until("told", |view| {
        view.doing
            .as_ref()
            .is_some_and(|doing| doing.turn == posted.turn && doing.what.contains("(503)"))
    })
    .await;
    let listed = host
        .supervisor
        .threads(conversation::ThreadFilter::default())
        .await
        .unwrap();
    assert_eq!(listed[0].phase, ThreadPhase::Working);
    assert!(listed[0].doing.is_some());
    gate.open();
}

#[tokio::test]
async fn a_thread_that_does_not_exist_is_an_error_and_leaves_nothing() {
    let host = Host::new().await;
    let thread = ThreadId::parse("web:none").unwrap();
    let refused = host.supervisor.post(host.message(&thread, "hello")).await;
    assert!(
        matches!(
            refused,
            Err(SupervisorError::Conversation(ConversationError::NoThread(_)))
        ),
        "{refused:?}"
    );
    assert!(host.supervisor.subscribe(&thread).await.is_err());
    while !host.supervisor.shared().boards().is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_message_of_one_megabyte_and_a_hostile_one_arrive_as_they_are() {
    let host = Host::new().await;
    let thread = host.thread("a").await;
    let long = "x".repeat(1 << 20);
    let hostile = "<script>\u{0}\u{1b}[2J\u{202e}{{}}';--";
    let mut view = host.view(&thread).await;
    for text in [long.as_str(), hostile] {
        host.post(&thread, text).await;
        view.quiet().await;
    }
    view.until("both are answered", |view| {
        view.queued.is_empty() && host.script.prompts().len() == 2
    })
    .await;
    assert!(host.script.prompts() == [long.as_str(), hostile]);
    let refused = host
        .supervisor
        .post(host.message(&thread, &"x".repeat((1 << 20) + 1)))
        .await;
    assert!(matches!(
        refused,
        Err(SupervisorError::Conversation(ConversationError::TooLarge { .. }))
    ));
}
