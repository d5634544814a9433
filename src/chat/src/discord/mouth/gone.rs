//! Threads that are no longer there: nothing more is said in them, and nothing that was to be said waits for them.

use std::sync::Arc;

use crate::discord::admission::Id;
use crate::discord::bot::Bot;
use crate::discord::places::thread;

/// What was there when a thread was heard to be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    /// Nothing went on in it; something may wait in the outbox.
    Silence,
    /// A turn runs in it, or something of one is still to be said or signed.
    Voice,
    /// That voice heard of it before, and it was told.
    Before,
}

impl Bot {
    /// A channel is no longer there, and none of its threads: Discord does not tell of each.
    pub(in crate::discord) fn gone_with_threads(self: &Arc<Self>, channel: Id) {
        for one in self.places.threads_of(channel).into_iter().chain([channel]) {
            self.gone(one);
        }
    }

    /// A thread is no longer there. Returns at once.
    pub(in crate::discord) fn gone(self: &Arc<Self>, channel: Id) {
        self.places.forget(channel);
        self.seen().gone(channel);
        self.is_no_longer_taken_out_of(channel);
        let voice = self.mouth.voices().get(&channel).cloned();
        // One voice hears of it more than once: from the gateway, and as the answer to what is under way.
        let met = match voice {
            None => Met::Silence,
            Some(voice) if voice.hush() => Met::Voice,
            Some(_) => Met::Before,
        };
        let bot = Arc::clone(self);
        tokio::spawn(async move { bot.bury(channel, met).await });
    }

    async fn bury(&self, channel: Id, met: Met) {
        let Some(thread) = thread(channel) else {
            return;
        };
        match self.house.conversation.give_up_deliveries(&thread).await {
            Ok(0) if met != Met::Voice => {}
            Ok(count) if met != Met::Before => tracing::warn!(
                channel,
                count,
                "a thread is not there any more: what was to be said in it is given up, and `agent-host threads show {thread}` \
                 has what is answered"
            ),
            Ok(count) => tracing::debug!(channel, count, "gave up more of a thread that is not there"),
            Err(error) => {
                tracing::warn!(channel, %error, "what waits for a thread that is not there could not be given up");
            }
        }
        // A voice does this by itself when it ends.
        let voices = self.mouth.voices();
        if !voices.contains_key(&channel) {
            self.forget_told(channel);
        }
    }
}
