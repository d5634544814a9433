//! A host that is killed at any moment: everything it has acknowledged is there, nothing is torn, nothing counts twice.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use super::*;
use crate::delivery::{Claim, NewDelivery, Outcome};
use crate::turn::{TurnEnd, TurnState};

/// Names the folder for the process that is going to be killed.
const FOLDER: &str = "CONVERSATION_KILLS_FOLDER";
/// How many kills; more in a long run.
const KILLS: &str = "CONVERSATION_KILLS";
const THREADS: usize = 4;

/// Works until it is killed, and says on standard output what was acknowledged.
#[tokio::test]
#[ignore = "the process that the test below kills"]
async fn works_until_killed() {
    let folder = env::var_os(FOLDER).expect("started by the test below");
    let (conversation, found) = Conversation::open(folder.as_ref()).unwrap();
    for turn in found.cut {
        let told = item(
            &conversation,
            &turn.thread,
            Some(turn.id),
            note("cut", Some(turn.id)),
        );
        conversation.put_items(vec![told]).await.unwrap();
        acknowledged("told", &turn.thread, turn.id.0);
    }
    let workers: Vec<_> = (0..THREADS)
        .map(|number| tokio::spawn(work(conversation.clone(), number)))
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
}

fn acknowledged(what: &str, thread: &ThreadId, number: i64) {
    // One write per line, so that a kill leaves whole lines.
    let line = format!("{what} {thread} {number}\n");
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

async fn work(conversation: Conversation, number: usize) {
    let thread = open(&conversation, &format!("web:{number}")).await;
    let mut next = first_free(&conversation, &thread).await;
    loop {
        for _ in 0..2 {
            conversation
                .enqueue(message(&thread, &next.to_string(), &text(next)))
                .await
                .unwrap();
            acknowledged("accepted", &thread, next);
            next += 1;
        }
        let Some(turn) = conversation.start_next(&thread).await.unwrap() else {
            panic!("one waits, and none runs");
        };
        acknowledged("started", &thread, turn.id.0);
        let part = item(&conversation, &thread, Some(turn.id), answer("half"));
        conversation.put_items(vec![part.clone()]).await.unwrap();
        let whole = Item {
            body: answer("whole"),
            ..part
        };
        conversation.put_items(vec![whole]).await.unwrap();
        conversation.finish(turn.id, TurnEnd::Done, None).await.unwrap();
        acknowledged("done", &thread, turn.id.0);
        deliver(&conversation, &thread, turn.id).await;
    }
}

async fn deliver(conversation: &Conversation, thread: &ThreadId, turn: TurnId) {
    let new = NewDelivery {
        thread: thread.clone(),
        turn: Some(turn),
        part: 0,
        text: "whole".to_owned(),
    };
    let put = conversation.put_deliveries(vec![new]).await.unwrap().remove(0);
    acknowledged("put", thread, put.id.0);
    let claim = Claim {
        now: Timestamp::now(),
        lease: std::time::Duration::from_mins(1),
        limit: 10,
        only: Some(put.id),
        text: None,
    };
    for claimed in conversation.claim_deliveries(claim).await.unwrap() {
        let outcome = Outcome::Delivered { remote: None };
        conversation
            .settle_delivery(&claimed, outcome, Timestamp::now())
            .await
            .unwrap();
        acknowledged("delivered", thread, claimed.id.0);
    }
}

/// The first message that no earlier process was told about; the last one may be accepted without anybody knowing, and is
/// sent again, as a chat would.
async fn first_free(conversation: &Conversation, thread: &ThreadId) -> i64 {
    for number in 0.. {
        let source = SourceId(number.to_string());
        if conversation.by_source(thread, &source).await.unwrap().is_none() {
            return (number - 1).max(0);
        }
    }
    unreachable!("a chat has an end")
}

/// Long enough for several pages, and different for each, so that a torn one shows.
fn text(number: i64) -> String {
    format!("{number} ").repeat(2000)
}

/// A number that nobody chose.
fn chance(below: usize) -> usize {
    use std::hash::{BuildHasher as _, RandomState};
    let drawn = RandomState::new().hash_one(0);
    usize::try_from(drawn % u64::try_from(below).unwrap()).unwrap()
}

/// Starts the process, and kills it after so many acknowledgements. Gives back all of them.
fn killed_after(folder: &Path, lines: usize) -> Vec<(String, ThreadId, i64)> {
    let mut child = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "conversation::tests::kills::works_until_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(FOLDER, folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    while let Some(Ok(line)) = said.next() {
        let words: Vec<_> = line.split(' ').collect();
        // The test runner says something, too.
        if let [what, thread, number] = words[..]
            && let Ok(thread) = ThreadId::parse(thread)
        {
            acknowledged.push((what.to_owned(), thread, number.parse().unwrap()));
        }
        if acknowledged.len() == lines {
            child.kill().unwrap();
        }
    }
    let status = child.wait().unwrap();
    assert!(status.code().is_none(), "killed, not ended by itself: {status}");
    acknowledged
}

#[tokio::test]
async fn a_kill_at_any_moment_loses_and_doubles_nothing() {
    let kills = env::var(KILLS).map_or(12, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut known: BTreeMap<(String, ThreadId), BTreeSet<i64>> = BTreeMap::new();
    let mut cut_at_all = 0;
    for _ in 0..kills {
        for (what, thread, number) in killed_after(folder.path(), 1 + chance(120)) {
            known.entry((what, thread)).or_default().insert(number);
        }
        let look = Conversation::open_without_recovery(folder.path()).unwrap();
        let running = check(&look, folder.path(), &known).await;
        look.close().await.unwrap();
        let (conversation, found) = Conversation::open(folder.path()).unwrap();
        let told = known
            .iter()
            .filter(|((what, _), _)| what == "told")
            .flat_map(|(_, ids)| ids);
        let told: BTreeSet<_> = told.copied().map(TurnId).collect();
        let cut: BTreeSet<_> = found.cut.iter().map(|turn| turn.id).collect();
        assert!(running.is_subset(&cut), "{running:?} {cut:?}");
        assert!(cut.is_disjoint(&told), "{cut:?} {told:?}");
        cut_at_all += running.len();
        let counts = conversation.counts().await.unwrap();
        assert_eq!(counts.running, 0);
        conversation.close().await.unwrap();
    }
    assert!(kills < 10 || cut_at_all > 0, "no kill has hit a running turn");
}

/// Everything acknowledged is there; gives back what runs.
async fn check(
    conversation: &Conversation,
    folder: &Path,
    known: &BTreeMap<(String, ThreadId), BTreeSet<i64>>,
) -> BTreeSet<TurnId> {
    let sound: String = raw(folder)
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");
    for ((what, thread), numbers) in known {
        for number in numbers {
            let words = format!("{what} {thread} {number}");
            match what.as_str() {
                "accepted" => {
                    let source = SourceId(number.to_string());
                    let turn = conversation.by_source(thread, &source).await.unwrap();
                    assert_eq!(turn.expect(&words).text, text(*number), "{words}");
                }
                "started" => {
                    let turn = conversation.turn(TurnId(*number)).await.unwrap();
                    assert_ne!(turn.state, TurnState::Queued, "{words}");
                }
                "done" => {
                    let turn = conversation.turn(TurnId(*number)).await.unwrap();
                    assert_eq!(turn.state, TurnState::Done, "{words}");
                }
                "told" => {
                    let turn = conversation.turn(TurnId(*number)).await.unwrap();
                    assert_eq!(turn.state, TurnState::Cut, "{words}");
                }
                "put" => drop(
                    conversation
                        .delivery(crate::DeliveryId(*number))
                        .await
                        .expect(&words),
                ),
                "delivered" => {
                    let delivery = conversation.delivery(crate::DeliveryId(*number)).await.unwrap();
                    assert_eq!(
                        (delivery.state, delivery.text),
                        (crate::DeliveryState::Delivered, None),
                        "{words}"
                    );
                }
                other => panic!("{other}"),
            }
        }
    }
    let mut running = BTreeSet::new();
    for summary in conversation
        .threads(crate::ThreadFilter::default())
        .await
        .unwrap()
    {
        running.extend(timeline(conversation, &summary.thread.id).await);
    }
    running
}

/// In each timeline every message stands once, every answered turn has its whole answer, and no other thread's words.
async fn timeline(conversation: &Conversation, thread: &ThreadId) -> Vec<TurnId> {
    let mut said = BTreeSet::new();
    let mut answers = BTreeMap::new();
    for item in conversation.items(thread, None, usize::MAX).await.unwrap() {
        match item.body {
            Body::Said { text, .. } => {
                assert!(said.insert((item.turn, text)), "{:?} was said twice", item.turn);
            }
            Body::Answer { text } => {
                assert_eq!(
                    answers.insert(item.turn, text),
                    None,
                    "{:?} was answered twice",
                    item.turn
                );
            }
            _ => {}
        }
    }
    let mut running = Vec::new();
    for (number, (id, text)) in said.iter().enumerate() {
        let turn = conversation.turn(id.expect("of a turn")).await.unwrap();
        // Messages are numbered in the order they came in, and turns have the order of their messages.
        assert_eq!((turn.source.0, &turn.text), (number.to_string(), text));
        let answered = answers.get(id).map(String::as_str);
        match turn.state {
            TurnState::Done => assert_eq!(answered, Some("whole")),
            TurnState::Queued => assert_eq!(answered, None),
            TurnState::Running => running.push(turn.id),
            _ => {}
        }
    }
    assert!(running.len() <= 1);
    running
}
