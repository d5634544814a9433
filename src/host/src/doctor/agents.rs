//! The agents: whether each could serve a thread.

use std::collections::BTreeMap;

use credentials::{Owner, Tenant, TenantHealth};
use supervisor::{Agent, AgentKind, Unfit};
use tokio::task::JoinSet;

use super::Check;
use crate::assembly;
use crate::config::{Loaded, Problem, Settings};
use crate::failure::{Failure, sign_in_command};
use crate::running::HostLock;

const NAME: &str = "agents";

/// Which agents could not serve a thread, and what they lack. `logins` are those that are stored, if that is known.
pub(super) fn check(loaded: &Loaded, logins: Option<&[TenantHealth]>) -> Result<Check, Failure> {
    let settings = &loaded.settings;
    let refusals = assembly::run(async { Ok(try_external(settings).await) })?;
    // The built-in agent is always there, also where nobody has asked for it.
    let is_meant = |name: &String| *name == settings.meant_agent || settings.declared_agents.contains(name);
    let tried = settings
        .agents
        .iter()
        .filter(|(name, _)| is_meant(name))
        .flat_map(|(name, agent)| of(name, agent, refusals.get(name), settings, logins));
    let findings = left_out(loaded).into_iter().chain(tried).collect();
    let names: Vec<&str> = settings.agents.keys().map(String::as_str).collect();
    Ok(Check::worst(
        NAME,
        findings,
        format!("{}; new threads get `{}`", names.join(", "), settings.meant_agent),
    ))
}

/// Agents that the file declares, and that are not there: what is wrong with their tables is told of the file.
fn left_out(loaded: &Loaded) -> Option<Check> {
    let settings = &loaded.settings;
    let declared = settings.declared_agents.iter();
    let names: Vec<String> = declared
        .filter(|name| !settings.agents.contains_key(*name))
        .map(|name| format!("`{name}`"))
        .collect();
    if names.is_empty() {
        return None;
    }
    let names = names.join(", ");
    let hint = "the check `config` says what is wrong";
    // Secrets of a service are hidden from the shell of who looks after it.
    let is_hidden = !loaded.problems.iter().any(Problem::concerns_all);
    if is_hidden && HostLock::holder(&settings.state_folder).is_some() {
        let what = format!("{names} could not be tried: the host that runs has what is hidden from here");
        return Some(Check::warn(NAME, what).hint(hint));
    }
    let what = format!(
        "no host would start: {names} of `[agents]` can't be used; new threads are to get `{}`",
        settings.meant_agent
    );
    Some(Check::fail(NAME, what).hint(hint))
}

/// Opens a session of every external agent, all at once, and says why those could not serve a thread that could not.
async fn try_external(settings: &Settings) -> BTreeMap<String, Unfit> {
    let mut tries = JoinSet::new();
    for (name, agent) in &settings.agents {
        if let AgentKind::External { .. } = agent.kind {
            let (name, agent, limits) = (name.clone(), agent.clone(), settings.limits.clone());
            tries.spawn(async move {
                let refusal = match tempfile::tempdir() {
                    Ok(folder) => supervisor::probe(&name, &agent, folder.path(), &limits)
                        .await
                        .err(),
                    Err(error) => {
                        let words = format!("could not make a folder to try it in: {error}");
                        Some(Unfit::Program(words))
                    }
                };
                Some((name, refusal?))
            });
        }
    }
    tries.join_all().await.into_iter().flatten().collect()
}

/// That the agent has no model, and what to do.
pub(crate) fn without_model(name: &str, agent: &Agent) -> Option<(String, String)> {
    let AgentKind::Native(profile) = &agent.kind else {
        return None;
    };
    profile.model.is_none().then(|| {
        (
            format!("agent `{name}` has no model"),
            format!("set `model` in `[agents.{name}]`, or choose one per thread with /model"),
        )
    })
}

fn of(
    name: &str,
    agent: &Agent,
    refusal: Option<&Unfit>,
    settings: &Settings,
    logins: Option<&[TenantHealth]>,
) -> Vec<Check> {
    let mut findings = Vec::new();
    // Only the agent of new threads is needed; another may wait for its day. And who has configured none may only want
    // the credentials.
    let tell = |what: String, hint: String| {
        if name == settings.meant_agent && !settings.declared_agents.is_empty() {
            Check::fail(NAME, what).hint(hint)
        } else {
            Check::warn(NAME, what).hint(hint)
        }
    };
    match &agent.kind {
        AgentKind::Native(profile) => {
            if let Some((what, hint)) = without_model(name, agent) {
                findings.push(tell(what, hint));
            }
            let Some(account) = &profile.account else {
                return findings;
            };
            let host = Tenant {
                service: account.service.clone(),
                owner: Owner::Host,
            };
            let is_of_host = |login: &TenantHealth| {
                (&*login.service, &*login.owner) == (host.service.as_str(), host.owner.as_str())
            };
            // Nobody is told to sign in who may have done so.
            let stored = logins.is_none_or(|logins| logins.iter().any(is_of_host));
            if account.host_key.is_none() && account.host_token.is_none() && !stored {
                let vendor = settings.vendors.get(&account.service).ok();
                let variable = vendor.and_then(|vendor| vendor.environment.key_name.clone());
                let (unset, or) = variable.map_or_else(Default::default, |name| {
                    (
                        format!(" ({name} is not set)"),
                        format!(", or set {name} where the host runs"),
                    )
                });
                let hidden = if HostLock::holder(&settings.state_folder).is_some() {
                    " that could be seen from here"
                } else {
                    ""
                };
                findings.push(
                    Check::warn(
                        NAME,
                        format!(
                            "agent `{name}` uses {}, and the host has no login or key for it{unset}{hidden}: everybody must sign in with /auth",
                            account.service
                        ),
                    )
                    .hint(format!("`{}` signs the host in{or}", sign_in_command(&host))),
                );
            }
        }
        AgentKind::External { .. } => {
            let could_not = |why: &str| format!("agent `{name}` could not serve a thread: {why}");
            findings.extend(refusal.map(|refusal| match refusal {
                Unfit::Login(words) => Check::warn(NAME, format!("agent `{name}` needs a login: {words}"))
                    .hint("until then its threads are told the same"),
                Unfit::Refused(words) => tell(
                    could_not(words),
                    format!("these are the program's own words; its settings, or `env` in `[agents.{name}]`, may lack something"),
                ),
                Unfit::Program(words) => tell(
                    could_not(words),
                    format!(
                        "`command` in `[agents.{name}]` must be a program that is there and speaks the Agent Client Protocol \
                         on its standard input and output"
                    ),
                ),
            }));
        }
    }
    findings
}
