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

    /// Whom the link with this key would let in. Looking uses nothing up.
    pub(super) fn look(&self, key: &str, now: Instant) -> Result<&Whose, LinkError> {
        let at = self.find(key, now)?;
        Ok(&self.0[at].whose)
    }

    /// The link with this key, which is gone then.
    pub(super) fn take(&mut self, key: &str, now: Instant) -> Result<Link, LinkError> {
        let at = self.find(key, now)?;
        Ok(self.0.remove(at))
    }

    fn find(&self, key: &str, now: Instant) -> Result<usize, LinkError> {
        let digest = digest(key);
        let at = self.0.iter().position(|link| link.digest == digest);
        let at = at.ok_or(LinkError::Unknown)?;
        // Old ones stay to be told so, until newer ones push them out.
        if self.0[at].until <= now {
            return Err(LinkError::Old);
        }
        Ok(at)
    }

    /// Forgets the links that would make a browser this person's.
    pub(super) fn forget(&mut self, user: &UserId) {
        self.0.retain(|link| link.whose != Whose::Of(user.clone()));
    }

    /// A link that was taken for nothing.
    pub(super) fn put_back(&mut self, link: Link) {
        self.0.push(link);
    }
}

fn digest(key: &str) -> String {
    random::digest("link", &[key])
}
