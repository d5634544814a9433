//! What shares a transaction, and what becomes of it.

use std::sync::mpsc as channel;

use tempfile::TempDir;

use super::*;

fn fresh() -> (TempDir, Place, Writer) {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new(folder.path());
    let claimed = place.claim().unwrap();
    let database = place.open(&claimed).unwrap();
    database
        .execute_batch("CREATE TABLE marks (mark INTEGER UNIQUE DEFERRABLE)")
        .unwrap();
    let writer = Writer::start(database, place.clone(), claimed).unwrap();
    (folder, place, writer)
}

fn mark(number: i64) -> impl Fn(&Connection) -> std::result::Result<(), Trouble> + Send {
    move |database| {
        database.execute("INSERT INTO marks VALUES (?1)", [number])?;
        Ok(())
    }
}

fn count(database: &Connection) -> i64 {
    database
        .query_row("SELECT count(*) FROM marks", [], |row| row.get(0))
        .unwrap()
}

/// Holds the writer up until the answer is dropped, so that what is asked for meanwhile waits together.
async fn hold(writer: &Writer) -> channel::Sender<()> {
    let (release, held) = channel::channel::<()>();
    let (reached, reaching) = oneshot::channel();
    let (held, reached) = (std::sync::Mutex::new(held), std::sync::Mutex::new(Some(reached)));
    let writer = writer.clone();
    tokio::spawn(async move {
        let wait = move |_: &Connection| {
            if let Some(reached) = reached.lock().unwrap().take() {
                reached.send(()).unwrap();
            }
            // An error is the release: the other end was dropped.
            let _ = held.lock().unwrap().recv();
            Ok(())
        };
        writer.call("wait", wait).await
    });
    reaching.await.unwrap();
    release
}

#[tokio::test]
async fn what_waits_together_is_committed_together_and_answered_after() {
    let (_folder, place, writer) = fresh();
    let release = hold(&writer).await;
    let seen = {
        let place = place.clone();
        move |database: &Connection| {
            let outside = place.open_to_read().map_err(Trouble::from)?;
            Ok((count(database), count(&outside)))
        }
    };
    let (one, two, seen, ()) = tokio::join!(
        writer.call("mark", mark(1)),
        writer.call("mark", mark(2)),
        writer.call("look", seen),
        async { drop(release) },
    );
    one.unwrap();
    two.unwrap();
    assert_eq!(seen.unwrap(), (2, 0), "(inside the transaction, outside)");
    assert_eq!(count(&place.open_to_read().unwrap()), 2);
}

#[tokio::test]
async fn one_that_fails_spoils_no_other() {
    let (_folder, place, writer) = fresh();
    writer.call("mark", mark(2)).await.unwrap();
    let release = hold(&writer).await;
    let by_half = |database: &Connection| {
        database.execute("INSERT INTO marks VALUES (9)", [])?;
        Err::<(), _>(ConversationError::Closed.into())
    };
    let (one, half, twice, three, ()) = tokio::join!(
        writer.call("mark", mark(1)),
        writer.call("fail", by_half),
        writer.call("mark twice", mark(2)),
        writer.call("mark", mark(3)),
        async { drop(release) },
    );
    one.unwrap();
    three.unwrap();
    assert!(matches!(half, Err(ConversationError::Closed)), "{half:?}");
    assert!(
        matches!(
            &twice,
            Err(ConversationError::Database {
                what: "mark twice",
                ..
            })
        ),
        "{twice:?}"
    );
    let database = place.open_to_read().unwrap();
    let marks: String = database
        .query_row(
            "SELECT group_concat(mark) FROM (SELECT mark FROM marks ORDER BY mark)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(marks, "1,2,3");
}

#[tokio::test]
async fn one_that_ends_the_shared_transaction_spoils_no_other() {
    let (_folder, place, writer) = fresh();
    let release = hold(&writer).await;
    let ends_it = |database: &Connection| {
        // What SQLite itself does on a full disk or a failing one.
        database.execute_batch("ROLLBACK")?;
        Err::<(), _>(ConversationError::Closed.into())
    };
    let (one, ended, two, ()) = tokio::join!(
        writer.call("mark", mark(1)),
        writer.call("end", ends_it),
        writer.call("mark", mark(2)),
        async { drop(release) },
    );
    one.unwrap();
    two.unwrap();
    assert!(matches!(ended, Err(ConversationError::Closed)), "{ended:?}");
    assert_eq!(count(&place.open_to_read().unwrap()), 2);
    writer.call("mark", mark(3)).await.unwrap();
}

#[tokio::test]
async fn a_commit_that_fails_is_told_and_the_next_works() {
    let (_folder, place, writer) = fresh();
    let refused_at_commit = |database: &Connection| {
        database.execute_batch(
            "PRAGMA defer_foreign_keys = ON;
             INSERT INTO turns (thread, source, author, name, text, files, state, created)
             VALUES ('web:nobody', '1', 'local:a', '', '', '[]', 'queued', 0);",
        )?;
        Ok(())
    };
    let release = hold(&writer).await;
    let (bad, good, ()) = tokio::join!(
        writer.call("write an orphan", refused_at_commit),
        writer.call("mark", mark(1)),
        async { drop(release) },
    );
    assert!(
        matches!(
            &bad,
            Err(ConversationError::Database {
                what: "write an orphan",
                ..
            })
        ),
        "{bad:?}"
    );
    good.unwrap();
    writer.call("mark", mark(2)).await.unwrap();
    assert_eq!(count(&place.open_to_read().unwrap()), 2);
}

#[tokio::test]
async fn more_than_fits_into_the_channel_is_all_done() {
    let (_folder, place, writer) = fresh();
    let release = hold(&writer).await;
    let total = i64::try_from(WAITING + BATCH + 7).unwrap();
    let callers: Vec<_> = (0..total)
        .map(|number| {
            tokio::spawn({
                let writer = writer.clone();
                async move { writer.call("mark", mark(number)).await }
            })
        })
        .collect();
    drop(release);
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
    assert_eq!(count(&place.open_to_read().unwrap()), total);
}

#[tokio::test]
async fn what_was_accepted_is_done_after_everybody_has_gone() {
    let (_folder, place, writer) = fresh();
    let release = hold(&writer).await;
    let (alive, gone) = channel::channel::<()>();
    {
        let (alive, mark) = (std::sync::Mutex::new(alive), mark(1));
        let mut call = std::pin::pin!(writer.call("mark", move |database| {
            let _kept_until_the_job_is_over = &alive;
            mark(database)
        }));
        let waker = std::task::Waker::noop();
        let polled = call.as_mut().poll(&mut std::task::Context::from_waker(waker));
        assert!(polled.is_pending());
    }
    drop(writer);
    drop(release);
    gone.recv()
        .expect_err("the other end is dropped, and nothing sent");
    assert_eq!(count(&place.open_to_read().unwrap()), 1);
}
