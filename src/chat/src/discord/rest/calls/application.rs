//! The bot, its application, and where it connects.

use std::collections::BTreeSet;

use serde_json::Value;
use serenity::all::ApplicationId;
use serenity::http::{LightMethod, Route};

use super::id;
use crate::discord::admission::Id;
use crate::discord::rest::{Call, Lane, Rest, Trouble};

impl Rest {
    /// The bot's user, and what it is called.
    pub(in crate::discord) async fn me(&self) -> Result<(Id, String), Trouble> {
        let reply = self
            .ask(Call::new(LightMethod::Get, Route::UserMe, Lane("other", 0)))
            .await?;
        let name = reply.body["username"].as_str().unwrap_or("the bot").to_owned();
        Ok((id(&reply.body["id"])?, name))
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

    /// Where the gateway is.
    pub(in crate::discord) async fn gateway(&self) -> Result<String, Trouble> {
        let reply = self
            .ask(Call::new(LightMethod::Get, Route::Gateway, Lane("other", 0)))
            .await?;
        let url = reply.body["url"].as_str();
        url.map(str::to_owned)
            .ok_or_else(|| Trouble::Failed("the answer names no gateway".to_owned()))
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
