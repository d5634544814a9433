//! What a host keeps besides the logins: whether the next one could start with it.

use chat::web;
use conversation::{Conversation, ConversationError};

use super::Check;
use crate::config::Settings;
use crate::failure::Failure;
use crate::{exposure, lost, serve};

const NAME: &str = "state";

/// What would stop a host at its start. Only looks.
pub(super) fn check(settings: &Settings) -> Check {
    let state = &settings.state_folder;
    // Where there is no folder nothing is kept; what is wrong with the folder is told by its own check.
    if !state.is_dir() {
        return Check::ok(NAME, "nothing is kept yet");
    }
    let looks = [
        conversation(settings),
        web::Server::check_state(state).map_err(Failure::web),
        serve::refuse_open_secrets(settings),
    ];
    let (lost, emptied) = match lost::look(state) {
        Ok(lost) => (lost, None),
        Err(failure) => (None, Some(failure)),
    };
    let lost =
        lost.map(|words| Check::warn(NAME, words).hint("put a backup in its place before the next start"));
    let exposed = exposure::of_all(&settings.web.secret_files);
    let findings =
        looks
            .into_iter()
            .filter_map(Result::err)
            .chain(emptied)
            .map(|failure| finding(&failure))
            .chain(lost)
            .chain(exposed.map(|words| {
                Check::warn(NAME, words).hint("let only the user of this host read it: chmod 600")
            }))
            .collect();
    Check::worst(NAME, findings, "a host can start with what is kept")
}

fn conversation(settings: &Settings) -> Result<(), Failure> {
    match Conversation::open_without_recovery(&settings.state_folder) {
        Ok(_) | Err(ConversationError::Missing(_)) => Ok(()),
        // A host brings an older one up to date.
        Err(ConversationError::Version { found, known, .. }) if found < known => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn finding(failure: &Failure) -> Check {
    let check = Check::fail(NAME, failure.to_string());
    match failure.hint_words() {
        Some(hint) => check.hint(hint),
        None => check,
    }
}
