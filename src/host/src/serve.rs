//! A running host: its parts started in order, and ended in the opposite one.

use std::path::PathBuf;
use std::time::Duration;

use chat::origins::Origins;
use chat::{discord, web};
use conversation::Conversation;
use credentials::{Credentials, LONGEST_SIGN_IN};
use supervisor::{Limits, Supervisor, longest_drain};

use crate::arguments::Up;
use crate::config::Settings;
use crate::control::Control;
use crate::failure::{Exit, Failure, Outcome};
use crate::guard::Guard;
use crate::running::HostLock;
use crate::signals::Signals;
use crate::{assembly, bot_token, descriptors, exposure, log, lost, output, owner, service_manager, thrift};

mod answers;
mod connection;
mod page;

/// How long running turns may go on after the first signal, if the configuration does not say.
pub(crate) const DRAIN: Duration = Duration::from_secs(2);

/// Service managers are told to wait so long after the signal, before they kill.
const SERVICE_MANAGER_WAITS: Duration = Duration::from_secs(35);

const _: () = {
    let drain = longest_drain(DRAIN, Limits::GRACE);
    // Both front-ends end at the same time.
    let (web, discord) = (web::Server::LONGEST_SHUTDOWN, discord::Server::LONGEST_SHUTDOWN);
    let longest = if web.as_millis() > discord.as_millis() {
        web
    } else {
        discord
    };
    let whole = drain.saturating_add(longest);
    assert!(whole.as_millis() <= SERVICE_MANAGER_WAITS.as_millis());
    // It is waited for while the supervisor drains.
    assert!(LONGEST_SIGN_IN.as_millis() <= drain.as_millis());
};

/// The program beside this one that serves threads.
const WORKER: &str = "agent-host-worker";

/// `up`.
pub(crate) fn run(asked: &Up, mut settings: Settings) -> Outcome {
    if let Some(listen) = asked.listen {
        settings.web.listen = listen;
    }
    let lock = HostLock::take(&settings.state_folder)?;
    log::start(&settings.log_filter);
    assembly::run_on_all_cores(async move {
        let mut signals = Signals::listen()?;
        let credentials = assembly::credentials(&settings)?;
        owner::refuse_foreign_logins(&credentials)?;
        let Some(running) = Running::start_unless(&mut signals, &settings, credentials, lock).await? else {
            return Ok(Exit::Done);
        };
        running.tell_way_in()?;
        service_manager::tell_ready();
        output::say("stop with Ctrl-C");
        if let Some(discord) = &settings.discord {
            output::say(&format!(
                "connecting to Discord with the token from {}",
                discord.token.source()
            ));
        }
        running.until_stopped(signals).await
    })
}

/// Everything that runs. Ends with `until_stopped`.
#[derive(Debug)]
pub(crate) struct Running {
    supervisor: Supervisor,
    credentials: Credentials,
    web: web::Server,
    discord: Option<discord::Server>,
    control: Control,
    guard: Option<Guard>,
    lock: HostLock,
    drain: Duration,
}

impl Running {
    /// Starts all parts; `None` where a signal came first. What an earlier host left can take long to end.
    pub(crate) async fn start_unless(
        signals: &mut Signals,
        settings: &Settings,
        credentials: Credentials,
        lock: HostLock,
    ) -> Result<Option<Self>, Failure> {
        tokio::select! {
            biased;
            () = signals.next() => {
                output::say("stopped before it had begun with anything");
                Ok(None)
            }
            started = Self::start(settings, credentials, lock) => started.map(Some),
        }
    }

    /// Starts all parts. Cancelled, it is as if it had been killed: all that it has done is undone by the next start.
    async fn start(settings: &Settings, credentials: Credentials, lock: HostLock) -> Result<Self, Failure> {
        let state = &settings.state_folder;
        refuse_open_secrets(settings)?;
        warn_of_others(settings);
        let open_files = descriptors::raise();
        lost::refuse_or_warn(state)?;
        let (conversation, found) = Conversation::open(state)?;
        let guard = Guard::start(state, &settings.store_path, &settings.web.secret_files);
        let config = supervisor::Config {
            state_folder: state.clone(),
            workspaces: settings.workspaces.clone(),
            worker_program: worker_program()?,
            agents: settings.agents.clone(),
            default_agent: settings.default_agent.clone(),
            dispatch: settings.dispatch,
            limits: Limits {
                open_files,
                ..settings.limits.clone()
            },
        };
        let (outbox, origins) = (conversation.clone(), Origins::default());
        let supervisor = Supervisor::start(config, conversation, found, credentials.clone()).await?;
        let house = discord::House {
            state_folder: state.clone(),
            supervisor: supervisor.clone(),
            conversation: outbox,
            credentials: credentials.clone(),
            agent: settings.default_agent.clone(),
            dispatch: settings.dispatch,
            origins: origins.clone(),
        };
        let web = settings.web_config(origins);
        let web = match web::Server::start(web, supervisor.clone(), credentials.clone()).await {
            Ok(web) => web,
            Err(error) => {
                supervisor.drain(Duration::ZERO).await;
                return Err(Failure::web(error));
            }
        };
        let discord = match start_discord(settings, house).await {
            Ok(discord) => discord,
            Err(error) => {
                web.shutdown().await;
                supervisor.drain(Duration::ZERO).await;
                return Err(error);
            }
        };
        let doctor = discord.as_ref().map(discord::Server::doctor);
        let answerer = answers::answerer(supervisor.clone(), credentials.clone(), web.links(), doctor);
        let control = match Control::open(state, answerer) {
            Ok(control) => control,
            Err(error) => {
                web.shutdown().await;
                if let Some(discord) = discord {
                    discord.shutdown().await;
                }
                supervisor.drain(Duration::ZERO).await;
                let what = format!("could not open the control socket in `{}`", state.display());
                return Err(Failure::during(error, what));
            }
        };
        // Only now: a host that can't be reached must not have begun with anything.
        supervisor.go_on().await;
        if let Err(error) = lock.serves() {
            tracing::warn!(%error, "`status` may take another host for the one that ran last");
        }
        Ok(Self {
            supervisor,
            credentials,
            web,
            discord,
            control,
            guard,
            lock,
            drain: settings.drain,
        })
    }

    /// Says where the page is, and how to get in.
    pub(crate) fn tell_way_in(&self) -> Result<(), Failure> {
        let links = self.web.links();
        let link = links.new_link();
        if link.is_some() && service_manager::keeps_output() {
            // Who may read the journal need not be the administrator of the page.
            output::data(&format!("the page is at {}", links.base()))?;
            output::say(
                "`agent-host status`, as the user of this service, prints a link that lets one browser in",
            );
        } else if let Some(link) = link {
            output::data(&format!("open {link}"))?;
            output::say(
                "a button there lets one browser in, once, within ten minutes; `agent-host status` prints a new link",
            );
        } else {
            output::data(&format!("open {}", links.base()))?;
            output::say("the proxy there signs people in");
        }
        Ok(())
    }

    /// Serves until a signal comes, and ends everything: no new messages, then the turns, then the rest.
    pub(crate) async fn until_stopped(self, mut signals: Signals) -> Outcome {
        tokio::select! {
            () = signals.next() => {}
            () = thrift::give_back() => {}
            () = connection::tell(self.discord.as_ref().map(discord::Server::doctor)) => {}
        }
        output::say(&format!(
            "stopping: running turns may go on for {}; another Ctrl-C does not wait for them",
            humantime::format_duration(self.drain)
        ));
        let (supervisor, credentials) = (self.supervisor.clone(), self.credentials.clone());
        // The page stays until the turns have ended: their last words are read there.
        let in_order = async {
            tokio::join!(self.supervisor.drain(self.drain), sign_ins_end(&self.credentials));
            tokio::join!(self.web.shutdown(), async {
                if let Some(discord) = self.discord {
                    discord.shutdown().await;
                }
            });
        };
        tokio::select! {
            () = in_order => {}
            () = async {
                signals.again().await;
                output::say(
                    "ending at once: workers are killed; only a login that is being made, renewed or ended is waited for",
                );
                tokio::join!(supervisor.drain_at_once(), credentials.sign_ins_ended());
            } => {}
        }
        drop(self.control);
        drop(self.guard);
        drop(self.lock);
        output::say("stopped");
        Ok(Exit::Done)
    }
}

/// No sign-in is completed any more, and those whose code the vendor may have redeemed are stored.
async fn sign_ins_end(credentials: &Credentials) {
    let under_way = credentials.refuse_sign_ins();
    if under_way > 0 {
        output::say(&format!(
            "waiting for a sign-in or sign-out to finish ({under_way} under way), for at most {}",
            humantime::format_duration(LONGEST_SIGN_IN)
        ));
    }
    if tokio::time::timeout(LONGEST_SIGN_IN, credentials.sign_ins_ended())
        .await
        .is_err()
    {
        tracing::error!("a sign-in took longer than it may; what the vendor answers to it is lost");
    }
}

/// Discord's front-end, if there is a token for it.
async fn start_discord(
    settings: &Settings,
    house: discord::House,
) -> Result<Option<discord::Server>, Failure> {
    let Some(config) = settings.discord.clone() else {
        return Ok(None);
    };
    let token = bot_token::read(&config.token).await.map_err(|what| {
        Failure::words(format!("no token for Discord: {what}"))
            .hint("`agent-host doctor` tells when all is well; without `[discord]` there is only the page")
    })?;
    if let Some(exposure) = bot_token::exposure(&config.token) {
        output::say(&format!("warning: {exposure}: chmod 600 mends that"));
    }
    let started = discord::Server::start(config, token, house);
    started.map(Some).map_err(|error| Failure::of(error.into()))
}

impl Failure {
    /// Why the page did not start, or could not.
    pub(crate) fn web(error: web::StartError) -> Self {
        let hint = error.hint();
        Self::of(error.into()).hint(hint)
    }
}

/// Every cage shows the folders of the system. State or logins in one of them, away from the workspaces, would be shown.
pub(crate) fn refuse_open_secrets(settings: &Settings) -> Result<(), Failure> {
    let channels = settings
        .discord
        .iter()
        .flat_map(|discord| discord.channels.values());
    let roots: Vec<&PathBuf> = std::iter::once(&settings.workspaces)
        .chain(channels.filter_map(|channel| channel.workspace.as_ref()))
        .collect();
    let policies: Vec<cage::Policy> = roots
        .iter()
        .map(|root| cage::Policy {
            workspace: root.join("a-thread"),
            readable: settings.readable.clone(),
            without: vec![],
        })
        .collect();
    let of_the_host = [&settings.state_folder, &settings.store_path];
    let token = settings.discord.as_ref().and_then(|discord| discord.token.file());
    let given = of_the_host
        .into_iter()
        .chain(&settings.web.secret_files)
        .chain(token)
        .chain(&settings.service_credentials);
    for secret in given {
        let real = std::fs::canonicalize(secret).unwrap_or_else(|_| secret.clone());
        if policies.iter().any(|policy| policy.may_read(&real)) {
            return Err(Failure::words(format!(
                "every command of an agent could read `{}`: it lies in a folder of the system",
                real.display()
            ))
            .hint(
                "keep state, logins and secrets elsewhere, such as below /var/lib or a home folder (AGENT_HOST_HOME)",
            ));
        }
    }
    for (policy, own) in policies.iter().zip(&roots) {
        for other in roots.iter().filter(|other| other != &own) {
            let real = std::fs::canonicalize(other).unwrap_or_else(|_| (*other).clone());
            if policy.may_read(&real) {
                return Err(Failure::words(format!(
                    "every command of a thread in `{}` could read the workspaces in `{}`",
                    own.display(),
                    real.display()
                ))
                .hint("keep workspaces out of the system's folders, out of [cage] readable, and in one place each"));
            }
        }
    }
    Ok(())
}

/// Says what lets others in, or too much out, and is no reason not to start.
fn warn_of_others(settings: &Settings) {
    use std::os::unix::fs::PermissionsExt as _;
    let state = &settings.state_folder;
    if nix::unistd::geteuid().is_root() {
        output::say(
            "warning: this runs as root: what a command may do outside its fence, it may do as root; give it a user of its own",
        );
    }
    let mode = std::fs::metadata(state).map_or(0, |found| found.permissions().mode());
    if mode & 0o077 != 0 {
        output::say(&format!(
            "warning: other users of this machine may look into `{0}`: chmod 700 {0}",
            state.display()
        ));
    }
    for exposure in exposure::of_all(&settings.web.secret_files) {
        output::say(&format!("warning: {exposure}: chmod 600 mends that"));
    }
}

/// The worker program lies beside this one.
pub(crate) fn worker_program() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()
        .map_err(|error| Failure::during(error, "could not find this program's own file"))?;
    let program = own.with_file_name(WORKER);
    if program.is_file() {
        return Ok(program);
    }
    Err(Failure::words(format!("`{}` is missing", program.display()))
        .hint("both programs belong together: install or build them into one folder"))
}

#[cfg(test)]
mod tests {
    use super::SERVICE_MANAGER_WAITS;

    #[test]
    fn service_managers_are_told_to_wait_as_long_as_the_host_may_take() {
        let seconds = SERVICE_MANAGER_WAITS.as_secs();
        for (text, line) in [
            (
                include_str!("../../../deploy/agent-host.service"),
                format!("\nTimeoutStopSec={seconds}\n"),
            ),
            (
                include_str!("../../../deploy/compose.yaml"),
                format!("\n    stop_grace_period: {seconds}s\n"),
            ),
        ] {
            assert!(text.contains(&line), "{line}");
        }
    }
}
