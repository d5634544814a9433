//! What comes from one worker passes here: events go out, in order, and what is not this session's does not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use agent_client_protocol::v1::Dispatch;
use agent_client_protocol::{Handled, UntypedMessage};
use contract::{LOGIN_METHOD, STATUS_METHOD};
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use super::Event;
use super::menus::Menus;

/// An agent that speaks for another session could put words and questions into a thread that are not this session's.
const OTHER_SESSION: &str = "it spoke for a session that is not its own";

/// Where events go out: shut until there is a session, so that a replayed one is not shown again, and when nobody listens
/// any more.
#[derive(Debug)]
pub(super) struct Gate {
    events: mpsc::Sender<Event>,
    has_session: AtomicBool,
    /// The one that is open, or that is to be taken up.
    session: Mutex<Option<String>>,
    is_over: AtomicBool,
    is_ending: watch::Sender<bool>,
    /// What the agent did against the protocol, of what only this end can tell.
    violation: watch::Sender<Option<&'static str>>,
    /// As they came: the protocol's crate drops what it does not know, such as the variables that one needs.
    ways_to_sign_in: OnceLock<Vec<Value>>,
    /// What the session offers.
    pub(super) menus: Menus,
}

impl Gate {
    pub(super) fn new(events: mpsc::Sender<Event>) -> Arc<Self> {
        Arc::new(Self {
            events,
            has_session: AtomicBool::new(false),
            session: Mutex::default(),
            is_over: AtomicBool::new(false),
            is_ending: watch::Sender::new(false),
            violation: watch::Sender::new(None),
            ways_to_sign_in: OnceLock::new(),
            menus: Menus::default(),
        })
    }

    fn session(&self) -> MutexGuard<'_, Option<String>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This session is to be taken up.
    pub(super) fn expect(&self, session: &str) {
        *self.session() = Some(session.to_owned());
    }

    /// Whatever comes in, before anybody else sees it. A message about another session goes no further, and neither does its
    /// worker.
    pub(super) fn let_in(&self, message: Dispatch) -> Handled<Dispatch> {
        let is_ours = match &message {
            Dispatch::Request(said, _) | Dispatch::Notification(said) => self.is_own(said),
            Dispatch::Response(Ok(answer), router) => {
                self.opened(router.method(), answer);
                true
            }
            Dispatch::Response(Err(_), _) => true,
        };
        if !is_ours {
            self.violation.send_replace(Some(OTHER_SESSION));
            return Handled::Yes;
        }
        Handled::No {
            message,
            retry: false,
        }
    }

    /// Here, and not where the answer is awaited: a new session's first update may be right behind it.
    fn opened(&self, method: &str, answer: &Value) {
        match (method, answer["sessionId"].as_str()) {
            ("session/new", Some(session)) => {
                self.expect(session);
                self.menus.opened(answer);
            }
            ("session/load", _) => self.menus.taken_up(answer),
            ("initialize", _) => {
                let offered = answer["authMethods"].as_array().cloned().unwrap_or_default();
                let _ = self.ways_to_sign_in.set(offered);
                return;
            }
            _ => return,
        }
        self.has_session.store(true, Ordering::SeqCst);
    }

    /// What the agent offered when it was greeted.
    pub(super) fn ways_to_sign_in(&self) -> &[Value] {
        self.ways_to_sign_in.get().map_or(&[], Vec::as_slice)
    }

    /// Whether a message is about the session that is open. One that names none is judged by whoever reads it.
    fn is_own(&self, message: &UntypedMessage) -> bool {
        let name = match message.method() {
            "session/update" | "session/request_permission" => "sessionId",
            LOGIN_METHOD | STATUS_METHOD => "session",
            _ => return true,
        };
        let named = message.params().get(name).and_then(Value::as_str);
        !self.is_open() || named.is_none() || named == self.session().as_deref()
    }

    /// Waits until the agent broke the protocol in a way that only this end can tell.
    pub(super) async fn violated(&self) {
        let mut violation = self.violation.subscribe();
        if violation.wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// What it did, if it did.
    pub(super) fn violation(&self) -> Option<&'static str> {
        *self.violation.borrow()
    }

    pub(super) fn is_open(&self) -> bool {
        self.has_session.load(Ordering::SeqCst) && !*self.is_ending.borrow()
    }

    /// Whether a session was ever there.
    pub(super) fn had_session(&self) -> bool {
        self.has_session.load(Ordering::SeqCst)
    }

    /// The connection or the process has ended.
    pub(super) fn set_over(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    /// Whether the connection or the process has ended.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// From now on nobody has to receive.
    pub(super) fn shut(&self) {
        self.is_ending.send_replace(true);
    }

    /// Waits for room, which is what slows a worker down; gives up when the gate is shut.
    pub(super) async fn send(&self, event: Event) {
        let mut is_ending = self.is_ending.subscribe();
        tokio::select! {
            biased;
            _ = is_ending.wait_for(|ending| *ending) => {}
            // An error: nobody owns this worker any more, so it is being ended.
            _ = self.events.send(event) => {}
        }
    }

    /// The last event, which nobody may be there for.
    pub(super) async fn send_last(&self, event: Event) {
        if *self.is_ending.borrow() {
            let _ = self.events.try_send(event);
        } else {
            self.send(event).await;
        }
    }
}
