//! What all requests share.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse as _, Response};
use conversation::{ThreadFilter, ThreadId};
use credentials::{Credentials, Timestamp, UserId};
use dashmap::DashMap;
use supervisor::{Supervisor, ThreadStatus};
use tokio::sync::{RwLock, watch};

use super::config::{Access, Config};
use super::connections::Connections;
use super::door::Door;
use super::enter::Entered;
use super::events;
use super::gate::Visitor;
use super::lists::{Lists, own_threads};
use super::people::{People, Person};
use super::places::Places;
use super::refusal::Refused;
use super::seen::Seen;
use super::sign_in::{Links, Waits};
use super::tries::Tries;
use super::uploads::Uploads;
use super::view::Viewer;

/// Owners that are remembered; forgotten ones are asked for again.
const MOST_OWNERS: usize = 100_000;

/// What all requests share.
pub(crate) struct Web {
    pub(crate) config: Config,
    pub(crate) supervisor: Supervisor,
    pub(crate) credentials: Credentials,
    /// Another one means that revisions mean nothing any more.
    pub(crate) boot: String,
    pub(crate) door: Door,
    pub(crate) people: People,
    pub(crate) entered: Entered,
    pub(crate) tries: Tries,
    pub(crate) uploads: Uploads,
    pub(crate) seen: Seen,
    pub(crate) lists: Lists,
    pub(crate) links: Links,
    pub(crate) waits: Waits,
    pub(crate) connections: Connections,
    pub(crate) streams: Arc<Places<UserId>>,
    /// Becomes true when the server ends: streams must end by themselves, or it would wait for them for ever.
    pub(crate) stop: watch::Sender<bool>,
    /// Read by whatever must not stop half-way.
    deeds: Arc<RwLock<()>>,
    owners: DashMap<ThreadId, UserId>,
}

/// Whether a thread is one of this chat.
pub(crate) fn is_ours(thread: &ThreadId) -> bool {
    thread.front_end() == "web"
}

/// What a [`Web`] is made of.
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) supervisor: Supervisor,
    pub(crate) credentials: Credentials,
    pub(crate) door: Door,
    pub(crate) people: People,
    pub(crate) uploads: Uploads,
    pub(crate) seen: Seen,
}

impl Web {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            connections: Connections::within(parts.config.spare_descriptors),
            config: parts.config,
            supervisor: parts.supervisor,
            credentials: parts.credentials,
            boot: super::random::name(),
            door: parts.door,
            people: parts.people,
            entered: Entered::default(),
            tries: Tries::default(),
            uploads: parts.uploads,
            seen: parts.seen,
            lists: Lists::default(),
            links: Links::default(),
            waits: Waits::default(),
            streams: Places::new(events::MOST, events::MOST_OF_ONE),
            stop: watch::Sender::new(false),
            deeds: Arc::default(),
            owners: DashMap::new(),
        }
    }

    /// Whether somebody who may not be at hand acts for the host.
    pub(crate) fn is_admin(&self, user: &UserId) -> bool {
        match &self.config.allow {
            Access::Header { admins, .. } => self.people.is_admin_by_header(user, admins),
            Access::Loopback | Access::Password(_) => self.people.is_admin(user),
        }
    }

    /// The thread with this name, if this person may know of it: threads are their owner's alone. Everything that names a
    /// thread comes through here, and learns the same of a thread of somebody else's as of none.
    pub(crate) async fn thread(&self, person: &Person, local: &str) -> Result<ThreadId, Refused> {
        let id = ThreadId::parse(&format!("web:{local}")).map_err(|_| Refused::nothing("thread"))?;
        let known = self.owners.get(&id).map(|owner| owner.clone());
        let owner = if let Some(owner) = known {
            owner
        } else {
            let (snapshot, _) = self.supervisor.subscribe(&id).await?;
            self.note_owner(&id, snapshot.thread.owner.clone());
            snapshot.thread.owner
        };
        if owner == person.user {
            Ok(id)
        } else {
            Err(Refused::nothing("thread"))
        }
    }

    /// The thread with this name, if this person may read it: their own, or where they are the administrator one of another
    /// front-end, which goes by `discord.123`. Nothing can be done in that one from here.
    pub(crate) async fn watched(&self, person: &Person, name: &str) -> Result<ThreadId, Refused> {
        let Some((front_end, local)) = name.split_once('.') else {
            return self.thread(person, name).await;
        };
        let id = ThreadId::parse(&format!("{front_end}:{local}"));
        let id = id.ok().filter(|id| person.admin && !is_ours(id));
        let id = id.ok_or_else(|| Refused::nothing("thread"))?;
        self.supervisor.subscribe(&id).await?;
        Ok(id)
    }

    /// The threads in somebody's list, those that they can only watch included.
    pub(crate) async fn listed(&self, person: &Person, limit: usize) -> Result<Vec<ThreadStatus>, Refused> {
        let own = ThreadFilter {
            limit,
            ..own_threads(person)
        };
        let mut threads = self.supervisor.threads(own).await?;
        if person.admin {
            let elsewhere = ThreadFilter {
                front_end: Some("discord".into()),
                limit,
                ..ThreadFilter::default()
            };
            threads.extend(self.supervisor.threads(elsewhere).await?);
            threads.sort_by_key(|status| Reverse(status.summary.thread.active));
            threads.truncate(limit);
        }
        Ok(threads)
    }

    /// Whether browsers reach us over https.
    pub(crate) fn is_https(&self) -> bool {
        let public = self.config.public_url.as_ref();
        public.is_some_and(|url| url.scheme() == "https")
    }

    /// Whether a proxy says who somebody is, and nothing else does.
    pub(crate) fn is_by_header(&self) -> bool {
        matches!(self.config.allow, Access::Header { .. })
    }

    /// The name of our cookie.
    pub(crate) fn cookie_name(&self) -> String {
        self.people.cookie_name(self.is_https())
    }

    /// A thread never changes its owner.
    pub(crate) fn note_owner(&self, id: &ThreadId, owner: UserId) {
        if self.owners.len() >= MOST_OWNERS {
            self.owners.clear();
        }
        self.owners.insert(id.clone(), owner);
    }

    /// Everybody who opened a thread here. Reads all threads.
    pub(crate) async fn at_work(&self) -> Result<BTreeSet<UserId>, Refused> {
        let all = ThreadFilter {
            front_end: Some("web".into()),
            ..ThreadFilter::default()
        };
        let threads = self.supervisor.threads(all).await?;
        Ok(threads
            .into_iter()
            .map(|status| status.summary.thread.owner)
            .collect())
    }

    /// Who looks at something of their own.
    pub(crate) fn viewer(visitor: &Visitor) -> Viewer {
        Viewer {
            user: visitor.person.user.clone(),
            owner: true,
            now: Timestamp::now(),
        }
    }

    /// Who looks at a thread that they may read.
    pub(crate) fn viewer_of(visitor: &Visitor, thread: &ThreadId) -> Viewer {
        Viewer {
            owner: is_ours(thread),
            ..Self::viewer(visitor)
        }
    }

    /// Answers a request by a task of its own: whoever breaks the request off ends the answer, but not this.
    pub(crate) async fn to_its_end(&self, deed: impl Future<Output = Response> + Send + 'static) -> Response {
        let one = Arc::clone(&self.deeds).read_owned().await;
        let task = tokio::spawn(async move {
            let answer = deed.await;
            drop(one);
            answer
        });
        task.await
            .unwrap_or_else(|error| Refused::broken("do that", &error).into_response())
    }

    /// Ends when no such answer is half-way any more.
    pub(crate) async fn all_done(&self) {
        drop(self.deeds.write().await);
    }

    /// Ends when the server ends.
    pub(crate) async fn stopped(&self) {
        // A sender that is gone means the same.
        let _ = self.stop.subscribe().wait_for(|stopped| *stopped).await;
    }

    /// Looks after what needs it from time to time, until the server ends.
    pub(crate) async fn keep(self: Arc<Self>) {
        const EVERY: Duration = Duration::from_secs(10);
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.stopped() => break,
                _ = ticks.tick() => {
                    self.seen.save().await;
                    self.uploads.sweep().await;
                }
            }
        }
        self.seen.save().await;
    }
}
