//! With ten thousand messages nothing is searched from end to end: asked of the database's planner, not of a clock.

use super::*;
use crate::tables::{deliveries, grants, items, threads, turns};

/// How SQLite would run a statement.
fn plan(database: &Connection, sql: &str) -> Vec<String> {
    let mut statement = database.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    // Parameters stay unbound: the plan does not depend on them.
    let mut steps = statement.raw_query();
    let mut plan = Vec::new();
    while let Some(step) = steps.next().unwrap() {
        plan.push(step.get("detail").unwrap());
    }
    plan
}

#[tokio::test]
async fn reading_the_newest_of_ten_thousand_uses_the_index() {
    let (folder, conversation, thread) = with_thread().await;
    let other = open(&conversation, "web:b").await;
    let mut written = Vec::new();
    for number in 0..10_000 {
        let place = if number % 10 == 0 { &other } else { &thread };
        written.push(item(&conversation, place, None, answer("x")));
    }
    let mine: Vec<_> = written
        .iter()
        .filter(|item| item.thread == thread)
        .cloned()
        .collect();
    let newest = &mine[mine.len() - 3..];
    conversation.put_items(written).await.unwrap();
    assert_eq!(conversation.items(&thread, None, 3).await.unwrap(), newest);
    let database = raw(folder.path());
    database.execute_batch("ANALYZE").unwrap();
    let steps = plan(&database, items::NEWEST);
    assert_eq!(
        steps,
        ["SEARCH items USING INDEX items_thread (thread=? AND id<?)"]
    );
}

/// Indexes that hold only what is open: going through one of them is cheap, however long the history.
const SMALL: [&str; 5] = [
    "turns_queued",
    "turns_running",
    "deliveries_due",
    "deliveries_sent",
    "deliveries_stuck",
];

#[test]
fn no_hot_statement_searches_a_whole_table() {
    let (folder, _conversation) = fresh();
    let database = raw(folder.path());
    let statements = [
        turns::QUEUED,
        turns::NEXT,
        turns::BY_SOURCE,
        turns::WAITING,
        turns::OLDEST,
        turns::RUNNING,
        deliveries::LOST,
        deliveries::STUCK,
        grants::LIST,
        grants::HOLDS,
    ];
    for sql in statements {
        for step in plan(&database, sql) {
            let by_key = step.contains(" INDEX ") || step.contains(" INTEGER PRIMARY KEY ");
            let found = step.starts_with("SEARCH") && by_key;
            let small = SMALL.iter().any(|index| step.contains(index));
            let around = step.starts_with("SCALAR SUBQUERY") || step.starts_with("USE TEMP B-TREE");
            assert!(found || small || around, "{step}\n{sql}");
        }
    }
    let due = plan(&database, deliveries::DUE).join("\n");
    assert!(
        due.contains("SEARCH d USING INDEX deliveries_due (next_try<?)"),
        "{due}"
    );
    assert!(
        due.contains("USING INDEX deliveries_open (thread=? AND id<?)"),
        "{due}"
    );
    assert!(!due.contains("TEMP"), "{due}");
    // Lists look at every thread, and at a few rows of each.
    let list = plan(&database, threads::LIST).join("\n");
    for index in ["turns_queued", "turns_running", "turns_ended"] {
        assert!(list.contains(index), "{list}");
    }
    assert!(
        !list.contains("SCAN q") && !list.contains("SCAN r") && !list.contains("SCAN e"),
        "{list}"
    );
}
