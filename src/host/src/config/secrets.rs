//! Secrets that stand in the file itself, and names of variables that hold none: both work, and are hardly meant so.

use credentials::DeclaredVendor;

use super::document::Named;
use super::sections::{AgentSection, EnvironmentValue};
use super::variables::is_name;
use super::{Problem, Variables};

/// What stands written out for an agent of somebody else, and is a secret by its name. Never a value.
pub(super) fn written(agents: &[Named<AgentSection>]) -> impl Iterator<Item = Problem> {
    agents.iter().flat_map(|table| {
        let variables = table.declared.env.iter().flatten();
        let secrets = variables.filter(|(name, value)| match value {
            EnvironmentValue::Text(text) => is_secret(name) && !is_elsewhere(text),
            EnvironmentValue::FromEnvironment(_) => false,
        });
        secrets.map(|(name, _)| {
            let what = format!("{name} stands here in plain text, in a file that is shown, copied and backed up");
            let hint = format!(
                "`{name} = {{ from_env = \"{name}\" }}` takes it from a variable of that name where agent-host runs, or from a \
                 credential of its service"
            );
            table.place.problem(Some("env"), what).hint(hint)
        })
    })
}

/// Whether a variable of this name holds what nobody should see.
fn is_secret(name: &str) -> bool {
    let name = name.to_uppercase();
    let last = name.rsplit('_').next();
    matches!(last, Some("KEY" | "APIKEY" | "TOKEN" | "SECRET")) || name.contains("PASSWORD")
}

/// Whether a text only says where a secret is, or that there is none.
fn is_elsewhere(text: &str) -> bool {
    text.trim().is_empty() || text.starts_with('/')
}

/// The keys that the file names and that are not there: people may give their own, so a host does without.
pub(super) fn absent(vendors: &[Named<DeclaredVendor>], variables: &Variables) -> Vec<Problem> {
    let absent = vendors.iter().filter_map(|table| {
        let name = table.declared.key_env.as_deref().filter(|name| is_name(name))?;
        let what = format!(
            "{}: the host has no key for {}",
            variables.absence(name),
            table.name
        );
        let hint =
            "set it where agent-host runs; until then everybody needs a key of their own, given with /auth";
        let is_there = variables.secret(name).is_some();
        (!is_there).then(|| table.place.problem(Some("key_env"), what).hint(hint))
    });
    absent.collect()
}
