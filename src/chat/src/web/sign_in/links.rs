//! Links that people were given to sign in by: whose an answer is, and whether it came before. In memory only; after a
//! restart of the host an answer is what the store says of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use conversation::ThreadId;
use credentials::{LINK_LIFE, Service, UserId};
use url::form_urlencoded;

/// Links that are remembered; the oldest is forgotten first.
const MOST: usize = 4096;

/// A link that somebody was given.
#[derive(Clone)]
pub(super) struct Link {
    /// The state in it, by which an answer is known.
    state: String,
    pub(super) user: UserId,
    pub(super) service: Service,
    /// The thread that waits for it: the way back.
    pub(super) thread: Option<ThreadId>,
    begun: Instant,
    done: bool,
    /// Held by the one request that completes it; others wait for what it did.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// Only one has it at a time.
pub(super) type Turn = tokio::sync::OwnedMutexGuard<()>;

/// What an answer belongs to.
pub(super) enum Answer {
    /// A link of this person's that waits; whoever completes it keeps its turn until that is done.
    Waits(Link, Turn),
    /// One that has done its work.
    Done(Link),
    /// One that this person replaced by a newer one.
    Older(Link),
    /// One whose time is over.
    Over(Link),
    /// Another person's.
    SomebodyElses,
    /// None that is known.
    Unknown,
}

/// All of them, the oldest first.
#[derive(Default)]
pub(crate) struct Links(Mutex<VecDeque<Link>>);

impl Links {
    /// Notes the state of a link that was given.
    pub(super) fn note(&self, url: &url::Url, user: &UserId, service: &Service, thread: Option<ThreadId>) {
        let state = url.query_pairs().find(|(name, _)| name == "state");
        let Some((_, state)) = state else { return };
        let mut all = self.all();
        if all.len() >= MOST {
            all.pop_front();
        }
        all.push_back(Link {
            state: state.into_owned(),
            user: user.clone(),
            service: service.clone(),
            thread,
            begun: Instant::now(),
            done: false,
            turn: Arc::default(),
        });
    }

    /// What the answer with this state belongs to. While another request completes it, this waits.
    pub(super) async fn find(&self, state: &str, user: &UserId) -> Answer {
        let found = self.all().iter().find(|link| link.state == state).cloned();
        let Some(link) = found else {
            return Answer::Unknown;
        };
        if link.user != *user {
            return Answer::SomebodyElses;
        }
        let turn = link.turn.lock_owned().await;
        let all = self.all();
        let Some(at) = all.iter().position(|link| link.state == state) else {
            return Answer::Unknown;
        };
        let link = all[at].clone();
        let is_same = |other: &Link| other.user == link.user && other.service == link.service;
        if link.done {
            Answer::Done(link)
        } else if all.iter().skip(at + 1).any(is_same) {
            Answer::Older(link)
        } else if link.begun.elapsed() >= LINK_LIFE {
            Answer::Over(link)
        } else {
            Answer::Waits(link, turn)
        }
    }

    /// The newest one of this person for this service did its work.
    pub(super) fn done(&self, user: &UserId, service: &Service) {
        let mut all = self.all();
        let is_it = |link: &&mut Link| link.user == *user && link.service == *service;
        if let Some(link) = all.iter_mut().rev().find(is_it) {
            link.done = true;
        }
    }

    /// Whether the newest one of this person for this service did its work; `None` if there is none, or its time is over.
    pub(super) fn is_done(&self, user: &UserId, service: &Service) -> Option<bool> {
        let all = self.all();
        let is_it = |link: &&Link| link.user == *user && link.service == *service;
        let newest = all.iter().rev().find(is_it);
        newest
            .filter(|link| link.done || link.begun.elapsed() < LINK_LIFE)
            .map(|link| link.done)
    }

    /// This person has signed out: that they were in, or were about to be, says nothing any more.
    pub(super) fn forget(&self, user: &UserId, service: &Service) {
        self.all()
            .retain(|link| link.user != *user || link.service != *service);
    }

    fn all(&self) -> MutexGuard<'_, VecDeque<Link>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn grow_older(&self, by: std::time::Duration) {
        for link in self.all().iter_mut() {
            link.begun = link.begun.checked_sub(by).expect("the clock runs for longer");
        }
    }
}

/// The state in what somebody brings back: `code#state`, a query, or a whole address.
pub(super) fn state_in(pasted: &str) -> Option<String> {
    let pasted = pasted.trim();
    let query = pasted.rsplit_once('?').map_or(pasted, |(_, query)| query);
    let of_query = |query: &str| {
        form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == "state")
            .map(|(_, state)| state.into_owned())
    };
    let (before, after) = query.split_once('#').unwrap_or((query, ""));
    of_query(before)
        .or_else(|| of_query(after))
        .or_else(|| (!after.is_empty() && !after.contains(['=', '&'])).then(|| after.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_belongs_to_one_link_of_one_person() {
        let links = Links::default();
        let user = |name: &str| UserId::parse(name).unwrap();
        let service = Service::parse("codex").unwrap();
        let link = |state: &str| {
            format!("https://vendor.example/?x=1&state={state}")
                .parse()
                .unwrap()
        };
        links.note(&link("one"), &user("web:a"), &service, None);
        assert!(matches!(
            links.find("one", &user("web:a")).await,
            Answer::Waits(..)
        ));
        assert!(matches!(
            links.find("one", &user("web:b")).await,
            Answer::SomebodyElses
        ));
        assert!(matches!(links.find("two", &user("web:a")).await, Answer::Unknown));
        links.note(&link("two"), &user("web:a"), &service, None);
        links.note(&link("three"), &user("web:b"), &service, None);
        assert!(matches!(
            links.find("one", &user("web:a")).await,
            Answer::Older(_)
        ));
        assert_eq!(links.is_done(&user("web:a"), &service), Some(false));
        links.done(&user("web:a"), &service);
        assert_eq!(links.is_done(&user("web:a"), &service), Some(true));
        assert_eq!(links.is_done(&user("web:b"), &service), Some(false));
        assert_eq!(links.is_done(&user("web:c"), &service), None);
        assert!(matches!(links.find("two", &user("web:a")).await, Answer::Done(_)));
        assert!(matches!(
            links.find("three", &user("web:b")).await,
            Answer::Waits(..)
        ));
        links.grow_older(LINK_LIFE);
        assert!(matches!(
            links.find("three", &user("web:b")).await,
            Answer::Over(_)
        ));
    }

    #[test]
    fn the_state_is_found_in_every_form_of_an_answer() {
        for text in [
            "abc#xyz",
            " abc#xyz\n",
            "code=abc&state=xyz",
            "?state=xyz&code=abc",
            "http://127.0.0.1/callback?code=abc&state=xyz",
            "https://vendor.example/done#code=abc&state=xyz",
            "http://127.0.0.1/callback?error=access_denied&state=xyz",
        ] {
            assert_eq!(state_in(text).as_deref(), Some("xyz"), "{text}");
        }
        for text in ["abc", "", "https://vendor.example/done", "code=abc", "abc#"] {
            assert_eq!(state_in(text), None, "{text}");
        }
    }

    #[tokio::test]
    async fn only_so_many_are_remembered() {
        let links = Links::default();
        let user = UserId::parse("web:a").unwrap();
        let service = Service::parse("codex").unwrap();
        for count in 0..=MOST {
            let url = format!("https://vendor.example/?state=s{count}").parse().unwrap();
            links.note(&url, &user, &service, None);
        }
        assert!(matches!(links.find("s0", &user).await, Answer::Unknown));
        assert!(!matches!(links.find("s1", &user).await, Answer::Unknown));
    }
}
