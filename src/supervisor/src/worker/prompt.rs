//! A turn that a worker is given: sent, waited for, cancelled.

use std::sync::atomic::Ordering;

use agent_client_protocol as acp;
use agent_client_protocol::v1::schema::{CancelNotification, ContentBlock, Meta, PromptRequest, StopReason};
use contract::{CANCELLER, Canceller, META_KEY, MODEL_CHANGE};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::Instant;

use super::error::PromptError;
use super::{Worker, client, words};
use crate::models::{Chosen, Setting};

impl Worker {
    /// Has the agent use what was chosen, sends a turn and waits for its end; every update of it was sent to the events before.
    /// The future borrows nothing.
    /// Dropped, it asks the agent to cancel the request, but the agent may go on: [`Worker::cancel`] is the way to stop.
    pub(crate) fn prompt(
        &self,
        content: Vec<ContentBlock>,
        chosen: Chosen,
    ) -> impl Future<Output = Result<StopReason, PromptError>> + Send + use<> {
        let (is_native, pace) = (self.is_native, self.process.pace.clone());
        let ours = chosen.model.clone().filter(|_| is_native);
        let meta = ours.map(|model| Meta::from_iter([(META_KEY.to_owned(), json!({ MODEL_CHANGE: model }))]));
        let request = PromptRequest::new(self.opened.session.clone(), content).meta(meta);
        let (connection, prompts) = (self.connection.clone(), self.prompts.clone());
        let (gate, sign_in, name) = (self.gate.clone(), self.opened.sign_in.clone(), self.name.clone());
        let (is_cancelled, patience, resumed) = (self.is_cancelled.clone(), self.patience, self.resumed());
        is_cancelled.store(false, Ordering::SeqCst);
        // What it says of this turn is not what it said of one before.
        self.process.tail.forget();
        let before = self.before.clone();
        before.store(pace.requests_written(), Ordering::SeqCst);
        async move {
            client::check_length(&request)?;
            let _running = Running::begin(prompts);
            if !is_native {
                let session = request.session_id.0.clone();
                for (setting, wanted) in [(Setting::Model, &chosen.model), (Setting::Mode, &chosen.mode)] {
                    let Some(wanted) = wanted else { continue };
                    let taken = gate
                        .menus
                        .choose(&connection, &session, (setting, wanted), patience);
                    let not_taken = taken.await.err().map(|why| why.told(setting, resumed));
                    // What was asked so far is not the prompt.
                    before.store(pace.requests_written(), Ordering::SeqCst);
                    match not_taken {
                        Some(Ok(told)) => gate.send(told).await,
                        Some(Err(error)) => {
                            gate.set_over();
                            return Err(error);
                        }
                        None => {}
                    }
                }
                if is_cancelled.load(Ordering::SeqCst) {
                    return Ok(StopReason::Cancelled);
                }
            }
            let again = sign_in.is_possible().then(|| request.clone());
            let mut answer = connection.send_request(request).block_task().await;
            let wants_login = matches!(&answer, Err(error) if error.code == acp::ErrorCode::AUTH_REQUIRED);
            if wants_login
                && let Some(again) = again
                && let Ok(true) = sign_in.try_once(&connection, Instant::now() + patience).await
            {
                if is_cancelled.load(Ordering::SeqCst) {
                    return Ok(StopReason::Cancelled);
                }
                answer = connection.send_request(again).block_task().await;
            }
            match answer {
                Ok(answer) => client::ending(&answer),
                Err(error) if client::is_over(&error) => {
                    gate.set_over();
                    Err(PromptError::Gone)
                }
                Err(error) if error.code == acp::ErrorCode::AUTH_REQUIRED => Err(PromptError::Failed(
                    client::wants_login(&words::error(&error), &sign_in) + ".",
                )),
                // It is what the crate makes of an answer that it can't read.
                Err(error) if error.code == acp::ErrorCode::PARSE_ERROR => Err(PromptError::Failed(
                    words::no_understanding(&name, "session/prompt", &error),
                )),
                Err(error) => Err(PromptError::Failed(words::error(&error))),
            }
        }
    }

    /// Whether the last prompt was written to it as a whole: it may have had effects, whatever was heard of it.
    pub(crate) fn got_prompt(&self) -> bool {
        self.process.pace.requests_written() > self.before.load(Ordering::SeqCst)
    }

    /// Asks the agent to stop the running turn, whose prompt then ends with [`StopReason::Cancelled`], and says `by` whom.
    pub(crate) fn cancel(&self, by: Canceller) {
        self.is_cancelled.store(true, Ordering::SeqCst);
        let mut meta = Meta::new();
        meta.insert(META_KEY.to_owned(), json!({ CANCELLER: by }));
        let cancel = CancelNotification::new(self.opened.session.clone()).meta(meta);
        if let Err(error) = self.connection.send_notification(cancel) {
            // It ended meanwhile; that is told by itself.
            tracing::debug!(pid = self.process.pid, %error, "could not cancel");
        }
    }
}

/// A prompt that was sent and not answered.
struct Running {
    prompts: watch::Sender<usize>,
}

impl Running {
    fn begin(prompts: watch::Sender<usize>) -> Self {
        prompts.send_modify(|count| *count += 1);
        Self { prompts }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.prompts.send_modify(|count| *count -= 1);
    }
}
