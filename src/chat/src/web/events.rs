//! `GET /events`: what changes, as server-sent events; one stream per page.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use conversation::ThreadId;
use credentials::{Timestamp, UserId};
use futures_util::{StreamExt as _, stream};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use supervisor::{Subscription, ThreadPhase, ThreadStatus, Update};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

use super::gate::Visitor;
use super::lists::{Changed, Drawn, LIST_LIMIT};
use super::places::{Full, Place};
use super::refusal::Refused;
use super::shared::Web;
use super::view;

mod feed;
mod wire;

use feed::{Feed, Taken};
use wire::{Hello, event, json, revision_of, with_id};

/// How often a stream without news says that it is there. The script expects it (`live.js`).
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long a browser waits before it connects again by itself.
const RETRY: Duration = Duration::from_secs(1);

/// The shortest time between two snapshots of one stream, however much it misses.
const RESYNC_REST: Duration = Duration::from_secs(1);

/// A page connects so long after it was drawn, at most.
const DRAWN_WITHIN: Duration = Duration::from_mins(2);

/// Streams of all; each holds what its page was shown last.
pub(crate) const MOST: usize = 4096;

/// Streams of one person: more pages than anybody looks at.
pub(crate) const MOST_OF_ONE: usize = 64;

/// Seconds until there may be room for another one.
const REST: u16 = 30;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

#[derive(Deserialize)]
pub(crate) struct Wanted {
    /// The part of a thread's id after the colon.
    thread: Option<String>,
    /// Where an earlier stream of this page ended, if the browser does not say it in a header.
    last: Option<String>,
    /// Whom the page was drawn for, by the name that pages have for them.
    person: Option<String>,
    /// Only whether there would be a stream: a browser does not tell a script why it got none.
    look: Option<u8>,
}

/// Answers with a stream.
pub(crate) async fn events(
    State(web): State<Arc<Web>>,
    visitor: Visitor,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refused> {
    let (user, is_admin) = (&visitor.person.user, visitor.person.admin);
    if wanted
        .person
        .is_some_and(|person| person != view::browser_of(user))
    {
        let words = "this browser belongs to somebody else now";
        return Err(Refused::new(StatusCode::FORBIDDEN, words)
            .hint("what was not sent waits in it for whoever wrote it"));
    }
    if wanted.look.is_some() {
        web.streams.look(user, is_admin).map_err(no_room)?;
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let place = web.streams.take(user, is_admin).map_err(no_room)?;
    let header = headers.get(LAST_EVENT_ID).and_then(|last| last.to_str().ok());
    let revision = header
        .or(wanted.last.as_deref())
        .and_then(|last| revision_of(last, &web.boot));
    let thread = match &wanted.thread {
        // What somebody else's script might send as well.
        Some(thread) => Some(
            web.watched(&visitor.person, thread.strip_prefix("web:").unwrap_or(thread))
                .await?,
        ),
        None => None,
    };
    let cookie = visitor.cookie.as_ref();
    let signed_out = cookie.map(|cookie| web.people.ended(cookie.expose_secret()));
    let is_new = header.is_none() && wanted.last.is_none();
    let page = Page::open(web, visitor, thread, Since { is_new, revision }, place).await?;
    let stream = stream::unfold(page, |mut page| async {
        let event = page.next().await?;
        Some((Ok::<_, Infallible>(event), page))
    });
    let stream = stream.take_until(async {
        match signed_out {
            Some(ended) => ended.await,
            None => std::future::pending().await,
        }
    });
    // Something that a script hears: a connection that died silently says nothing, and is not known to have died.
    let beat = Event::default().event("beat").data("1");
    let alive = KeepAlive::new().interval(KEEP_ALIVE).event(beat);
    // A proxy that collects what it passes on would hold it back.
    let unbuffered = [(HeaderName::from_static("x-accel-buffering"), "no")];
    Ok((unbuffered, Sse::new(stream).keep_alive(alive)).into_response())
}

fn no_room(_: Full) -> Refused {
    let words = "as many pages are open at this host as it can serve";
    Refused::new(StatusCode::SERVICE_UNAVAILABLE, words)
        .hint("close some that you do not need")
        .after(REST)
}

/// One page and its stream. Dropped when the page is gone.
struct Page {
    web: Arc<Web>,
    visitor: Visitor,
    thread: Option<Watched>,
    lists: broadcast::Receiver<Changed>,
    /// What each line looked like when it was sent.
    lines: HashMap<ThreadId, u64>,
    ready: VecDeque<Event>,
    stop: watch::Receiver<bool>,
    place: Place<UserId>,
    /// Another one needs the place: the page was told to rest.
    rests: bool,
}

/// What a page has when it connects.
struct Since {
    /// It was drawn just now, and had no stream yet.
    is_new: bool,
    /// The revision of its thread that it has for certain.
    revision: Option<u64>,
}

/// The thread of a page.
struct Watched {
    id: ThreadId,
    feed: Feed,
    updates: Subscription,
    /// When another snapshot may be taken.
    snapshot_after: Instant,
}

/// What may happen next.
enum News {
    Stop,
    Rest,
    Update(Option<Box<Update>>),
    Due,
    Lines(Result<Changed, RecvError>),
}

impl Page {
    async fn open(
        web: Arc<Web>,
        visitor: Visitor,
        thread: Option<ThreadId>,
        since: Since,
        place: Place<UserId>,
    ) -> Result<Self, Refused> {
        let (hello, now) = (Event::default().retry(RETRY), Timestamp::now().millis());
        let mut page = Self {
            lists: web.lists.watch(),
            stop: web.stop.subscribe(),
            ready: VecDeque::from([json(hello.event("hello"), &Hello { boot: &web.boot, now })]),
            lines: HashMap::new(),
            thread: None,
            web,
            visitor,
            place,
            rests: false,
        };
        if let Some(id) = thread {
            page.watch(id, since.revision).await?;
        }
        page.list(if since.is_new {
            Some(Timestamp::now())
        } else {
            None
        })
        .await?;
        Ok(page)
    }

    /// Begins, or begins anew, to watch a thread. `has` is the revision that the page is known to have.
    async fn watch(&mut self, id: ThreadId, has: Option<u64>) -> Result<(), Refused> {
        let (snapshot, updates) = self.web.supervisor.subscribe(&id).await?;
        let snapshot = Arc::new(snapshot);
        let viewer = Web::viewer_of(&self.visitor, &id);
        if has != Some(snapshot.revision) {
            let event = with_id(
                Event::default().event("snapshot"),
                &self.web.boot,
                snapshot.revision,
            );
            let (snapshot, viewer) = (Arc::clone(&snapshot), viewer.clone());
            let heavy = view::is_heavy(&snapshot.items);
            let drawn = view::drawing(heavy, move || json(event, &view::snapshot(&snapshot, &viewer)));
            self.ready.push_back(drawn.await);
        }
        let feed = Feed::new(viewer, &snapshot);
        let snapshot_after = Instant::now() + RESYNC_REST;
        self.thread = Some(Watched {
            id,
            feed,
            updates,
            snapshot_after,
        });
        Ok(())
    }

    /// The next event; `None` when the stream ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.rests {
                return None;
            }
            match self.news().await {
                News::Rest => {
                    self.rests = true;
                    return Some(Event::default().event("rest").data("1"));
                }
                News::Stop | News::Update(None) | News::Lines(Err(RecvError::Closed)) => return None,
                News::Update(Some(update)) => self.take(*update).await?,
                News::Due => self.flush().await,
                News::Lines(Ok(changed)) => {
                    let person = &self.visitor.person;
                    let own = changed.own.get(&person.user).map(Vec::as_slice);
                    let elsewhere = person.admin.then_some(changed.elsewhere.as_slice());
                    for lines in [own, elsewhere].into_iter().flatten() {
                        self.lines(lines);
                    }
                }
                // Too many looks were missed: this page looks itself.
                News::Lines(Err(RecvError::Lagged(_))) => {
                    if let Err(error) = self.list(None).await {
                        tracing::warn!(
                            error = error.error,
                            "a page's list could not be brought up to date"
                        );
                    }
                }
            }
        }
    }

    async fn news(&mut self) -> News {
        let due = self.thread.as_ref().and_then(|watched| watched.feed.due());
        // A flood of changes must not keep what is due from being sent.
        if due.is_some_and(|due| due <= Instant::now()) {
            return News::Due;
        }
        let updates = async {
            match &mut self.thread {
                Some(watched) => watched.updates.next().await.map(Box::new),
                None => std::future::pending().await,
            }
        };
        let due = async {
            match due {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            // A sender that is gone means the same.
            _ = self.stop.wait_for(|stopped| *stopped) => News::Stop,
            () = self.place.lost() => News::Rest,
            () = due => News::Due,
            update = updates => News::Update(update),
            lines = self.lists.recv() => News::Lines(lines),
        }
    }

    /// Takes a change in; `None`: the thread can't be watched any more, and the page connects anew.
    async fn take(&mut self, update: Update) -> Option<()> {
        let watched = self.thread.as_mut()?;
        if watched.feed.take(update) == Taken::Fine {
            return Some(());
        }
        let id = watched.id.clone();
        tokio::select! {
            _ = self.stop.wait_for(|stopped| *stopped) => return None,
            () = tokio::time::sleep_until(watched.snapshot_after) => {}
        }
        self.watch(id, None).await.ok()
    }

    /// Sends what is due. Not to be dropped half-way: the thread is away while it is drawn.
    async fn flush(&mut self) {
        let Some(mut watched) = self.thread.take() else {
            return;
        };
        let heavy = watched.feed.is_heavy();
        let (watched, mut events) = view::drawing(heavy, move || {
            let sent = watched.feed.flush(Instant::now());
            let events: Vec<Event> = sent.iter().map(event).collect();
            (watched, events)
        })
        .await;
        // With this id the page says what it has, when it comes again: nothing may be missing before it.
        if let Some(revision) = watched.feed.proven()
            && let Some(last) = events.pop()
        {
            events.push(with_id(last, &self.web.boot, revision));
        }
        self.ready.extend(events);
        self.thread = Some(watched);
    }

    /// Looks at the whole list; what was quiet for long before `drawn`, when the page was drawn, it has.
    async fn list(&mut self, drawn: Option<Timestamp>) -> Result<(), Refused> {
        let mut threads = self.web.listed(&self.visitor.person, LIST_LIMIT).await?;
        if let Some(drawn) = drawn {
            let is_quiet = |status: &ThreadStatus| {
                matches!(status.phase, ThreadPhase::Cold | ThreadPhase::Idle)
                    && drawn.since(status.summary.thread.active) > DRAWN_WITHIN
            };
            threads.retain(|status| !is_quiet(status));
        }
        let lines: Vec<Drawn> = threads
            .into_iter()
            .map(|status| self.web.draw_line(status))
            .collect();
        self.lines(&lines);
        Ok(())
    }

    /// Sends the lines that look different from what this page was sent.
    fn lines(&mut self, lines: &[Drawn]) {
        for line in lines {
            if self.lines.get(&line.id) != Some(&line.looks) {
                self.lines.insert(line.id.clone(), line.looks);
                self.ready
                    .push_back(Event::default().event("list").data(line.data.clone()));
            }
        }
    }
}
