//! `threads list` and `threads show`: how much they tell, and that they say what they leave out.

use conversation::{Body, Conversation, Dispatch, Item, NewThread, ThreadId};
use credentials::{Timestamp, UserId};

use crate::house::House;

/// A house with these threads, and in the first of them answers with a usage after each.
fn with_threads(names: &[&str], answers: usize) -> House {
    let house = House::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (conversation, _) = Conversation::open(house.home()).unwrap();
    runtime.block_on(async {
        for name in names {
            let new = NewThread {
                id: ThreadId::parse(name).unwrap(),
                owner: UserId::parse("local:alice").unwrap(),
                title: String::new(),
                agent: "native".to_owned(),
                model: None,
                dispatch: Dispatch::Queue,
                workspaces: None,
                permissions: None,
            };
            conversation.open_thread(new).await.unwrap();
        }
        let item = |body| Item {
            id: conversation.new_item_id(),
            thread: ThreadId::parse(names[0]).unwrap(),
            turn: None,
            at: Timestamp::now(),
            body,
        };
        for number in 1..=answers {
            let text = format!("answer {number}.");
            let items = [Body::Answer { text }, Body::Usage { used: 1, size: 0 }].map(item);
            conversation.put_items(items.into()).await.unwrap();
        }
        conversation.close().await.unwrap();
    });
    house
}

#[test]
fn a_list_says_how_many_threads_it_leaves_out() {
    let house = with_threads(&["web:a", "web:b", "web:c"], 0);
    let short = house.run("threads list --max 1").exits(0);
    assert_eq!(short.out.lines().count(), 2, "{short:?}");
    short.tells(&["2 threads more are left out: --max 0 shows all"]);
    for line in ["threads list --max 0", "threads list"] {
        let all = house.run(line).exits(0);
        assert!(all.out.lines().count() == 4 && all.err.is_empty(), "{all:?}");
    }
}

#[test]
fn where_no_thread_ever_was_none_is_dismissed_and_nothing_is_made() {
    let house = House::new();
    let none = house.run("threads skip --all-failed --json").exits(0).json();
    assert_eq!(none["dismissed_threads"], 0);
    assert_eq!(std::fs::read_dir(house.home()).unwrap().count(), 0);
}

#[test]
fn a_story_counts_only_what_it_tells_and_says_that_there_is_more() {
    let house = with_threads(&["web:a"], 4);
    let short = house.run("threads show web:a --max 2").exits(0);
    let told = |out: &str| out.matches("answer ").count();
    assert_eq!(told(&short.out), 2, "{short:?}");
    assert!(
        short.out.contains("answer 4.") && !short.out.contains("answer 2."),
        "{short:?}"
    );
    short.tells(&["older entries are left out: --max 0 shows all"]);
    for line in ["threads show web:a --max 0", "threads show web:a --max 4"] {
        let all = house.run(line).exits(0);
        assert!(told(&all.out) == 4 && all.err.is_empty(), "{all:?}");
    }
}
