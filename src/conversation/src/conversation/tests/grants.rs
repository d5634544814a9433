//! Grants: what is always allowed.

use super::timeline::permission;
use super::*;
use crate::grant::Keeper;
use crate::item::Decision;
use crate::thread::ThreadChange;

fn always(by: &str) -> Body {
    permission(Some(Decision::Always {
        by: by.to_owned(),
        words: "Always run exactly this command".to_owned(),
    }))
}

fn kept(likeness: &str) -> Keeper {
    Keeper::Host {
        likeness: likeness.to_owned(),
    }
}

async fn give(conversation: &Conversation, thread: &ThreadId, by: &str, keeper: Keeper) {
    let given = item(conversation, thread, None, always(by));
    conversation.give_grant(given, keeper).await.unwrap();
}

async fn holds(conversation: &Conversation, thread: &ThreadId, likeness: &str) -> bool {
    conversation
        .holds_grant(thread, likeness.to_owned())
        .await
        .unwrap()
}

async fn given_by(conversation: &Conversation, thread: &ThreadId) -> Vec<String> {
    let grants = conversation.grants(thread).await.unwrap();
    grants.into_iter().map(|grant| grant.by).collect()
}

#[tokio::test]
async fn what_is_always_allowed_is_listed_with_who_said_so_and_holds_in_its_thread_alone_also_after_a_restart()
 {
    let (folder, conversation, thread) = with_thread().await;
    let other = open(&conversation, "web:b").await;
    let long = "x".repeat(2 << 20);
    give(&conversation, &thread, "Ann", kept("run ls")).await;
    give(&conversation, &thread, "Bob", kept(&long)).await;
    let (conversation, _) = reopened(folder.path(), conversation).await;
    let grants = conversation.grants(&thread).await.unwrap();
    assert_eq!(grants.len(), 2);
    assert_eq!(
        (
            grants[0].by.as_str(),
            grants[0].detail.as_str(),
            grants[0].words.as_str()
        ),
        ("Ann", "rm -rf build", "Always run exactly this command")
    );
    assert!(holds(&conversation, &thread, "run ls").await && holds(&conversation, &thread, &long).await);
    for likeness in ["run ls ", "", "xx"] {
        assert!(!holds(&conversation, &thread, likeness).await, "{likeness}");
    }
    assert!(!holds(&conversation, &other, "run ls").await);
    // Given again, the newer one counts.
    give(&conversation, &thread, "Cid", kept("run ls")).await;
    assert_eq!(given_by(&conversation, &thread).await, ["Bob", "Cid"]);
    // One whose entry can't be read holds, and so it is listed.
    raw(folder.path())
        .execute("UPDATE items SET body = '{}' WHERE id = ?1", [grants[1].item])
        .unwrap();
    assert_eq!(given_by(&conversation, &thread).await, ["", "Cid"]);
}

#[tokio::test]
async fn what_is_taken_back_is_gone_with_the_entry_that_says_so_and_nothing_else_is() {
    let (_folder, conversation, thread) = with_thread().await;
    let other = open(&conversation, "web:b").await;
    for (place, by, keeper) in [
        (&thread, "Ann", kept("1")),
        (&thread, "Bob", kept("2")),
        (&thread, "Cid", Keeper::Agent),
        (&other, "Dan", kept("1")),
    ] {
        give(&conversation, place, by, keeper).await;
    }
    let told = |thread: &ThreadId| {
        let entry = item(&conversation, thread, None, note("taken back", None));
        move |_: &[crate::Grant]| entry.clone()
    };
    let grants = conversation.grants(&thread).await.unwrap();
    // Of another thread, or of the agent: nothing happens, and nothing is said.
    for (place, which) in [(&other, grants[0].id), (&thread, grants[2].id)] {
        let taken = conversation
            .take_back_grants(place, Some(which), told(place))
            .await;
        assert_eq!(taken.unwrap(), None);
        assert!(
            !conversation
                .items(place, None, 9)
                .await
                .unwrap()
                .iter()
                .any(|item| matches!(item.body, Body::Note { .. }))
        );
    }
    let taken = conversation
        .take_back_grants(&thread, Some(grants[0].id), told(&thread))
        .await
        .unwrap();
    assert_eq!(taken.unwrap().0[0].by, "Ann");
    assert!(!holds(&conversation, &thread, "1").await && holds(&conversation, &other, "1").await);
    let taken = conversation
        .take_back_grants(&thread, None, told(&thread))
        .await
        .unwrap();
    assert_eq!(taken.unwrap().0.len(), 1, "the agent's own stays");
    assert_eq!(given_by(&conversation, &thread).await, ["Cid"]);
    // No number comes back: a button of long ago must not mean another one.
    give(&conversation, &thread, "Eve", kept("1")).await;
    let newest = conversation.grants(&thread).await.unwrap().pop().unwrap();
    assert!(grants.iter().all(|grant| grant.id != newest.id));
}

#[tokio::test]
async fn another_session_ends_what_the_agent_kept_in_the_former_one_and_another_agent_all() {
    let (_folder, conversation, thread) = with_thread().await;
    let session = async |name: Option<&str>, agent: Option<&str>| {
        let change = ThreadChange {
            session: Some(name.map(str::to_owned)),
            agent: agent.map(str::to_owned),
            ..ThreadChange::default()
        };
        conversation.change_thread(&thread, change).await.unwrap();
    };
    session(Some("1"), None).await;
    give(&conversation, &thread, "Ann", kept("1")).await;
    give(&conversation, &thread, "Bob", Keeper::Agent).await;
    let title = ThreadChange {
        title: Some("x".to_owned()),
        ..ThreadChange::default()
    };
    conversation.change_thread(&thread, title).await.unwrap();
    assert_eq!(given_by(&conversation, &thread).await, ["Ann", "Bob"]);
    session(Some("2"), None).await;
    assert_eq!(given_by(&conversation, &thread).await, ["Ann"]);
    // As where a new session was named and its worker died before anything was said in it.
    session(None, None).await;
    assert_eq!(given_by(&conversation, &thread).await, ["Ann"]);
    session(None, Some("other")).await;
    assert_eq!(given_by(&conversation, &thread).await, [""; 0]);
    assert!(!holds(&conversation, &thread, "1").await);
}

#[tokio::test]
async fn a_reset_forgets_all_drops_what_waits_and_says_so_last_in_its_thread_alone() {
    let (folder, conversation, thread) = with_thread().await;
    let other = open(&conversation, "web:b").await;
    for place in [&thread, &other] {
        let change = ThreadChange {
            session: Some(Some("1".to_owned())),
            ..ThreadChange::default()
        };
        conversation.change_thread(place, change).await.unwrap();
        give(&conversation, place, "Ann", kept("1")).await;
        give(&conversation, place, "Bob", Keeper::Agent).await;
        conversation.enqueue(message(place, "1", "waits")).await.unwrap();
    }
    let reset = conversation.reset(&thread, "why", "begun anew").await.unwrap();
    let (conversation, _) = reopened(folder.path(), conversation).await;
    assert_eq!(conversation.thread(&thread).await.unwrap(), reset.thread);
    assert_eq!(reset.thread.session, None);
    assert_eq!(given_by(&conversation, &thread).await, [""; 0]);
    assert_eq!(conversation.queued(&thread).await.unwrap(), []);
    let last = conversation.items(&thread, None, 2).await.unwrap();
    assert_eq!(last, [reset.dropped[0].told.clone(), reset.told]);
    assert_eq!(given_by(&conversation, &other).await, ["Ann", "Bob"]);
    assert_eq!(conversation.queued(&other).await.unwrap().len(), 1);
    assert_eq!(
        conversation.thread(&other).await.unwrap().session.as_deref(),
        Some("1")
    );
}
