//! What is kept of people and their browsers, as `web-sessions.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use credentials::{Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::Person;
use crate::web::random;

/// The version of the file that this program writes and reads.
const VERSION: u32 = 1;

/// A browser that was let in so long ago needs a new link.
pub(super) const SESSION_LIFE: Duration = Duration::from_hours(180 * 24);

/// A browser that comes is let in anew when that was so long ago: whoever comes every day never falls out.
pub(super) const RENEWED_AFTER: Duration = Duration::from_hours(7 * 24);

/// Browsers of one person; a further one takes the place of the one that was let in first.
pub(super) const MOST_OF_ONE: usize = 32;

/// Browsers of all; a further one is not let in, so that nobody pushes others out but the administrator.
pub(super) const MOST_SESSIONS: usize = 5000;

/// There is no room for another browser.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{MOST_SESSIONS} browsers are let in already")]
pub(crate) struct Full;

/// The file.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Book {
    #[serde(deserialize_with = "known_version")]
    version: u32,
    /// Tells state folders apart in a browser.
    pub(super) install: String,
    /// Of this state folder alone; what pages of proxied people prove themselves by is derived from it.
    pub(super) secret: String,
    people: BTreeMap<UserId, Kept>,
    /// By the digest of the cookie's value.
    sessions: BTreeMap<String, Session>,
}

/// What is kept of a person.
#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    #[serde(default)]
    name: String,
    #[serde(default)]
    admin: bool,
    #[serde(rename = "created_ms")]
    created: Timestamp,
}

/// A browser.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Session {
    /// Whose.
    pub(super) user: UserId,
    /// Since when.
    #[serde(rename = "created_ms")]
    pub(super) created: Timestamp,
}

impl Book {
    /// The first one of a state folder, with its administrator.
    pub(super) fn new() -> Self {
        let mut book = Self {
            version: VERSION,
            install: random::name()[..8].to_owned(),
            secret: random::token(),
            people: BTreeMap::new(),
            sessions: BTreeMap::new(),
        };
        book.add_person(&admin(), true);
        book
    }

    /// Whom the program's own link lets in.
    pub(super) fn admin(&self) -> Option<UserId> {
        self.people
            .iter()
            .find(|(_, kept)| kept.admin)
            .map(|(user, _)| user.clone())
    }

    pub(super) fn person(&self, user: &UserId) -> Option<Person> {
        let kept = self.people.get(user)?;
        Some(Person {
            user: user.clone(),
            name: kept.name.clone(),
            admin: kept.admin,
        })
    }

    /// The person behind a session, unless it is too old.
    pub(super) fn by_session(&self, digest: &str, now: Timestamp) -> Option<Person> {
        let session = self.sessions.get(digest)?;
        if is_old(session, now) {
            return None;
        }
        self.person(&session.user)
    }

    #[cfg(test)]
    pub(super) fn people(&self) -> usize {
        self.people.len()
    }

    pub(super) fn add_person(&mut self, user: &UserId, admin: bool) {
        let kept = Kept {
            name: String::new(),
            admin,
            created: Timestamp::now(),
        };
        self.people.insert(user.clone(), kept);
    }

    /// Adds a session, in place of the person's oldest where they have many. Where all have too many, only an administrator's
    /// fits, and only with `at_work`, who opened threads: the longest unused one of somebody who is not among them gives way,
    /// else the longest unused one.
    pub(super) fn add_session(
        &mut self,
        digest: String,
        session: Session,
        at_work: Option<&BTreeSet<UserId>>,
    ) -> Result<(), Full> {
        let user = &session.user;
        let is_own = |other: &Session| other.user == *user;
        let gives_way = if self.sessions.values().filter(|other| is_own(other)).count() >= MOST_OF_ONE {
            self.oldest(is_own)
        } else if self.sessions.len() >= MOST_SESSIONS {
            let is_admin = self.people.get(user).is_some_and(|kept| kept.admin);
            let at_work = at_work.filter(|_| is_admin).ok_or(Full)?;
            self.oldest(|other| !is_own(other) && !at_work.contains(&other.user))
                .or_else(|| self.oldest(|other| !is_own(other)))
        } else {
            None
        };
        if let Some(digest) = gives_way {
            self.sessions.remove(&digest);
        }
        self.sessions.insert(digest, session);
        Ok(())
    }

    /// Of such sessions the one that was begun, or renewed by use, longest ago.
    fn oldest(&self, such: impl Fn(&Session) -> bool) -> Option<String> {
        let such = self.sessions.iter().filter(|(_, session)| such(session));
        let oldest = such.min_by_key(|(_, session)| session.created);
        oldest.map(|(digest, _)| digest.clone())
    }

    /// How many browsers of this person are in.
    pub(super) fn sessions_of(&self, user: &UserId, now: Timestamp) -> usize {
        let theirs = self.sessions.values().filter(|session| session.user == *user);
        theirs.filter(|session| !is_old(session, now)).count()
    }

    /// Ends one session.
    pub(super) fn end_session(&mut self, digest: &str) {
        self.sessions.remove(digest);
    }

    /// Ends all sessions of a person.
    pub(super) fn end_sessions_of(&mut self, user: &UserId) {
        self.sessions.retain(|_, session| session.user != *user);
    }

    /// Whether a good session was begun, or renewed, a while ago.
    pub(super) fn is_due(&self, digest: &str, now: Timestamp) -> bool {
        self.sessions
            .get(digest)
            .is_some_and(|session| !is_old(session, now) && now.since(session.created) > RENEWED_AFTER)
    }

    /// Lets a session begin anew, if it is still there.
    pub(super) fn renew(&mut self, digest: &str, now: Timestamp) {
        if let Some(session) = self.sessions.get_mut(digest) {
            session.created = now;
        }
    }

    pub(super) fn rename(&mut self, user: &UserId, name: String) {
        let kept = self.people.entry(user.clone());
        // Somebody whom a proxy named is not kept before they choose another name.
        kept.or_insert_with(|| Kept {
            name: String::new(),
            admin: false,
            created: Timestamp::now(),
        })
        .name = name;
    }

    /// Forgets sessions that are over, and whom nothing is known of any more that could bring them back.
    pub(super) fn forget_old(&mut self, now: Timestamp) {
        self.sessions.retain(|_, session| !is_old(session, now));
        let here: BTreeSet<&UserId> = self.sessions.values().map(|session| &session.user).collect();
        self.people
            .retain(|user, kept| kept.admin || !kept.name.is_empty() || here.contains(user));
    }
}

/// The administrator of a new book: always the same, so that they keep their threads when a book is lost.
fn admin() -> UserId {
    UserId::parse("web:admin").expect("a plain word makes a sound user id")
}

/// An id that nobody had before, and that nobody gets by choosing a name.
pub(super) fn new_user() -> UserId {
    UserId::parse(&format!("web:{}", random::name())).expect("hexadecimal digits make a sound user id")
}

fn is_old(session: &Session, now: Timestamp) -> bool {
    now.since(session.created) > SESSION_LIFE
}

fn known_version<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        VERSION => Ok(VERSION),
        other => Err(serde::de::Error::custom(format!(
            "version {other}; this program knows {VERSION}"
        ))),
    }
}
