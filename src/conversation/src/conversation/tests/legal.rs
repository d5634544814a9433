//! Whatever is called in whatever order, turns move only as the pure function says, and the host never loses count.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::turn::{TurnEnd, TurnEvent, TurnState};

const THREADS: [&str; 2] = ["web:a", "web:b"];

#[derive(Debug, Clone)]
enum Call {
    Enqueue { thread: usize, source: u8 },
    Start { thread: usize },
    Finish { turn: i64, end: TurnEnd },
    Merge { from: i64, into: i64 },
    Drop { thread: usize, except: i64 },
    Retry { turn: i64 },
    Skip { max: usize },
    Reopen,
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let thread = 0..THREADS.len();
    let turn = 0_i64..10;
    let end = prop::sample::select(vec![
        TurnEnd::Done,
        TurnEnd::Failed,
        TurnEnd::Stopped,
        TurnEnd::Cut,
    ]);
    let call = prop_oneof![
        5 => (thread.clone(), 0_u8..8).prop_map(|(thread, source)| Call::Enqueue { thread, source }),
        5 => thread.clone().prop_map(|thread| Call::Start { thread }),
        5 => (turn.clone(), end).prop_map(|(turn, end)| Call::Finish { turn, end }),
        2 => (turn.clone(), turn.clone()).prop_map(|(from, into)| Call::Merge { from, into }),
        1 => (thread, turn.clone()).prop_map(|(thread, except)| Call::Drop { thread, except }),
        3 => turn.prop_map(|turn| Call::Retry { turn }),
        1 => (0_usize..3).prop_map(|max| Call::Skip { max }),
        1 => Just(Call::Reopen),
    ];
    prop::collection::vec(call, 1..60)
}

/// Every turn there is, by id.
async fn everything(conversation: &Conversation) -> BTreeMap<TurnId, Turn> {
    let mut all = BTreeMap::new();
    for id in 1.. {
        match conversation.turn(TurnId(id)).await {
            Ok(turn) => all.insert(turn.id, turn),
            Err(_) => break,
        };
    }
    all
}

/// Whether one call may take a turn from one state to another, and nothing else of it changed that must not.
fn legal(before: &Turn, after: &Turn, reopened: bool) -> Result<(), String> {
    let ends = [TurnEnd::Done, TurnEnd::Failed, TurnEnd::Stopped, TurnEnd::Cut].map(TurnEvent::End);
    let moves = ends.into_iter().chain([TurnEvent::Start]);
    let reachable = moves
        .filter_map(|event| before.state.after(event))
        .any(|state| state == after.state);
    let fair = match (reopened, before.state) {
        _ if before.state.is_ended() => before == after,
        (true, TurnState::Running) => after.state == TurnState::Cut,
        (true, _) => before == after,
        (false, _) => before.state == after.state || reachable,
    };
    let same = (&before.thread, &before.source, &before.by, before.created)
        == (&after.thread, &after.source, &after.by, after.created);
    let words = after.text.starts_with(&before.text) && after.attempts >= before.attempts;
    if fair && same && words {
        Ok(())
    } else {
        Err(format!("{before:?} became {after:?}"))
    }
}

fn whole(turns: &BTreeMap<TurnId, Turn>) -> Result<(), String> {
    for thread in THREADS {
        let of = || turns.values().filter(|turn| turn.thread.as_str() == thread);
        if of().filter(|turn| turn.state == TurnState::Running).count() > 1 {
            return Err(format!("two turns run in {thread}"));
        }
        let mut sources: Vec<_> = of().map(|turn| &turn.source.0).collect();
        sources.sort();
        sources.dedup();
        if sources.len() != of().count() {
            return Err(format!("a message of {thread} has two turns"));
        }
    }
    for turn in turns.values() {
        let ran = turn.started.is_some();
        if turn.state.is_ended() != turn.ended.is_some() || ran != (turn.attempts > 0) {
            return Err(format!("out of step: {turn:?}"));
        }
    }
    Ok(())
}

async fn run(script: Vec<Call>) -> Result<(), TestCaseError> {
    let (folder, mut conversation) = fresh();
    let mut threads = Vec::new();
    for id in THREADS {
        threads.push(open(&conversation, id).await);
    }
    let mut before = BTreeMap::new();
    for call in script {
        let reopened = matches!(call, Call::Reopen);
        // What is refused is part of the script: it must change nothing that the checks below would see.
        match call.clone() {
            Call::Enqueue { thread, source } => {
                let _ = conversation
                    .enqueue(message(&threads[thread], &source.to_string(), "x"))
                    .await;
            }
            Call::Start { thread } => drop(conversation.start_next(&threads[thread]).await),
            Call::Finish { turn, end } => drop(conversation.finish(TurnId(turn), end, None).await),
            Call::Merge { from, into } => drop(conversation.merge(TurnId(from), TurnId(into)).await),
            Call::Drop { thread, except } => {
                drop(
                    conversation
                        .drop_queued(&threads[thread], move |turn| turn.id.0 != except, "x")
                        .await,
                );
            }
            Call::Retry { turn } => drop(conversation.retry(TurnId(turn)).await),
            Call::Skip { max } => drop(conversation.skip(waiting(None, max)).await),
            Call::Reopen => (conversation, _) = self::reopened(folder.path(), conversation).await,
        }
        let after = everything(&conversation).await;
        for (id, turn) in &before {
            let now = after
                .get(id)
                .ok_or_else(|| TestCaseError::fail(format!("turn {id} is gone")))?;
            legal(turn, now, reopened).map_err(|fault| TestCaseError::fail(format!("{call:?}: {fault}")))?;
        }
        whole(&after).map_err(|fault| TestCaseError::fail(format!("{call:?}: {fault}")))?;
        before = after;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_calls_leaves_the_table_of_states(script in calls()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(run(script))?;
    }
}
