//! The agents: whether each could serve a thread.

use credentials::{Credentials, Owner, Tenant};
use supervisor::{Agent, AgentKind};

use super::Check;
use crate::config::Settings;
use crate::failure::sign_in_command;

const NAME: &str = "agents";

/// Which agents could not serve a thread, and what they lack.
pub(super) fn check(settings: &Settings, credentials: &Credentials) -> Check {
    let findings = settings
        .agents
        .iter()
        .flat_map(|(name, agent)| of(name, agent, settings, credentials))
        .collect();
    let names: Vec<&str> = settings.agents.keys().map(String::as_str).collect();
    Check::worst(
        NAME,
        findings,
        format!(
            "{}; new threads get `{}`",
            names.join(", "),
            settings.default_agent
        ),
    )
}

fn of(name: &str, agent: &Agent, settings: &Settings, credentials: &Credentials) -> Vec<Check> {
    let mut findings = Vec::new();
    // Only the agent of new threads is needed; another may wait for its day. And who has configured none may only want
    // the credentials.
    let tell = |what: String, hint: String| {
        if name == settings.default_agent && !settings.declared_agents.is_empty() {
            Check::fail(NAME, what).hint(hint)
        } else {
            Check::warn(NAME, what).hint(hint)
        }
    };
    match &agent.kind {
        AgentKind::Native(profile) => {
            if profile.model.is_none() {
                findings.push(tell(
                    format!("agent `{name}` has no model"),
                    format!("set `model` in `[agents.{name}]`, or choose one per thread with /model"),
                ));
            }
            let Some(account) = &profile.account else {
                return findings;
            };
            let host = Tenant {
                service: account.service.clone(),
                owner: Owner::Host,
            };
            let stored = credentials.store().entry(&host).ok().flatten().is_some();
            if account.host_key.is_none() && account.host_token.is_none() && !stored {
                findings.push(
                    Check::warn(
                        NAME,
                        format!(
                            "agent `{name}` uses {}, and the host has no login or key for it: everybody must sign in with /auth",
                            account.service
                        ),
                    )
                    .hint(format!("`{}` signs the host in", sign_in_command(&host))),
                );
            }
        }
        AgentKind::External { command, .. } => {
            let program = command.first().map(String::as_str).unwrap_or_default();
            if !is_there(program) {
                findings.push(tell(
                    format!("agent `{name}` runs `{program}`, which is not there"),
                    "install it, or write its whole path".to_owned(),
                ));
            }
        }
    }
    findings
}

/// Whether a program can be found the way it will be looked for.
fn is_there(program: &str) -> bool {
    if program.contains('/') {
        return std::path::Path::new(program).is_file();
    }
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}
