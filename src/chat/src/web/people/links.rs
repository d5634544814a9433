//! Links that let one browser in, once: until it has shown its cookie, its answer may have been lost, and the link lets
//! another one in, or the same again, in its place.

use std::time::Duration;

use credentials::UserId;
use thiserror::Error;
use tokio::time::Instant;

use crate::web::random;

/// How long a link is good.
pub(crate) const LINK_LIFE: Duration = Duration::from_mins(10);

/// More are never kept: one that is over goes, else the oldest for the same person, else the oldest. So nobody withdraws the
/// links of others by making many.
pub(super) const MOST: usize = 200;

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
    /// Never made, withdrawn, made by a host that is gone, or pushed out by newer ones.
    #[error("this link is not of this host, or of an earlier start of it")]
    Unknown,
    /// It let a browser in.
    #[error("this link was used already")]
    Used,
    /// Too old.
    #[error("this link is older than 10 minutes")]
    Old,
}

/// The links that were made last. They end with the host.
#[derive(Default)]
pub(super) struct Links(Vec<Link>);

/// A link. One that is over is kept to be told so, as long as there is room.
struct Link {
    digest: String,
    whose: Whose,
    until: Instant,
    used: Use,
}

/// How far a link is used up.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Use {
    Free,
    /// A session is being made.
    UnderWay,
    /// It made this session, by its digest, of which nothing was seen yet.
    Unseen(String),
    /// Its session's cookie has arrived.
    Spent,
}

impl Link {
    fn state(&self, now: Instant) -> Result<(), LinkError> {
        match self {
            Self {
                used: Use::UnderWay | Use::Spent,
                ..
            } => Err(LinkError::Used),
            Self { until, .. } if *until <= now => Err(LinkError::Old),
            _ => Ok(()),
        }
    }
}

impl Links {
    /// A new one's key.
    pub(super) fn make(&mut self, whose: Whose, now: Instant) -> String {
        let key = random::token();
        if self.0.len() >= MOST {
            let over = self.0.iter().position(|link| link.state(now).is_err());
            let goes = over.or_else(|| self.0.iter().position(|link| link.whose == whose));
            self.0.remove(goes.unwrap_or(0));
        }
        self.0.push(Link {
            digest: digest(&key),
            whose,
            until: now + LINK_LIFE,
            used: Use::Free,
        });
        key
    }

    /// Whom the link with this key would let in. Looking uses nothing up.
    pub(super) fn look(&self, key: &str, now: Instant) -> Result<&Whose, LinkError> {
        let digest = digest(key);
        let link = self.0.iter().find(|link| link.digest == digest);
        let link = link.ok_or(LinkError::Unknown)?;
        link.state(now).map(|()| &link.whose)
    }

    /// Begins to use the link with this key: whom it lets in, and the session that it made before and that this one takes the
    /// place of. Until [`made`](Self::made) it is nobody else's.
    pub(super) fn take(&mut self, key: &str, now: Instant) -> Result<(Whose, Option<String>), LinkError> {
        let whose = self.look(key, now)?.clone();
        let before = match self.now(key, Use::UnderWay) {
            Some(Use::Unseen(session)) => Some(session),
            _ => None,
        };
        Ok((whose, before))
    }

    /// The link with this key made this session, by its digest, or made none and is as good as before.
    pub(super) fn made(&mut self, key: &str, session: Option<String>) {
        self.now(key, session.map_or(Use::Free, Use::Unseen));
    }

    fn now(&mut self, key: &str, now: Use) -> Option<Use> {
        let digest = digest(key);
        let link = self.0.iter_mut().find(|link| link.digest == digest)?;
        Some(std::mem::replace(&mut link.used, now))
    }

    /// The cookie of this session has arrived, by its digest: the link that made it is spent.
    pub(super) fn arrived(&mut self, session: &str) {
        let made = |link: &&mut Link| matches!(&link.used, Use::Unseen(made) if made == session);
        if let Some(link) = self.0.iter_mut().find(made) {
            link.used = Use::Spent;
        }
    }

    /// Withdraws the links that would make a browser this person's.
    pub(super) fn forget(&mut self, user: &UserId) {
        self.0.retain(|link| link.whose != Whose::Of(user.clone()));
    }
}

fn digest(key: &str) -> String {
    random::digest("link", &[key])
}
