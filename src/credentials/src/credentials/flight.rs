//! One waiting thread per tenant and process; everybody else in the process waits for it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::{DashMap, Entry};
use secrecy::SecretString;
use tokio::sync::watch;

use super::{Credentials, Token, TokenError};
use crate::entry::Need;
use crate::lock::Cancel;
use crate::tenant::Tenant;

type Outcome = Option<Result<Token, TokenError>>;

/// The waits that are under way.
#[derive(Debug)]
pub(super) struct Flights(DashMap<Tenant, Flight>);

impl Default for Flights {
    /// Few are under way at once. (Left to itself, the map reads a dozen files of the kernel to learn how many processors
    /// there are: more than a command that prints a valid token does otherwise.)
    fn default() -> Self {
        Self(DashMap::with_shard_amount(8))
    }
}

/// One wait: where its outcome will be, who still wants it, and how to end it early.
#[derive(Debug, Clone)]
struct Flight {
    outcome: watch::Receiver<Outcome>,
    passengers: Arc<Passengers>,
    rejected: Option<SecretString>,
}

#[derive(Debug, Default)]
struct Passengers {
    count: AtomicUsize,
    cancel: Cancel,
}

/// A place on a flight. When the last one is given up, the flight is cancelled.
struct Seat(Arc<Passengers>);

impl Seat {
    fn take(passengers: &Arc<Passengers>) -> Self {
        passengers.count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(passengers))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.cancel.cancel();
        }
    }
}

impl Flights {
    /// Waits for the wait of this tenant that is under way, or starts one; `true` with the outcome if it was for this
    /// very need, so that its failure is an answer.
    pub(super) async fn wait(
        self: &Arc<Self>,
        credentials: &Credentials,
        tenant: &Tenant,
        need: &Need,
    ) -> (Result<Token, TokenError>, bool) {
        let (mut outcome, seat, same_need) = match self.0.entry(tenant.clone()) {
            Entry::Occupied(there) => {
                let flight = there.get();
                let same_need = match (&flight.rejected, &need.rejected) {
                    (Some(theirs), Some(ours)) => crate::entry::same(theirs, ours),
                    (None, None) => true,
                    _ => false,
                };
                (flight.outcome.clone(), Seat::take(&flight.passengers), same_need)
            }
            Entry::Vacant(place) => {
                let (sender, outcome) = watch::channel(None);
                let passengers = Arc::<Passengers>::default();
                let seat = Seat::take(&passengers);
                let cancel = passengers.cancel.clone();
                place.insert(Flight {
                    outcome: outcome.clone(),
                    passengers,
                    rejected: need.rejected.clone(),
                });
                if let Err(error) = self.start(credentials, tenant, need, cancel, sender) {
                    // Dropping `sender` told those who joined in between.
                    return (Err(TokenError::why(tenant, &error)), true);
                }
                (outcome, seat, true)
            }
        };
        let landed = outcome.wait_for(Option::is_some).await;
        let result = match landed {
            Ok(outcome) => outcome.clone(),
            Err(_) => None,
        };
        drop(seat);
        (
            result.unwrap_or_else(|| Err(TokenError::try_again(tenant, "the waiting thread broke", None))),
            same_need,
        )
    }

    fn start(
        self: &Arc<Self>,
        credentials: &Credentials,
        tenant: &Tenant,
        need: &Need,
        cancel: Cancel,
        sender: watch::Sender<Outcome>,
    ) -> io::Result<()> {
        let landing = Landing {
            flights: Arc::clone(self),
            tenant: tenant.clone(),
        };
        let (credentials, need) = (credentials.clone(), need.clone());
        spawn(move || {
            let result = credentials.acquire(&landing.tenant, &need, &cancel);
            // Off the board first: who comes from now on starts anew.
            drop(landing);
            sender.send_replace(Some(result));
        })
    }
}

/// Takes a flight off the board, also when its thread panics or never starts.
struct Landing {
    flights: Arc<Flights>,
    tenant: Tenant,
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.flights.0.remove(&self.tenant);
    }
}

/// A thread of its own, never tokio's pool: a wait may last many seconds, and a pool full of waits stops everything else.
fn spawn(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new()
        .name("token".into())
        .spawn(work)
        .map(drop)
}
