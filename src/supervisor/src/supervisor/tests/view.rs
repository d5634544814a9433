//! A subscriber that builds the whole state from a snapshot and updates, as a page does.

use std::collections::BTreeMap;
use std::time::Duration;

use conversation::{Body, Item, ItemId, NoteKind, ThreadId, Turn, TurnId};
use tokio::time::timeout;

use crate::supervisor::Supervisor;
use crate::update::{Change, Doing, Subscription, ThreadPhase};

/// No test waits longer for anything.
const LONG: Duration = Duration::from_secs(20);

pub(super) struct View {
    supervisor: Supervisor,
    thread: ThreadId,
    subscription: Subscription,
    pub(super) items: BTreeMap<ItemId, Item>,
    pub(super) queued: Vec<Turn>,
    pub(super) phase: ThreadPhase,
    pub(super) doing: Option<Doing>,
    pub(super) revision: u64,
    /// All phases that were seen, one after the other.
    pub(super) phases: Vec<ThreadPhase>,
    /// Everything the agent was doing.
    pub(super) done: Vec<String>,
}

impl View {
    pub(super) async fn new(supervisor: &Supervisor, thread: &ThreadId) -> Self {
        let (snapshot, subscription) = supervisor.subscribe(thread).await.unwrap();
        Self {
            supervisor: supervisor.clone(),
            thread: thread.clone(),
            subscription,
            items: snapshot.items.into_iter().map(|item| (item.id, item)).collect(),
            queued: snapshot.queued,
            phase: snapshot.phase,
            doing: snapshot.doing,
            revision: snapshot.revision,
            phases: vec![snapshot.phase],
            done: vec![],
        }
    }

    /// Takes updates until something holds.
    pub(super) async fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let waited = timeout(LONG, async {
            while !holds(self) {
                assert!(self.next().await, "the supervisor has ended");
            }
        });
        let came = waited.await.is_ok();
        assert!(
            came,
            "never: {what}; phases {:?}, items {:#?}",
            self.phases,
            self.bodies()
        );
    }

    pub(super) async fn phase(&mut self, phase: ThreadPhase) {
        self.until(&format!("{phase:?}"), |view| view.phase == phase)
            .await;
    }

    /// Until nothing runs or waits of what was asked before this call.
    pub(super) async fn quiet(&mut self) {
        let (snapshot, _) = self.supervisor.subscribe(&self.thread).await.unwrap();
        self.until("what was asked for", |view| view.revision >= snapshot.revision)
            .await;
        self.until("nothing runs", |view| {
            matches!(view.phase, ThreadPhase::Idle | ThreadPhase::Cold) && view.queued.is_empty()
        })
        .await;
    }

    /// Until a note with these words is there; gives back its kind and the turn to retry.
    pub(super) async fn note(&mut self, words: &str) -> (NoteKind, Option<TurnId>) {
        self.until(words, |view| view.find_note(words).is_some()).await;
        self.find_note(words).unwrap()
    }

    pub(super) fn find_note(&self, words: &str) -> Option<(NoteKind, Option<TurnId>)> {
        self.items.values().find_map(|item| match &item.body {
            Body::Note { kind, text, retry } if text.contains(words) => Some((*kind, *retry)),
            _ => None,
        })
    }

    /// How many notes have these words.
    pub(super) fn notes(&self, words: &str) -> usize {
        let has = |item: &&Item| matches!(&item.body, Body::Note { text, .. } if text.contains(words));
        self.items.values().filter(has).count()
    }

    /// Takes one update; `false`: there will be no more.
    pub(super) async fn next(&mut self) -> bool {
        let Some(update) = self.subscription.next().await else {
            return false;
        };
        if matches!(update.change, Change::Resync) {
            let phases = std::mem::take(&mut self.phases);
            *self = Self::new(&self.supervisor.clone(), &self.thread.clone()).await;
            self.phases.splice(0..0, phases);
            return true;
        }
        if update.revision <= self.revision {
            return true;
        }
        assert_eq!(update.revision, self.revision + 1, "an update was lost");
        self.revision = update.revision;
        self.apply(update.change);
        true
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Item(item) => drop(self.items.insert(item.id, item)),
            Change::Append { item, at, text } => {
                let item = self.items.get_mut(&item).expect("its entry was published before");
                let (Body::Answer { text: whole } | Body::Thought { text: whole }) = &mut item.body else {
                    panic!("words are added to {item:?}");
                };
                assert_eq!(whole.len(), at, "words are added where the text ends");
                whole.push_str(&text);
            }
            Change::Queue(queued) => self.queued = queued,
            Change::Phase { phase, doing } => {
                if self.phases.last() != Some(&phase) {
                    self.phases.push(phase);
                }
                self.done.extend(doing.iter().map(|doing| doing.what.clone()));
                self.phase = phase;
                self.doing = doing;
            }
            Change::Thread(_) => {}
            Change::Resync => unreachable!("handled before"),
        }
    }

    pub(super) fn bodies(&self) -> Vec<&Body> {
        self.items.values().map(|item| &item.body).collect()
    }

    /// All answers.
    pub(super) fn answers(&self) -> Vec<&str> {
        let answers = self.items.values().filter_map(|item| match &item.body {
            Body::Answer { text } => Some(text.as_str()),
            _ => None,
        });
        answers.collect()
    }

    /// The newest permission request: its name and its entry.
    pub(super) fn permission(&self) -> Option<(String, Body)> {
        self.items.values().rev().find_map(|item| match &item.body {
            Body::Permission { request, .. } => Some((request.clone(), item.body.clone())),
            _ => None,
        })
    }

    /// What was seen is what is kept.
    pub(super) async fn is_durable(&self, conversation: &conversation::Conversation) {
        let kept = conversation.items(&self.thread, None, 100_000).await.unwrap();
        let seen: Vec<_> = self.items.values().cloned().collect();
        assert_eq!(seen, kept);
    }
}
