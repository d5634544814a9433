//! The threads that read, each on a connection of its own.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::database::Place;
use crate::error::{ConversationError, Result, Trouble, file};

/// For a host: one slow reader must not hold up all others; more would only cost memory (each connection has its page cache).
pub(crate) const OF_HOST: usize = 2;
/// For a tool that looks, which asks one thing after the other.
pub(crate) const OF_TOOL: usize = 1;
/// Reads that wait; when it is full, callers wait.
const WAITING: usize = 256;

type Work = Box<dyn FnOnce(&Connection) + Send>;

/// A handle on the threads. They end when the last handle is gone, or after `close`.
#[derive(Debug, Clone)]
pub(crate) struct Readers {
    orders: mpsc::Sender<Order>,
    place: Place,
}

enum Order {
    Work(Work),
    Close,
}

impl Readers {
    pub(crate) fn start(place: &Place, threads: usize) -> Result<Self> {
        let (orders, received) = mpsc::channel(WAITING);
        let received = Arc::new(Mutex::new(received));
        for _ in 0..threads {
            let connection = place.open_to_read()?;
            let received = Arc::clone(&received);
            thread::Builder::new()
                .name("conversation-read".to_owned())
                .spawn(move || serve(&connection, &received))
                .map_err(|error| file("start a reader", place.file(), &error))?;
        }
        Ok(Self {
            orders,
            place: place.clone(),
        })
    }

    /// Reads from one state of the database: the newest at the time of the first statement. May be cancelled.
    pub(crate) async fn call<T, W>(&self, what: &'static str, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> std::result::Result<T, Trouble> + Send + 'static,
    {
        let (caller, answer) = oneshot::channel();
        let work = move |database: &Connection| {
            // A caller that has gone needs no answer.
            if !caller.is_closed() {
                let _ = caller.send(snapshot(database, work));
            }
        };
        self.orders
            .send(Order::Work(Box::new(work)))
            .await
            .map_err(|_| ConversationError::Closed)?;
        let read = answer.await.map_err(|_| ConversationError::Closed)?;
        read.map_err(|trouble| trouble.named(what, self.place.file()))
    }

    /// Later reads are `Closed`; those that were accepted are still done.
    pub(crate) async fn close(&self) {
        // Nobody there: closed already.
        let _ = self.orders.send(Order::Close).await;
    }
}

fn snapshot<T>(
    database: &Connection,
    work: impl FnOnce(&Connection) -> std::result::Result<T, Trouble>,
) -> std::result::Result<T, Trouble> {
    let transaction = database.unchecked_transaction()?;
    let value = work(&transaction)?;
    transaction.commit()?;
    Ok(value)
}

fn serve(database: &Connection, orders: &Mutex<mpsc::Receiver<Order>>) {
    loop {
        // Whoever has the lock waits for the next order; the others wait for the lock.
        let order = {
            let mut orders = orders.lock().unwrap_or_else(PoisonError::into_inner);
            let order = orders.blocking_recv();
            if matches!(order, Some(Order::Close)) {
                orders.close();
            }
            order
        };
        match order {
            Some(Order::Work(work)) => work(database),
            Some(Order::Close) => {}
            None => return,
        }
    }
}
