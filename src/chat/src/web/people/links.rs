//! Links that let one browser in, once.

use std::time::Duration;

use credentials::UserId;
use thiserror::Error;
use tokio::time::Instant;

use crate::web::random;

/// How long a link is good.
pub(crate) const LINK_LIFE: Duration = Duration::from_mins(10);

/// More are never good at the same time; the oldest goes.
const MOST: usize = 200;

/// Whom a link makes of the browser that opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Somebody who is known: another browser of theirs.
    Of(UserId),
    /// Somebody new.
    NewPerson,
}

/// Why a link lets nobody in.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum LinkError {
    /// Never made, made by a host that is gone, used, or pushed out by newer ones.
    #[error("this link was used already, or is not of this host")]
    Unknown,
    /// Too old.
    #[error("this link is older than 10 minutes")]
    Old,
    /// Opened by a browser of somebody else. It is still good.
    #[error("this browser belongs to somebody else already")]
    SomebodyElse,
}

/// Links that were made and not used. They end with the host.
#[derive(Default)]
pub(super) struct Links(Vec<Link>);

/// A link.
pub(super) struct Link {
    digest: String,
    whose: Whose,
    until: Instant,
}

impl Link {
    pub(super) fn whose(&self) -> &Whose {
        &self.whose
    }
}

impl Links {
    /// A new one's key.
    pub(super) fn make(&mut self, whose: Whose, now: Instant) -> String {
        let key = random::token();
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push(Link {
            digest: digest(&key),
            whose,
            until: now + LINK_LIFE,
        });
        key
    }

    /// The link with this key, which is gone then. `already` is who opens it, if that is known: nobody is made somebody
    /// else by a link that was put before them.
    pub(super) fn take(
        &mut self,
        key: &str,
        already: Option<&UserId>,
        now: Instant,
    ) -> Result<Link, LinkError> {
        let digest = digest(key);
        let at = self
            .0
            .iter()
            .position(|link| link.digest == digest)
            .ok_or(LinkError::Unknown)?;
        if self.0[at].until <= now {
            self.0.remove(at);
            return Err(LinkError::Old);
        }
        if already.is_some_and(|user| self.0[at].whose != Whose::Of(user.clone())) {
            return Err(LinkError::SomebodyElse);
        }
        Ok(self.0.remove(at))
    }

    /// A link that was taken for nothing.
    pub(super) fn put_back(&mut self, link: Link) {
        self.0.push(link);
    }
}

fn digest(key: &str) -> String {
    random::digest("link", &[key])
}
