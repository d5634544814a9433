//! What a thread costs a host that only knows it.

use conversation::{Conversation, Dispatch, NewThread, NewTurn, SourceId, ThreadId, TurnEnd};
use credentials::UserId;
use support::discord::Id;
use support::pss;

use crate::table::{Limit, Table};
use crate::town::Town;

/// Discord lists so many open threads of a guild; older ones are archived.
const OPEN: usize = 1000;

pub(crate) async fn measure(table: &mut Table) {
    let mut last: Option<(usize, u64)> = None;
    for size in [10, 1000, 10_000] {
        let used = known(size).await;
        let Some((fewer, before)) = last.replace((size, used)) else {
            continue;
        };
        let per_thread = kib(used.saturating_sub(before)) / kib((size - fewer) as u64);
        table.add(
            &format!("memory of a known idle thread, from {fewer} to {size}"),
            format!(
                "{:.1} MiB against {:.1} MiB",
                kib(used) / 1024.0,
                kib(before) / 1024.0
            ),
            per_thread,
            "KiB",
            Limit::AtMost(4.0),
        );
    }
}

fn kib(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Size of a host that knows so many threads, in KiB.
async fn known(size: usize) -> u64 {
    let town = Town::new().await;
    let threads: Vec<Id> = (0..size)
        .map(|number| {
            let thread = town
                .alice
                .starts_thread(town.channel, &format!("about number {number}"), None);
            if number + OPEN < size {
                town.alice.archives(thread, true);
            }
            thread
        })
        .collect();
    remember(&town, &threads).await;
    let host = town.up().await;
    // Connected and caught up; and the host gives freed memory back each half minute.
    tokio::time::sleep(std::time::Duration::from_secs(40)).await;
    let used = pss(host.pid().as_raw().unsigned_abs());
    host.stop();
    used
}

/// Each had a turn.
async fn remember(town: &Town, threads: &[Id]) {
    let (conversation, _) = Conversation::open(town.folder.path()).expect("a new one opens");
    let owner = UserId::parse("discord:1").expect("a valid name");
    for thread in threads {
        let id = ThreadId::parse(&format!("discord:{thread}")).expect("a valid name");
        let new = NewThread {
            id: id.clone(),
            owner: owner.clone(),
            title: "about something".to_owned(),
            agent: "bench".to_owned(),
            model: None,
            dispatch: Dispatch::Queue,
            workspaces: None,
            permissions: None,
        };
        conversation.open_thread(new).await.expect("it opens");
        let said = NewTurn {
            thread: id.clone(),
            source: SourceId(format!("first of {thread}")),
            by: owner.clone(),
            name: "alice".to_owned(),
            text: "when".to_owned(),
            files: vec![],
        };
        conversation.enqueue(said).await.expect("it is accepted");
        let turn = conversation.start_next(&id).await.expect("it begins");
        let turn = turn.expect("one waits").id;
        conversation
            .finish(turn, TurnEnd::Done, None)
            .await
            .expect("it ends");
    }
    conversation.close().await.expect("it closes");
}
