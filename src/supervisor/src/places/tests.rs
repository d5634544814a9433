//! Who gets a place, and who gives way.

use std::task::Poll;

use super::*;

/// Polls once.
macro_rules! poll {
    ($future:expr) => {
        std::future::poll_fn(|context| Poll::Ready($future.as_mut().poll(context))).await
    };
}

fn notify() -> Arc<Notify> {
    Arc::new(Notify::new())
}

/// Whether it was told to give way.
async fn told(notify: &Notify) -> bool {
    let mut told = std::pin::pin!(notify.notified());
    poll!(told).is_ready()
}

#[tokio::test]
async fn the_worker_that_is_idle_for_longest_gives_way_first() {
    let places = Places::new(3, 1, 1000);
    let mut taken: Vec<_> = (0..3).map(|_| places.try_take().unwrap()).collect();
    assert!(places.try_take().is_none());
    let notes = [notify(), notify(), notify()];
    for index in [1, 0, 2] {
        assert!(!taken[index].idle(&notes[index]));
    }
    let mut first = Box::pin(Arc::clone(&places).take());
    assert!(poll!(first).is_pending());
    assert!(told(&notes[1]).await && !told(&notes[0]).await && !told(&notes[2]).await);
    assert!(taken[1].told_to_leave() && !taken[0].told_to_leave());
    let mut second = Box::pin(Arc::clone(&places).take());
    assert!(poll!(second).is_pending());
    assert!(told(&notes[0]).await && !told(&notes[2]).await);
    drop(taken.remove(1));
    let Poll::Ready(_held) = poll!(first) else {
        panic!("a place became free");
    };
    assert!(poll!(second).is_pending(), "one place, one waiter");
}

#[tokio::test]
async fn where_nobody_is_idle_the_next_who_ends_a_turn_gives_way_to_the_first_who_waits() {
    let places = Places::new(1, 1, 1000);
    let mut only = places.try_take().unwrap();
    assert!(!only.gives_way(), "nobody waits");
    let mut first = Box::pin(Arc::clone(&places).take());
    let mut second = Box::pin(Arc::clone(&places).take());
    assert!(poll!(first).is_pending() && poll!(second).is_pending());
    assert!(only.gives_way());
    drop(only);
    assert!(poll!(second).is_pending(), "the other came first");
    let Poll::Ready(mut only) = poll!(first) else {
        panic!("a place became free");
    };
    assert!(only.idle(&notify()), "the second still waits");
    drop(only);
    assert!(poll!(second).is_ready());
}

#[tokio::test]
async fn a_worker_that_got_a_turn_before_it_could_leave_stays_and_another_leaves() {
    let places = Places::new(2, 1, 1000);
    let (mut one, mut other) = (places.try_take().unwrap(), places.try_take().unwrap());
    let (note, other_note) = (notify(), notify());
    assert!(!one.idle(&note));
    assert!(!other.idle(&other_note));
    let mut waiter = Box::pin(Arc::clone(&places).take());
    assert!(poll!(waiter).is_pending() && told(&note).await);
    one.busy();
    assert!(!one.told_to_leave());
    assert!(told(&other_note).await && other.told_to_leave());
}

#[tokio::test]
async fn a_waiter_who_gives_up_makes_nobody_leave() {
    let places = Places::new(1, 1, 1000);
    let mut only = places.try_take().unwrap();
    let mut waiter = Box::pin(Arc::clone(&places).take());
    assert!(poll!(waiter).is_pending());
    drop(waiter);
    assert!(!only.gives_way() && !only.idle(&notify()));
    drop(only);
    let book = places.book();
    assert!(
        book.idle.is_empty() && book.waiting == 0 && book.leaving == 0,
        "{book:?}"
    );
}

#[tokio::test]
async fn a_worker_that_is_said_to_be_idle_twice_is_told_to_leave_once() {
    let places = Places::new(1, 1, 1000);
    let mut only = places.try_take().unwrap();
    let note = notify();
    assert!(!only.idle(&note) && !only.idle(&note));
    let mut waiter = Box::pin(Arc::clone(&places).take());
    assert!(poll!(waiter).is_pending() && told(&note).await);
    assert!(only.idle(&note), "somebody needs its place");
    drop(only);
    assert!(poll!(waiter).is_ready());
    let book = places.book();
    assert!(book.idle.is_empty() && book.leaving == 0, "{book:?}");
}

#[tokio::test]
async fn a_start_beyond_the_rate_waits_for_its_time() {
    let places = Places::new(9, 9, 1);
    let _at_once = Arc::clone(&places).may_start().await;
    let mut second = Box::pin(Arc::clone(&places).may_start());
    assert!(poll!(second).is_pending());
    let _in_time = second.await;
}
