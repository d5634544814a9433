//! `config check`: every fault of the configuration with its line, and what is hardly as it is meant; or what it says.

use serde_json::json;
use supervisor::{Agent, AgentKind};

use crate::arguments::CheckConfig;
use crate::config::{Loaded, Problem, Settings};
use crate::failure::{Exit, Failure, Outcome};
use crate::output;
use crate::service_manager::as_service;

/// Tells what is wrong: errors, which a host does not start with, before warnings, which it does.
pub(crate) fn run(asked: &CheckConfig, loaded: &Loaded) -> Outcome {
    if asked.json {
        return in_json(loaded);
    }
    let Loaded {
        settings,
        problems,
        warnings,
    } = loaded;
    for problem in problems {
        output::data(&problem.to_string())?;
    }
    for warning in warnings {
        output::data(&format!("warning: {warning}"))?;
    }
    if problems.is_empty() {
        say_what_lacks(settings);
        return fine(settings, warnings.len());
    }
    let mut words = format!(
        "{} in the configuration",
        output::count(problems.len() as u64, "problem")
    );
    if !warnings.is_empty() {
        words = format!("{words}, and {}", output::count(warnings.len() as u64, "warning"));
    }
    let failure = Failure::words(words);
    let hint = if problems
        .iter()
        .any(|problem| problem.concerns_all() && problem.is_of_a_line())
    {
        Some("`agent-host config example` explains every key".to_owned())
    } else if problems.iter().any(Problem::concerns_all) {
        None
    } else {
        // All that is lacking is what a service may be given.
        as_service(&settings.config_path, "config check")
    };
    Err(match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    })
}

fn in_json(loaded: &Loaded) -> Outcome {
    let told = |found: &[Problem]| json!(found.iter().map(Problem::told).collect::<Vec<_>>());
    let ok = loaded.problems.is_empty();
    output::json(&json!({
        "ok": ok,
        "path": loaded.settings.config_path,
        "exists": loaded.settings.config_exists,
        "errors": told(&loaded.problems),
        "warnings": told(&loaded.warnings),
    }))?;
    Ok(if ok { Exit::Done } else { Exit::Failed })
}

fn fine(settings: &Settings, warnings: usize) -> Outcome {
    let path = settings.config_path.display();
    let store = settings.store_path.display();
    if !settings.config_exists {
        output::data(&format!(
            "there is no `{path}`: the defaults hold, store `{store}`"
        ))?;
        return Ok(Exit::Done);
    }
    let own = |what: &str, names: &[String]| match names {
        [] => format!("no {what} of your own"),
        names => format!("{what} {}", names.join(", ")),
    };
    let (agents, vendors) = (
        own("agents", &settings.declared_agents),
        own("vendors", &settings.declared),
    );
    let discord = settings.discord.as_ref().map_or_else(String::new, |discord| {
        format!(", Discord with the token from {}", discord.token.source())
    });
    let besides = match warnings {
        0 => String::new(),
        count => format!(", with {}", output::count(count as u64, "warning")),
    };
    output::data(&format!(
        "`{path}` is fine{besides}: {agents}, {vendors}, store `{store}`{discord}"
    ))?;
    Ok(Exit::Done)
}

/// What a configuration that is right may lack, or leaves to others.
fn say_what_lacks(settings: &Settings) {
    let lacks_a_model =
        |agent: &Agent| matches!(&agent.kind, AgentKind::Native(profile) if profile.model.is_none());
    if settings.config_exists && settings.agents.values().all(lacks_a_model) {
        output::say(
            "no agent has a model yet: set `model` in its table, or let people choose one with /model",
        );
    }
    // What an agent of somebody else offers is known only once it runs.
    for (id, channel) in settings.discord.iter().flat_map(|discord| &discord.channels) {
        let name = channel.agent.as_ref().unwrap_or(&settings.default_agent);
        let is_others = |agent: &Agent| matches!(agent.kind, AgentKind::External { .. });
        if let Some(model) = &channel.model
            && settings.agents.get(name).is_some_and(is_others)
        {
            output::say(&format!(
                "[discord.channels.{id}] wants the model `{model}` of `{name}`, which is no agent of this host's own: it is told so, \
                 and a thread says if it does not take it"
            ));
        }
    }
}
