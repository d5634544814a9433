//! Opening and closing: whose file it is, who may have it, and what is never overwritten.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::turn::{TurnEnd, TurnState};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Opening in each way fails with an error of this kind, and the file stays as it was.
fn left_alone(folder: &Path, expected: impl Fn(&ConversationError) -> bool) {
    let file = folder.join("conversation.db");
    let before = fs::read(&file).unwrap();
    let errors = [
        Conversation::open(folder).map(drop).unwrap_err(),
        Conversation::open_offline(folder).map(drop).unwrap_err(),
        Conversation::open_without_recovery(folder).map(drop).unwrap_err(),
    ];
    for error in errors {
        assert!(expected(&error), "{error:?}");
        assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
    }
    assert!(fs::read(&file).unwrap() == before, "the file was changed");
}

#[tokio::test]
async fn nobody_else_can_read_what_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("new").join("state");
    let (conversation, _) = Conversation::open(&state).unwrap();
    open(&conversation, "web:a").await;
    assert_eq!(mode(&state), 0o700);
    for entry in fs::read_dir(&state).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    conversation.close().await.unwrap();
    fs::set_permissions(state.join("conversation.db"), fs::Permissions::from_mode(0o644)).unwrap();
    let (_conversation, _) = Conversation::open(&state).unwrap();
    assert_eq!(mode(&state.join("conversation.db")), 0o600);
}

#[tokio::test]
async fn what_was_written_is_there_for_the_next_host() {
    let (folder, conversation, thread) = with_thread().await;
    let turn = say(&conversation, &thread, "1", "one").await;
    let (conversation, found) = reopened(folder.path(), conversation).await;
    assert_eq!(conversation.turn(turn.id).await.unwrap(), turn);
    assert_eq!(found.waiting, [thread]);
}

#[tokio::test]
async fn commits_wait_for_the_disk() {
    let (folder, conversation) = fresh();
    let pragmas = conversation
        .write("ask", |database| {
            let number = |name| database.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
            Ok((number("synchronous")?, number("foreign_keys")?))
        })
        .await
        .unwrap();
    assert_eq!(pragmas, (2, 1), "synchronous=FULL, and references are checked");
    let mode: String = raw(folder.path())
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "wal");
}

#[tokio::test]
async fn a_damaged_file_is_named_and_left_alone() {
    let damaged = |error: &ConversationError| matches!(error, ConversationError::Damaged { .. });
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("conversation.db"),
        "no database at all\n".repeat(500),
    )
    .unwrap();
    left_alone(folder.path(), damaged);

    let (folder, conversation, _) = with_thread().await;
    conversation.close().await.unwrap();
    let file = folder.path().join("conversation.db");
    let mut bytes = fs::read(&file).unwrap();
    // The schema's page, behind the header, which is still sound.
    bytes[100..2000].fill(0xa5);
    fs::write(&file, bytes).unwrap();
    left_alone(folder.path(), damaged);
}

#[test]
fn a_folder_in_place_of_the_file_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("conversation.db");
    fs::create_dir(&file).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    for refused in [
        Conversation::open(folder.path()).map(drop),
        Conversation::open_without_recovery(folder.path()).map(drop),
    ] {
        let error = refused.unwrap_err();
        assert!(matches!(error, ConversationError::Damaged { .. }), "{error:?}");
        assert!(error.hint().unwrap().contains(file.to_str().unwrap()));
    }
    assert_eq!(mode(&file), 0o755);
}

#[test]
fn another_programs_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let other = raw(folder.path());
    other
        .execute_batch("CREATE TABLE threads (id); PRAGMA user_version = 1;")
        .unwrap();
    drop(other);
    left_alone(folder.path(), |error| {
        matches!(error, ConversationError::Damaged { .. })
    });
}

#[tokio::test]
async fn a_newer_programs_database_is_left_alone() {
    let (folder, conversation, _) = with_thread().await;
    conversation.close().await.unwrap();
    let newer = raw(folder.path());
    newer.execute_batch("PRAGMA user_version = 10").unwrap();
    newer.close().unwrap();
    left_alone(folder.path(), |error| {
        matches!(
            error,
            ConversationError::Version {
                found: 10,
                known: 9,
                ..
            }
        )
    });
}

#[tokio::test]
async fn an_answer_of_the_format_before_has_no_model_and_the_next_one_keeps_its_own() {
    let (folder, conversation, thread) = with_thread().await;
    let old = say(&conversation, &thread, "1", "one").await;
    start(&conversation, &thread).await;
    let old = conversation.finish(old.id, TurnEnd::Done, None).await.unwrap();
    conversation.close().await.unwrap();
    raw(folder.path())
        .execute_batch("ALTER TABLE turns DROP COLUMN model; ALTER TABLE turns DROP COLUMN spoken; PRAGMA user_version = 7;")
        .unwrap();
    let (conversation, _) = Conversation::open(folder.path()).unwrap();
    assert_eq!(conversation.turn(old.id).await.unwrap(), old);
    let new = say(&conversation, &thread, "2", "two").await;
    start(&conversation, &thread).await;
    let model = Some("large".to_owned());
    let done = (TurnEnd::Done, None);
    let answered = conversation.conclude(new.id, done, model.clone(), Vec::new());
    let answered = answered.await.unwrap();
    assert_eq!((answered.state, &answered.model), (TurnState::Done, &model));
    let (conversation, _) = reopened(folder.path(), conversation).await;
    assert_eq!(conversation.turn(new.id).await.unwrap(), answered);
}

#[test]
fn an_empty_file_becomes_a_conversation() {
    // What a host leaves that is killed between creating the file and its first commit.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("conversation.db"), "").unwrap();
    let looked = Conversation::open_without_recovery(folder.path()).map(drop);
    assert!(
        matches!(looked, Err(ConversationError::Version { found: 0, .. })),
        "{looked:?}"
    );
    Conversation::open(folder.path()).unwrap();
}

#[tokio::test]
async fn a_second_writer_is_refused_and_disturbs_nothing() {
    let (folder, conversation, thread) = with_thread().await;
    let turn = say(&conversation, &thread, "1", "one").await;
    start(&conversation, &thread).await;
    for second in [
        Conversation::open(folder.path()).map(drop),
        Conversation::open_offline(folder.path()).map(drop),
    ] {
        assert!(matches!(second, Err(ConversationError::InUse(_))), "{second:?}");
    }
    assert_eq!(
        conversation.turn(turn.id).await.unwrap().state,
        TurnState::Running
    );
    conversation.finish(turn.id, TurnEnd::Done, None).await.unwrap();
    conversation.close().await.unwrap();
    Conversation::open(folder.path()).unwrap();
}

#[tokio::test]
async fn a_tool_looks_while_the_host_runs() {
    let (folder, conversation, thread) = with_thread().await;
    let turn = say(&conversation, &thread, "1", "one").await;
    start(&conversation, &thread).await;
    let tool = Conversation::open_without_recovery(folder.path()).unwrap();
    assert_eq!(tool.turn(turn.id).await.unwrap().state, TurnState::Running);
    let refused = tool.skip(waiting(None, 1)).await;
    assert!(
        matches!(refused, Err(ConversationError::ReadOnly(_))),
        "{refused:?}"
    );
    // The host goes on, and the tool sees what it does.
    conversation.finish(turn.id, TurnEnd::Done, None).await.unwrap();
    assert_eq!(tool.turn(turn.id).await.unwrap().state, TurnState::Done);
    tool.close().await.unwrap();
    say(&conversation, &thread, "2", "two").await;
}

#[tokio::test]
async fn a_tool_that_looks_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let looked = Conversation::open_without_recovery(folder.path()).map(drop);
    assert!(matches!(looked, Err(ConversationError::Missing(_))), "{looked:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_tool_changes_things_while_no_host_runs_and_cuts_nothing() {
    let (folder, conversation, thread) = with_thread().await;
    let running = say(&conversation, &thread, "1", "one").await;
    start(&conversation, &thread).await;
    say(&conversation, &thread, "2", "two").await;
    conversation.close().await.unwrap();
    let tool = Conversation::open_offline(folder.path()).unwrap();
    assert_eq!(tool.skip(waiting(None, 5)).await.unwrap().entries.len(), 1);
    assert_eq!(tool.turn(running.id).await.unwrap().state, TurnState::Running);
    let (_conversation, found) = reopened(folder.path(), tool).await;
    assert_eq!(found.cut.len(), 1);
    assert!(found.waiting.is_empty());
}

#[tokio::test]
async fn after_closing_everything_is_closed() {
    let (folder, conversation, thread) = with_thread().await;
    let accepted: Vec<_> = (0..50)
        .map(|number| {
            tokio::spawn({
                let (conversation, new) = (conversation.clone(), message(&thread, &number.to_string(), "x"));
                async move { conversation.enqueue(new).await }
            })
        })
        .collect();
    // Whoever was told that a message is accepted is right, whenever the end came.
    conversation.close().await.unwrap();
    let mut kept = 0;
    for one in accepted {
        match one.await.unwrap() {
            Ok(_) => kept += 1,
            Err(error) => assert!(matches!(error, ConversationError::Closed), "{error:?}"),
        }
    }
    assert!(matches!(
        conversation.thread(&thread).await,
        Err(ConversationError::Closed)
    ));
    assert!(matches!(
        conversation.close().await,
        Err(ConversationError::Closed)
    ));
    // Everything lies in the one file.
    let log = fs::metadata(folder.path().join("conversation.db-wal")).map_or(0, |log| log.len());
    assert_eq!(log, 0);
    let (conversation, _) = Conversation::open(folder.path()).unwrap();
    assert_eq!(conversation.queued(&thread).await.unwrap().len(), kept);
}

#[tokio::test]
async fn a_call_whose_caller_has_gone_is_done_or_not_done() {
    let (_folder, conversation, thread) = with_thread().await;
    {
        let mut accepting = std::pin::pin!(conversation.enqueue(message(&thread, "1", "x")));
        let waker = std::task::Waker::noop();
        // Handed over, and given up at once.
        let _ = accepting
            .as_mut()
            .poll(&mut std::task::Context::from_waker(waker));
    }
    let after = conversation.enqueue(message(&thread, "1", "x")).await.unwrap();
    let (Enqueued::Known(turn) | Enqueued::New(turn, _)) = after;
    assert_eq!(conversation.queued(&thread).await.unwrap(), [turn]);
    assert_eq!(conversation.items(&thread, None, 9).await.unwrap().len(), 1);
}

#[test]
fn debug_tells_the_file_and_no_content() {
    let (folder, conversation) = fresh();
    let shown = format!("{conversation:?}");
    assert!(shown.contains(folder.path().to_str().unwrap()), "{shown}");
}
