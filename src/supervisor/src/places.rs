//! Places for workers: how many may live, how many may be started at once and how fast, and who gives way to whom.
//!
//! Fair: whoever waits longest gets the next place. A waiter makes the worker that is idle for longest give way; if none
//! is idle, the next one that ends a turn does, even when its own thread has more to do (and queues up behind).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use pace::Pace;

mod pace;

/// The places of one host.
#[derive(Debug)]
pub(crate) struct Places {
    living: Arc<Semaphore>,
    starting: Arc<Semaphore>,
    pace: Mutex<Pace>,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    /// Idle workers in the order in which they became idle, with what tells their threads to end them.
    idle: BTreeMap<u64, Arc<Notify>>,
    next: u64,
    /// Threads that wait for a place.
    waiting: usize,
    /// Workers that were told to give way and still live.
    leaving: usize,
}

/// A worker's place. Dropped when the worker has ended.
#[derive(Debug)]
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
    places: Arc<Places>,
    standing: Standing,
}

/// How the worker in a place stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Busy,
    Idle(u64),
    Leaving,
}

/// Counts a thread as waiting while it lives, so that one that gives up is no longer counted.
struct Waiting(Arc<Places>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.book().waiting -= 1;
    }
}

impl Places {
    /// Places for so many workers, of which so many may be starting, and so many be started in a second; at least one
    /// of each.
    pub(crate) fn new(living: usize, starting: usize, per_second: u32) -> Arc<Self> {
        let semaphore = |places: usize| Arc::new(Semaphore::new(places.clamp(1, Semaphore::MAX_PERMITS)));
        Arc::new(Self {
            living: semaphore(living),
            starting: semaphore(starting),
            pace: Mutex::new(Pace::new(per_second, Instant::now())),
            book: Mutex::default(),
        })
    }

    /// A place, if one is free and nobody waits.
    pub(crate) fn try_take(self: &Arc<Self>) -> Option<Place> {
        let permit = Arc::clone(&self.living).try_acquire_owned().ok()?;
        Some(self.place(permit))
    }

    /// Waits for a place. Dropped before, it takes none.
    pub(crate) async fn take(self: Arc<Self>) -> Place {
        self.book().waiting += 1;
        let waiting = Waiting(Arc::clone(&self));
        self.make_room();
        // The semaphore is never closed; if it were, waiting for ever would be the safe answer.
        let Ok(permit) = Arc::clone(&self.living).acquire_owned().await else {
            return std::future::pending().await;
        };
        drop(waiting);
        self.place(permit)
    }

    /// Waits until it may be started. The permit is dropped when it has started.
    pub(crate) async fn may_start(self: Arc<Self>) -> OwnedSemaphorePermit {
        let Ok(permit) = Arc::clone(&self.starting).acquire_owned().await else {
            return std::future::pending().await;
        };
        let when = self
            .pace
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next(Instant::now());
        // The permit is held meanwhile, so that those behind keep their order.
        tokio::time::sleep_until(when).await;
        permit
    }

    fn place(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Place {
        Place {
            _permit: permit,
            places: Arc::clone(self),
            standing: Standing::Busy,
        }
    }

    /// Tells idle workers to give way, one for each who waits and has nobody leaving for them.
    fn make_room(&self) {
        let mut book = self.book();
        while book.waiting > book.leaving
            && let Some((_, notify)) = book.idle.pop_first()
        {
            book.leaving += 1;
            notify.notify_one();
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The worker has nothing to do. `true`: somebody needs the place, end it at once. Otherwise `notify` tells when
    /// somebody does; then ask [`told_to_leave`](Self::told_to_leave).
    pub(crate) fn idle(&mut self, notify: &Arc<Notify>) -> bool {
        if matches!(self.standing, Standing::Idle(_)) {
            // It is in the book already: a second entry would never be taken out.
            return self.told_to_leave();
        }
        if self.gives_way() {
            return true;
        }
        let mut book = self.places.book();
        let number = book.next;
        book.next += 1;
        book.idle.insert(number, Arc::clone(notify));
        self.standing = Standing::Idle(number);
        false
    }

    /// A turn has ended. Whether somebody waits for whom no idle worker gives way: then this one must.
    pub(crate) fn gives_way(&mut self) -> bool {
        let mut book = self.places.book();
        if self.standing == Standing::Busy && book.waiting > book.leaving {
            book.leaving += 1;
            self.standing = Standing::Leaving;
        }
        self.standing == Standing::Leaving
    }

    /// Whether the worker was told to give way while it was idle.
    pub(crate) fn told_to_leave(&mut self) -> bool {
        if let Standing::Idle(number) = self.standing
            && !self.places.book().idle.contains_key(&number)
        {
            self.standing = Standing::Leaving;
        }
        self.standing == Standing::Leaving
    }

    /// The worker has something to do. If it was just told to give way, another one is told instead.
    pub(crate) fn busy(&mut self) {
        let was_idle = match self.standing {
            Standing::Busy => return,
            Standing::Idle(number) => self.places.book().idle.remove(&number).is_some(),
            Standing::Leaving => false,
        };
        self.standing = Standing::Busy;
        if !was_idle {
            self.places.book().leaving -= 1;
            self.places.make_room();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut book = self.places.book();
        match self.standing {
            Standing::Busy => {}
            Standing::Leaving => book.leaving -= 1,
            Standing::Idle(number) => {
                if book.idle.remove(&number).is_none() {
                    book.leaving -= 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
