//! The bot, its application, and where it connects.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use serenity::all::ApplicationId;
use serenity::http::{LightMethod, Route};
use serenity::model::gateway::BotGateway;

use super::{id, parsed};
use crate::discord::admission::Id;
use crate::discord::rest::{Call, Lane, Rest, Trouble};

/// What Discord says of its gateway.
pub(in crate::discord) struct Told {
    pub(in crate::discord) url: String,
    /// The shards that it advises, at least one.
    pub(in crate::discord) shards: u32,
    /// Sessions that may be begun in a day.
    pub(in crate::discord) total: u64,
    /// Of these so many are left.
    pub(in crate::discord) left: u64,
    /// Then there are all again.
    pub(in crate::discord) reset_after: Duration,
}

impl Rest {
    /// The bot's user, what it is called, and when Discord said so, if it did.
    pub(in crate::discord) async fn me(&self) -> Result<(Id, String, Option<SystemTime>), Trouble> {
        let reply = self
            .ask(Call::new(LightMethod::Get, Route::UserMe, Lane("other", 0)))
            .await?;
        let name = reply.body["username"].as_str().unwrap_or("the bot").to_owned();
        Ok((id(&reply.body["id"])?, name, reply.said))
    }

    /// The application's id, and its owner with the members of its team.
    pub(in crate::discord) async fn application(&self) -> Result<(Id, BTreeSet<Id>), Trouble> {
        let route = Route::Oauth2ApplicationCurrent;
        let reply = self
            .ask(Call::new(LightMethod::Get, route, Lane("other", 0)))
            .await?;
        let app = &reply.body;
        let team = app["team"]["members"].as_array().cloned().unwrap_or_default();
        // An application of a team belongs to the team's own user, which is nobody.
        let owners = if team.is_empty() {
            id(&app["owner"]["id"]).into_iter().collect()
        } else {
            // Who was invited and has not said yes is no member yet.
            let members = team.iter().filter(|member| member["membership_state"] != 1);
            members
                .filter_map(|member| id(&member["user"]["id"]).ok())
                .collect()
        };
        Ok((id(&app["id"])?, owners))
    }

    /// Where the gateway is, and how often it may be connected to.
    pub(in crate::discord) async fn gateway(&self) -> Result<Told, Trouble> {
        let call = Call::new(LightMethod::Get, Route::GatewayBot, Lane("gateway", 0));
        let told: BotGateway = parsed(self.ask(call).await?.body)?;
        let starts = told.session_start_limit;
        Ok(Told {
            url: told.url,
            shards: told.shards.max(1),
            total: starts.total,
            left: starts.remaining,
            reset_after: Duration::from_millis(starts.reset_after),
        })
    }

    /// The commands of the application, as Discord has them.
    pub(in crate::discord) async fn commands(&self, application: Id) -> Result<Value, Trouble> {
        let application_id = ApplicationId::new(application);
        let route = Route::Commands { application_id };
        let call = Call::new(LightMethod::Get, route, Lane("commands", application));
        Ok(self.ask(call).await?.body)
    }

    /// Replaces the commands of the application.
    pub(in crate::discord) async fn register(&self, application: Id, commands: Value) -> Result<(), Trouble> {
        let application_id = ApplicationId::new(application);
        let route = Route::Commands { application_id };
        let call = Call::new(LightMethod::Put, route, Lane("commands", application)).body(commands);
        self.ask(call).await.map(drop)
    }
}
