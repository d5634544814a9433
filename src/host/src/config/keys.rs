//! Keys and tokens in the environment that an agent of this host would send, and that can't be sent.

use std::collections::BTreeSet;

use credentials::Vendors;
use supervisor::{Agent, AgentKind};

use super::{Problem, Variables};

/// What is wrong with them, each variable once; never a value. `agents` are those that somebody means to use.
pub(super) fn check<'a>(
    agents: impl Iterator<Item = &'a Agent>,
    vendors: &Vendors,
    variables: &Variables,
) -> Vec<Problem> {
    let account = |agent: &'a Agent| match &agent.kind {
        AgentKind::Native(profile) => profile.account.as_ref(),
        AgentKind::External { .. } => None,
    };
    let services = agents.filter_map(account).map(|account| &account.service);
    let vendors = services.filter_map(|service| vendors.get(service).ok());
    let names: BTreeSet<String> = vendors
        .flat_map(|vendor| {
            [
                vendor.environment.key_name.clone(),
                vendor.environment.token_name.clone(),
            ]
        })
        .flatten()
        .collect();
    let problem = |name: &String| {
        let what = variables.unsendable(name)?;
        let hint = "set it to the key alone, one word of visible characters";
        let problem = Problem::of_variable(name, format!("holds {what}, which no HTTP header can carry"));
        Some(problem.hint(hint).only_for_a_host())
    };
    names.iter().filter_map(problem).collect()
}
