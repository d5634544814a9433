//! `demo`: a whole host on this machine, with a rehearsal vendor and model in place of real ones.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use contract::{Permissions, Profile, Provider};
use credentials::{Service, Vendors};
use rehearsal::{Config, Server, StartError};
use supervisor::{Agent, AgentKind};

use crate::arguments::Demo;
use crate::config::{DEFAULT_LISTEN, NATIVE, Notice, Settings, Shared, WebSettings, account};
use crate::failure::{Exit, Failure, Outcome};
use crate::running::{DEMO, HostLock};
use crate::serve::Running;
use crate::signals::Signals;
use crate::{assembly, log, output, storm};

/// The model's name; the rehearsal server answers to any.
const MODEL: &str = "rehearsal";

/// Above every page of the demo.
const NOTICE: &str = "This is a rehearsal: the vendor and the model are stand-ins on this machine.";

/// What the empty page offers: the model's own script.
const TRIALS: [(&str, &str); 3] = [
    ("run: ls -la", "run a command; it asks first"),
    ("write: notes.txt hello", "write a file in the thread’s workspace"),
    ("stream 300 words", "watch a long answer arrive"),
];

/// Runs until a signal ends it.
pub(crate) fn run(asked: &Demo, settings: Settings) -> Outcome {
    if let Some(processes) = asked.storm {
        return storm::run(processes);
    }
    let mut settings = self::settings(settings);
    settings.web.notice = Some(NOTICE.to_owned());
    settings.web.trials = TRIALS
        .map(|(text, what)| (text.to_owned(), what.to_owned()))
        .to_vec();
    if let Some(listen) = asked.listen {
        settings.web.listen = listen;
    }
    let lock = HostLock::take(&settings.state_folder)?;
    log::start(&settings.log_filter);
    let ttl = Duration::from_secs(asked.access_ttl);
    assembly::run_on_all_cores(async move {
        let mut signals = Signals::listen()?;
        let vendor = start_vendor(&settings, ttl).await?;
        settings.vendors = Vendors::builtin(Some(vendor.url()));
        use_vendor(&mut settings, &vendor)?;
        let credentials = assembly::credentials(&settings)?;
        let Some(running) = Running::start_unless(&mut signals, &settings, credentials, lock).await? else {
            vendor.shutdown().await;
            return Ok(Exit::Done);
        };
        running.tell_way_in()?;
        output::say("everything stays on this machine; the model is a rehearsal; stop with Ctrl-C");
        let outcome = running.until_stopped(signals).await;
        vendor.shutdown().await;
        outcome
    })
}

/// The settings of the demo, whatever the configuration says of a real host. Where its vendor is, only a running one knows.
pub(crate) fn settings(mut settings: Settings) -> Settings {
    settings.is_demo = true;
    settings.state_folder.push(DEMO);
    settings.store_path = settings.state_folder.join("auth.json");
    settings.workspaces = settings.state_folder.join("workspaces");
    settings.web = WebSettings::of_this_machine();
    // Everything stays on this machine, whatever token is lying around.
    settings.discord = None;
    let profile = Profile {
        session_folder: PathBuf::new(),
        provider: Provider::OpenaiResponses,
        base_url: format!("http://{DEFAULT_LISTEN}/v1")
            .parse()
            .expect("a literal address is valid"),
        model: Some(MODEL.to_owned()),
        account: None,
        permissions: Permissions::Ask,
        without_layers: settings.without_layers.clone(),
        readable: settings.readable.clone(),
        patience: contract::PATIENCE,
        ca_file: None,
        context_tokens: None,
        model_calls: settings.model_calls,
        processes: settings.processes,
        instructions: None,
    };
    // The only agent is the built-in one, with the rehearsal model.
    settings.agents = [(
        NATIVE.to_owned(),
        Agent {
            title: "rehearsal agent".to_owned(),
            kind: AgentKind::Native(Box::new(profile)),
        },
    )]
    .into();
    settings.declared_agents = vec![];
    settings.default_agent = String::from(NATIVE);
    settings
}

/// The rehearsal vendor and model. It remembers its logins, as a real one would.
async fn start_vendor(settings: &Settings, access_ttl: Duration) -> Result<Server, Failure> {
    let config = |listen: SocketAddr| Config {
        listen,
        access_ttl,
        memory: Some(settings.state_folder.join("rehearsal-vendor.json")),
        ..Config::default()
    };
    // Where it was, so that links that were given go on working; first at a fixed port; where that is taken at any other.
    let fixed = DEFAULT_LISTEN;
    let any = SocketAddr::new(fixed.ip(), 0);
    let before = Notice::read(&settings.state_folder).and_then(|notice| notice.port());
    let before = before.map(|port| SocketAddr::new(fixed.ip(), port));
    let mut started = Server::start(config(before.unwrap_or(fixed))).await;
    for next in [fixed, any] {
        if matches!(started, Err(StartError::Bind { .. })) {
            started = Server::start(config(next)).await;
        }
    }
    let server = started.map_err(|error| Failure::during(error, "could not start the rehearsal vendor"))?;
    if let Err(error) = Notice::leave(&settings.state_folder, server.url()) {
        tracing::warn!(%error, "could not note where the rehearsal vendor is; links to it end with this demo");
    }
    Ok(server)
}

/// Tells the agent where the model is, and who is asked for logins.
fn use_vendor(settings: &mut Settings, server: &Server) -> Result<(), Failure> {
    let vendor = settings.vendors.get(&Service::parse("rehearsal")?)?;
    let shared = Shared {
        vendors: &settings.vendors,
        store: settings.store_path.clone(),
        allow_network_filesystem: settings.allow_network_filesystem,
        without_layers: settings.without_layers.clone(),
        readable: settings.readable.clone(),
        model_calls: settings.model_calls,
        processes: settings.processes,
    };
    let account = account(&vendor, &shared);
    let base_url = server
        .url()
        .join("v1")
        .map_err(|error| Failure::during(error, "could not name the rehearsal model's address"))?;
    for agent in settings.agents.values_mut() {
        if let AgentKind::Native(profile) = &mut agent.kind {
            profile.account = Some(account.clone());
            profile.base_url = base_url.clone();
        }
    }
    Ok(())
}
