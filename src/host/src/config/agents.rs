//! Agents as the configuration declares them, put together with vendors and their secrets.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;

use contract::{Account, HostSecret, Permissions, Profile, Provider};
use credentials::{Environment, Service, UserId, Vendor, Vendors};
use secrecy::{ExposeSecret as _, SecretString};
use supervisor::{Agent, AgentKind};
use url::Url;

use super::document::{Named, TablePlace};
use super::sections::{AgentSection, EnvironmentValue, PermissionsName, ProviderName};
use super::variables::{NOT_A_NAME, is_name};
use super::{Places, Problem, Variables, ca_file};

/// The agent that is there without any configuration.
pub(crate) const NATIVE: &str = "native";

/// The service whose key an agent uses that names neither tenant nor server.
const DEFAULT_SERVICE: &str = "openai";

/// Stands in an agent's profile until a thread's owner is known.
const NOBODY: &str = "local:nobody";

/// What every native agent of this host shares.
#[derive(Debug)]
pub(crate) struct Shared<'a> {
    /// All vendors, with the host's secrets filled in.
    pub(crate) vendors: &'a Vendors,
    /// `auth.json`.
    pub(crate) store: PathBuf,
    /// Whether it may lie on a network file system.
    pub(crate) allow_network_filesystem: bool,
    /// Layers of the cage that this host does without.
    pub(crate) without_layers: Vec<cage::Layer>,
    /// Folders besides the system's that commands may read.
    pub(crate) readable: Vec<PathBuf>,
    /// Model calls in one turn.
    pub(crate) model_calls: NonZeroU32,
    /// Processes and threads of one command.
    pub(crate) processes: NonZeroU32,
}

/// Builds all agents; `native` is always among them.
pub(super) fn build(
    tables: Vec<Named<AgentSection>>,
    shared: &Shared<'_>,
    variables: &Variables,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Agent> {
    let mut agents = BTreeMap::new();
    for table in tables {
        let before = problems.len();
        let kind = if table.declared.command.is_some() {
            external(&table, variables, problems)
        } else {
            native(&table, shared, problems)
        };
        if let (Some(kind), true) = (kind, problems.len() == before) {
            let title = table.declared.title.clone().unwrap_or_else(|| table.name.clone());
            agents.insert(table.name, Agent { title, kind });
        }
    }
    agents.entry(NATIVE.to_owned()).or_insert_with(|| Agent {
        title: "built-in agent".to_owned(),
        kind: AgentKind::Native(Box::new(profile_for(&AgentSection::default(), shared, None))),
    });
    agents
}

/// Files that the tables name are relative to the configuration.
pub(super) fn find_files(tables: &mut [Named<AgentSection>], places: &Places) {
    for file in tables
        .iter_mut()
        .filter_map(|table| table.declared.ca_file.as_mut())
    {
        *file = places.beside_config(file);
    }
}

/// What works in the tables, and is hardly meant so. `asked`: somebody said which agent new threads get.
pub(super) fn hardly_meant(asked: bool, tables: &[Named<AgentSection>]) -> impl Iterator<Item = Problem> {
    let models = tables.iter();
    let unnamed = models.filter_map(|table| unnamed(table.declared.model.as_deref(), &table.place));
    undecided(asked, tables).into_iter().chain(unnamed)
}

/// A table for an agent that new threads don't get, where nobody said which they get and the one that they do has no model.
fn undecided(asked: bool, tables: &[Named<AgentSection>]) -> Option<Problem> {
    let native = tables.iter().find(|table| table.name == NATIVE);
    let has_model =
        native.is_some_and(|table| table.declared.model.is_some() || table.declared.command.is_some());
    let other = tables.iter().find(|table| table.name != NATIVE)?;
    let what = format!("new threads get `{NATIVE}`, which has no model");
    let hint = format!(
        "`default_agent = \"{}\"` above all tables gives them this one",
        other.name
    );
    (!asked && !has_model).then(|| other.place.problem(None, what).hint(hint))
}

/// The model that the examples name.
const EXAMPLE: &str = "the-name-of-a-model";

/// A model that is still the one of an example.
pub(super) fn unnamed(model: Option<&str>, place: &TablePlace) -> Option<Problem> {
    let what = format!("`{EXAMPLE}` stands for the name of one");
    let hint = "write the name by which the model's server knows it";
    (model == Some(EXAMPLE)).then(|| place.problem(Some("model"), what).hint(hint))
}

/// Checks the name of the agent of new threads. `declared` are those that have a table, also where it is wrong. Gives the one
/// that is there, and the one that is meant.
pub(super) fn default_agent(
    asked: Option<(String, TablePlace)>,
    agents: &BTreeMap<String, Agent>,
    declared: &[String],
    problems: &mut Vec<Problem>,
) -> (String, String) {
    let native = || NATIVE.to_owned();
    let Some((name, place)) = asked else {
        return (native(), native());
    };
    if agents.contains_key(&name) {
        return (name.clone(), name);
    }
    // What is wrong with its table was told.
    if declared.contains(&name) {
        return (native(), name);
    }
    let known: Vec<&str> = agents.keys().map(String::as_str).collect();
    problems.push(
        place
            .problem(None, format!("there is no agent `{name}`"))
            .hint(format!(
                "known: {}; a new one is a table `[agents.{name}]`",
                known.join(", ")
            )),
    );
    (native(), native())
}

fn external(
    table: &Named<AgentSection>,
    variables: &Variables,
    problems: &mut Vec<Problem>,
) -> Option<AgentKind> {
    let section = &table.declared;
    for (key, is_there) in [
        ("tenant", section.tenant.is_some()),
        ("provider", section.provider.is_some()),
        ("base_url", section.base_url.is_some()),
        ("model", section.model.is_some()),
        ("patience", section.patience.is_some()),
        ("ca_file", section.ca_file.is_some()),
        ("context_tokens", section.context_tokens.is_some()),
        ("permissions", section.permissions.is_some()),
        ("instructions", section.instructions.is_some()),
    ] {
        if is_there {
            problems.push(table.place.problem(
                Some(key),
                "has no meaning beside `command`: an external agent brings its own",
            ));
        }
    }
    let command = section
        .command
        .clone()
        .filter(|words| words.first().is_some_and(|program| !program.trim().is_empty()));
    if command.is_none() {
        problems.push(
            table
                .place
                .problem(Some("command"), "names no program")
                .hint("as in [\"codex-acp\"]"),
        );
    }
    let mut environment = BTreeMap::new();
    for (name, value) in section.env.iter().flatten() {
        match value {
            EnvironmentValue::Text(text) => {
                environment.insert(name.clone(), text.clone());
            }
            EnvironmentValue::FromEnvironment(from) if !is_name(from) => problems.push(
                table
                    .place
                    .problem(Some("env"), format!("the `from_env` of {name} {NOT_A_NAME}"))
                    .hint("a secret itself does not belong in this file"),
            ),
            EnvironmentValue::FromEnvironment(from) => match variables.secret(from) {
                Some(secret) => {
                    environment.insert(name.clone(), secret.expose_secret().to_owned());
                }
                None => problems.push(
                    table
                        .place
                        .problem(Some("env"), variables.absence(from))
                        .hint("set it where agent-host runs")
                        .only_for_a_host(),
                ),
            },
        }
    }
    Some(AgentKind::External {
        command: command?,
        environment,
    })
}

fn native(
    table: &Named<AgentSection>,
    shared: &Shared<'_>,
    problems: &mut Vec<Problem>,
) -> Option<AgentKind> {
    let section = &table.declared;
    let place = &table.place;
    if section.env.is_some() {
        problems.push(place.problem(Some("env"), "has no meaning without `command`"));
    }
    let service = service_name(section);
    let vendor = match service.as_deref().map(|name| vendor(name, shared.vendors)) {
        None => None,
        Some(Ok(vendor)) => Some(vendor),
        Some(Err(what)) => {
            let known: Vec<&str> = shared
                .vendors
                .iter()
                .map(|vendor| vendor.service.as_str())
                .collect();
            problems.push(place.problem(Some("tenant"), what).hint(format!(
                "known: {}; any other is a table `[vendors.NAME]`",
                known.join(", ")
            )));
            return None;
        }
    };
    let base_url = section
        .base_url
        .clone()
        .or_else(|| default_base_url(service.as_deref()));
    match &base_url {
        None => problems.push(
            place
                .problem(None, "`base_url` is missing: no default is known for this tenant")
                .hint("as in \"https://api.openai.com/v1\""),
        ),
        Some(url) if !matches!(url.scheme(), "http" | "https") => {
            problems.push(place.problem(Some("base_url"), "must be an http or https address"));
        }
        Some(url) if vendor.is_some() && !credentials::is_safe(url) => problems.push(
            place
                .problem(Some("base_url"), "must be https: a credential is sent there")
                .hint("plain http is accepted for this machine, and for servers without `tenant`"),
        ),
        Some(_) => {}
    }
    if section
        .model
        .as_deref()
        .is_some_and(|model| model.trim().is_empty())
    {
        problems.push(place.problem(Some("model"), "is empty"));
    }
    problems.extend(ca_file::fault(section.ca_file.as_deref(), place));
    base_url
        .is_some()
        .then(|| AgentKind::Native(Box::new(profile_for(section, shared, vendor.as_deref()))))
}

/// The tenant that is written, or the default one where no server is named either.
fn service_name(section: &AgentSection) -> Option<String> {
    match (&section.tenant, &section.base_url) {
        (Some(tenant), _) => Some(tenant.clone()),
        (None, None) => Some(DEFAULT_SERVICE.to_owned()),
        (None, Some(_)) => None,
    }
}

fn vendor(name: &str, vendors: &Vendors) -> Result<std::sync::Arc<Vendor>, String> {
    let service = Service::parse(name).map_err(|error| error.to_string())?;
    vendors.get(&service).map_err(|gap| gap.to_string())
}

/// Where a vendor's models answer, unless the configuration says otherwise.
fn default_base_url(service: Option<&str>) -> Option<Url> {
    let known = match service? {
        "openai" => "https://api.openai.com/v1",
        _ => return None,
    };
    Some(Url::parse(known).expect("a literal address is valid"))
}

/// The profile of a native agent; session folder and owner are filled in per thread.
fn profile_for(section: &AgentSection, shared: &Shared<'_>, vendor: Option<&Vendor>) -> Profile {
    let service = service_name(section);
    let default_vendor;
    let vendor = match (vendor, &service) {
        (None, Some(name)) => {
            default_vendor = self::vendor(name, shared.vendors).ok();
            default_vendor.as_deref()
        }
        (vendor, _) => vendor,
    };
    let base_url = section
        .base_url
        .clone()
        .or_else(|| default_base_url(service.as_deref()))
        .or_else(|| default_base_url(Some(DEFAULT_SERVICE)))
        .expect("the default service has an address");
    Profile {
        session_folder: PathBuf::new(),
        provider: provider(section.provider, vendor.is_some()),
        base_url,
        model: section.model.clone(),
        account: vendor.map(|vendor| account(vendor, shared)),
        permissions: match section.permissions {
            None | Some(PermissionsName::Ask) => Permissions::Ask,
            Some(PermissionsName::Allow) => Permissions::Allow,
            Some(PermissionsName::Deny) => Permissions::Deny,
        },
        without_layers: shared.without_layers.clone(),
        readable: shared.readable.clone(),
        patience: section.patience.map_or(contract::PATIENCE, |span| span.0),
        ca_file: section.ca_file.clone(),
        context_tokens: section.context_tokens,
        model_calls: shared.model_calls,
        processes: shared.processes,
        instructions: section.instructions.clone(),
    }
}

/// Servers of one's own mostly speak Chat Completions; those that one signs in to, Responses.
fn provider(asked: Option<ProviderName>, has_account: bool) -> Provider {
    match asked {
        Some(ProviderName::OpenaiResponses) => Provider::OpenaiResponses,
        None if has_account => Provider::OpenaiResponses,
        Some(ProviderName::OpenaiChat) | None => Provider::OpenaiChat,
    }
}

/// What a worker needs to get this vendor's token.
pub(crate) fn account(vendor: &Vendor, shared: &Shared<'_>) -> Account {
    let Environment {
        key_name,
        key,
        token_name,
        token,
        ..
    } = &vendor.environment;
    Account {
        store: shared.store.clone(),
        allow_network_filesystem: shared.allow_network_filesystem,
        service: vendor.service.clone(),
        title: vendor.title.clone(),
        owner: UserId::parse(NOBODY).expect("a literal user id is valid"),
        endpoint: vendor.endpoint.clone(),
        rejection_codes: vendor.rejection_codes.clone(),
        host_key: host_secret(key_name.as_deref(), key.as_ref()),
        host_token: host_secret(token_name.as_deref(), token.as_ref()),
    }
}

fn host_secret(variable: Option<&str>, value: Option<&SecretString>) -> Option<HostSecret> {
    Some(HostSecret {
        variable: variable?.to_owned(),
        value: value?.clone(),
    })
}
