//! Session starts: one after the other, and never the last ones of a day. Who starts more of them than Discord allows loses the
//! token.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Over, PAUSE, closing};
use crate::discord::health::Link;
use crate::discord::rest::{Rest, Told, Trouble};

/// Between two: Discord takes one in five seconds.
const APART: Duration = Duration::from_millis(5_100);
/// The longest pause before Discord is asked again what it did not say.
const LONGEST: Duration = Duration::from_mins(1);
/// What is left of the day is asked for again after so long.
const LOOK: Duration = Duration::from_mins(10);
/// One in so many is left to the person who mends what is wrong.
const LEFT: u64 = 50;

pub(super) struct Starts {
    rest: Arc<Rest>,
    link: Link,
    /// When the last one was.
    last: Arc<Mutex<Option<Instant>>>,
}

/// The right to begin a session. As long as it is held nobody else begins one.
pub(super) struct Turn(OwnedMutexGuard<Option<Instant>>);

impl Turn {
    /// It begins now.
    pub(super) fn taken(mut self) {
        *self.0 = Some(Instant::now());
    }
}

impl Starts {
    pub(super) fn new(rest: Arc<Rest>, link: Link) -> Self {
        Self {
            rest,
            link,
            last: Arc::default(),
        }
    }

    /// Waits until a session may be begun, and says where. Errors: it makes no sense.
    pub(super) async fn turn(&self) -> Result<(Turn, String), Over> {
        let last = Arc::clone(&self.last).lock_owned().await;
        if let Some(last) = *last {
            sleep_until(last + APART).await;
        }
        loop {
            let told = self.told().await?;
            if told.left > told.total / LEFT {
                self.link.waits(None);
                return Ok((Turn(last), told.url));
            }
            let why = format!(
                "only {} of {} session starts are left today, and who takes more loses the token; it connects when they come back, \
                 in {}. Something connects over and over: look at the log of every program that uses this token",
                told.left,
                told.total,
                credentials::words::span(told.reset_after)
            );
            tracing::error!("not connected to Discord: {why}");
            self.link.waits(Some(why));
            sleep(told.reset_after.clamp(PAUSE, LOOK)).await;
        }
    }

    /// What Discord says of its gateway, as soon as it does. Errors: it makes no sense to go on asking.
    pub(super) async fn told(&self) -> Result<Told, Over> {
        let mut pause = PAUSE;
        loop {
            match self.rest.gateway().await {
                Ok(told) => return Ok(told),
                Err(Trouble::NoToken) => return Err(Over::ForGood(closing::NO_TOKEN)),
                Err(trouble) => tracing::warn!(%trouble, "Discord does not say where its gateway is"),
            }
            sleep(pause).await;
            pause = (2 * pause).min(LONGEST);
        }
    }
}
