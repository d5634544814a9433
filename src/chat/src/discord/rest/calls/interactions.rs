//! Answers to interactions.

use std::time::Duration;

use serde_json::{Value, json};
use serenity::all::{ApplicationId, InteractionId};
use serenity::http::{LightMethod, Route};
use tokio::time::{Instant, sleep, timeout_at};

use super::id;
use super::messages::{Outgoing, SUPPRESS_EMBEDS};
use crate::discord::admission::Id;
use crate::discord::rest::{Call, Lane, Rest, Trouble};

/// It was answered before.
const ACKNOWLEDGED: i64 = 40060;

/// Seen only by the one who asked.
pub(in crate::discord) const EPHEMERAL: u64 = 1 << 6;

/// Which later answer to an interaction.
#[derive(Debug, Clone, Copy)]
pub(in crate::discord) enum Later {
    /// What the first one becomes.
    First,
    /// One more, seen only by the one who asked.
    More,
}

impl Rest {
    /// The first answer to an interaction, which has three seconds, and is tried again within them: Discord takes the first
    /// that comes and refuses the others.
    pub(in crate::discord) async fn respond(
        &self,
        interaction: Id,
        token: &str,
        body: Value,
    ) -> Result<(), Trouble> {
        let interaction_id = InteractionId::new(interaction);
        let route = Route::InteractionResponse {
            interaction_id,
            token,
        };
        let lane = Lane("interaction", interaction);
        let end = Instant::now() + Duration::from_secs(3);
        let mut pause = Duration::from_millis(100);
        let mut trouble = None;
        loop {
            let call = Call::new(LightMethod::Post, route, lane).body(body.clone());
            match timeout_at(end, self.ask(call)).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(Trouble::Refused {
                    code: ACKNOWLEDGED, ..
                })) if trouble.is_some() => return Ok(()),
                Ok(Err(refused @ Trouble::Refused { .. })) => return Err(refused),
                Ok(Err(failed)) => trouble = Some(failed),
                Err(_) => break,
            }
            if timeout_at(end, sleep(pause)).await.is_err() {
                break;
            }
            pause *= 2;
        }
        Err(trouble.unwrap_or_else(|| Trouble::Unknown("it took too long".to_owned())))
    }

    /// A later answer to an interaction.
    pub(in crate::discord) async fn answer(
        &self,
        application: Id,
        (interaction, token): (Id, &str),
        which: Later,
        message: Outgoing,
    ) -> Result<(), Trouble> {
        let application_id = ApplicationId::new(application);
        let mut body = message.body(false);
        let (method, route) = match which {
            Later::First => {
                let route = Route::WebhookOriginalInteractionResponse {
                    application_id,
                    token,
                };
                (LightMethod::Patch, route)
            }
            Later::More => {
                body["flags"] = json!(EPHEMERAL | SUPPRESS_EMBEDS);
                let route = Route::WebhookFollowupMessages {
                    application_id,
                    token,
                };
                (LightMethod::Post, route)
            }
        };
        let call = Call::new(method, route, Lane("interaction", interaction)).body(body);
        self.ask(call.files(message.files)).await.map(drop)
    }

    /// The direct conversation with somebody.
    pub(in crate::discord) async fn direct(&self, user: Id) -> Result<Id, Trouble> {
        let call = Call::new(LightMethod::Post, Route::UserMeDmChannels, Lane("direct", user));
        let reply = self
            .ask(call.body(json!({ "recipient_id": user.to_string() })))
            .await?;
        id(&reply.body["id"])
    }
}
