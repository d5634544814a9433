//! The models that an agent offers for its session, as it announces them: a configuration option of the kind `model`, or
//! the list that agents gave before there were such options. What it answers is believed.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agent_client_protocol::v1::ConnectionTo;
use agent_client_protocol::v1::schema::{
    SessionConfigKind, SessionConfigOption, SessionConfigOptionCategory, SessionConfigSelectOptions,
    SetSessionConfigOptionRequest,
};
use agent_client_protocol::{Agent, Error, ErrorCode, UntypedMessage};
use serde::Deserialize as _;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Event, PromptError, client, words};
use crate::models::{Model, Offer};

/// Models that are kept of an agent's list.
const MOST: usize = 500;

/// How an agent is told which model to use.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    /// `session/set_config_option`, and the name of the option.
    Option(String),
    /// `session/set_model`.
    Former,
}

/// Why it does not use what was chosen, or why that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotTaken {
    /// Its session named nothing to choose from.
    NoMenu,
    /// It said so, in these words.
    Refused(String),
    /// It could not be asked, or gave no answer that settles it, in words.
    Unsettled(String),
    /// Its connection ended.
    Over,
}

/// What a session offers; `None` until it does.
#[derive(Debug, Default)]
pub(super) struct Models(Mutex<Option<Menu>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Menu {
    way: Way,
    offer: Offer,
    /// The one that it used before it was told which.
    own: Option<String>,
}

impl NotTaken {
    /// What its thread is told. In a session that was taken up (`resumed`) an agent need not name its models again.
    ///
    /// Errors: `Gone` if it can't be told anything any more.
    pub(super) fn told(self, resumed: bool) -> Result<Event, PromptError> {
        Ok(match self {
            Self::NoMenu if resumed => {
                let words = "it named no models when it took up its session, which goes on with what it has";
                Event::ModelUnsettled(words.to_owned())
            }
            Self::NoMenu => Event::OtherModel("it chooses its model itself".to_owned()),
            Self::Refused(why) => Event::OtherModel(why),
            Self::Unsettled(why) => Event::ModelUnsettled(why),
            Self::Over => return Err(PromptError::Gone),
        })
    }
}

impl Models {
    fn menu(&self) -> MutexGuard<'_, Option<Menu>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it offers now.
    pub(super) fn offer(&self) -> Option<Offer> {
        self.menu().as_ref().map(|menu| menu.offer.clone())
    }

    /// The answer to the request for a session.
    pub(super) fn opened(&self, answer: &Value) {
        *self.menu() = read(answer).map(|(way, offer)| Menu {
            way,
            offer,
            own: None,
        });
    }

    /// It has other options than before, by itself.
    pub(super) fn changed(&self, options: &[SessionConfigOption]) {
        if let Some((way, offer)) = read_options(options) {
            let mut menu = self.menu();
            let own = menu.take().and_then(|menu| menu.own);
            *menu = Some(Menu { way, offer, own });
        }
    }

    /// Has it use this model; `None`: the one that it chose itself before.
    pub(super) async fn choose(
        &self,
        connection: &ConnectionTo<Agent>,
        session: &str,
        wanted: Option<&str>,
        patience: Duration,
    ) -> Result<(), NotTaken> {
        let Some((request, target, way)) = self.request(session, wanted)? else {
            return Ok(());
        };
        let answer = timeout(patience, connection.send_request(request).block_task()).await;
        let answer = answer
            .map_err(|_| NotTaken::Unsettled("it did not answer in time".to_owned()))?
            .map_err(|error| match error.code {
                _ if client::is_over(&error) => NotTaken::Over,
                // It has not looked at the choice yet.
                ErrorCode::AUTH_REQUIRED => NotTaken::Unsettled(words::error(&error)),
                _ => NotTaken::Refused(words::error(&error)),
            })?;
        let mut menu = self.menu();
        let Some(menu) = menu.as_mut() else {
            return Ok(());
        };
        let before = std::mem::replace(&mut menu.offer.current, target.clone());
        if matches!(way, Way::Option(_))
            && let Some((_, offer)) = read(&answer)
        {
            menu.offer = offer;
        }
        if menu.offer.current != target {
            let words = format!("it answered that it uses `{}`", menu.offer.current);
            return Err(NotTaken::Refused(words));
        }
        menu.own = match wanted {
            Some(_) => menu.own.take().or(Some(before)),
            None => None,
        };
        Ok(())
    }

    /// What is to be asked, if anything.
    fn request(
        &self,
        session: &str,
        wanted: Option<&str>,
    ) -> Result<Option<(UntypedMessage, String, Way)>, NotTaken> {
        let menu = self.menu();
        let Some(menu) = menu.as_ref() else {
            return wanted.map_or(Ok(None), |_| Err(NotTaken::NoMenu));
        };
        let target = match (wanted, &menu.own) {
            (Some(wanted), _) => menu
                .offer
                .find(wanted)
                .ok_or_else(|| NotTaken::Refused(menu.offer.lacks()))?
                .id
                .clone(),
            (None, Some(own)) => own.clone(),
            (None, None) => return Ok(None),
        };
        if menu.offer.current == target {
            return Ok(None);
        }
        let request = match &menu.way {
            Way::Option(id) => UntypedMessage::new(
                "session/set_config_option",
                SetSessionConfigOptionRequest::new(session.to_owned(), id.clone(), target.as_str()),
            ),
            Way::Former => UntypedMessage::new(
                "session/set_model",
                json!({ "sessionId": session, "modelId": target }),
            ),
        };
        let request = request.map_err(|error: Error| NotTaken::Unsettled(words::error(&error)))?;
        Ok(Some((request, target, menu.way.clone())))
    }
}

fn read(answer: &Value) -> Option<(Way, Offer)> {
    let options = answer.get("configOptions").and_then(Value::as_array);
    let options: Vec<_> = options
        .into_iter()
        .flatten()
        .filter_map(|option| SessionConfigOption::deserialize(option).ok())
        .collect();
    read_options(&options).or_else(|| {
        let former = answer.get("models")?;
        let text = |value: &Value, name: &str| Some(value.get(name)?.as_str()?.to_owned());
        let models = former.get("availableModels")?.as_array()?.iter().take(MOST);
        let models = models.filter_map(|model| {
            let id = text(model, "modelId")?;
            let name = text(model, "name").unwrap_or_else(|| id.clone());
            Some(Model { id, name })
        });
        let offer = Offer {
            models: models.collect(),
            current: text(former, "currentModelId")?,
        };
        (!offer.models.is_empty()).then_some((Way::Former, offer))
    })
}

fn read_options(options: &[SessionConfigOption]) -> Option<(Way, Offer)> {
    let is_model = |option: &&SessionConfigOption| match &option.category {
        Some(category) => *category == SessionConfigOptionCategory::Model,
        None => &*option.id.0 == "model",
    };
    let option = options.iter().find(is_model)?;
    let SessionConfigKind::Select(select) = &option.kind else {
        return None;
    };
    let options: Vec<_> = match &select.options {
        SessionConfigSelectOptions::Ungrouped(options) => options.iter().collect(),
        SessionConfigSelectOptions::Grouped(groups) => {
            groups.iter().flat_map(|group| &group.options).collect()
        }
        _ => return None,
    };
    let models = options.into_iter().take(MOST).map(|option| Model {
        id: option.value.to_string(),
        name: option.name.clone(),
    });
    let offer = Offer {
        models: models.collect(),
        current: select.current_value.to_string(),
    };
    (!offer.models.is_empty()).then(|| (Way::Option(option.id.to_string()), offer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_read_in_the_ways_that_agents_announce_them() {
        let select = |id: &str, category: Value, options: Value| json!({ "id": id, "name": "M", "category": category, "type": "select", "currentValue": "a", "options": options });
        let option = |id: &str| json!({ "value": id, "name": format!("Model {id}") });
        let plain = json!([option("a"), option("b")]);
        let grouped = json!([{ "group": "g", "name": "G", "options": [option("a"), option("b")] }]);
        let former = json!({ "currentModelId": "a", "availableModels": [{ "modelId": "a", "name": "Model a" }, { "modelId": "b", "name": "Model b" }] });
        let by_option = || Way::Option("m".to_owned());
        for (answer, way) in [
            (
                json!({ "configOptions": [select("x", json!("mode"), json!([option("z")])), select("m", json!("model"), plain.clone())] }),
                by_option(),
            ),
            (
                json!({ "configOptions": [select("m", json!("model"), grouped)] }),
                by_option(),
            ),
            (
                json!({ "configOptions": [{ "id": 7 }, select("model", Value::Null, plain.clone())] }),
                Way::Option("model".to_owned()),
            ),
            (json!({ "configOptions": [], "models": former }), Way::Former),
        ] {
            let (found, offer) = read(&answer).unwrap();
            assert_eq!(found, way, "{answer}");
            assert_eq!(
                (offer.current.as_str(), offer.words().as_str()),
                ("a", "`a` (Model a), `b` (Model b)")
            );
            assert_eq!(offer.find("model B").map(|model| model.id.as_str()), Some("b"));
            assert_eq!(offer.find("c"), None);
        }
        for answer in [
            json!(null),
            json!({}),
            json!({ "models": {} }),
            json!({ "models": { "currentModelId": "a", "availableModels": [] } }),
            json!({ "configOptions": [select("m", json!("model"), json!([]))] }),
            json!({ "configOptions": [select("model", json!("thought_level"), plain)] }),
        ] {
            assert_eq!(read(&answer), None, "{answer}");
        }
    }
}
