//! The models and modes that an agent offers for its session, as it announces them: configuration options of these kinds, or
//! the lists that agents gave before there were such options. What it answers is believed.

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
use crate::models::{Offer, Offered, Offers, Setting};

/// Entries that are kept of an agent's list.
const MOST: usize = 500;

/// How an agent is told what to use.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    /// `session/set_config_option`, and the name of the option.
    Option(String),
    /// The request that there was before there were options.
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

impl NotTaken {
    /// What its thread is told. In a session that was taken up (`resumed`) an agent need not name again what it offers.
    ///
    /// Errors: `Gone` if it can't be told anything any more.
    pub(super) fn told(self, setting: Setting, resumed: bool) -> Result<Event, PromptError> {
        Ok(match self {
            Self::NoMenu if resumed => {
                let words = format!(
                    "it named no {setting}s when it took up its session, which goes on with what it has"
                );
                Event::Unsettled(setting, words)
            }
            Self::NoMenu => Event::NotTaken(setting, format!("it chooses its {setting} itself")),
            Self::Refused(why) => Event::NotTaken(setting, why),
            Self::Unsettled(why) => Event::Unsettled(setting, why),
            Self::Over => return Err(PromptError::Gone),
        })
    }
}

/// The words of the protocol about one setting.
struct Words {
    category: SessionConfigOptionCategory,
    /// The id of an option that names no category.
    id: &'static str,
    former: Former,
}

/// The same before there were options.
struct Former {
    /// The member of the answer to the request for a session.
    member: &'static str,
    /// In it, the one that is used.
    current: &'static str,
    /// And the list.
    list: &'static str,
    /// An entry's name in it.
    entry: &'static str,
    /// The request that chooses one.
    method: &'static str,
    /// What that names it by.
    wanted: &'static str,
}

fn words_of(setting: Setting) -> Words {
    match setting {
        Setting::Model => Words {
            category: SessionConfigOptionCategory::Model,
            id: "model",
            former: Former {
                member: "models",
                current: "currentModelId",
                list: "availableModels",
                entry: "modelId",
                method: "session/set_model",
                wanted: "modelId",
            },
        },
        Setting::Mode => Words {
            category: SessionConfigOptionCategory::Mode,
            id: "mode",
            former: Former {
                member: "modes",
                current: "currentModeId",
                list: "availableModes",
                entry: "id",
                method: "session/set_mode",
                wanted: "modeId",
            },
        },
    }
}

/// What a session offers.
#[derive(Debug)]
pub(super) struct Menus {
    models: Menu,
    modes: Menu,
}

/// The same of one setting; `None` until it does.
#[derive(Debug)]
struct Menu {
    setting: Setting,
    card: Mutex<Option<Card>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Card {
    way: Way,
    offer: Offer,
    /// The one that it was told to use last.
    told: Option<String>,
}

impl Default for Menus {
    fn default() -> Self {
        let menu = |setting| Menu {
            setting,
            card: Mutex::default(),
        };
        Self {
            models: menu(Setting::Model),
            modes: menu(Setting::Mode),
        }
    }
}

impl Menus {
    fn menu(&self, setting: Setting) -> &Menu {
        match setting {
            Setting::Model => &self.models,
            Setting::Mode => &self.modes,
        }
    }

    /// What it offers now.
    pub(super) fn offers(&self) -> Offers {
        let offer = |menu: &Menu| menu.card().as_ref().map(|card| card.offer.clone());
        Offers {
            models: offer(&self.models),
            modes: offer(&self.modes),
        }
    }

    /// The answer to the request for a new session.
    pub(super) fn opened(&self, answer: &Value) {
        for menu in [&self.models, &self.modes] {
            *menu.card() = None;
        }
        self.taken_up(answer);
    }

    /// The answer to the request to take one up. What it does not name may have been announced while it was replayed.
    pub(super) fn taken_up(&self, answer: &Value) {
        for menu in [&self.models, &self.modes] {
            menu.heard(read(answer, menu.setting));
        }
    }

    /// It has other options than before, by itself.
    pub(super) fn changed(&self, options: &[SessionConfigOption]) {
        for menu in [&self.models, &self.modes] {
            menu.heard(read_options(options, menu.setting));
        }
    }

    /// It works in this mode now.
    pub(super) fn moved(&self, mode: String) {
        if let Some(card) = self.modes.card().as_mut() {
            card.offer.current = mode;
        }
    }

    /// The mode that it was told to work in, and the one that it has gone over to since, by itself.
    pub(super) fn strayed(&self) -> Option<(String, String)> {
        let card = self.modes.card();
        let card = card.as_ref()?;
        let told = card.told.clone().filter(|told| *told != card.offer.current)?;
        Some((told, card.offer.current.clone()))
    }

    /// Has it use this.
    pub(super) async fn choose(
        &self,
        connection: &ConnectionTo<Agent>,
        session: &str,
        (setting, wanted): (Setting, &str),
        patience: Duration,
    ) -> Result<(), NotTaken> {
        let menu = self.menu(setting);
        let Some((request, target, way)) = menu.request(session, wanted)? else {
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
        if matches!(way, Way::Option(_)) {
            // With one of them others may be otherwise, too.
            for other in [&self.models, &self.modes] {
                if other.setting != setting {
                    other.heard(read(&answer, other.setting));
                }
            }
        }
        menu.took(target, &way, &answer)
    }
}

impl Menu {
    fn card(&self) -> MutexGuard<'_, Option<Card>> {
        self.card.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it offers now, if it still does.
    fn heard(&self, found: Option<(Way, Offer)>) {
        if let Some((way, offer)) = found {
            let mut card = self.card();
            let told = card.take().and_then(|card| card.told);
            *card = Some(Card { way, offer, told });
        }
    }

    /// It answered that it took this.
    fn took(&self, target: String, way: &Way, answer: &Value) -> Result<(), NotTaken> {
        let mut card = self.card();
        let Some(card) = card.as_mut() else {
            return Ok(());
        };
        card.offer.current.clone_from(&target);
        if matches!(way, Way::Option(_))
            && let Some((_, offer)) = read(answer, self.setting)
        {
            card.offer = offer;
        }
        if card.offer.current != target {
            let words = format!("it answered that it uses `{}`", card.offer.current);
            return Err(NotTaken::Refused(words));
        }
        card.told = Some(target);
        Ok(())
    }

    /// What is to be asked, if anything.
    fn request(
        &self,
        session: &str,
        wanted: &str,
    ) -> Result<Option<(UntypedMessage, String, Way)>, NotTaken> {
        let mut card = self.card();
        let card = card.as_mut().ok_or(NotTaken::NoMenu)?;
        let found = card.offer.find(wanted);
        let lacks = || NotTaken::Refused(card.offer.lacks());
        let target = found.ok_or_else(lacks)?.id.clone();
        if card.offer.current == target {
            card.told = Some(target);
            return Ok(None);
        }
        let request = match &card.way {
            Way::Option(id) => UntypedMessage::new(
                "session/set_config_option",
                SetSessionConfigOptionRequest::new(session.to_owned(), id.clone(), target.as_str()),
            ),
            Way::Former => {
                let Former { method, wanted, .. } = words_of(self.setting).former;
                UntypedMessage::new(method, json!({ "sessionId": session, wanted: target }))
            }
        };
        let request = request.map_err(|error: Error| NotTaken::Unsettled(words::error(&error)))?;
        Ok(Some((request, target, card.way.clone())))
    }
}

fn read(answer: &Value, setting: Setting) -> Option<(Way, Offer)> {
    let options = answer.get("configOptions").and_then(Value::as_array);
    let options: Vec<_> = options
        .into_iter()
        .flatten()
        .filter_map(|option| SessionConfigOption::deserialize(option).ok())
        .collect();
    read_options(&options, setting).or_else(|| {
        let words = words_of(setting).former;
        let former = answer.get(words.member)?;
        let text = |value: &Value, name: &str| Some(value.get(name)?.as_str()?.to_owned());
        let entries = former.get(words.list)?.as_array()?.iter().take(MOST);
        let entries = entries.filter_map(|entry| {
            let id = text(entry, words.entry)?;
            let name = text(entry, "name").unwrap_or_else(|| id.clone());
            Some(Offered { id, name })
        });
        let offer = Offer {
            entries: entries.collect(),
            current: text(former, words.current)?,
        };
        (!offer.entries.is_empty()).then_some((Way::Former, offer))
    })
}

fn read_options(options: &[SessionConfigOption], setting: Setting) -> Option<(Way, Offer)> {
    let Words { category, id, .. } = words_of(setting);
    let is_it = |option: &&SessionConfigOption| match &option.category {
        Some(named) => *named == category,
        None => &*option.id.0 == id,
    };
    let option = options.iter().find(is_it)?;
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
    let entries = options.into_iter().take(MOST).map(|option| Offered {
        id: option.value.to_string(),
        name: option.name.clone(),
    });
    let offer = Offer {
        entries: entries.collect(),
        current: select.current_value.to_string(),
    };
    (!offer.entries.is_empty()).then(|| (Way::Option(option.id.to_string()), offer))
}

#[cfg(test)]
mod tests;
