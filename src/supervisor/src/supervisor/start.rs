//! The beginning: threads whose turns were cut are told, and what waited goes on.

use conversation::{Body, Conversation, Found, NoteKind, Turn};
use credentials::Credentials;
use tokio::sync::Mutex;
use tracing::{info, warn};

use super::{Inner, Result, Supervisor};
use crate::command::Command;
use crate::config::Config;
use crate::ending::sentence;
use crate::entry::entry;
use crate::process::Launcher;
use crate::shared::Shared;

/// Notes that are written at once.
const TOGETHER: usize = 100;

impl Supervisor {
    /// Begins, with whatever starts workers.
    pub(super) async fn begin(
        config: Config,
        conversation: Conversation,
        found: Found,
        credentials: Credentials,
        launcher: Launcher,
    ) -> Result<Self> {
        let (shared, ended) = Shared::new(config, conversation, credentials, launcher);
        let supervisor = Self {
            inner: std::sync::Arc::new(Inner {
                shared,
                ended: Mutex::new(ended),
                waiting: Mutex::new(found.waiting.clone()),
            }),
        };
        supervisor.tell_cut(&found.cut).await?;
        info!(
            cut = found.cut.len(),
            waiting = found.waiting.len(),
            "supervisor begins"
        );
        Ok(supervisor)
    }

    /// Goes on with what waited when it was started. To be called once all else of a host is there: a host that can't serve
    /// must not have begun with anything. Called again, it does nothing.
    pub async fn go_on(&self) {
        for thread in std::mem::take(&mut *self.inner.waiting.lock().await) {
            // One thread that can't go on must not keep the others.
            if let Err(error) = self.shared().tell(&thread, Command::Wake).await {
                warn!(%thread, %error, "could not go on with a thread");
            }
        }
    }

    async fn tell_cut(&self, cut: &[Turn]) -> Result<()> {
        let conversation = &self.shared().conversation;
        let note = |turn: &Turn| {
            let reason = turn.reason.as_deref();
            let body = Body::Note {
                kind: NoteKind::Error,
                text: sentence(reason.unwrap_or("the host stopped while this turn ran")),
                retry: Some(turn.id),
            };
            entry(conversation, &turn.thread, Some(turn.id), body)
        };
        for turns in cut.chunks(TOGETHER) {
            conversation.put_items(turns.iter().map(note).collect()).await?;
        }
        Ok(())
    }
}
