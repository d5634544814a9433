//! Where the bot's token is: exactly one place, and never this file.

use chat::discord::config::Token;
use secrecy::{ExposeSecret as _, SecretString};

use super::DiscordSection;
use crate::config::document::TablePlace;
use crate::config::{Places, Problem, Variables, web};

/// The variable that is looked at when nothing else is said.
const DEFAULT_VARIABLE: &str = "DISCORD_TOKEN";

const WHERE_FROM: &str = "from discord.com/developers/applications → your application → Bot → Reset Token, without `Bot ` before it";

/// The token of somebody who has no `[discord]`.
pub(super) fn of_environment(variables: &Variables) -> Option<Token> {
    let secret = variables.secret(DEFAULT_VARIABLE).filter(is_sound)?;
    Some(Token::Given {
        secret,
        from: DEFAULT_VARIABLE.to_owned(),
    })
}

/// The token that the section names.
pub(super) fn find(
    section: &DiscordSection,
    place: &TablePlace,
    places: &Places,
    variables: &Variables,
    problems: &mut Vec<Problem>,
) -> Option<Token> {
    let mut fault = |key: Option<&str>, what: String, hint: &str| {
        problems.push(place.problem(key, what).hint(hint));
        None
    };
    // What is wrong with this key was told already.
    if place.has("token") {
        return None;
    }
    let keys = ["token_env", "token_file", "token_command"];
    let mut said = keys.into_iter().filter(|key| place.has(key));
    let (first, second) = (said.next(), said.next());
    if let (Some(first), Some(second)) = (first, second) {
        let what = format!("there is already a {first}");
        return fault(Some(second), what, "keep one of them");
    }
    if let Some(words) = &section.token_command {
        return if words.first().is_some_and(|program| !program.trim().is_empty()) {
            Some(Token::Command(words.clone()))
        } else {
            let hint = "as in [\"pass\", \"show\", \"discord-bot\"]";
            fault(Some("token_command"), "names no program".to_owned(), hint)
        };
    }
    let (key, found, from, hint) = match (&section.token_file, &section.token_env) {
        (Some(file), _) => {
            let path = places.beside_config(file);
            let from = format!("`{}`", path.display());
            (
                Some("token_file"),
                web::first_line(&path),
                from,
                "a file with one line, the token",
            )
        }
        (None, Some(name)) if !is_name(name) => {
            // It may be the token itself: it is not shown.
            let what = "is not the name of a variable".to_owned();
            let hint = "as in \"DISCORD_TOKEN\"; the token itself does not belong in this file";
            return fault(Some("token_env"), what, hint);
        }
        // Written, and wrong: that was told already.
        (None, None) if first.is_some() => return None,
        (None, name) => {
            let key = name.as_ref().map(|_| "token_env");
            let name = name.as_deref().unwrap_or(DEFAULT_VARIABLE);
            let found = variables.secret(name);
            let found = found.ok_or_else(|| format!("no token: {name} is not set in the environment"));
            let hint = "set it where agent-host runs, or say where it is with token_env, token_file or token_command";
            (key, found, name.to_owned(), hint)
        }
    };
    let (what, hint) = match found {
        Ok(secret) if is_sound(&secret) => return Some(Token::Given { secret, from }),
        Ok(_) => (format!("what {from} holds is not a token"), WHERE_FROM),
        Err(what) => (what, hint),
    };
    // Who only looks at threads needs no token.
    problems.push(place.problem(key, what).hint(hint).only_for_a_host());
    None
}

/// Three parts with points between them, in letters that fit into a header.
fn is_sound(token: &SecretString) -> bool {
    let token = token.expose_secret();
    token.len() >= 20 && token.split('.').count() == 3 && token.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
