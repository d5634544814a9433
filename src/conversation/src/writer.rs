//! The one thread that writes: takes everything that waits into one transaction, and answers after the commit.

use std::thread;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use crate::database::{Claimed, Place};
use crate::error::{ConversationError, Result, Trouble, database, file};

#[cfg(test)]
mod tests;

/// Jobs in one transaction. An fsync costs as much as some hundred inserts; more than that only delays the first.
const BATCH: usize = 256;
/// Jobs that wait; when it is full, callers wait.
const WAITING: usize = 1024;

/// A handle on the thread. The thread ends when the last handle is gone, or after `close`.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    orders: mpsc::Sender<Order>,
}

enum Order {
    Job(Box<dyn Job>),
    Close(oneshot::Sender<Result<()>>),
}

/// A piece of work that may be run again, when a transaction that it shared came to nothing.
trait Job: Send {
    /// Does the work and keeps its outcome. `false`: what it wrote must be undone.
    fn run(&mut self, database: &Connection) -> bool;
    /// Tells the caller: its outcome, or that the transaction failed.
    fn answer(self: Box<Self>, place: &Place, failed: Option<&rusqlite::Error>);
}

struct Typed<T, W> {
    what: &'static str,
    work: W,
    outcome: Option<std::result::Result<T, Trouble>>,
    caller: oneshot::Sender<Result<T>>,
}

impl<T, W> Job for Typed<T, W>
where
    T: Send,
    W: Fn(&Connection) -> std::result::Result<T, Trouble> + Send,
{
    fn run(&mut self, database: &Connection) -> bool {
        self.outcome.insert((self.work)(database)).is_ok()
    }

    fn answer(self: Box<Self>, place: &Place, failed: Option<&rusqlite::Error>) {
        let result = match (self.outcome, failed) {
            (Some(Err(trouble)), _) => Err(trouble.named(self.what, place.file())),
            (_, Some(error)) => Err(database(self.what, place.file(), error)),
            (Some(Ok(value)), None) => Ok(value),
            // A transaction that was committed has run every job.
            (None, None) => Err(ConversationError::Closed),
        };
        // A caller that has gone does not want to know; what it asked for is done all the same.
        let _ = self.caller.send(result);
    }
}

impl Writer {
    pub(crate) fn start(connection: Connection, place: Place, claimed: Claimed) -> Result<Self> {
        let (orders, received) = mpsc::channel(WAITING);
        let path = place.file().to_owned();
        thread::Builder::new()
            .name("conversation".to_owned())
            .spawn(move || serve(connection, &place, received, claimed))
            .map_err(|error| file("start the writer", &path, &error))?;
        Ok(Self { orders })
    }

    /// Does the work in a transaction; when this returns, it is durable. Cancelled before, it may or may not be done,
    /// but never by half.
    pub(crate) async fn call<T, W>(&self, what: &'static str, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: Fn(&Connection) -> std::result::Result<T, Trouble> + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let job = Box::new(Typed {
            what,
            work,
            outcome: None,
            caller,
        });
        self.order(Order::Job(job)).await?;
        answer.await.map_err(|_| ConversationError::Closed)?
    }

    /// Waits for everything that was accepted, and for the end of the thread.
    pub(crate) async fn close(&self) -> Result<()> {
        let (caller, answer) = oneshot::channel();
        self.order(Order::Close(caller)).await?;
        answer.await.map_err(|_| ConversationError::Closed)?
    }

    async fn order(&self, order: Order) -> Result<()> {
        self.orders
            .send(order)
            .await
            .map_err(|_| ConversationError::Closed)
    }
}

/// The thread. What was accepted before the channel closed is still done.
fn serve(mut database: Connection, place: &Place, mut orders: mpsc::Receiver<Order>, claimed: Claimed) {
    let mut closing = Vec::new();
    while let Some(first) = orders.blocking_recv() {
        let mut batch = Vec::new();
        let mut next = Some(first);
        while let Some(order) = next {
            match order {
                Order::Job(job) => batch.push(job),
                Order::Close(caller) => {
                    orders.close();
                    closing.push(caller);
                }
            }
            // Nothing waits, or nobody is left: both mean that this batch is whole.
            next = if batch.len() < BATCH {
                orders.try_recv().ok()
            } else {
                None
            };
        }
        commit(&mut database, place, batch);
    }
    let ended = end(database);
    drop(claimed);
    for caller in closing {
        let said = match &ended {
            Ok(()) => Ok(()),
            Err(error) => Err(self::database("close", place.file(), error)),
        };
        // The same as with jobs: gone is gone.
        let _ = caller.send(said);
    }
}

/// Moves the log into the database, so that a backup of the one file is whole, and closes it.
fn end(database: Connection) -> rusqlite::Result<()> {
    database.busy_timeout(Duration::ZERO)?;
    let moved = database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    if let Err(error) = moved {
        // Somebody reads, or the disk is full: the log stays beside the database, and nothing is lost.
        tracing::debug!(%error, "the write-ahead log stays");
    }
    database.close().map_err(|(_, error)| error)
}

/// All jobs in one transaction; if that comes to nothing, each in its own, so that only what fails by itself fails.
fn commit(database: &mut Connection, place: &Place, mut jobs: Vec<Box<dyn Job>>) {
    if jobs.is_empty() {
        return;
    }
    match together(database, &mut jobs) {
        Ok(()) => jobs.into_iter().for_each(|job| job.answer(place, None)),
        Err(error) if jobs.len() == 1 => jobs.into_iter().for_each(|job| job.answer(place, Some(&error))),
        Err(error) => {
            tracing::debug!(%error, jobs = jobs.len(), "a shared transaction failed; each job on its own");
            for job in jobs {
                commit(database, place, vec![job]);
            }
        }
    }
}

fn together(database: &mut Connection, jobs: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    let mut transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for job in jobs {
        let point = transaction.savepoint()?;
        if job.run(&point) {
            point.commit()?;
        } else {
            // Fails if the job's error (a full disk, say) has ended the whole transaction already.
            point.finish()?;
        }
    }
    transaction.commit()
}
